// Package mutants holds implementations that are wrong on purpose, and says which requirements each one breaks. They
// prove that the specs can fail. A mutant is a small change at one seam of the reference and never a copy of it.
package mutants

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// Mutant is one defect.
type Mutant struct {
	// Name is a slug, unique in the role.
	Name string
	// Role is the role that the defect is in.
	Role contract.Role
	// Defect says in a sentence what is wrong.
	Defect string
	// Seen says where the defect was seen in public; empty where it was thought up.
	Seen string
	// Breaks are the requirements whose specs must go red: exactly these. A star stands for one part of an id.
	Breaks []string
	// May are further requirements that may go red or not, because it hangs on the texts that were generated.
	May []string
	// Blinds are the requirements that may be untestable because of the defect.
	Blinds []string
	// Edition is the edition that the defect shows in; empty means the default one. Mutants of the role relay alone have it.
	Edition string
	// Filter limits the specs that are run, where each costs a timeout; empty means all of them.
	Filter string
	// Cause is a part of what the harness must name as the cause; empty where it names none.
	Cause string

	apply func(*build)
	// relay is what apply is for the reference relay.
	relay func(*server.Parts)
}

// Mutate changes the parts of the reference relay; it is for mutants of the role relay.
func (m Mutant) Mutate(p *server.Parts) { m.relay(p) }

// build is the reference in pieces, for a mutant to change.
type build struct {
	edition  contract.Edition
	secret   string
	policy   reference.Policy
	handler  func(http.Handler) http.Handler
	listener func(net.Listener) net.Listener
}

// All returns every mutant.
func All() []Mutant {
	return slices.Concat(verifyMutants(), headerMutants(), deliveryMutants(), dedupeMutants(), metaMutants(), relayMutants())
}

// Get looks a mutant up by its role and name.
func Get(role contract.Role, name string) (Mutant, error) {
	var names []string
	for _, m := range All() {
		if m.Role != role {
			continue
		}
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Mutant{}, fmt.Errorf("unknown mutant %q of the role %s; there are %s", name, role, strings.Join(names, ", "))
}

// Start runs the mutant of a receiver or a meta-receiver on a free port of loopback and returns its target file, without secrets: see
// reference.WithSecrets.
func (m Mutant) Start(ctx context.Context, edition string) (*reference.Server, target.Config, error) {
	ed, err := contract.LoadEdition(edition)
	if err != nil {
		return nil, target.Config{}, err
	}
	policy, err := reference.CorrectFor(m.Role, ed)
	if err != nil {
		return nil, target.Config{}, err
	}
	b := &build{edition: ed, secret: reference.Secret, policy: policy}
	m.apply(b)
	var handler http.Handler = reference.NewReceiver(b.policy)
	if b.handler != nil {
		handler = b.handler(handler)
	}
	server, err := reference.Listen(ctx, handler, b.listener)
	if err != nil {
		return nil, target.Config{}, err
	}
	config := server.Config(m.Role, ed.ID)
	config.Name = "mutant " + m.Name
	return server, config, nil
}

// Expand returns the ids of a ledger that the patterns name. A pattern that matches nothing is an error: it would
// promise a catch that nobody checks.
func Expand(ledger contract.Ledger, patterns []string) ([]string, error) {
	var ids []string
	for _, pattern := range patterns {
		found := false
		for _, r := range ledger {
			if r.Spec != "" && matches(pattern, r.ID) {
				ids, found = append(ids, r.ID), true
			}
		}
		if !found {
			return nil, fmt.Errorf("%q matches no requirement that has a spec", pattern)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// matches compares part by part; a star stands for any one part, and at the end for any number of them.
func matches(pattern, id string) bool {
	want, got := strings.Split(pattern, "."), strings.Split(id, ".")
	for i, part := range want {
		if i >= len(got) || (part != "*" && part != got[i]) {
			return false
		}
	}
	return len(want) == len(got) || want[len(want)-1] == "*"
}

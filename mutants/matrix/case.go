// Package matrix runs the suites against every mutant, every unusual but correct implementation and the references, and
// judges the suites by it: a mutant that is not caught by exactly what it breaks, or a right implementation that is blamed,
// is a fault of theirs. What the specs are is decided in suites, what is wrong with a mutant in mutants.
package matrix

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/suites"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// Case is one run of a suite: against the reference, against a mutant, or against a correct implementation. Mutant and
// Correct are both nil for the reference.
type Case struct {
	Role    contract.Role
	Edition string
	// Filter is the label filter of the run.
	Filter  string
	Mutant  *mutants.Mutant
	Correct *mutants.Correct
}

// The kinds of cases, as they stand in a key.
const (
	kindReference = "reference"
	kindMutant    = "mutant"
	kindCorrect   = "correct"
)

// Key names the case; Find turns it back.
func (c Case) Key() string {
	kind, name := kindReference, c.Edition
	switch {
	case c.Mutant != nil:
		kind, name = kindMutant, c.Mutant.Name
	case c.Correct != nil:
		kind, name = kindCorrect, c.Correct.Name
	}
	return strings.Join([]string{kind, string(c.Role), name}, "/")
}

// roles are those that there is a reference of.
var roles = []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver, contract.RoleRelay}

// Cases returns every case: the references of all roles and editions, the correct implementations, and the mutants.
func Cases() ([]Case, error) {
	var all []Case
	editions, err := contract.Editions()
	if err != nil {
		return nil, err
	}
	for _, role := range roles {
		for _, edition := range editions {
			if role == contract.RoleMetaReceiver && edition.ID != contract.DefaultEdition {
				// Meta's contract is the same in all of Kirim's editions.
				continue
			}
			all = append(all, Case{Role: role, Edition: edition.ID})
		}
	}
	for _, c := range mutants.AllCorrect() {
		all = append(all, correctCase(c))
	}
	wrong, err := mutants.All()
	if err != nil {
		return nil, err
	}
	for _, m := range wrong {
		all = append(all, mutantCase(m))
	}
	return all, nil
}

// Find returns the case with this key.
func Find(key string) (Case, error) {
	kind, rest, _ := strings.Cut(key, "/")
	role, name, _ := strings.Cut(rest, "/")
	switch kind {
	case kindMutant:
		m, err := mutants.Get(contract.Role(role), name)
		return mutantCase(m), err
	case kindCorrect:
		c, err := mutants.GetCorrect(contract.Role(role), name)
		return correctCase(c), err
	case kindReference:
		c := Case{Role: contract.Role(role), Edition: name}
		if _, err := contract.LoadEdition(name); err != nil || slices.Contains(roles, c.Role) {
			return c, err
		}
	}
	return Case{}, fmt.Errorf("the matrix has no case %q; write one such as mutant/relay/no-jitter", key)
}

func mutantCase(m mutants.Mutant) Case {
	return Case{Role: m.Role, Edition: cmp.Or(m.Edition, contract.DefaultEdition), Filter: m.Filter, Mutant: &m}
}

func correctCase(c mutants.Correct) Case {
	return Case{Role: c.Role, Edition: cmp.Or(c.Edition, contract.DefaultEdition), Filter: c.Filter, Correct: &c}
}

const (
	// seed makes the same texts every time: which of them a mutant stumbles over must not be left to chance.
	seed = 1
	// observeTimeout is how long an effect may take. The references do their work before they answer, so an effect that is
	// not there at once never comes; only a queue takes a moment.
	observeTimeout = 300 * time.Millisecond
	// queueTimeout is the same for correct implementations, some of which work later.
	queueTimeout = 5 * time.Second
)

// Run runs the suite in this process, which it can do once, and returns what it saw. Specs of blunt pass whatever they see.
func (c Case) Run(ctx context.Context, blunt ...string) (seen Observation, err error) {
	opts := suites.Options{
		Version: "matrix", Command: "matrix", Seed: seed, Light: true, Blunt: blunt, Role: c.Role, Edition: c.Edition,
	}
	stop, err := c.prepare(ctx, &opts)
	if err != nil {
		return seen, err
	}
	defer func() { err = cmp.Or(err, stop()) }()
	session, err := suites.NewSession(opts)
	if err != nil {
		return seen, err
	}
	report, err := session.Run(c.Filter)
	if err != nil {
		return seen, err
	}
	return observe(c, session.Redactor().Report(report).Report()), nil
}

// prepare sets the system under test up. stop ends it.
func (c Case) prepare(ctx context.Context, opts *suites.Options) (stop func() error, err error) {
	none := func() error { return nil }
	if c.Role == contract.RoleRelay {
		switch {
		case c.Mutant != nil:
			opts.Mutate = c.Mutant.Mutate
		case c.Correct != nil:
			opts.Mutate, opts.HTTP2 = c.Correct.Mutate, c.Correct.HTTP2
		}
		return none, nil
	}
	var server *reference.Server
	var config target.Config
	timeout := observeTimeout
	switch {
	case c.Mutant != nil:
		server, config, err = c.Mutant.Start(ctx, c.Edition)
	case c.Correct != nil:
		server, config, err = c.Correct.Start(ctx, c.Edition)
		timeout = queueTimeout
	default:
		return none, nil
	}
	if err != nil {
		return nil, err
	}
	config.Observe.Timeout = timeout
	opts.Target, err = reference.WithSecrets(config).Resolve("matrix")
	return server.Close, err
}

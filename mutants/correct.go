package mutants

import (
	"context"
	"fmt"
	"slices"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// Correct is an implementation that is unusual and keeps the contract: a red line on one is a lie. It is the opposite of a
// Mutant, and changes the reference at the same seams.
type Correct struct {
	// Name is a slug, unique in the role.
	Name string
	Role contract.Role
	// Unusual are the properties that it has and the reference has not, each with what allows it.
	Unusual []string
	// Warns are the requirements, each a SHOULD, that it does not follow, because it reads the documentation otherwise.
	Warns []string
	// Edition is the edition that it keeps; empty means the default one.
	Edition string
	// Filter leaves specs out that look for what its form of test double cannot do; empty means none.
	Filter string
	// HTTP2 has the subscribers of a relay offer HTTP/2.
	HTTP2 bool

	apply func(*build)
	relay []func(*server.Parts)
}

// AllCorrect returns every one, of all roles.
func AllCorrect() []Correct {
	relays := correctRelays()
	for i := range relays {
		relays[i].Role = contract.RoleRelay
	}
	return slices.Concat(correctReceivers(), correctMetaReceivers(), relays)
}

// GetCorrect looks one up by its role and name.
func GetCorrect(role contract.Role, name string) (Correct, error) {
	all := AllCorrect()
	at := slices.IndexFunc(all, func(c Correct) bool { return c.Role == role && c.Name == name })
	if at < 0 {
		return Correct{}, fmt.Errorf("there is no unusual %s %q", role, name)
	}
	return all[at], nil
}

// Mutate makes the reference relay this one.
func (c Correct) Mutate(p *server.Parts) {
	for _, change := range c.relay {
		change(p)
	}
}

// Start runs the receiver or meta-receiver on a free port of loopback; see Mutant.Start.
func (c Correct) Start(ctx context.Context, edition string) (*reference.Server, target.Config, error) {
	return start(ctx, c.Role, edition, "unusual "+c.Name, c.apply)
}

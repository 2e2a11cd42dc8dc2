package mutants

import (
	"fmt"
	"net"
	"net/http"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// Receiver returns what serves the mutant of a receiver or a meta-receiver, which knows the references' secrets: its
// handler, and what goes around its listener, nil where nothing does.
func (m Mutant) Receiver(edition contract.Edition) (http.Handler, func(net.Listener) net.Listener, error) {
	handler, listener, err := assemble(m.Role, edition, m.apply)
	if err != nil {
		return nil, nil, fmt.Errorf("mutant %s: %w", m.Name, err)
	}
	return handler, listener, nil
}

// assemble puts the reference of a role together, with a change.
func assemble(role contract.Role, edition contract.Edition, change func(*build)) (http.Handler, func(net.Listener) net.Listener, error) {
	policy, err := reference.CorrectFor(role, edition)
	if err != nil {
		return nil, nil, err
	}
	b := &build{edition: edition, secret: reference.Secret, policy: policy}
	change(b)
	var handler http.Handler = reference.NewReceiver(b.policy)
	if b.handler != nil {
		handler = b.handler(handler)
	}
	return handler, b.listener, nil
}

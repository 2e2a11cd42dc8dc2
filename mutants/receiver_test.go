package mutants_test

import (
	"cmp"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mutants"
)

func TestEveryMutantOfAReceiverCanBeServed(t *testing.T) {
	all, err := mutants.All()
	if err != nil {
		t.Fatal(err)
	}
	served := 0
	for _, m := range all {
		edition, err := contract.LoadEdition(cmp.Or(m.Edition, contract.DefaultEdition))
		if err != nil {
			t.Fatal(err)
		}
		handler, _, err := m.Receiver(edition)
		if m.Role == contract.RoleRelay {
			if err == nil {
				t.Errorf("the relay %s is served as a receiver", m.Name)
			}
			continue
		}
		if err != nil || handler == nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		served++
	}
	if served == 0 {
		t.Error("there are no mutants of receivers")
	}
}

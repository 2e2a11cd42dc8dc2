package mutants

import (
	"slices"

	"github.com/kirimcheck/kirimcheck/contract"
)

// relayMutants are relays that are wrong: the emitter with one part replaced.
func relayMutants() []Mutant {
	all := slices.Concat(relayForwardingMutants(), relayManagementMutants(), relayRetryMutants(), relayOutcomeMutants(),
		relayFailureMutants(), relayCourseMutants(), relayAftermathMutants(), relayKirimdevMutants())
	for i := range all {
		all[i].Role = contract.RoleRelay
	}
	return all
}

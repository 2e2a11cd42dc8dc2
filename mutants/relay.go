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

// scoped limits those mutants to these specs that have no filter of their own.
func scoped(filter string, groups ...[]Mutant) []Mutant {
	all := slices.Concat(groups...)
	for i := range all {
		if all[i].Filter == "" {
			all[i].Filter = filter
		}
	}
	return all
}

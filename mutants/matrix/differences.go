package matrix

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/kirimcheck/kirimcheck/reports"
)

// Differences are the specs whose verdicts are not the same in every round. Each round holds the observations of the same
// cases in the same order.
func Differences(rounds [][]Observation) (all []string) {
	if len(rounds) < 2 {
		return nil
	}
	for i, first := range rounds[0] {
		for n, round := range rounds[1:] {
			before, now := verdicts(first), verdicts(round[i])
			for _, name := range slices.Sorted(maps.Keys(before)) {
				if now[name] != before[name] {
					all = append(all, fmt.Sprintf("%s: %s is %s in round 1 and %s in round %d",
						first.Key, name, before[name], cmp.Or(now[name], "not there"), n+2))
				}
			}
		}
	}
	return all
}

// verdicts are those of the specs of a run, by requirement and text.
func verdicts(o Observation) map[string]reports.Verdict {
	all := map[string]reports.Verdict{}
	for _, s := range o.Specs {
		all[s.Requirement+" ("+s.Spec+")"] = s.Verdict
	}
	return all
}

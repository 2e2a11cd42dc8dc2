package killmatrix

import (
	"strings"
	"testing"
)

func TestTheSummarySaysWhetherTheChecksHold(t *testing.T) {
	sound := Matrix{
		DurationMS: 61_000, Jobs: 8,
		Figures: Figures{
			Requirements: 3, Covered: 3, Specs: 5, Proven: 5, Mutants: 1000, Handmade: 400, Generated: 600, Killed: 999, Survivors: 1,
			Correct: 2,
		},
	}
	part, shut := sound, sound
	part.Selection = "relay/*"
	shut.Holes = []Hole{{Role: "relay", Spec: "jitters its delays", Change: "deleted"}}
	for range maxTold + 2 {
		shut.Problems = append(shut.Problems, "mutant/relay/a: relay.retry.jitter is not red")
	}
	for name, c := range map[string]struct {
		m    Matrix
		want []string
	}{
		"a whole one": {sound, []string{"The checks hold.\n", "3 of 3 broken", "5 of 5 turned red", "1000: 400 by hand, 600 generated; 999 killed (99.9 %)",
			"2 unusual implementations, 0 false alarms", "61 s with 8 processes", "  holes         0 specs whose deletion or weakening would go unnoticed\n", "\nreports  out/mutants.html\n"}},
		"a part": {part, []string{"The checks hold (a part of the matrix: relay/*).\n", "  holes         not looked for: "}},
		"one that is shut": {shut, []string{"The checks do not hold: 42 problems, 1 holes.\n", "relay.retry.jitter is not red", "and 2 more, in the files",
			`relay: nobody would notice that the spec "jitters its delays" was changed: deleted`}},
	} {
		var out strings.Builder
		if err := WriteSummary(&out, c.m, []string{"out/mutants.html"}); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, out.String())
			}
		}
	}
}

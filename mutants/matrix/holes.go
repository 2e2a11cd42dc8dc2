package matrix

import (
	"maps"
	"slices"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// The changes that holes tries.
const (
	deleted    = "deleted"
	alwaysPass = "passes always"
)

// holes takes each spec in turn out of what was seen, and then has it pass always, and returns those that the gate does not
// miss. What was seen stands for running everything again: a spec's verdict does not hang on those of others. It means
// nothing while the gate is shut.
func (b *board) holes() (found []killmatrix.Hole) {
	for _, id := range b.specs() {
		for _, change := range []string{deleted, alwaysPass} {
			if len(b.without(id, change).problems()) == 0 {
				found = append(found, killmatrix.Hole{Role: id.role, Spec: id.spec, Change: change})
			}
		}
	}
	return found
}

// without is the board of a suite in which a spec was changed.
func (b *board) without(id specID, change string) *board {
	other := *b
	other.cases = make([]*judged, len(b.cases))
	for i, j := range b.cases {
		other.cases[i] = j
		// Where the spec passed, nothing changes but in the references, which tell the specs there are.
		reference := j.Mutant == nil && j.Correct == nil
		if j.Role != id.role || (!reference && !slices.ContainsFunc(j.notPassed, id.is)) {
			continue
		}
		changed := *j
		changed.seen = j.seen.without(id, change)
		changed.judge()
		other.cases[i] = &changed
	}
	return &other
}

func (id specID) is(s Seen) bool { return s.Requirement == id.requirement && s.Spec == id.spec }

// without is the observation of a suite in which a spec was changed. The requirement's verdict is that of the specs it still
// has; a requirement without any is an error of the run, as reports.Build has it.
func (o Observation) without(id specID, change string) Observation {
	o.Specs = slices.Clone(o.Specs)
	if change == deleted {
		o.Specs = slices.DeleteFunc(o.Specs, id.is)
	} else {
		for i := range o.Specs {
			if id.is(o.Specs[i]) {
				o.Specs[i].Verdict = reports.Pass
			}
		}
	}
	var left []reports.Verdict
	for _, s := range o.Specs {
		if s.Requirement == id.requirement {
			left = append(left, s.Verdict)
		}
	}
	o.Requirements = maps.Clone(o.Requirements)
	if _, selected := o.Requirements[id.requirement]; selected {
		o.Requirements[id.requirement] = worst(left)
	}
	o.Outcome = outcomeOf(o.Requirements)
	return o
}

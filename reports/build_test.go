package reports

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
)

const (
	mustID   = "receiver.signature.stale.effect"
	secondID = "receiver.signature.genuine.status"
	shouldID = "receiver.answer.time"
)

// smallInput is a run of a ledger with two MUSTs, a SHOULD and an excluded row, all of the former selected.
func smallInput(results ...SpecResult) BuildInput {
	excluded := row(contract.Must, "receiver.answer.retention", "An event id is remembered.")
	excluded.Spec, excluded.Excluded = "", "It takes 31 hours."
	return BuildInput{
		Target: Target{Name: "t", Role: contract.RoleReceiver, Edition: "kckit"},
		Ledger: contract.Ledger{
			row(contract.Must, mustID, "Stale has no effect."), row(contract.Must, secondID, "Genuine is taken."),
			row(contract.Should, shouldID, "Answers are fast."), excluded,
		},
		Selected: []string{mustID, secondID, shouldID},
		Results:  results,
	}
}

func result(id string, v Verdict) SpecResult {
	return SpecResult{Requirement: id, Name: "spec of " + id, Verdict: v, Reason: "because"}
}

func allPass() []SpecResult {
	return []SpecResult{result(mustID, Pass), result(secondID, Pass), result(shouldID, Pass)}
}

func TestOutcome(t *testing.T) {
	with := func(id string, v Verdict) []SpecResult {
		results := allPass()
		for i := range results {
			if results[i].Requirement == id {
				results[i].Verdict = v
			}
		}
		return results
	}
	tests := map[string]struct {
		results  []SpecResult
		change   func(*BuildInput)
		want     Outcome
		headline string
	}{
		"all pass": {results: allPass(), want: Conformant,
			headline: "Conformant: 3 of 3 requirements met."},
		"a broken SHOULD does not make a run non-conformant": {results: with(shouldID, Fail), want: Conformant,
			headline: "Conformant: 2 of 3 requirements met, 1 warning."},
		"a broken MUST does": {results: with(mustID, Fail), want: NonConformant,
			headline: "Not conformant: 1 of 3 requirements broken."},
		"not applicable is no obstacle": {results: with(mustID, NotApplicable), want: Conformant,
			headline: "Conformant: 2 of 3 requirements met, 1 not applicable."},
		"untestable is never conformant": {results: with(mustID, Untestable), want: Incomplete,
			headline: "Incomplete: 1 of 3 requirements could not be checked; nothing is known to be broken."},
		"error is never conformant": {results: with(mustID, Error), want: Incomplete,
			headline: "Incomplete: 1 of 3 requirements could not be checked; nothing is known to be broken."},
		"a fail outweighs an error": {results: append(with(mustID, Fail), result(secondID, Error)), want: NonConformant,
			headline: "Not conformant: 1 of 3 requirements broken, and 1 could not be checked."},
		"an error of the run": {results: allPass(), change: func(in *BuildInput) { in.Errors = []string{"the clock stood still"} },
			want: Incomplete, headline: "Incomplete: the run had 1 error; nothing is known to be broken."},
		"a spec that never ran": {results: allPass()[:2], want: Incomplete,
			headline: "Incomplete: 1 of 3 requirements could not be checked; nothing is known to be broken."},
		"nothing selected": {change: func(in *BuildInput) { in.Selected, in.Filter = nil, "no-such-label" }, want: Incomplete,
			headline: "Incomplete: nothing was checked."},
		"everything declared not applicable": {change: func(in *BuildInput) {
			in.Selected, in.Results = []string{mustID}, []SpecResult{result(mustID, NotApplicable)}
		}, want: Incomplete, headline: "Incomplete: the run had 1 error; nothing is known to be broken (a selection: 1 of 3 requirements)."},
		"a selection": {change: func(in *BuildInput) {
			in.Selected, in.Results = []string{mustID}, []SpecResult{result(mustID, Pass)}
		}, want: Conformant, headline: "Conformant: 1 of 1 requirement met (a selection: 1 of 3 requirements)."},
		"an unreachable target": {change: func(in *BuildInput) { in.Unreachable = true }, want: Unreachable,
			headline: "Unreachable: no answer came from the target, so nothing was checked."},
		"a fail seen before the target went away": {results: with(mustID, Fail), change: func(in *BuildInput) { in.Unreachable = true },
			want: NonConformant, headline: "Not conformant: 1 of 3 requirements broken."},
		"an interruption outweighs conformance": {results: allPass(), change: func(in *BuildInput) { in.Interrupted = true },
			want: Interrupted, headline: "Interrupted: 3 of 3 requirements checked before the run was stopped."},
		"an interruption keeps the fail in sight": {results: with(mustID, Fail)[:1], change: func(in *BuildInput) { in.Interrupted = true },
			want: Interrupted, headline: "Interrupted: 1 of 3 requirements checked before the run was stopped, 1 of them broken."},
		"an interruption before anything": {change: func(in *BuildInput) { in.Interrupted, in.Unreachable = true, true },
			want: Interrupted, headline: "Interrupted: the run was stopped before anything was checked."},
		"a result of what was not selected": {results: append(allPass(), result("receiver.other.thing", Pass)), want: Incomplete,
			headline: "Incomplete: the run had 1 error; nothing is known to be broken."},
		"a selected id that the ledger does not have": {results: allPass(),
			change: func(in *BuildInput) { in.Selected = append(in.Selected, "receiver.other.thing") }, want: Incomplete,
			headline: "Incomplete: the run had 1 error; nothing is known to be broken."},
		"a selected id that no spec checks": {results: allPass(),
			change: func(in *BuildInput) { in.Selected = append(in.Selected, "receiver.answer.retention") }, want: Incomplete,
			headline: "Incomplete: the run had 1 error; nothing is known to be broken."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			in := smallInput(test.results...)
			if test.change != nil {
				test.change(&in)
			}
			r := Build(in)
			g.Expect(r.Outcome).To(Equal(test.want))
			g.Expect(r.Headline).To(Equal(test.headline))
			g.Expect(r.Counts).To(HaveLen(len(Verdicts())))
			total := 0
			for _, n := range r.Counts {
				total += n
			}
			g.Expect(total).To(Equal(len(r.Requirements)), "every requirement is counted once")
			if r.Outcome != Conformant && r.Outcome != NonConformant {
				g.Expect(len(r.Errors)+r.Counts[Untestable]+r.Counts[Error]).To(BeNumerically(">", 0), "the outcome has a visible cause")
			}
		})
	}
}

func TestTheWorstSpecDecides(t *testing.T) {
	order := []Verdict{Pass, NotApplicable, Warn, Untestable, Error, Fail}
	for i, worse := range order {
		for _, better := range order[:i+1] {
			g := NewWithT(t)
			r := Build(smallInput(result(mustID, worse), result(mustID, better)))
			g.Expect(r.Requirements[0].Verdict).To(Equal(worse), "%s beside %s", worse, better)
		}
	}
}

func TestSettledResults(t *testing.T) {
	tests := map[string]struct {
		give, want SpecResult
	}{
		"a spec that gave no verdict is no pass": {
			give: SpecResult{Requirement: mustID},
			want: SpecResult{Requirement: mustID, Verdict: Error, Reason: "the spec ended without a verdict"},
		},
		"an unknown word is no pass": {
			give: SpecResult{Requirement: mustID, Verdict: "PASS", Reason: "fine"},
			want: SpecResult{Requirement: mustID, Verdict: Error, Reason: "the spec ended without a verdict"},
		},
		"a fail of a SHOULD is a warning, and both sides are stated": {
			give: SpecResult{Requirement: shouldID, Verdict: Fail, Reason: "slow"},
			want: SpecResult{Requirement: shouldID, Verdict: Warn, Reason: "slow", Expected: "Answers are fast.", Seen: "slow"},
		},
		"a warning on a MUST is never made worse": {
			give: SpecResult{Requirement: mustID, Verdict: Warn, Reason: "r", Expected: "e", Seen: "s"},
			want: SpecResult{Requirement: mustID, Verdict: Warn, Reason: "r", Expected: "e", Seen: "s"},
		},
		"no bad verdict without a reason": {
			give: SpecResult{Requirement: mustID, Verdict: Untestable},
			want: SpecResult{Requirement: mustID, Verdict: Untestable, Reason: "the spec gave no reason"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := Build(smallInput(test.give))
			for _, req := range r.Requirements {
				if req.ID == test.give.Requirement {
					NewWithT(t).Expect(req.Specs).To(Equal([]SpecResult{test.want}))
					return
				}
			}
			t.Fatalf("no requirement %s in the report", test.give.Requirement)
		})
	}
}

func TestWhatTheReportLists(t *testing.T) {
	g := NewWithT(t)
	in := smallInput(result(mustID, Pass))
	in.Selected = []string{mustID, secondID}
	in.Ledger[0].Reading = "Q1"
	in.Readings = sampleReadings()
	r := Build(in)
	g.Expect(r.Requirements).To(HaveLen(2), "what was not selected is left out")
	g.Expect(r.Requirements[0].ID).To(Equal(mustID), "the order is the ledger's")
	g.Expect(r.Requirements[0].Reading).To(Equal("Q1: Is the delivery id new on every attempt? Yes; receivers must not dedupe on it."))
	g.Expect(r.Requirements[1].Specs).To(ConsistOf(HaveField("Reason", "no spec ran for it")))
	g.Expect(r.Selection).To(Equal(Selection{Selected: 2, Total: 3}))
	g.Expect(r.Excluded).To(ConsistOf(Exclusion{ID: "receiver.answer.retention", Sentence: "An event id is remembered.", Reason: "It takes 31 hours."}))
}

func TestAnUnreachableTargetIsOneError(t *testing.T) {
	tests := map[string]struct {
		errors []string
		want   string
	}{
		"no cause":     {nil, "the target t could not be reached"},
		"one cause":    {[]string{"connection refused"}, "connection refused"},
		"many of them": {[]string{"connection refused", "connection reset"}, "connection refused; connection reset"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			in := smallInput(result(mustID, Error), result(secondID, Untestable))
			in.Unreachable, in.Errors = true, test.errors
			r := Build(in)
			g.Expect(r.Errors).To(Equal([]string{test.want}))
			g.Expect(r.Requirements).To(BeEmpty())
			g.Expect(r.Counts).To(HaveEach(0))
		})
	}
}

func TestSpecsThatRanInParallelAreSorted(t *testing.T) {
	g := NewWithT(t)
	a, b := result(mustID, Pass), result(mustID, Pass)
	a.Name, b.Name = "a", "b"
	g.Expect(Build(smallInput(a, b))).To(Equal(Build(smallInput(b, a))))
}

package load

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/reports"
)

func TestOutcomes(t *testing.T) {
	held := Threshold{Expression: "p99 < 1s", Verdict: reports.Pass, Observed: of(40.0), Limit: 1000, Unit: Milliseconds}
	broken := Threshold{Expression: "errors < 1%", Verdict: reports.Fail, Observed: of(0.021), Limit: 0.01, Unit: Share, Reason: "r"}
	blind := Threshold{Expression: "p50{x} < 1s", Verdict: reports.Fail, Limit: 1000, Unit: Milliseconds, Reason: "no data"}
	good := func() *Result {
		return &Result{OfferedPerS: 100, AchievedPerS: 99.9, Counts: Counts{Planned: 1000, Sent: 1000, Succeeded: 999, Failed: 1},
			Latency: Latencies{Corrected: &Latency{Count: 1000, P99MS: of(41.5)}}}
	}
	silent := func() *Result { return &Result{Counts: Counts{Planned: 10, Sent: 10, Abandoned: 10}} }
	tests := map[string]struct {
		report   Report
		end      Ending
		want     Outcome
		headline string
	}{
		"all hold": {Report{Kind: KindRun, Result: good(), Thresholds: []Threshold{held}}, Finished, Met,
			"Met: the threshold holds: 1,000 deliveries sent, 99.9/s answered by 2xx, p99 41.5 ms, 1 failed."},
		"one of two is broken": {Report{Kind: KindRun, Result: good(), Thresholds: []Threshold{held, broken}}, Finished, NotMet,
			"Not met: 1 of 2 thresholds broken: errors < 1% (seen: 2.1 %)."},
		"a threshold without data is broken": {Report{Kind: KindRun, Result: good(), Thresholds: []Threshold{blind, held}}, Finished, NotMet,
			"Not met: 1 of 2 thresholds broken: p50{x} < 1s (seen: no data)."},
		"a threshold without a verdict is broken": {Report{Kind: KindRun, Result: good(), Thresholds: []Threshold{{Expression: "x"}}}, Finished, NotMet,
			"Not met: 1 of 1 threshold broken: x (seen: no data)."},
		"wrong signatures were refused": {Report{Kind: KindRun, Result: &Result{AchievedPerS: 8, Counts: Counts{Sent: 10, Succeeded: 8, Refused: 2}}}, Finished, Measured,
			"Measured, and not judged by any threshold: 10 deliveries sent, 8/s answered by 2xx, 2 with a wrong signature refused, 0 failed."},
		"no threshold": {Report{Kind: KindRun, Result: good()}, Finished, Measured,
			"Measured, and not judged by any threshold: 1,000 deliveries sent, 99.9/s answered by 2xx, p99 41.5 ms, 1 failed."},
		"invalid outweighs what holds": {Report{Kind: KindRun, Result: good(), Thresholds: []Threshold{held}, Invalid: []string{"the generator was busy."}}, Finished, Invalid,
			"Invalid: the generator was busy."},
		"invalid outweighs what is broken": {Report{Kind: KindRun, Result: good(), Thresholds: []Threshold{broken}, Invalid: []string{"the generator was busy"}}, Finished, Invalid,
			"Invalid: the generator was busy."},
		"nothing is known": {Report{Kind: KindRun, Result: silent(), Thresholds: []Threshold{held}}, Finished, Invalid,
			"Invalid: nothing was measured: no delivery came to an end that is known."},
		"there is no result": {Report{Kind: KindRun}, Finished, Invalid,
			"Invalid: nothing was measured: no delivery came to an end that is known."},
		"stopped": {Report{Kind: KindRun, Result: good(), Thresholds: []Threshold{held}, DurationMS: 12_300, PlannedMS: 60_000}, Stopped, Interrupted,
			"Interrupted after 12.3 s of 1m: 1,000 deliveries sent, 99.9/s answered by 2xx, p99 41.5 ms, 1 failed."},
		"stopped at once": {Report{Kind: KindRun, PlannedMS: 60_000}, Stopped, Interrupted, "Interrupted after 0 ms of 1m: nothing was sent."},
		"a search that was stopped": {Report{Kind: KindCapacity, Result: good(), DurationMS: 12_300, PlannedMS: 2000, Capacity: &Capacity{Statement: "No answer yet."}}, Stopped, Interrupted,
			"Interrupted after 12.3 s. No answer yet."},
		"never reached": {Report{Kind: KindRun, Thresholds: []Threshold{blind}}, NeverReached, Unreachable,
			"Unreachable: no answer came from the target, so nothing was sent."},
		"a capacity":                       {Report{Kind: KindCapacity, Capacity: &Capacity{RatePerS: of(5.0), LimitedBy: LimitTarget, Statement: "It takes 5/s."}}, Finished, Met, "It takes 5/s."},
		"a target that takes nothing":      {Report{Kind: KindCapacity, Capacity: &Capacity{LimitedBy: LimitTarget, Statement: "It takes nothing."}}, Finished, NotMet, "It takes nothing."},
		"a generator that gives out first": {Report{Kind: KindCapacity, Capacity: &Capacity{LimitedBy: LimitGenerator, Statement: "Nothing is known."}}, Finished, Invalid, "Invalid: Nothing is known."},
		"a regression": {Report{Kind: KindCompare, Compare: &Comparison{A: CompareSide{Name: "a"}, B: CompareSide{Name: "b"}, Verdict: Slower, Regression: true, Confidence: 0.95, BoundShare: 0.1}}, Finished, NotMet,
			"Slower, by more than the bound of 10 %: b against a, at 95 % confidence."},
		"slower within the bound": {Report{Kind: KindCompare, Compare: &Comparison{A: CompareSide{Name: "a"}, B: CompareSide{Name: "b"}, Verdict: Slower, Confidence: 0.95}}, Finished, Met,
			"Slower: b against a, at 95 % confidence."},
		"a comparison of nothing": {Report{Kind: KindCompare, Compare: &Comparison{A: CompareSide{Name: "a"}, B: CompareSide{Name: "b"}, Verdict: NoData, Confidence: 0.95}}, Finished, Invalid,
			"Invalid: nothing can be said: no deciding figure has data on both sides."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got := Conclude(test.report, test.end)
			g.Expect(got.Outcome).To(Equal(test.want))
			g.Expect(got.Headline).To(Equal(test.headline))
			g.Expect(got.Outcome == Invalid).To(Equal(len(got.Invalid) > 0))
		})
	}
}

func TestConcludeLeavesItsArgumentAlone(t *testing.T) {
	g := NewWithT(t)
	reasons := make([]string, 0, 4)
	r := Report{Kind: KindRun, Invalid: reasons}
	Conclude(r, Finished)
	g.Expect(r.Invalid).To(BeEmpty())
	g.Expect(reasons[:1]).To(Equal([]string{""}))
}

func TestQuantities(t *testing.T) {
	for want, q := range map[string][2]any{
		"250 ms": {250.0, Milliseconds}, "1.5 s": {1500.0, Milliseconds}, "41.6 µs": {0.0416, Milliseconds}, "0 ms": {0.0, Milliseconds},
		"0.1 %": {0.001, Share}, "100 %": {1.0, Share}, "0.0012 %": {0.000012, Share}, "1,998/s": {1998.4, PerSecond}, "0.5/s": {0.5, PerSecond},
		"1,234,567/s": {1234567.0, PerSecond}, "999 ms": {999.4, Milliseconds}, "-3.5 ms": {-3.5, Milliseconds},
	} {
		NewWithT(t).Expect(Quantity(q[0].(float64), q[1].(string))).To(Equal(want))
	}
	NewWithT(t).Expect(Number(-1234567)).To(Equal("-1,234,567"))
}

func TestChangesHaveTheirSign(t *testing.T) {
	for want, change := range map[string]struct {
		v    float64
		unit string
	}{
		"+40.0 %": {0.4, Milliseconds}, "-3.0 %": {-0.03, PerSecond}, "+0.0 %": {-0.0001, Milliseconds}, "-0.01 points": {-0.0001, Share}, "+0.04 points": {0.0004, Share},
	} {
		NewWithT(t).Expect(Signed(change.v, change.unit)).To(Equal(want))
	}
}

package load

import (
	"fmt"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports"
)

// Ending is how a command came to its end.
type Ending string

// The endings.
const (
	// Finished: the schedule was gone through to its end.
	Finished Ending = "finished"
	// Stopped: a signal ended the run early.
	Stopped Ending = "stopped"
	// NeverReached: no answer came from the target when it was tried before the start.
	NeverReached Ending = "never-reached"
)

// Conclude sets the outcome and the headline of a report that is complete otherwise. A finished run of which nothing is
// known becomes invalid, with that as its reason, so that no run that measured nothing can look good; so does a search
// for the capacity without an answer, unless it was the target that gave out, and a comparison without data.
func Conclude(r Report, end Ending) Report {
	if r.Kind == KindRun && end == Finished && r.Result.known() == 0 {
		r.Invalid = append(r.Invalid[:len(r.Invalid):len(r.Invalid)], "nothing was measured: no delivery came to an end that is known")
	}
	if c := r.Capacity; end == Finished && c != nil && c.RatePerS == nil && c.LimitedBy != LimitTarget {
		r.Invalid = append(r.Invalid[:len(r.Invalid):len(r.Invalid)], strings.TrimSuffix(c.Statement, "."))
	}
	if c := r.Compare; end == Finished && c != nil && c.Verdict == NoData {
		r.Invalid = append(r.Invalid[:len(r.Invalid):len(r.Invalid)], "nothing can be said: no deciding figure has data on both sides")
	}
	r.Outcome = outcome(r, end)
	r.Headline = headline(r)
	return r
}

// known is the number of deliveries whose end is known.
func (r *Result) known() int64 {
	if r == nil {
		return 0
	}
	return r.Counts.Succeeded + r.Counts.Refused + r.Counts.Failed
}

func outcome(r Report, end Ending) Outcome {
	switch {
	case end == NeverReached:
		return Unreachable
	case end == Stopped:
		return Interrupted
	case len(r.Invalid) > 0:
		return Invalid
	case r.Kind == KindCompare:
		if r.Compare == nil || r.Compare.Regression {
			return NotMet
		}
		return Met
	case r.Kind == KindCapacity:
		if r.Capacity == nil || r.Capacity.RatePerS == nil {
			return NotMet
		}
		return Met
	case len(r.Thresholds) == 0:
		return Measured
	}
	if len(r.broken()) > 0 {
		return NotMet
	}
	return Met
}

// broken are the thresholds that do not hold, those without data among them.
func (r Report) broken() []Threshold {
	var all []Threshold
	for _, t := range r.Thresholds {
		if t.Verdict != reports.Pass {
			all = append(all, t)
		}
	}
	return all
}

func headline(r Report) string {
	switch r.Outcome {
	case Unreachable:
		return "Unreachable: no answer came from the target, so nothing was sent."
	case Interrupted:
		if c := r.Capacity; c != nil {
			return fmt.Sprintf("Interrupted after %s. %s", span(r.DurationMS), sentence(c.Statement))
		}
		return fmt.Sprintf("Interrupted after %s of %s: %s.", span(r.DurationMS), span(r.PlannedMS), r.Result.inShort())
	case Invalid:
		return "Invalid: " + sentence(r.Invalid[0])
	}
	switch {
	case r.Kind == KindCapacity && r.Capacity != nil:
		return sentence(r.Capacity.Statement)
	case r.Kind == KindCompare && r.Compare != nil:
		return r.Compare.headline()
	}
	broken := r.broken()
	switch r.Outcome {
	case Measured:
		return fmt.Sprintf("Measured, and not judged by any threshold: %s.", r.Result.inShort())
	case NotMet:
		return fmt.Sprintf("Not met: %d of %s broken: %s.", len(broken), plural(len(r.Thresholds), "threshold"), brokenInShort(broken))
	}
	return fmt.Sprintf("Met: %s: %s.", held(len(r.Thresholds)), r.Result.inShort())
}

func held(n int) string {
	if n == 1 {
		return "the threshold holds"
	}
	return fmt.Sprintf("all %d thresholds hold", n)
}

// maxHeadlined bounds the thresholds that the headline names.
const maxHeadlined = 2

func brokenInShort(broken []Threshold) string {
	var parts []string
	for i, t := range broken {
		if i == maxHeadlined {
			parts = append(parts, fmt.Sprintf("and %d more", len(broken)-i))
			break
		}
		seen := "no data"
		if t.Observed != nil {
			seen = Quantity(*t.Observed, t.Unit)
		}
		parts = append(parts, fmt.Sprintf("%s (seen: %s)", t.Expression, seen))
	}
	return strings.Join(parts, ", ")
}

// inShort is the result in the words of a headline.
func (r *Result) inShort() string {
	if r == nil || r.Counts.Sent == 0 {
		return "nothing was sent"
	}
	text := fmt.Sprintf("%s sent, %s answered by 2xx", plural64(r.Counts.Sent, "delivery", "deliveries"), Quantity(r.AchievedPerS, PerSecond))
	if l := r.Latency.Corrected; l != nil && l.P99MS != nil {
		text += fmt.Sprintf(", p99 %s", Quantity(*l.P99MS, Milliseconds))
	}
	if r.Counts.Refused > 0 {
		text += fmt.Sprintf(", %s with a wrong signature refused", Number(r.Counts.Refused))
	}
	return fmt.Sprintf("%s, %s failed", text, Number(r.Counts.Failed))
}

func (c *Comparison) headline() string {
	text := map[CompareVerdict]string{
		Faster: "Faster", Slower: "Slower", NoDifference: "No difference", Mixed: "Some figures are better and some worse", NoData: "Nothing can be said",
	}[c.Verdict]
	if c.Regression {
		text += fmt.Sprintf(", by more than the bound of %s", Quantity(c.BoundShare, Share))
	}
	return fmt.Sprintf("%s: %s against %s, at %s confidence.", text, c.B.Name, c.A.Name, Quantity(c.Confidence, Share))
}

// sentence ends a text with exactly one full stop.
func sentence(s string) string { return strings.TrimRight(s, ". ") + "." }

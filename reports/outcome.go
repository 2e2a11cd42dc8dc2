package reports

import (
	"fmt"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports/page"
)

// conclude sets the outcome and the headline, and states in Errors whatever keeps a run from being complete that no
// requirement shows.
func conclude(r Report, in BuildInput) Report {
	known := r.Counts[Pass] + r.Counts[Warn] + r.Counts[Fail]
	switch {
	case in.Interrupted:
		// A run that was cut short says so even when a failure was seen; the counts still show that.
		r.Outcome = Interrupted
		if len(r.Requirements) > 0 || len(r.Errors) == 0 {
			r.Errors = append(r.Errors, "the run was interrupted")
		}
	case r.Counts[Fail] > 0:
		r.Outcome = NonConformant
	case in.Unreachable:
		r.Outcome = Unreachable
	case r.Counts[Untestable] > 0, r.Counts[Error] > 0, len(r.Errors) > 0:
		r.Outcome = Incomplete
	case known == 0:
		// Every requirement is declared not applicable: nothing is broken, and nothing was shown to work.
		r.Outcome = Incomplete
		r.Errors = append(r.Errors, "nothing was observed: the target declares every selected requirement not applicable")
	default:
		r.Outcome = Conformant
	}
	r.Headline = headline(r)
	return r
}

// headline is the outcome in a sentence.
func headline(r Report) string {
	n := len(r.Requirements)
	broken, unknown := r.Counts[Fail], r.Counts[Untestable]+r.Counts[Error]
	var s string
	switch r.Outcome {
	case Conformant:
		s = fmt.Sprintf("Conformant: %d of %s met", r.Counts[Pass], page.Plural(n, "requirement"))
		if warned := r.Counts[Warn]; warned > 0 {
			s += ", " + page.Plural(warned, "warning")
		}
		if na := r.Counts[NotApplicable]; na > 0 {
			s += fmt.Sprintf(", %d not applicable", na)
		}
	case NonConformant:
		s = fmt.Sprintf("Not conformant: %s of %s broken", count(broken), page.Plural(n, "requirement"))
		if unknown > 0 {
			s += fmt.Sprintf(", and %d could not be checked", unknown)
		}
	case Unreachable:
		return "Unreachable: no answer came from the target, so nothing was checked."
	case Interrupted:
		if n == 0 {
			return "Interrupted: the run was stopped before anything was checked."
		}
		s = fmt.Sprintf("Interrupted: %s of %s checked before the run was stopped", count(n-unknown), page.Plural(n, "requirement"))
		if broken > 0 {
			s += fmt.Sprintf(", %d of them broken", broken)
		}
	default:
		switch {
		case n == 0:
			return "Incomplete: nothing was checked."
		case unknown > 0:
			s = fmt.Sprintf("Incomplete: %s of %s could not be checked; nothing is known to be broken",
				count(unknown), page.Plural(n, "requirement"))
		default:
			s = "Incomplete: the run had " + page.Plural(len(r.Errors), "error") + "; nothing is known to be broken"
		}
	}
	if r.Selection.Selected < r.Selection.Total {
		s += fmt.Sprintf(" (a selection: %d of %d requirements)", r.Selection.Selected, r.Selection.Total)
	}
	return s + "."
}

// count writes a number, and none as a word.
func count(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}

// countsLine writes the counts that are not zero, the worst first: "2 fail, 1 warn, 40 pass".
func countsLine(counts map[Verdict]int) string {
	var parts []string
	for _, v := range worstFirst() {
		if n := counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

package reports

import (
	"slices"

	"github.com/kirimcheck/kirimcheck/contract"
)

// Verdicts returns every verdict, from the best to the worst. The order is that of severity: a requirement has the
// worst verdict of its specs.
func Verdicts() []Verdict {
	return []Verdict{Pass, NotApplicable, Warn, Untestable, Error, Fail}
}

// worstFirst is the order in which a reader wants to see verdicts.
func worstFirst() []Verdict {
	all := Verdicts()
	slices.Reverse(all)
	return all
}

// severity is the verdict's place in Verdicts, and negative for a word that is none.
func (v Verdict) severity() int { return slices.Index(Verdicts(), v) }

// Label is the verdict as a person reads it.
func (v Verdict) Label() string {
	switch v {
	case Pass:
		return "Pass"
	case NotApplicable:
		return "Not applicable"
	case Warn:
		return "Warning"
	case Untestable:
		return "Untestable"
	case Error:
		return "Error"
	case Fail:
		return "Fail"
	}
	return string(v)
}

// Label is the outcome as a person reads it.
func (o Outcome) Label() string {
	switch o {
	case Conformant:
		return "Conformant"
	case NonConformant:
		return "Not conformant"
	case Incomplete:
		return "Incomplete"
	case Unreachable:
		return "Unreachable"
	case Interrupted:
		return "Interrupted"
	}
	return string(o)
}

// worst returns the most severe verdict of the specs; without specs nothing is known, which is an error.
func worst(specs []SpecResult) Verdict {
	if len(specs) == 0 {
		return Error
	}
	return slices.MaxFunc(specs, func(a, b SpecResult) int {
		return a.Verdict.severity() - b.Verdict.severity()
	}).Verdict
}

// decisive returns the specs that gave the requirement its verdict.
func (r RequirementResult) decisive() []SpecResult {
	var specs []SpecResult
	for _, s := range r.Specs {
		if s.Verdict == r.Verdict {
			specs = append(specs, s)
		}
	}
	return specs
}

// settle makes a spec's result complete and consistent with its requirement.
//
//   - A verdict that is none of the known ones, such as the empty one of a spec that never reported, is an error: only
//     a verdict that was given can be good.
//   - A broken SHOULD is a warning. A warning on a MUST stays what the spec said.
//   - A verdict other than pass has a reason. Fail and warn state both sides too; what was expected is at least the
//     requirement itself, what was seen at least the reason.
func settle(s SpecResult, row contract.Requirement) SpecResult {
	if s.Verdict.severity() < 0 {
		s.Verdict, s.Reason = Error, "the spec ended without a verdict"
	}
	if s.Verdict == Fail && row.Level == contract.Should {
		s.Verdict = Warn
	}
	if s.Verdict == Pass {
		return s
	}
	if s.Reason == "" {
		s.Reason = "the spec gave no reason"
	}
	if s.Verdict == Fail || s.Verdict == Warn {
		if s.Expected == "" {
			s.Expected = row.Sentence
		}
		if s.Seen == "" {
			s.Seen = s.Reason
		}
	}
	return s
}

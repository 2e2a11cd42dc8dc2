package matrix

import (
	"slices"

	"github.com/kirimcheck/kirimcheck/reports"
)

// Observation is what a run of a case came to. It travels as JSON from the process that ran it.
type Observation struct {
	// Key is that of the case.
	Key string `json:"key"`
	// Specs are all specs that ran.
	Specs []Seen `json:"specs"`
	// Requirements are those that were selected, each with its verdict.
	Requirements map[string]reports.Verdict `json:"requirements"`
	// Outcome is that of the run, and Errors its troubles.
	Outcome reports.Outcome `json:"outcome"`
	Errors  []string        `json:"errors,omitempty"`
	// Causes are what the harness named as likely causes of failures.
	Causes []string `json:"causes,omitempty"`
	// DurationMS is how long the run took, and CPUMS how much processor time its process used; both in milliseconds, set by
	// whoever ran the process.
	DurationMS float64 `json:"duration_ms,omitempty"`
	CPUMS      float64 `json:"cpu_ms,omitempty"`
	// Failed says why there is nothing above: the process died or did not come to an end.
	Failed string `json:"failed,omitempty"`
}

// Seen is a spec and its verdict.
type Seen struct {
	Requirement string          `json:"requirement"`
	Spec        string          `json:"spec"`
	Verdict     reports.Verdict `json:"verdict"`
	// Reason is why it did not pass.
	Reason string `json:"reason,omitempty"`
}

// observe takes what the gate looks at from a report.
func observe(c Case, r reports.Report) Observation {
	seen := Observation{Key: c.Key(), Outcome: r.Outcome, Errors: r.Errors, Requirements: map[string]reports.Verdict{}}
	for _, req := range r.Requirements {
		seen.Requirements[req.ID] = req.Verdict
		for _, spec := range req.Specs {
			seen.Specs = append(seen.Specs, Seen{req.ID, spec.Name, spec.Verdict, spec.Reason})
			if spec.Cause != "" && !slices.Contains(seen.Causes, spec.Cause) {
				seen.Causes = append(seen.Causes, spec.Cause)
			}
		}
	}
	return seen
}

// red reports whether a verdict says that a requirement is broken.
func red(v reports.Verdict) bool { return v == reports.Fail || v == reports.Warn }

// byVerdict lists the requirements that have a verdict of these.
func (o Observation) byVerdict(is func(reports.Verdict) bool) (ids []string) {
	for id, v := range o.Requirements {
		if is(v) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// reasonOf is what the first spec said that gave a requirement its verdict.
func (o Observation) reasonOf(id string) string {
	for _, s := range o.Specs {
		if s.Requirement == id && s.Verdict == o.Requirements[id] {
			return s.Spec + ": " + s.Reason
		}
	}
	return ""
}

// outcomeOf is what a run comes to with these verdicts.
func outcomeOf(verdicts map[string]reports.Verdict) reports.Outcome {
	outcome := reports.Conformant
	for _, v := range verdicts {
		switch v {
		case reports.Fail:
			return reports.NonConformant
		case reports.Untestable, reports.Error:
			outcome = reports.Incomplete
		case reports.Pass, reports.Warn, reports.NotApplicable:
		}
	}
	return outcome
}

// worst is the most severe of verdicts; without any nothing is known, which is an error.
func worst(verdicts []reports.Verdict) reports.Verdict {
	if len(verdicts) == 0 {
		return reports.Error
	}
	order := reports.Verdicts()
	return slices.MaxFunc(verdicts, func(a, b reports.Verdict) int { return slices.Index(order, a) - slices.Index(order, b) })
}

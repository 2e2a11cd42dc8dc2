package load

import (
	"github.com/kirimcheck/kirimcheck/reports"
)

// Redacted is a report without secrets. Only Redact makes one, and only a Redacted can be written, so that no output can
// forget to redact.
type Redacted struct{ report Report }

// Report returns a view of the redacted report, which the caller must not change.
func (r Redacted) Report() Report { return r.report }

// Redact returns a copy of a report that is fit to be written: every secret that the redactor knows, and what the
// target's URL hides, is taken out of every string, examples of errors and the command line among them. The report given
// is not changed.
func Redact(r *reports.Redactor, report Report) Redacted {
	url := report.Target.URL
	prepare := func(part any) {
		if target, ok := part.(*Target); ok {
			target.URL = reports.RedactURL(target.URL)
		}
	}
	return Redacted{normalise(reports.Redact(r, report, prepare, url))}
}

// normalise replaces absent lists by empty ones, so that JSON shows [] and never null. It is given a copy.
func normalise(r Report) Report {
	r.Errors, r.Invalid, r.Notes, r.Thresholds = list(r.Errors), list(r.Invalid), list(r.Notes), list(r.Thresholds)
	if r.Plan.Mix == nil {
		r.Plan.Mix = map[string]float64{}
	}
	if res := r.Result; res != nil {
		res.Errors, res.Events, res.Blocks = list(res.Errors), list(res.Events), list(res.Blocks)
		res.Series.Buckets = list(res.Series.Buckets)
	}
	if r.Generator != nil {
		r.Generator.Samples = list(r.Generator.Samples)
	}
	if r.Capacity != nil {
		r.Capacity.Steps = list(r.Capacity.Steps)
	}
	if r.Compare != nil {
		r.Compare.Differences, r.Compare.Figures = list(r.Compare.Differences), list(r.Compare.Figures)
	}
	return r
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

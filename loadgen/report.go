package loadgen

import (
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// head is what every report of a session begins with.
func (s *Session) head(kind load.Kind, tool reports.Tool) load.Report {
	t := s.options.Target
	return load.Report{
		SchemaVersion: load.SchemaVersion, Kind: kind, Tool: tool,
		Target: load.Target{Name: t.Name, Role: t.Role, Edition: t.Contract.ID, URL: t.URL},
	}
}

// Report is a measurement as a report, with its outcome.
func (s *Session) Report(tool reports.Tool, sc *schedule.Schedule, m Measurement) load.Report {
	r := s.head(load.KindRun, tool)
	s.fill(&r, sc, m)
	ending := load.Finished
	if m.Stopped {
		ending = load.Stopped
	}
	return load.Conclude(r, ending)
}

// fill puts a measurement into a report.
func (s *Session) fill(r *load.Report, sc *schedule.Schedule, m Measurement) {
	r.Started, r.PlannedMS, r.DurationMS = m.Started.UTC(), inMS(sc.Duration()), inMS(m.Took)
	r.Plan, r.Thresholds, r.Invalid, r.Notes = s.Plan(sc), m.Thresholds, m.Invalid, m.Notes
	r.Result, r.Generator = m.Result, &m.Generator
}

// Unreached is the report of a run that did not begin because the target did not answer.
func (s *Session) Unreached(kind load.Kind, tool reports.Tool, sc *schedule.Schedule, now time.Time, err error) load.Report {
	r := s.head(kind, tool)
	r.Started, r.PlannedMS, r.Plan, r.Errors = now.UTC(), inMS(sc.Duration()), s.Plan(sc), []string{oneLine(err)}
	return load.Conclude(r, load.NeverReached)
}

func inMS(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

package load

import (
	"fmt"
	"io"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports"
)

// WriteJUnit writes the verdicts as JUnit XML: a test case for each threshold, for each deciding figure of a comparison,
// and one for the run as a whole, which is an error where the run is invalid, was interrupted or never reached its target.
// The thresholds of an invalid run are skipped: they neither hold nor are they broken.
func WriteJUnit(w io.Writer, r Redacted) error {
	report := r.report
	return reports.WriteJUnitSuite(w, reports.JUnitSuite{
		Tool: report.Tool.Name, Name: "load." + string(report.Kind), Started: report.Started, DurationMS: report.DurationMS,
		Properties: [][2]string{
			{"outcome", string(report.Outcome)}, {"headline", report.Headline}, {"target", report.Target.Name},
			{"url", report.Target.URL}, {"edition", report.Target.Edition}, {"schedule", report.Plan.Schedule},
			{"version", report.Tool.Version}, {"seed", fmt.Sprint(report.Tool.Seed)},
		},
		Cases: cases(report),
	})
}

func cases(r Report) []reports.JUnitCase {
	class := "load." + string(r.Kind)
	all := []reports.JUnitCase{{Name: "the run as a whole", Class: class, Details: r.Headline}}
	switch r.Outcome {
	case Invalid, Interrupted, Unreachable:
		whole := &all[0]
		whole.Error, whole.Kind = r.Headline, string(r.Outcome)
		whole.Details = strings.Join(append(append([]string{r.Headline}, r.Invalid...), r.Errors...), "\n")
	case NotMet:
		// A search or a comparison without thresholds of its own would be red nowhere else.
		if r.Kind != KindRun {
			all[0].Failure, all[0].Kind = r.Headline, string(r.Outcome)
		}
	}
	for _, t := range r.Thresholds {
		// In a search thresholds broke on the way, as they should; the answer is the whole's.
		if r.Kind == KindCapacity {
			break
		}
		c := reports.JUnitCase{Name: t.Expression, Class: class + ".threshold"}
		switch {
		case r.Outcome == Invalid:
			c.Skipped = "void: the run is invalid"
		case t.Verdict != reports.Pass:
			c.Failure, c.Kind = t.Reason, string(t.Verdict)
			c.Details = fmt.Sprintf("threshold: %s\nfrom:      %s\nseen:      %s\nrepeat:    %s\n", t.Expression, t.From, t.Reason, r.Tool.Command)
		}
		all = append(all, c)
	}
	if r.Compare == nil {
		return all
	}
	for _, f := range r.Compare.Figures {
		if !f.Decides {
			continue
		}
		c := reports.JUnitCase{Name: f.Figure, Class: class + ".figure", Details: changeText(f)}
		if f.Regression {
			c.Failure, c.Kind = changeText(f), string(f.Verdict)
		}
		all = append(all, c)
	}
	return all
}

// changeText is the change of a figure in a line.
func changeText(f FigureChange) string {
	if f.A == nil || f.B == nil {
		return fmt.Sprintf("%s: %s", f.Figure, f.Reason)
	}
	text := fmt.Sprintf("%s: %s to %s", f.Figure, Quantity(*f.A, f.Unit), Quantity(*f.B, f.Unit))
	if f.Change == nil || f.Low == nil || f.High == nil {
		return text + ": " + f.Reason
	}
	return fmt.Sprintf("%s, %s (%s to %s): %s", text, Signed(*f.Change, f.Unit), Signed(*f.Low, f.Unit), Signed(*f.High, f.Unit), f.Verdict)
}

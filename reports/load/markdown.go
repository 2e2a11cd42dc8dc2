package load

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports"
)

// WriteMarkdown writes what a reviewer of a pull request wants to know: the verdict, the thresholds, the latencies, the
// failures, and how to repeat the run.
func WriteMarkdown(w io.Writer, r Redacted) error {
	report := reports.Shown(r.report)
	m := markdown{bufio.NewWriter(w)}
	m.line("### %s %s", outcomeMark(report.Outcome), text(report.Headline))
	m.line("")
	m.line("%s (%s, edition %s), %s, %s", text(report.Target.Name), report.Target.Role, text(report.Target.Edition), code(report.Target.URL), text(report.Plan.Schedule))
	if lines := slices.Concat(report.Errors, report.Invalid, report.Notes); len(lines) > 0 {
		m.line("")
		for _, line := range lines {
			m.line("- %s", text(line))
		}
	}
	m.thresholds(report)
	m.capacity(report.Capacity)
	m.compare(report.Compare)
	if report.Result != nil {
		m.result(report.Result)
	}
	m.line("")
	m.line("<details><summary>Repeat</summary>")
	m.line("")
	m.line("%s", code(report.Tool.Command))
	m.line("")
	m.line("%s %s, started %s, %s", report.Tool.Name, report.Tool.Version, report.Started.UTC().Format("2006-01-02 15:04:05 UTC"), span(report.DurationMS))
	m.line("")
	m.line("</details>")
	return m.w.Flush()
}

// markdown writes lines; its writer keeps the first error until it is flushed.
type markdown struct{ w *bufio.Writer }

func (m markdown) line(format string, args ...any) { _, _ = fmt.Fprintf(m.w, format+"\n", args...) }

func (m markdown) table(heads ...string) {
	m.line("")
	m.line("| %s |", strings.Join(heads, " | "))
	m.line("|%s", strings.Repeat("---|", len(heads)))
}

func (m markdown) thresholds(r Report) {
	if len(r.Thresholds) == 0 || r.Result == nil && r.Kind != KindRun {
		return
	}
	m.table("", "threshold", "measured", "from")
	for _, t := range r.Thresholds {
		mark, seen := "✅", "no data"
		switch {
		case r.Outcome == Invalid:
			mark = "void"
		case t.Verdict != reports.Pass:
			mark = "❌"
		}
		if t.Observed != nil {
			seen = Quantity(*t.Observed, t.Unit)
		}
		m.line("| %s | %s | %s | %s |", mark, code(t.Expression), seen, text(t.From))
	}
}

func (m markdown) result(r *Result) {
	if r.Latency.Corrected != nil {
		m.latency(r.Latency)
	}
	m.line("")
	unknown := ""
	if r.Counts.Abandoned > 0 {
		unknown = fmt.Sprintf(", %s without a known end", Number(r.Counts.Abandoned))
	}
	m.line("Offered %s, sent %s, answered by 2xx %s; %s sent, %s failed%s.", Quantity(r.OfferedPerS, PerSecond),
		Quantity(r.SentPerS, PerSecond), Quantity(r.AchievedPerS, PerSecond), Number(r.Counts.Sent), Number(r.Counts.Failed), unknown)
	if len(r.Errors) == 0 {
		return
	}
	m.table("failure", "count", "example")
	for _, e := range r.Errors {
		m.line("| %s | %s | %s |", text(string(e.Class)), Number(e.Count), code(e.Example))
	}
}

func (m markdown) latency(l Latencies) {
	m.table("latency", "p50", "p90", "p95", "p99", "p99.9", "max")
	for _, view := range []struct {
		name string
		l    *Latency
	}{{"from the intended start", l.Corrected}, {"service time", l.Service}} {
		if l := view.l; l != nil {
			m.line("| %s | %s | %s | %s | %s | %s | %s |", view.name, milli(l.P50MS), milli(l.P90MS), milli(l.P95MS),
				milli(l.P99MS), milli(l.P999MS), Quantity(l.MaxMS, Milliseconds))
		}
	}
}

func (m markdown) capacity(c *Capacity) {
	if c == nil {
		return
	}
	m.table("step", "rate", "answered by 2xx", "p99", "failed", "")
	for i, s := range c.Steps {
		m.line("| %d, %s | %s | %s | %s | %s | %s |", i+1, s.Phase, Quantity(s.RatePerS, PerSecond), figure(s.AchievedPerS, PerSecond),
			milli(s.P99MS), figure(s.ErrorShare, Share), text(strings.TrimSuffix(fmt.Sprintf("%s: %s", s.Verdict, s.Reason), ": ")))
	}
}

func (m markdown) compare(c *Comparison) {
	if c == nil {
		return
	}
	m.table("figure", text(c.A.Name), text(c.B.Name), "change", "interval", "verdict")
	for _, f := range c.Figures {
		change, interval := "–", "–"
		if f.Change != nil {
			change = Signed(*f.Change, f.Unit)
		}
		if f.Low != nil && f.High != nil {
			interval = Signed(*f.Low, f.Unit) + " to " + Signed(*f.High, f.Unit)
		}
		verdict := string(f.Verdict)
		if f.Regression {
			verdict = "**" + verdict + "**"
		}
		m.line("| %s | %s | %s | %s | %s | %s |", f.Figure, figure(f.A, f.Unit), figure(f.B, f.Unit), change, interval, verdict)
	}
}

// figure writes a figure that may be absent.
func figure(v *float64, unit string) string {
	if v == nil {
		return "–"
	}
	return Quantity(*v, unit)
}

func milli(v *float64) string { return figure(v, Milliseconds) }

func outcomeMark(o Outcome) string {
	switch o {
	case Met:
		return "✅"
	case NotMet:
		return "❌"
	case Measured:
		return "ℹ️"
	}
	return "⚠️"
}

// text takes from what stands in running text the characters that Markdown would obey.
func text(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "|", `\|`, "<", "&lt;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "@", "@\u200b").Replace(s)
}

// code sets a text as code; what would end the code or the cell is replaced.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "\n", " ", "\r", " ", "|", "\\|").Replace(s) + "`"
}

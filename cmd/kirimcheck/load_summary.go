package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// maxSummaryErrors bounds the classes of failure in the summary; the report has them all.
const maxSummaryErrors = 5

// writeLoadSummary tells the result on a terminal. The report is redacted.
func writeLoadSummary(w io.Writer, r load.Report, files []string) error {
	var b strings.Builder
	fmt.Fprintln(&b, r.Headline)
	fmt.Fprintf(&b, "  target    %s (%s, edition %s) %s\n", r.Target.Name, r.Target.Role, r.Target.Edition, r.Target.URL)
	if r.Plan.Schedule != "" {
		fmt.Fprintf(&b, "  schedule  %s\n", r.Plan.Schedule)
	}
	for _, reason := range r.Invalid {
		fmt.Fprintf(&b, "  invalid   %s\n", reason)
	}
	if res := r.Result; res != nil {
		fmt.Fprintf(&b, "  rate      offered %s, sent %s, answered by 2xx %s\n", load.Quantity(res.OfferedPerS, load.PerSecond),
			load.Quantity(res.SentPerS, load.PerSecond), load.Quantity(res.AchievedPerS, load.PerSecond))
		b.WriteString(latencyTable(res.Latency))
		for i, c := range res.Errors {
			if i == maxSummaryErrors {
				fmt.Fprintf(&b, "  failed    and %d more classes\n", len(res.Errors)-i)
				break
			}
			fmt.Fprintf(&b, "  failed    %s %s, such as: %s\n", load.Number(c.Count), c.Class, c.Example)
		}
	}
	for _, t := range r.Thresholds {
		switch {
		case r.Outcome == load.Invalid:
			fmt.Fprintf(&b, "  void      %s: the figures say nothing about the target\n", t.Expression)
		case t.Verdict == reports.Pass:
			fmt.Fprintf(&b, "  holds     %s (seen: %s)\n", t.Expression, load.Quantity(*t.Observed, t.Unit))
		default:
			fmt.Fprintf(&b, "  BROKEN    %s: %s\n", t.Expression, t.Reason)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "  note      %s\n", note)
	}
	for _, file := range files {
		fmt.Fprintf(&b, "  written   %s\n", file)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// latencyTable shows both views of the latency, and nothing where nothing was answered.
func latencyTable(l load.Latencies) string {
	if l.Corrected == nil || l.Service == nil {
		return ""
	}
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	show := func(ms *float64) string {
		if ms == nil {
			return "-"
		}
		return load.Quantity(*ms, load.Milliseconds)
	}
	// The builder takes everything.
	_, _ = fmt.Fprintln(tw, "  latency\tp50\tp90\tp99\tp99.9\tmax")
	for _, row := range []struct {
		name string
		l    *load.Latency
	}{{"  corrected", l.Corrected}, {"  service", l.Service}} {
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", row.name,
			show(row.l.P50MS), show(row.l.P90MS), show(row.l.P99MS), show(row.l.P999MS), show(&row.l.MaxMS))
	}
	_ = tw.Flush()
	return b.String()
}

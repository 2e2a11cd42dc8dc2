package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/loadgen/compare"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// compareFlags are the flags of kirimcheck load compare.
type compareFlags struct {
	bound, confidence string
	differentPlans    bool
	out               string
}

func newLoadCompare(code *int) *cobra.Command {
	var f compareFlags
	defaults := compare.Defaults()
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Say whether B is faster or slower than A, beyond what runs differ by themselves",
		Long: "compare sets the runs of B against those of A. Each is a load.json, or a folder with one in it or in each of its\n" +
			"subfolders. With three runs or more on either side the spread is measured between runs, otherwise between parts of\n" +
			"a run, which tells less. It writes the same reports as a run.\n\n" +
			"Exit codes: 0 no regression past the bound, 2 usage, or runs that cannot be compared, 5 a regression past the bound,\n" +
			"6 nothing can be said.",
		Example: "  kirimcheck load compare baseline/ reports/load --bound 10%",
		Args:    exactly(2, "two runs: files or folders with load.json"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		*code, err = f.run(cmd, args)
		return err
	}
	flags := cmd.Flags()
	flags.StringVar(&f.bound, "bound", fmt.Sprintf("%g%%", 100*defaults.Bound), "change for the worse past which a figure is a regression")
	flags.StringVar(&f.confidence, "confidence", fmt.Sprintf("%g%%", 100*defaults.Confidence), "confidence of the verdict")
	flags.BoolVar(&f.differentPlans, "different-plans", false, "compare runs that sent different loads")
	flags.StringVar(&f.out, "out", "reports/compare", "folder for the reports")
	return cmd
}

func (f *compareFlags) run(cmd *cobra.Command, args []string) (int, error) {
	o := compare.Options{DifferentPlans: f.differentPlans}
	var err error
	if o.Bound, err = parseShare(f.bound); err != nil {
		return 0, usageError{fmt.Errorf("--bound: %w", err)}
	}
	if o.Confidence, err = parseShare(f.confidence); err != nil {
		return 0, usageError{fmt.Errorf("--confidence: %w", err)}
	}
	a, err := compare.Read(args[0])
	if err != nil {
		return 0, usageError{err}
	}
	b, err := compare.Read(args[1])
	if err != nil {
		return 0, usageError{err}
	}
	if err := load.CheckWritable(f.out); err != nil {
		return 0, usageError{err}
	}
	comparison, err := compare.Compare(a, b, o)
	if err != nil {
		var plans *compare.PlanError
		if errors.As(err, &plans) {
			err = fmt.Errorf("%w; --different-plans compares them all the same", err)
		}
		return 0, usageError{err}
	}
	report, err := compare.Report(comparison, b)
	if err != nil {
		return 0, err
	}
	report.Tool.Command = strings.Join([]string{loadCommand(cmd), shellWord(args[0]), shellWord(args[1])}, " ")
	report.Tool.Version = version()
	report = load.Conclude(report, load.Finished)
	// The reports that were read are redacted already.
	safe := load.Redact(reports.NewRedactor(), report)
	files, writeErr := load.WriteAll(f.out, safe)
	err = writeComparison(cmd.OutOrStdout(), safe.Report(), files)
	return loadCode(report.Outcome), errors.Join(writeErr, err)
}

// writeComparison tells a comparison on a terminal.
func writeComparison(w io.Writer, r load.Report, files []string) error {
	var b strings.Builder
	fmt.Fprintln(&b, r.Headline)
	for _, f := range r.Compare.Figures {
		fmt.Fprintf(&b, "  %-13s %s\n", f.Figure, figureLine(f))
	}
	for _, d := range r.Compare.Differences {
		fmt.Fprintf(&b, "  differs       %s\n", d)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "  note          %s\n", note)
	}
	for _, file := range files {
		fmt.Fprintf(&b, "  written       %s\n", file)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// figureLine is the change of one figure with its interval.
func figureLine(f load.FigureChange) string {
	if f.A == nil || f.B == nil {
		return "no data: " + f.Reason
	}
	line := fmt.Sprintf("%s to %s", load.Quantity(*f.A, f.Unit), load.Quantity(*f.B, f.Unit))
	if f.Change != nil && f.Low != nil && f.High != nil {
		line += fmt.Sprintf(", %s (%s to %s)", load.Signed(*f.Change, f.Unit), load.Signed(*f.Low, f.Unit), load.Signed(*f.High, f.Unit))
	}
	line += ", " + strings.ReplaceAll(string(f.Verdict), "-", " ")
	if f.Regression {
		line += ", a REGRESSION"
	}
	return line
}

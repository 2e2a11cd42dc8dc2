package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/mutants"
	"github.com/kirimcheck/kirimcheck/mutants/matrix"
	"github.com/kirimcheck/kirimcheck/reports/killmatrix"
)

// jobsPerCPU is how many cases of the matrix are worked on at a time for each processor: most of a run is waiting for what
// must not come.
const jobsPerCPU = 4

// matrixFlags are the flags of kirimcheck matrix.
type matrixFlags struct {
	out, record string
	only        []string
	handmade    bool
	jobs, times int
}

func newMatrix(code *int) *cobra.Command {
	var f matrixFlags
	cmd := &cobra.Command{
		Use:   "matrix",
		Short: "Prove that the checks can fail: run the suites against every wrong implementation",
		Long: "matrix certifies every mutant, every unusual but correct implementation, and the references, each in a process\n" +
			"of its own. A mutant must turn exactly the requirements red that it is known to break, a correct implementation\n" +
			"none; each spec must be turned red by some mutant, and each requirement by two that are unlike each other.\n\n" +
			"Exit codes: 0 all of it holds; 1 something does not; 2 wrong usage; 130 interrupted.",
		Example: "  kirimcheck matrix\n" +
			"  kirimcheck matrix --only 'relay/no-jitter' --only 'receiver/dedupe*'",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			var err error
			*code, err = f.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "reports/out", "folder for mutants.html and mutants.json")
	flags.StringVar(&f.record, "record", "",
		"also write the record that the program carries, to this file; only of a whole matrix that holds")
	flags.StringArrayVar(&f.only, "only", nil,
		"run only the mutants and correct implementations whose ROLE/NAME matches, such as 'relay/wrong-step-*'; repeatable")
	flags.BoolVar(&f.handmade, "by-hand", false, "leave the generated mutants out")
	flags.IntVar(&f.jobs, "jobs", jobsPerCPU*runtime.NumCPU(), "how many processes work at a time")
	flags.IntVar(&f.times, "times", 1, "run everything so many times, and tell where verdicts differ")
	cmd.AddCommand(newMatrixCase())
	return cmd
}

// newMatrixCase is what the matrix starts for each case.
func newMatrixCase() *cobra.Command {
	return &cobra.Command{
		Use: "case KEY", Hidden: true, Short: "Run one case of the matrix and print what was seen",
		Args: exactly(1, "one key, such as mutant/relay/no-jitter"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := matrix.Find(args[0]); err != nil {
				return usageError{err}
			}
			return matrix.Serve(cmd.Context(), args[0], cmd.OutOrStdout())
		},
	}
}

// run runs the matrix and returns the exit code.
func (f matrixFlags) run(ctx context.Context, stdout, stderr io.Writer) (int, error) {
	if f.jobs < 1 || f.times < 1 {
		return 0, usageError{errors.New("--jobs and --times are at least 1")}
	}
	cases, err := f.cases()
	if err != nil {
		return 0, err
	}
	if err := matrix.Check(cases); err != nil {
		return 0, err
	}
	if f.record != "" && f.selection() != "" {
		return 0, usageError{errors.New("--record goes with the whole matrix; leave --only and --by-hand out")}
	}
	if err := killmatrix.CheckWritable(f.out); err != nil {
		return 0, usageError{err}
	}
	command, err := matrix.Self("matrix", "case")
	if err != nil {
		return 0, err
	}
	in := matrix.Input{
		Version: version(), Command: f.command(), Started: time.Now(), Jobs: f.jobs, Selection: f.selection(), Cases: cases,
	}
	if in.Recording = f.record != ""; !in.Recording {
		if in.Expected, err = mutants.RecordedInventory(); err != nil {
			return 0, err
		}
	}
	var rounds [][]matrix.Observation
	for range f.times {
		progress := newProgress(stderr)
		progress.begin(len(cases))
		runner := matrix.Runner{
			Command: command, Jobs: f.jobs, Limit: matrix.DefaultLimit,
			Done: func(matrix.Observation) { progress.step() },
		}
		seen, err := runner.Run(ctx, cases)
		progress.end()
		if err != nil {
			return 0, fmt.Errorf("%w; nothing was written", errInterrupted)
		}
		rounds = append(rounds, seen)
	}
	in.Duration, in.Seen = time.Since(in.Started)/time.Duration(f.times), rounds[0]
	m, err := matrix.Judge(in)
	if err != nil {
		return 0, err
	}
	m.Problems = append(m.Problems, matrix.Differences(rounds)...)
	files, err := killmatrix.WriteAll(f.out, m)
	if err != nil {
		return 0, err
	}
	return f.conclude(stdout, m, files)
}

// conclude tells what came out, and writes the record.
func (f matrixFlags) conclude(stdout io.Writer, m killmatrix.Matrix, files []string) (int, error) {
	if err := killmatrix.WriteSummary(stdout, m, files); err != nil {
		return 0, err
	}
	if len(m.Problems)+len(m.Holes) > 0 {
		return exitNonConformant, nil
	}
	if f.record != "" {
		record, err := killmatrix.RecordOf(m)
		if err != nil {
			return 0, err
		}
		return exitConformant, killmatrix.WriteRecord(f.record, record)
	}
	return exitConformant, nil
}

// cases are those that the flags choose. The references always run: without them nothing would say that all is well.
func (f matrixFlags) cases() ([]matrix.Case, error) {
	all, err := matrix.Cases()
	if err != nil {
		return nil, err
	}
	for _, pattern := range f.only {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, usageError{fmt.Errorf("--only %q: it is no pattern; write ROLE/NAME, with * for any part of the name", pattern)}
		}
		if !slices.ContainsFunc(all, func(c matrix.Case) bool { return matchesCase(pattern, c) }) {
			return nil, usageError{fmt.Errorf("--only %q: no mutant and no correct implementation has that name; `kirimcheck mutants` lists them", pattern)}
		}
	}
	return slices.DeleteFunc(all, func(c matrix.Case) bool {
		if c.Mutant == nil && c.Correct == nil {
			return len(f.only) > 0 && !slices.ContainsFunc(f.only, func(p string) bool { return strings.HasPrefix(p, string(c.Role)+"/") })
		}
		if f.handmade && c.Mutant != nil && c.Mutant.Family != "" {
			return true
		}
		return len(f.only) > 0 && !slices.ContainsFunc(f.only, func(p string) bool { return matchesCase(p, c) })
	}), nil
}

// matchesCase reports whether a pattern names a case by its role and name.
func matchesCase(pattern string, c matrix.Case) bool {
	_, name, _ := strings.Cut(c.Key(), "/")
	ok, err := path.Match(pattern, name)
	return ok && err == nil && (c.Mutant != nil || c.Correct != nil)
}

// selection is the part that the flags choose, in words; empty for all.
func (f matrixFlags) selection() string {
	var parts []string
	if f.handmade {
		parts = append(parts, "made by hand")
	}
	if len(f.only) > 0 {
		parts = append(parts, strings.Join(f.only, ", "))
	}
	return strings.Join(parts, ": ")
}

// command is the command line that repeats the run.
func (f matrixFlags) command() string {
	words := []string{"kirimcheck", "matrix"}
	if f.handmade {
		words = append(words, "--by-hand")
	}
	for _, pattern := range f.only {
		words = append(words, "--only", shellWord(pattern))
	}
	return strings.Join(words, " ")
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kirimcheck/kirimcheck/suites"
	"github.com/kirimcheck/kirimcheck/target"
)

// targetCheckFlags are the flags of kirimcheck target check.
type targetCheckFlags struct {
	targetFile string
	edition    string
	noSend     bool
}

func newTargetCheck(code *int) *cobra.Command {
	var f targetCheckFlags
	cmd := &cobra.Command{
		Use:   "check --target FILE",
		Short: "Try everything that a target file names once, and show what is seen",
		Long: "check reaches for the target, makes a valid delivery, asks the observer before and after it and for ids that were\n" +
			"never sent, and runs the hooks; of a relay it tries the management, the clock and the way to the subscribers. It\n" +
			"judges nothing, prints a line for each part, and no secret.\n\n" +
			"Exit codes: 0 what was tried works, 2 usage or bad configuration, 3 something does not work, 4 target\n" +
			"unreachable, 130 interrupted.",
		Example: "  kirimcheck target check --target target.yaml\n  kirimcheck target check --target target.yaml --no-send",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			var err error
			*code, err = f.run(ctx, cmd.OutOrStdout())
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.targetFile, "target", "", "target file (YAML)")
	flags.StringVar(&f.edition, "edition", "", "edition of the contract; comes before the target file's")
	flags.BoolVar(&f.noSend, "no-send", false, "deliver nothing; what needs a delivery is not tried")
	return cmd
}

// run tries the target and returns the exit code.
func (f targetCheckFlags) run(ctx context.Context, out io.Writer) (int, error) {
	if f.targetFile == "" {
		return 0, usageError{errors.New("no target: give --target FILE")}
	}
	tgt, err := target.ReadFile(f.targetFile, func(c *target.Config) {
		if f.edition != "" {
			c.Edition = f.edition
		}
	})
	if err != nil {
		return 0, err
	}
	if err := misfit(ctx, tgt); err != nil {
		return 0, err
	}
	session, err := suites.NewSession(suites.Options{Target: tgt, Version: version(), Command: "kirimcheck target check"})
	if err != nil {
		return 0, usageError{err}
	}
	counts := map[suites.TryState]int{}
	var writeErr error
	err = session.TryOut(ctx, !f.noSend, func(found suites.Finding) {
		if ctx.Err() != nil {
			// What is seen behind an interrupt is the interrupt.
			return
		}
		counts[found.State]++
		// The findings come one after the other, and each may hold what a program or a server said.
		found.Seen = session.Redactor().String(found.Seen)
		_, err := fmt.Fprintln(out, findingLine(found))
		writeErr = errors.Join(writeErr, err)
	})
	if ctx.Err() != nil {
		_, err := fmt.Fprintln(out, "interrupted")
		return exitInterrupted, err
	}
	if err := errors.Join(err, writeErr); err != nil {
		return 0, err
	}
	_, err = fmt.Fprintln(out, "\n"+tally(counts))
	switch {
	case counts[suites.TryUnreachable] > 0:
		return exitUnreachable, err
	case counts[suites.TryProblem] > 0:
		return exitIncomplete, err
	default:
		return exitConformant, err
	}
}

// findingLine is a finding on one line.
func findingLine(f suites.Finding) string {
	line := fmt.Sprintf("%-11s  %-20s  %s", f.State, f.Part, f.Seen)
	if f.Remedy != "" {
		line += "; to do: " + f.Remedy
	}
	return strings.Join(strings.Split(line, "\n"), " ")
}

// tally is the last line.
func tally(counts map[suites.TryState]int) string {
	var parts []string
	for _, state := range []suites.TryState{suites.TryOK, suites.TryProblem, suites.TryUnreachable, suites.TryAbsent, suites.TryLeft} {
		n, word := counts[state], string(state)
		if state == suites.TryProblem && n > 1 {
			word += "s"
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	text := strings.Join(parts, ", ")
	if counts[suites.TryProblem]+counts[suites.TryUnreachable] == 0 && counts[suites.TryAbsent] > 0 {
		text += ": a run of certify will be incomplete where it needs what is absent"
	}
	return text
}

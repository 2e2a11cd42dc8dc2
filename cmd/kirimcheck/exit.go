package main

import (
	"errors"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
	"github.com/kirimcheck/kirimcheck/target"
)

// The exit codes. Scripts rely on them; exit_test.go holds one case for each.
const (
	// exitConformant: everything that was selected was observed, and no MUST is broken.
	exitConformant = 0
	// exitNonConformant: at least one MUST is broken.
	exitNonConformant = 1
	// exitUsage: wrong flags, or a configuration that cannot be used. Nothing was sent.
	exitUsage = 2
	// exitIncomplete: something could not be observed, so that conformance is not known.
	exitIncomplete = 3
	// exitUnreachable: the target could not be reached.
	exitUnreachable = 4
	// exitThresholds: a threshold of a load run is broken or had no data, or a comparison found a regression past its bound.
	exitThresholds = 5
	// exitInvalid: a load run says nothing about the target: the generator was the bottleneck, or nothing was measured.
	exitInvalid = 6
	// exitInterrupted: the run was stopped by a signal.
	exitInterrupted = 130
)

// outcomeCode is the exit code of a run.
func outcomeCode(o reports.Outcome) int {
	switch o {
	case reports.Conformant:
		return exitConformant
	case reports.NonConformant:
		return exitNonConformant
	case reports.Unreachable:
		return exitUnreachable
	case reports.Interrupted:
		return exitInterrupted
	case reports.Incomplete:
	}
	return exitIncomplete
}

// loadCode is the exit code of a load command that ran to its end.
func loadCode(o load.Outcome) int {
	switch o {
	case load.Met, load.Measured:
		return exitConformant
	case load.NotMet:
		return exitThresholds
	case load.Unreachable:
		return exitUnreachable
	case load.Interrupted:
		return exitInterrupted
	case load.Invalid:
	}
	return exitInvalid
}

// unreachableError marks a target that gave no answer.
type unreachableError struct{ error }

func (e unreachableError) Unwrap() error { return e.error }

// errInterrupted is the error of a command that a signal ended before there was anything to report.
var errInterrupted = errors.New("interrupted")

// usageError marks an error of the command line, or of what it names.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errorCode is the exit code of a command that ended with an error, before there was an outcome.
func errorCode(err error) int {
	var usage usageError
	var config *target.ConfigError
	var unreachable unreachableError
	switch {
	case errors.As(err, &usage), errors.As(err, &config):
		return exitUsage
	case errors.As(err, &unreachable):
		return exitUnreachable
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	}
	// The harness itself failed, so nothing is known.
	return exitIncomplete
}

package main

import (
	"errors"

	"github.com/kirimcheck/kirimcheck/reports"
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

// usageError marks an error of the command line, or of what it names.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errorCode is the exit code of a command that ended with an error, before there was an outcome.
func errorCode(err error) int {
	var usage usageError
	var config *target.ConfigError
	if errors.As(err, &usage) || errors.As(err, &config) {
		return exitUsage
	}
	// The harness itself failed, so nothing is known.
	return exitIncomplete
}

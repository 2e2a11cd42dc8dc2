// Package compare says whether one group of load runs is faster or slower than another, or whether nothing can be told.
// It reads reports and computes; it measures nothing.
//
// A change means something only beside the spread of repeated measurements. Where a side has at least three runs, the
// spread is measured between runs: they differ by more than their inner noise, such as the layout of memory, a cache, a
// neighbour. With fewer runs it is measured between the blocks of a run, which shows how steady the run was and not how
// much the next one would differ; the comparison says so.
//
// The interval of each figure is Student's t on the logarithms of the figures of the runs (Welch's, where both sides have
// several runs), since latencies vary by factors and not by amounts. From blocks it comes from the jackknife, which leaves
// one block out at a time. The deciding figures share the error: with five of them at 95 % each has an interval of 99 %
// (Bonferroni), so that two equal sides are called different in at most one comparison of twenty.
package compare

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// Side is a group of runs of the same plan. At least one is needed.
type Side struct {
	// Name is the file or folder that they came from.
	Name string
	Runs []load.Report
	// Files are where the runs were read, in their order, for messages; it may be left out.
	Files []string
}

// Options say how to judge.
type Options struct {
	// Confidence of the verdict as a whole, between 0 and 1.
	Confidence float64
	// Bound is the change for the worse past which a figure is a regression, as a share of its former value.
	Bound float64
	// DifferentPlans allows runs with different plans; their differences are listed.
	DifferentPlans bool
}

// Defaults returns a confidence of 95 % and a bound of 10 %.
func Defaults() Options { return Options{Confidence: 0.95, Bound: 0.1} }

// PlanError is a comparison of what cannot be compared.
type PlanError struct{ Differences []string }

func (e *PlanError) Error() string {
	return fmt.Sprintf("the runs have different plans (%s), so a difference of their figures would say nothing about the target",
		joined(e.Differences))
}

// minRuns is the number of runs of a side from which on their spread can be measured: two have one difference, which is
// as likely small by chance as not.
const minRuns = 3

// Compare sets b against a, the baseline. An error is a run that has no valid figures, or a *PlanError.
func Compare(a, b Side, o Options) (load.Comparison, error) {
	if !(o.Confidence > 0.5 && o.Confidence < 1) || !(o.Bound >= 0) {
		return load.Comparison{}, fmt.Errorf("a confidence of %v and a bound of %v cannot be used; the confidence lies between 0.5 and 1, and the bound is not below 0",
			o.Confidence, o.Bound)
	}
	for _, side := range []Side{a, b} {
		if err := side.check(); err != nil {
			return load.Comparison{}, err
		}
	}
	differences := differences(a, b)
	if len(differences) > 0 && !o.DifferentPlans {
		return load.Comparison{}, &PlanError{differences}
	}
	c := load.Comparison{
		A: load.CompareSide{Name: a.Name, Runs: len(a.Runs), Started: a.started()},
		B: load.CompareSide{Name: b.Name, Runs: len(b.Runs), Started: b.started()},
		// What Redact leaves as an empty list.
		Differences: differences, Confidence: o.Confidence, BoundShare: o.Bound, Spread: load.SpreadRuns,
	}
	var left, right estimator = runs(a.Runs), runs(b.Runs)
	if max(len(a.Runs), len(b.Runs)) < minRuns {
		before, err := newBlocks(a.Runs)
		if err != nil {
			return c, fmt.Errorf("%s: %w", a.Name, err)
		}
		after, err := newBlocks(b.Runs)
		if err != nil {
			return c, fmt.Errorf("%s: %w", b.Name, err)
		}
		c.Spread, c.A.Blocks, c.B.Blocks = load.SpreadBlocks, before.n, after.n
		left, right = before, after
	}
	all := figures()
	deciding := 0
	for _, f := range all {
		if f.decides {
			deciding++
		}
	}
	for _, f := range all {
		c.Figures = append(c.Figures, f.change(left.estimate(f), right.estimate(f), o, deciding))
	}
	c.Verdict, c.Regression = verdict(c.Figures)
	return c, nil
}

// check refuses runs whose figures say nothing.
func (s Side) check() error {
	if len(s.Runs) == 0 {
		return fmt.Errorf("%s has no run", s.Name)
	}
	for i, r := range s.Runs {
		name := s.Name
		switch {
		case i < len(s.Files):
			name = s.Files[i]
		case len(s.Runs) > 1:
			name = fmt.Sprintf("%s, run %d", s.Name, i+1)
		}
		switch {
		case r.Kind != load.KindRun:
			return fmt.Errorf("%s is the report of a %s; only those of runs can be compared", name, r.Kind)
		case r.Result == nil:
			return fmt.Errorf("%s has no figures: %s", name, r.Headline)
		case r.Outcome != load.Met && r.Outcome != load.NotMet && r.Outcome != load.Measured:
			return fmt.Errorf("%s cannot be compared: %s", name, r.Headline)
		}
	}
	return nil
}

// verdict sums the deciding figures up.
func verdict(all []load.FigureChange) (v load.CompareVerdict, regression bool) {
	seen := map[load.CompareVerdict]bool{}
	for _, f := range all {
		if f.Decides {
			seen[f.Verdict] = true
			regression = regression || f.Regression
		}
	}
	switch {
	case seen[load.Slower] && seen[load.Faster]:
		return load.Mixed, regression
	case seen[load.Slower]:
		return load.Slower, regression
	case seen[load.Faster]:
		return load.Faster, regression
	case seen[load.NoDifference]:
		return load.NoDifference, regression
	}
	return load.NoData, regression
}

// Report makes the report of a comparison, whose head is that of the last run of b. The command and the version are the
// caller's to set, and Conclude gives it its outcome.
func Report(c load.Comparison, b Side) (load.Report, error) {
	if len(b.Runs) == 0 {
		return load.Report{}, errors.New("a comparison has no second side")
	}
	last := b.Runs[len(b.Runs)-1]
	return load.Report{
		SchemaVersion: load.SchemaVersion, Kind: load.KindCompare, Tool: last.Tool, Target: last.Target, Started: last.Started,
		PlannedMS: last.PlannedMS, DurationMS: last.DurationMS, Plan: last.Plan, Notes: slices.Clone(notes(c)), Compare: &c,
	}, nil
}

// notes say what a reader must know before the verdict.
func notes(c load.Comparison) []string {
	var all []string
	if c.Spread == load.SpreadBlocks {
		all = append(all, fmt.Sprintf("The spread was measured inside of single runs; how much runs differ from each other is not in it. "+
			"At least %d runs of one side measure that.", minRuns))
	}
	return all
}

package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/capacity"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/loadgen/slo"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// StepSchedule is the schedule of one measurement of a capacity search.
func StepSchedule(ratePerS float64, length time.Duration) (*schedule.Schedule, error) {
	return schedule.New(schedule.Spec{Shape: schedule.Constant, Rate: schedule.WholeRate(ratePerS), Duration: length})
}

// Capacity searches for the highest rate at which the limits hold, with measurements of this length, and returns it as a
// report. Where no limit is on failures, one is added. next is told of every rate before it is measured. When the context
// ends, what was found until then is reported.
func (s *Session) Capacity(ctx context.Context, tool reports.Tool, c capacity.Config, length time.Duration, next func(ratePerS float64)) (load.Report, error) {
	if len(s.options.SLOs) == 0 {
		return load.Report{}, errors.New("a capacity needs at least one limit to be measured by")
	}
	if !slo.BoundFailures(s.options.SLOs) {
		limit, err := slo.Failures(s.meta)
		if err != nil {
			return load.Report{}, err
		}
		s.options.SLOs = append(slices.Clip(s.options.SLOs), limit)
	}
	r := s.head(load.KindCapacity, tool)
	r.Started = time.Now().UTC()
	// held are the last measurements that held, by rate; last is the last of all.
	held := map[float64]*stepResult{}
	var last *stepResult
	search, err := capacity.Search(ctx, c, func(ctx context.Context, ratePerS float64) (capacity.Measurement, error) {
		next(ratePerS)
		sc, err := StepSchedule(ratePerS, length)
		if err != nil {
			return capacity.Measurement{}, err
		}
		m, err := s.Measure(ctx, sc)
		if err == nil && m.Stopped {
			// Half a measurement says nothing of its rate.
			err = ctx.Err()
		}
		if err != nil {
			return capacity.Measurement{}, err
		}
		step := stepOf(m)
		last = &stepResult{sc, m}
		if step.Verdict == load.StepHeld {
			held[ratePerS] = last
		}
		return step, nil
	})
	if err != nil && ctx.Err() == nil {
		return load.Report{}, err
	}
	shown := last
	if search.RatePerS != nil {
		shown = held[*search.RatePerS]
	}
	if shown != nil {
		began := r.Started
		s.fill(&r, shown.schedule, shown.m)
		r.Started = began
		which := "the last measurement"
		if search.RatePerS != nil {
			which = "the last run that confirmed the answer"
		}
		r.Notes = append([]string{fmt.Sprintf("the schedule, the thresholds, the figures and the plots over time are those of %s, at %s",
			which, load.Quantity(shown.schedule.Mean(), load.PerSecond))}, r.Notes...)
	}
	if length < Tellable {
		r.Notes = append(r.Notes, fmt.Sprintf("measurements of %s are too short to tell a target that falls behind, whose capacity is below the answer; %s are enough", length, Tellable))
	}
	r.DurationMS = inMS(time.Since(r.Started))
	r.Capacity = &search
	r.Invalid = nil
	switch {
	case ctx.Err() != nil:
		return load.Conclude(r, load.Stopped), nil
	case search.RatePerS == nil && search.LimitedBy == load.LimitGenerator:
		// Not even the lowest rate could be measured.
		r.Invalid = last.m.Invalid
	}
	return load.Conclude(r, load.Finished), nil
}

// stepResult is a measurement with its schedule.
type stepResult struct {
	schedule *schedule.Schedule
	m        Measurement
}

// stepOf is what a measurement says about its rate.
func stepOf(m Measurement) capacity.Measurement {
	step := capacity.Measurement{AchievedPerS: &m.Result.AchievedPerS, Verdict: load.StepHeld}
	if l := m.Result.Latency.Corrected; l != nil {
		step.P50MS, step.P99MS = l.P50MS, l.P99MS
	}
	n := m.Result.Counts
	if known := n.Succeeded + n.Refused + n.Failed; known > 0 {
		share := float64(n.Failed) / float64(known)
		step.ErrorShare = &share
	}
	for _, t := range m.Thresholds {
		if t.Verdict != reports.Pass {
			step.Verdict, step.Reason = load.StepBroken, t.Expression+": "+t.Reason
			break
		}
	}
	if step.Verdict == load.StepHeld {
		if reason := behind(m.Result); reason != "" {
			step.Verdict, step.Reason = load.StepBroken, reason
		}
	}
	if len(m.Invalid) > 0 {
		step.Verdict, step.Reason = load.StepInvalid, m.Invalid[0]
	}
	return step
}

// What a target may fall behind in a part of a measurement and still be said to take the rate: half the width at which a
// search ends unless it is told otherwise, and the few deliveries that happen to be under way at the part's end.
const (
	behindShare = 0.025
	behindCount = 2
)

// Tellable is the length of a measurement from which on behind has something to look at.
const Tellable = 3 * time.Second

// behind says in a sentence that a target which keeps its limits does not take the rate: its backlog grows, and only the
// end of the measurement kept the limits from breaking. It looks at the two parts of the second half, and compares what was
// answered in each with what was due then: a stall leaves its mark on one of them, and a backlog that grows on both. A
// target that takes its time for each delivery but keeps up answers as many as are due, once the first are answered. Empty
// where it keeps up, or where the measurement is too short to tell.
func behind(r *load.Result) string {
	if r.Latency.Corrected == nil {
		return ""
	}
	buckets := r.Series.Buckets
	for len(buckets) > 0 && buckets[len(buckets)-1].Offered == 0 {
		buckets = buckets[:len(buckets)-1]
	}
	from := max(len(buckets)/2, int(math.Ceil(r.Latency.Corrected.MinMS/r.Series.BucketMS)))
	if from < 1 || len(buckets)-from < 2 {
		return ""
	}
	middle := (from + len(buckets)) / 2
	var due, answered int64
	for _, part := range [][]load.Bucket{buckets[from:middle], buckets[middle:]} {
		partDue, partAnswered := account(part)
		if float64(partAnswered) >= (1-behindShare)*float64(partDue)-behindCount {
			return ""
		}
		due, answered = due+partDue, answered+partAnswered
	}
	return fmt.Sprintf("it fell behind: of %s deliveries due in the second half it answered %s, so that a longer run breaks any limit",
		load.Number(due), load.Number(answered))
}

// account is how many deliveries were due in the buckets, and how many answers came in them, whatever they said.
func account(buckets []load.Bucket) (due, answered int64) {
	for _, b := range buckets {
		due += b.Offered
		answered += b.Succeeded + b.Refused
		for _, n := range b.Errors {
			answered += n
		}
	}
	return due, answered
}

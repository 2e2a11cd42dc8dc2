// Package slo reads limits such as "p99 < 250ms" from text, checks before a run that they can be judged, and judges a
// result by them afterwards. It sends nothing and measures nothing.
//
// A limit is a metric, a comparison and a value with its unit:
//
//	p99 < 250ms                    a percentile of the latency; also median, mean, min and max
//	service.p99 < 250ms            of the service time alone; without it latency counts from the intended start
//	p99{message.status} < 300ms    of one event type
//	slower_than(1s) < 1%           the share of the latencies that are longer
//	errors < 0.1%                  the share of the deliveries that failed; also success, the share answered by 2xx
//	rate >= 1990/s                 deliveries answered by 2xx per second; also sent and offered
package slo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// SLO is one limit, read and checked.
type SLO struct {
	// Text is the limit in its regular form, with single spaces around the comparison.
	Text string
	// From says who asked for it: "--slo", "target file" or "preset meta".
	From string
	// Source is where the contract states it; nil for the user's own.
	Source *contract.Citation

	metric  metric
	percent float64       // of percentiles
	than    time.Duration // of slower_than
	service bool          // the service time instead of the corrected latency
	event   string        // one event type, empty for all
	op      string
	limit   float64 // in the metric's unit: milliseconds, a share, or per second
}

// metric is what a limit speaks of.
type metric string

const (
	percentile metric = "p" // followed by its number, as p99.9
	mean       metric = "mean"
	minimum    metric = "min"
	maximum    metric = "max"
	slowerThan metric = "slower_than"
	failures   metric = "errors"
	success    metric = "success"
	rate       metric = "rate"
	sent       metric = "sent"
	offered    metric = "offered"
)

// latencyMetrics are those that have both views: corrected and service.
var latencyMetrics = []metric{percentile, mean, minimum, maximum, slowerThan}

// unit is the unit of a metric's values.
func (m metric) unit() string {
	switch m {
	case slowerThan, failures, success:
		return load.Share
	case rate, sent, offered:
		return load.PerSecond
	}
	return load.Milliseconds
}

// known lists the metrics for a message.
const known = "p50, p99.9 and other percentiles, median, mean, min, max, slower_than(1s), errors, success, rate, sent, offered"

// Error is a limit that cannot be used, with the place where it goes wrong.
type Error struct {
	// Text is the limit as it was given.
	Text string
	// Column is the place in it, in characters from 1.
	Column int
	// Problem says what is wrong and what would be right.
	Problem string
}

func (e *Error) Error() string {
	return fmt.Sprintf("threshold %q, column %d: %s", e.Text, e.Column, e.Problem)
}

// Check refuses limits that a run cannot have data for: those of an event type that is not among the events of its mix.
func Check(slos []SLO, events []string) error {
	for _, s := range slos {
		if s.event == "" || slices.Contains(events, s.event) {
			continue
		}
		return &Error{s.Text, strings.Index(s.Text, "{") + 2,
			fmt.Sprintf("no %s is sent in this run; its mix has %s", s.event, strings.Join(slices.Sorted(slices.Values(events)), ", "))}
	}
	return nil
}

// Enough refuses limits on latencies that a run of so many deliveries has too few values for; mix is the share of each
// event type in it. In a search for a capacity the deliveries are those of a measurement at the lowest rate: without this
// check a step that is too short for a limit looks like a target that broke it.
func Enough(slos []SLO, deliveries float64, mix map[string]float64) error {
	for _, s := range slos {
		if !slices.Contains(latencyMetrics, s.metric) {
			continue
		}
		name, needed := string(s.metric), int64(1)
		if s.metric == percentile {
			name, needed = "p"+decimal(s.percent), load.Needed(s.percent)
		}
		if deliveries < 1 {
			return &Error{s.Text, 1, "no delivery of this plan has a latency, as all carry a wrong signature; judge them by errors"}
		}
		values, what := deliveries, "deliveries"
		if s.event != "" {
			values, what = deliveries*mix[s.event], s.event
		}
		if values < float64(needed) {
			return &Error{s.Text, 1, fmt.Sprintf("%s takes at least %s, and this plan makes %s %s; raise the rate or the duration",
				name, valuesOf(needed), load.Number(int64(values)), what)}
		}
	}
	return nil
}

func valuesOf(n int64) string {
	if n == 1 {
		return "1 value"
	}
	return load.Number(n) + " values"
}

// BoundFailures reports whether any of the limits is one that failures can break: on the share of errors or of successes,
// or on the rate that is answered by 2xx.
func BoundFailures(slos []SLO) bool {
	return slices.ContainsFunc(slos, func(s SLO) bool { return s.metric == failures || s.metric == success || s.metric == rate })
}

// Notes says what the limits leave out of a result, for whoever reads that they hold.
func Notes(slos []SLO, r *load.Result) []string {
	if len(slos) == 0 || r == nil || r.Counts.Failed == 0 || BoundFailures(slos) {
		return nil
	}
	return []string{fmt.Sprintf("%s of %s deliveries failed, and no threshold is on failures; --slo 'errors < 1%%' would be",
		load.Number(r.Counts.Failed), load.Number(r.Counts.Sent))}
}

// String is the limit in its regular form.
func (s SLO) String() string { return s.Text }

// regular writes the limit in its regular form.
func (s SLO) regular(value string) string {
	var b strings.Builder
	if s.service {
		b.WriteString("service.")
	}
	b.WriteString(string(s.metric))
	switch s.metric {
	case percentile:
		b.WriteString(decimal(s.percent))
	case slowerThan:
		fmt.Fprintf(&b, "(%s)", duration(s.than))
	}
	if s.event != "" {
		fmt.Fprintf(&b, "{%s}", s.event)
	}
	fmt.Fprintf(&b, " %s %s", s.op, value)
	return b.String()
}

// holds compares what was observed with the limit. What the histogram cannot tell from the limit is equal to it.
func (s SLO) holds(observed float64, equal bool) bool {
	order := cmp.Compare(observed, s.limit)
	if equal {
		order = 0
	}
	switch s.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

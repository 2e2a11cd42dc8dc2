package slo

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// Judge holds a result against the limits, in their order. The result is nil where nothing was sent. A limit without data
// fails: that nothing was seen is no proof that all is well. An error means that the result itself cannot be read, such
// as a histogram that was cut.
func Judge(slos []SLO, r *load.Result) ([]load.Threshold, error) {
	all := make([]load.Threshold, 0, len(slos))
	for _, s := range slos {
		t := load.Threshold{
			Expression: s.Text, From: s.From, Source: s.Source, Verdict: reports.Fail, Limit: s.limit, Unit: s.metric.unit(),
		}
		seen, err := s.observe(r)
		if err != nil {
			return nil, fmt.Errorf("threshold %q: %w", s.Text, err)
		}
		switch {
		case seen.missing != "":
			t.Reason = "no data: " + seen.missing
		case s.holds(seen.value, seen.equal) && seen.cut > 0 && s.upper():
			t.Observed = &seen.value
			t.Reason = fmt.Sprintf("at least %s: %s without an answer when the timeout was over, and whether it would have come within the limit is not known",
				load.Quantity(seen.value, t.Unit), deliveriesWere(seen.cut))
		case s.holds(seen.value, seen.equal):
			t.Verdict = reports.Pass
			t.Observed = &seen.value
		default:
			t.Observed = &seen.value
			t.Reason = fmt.Sprintf("measured %s, and the limit is %s %s", load.Quantity(seen.value, t.Unit), s.op, load.Quantity(s.limit, t.Unit))
		}
		all = append(all, t)
	}
	return all, nil
}

// observation is what a result says about a metric.
type observation struct {
	value float64
	// equal says that the histogram cannot tell the value from the limit.
	equal bool
	// cut is set where the value is the least it can be, because of so many deliveries that ran into the timeout.
	cut int64
	// missing says why there is no value.
	missing string
}

// observe reads the metric off a result.
func (s SLO) observe(r *load.Result) (observation, error) {
	if r == nil || r.Counts.Sent == 0 {
		return observation{missing: "nothing was sent"}, nil
	}
	counts, latency := r.Counts, r.Latency
	if s.event != "" {
		i := slices.IndexFunc(r.Events, func(e load.EventResult) bool { return e.Event == s.event })
		if i < 0 || r.Events[i].Sent == 0 {
			return observation{missing: fmt.Sprintf("no %s was sent", s.event)}, nil
		}
		e := r.Events[i]
		counts = load.Counts{Sent: e.Sent, Succeeded: e.Succeeded, Refused: e.Refused, Failed: e.Failed}
		latency = e.Latency
	}
	switch s.metric {
	case failures, success:
		return s.share(counts), nil
	case rate:
		return observation{value: portion(r.AchievedPerS, counts.Succeeded, r.Counts.Succeeded)}, nil
	case sent:
		return observation{value: portion(r.SentPerS, counts.Sent, r.Counts.Sent)}, nil
	case offered:
		return observation{value: r.OfferedPerS}, nil
	}
	view := latency.Corrected
	if s.service {
		view = latency.Service
	}
	if view == nil || view.Count == 0 {
		return observation{missing: "nothing was answered"}, nil
	}
	if counts.Succeeded == 0 {
		// A target that fails at once is not fast, and one that never answers is as slow as the timeout makes it.
		return observation{missing: "nothing was answered by 2xx"}, nil
	}
	return s.latency(view, latency.TimedOut)
}

// upper says that the limit is one from above.
func (s SLO) upper() bool { return s.op == "<" || s.op == "<=" }

func deliveriesWere(n int64) string {
	if n == 1 {
		return "1 delivery was"
	}
	return load.Number(n) + " deliveries were"
}

// portion is the part of a figure that n of so many make up, and 0 of none.
func portion(figure float64, n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return figure * float64(n) / float64(of)
}

// share is that of the failures, or of the successes. A wrong signature that was refused is no failure, and no success
// either: it was not to be taken.
func (s SLO) share(c load.Counts) observation {
	all, n := c.Succeeded+c.Refused+c.Failed, c.Failed
	if s.metric == success {
		all, n = c.Succeeded+c.Failed, c.Succeeded
	}
	if all == 0 {
		return observation{missing: "no delivery came to an end that is known"}
	}
	return observation{value: float64(n) / float64(all)}
}

// latency reads the metric off the whole distribution, of which so many values are deliveries that ran into the timeout.
func (s SLO) latency(view *load.Latency, timedOut int64) (observation, error) {
	h, err := load.Decode(view.Histogram)
	if err != nil {
		return observation{}, err
	}
	if h.TotalCount() != view.Count {
		return observation{}, fmt.Errorf("the histogram holds %d values, and the count beside it is %d", h.TotalCount(), view.Count)
	}
	switch s.metric {
	case slowerThan:
		// What was never answered is slower than any time, also than one that was not waited for.
		return observation{value: float64(max(slower(h, s.than), timedOut)) / float64(h.TotalCount())}, nil
	case mean:
		return observation{value: view.MeanMS, cut: timedOut}, nil
	}
	ns, cut := h.Max(), timedOut
	switch s.metric {
	case percentile:
		if needed := load.Needed(s.percent); h.TotalCount() < needed {
			return observation{missing: fmt.Sprintf("p%s takes at least %d values, and there were %d", decimal(s.percent), needed, h.TotalCount())}, nil
		}
		ns = load.ValueAt(h, s.percent)
		if load.Rank(s.percent, h.TotalCount()) <= h.TotalCount()-timedOut {
			cut = 0
		}
	case minimum:
		// Something was answered, and nothing that was not can be faster.
		ns, cut = h.Min(), 0
	}
	limit := int64(math.Round(s.limit * float64(time.Millisecond)))
	return observation{value: math.Round(float64(ns)/1e3) / 1e3, equal: h.ValuesAreEquivalent(ns, limit), cut: cut}, nil
}

// slower counts the values that are certainly longer than a time: those that the histogram can tell from it.
func slower(h *hdrhistogram.Histogram, than time.Duration) int64 {
	var n int64
	for _, bar := range h.Distribution() {
		if bar.From > int64(than) {
			n += bar.Count
		}
	}
	return n
}

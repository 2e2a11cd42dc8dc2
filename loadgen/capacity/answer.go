package capacity

import (
	"fmt"
	"math"
	"slices"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// conclude states the answer.
func (s *search) conclude() {
	c := &s.found
	c.LimitedBy = s.limit
	for _, step := range c.Steps {
		if step.Verdict == load.StepBroken && (c.BrokenPerS == nil || step.RatePerS < *c.BrokenPerS) {
			c.BrokenPerS = &step.RatePerS
		}
	}
	// A single broken run that later ones outvoted is no rate at which the target breaks.
	if c.RatePerS != nil && c.BrokenPerS != nil && *c.BrokenPerS <= *c.RatePerS {
		c.BrokenPerS = nil
		if s.limit == load.LimitTarget {
			c.BrokenPerS = &s.high
		}
	}
	if c.RatePerS != nil {
		c.AtLeast = s.limit != load.LimitTarget
		c.Confidence, c.HoldShare = confidence(s.Confirmations, s.candidates), ptr(holdShare)
	}
	// Far past its limit a target's latency is that of a queue that grows as long as the step, which would flatten the bend.
	if c.KneePerS = knee(upTo(c.Steps, c.BrokenPerS)); c.KneePerS == nil {
		c.KneePerS = knee(c.Steps)
	}
	c.Statement = s.statement()
}

// confidence is that with which more than holdShare of the runs at a rate hold when n fresh ones did: if fewer held, n in
// a row would have had a chance of at most holdShare to the n. With every further candidate there was one more chance to
// be lucky.
func confidence(n, candidates int) *float64 {
	return ptr(max(0, 1-float64(candidates)*math.Pow(holdShare, float64(n))))
}

func (s *search) statement() string {
	c := s.found
	per := func(v float64) string { return load.Quantity(v, load.PerSecond) }
	if c.RatePerS == nil {
		switch {
		case len(c.Steps) == 0:
			return "Nothing was measured."
		case s.limit == load.LimitSteps:
			return fmt.Sprintf("No answer after %d measurements: %s held, but was not confirmed%s.", len(c.Steps), per(s.low), s.below(per))
		case s.high == 0:
			return fmt.Sprintf("No answer: the search ended early, after %s had held without being confirmed.", per(s.low))
		case s.limit == load.LimitGenerator:
			return fmt.Sprintf("Nothing is known of the target: the generator gave out at %s (%s).", per(s.high), s.why)
		case s.low > 0:
			return fmt.Sprintf("No answer: the search ended early, between %s, which held, and %s.", per(s.low), per(s.high))
		}
		if slices.ContainsFunc(c.Steps, func(step load.Step) bool { return step.Verdict == load.StepHeld && step.RatePerS == s.high }) {
			return fmt.Sprintf("No answer: even the lowest rate, %s, held at first and not in its confirmation (%s).", per(s.high), s.why)
		}
		return fmt.Sprintf("The target does not take the lowest rate that was tried: it broke at %s (%s).", per(s.high), s.why)
	}
	confirmed := fmt.Sprintf("all of %d confirmation runs held, so that with %s confidence a run at this rate is more likely to hold than not",
		c.Confirmations, load.Quantity(*c.Confidence, load.Share))
	switch s.limit {
	case load.LimitGenerator:
		return fmt.Sprintf("The target takes at least %s: %s. At %s the generator gave out, not the target (%s).", per(*c.RatePerS), confirmed, per(s.high), s.why)
	case load.LimitMaximum:
		return fmt.Sprintf("The target takes at least %s, the highest rate that was to be tried: %s.", per(*c.RatePerS), confirmed)
	}
	return fmt.Sprintf("The target takes %s: %s. At %s it broke (%s).", per(*c.RatePerS), confirmed, per(s.high), s.why)
}

func (s *search) below(per func(float64) string) string {
	if s.high == 0 {
		return ""
	}
	return ", and " + per(s.high) + " did not hold"
}

// The limits below which a curve has no bend worth naming: its latency must grow to three times the lowest, and its
// bend must stand off the straight line by a fifth of the picture. Below them noise alone makes bends.
const (
	minGrowth = 3
	minBend   = 0.2
)

// knee is the rate past which latency grows faster than it did. Of the curve of the 99th percentile over the rate, on a
// logarithmic scale and drawn into a unit square, it is the point that lies furthest below the diagonal (Satopää et al.,
// "Finding a Kneedle in a Haystack", 2011). It is nil where there are fewer than four rates, or no such bend.
func knee(steps []load.Step) *float64 {
	byRate := map[float64][]float64{}
	for _, step := range steps {
		if step.Verdict != load.StepInvalid && step.P99MS != nil && *step.P99MS > 0 {
			byRate[step.RatePerS] = append(byRate[step.RatePerS], math.Log(*step.P99MS))
		}
	}
	if len(byRate) < 4 {
		return nil
	}
	var rates, latencies []float64
	for rate := range byRate {
		rates = append(rates, rate)
	}
	slices.Sort(rates)
	for _, rate := range rates {
		latencies = append(latencies, median(byRate[rate]))
	}
	low, high := slices.Min(latencies), slices.Max(latencies)
	if high-low < math.Log(minGrowth) {
		return nil
	}
	best, at := 0.0, 0
	for i, rate := range rates {
		x := (rate - rates[0]) / (rates[len(rates)-1] - rates[0])
		if bend := x - (latencies[i]-low)/(high-low); bend > best {
			best, at = bend, i
		}
	}
	if best < minBend {
		return nil
	}
	return &rates[at]
}

// upTo are the steps at rates up to this one, and all where there is none.
func upTo(steps []load.Step, ratePerS *float64) []load.Step {
	if ratePerS == nil {
		return steps
	}
	return slices.DeleteFunc(slices.Clone(steps), func(s load.Step) bool { return s.RatePerS > *ratePerS })
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func ptr[T any](v T) *T { return &v }

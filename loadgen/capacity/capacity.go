// Package capacity finds the highest rate that a target takes: an algorithm over a function that measures one rate. It
// sends nothing and knows no clock.
//
// The search goes up in coarse steps until something gives, halves the gap between what held and what did not until it
// is narrow enough, and confirms the answer by fresh runs. It tells apart which side gave out: where the generator did,
// the answer is a lower bound.
package capacity

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// Measurement is what a run at one rate says; the fields are those of load.Step.
type Measurement struct {
	AchievedPerS, P50MS, P99MS, ErrorShare *float64
	Verdict                                load.StepVerdict
	// Reason says which threshold broke, or why the run is invalid.
	Reason string
}

// Measure runs the load at a rate, in deliveries per second. An error ends the search.
type Measure func(ctx context.Context, ratePerS float64) (Measurement, error)

// Config says where and how closely to look.
type Config struct {
	// Lowest is the first rate, Highest one that is never exceeded, in deliveries per second.
	Lowest, Highest float64
	// Growth is the factor from one coarse step to the next.
	Growth float64
	// Resolution is the gap between the answer and the rate that broke at which the search ends, as a share of the answer.
	Resolution float64
	// Confirmations is the number of fresh runs at the answer, all of which must hold.
	Confirmations int
	// MaxSteps bounds the measurements of the whole search.
	MaxSteps int
}

// Defaults returns a search from 10/s to a million, to 5 %, in at most 60 measurements. Five confirmations that all hold
// tell with 97 % confidence that a run at that rate is more likely to hold than not.
func Defaults() Config {
	return Config{Lowest: 10, Highest: 1e6, Growth: 2, Resolution: 0.05, Confirmations: 5, MaxSteps: 60}
}

// Check refuses a configuration that no search can follow.
func (c Config) Check() error {
	switch {
	case !(c.Lowest > 0) || math.IsInf(c.Lowest, 0):
		return fmt.Errorf("the lowest rate is %v/s; it must be above 0", c.Lowest)
	case !(c.Highest >= c.Lowest) || math.IsInf(c.Highest, 0):
		return fmt.Errorf("the highest rate is %v/s; it must not be below the lowest, %v/s", c.Highest, c.Lowest)
	case !(c.Growth > 1) || math.IsInf(c.Growth, 0):
		return fmt.Errorf("the growth is %v; it must be above 1", c.Growth)
	case !(c.Resolution > 0 && c.Resolution < 1):
		return fmt.Errorf("the resolution is %v; it must lie between 0 and 1", c.Resolution)
	case c.Confirmations < 1:
		return fmt.Errorf("there are %d confirmations; at least one is needed", c.Confirmations)
	case c.MaxSteps < c.Confirmations+1:
		return fmt.Errorf("at most %d measurements are too few for one step and %d confirmations", c.MaxSteps, c.Confirmations)
	}
	return nil
}

// holdShare is the share of the runs at the answer that the stated confidence speaks of: more hold than do not.
const holdShare = 0.5

// errSteps ends a search that has used up its measurements.
var errSteps = errors.New("the search used up its measurements")

// search is the state of one.
type search struct {
	Config
	measure Measure
	found   load.Capacity
	// low is the highest rate that held and was not refuted; 0 for none. high is the lowest that did not, 0 for none, and
	// limit and why say what gave out there.
	low, high float64
	limit     load.Limit
	why       string
	// candidates counts the rates that were put to confirmation.
	candidates int
}

// Search looks for the highest rate. Where it ends early, by an error of the measuring or of the context, the steps that
// were taken are returned with the error.
func Search(ctx context.Context, c Config, measure Measure) (load.Capacity, error) {
	if err := c.Check(); err != nil {
		return load.Capacity{}, err
	}
	s := &search{Config: c, measure: measure, limit: load.LimitMaximum}
	s.found.ResolutionShare = c.Resolution
	err := s.run(ctx)
	if errors.Is(err, errSteps) {
		s.limit, err = load.LimitSteps, nil
	}
	s.conclude()
	return s.found, err
}

func (s *search) run(ctx context.Context) error {
	for rate := s.Lowest; ; rate = min(round(rate*s.Growth), s.Highest) {
		held, err := s.try(ctx, load.PhaseCoarse, rate)
		if err != nil {
			return err
		}
		if !held || rate >= s.Highest {
			break
		}
	}
	for s.low > 0 {
		if err := s.bisect(ctx); err != nil {
			return err
		}
		confirmed, err := s.confirm(ctx)
		if err != nil || confirmed {
			return err
		}
	}
	return nil
}

// bisect narrows the gap until it is within the resolution.
func (s *search) bisect(ctx context.Context) error {
	for s.high > 0 && s.high-s.low > s.Resolution*s.low {
		middle := round((s.low + s.high) / 2)
		if middle <= s.low || middle >= s.high {
			return nil
		}
		if _, err := s.try(ctx, load.PhaseBisect, middle); err != nil {
			return err
		}
	}
	return nil
}

// confirm takes fresh runs at low. Where one does not hold, low becomes the highest rate below it that held, which may be
// none, and the search goes on.
func (s *search) confirm(ctx context.Context) (bool, error) {
	rate, invalid := s.low, 0
	s.candidates++
	for held := 0; held < s.Confirmations; {
		m, err := s.step(ctx, load.PhaseConfirm, rate)
		if err != nil {
			return false, err
		}
		switch m.Verdict {
		case load.StepHeld:
			held++
			continue
		case load.StepInvalid:
			// One of them says nothing about the rate; that it happens again does, about the generator.
			if invalid++; invalid == 1 {
				continue
			}
		}
		s.refute(rate, m)
		return false, nil
	}
	s.found.RatePerS = &rate
	s.found.Confirmations, s.found.Held = s.Confirmations, s.Confirmations
	return true, nil
}

// refute takes back that a rate holds.
func (s *search) refute(rate float64, m Measurement) {
	s.fail(rate, m)
	s.low = 0
	for _, step := range s.found.Steps {
		if step.Verdict == load.StepHeld && step.Phase != load.PhaseConfirm && step.RatePerS < rate {
			s.low = max(s.low, step.RatePerS)
		}
	}
}

// try measures a rate, and whatever does not hold again, since a single bad run may be the weather: what came twice in
// at most three runs counts. Three different verdicts say that nothing can be known at this rate.
func (s *search) try(ctx context.Context, phase load.Phase, rate float64) (held bool, err error) {
	seen := map[load.StepVerdict]int{}
	for {
		m, err := s.step(ctx, phase, rate)
		if err != nil {
			return false, err
		}
		seen[m.Verdict]++
		switch {
		case m.Verdict == load.StepHeld && (len(seen) == 1 || seen[load.StepHeld] == 2):
			s.low = rate
			return true, nil
		case m.Verdict != load.StepHeld && seen[m.Verdict] == 2:
			s.fail(rate, m)
			return false, nil
		case len(seen) == 3:
			m.Verdict, m.Reason = load.StepInvalid, "three runs gave three verdicts"
			s.fail(rate, m)
			return false, nil
		}
	}
}

// fail makes the rate the upper end.
func (s *search) fail(rate float64, m Measurement) {
	s.high, s.why = rate, m.Reason
	s.limit = load.LimitTarget
	if m.Verdict == load.StepInvalid {
		s.limit = load.LimitGenerator
	}
}

// step is one measurement.
func (s *search) step(ctx context.Context, phase load.Phase, rate float64) (Measurement, error) {
	if err := ctx.Err(); err != nil {
		return Measurement{}, err
	}
	if len(s.found.Steps) >= s.MaxSteps {
		return Measurement{}, errSteps
	}
	m, err := s.measure(ctx, rate)
	if err != nil {
		return m, err
	}
	switch m.Verdict {
	case load.StepHeld, load.StepBroken, load.StepInvalid:
	default:
		return m, fmt.Errorf("the run at %v/s ended without a verdict", rate)
	}
	s.found.Steps = append(s.found.Steps, load.Step{
		Phase: phase, RatePerS: rate, AchievedPerS: m.AchievedPerS, P50MS: m.P50MS, P99MS: m.P99MS, ErrorShare: m.ErrorShare,
		Verdict: m.Verdict, Reason: m.Reason,
	})
	return m, nil
}

// round makes whole rates of all but small ones, which are easier to read and to repeat.
func round(rate float64) float64 {
	if rate < 20 {
		return math.Round(rate*100) / 100
	}
	return math.Round(rate)
}

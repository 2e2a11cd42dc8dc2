package schedule

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// MaxDuration bounds a run. A week is Meta's whole window of retries; longer is a slip of the pen.
const MaxDuration = 7 * 24 * time.Hour

// maxPieces bounds the parts of a staircase or of a row of bursts.
const maxPieces = 100_000

// Spec describes a schedule.
type Spec struct {
	// Shape is one of the shapes' names.
	Shape string
	// Rate is the rate of constant, the end of ramp and step, the rate between bursts, and the mean of sine. A replay
	// has none.
	Rate Rate
	// Duration is the length of the run; a replay is cut there, and 0 means the whole trace.
	Duration time.Duration
	// From is where ramp and step begin; the zero value is zero.
	From Rate
	// Steps is the number of steps, at least 2.
	Steps int
	// To is the rate in a burst, which lasts for For and ends every interval of Every.
	To         Rate
	Every, For time.Duration
	// Amplitude is how far sine swings to either side of its mean, and at most the mean; Period is one swing.
	Amplitude Rate
	Period    time.Duration
	// Trace is what replay follows.
	Trace *Trace
}

// parameter sets one parameter of a shape from its text.
type parameter func(s *Spec, value string) error

var shapes = map[string]map[string]parameter{
	Constant: {},
	Ramp:     {"from": rateOf(func(s *Spec) *Rate { return &s.From })},
	Step:     {"from": rateOf(func(s *Spec) *Rate { return &s.From }), "steps": steps},
	Burst: {
		"to":    rateOf(func(s *Spec) *Rate { return &s.To }),
		"every": durationOf(func(s *Spec) *time.Duration { return &s.Every }),
		"for":   durationOf(func(s *Spec) *time.Duration { return &s.For }),
	},
	Sine: {
		"amplitude": rateOf(func(s *Spec) *Rate { return &s.Amplitude }),
		"period":    durationOf(func(s *Spec) *time.Duration { return &s.Period }),
	},
}

func rateOf(field func(*Spec) *Rate) parameter {
	return func(s *Spec, value string) (err error) {
		*field(s), err = ParseRate(value)
		return err
	}
}

func durationOf(field func(*Spec) *time.Duration) parameter {
	return func(s *Spec, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is not a duration above zero, such as 10s", value)
		}
		*field(s) = d
		return nil
	}
}

func steps(s *Spec, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 2 || n > maxPieces {
		return fmt.Errorf("%q is not a number of steps, which is 2 to %d", value, maxPieces)
	}
	s.Steps = n
	return nil
}

// Parse reads a shape with its parameters, such as "ramp:from=100/s", "burst:to=5000/s,every=10s,for=1s" or
// "replay:FILE", and completes it with what is usual. load reads the trace of a replay.
func Parse(text string, rate Rate, duration time.Duration, load func(path string) (*Trace, error)) (*Schedule, error) {
	name, rest, _ := strings.Cut(text, ":")
	s := Spec{Shape: name, Rate: rate, Duration: duration}
	if name == Replay {
		if rest == "" {
			return nil, fmt.Errorf("shape replay needs a file: replay:FILE")
		}
		var err error
		if s.Trace, err = load(rest); err != nil {
			return nil, err
		}
		return New(s)
	}
	parameters, known := shapes[name]
	if !known {
		return nil, fmt.Errorf("unknown shape %q; there are %s", name, shapeNames())
	}
	given := map[string]bool{}
	for part := range strings.SplitSeq(rest, ",") {
		if rest == "" {
			break
		}
		key, value, _ := strings.Cut(part, "=")
		set, known := parameters[key]
		if !known {
			return nil, fmt.Errorf("shape %s has no parameter %q; it has: %s", name, key, orNone(keys(parameters)))
		}
		if given[key] {
			return nil, fmt.Errorf("shape %s has the parameter %q twice", name, key)
		}
		given[key] = true
		if err := set(&s, value); err != nil {
			return nil, fmt.Errorf("shape %s, %s: %w", name, key, err)
		}
	}
	if err := s.complete(); err != nil {
		return nil, err
	}
	return New(s)
}

// complete sets what was left out, and checks what hangs together.
func (s *Spec) complete() error {
	switch s.Shape {
	case Step:
		if s.Steps == 0 {
			s.Steps = 5
		}
		if s.From.Count == 0 {
			// The first of equal steps from nothing.
			s.From = WholeRate(s.Rate.PerSecond() / float64(s.Steps))
		}
	case Burst:
		if s.To.Count == 0 {
			s.To = Rate{Count: s.Rate.Count * 5, Per: s.Rate.Per}
		}
		if s.Every == 0 {
			s.Every = 10 * time.Second
		}
		if s.For == 0 {
			s.For = s.Every / 10
		}
		if s.For >= s.Every {
			return fmt.Errorf("shape burst: a burst of %s does not fit into every %s", s.For, s.Every)
		}
		if s.To.PerSecond() > MaxRate {
			return fmt.Errorf("shape burst: %s in a burst is more than %d/s", s.To, MaxRate)
		}
		if s.Duration/s.Every > maxPieces {
			return fmt.Errorf("shape burst: every %s is more than %d bursts in %s", s.Every, maxPieces, s.Duration)
		}
	case Sine:
		if s.Amplitude.Count == 0 {
			s.Amplitude = Rate{Count: s.Rate.Count, Per: 2 * s.Rate.Per}
		}
		if s.Period == 0 {
			s.Period = s.Duration / 2
		}
		if s.Amplitude.PerSecond() > s.Rate.PerSecond() {
			return fmt.Errorf("shape sine: an amplitude of %s is more than the mean of %s, so that the rate would be negative", s.Amplitude, s.Rate)
		}
	}
	return nil
}

func shapeNames() string { return strings.Join(append(keys(shapes), Replay), ", ") }

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return slices.Clip(out)
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// Package schedule says when each delivery of a load run is to start. A schedule is a pure function between elapsed time
// and the number of starts, so that whoever asks, the pacer, the signer or a test, gets the same answer. Nothing here
// waits or sends.
package schedule

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"
	"time"
)

// The shapes.
const (
	Constant = "constant"
	Ramp     = "ramp"
	Step     = "step"
	Burst    = "burst"
	Sine     = "sine"
	Replay   = "replay"
)

// Schedule is the course of a run. It is safe for concurrent use.
type Schedule struct {
	curve    curve
	shape    string
	text     string
	duration time.Duration
	total    uint64
	peak     float64
	trace    *Trace
}

// curve is the rate over time. Its functions are only asked for times within the run and starts below the total.
type curve interface {
	// at is the time of start n, which counts from 0.
	at(n uint64) time.Duration
	// hits is the number of starts up to t, as a real number: start n lies where hits reaches n.
	hits(t time.Duration) float64
	// rate is the number of starts per second at t.
	rate(t time.Duration) float64
}

// newSchedule counts the starts of a curve: those that lie before the end.
func newSchedule(shape, text string, c curve, duration time.Duration, peak float64) *Schedule {
	// The curve may miss a whole number of starts by what floating point adds; a millionth of a start is no start.
	total := uint64(math.Ceil(max(0, c.hits(duration)-1e-6)))
	return &Schedule{curve: c, shape: shape, text: text, duration: duration, total: total, peak: peak}
}

// At returns the intended time of start n, counted from 0, since the beginning of the run. ok is false past the last.
func (s *Schedule) At(n uint64) (at time.Duration, ok bool) {
	if n >= s.total {
		return 0, false
	}
	return s.curve.at(n), true
}

// Due returns how many starts are due at t, that is at or before it.
func (s *Schedule) Due(t time.Duration) uint64 {
	if t < 0 || s.total == 0 {
		return 0
	}
	if t >= s.duration {
		return s.total
	}
	n := min(uint64(s.curve.hits(t))+1, s.total)
	// At is the truth; what floating point made of hits is put right by it.
	for n < s.total && s.curve.at(n) <= t {
		n++
	}
	for n > 0 && s.curve.at(n-1) > t {
		n--
	}
	return n
}

// RateAt returns the number of starts per second that is asked for at t.
func (s *Schedule) RateAt(t time.Duration) float64 {
	if t < 0 || t >= s.duration {
		return 0
	}
	return s.curve.rate(t)
}

// Total is the number of starts.
func (s *Schedule) Total() uint64 { return s.total }

// Duration is how long the run is planned to last.
func (s *Schedule) Duration() time.Duration { return s.duration }

// Shape is the name of the shape.
func (s *Schedule) Shape() string { return s.shape }

// String is the shape with its parameters, such as "ramp 100/s to 2000/s in 1m0s".
func (s *Schedule) String() string { return s.text }

// Mean and Peak are rates in starts per second over the planned time.
func (s *Schedule) Mean() float64 { return float64(s.total) / s.duration.Seconds() }

// Peak is the highest planned rate, in starts per second.
func (s *Schedule) Peak() float64 { return s.peak }

// Trace is the trace that is replayed, nil for other shapes.
func (s *Schedule) Trace() *Trace { return s.trace }

// even is one rate all the time, in whole numbers.
type even struct{ Rate }

func (e even) at(n uint64) time.Duration {
	// n*Per can be beyond 64 bits, but the result lies within the run.
	hi, lo := bits.Mul64(n, uint64(e.Per))
	quotient, _ := bits.Div64(hi, lo, e.Count)
	return time.Duration(quotient)
}

func (e even) hits(t time.Duration) float64 { return float64(t) * float64(e.Count) / float64(e.Per) }
func (e even) rate(time.Duration) float64   { return e.PerSecond() }

// pieces is a rate that is linear in parts.
type pieces []piece

type piece struct {
	start, length time.Duration
	// from and to are the rates at the piece's ends, per second.
	from, to float64
	// before is the number of starts before the piece.
	before float64
}

// add appends a piece behind the last one.
func (p pieces) add(length time.Duration, from, to float64) pieces {
	next := piece{length: length, from: from, to: to}
	if n := len(p); n > 0 {
		last := p[n-1]
		next.start = last.start + last.length
		next.before = last.before + last.hits(last.length.Seconds())
	}
	return append(p, next)
}

// hits is the integral of the rate over the first x seconds of the piece.
func (p piece) hits(x float64) float64 { return p.from*x + p.slope()*x*x/2 }

func (p piece) slope() float64 { return (p.to - p.from) / p.length.Seconds() }

// containing returns the last piece for which begins holds; the first always does.
func (p pieces) containing(begins func(piece) bool) piece {
	return p[max(0, sort.Search(len(p), func(i int) bool { return !begins(p[i]) })-1)]
}

func (p pieces) at(n uint64) time.Duration {
	hits := float64(n)
	in := p.containing(func(q piece) bool { return q.before <= hits })
	m := hits - in.before
	if m <= 0 {
		return in.start
	}
	// The root of slope/2 x² + from x = m, in the form that neither cancels nor divides by a slope of zero. Where the
	// rate falls to zero the root may come out a trace below zero.
	x := 2 * m / (in.from + math.Sqrt(max(0, in.from*in.from+2*in.slope()*m)))
	return in.start + min(seconds(x), in.length)
}

func (p pieces) hits(t time.Duration) float64 {
	in := p.containing(func(q piece) bool { return q.start <= t })
	return in.before + in.hits((t - in.start).Seconds())
}

func (p pieces) rate(t time.Duration) float64 {
	in := p.containing(func(q piece) bool { return q.start <= t })
	return in.from + in.slope()*(t-in.start).Seconds()
}

// wave is a rate that swings around its mean, beginning at the mean and upwards.
type wave struct {
	// mean and amplitude are rates per second, period is in seconds.
	mean, amplitude, period float64
}

func (w wave) rate(t time.Duration) float64 { return w.rateAt(t.Seconds()) }
func (w wave) hits(t time.Duration) float64 { return w.hitsAt(t.Seconds()) }

func (w wave) rateAt(x float64) float64 {
	return w.mean + w.amplitude*math.Sin(2*math.Pi*x/w.period)
}

// swing is how many starts the wave is ahead of its mean at the most, halved.
func (w wave) swing() float64 { return w.amplitude * w.period / (2 * math.Pi) }

func (w wave) hitsAt(x float64) float64 {
	return w.mean*x + w.swing()*(1-math.Cos(2*math.Pi*x/w.period))
}

// at finds the root of hits = n by Newton's method, kept inside of a bracket: hits lies between mean*x and 2*swing more.
func (w wave) at(n uint64) time.Duration {
	target := float64(n)
	high := target / w.mean
	low := max(0, high-2*w.swing()/w.mean)
	x := (low + high) / 2
	const enough = 1e-10 // seconds, a tenth of a nanosecond
	for range 200 {
		miss := w.hitsAt(x) - target
		if miss > 0 {
			high = x
		} else {
			low = x
		}
		next := x - miss/w.rateAt(x)
		// Where the rate is next to nothing Newton leaves the bracket, and halving it goes on.
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		if math.Abs(next-x) < enough || high-low < enough {
			x = next
			break
		}
		x = next
	}
	return seconds(x)
}

// seconds turns seconds into a duration, to the nearest nanosecond.
func seconds(x float64) time.Duration { return time.Duration(math.Round(x * float64(time.Second))) }

// recorded is the curve of a trace.
type recorded []time.Duration

func (r recorded) at(n uint64) time.Duration { return r[n] }

func (r recorded) hits(t time.Duration) float64 {
	return float64(sort.Search(len(r), func(i int) bool { return r[i] > t }))
}

// rate counts the starts in the second around t.
func (r recorded) rate(t time.Duration) float64 {
	return r.hits(t+time.Second/2) - r.hits(t-time.Second/2)
}

// peakOf is the largest number of starts in any second of a trace.
func peakOf(r recorded) float64 {
	best, first := 0, 0
	for i, at := range r {
		for r[first] <= at-time.Second {
			first++
		}
		best = max(best, i-first+1)
	}
	return float64(best)
}

// New makes a schedule of a shape; see Spec for the fields that a shape needs. The error says what is wrong.
func New(s Spec) (*Schedule, error) {
	if s.Shape == Replay {
		return s.replay()
	}
	if s.Duration < time.Millisecond || s.Duration > MaxDuration {
		return nil, fmt.Errorf("duration %s is not between 1ms and %s", s.Duration, MaxDuration)
	}
	if s.Rate.Count == 0 || s.Rate.Per <= 0 {
		return nil, fmt.Errorf("shape %s needs a rate, such as 2000/s", s.Shape)
	}
	var sc *Schedule
	rate := s.Rate.PerSecond()
	switch s.Shape {
	case Constant:
		sc = newSchedule(Constant, fmt.Sprintf("constant %s for %s", s.Rate, s.Duration), even{s.Rate}, s.Duration, rate)
	case Ramp:
		c := pieces{}.add(s.Duration, s.From.PerSecond(), rate)
		sc = newSchedule(Ramp, fmt.Sprintf("ramp %s to %s in %s", s.From, s.Rate, s.Duration), c, s.Duration, max(rate, s.From.PerSecond()))
	case Step:
		sc = s.staircase()
	case Burst:
		sc = s.bursts()
	case Sine:
		amplitude := s.Amplitude.PerSecond()
		sc = newSchedule(Sine, fmt.Sprintf("sine %s ± %s every %s for %s", s.Rate, s.Amplitude, s.Period, s.Duration),
			wave{mean: rate, amplitude: amplitude, period: s.Period.Seconds()}, s.Duration, rate+amplitude)
	default:
		return nil, fmt.Errorf("unknown shape %q; there are %s", s.Shape, shapeNames())
	}
	// The first start is at the beginning whatever the rate, so that the total alone would not tell.
	if starts := sc.curve.hits(s.Duration); starts < 1-1e-6 {
		return nil, fmt.Errorf("%s makes %.2g of a delivery; raise the rate or the duration", sc.text, starts)
	}
	return sc, nil
}

// staircase rises from From to Rate in equal steps of equal length.
func (s Spec) staircase() *Schedule {
	from, to := s.From.PerSecond(), s.Rate.PerSecond()
	var c pieces
	for i := range s.Steps {
		// Whole nanoseconds that add up to the duration.
		length := s.Duration*time.Duration(i+1)/time.Duration(s.Steps) - s.Duration*time.Duration(i)/time.Duration(s.Steps)
		rate := from + (to-from)*float64(i)/float64(s.Steps-1)
		c = c.add(length, rate, rate)
	}
	text := fmt.Sprintf("step %s to %s in %d steps over %s", s.From, s.Rate, s.Steps, s.Duration)
	return newSchedule(Step, text, c, s.Duration, max(from, to))
}

// bursts holds Rate, and To for the last part of every interval.
func (s Spec) bursts() *Schedule {
	base, high := s.Rate.PerSecond(), s.To.PerSecond()
	var c pieces
	for left := s.Duration; left > 0; {
		quiet := min(s.Every-s.For, left)
		c = c.add(quiet, base, base)
		left -= quiet
		if loud := min(s.For, left); loud > 0 {
			c = c.add(loud, high, high)
			left -= loud
		}
	}
	text := fmt.Sprintf("burst %s, and %s for %s every %s, for %s", s.Rate, s.To, s.For, s.Every, s.Duration)
	return newSchedule(Burst, text, c, s.Duration, slices.Max([]float64{base, high}))
}

// replay follows a trace, up to the duration where one is given.
func (s Spec) replay() (*Schedule, error) {
	if s.Trace == nil || len(s.Trace.Offsets) == 0 {
		return nil, fmt.Errorf("shape replay needs a trace with at least one start")
	}
	offsets := recorded(s.Trace.Offsets)
	// A trace says when its last start was and not when it ended: its last second is taken as a whole.
	whole := offsets[len(offsets)-1].Truncate(time.Second) + time.Second
	duration := whole
	if s.Duration > 0 && s.Duration < whole {
		duration = s.Duration
		offsets = offsets[:sort.Search(len(offsets), func(i int) bool { return offsets[i] >= duration })]
	}
	if len(offsets) == 0 {
		return nil, fmt.Errorf("the first %s of the trace have no start", duration)
	}
	return &Schedule{
		curve: offsets, shape: Replay, text: fmt.Sprintf("replay of %d starts in %s", len(offsets), duration),
		duration: duration, total: uint64(len(offsets)), peak: peakOf(offsets), trace: s.Trace,
	}, nil
}

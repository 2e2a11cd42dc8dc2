// Package plot draws line charts as SVG, for pages that must work without scripts and without a network. It knows
// numbers and labels, and nothing of what they mean. Colours come from the page, by the classes s1 to s6 and limit.
package plot

import (
	"math"
)

// Axis maps values to places.
type Axis struct {
	// Min and Max are the values at its ends.
	Min, Max float64
	// Log spaces decades equally; Min is then above 0.
	Log bool
	// Ticks are marked and labelled.
	Ticks []Tick
	// Label says what the axis shows.
	Label string
}

// Tick is a labelled place of an axis.
type Tick struct {
	At    float64
	Label string
}

// place is where a value lies on the axis: 0 at Min, 1 at Max. Values outside of the axis lie at its ends.
func (a Axis) place(v float64) float64 {
	lo, hi := a.Min, a.Max
	if a.Log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(max(v, lo))
	}
	if hi <= lo {
		return 0
	}
	return min(max((v-lo)/(hi-lo), 0), 1)
}

// Linear returns an axis from 0 to at least top with round ticks, some n of them.
func Linear(top float64, n int, label func(float64) string) Axis {
	if !(top > 0) {
		top = 1
	}
	step := round(top / float64(n))
	a := Axis{Max: step * math.Ceil(top/step-1e-9)}
	for i := 0; float64(i)*step <= a.Max*(1+1e-9); i++ {
		a.Ticks = append(a.Ticks, Tick{float64(i) * step, label(float64(i) * step)})
	}
	return a
}

// Whole is Linear for numbers of things, of which there are no fractions.
func Whole(top float64, n int, label func(float64) string) Axis {
	step := max(1, round(top/float64(n)))
	if step == 2.5 {
		step = 5
	}
	a := Axis{Max: step * max(1, math.Ceil(top/step-1e-9))}
	for v := 0.0; v <= a.Max*(1+1e-9); v += step {
		a.Ticks = append(a.Ticks, Tick{v, label(v)})
	}
	return a
}

// Logarithmic returns an axis that covers both values with ticks at 1, 2 and 5 of each decade, or at the decades alone
// where that would be too many. It begins below the lower value, so that a line there does not lie on the axis unseen.
func Logarithmic(low, high float64, label func(float64) string) Axis {
	if !(low > 0) || !(high > 0) {
		low, high = 1, 10
	}
	steps := []float64{1, 2, 5}
	if math.Log10(high/low) > 2.5 {
		steps = []float64{1}
	}
	var ticks []float64
	for decade := math.Floor(math.Log10(low)) - 1; decade <= math.Ceil(math.Log10(high))+1; decade++ {
		for _, s := range steps {
			ticks = append(ticks, s*math.Pow(10, decade))
		}
	}
	first, last := 0, len(ticks)-1
	for first+1 < len(ticks) && ticks[first+1] <= low/clear {
		first++
	}
	for last-1 > first && ticks[last-1] >= high*(1-1e-9) {
		last--
	}
	a := Axis{Min: ticks[first], Max: ticks[last], Log: true}
	for _, t := range ticks[first : last+1] {
		a.Ticks = append(a.Ticks, Tick{t, label(t)})
	}
	return a
}

// clear is by how much the lower value is to lie above the beginning of a logarithmic axis.
const clear = 1.05

// round is the next of 1, 2, 2.5 and 5 times a power of ten.
func round(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, s := range []float64{1, 2, 2.5, 5} {
		if v <= s*power*(1+1e-9) {
			return s * power
		}
	}
	return 10 * power
}

// Seconds returns the axis of a time that is given in seconds, with ticks at round clock times.
func Seconds(top float64, label func(float64) string) Axis {
	if !(top > 0) {
		top = 1
	}
	const wanted = 8
	step := round(top / wanted)
	for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400} {
		if top > wanted && top/s <= wanted {
			step = s
			break
		}
	}
	a := Axis{Max: top}
	for i := 0; float64(i)*step <= top*(1+1e-9); i++ {
		a.Ticks = append(a.Ticks, Tick{float64(i) * step, label(float64(i) * step)})
	}
	return a
}

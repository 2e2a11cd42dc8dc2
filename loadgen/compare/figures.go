package compare

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// figure is something that can be compared.
type figure struct {
	name    string
	unit    string
	percent float64 // of percentiles
	service bool    // the service time instead of the corrected latency
	decides bool
}

// figures lists them. Those that decide are few, because each one more widens the intervals of all: the typical and the
// slow delivery, the rate and the errors. The extremes are for information, since a single delivery moves them.
func figures() []figure {
	latency := func(name string, percent float64, service, decides bool) figure {
		return figure{name, load.Milliseconds, percent, service, decides}
	}
	return []figure{
		latency("p50", 50, false, true), latency("p90", 90, false, true), latency("p99", 99, false, true),
		{name: "errors", unit: load.Share, decides: true},
		{name: "rate", unit: load.PerSecond, decides: true},
		latency("p95", 95, false, false), latency("p99.9", 99.9, false, false), latency("max", 100, false, false),
		latency("service.p50", 50, true, false), latency("service.p90", 90, true, false), latency("service.p99", 99, true, false),
	}
}

// estimate is what a side says about a figure.
type estimate struct {
	// value is the figure, and spread the standard error of it: of its logarithm, where the figure is no share.
	value, spread float64
	// n is the number of runs or blocks that the spread was measured on, 1 where it could not be.
	n int
	// single is the standard deviation of a single run; 0 where the units are blocks.
	single float64
	// counted is the number of deliveries that a share was counted on.
	counted float64
	// missing says why there is nothing.
	missing string
}

// estimator is a side: its runs or their blocks.
type estimator interface{ estimate(figure) estimate }

// resolution is what two figures can differ by and mean the same: a histogram with three digits has steps of up to a
// thousandth, and so much a paced rate may be off.
const resolution = 0.001

// change compares the two estimates; deciding is the number of figures that share the error.
func (f figure) change(a, b estimate, o Options, deciding int) load.FigureChange {
	c := load.FigureChange{Figure: f.name, Unit: f.unit, Decides: f.decides, Verdict: load.NoData}
	if a.missing == "" {
		c.A = &a.value
	}
	if b.missing == "" {
		c.B = &b.value
	}
	switch {
	case a.missing != "":
		c.Reason = "A: " + a.missing
		return c
	case b.missing != "":
		c.Reason = "B: " + b.missing
		return c
	}
	diff := b.value - a.value
	if f.unit != load.Share {
		diff = math.Log(b.value / a.value)
	}
	change := f.shown(diff)
	c.Change = &change
	spread, freedom := together(a, b)
	if freedom < 1 {
		c.Reason = "the spread cannot be measured on so little"
		return c
	}
	if f.unit == load.Share {
		// Even equal runs differ by what counting leaves to chance.
		p := (a.value*a.counted + b.value*b.counted) / (a.counted + b.counted)
		spread = max(spread, math.Sqrt(p*(1-p)*(1/a.counted+1/b.counted)))
	}
	chance := (1 - o.Confidence) / float64(deciding) / 2
	half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile(1-chance) * spread
	if f.unit != load.Share {
		half += resolution
	}
	low, high := f.shown(diff-half), f.shown(diff+half)
	c.Low, c.High = &low, &high
	worse, better := low > 0, high < 0
	past := change > o.Bound
	switch f.unit {
	case load.PerSecond:
		worse, better = better, worse
		past = change < -o.Bound
	case load.Share:
		past = b.value > a.value*(1+o.Bound)
	}
	switch {
	case worse:
		c.Verdict, c.Regression = load.Slower, past && f.decides
	case better:
		c.Verdict = load.Faster
	default:
		c.Verdict = load.NoDifference
	}
	return c
}

// shown turns a difference as it is computed into one as it is told: of logarithms into a share.
func (f figure) shown(diff float64) float64 {
	if f.unit == load.Share {
		return diff
	}
	return math.Exp(diff) - 1
}

// together is the standard error of the difference and its degrees of freedom (Welch, Satterthwaite). A side of a single
// run is taken to spread as the other does.
func together(a, b estimate) (spread, freedom float64) {
	switch {
	case a.n < 2 && b.n < 2:
		return 0, 0
	case a.n < 2:
		return math.Hypot(b.single, b.spread), float64(b.n - 1)
	case b.n < 2:
		return math.Hypot(a.spread, a.single), float64(a.n - 1)
	}
	va, vb := a.spread*a.spread, b.spread*b.spread
	if va+vb == 0 {
		return 0, float64(a.n + b.n - 2)
	}
	return math.Sqrt(va + vb), (va + vb) * (va + vb) / (va*va/float64(a.n-1) + vb*vb/float64(b.n-1))
}

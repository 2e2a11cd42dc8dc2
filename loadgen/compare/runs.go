package compare

import (
	"fmt"
	"math"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// runs estimates from repeated runs: each figure is the mean over them, the geometric one where it is no share.
type runs []load.Report

func (all runs) estimate(f figure) estimate {
	var values []float64
	var counted float64
	for i, r := range all {
		v := value(f, r.Result)
		if v == nil {
			return estimate{missing: fmt.Sprintf("run %d has too few values for it", i+1)}
		}
		x := *v
		if f.unit != load.Share {
			if x <= 0 {
				return estimate{missing: fmt.Sprintf("run %d has none", i+1)}
			}
			x = math.Log(x)
		}
		values = append(values, x)
		counted += float64(r.Result.Counts.Succeeded + r.Result.Counts.Failed)
	}
	mean, deviation := moments(values)
	e := estimate{value: mean, spread: deviation / math.Sqrt(float64(len(values))), single: deviation, n: len(values), counted: counted}
	if f.unit != load.Share {
		e.value = math.Exp(mean)
	}
	return e
}

// value reads a figure off a run; nil where the run does not have it.
func value(f figure, r *load.Result) *float64 {
	switch f.unit {
	case load.Share:
		return share(r.Counts.Succeeded, r.Counts.Failed)
	case load.PerSecond:
		return &r.AchievedPerS
	}
	l := r.Latency.Corrected
	if f.service {
		l = r.Latency.Service
	}
	if l == nil {
		return nil
	}
	switch f.percent {
	case 50:
		return l.P50MS
	case 90:
		return l.P90MS
	case 95:
		return l.P95MS
	case 99:
		return l.P99MS
	case 99.9:
		return l.P999MS
	}
	return &l.MaxMS
}

// share is that of the failures; nil where nothing has a known end.
func share(succeeded, failed int64) *float64 {
	if succeeded+failed == 0 {
		return nil
	}
	v := float64(failed) / float64(succeeded+failed)
	return &v
}

// moments are the mean and the standard deviation of a sample; the latter is 0 for a single value.
func moments(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	if len(values) < 2 {
		return mean, 0
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(values)-1))
}

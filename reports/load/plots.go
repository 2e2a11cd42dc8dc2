package load

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/kirimcheck/kirimcheck/reports/load/plot"
)

// course draws the plots over time, which share their X axis.
func course(r Report) []picture {
	series := r.Result.Series
	buckets := series.Buckets
	last := buckets[len(buckets)-1]
	x := plot.Seconds((last.StartMS+length(last, series))/1000, clockLabel)
	at := func(b Bucket) float64 { return b.StartMS / 1000 }
	middle := func(b Bucket) float64 { return (b.StartMS + length(b, series)/2) / 1000 }

	perSecond := func(of func(Bucket) int64) []plot.Point {
		var points []plot.Point
		for i, b := range buckets {
			if i > 0 && length(b, series) < series.BucketMS/shortest {
				// The last answers alone, over the few milliseconds in which they came, would stand out as a rate.
				break
			}
			points = append(points, plot.Point{X: at(b), Y: float64(of(b)) / length(b, series) * 1000})
		}
		return append(points, plot.Point{X: x.Max, Y: points[len(points)-1].Y})
	}
	rates := []plot.Series{
		{Name: "offered", Class: "s6", Step: true, Points: perSecond(func(b Bucket) int64 { return b.Offered })},
		{Name: "sent", Class: "s2", Step: true, Points: perSecond(func(b Bucket) int64 { return b.Sent })},
		{Name: "answered by 2xx", Class: "s1", Step: true, Points: perSecond(func(b Bucket) int64 { return b.Succeeded })},
	}
	inFlight := []plot.Series{{Name: "under way at most", Class: "s1", Step: true, Points: steps(buckets, at, x.Max, func(b Bucket) float64 { return float64(b.InFlight) })}}

	pictures := []picture{draw(plot.Chart{
		ID: "plot-rate", Title: "Rate, deliveries per second", X: x, Y: plot.Linear(highestOf(rates)*1.04, 5, countLabel), Series: rates,
		Summary: fmt.Sprintf("Offered %s, answered by 2xx %s over the whole run. The numbers are in the table below the plots.",
			Quantity(r.Result.OfferedPerS, PerSecond), Quantity(r.Result.AchievedPerS, PerSecond)),
		Columns: columns(series, func(b Bucket) string {
			return fmt.Sprintf("offered %s\nsent %s\nanswered by 2xx %s", Number(b.Offered), Number(b.Sent), Number(b.Succeeded))
		}),
	})}
	corrected := func(b Bucket) *BucketLatency { return b.Corrected }
	service := func(b Bucket) *BucketLatency { return b.Service }
	// Both views have the same axis, so that the gap between them is seen.
	low, high := bounds(append(latencyLines(buckets, middle, corrected), latencyLines(buckets, middle, service)...))
	for _, m := range limits(r.Thresholds) {
		// A limit far above what happened would squeeze the lines at the bottom.
		if m.At > high && m.At < 20*high {
			high = m.At
		}
	}
	for _, view := range []struct {
		id, title string
		of        func(Bucket) *BucketLatency
		marks     []plot.Mark
	}{
		{"plot-corrected", "Latency from the intended start, log scale", corrected, limits(r.Thresholds)},
		{"plot-service", "Service time, log scale", service, nil},
	} {
		lines := latencyLines(buckets, middle, view.of)
		if len(lines) == 0 {
			continue
		}
		pictures = append(pictures, draw(plot.Chart{
			ID: view.id, Title: view.title, X: x, Y: plot.Logarithmic(low, high, msLabel), Series: lines, Marks: view.marks, Height: 260,
			Summary: "Percentiles of each bucket. The numbers are in the table below the plots.",
			Columns: columns(series, func(b Bucket) string {
				l := view.of(b)
				if l == nil {
					return "no answer"
				}
				return fmt.Sprintf("p50 %s\np90 %s\np99 %s\nmax %s", milli(l.P50MS), milli(l.P90MS), milli(l.P99MS), Quantity(l.MaxMS, Milliseconds))
			}),
		}))
	}
	if errors := errorLines(r.Result, at, x.Max); len(errors) > 0 {
		pictures = append(pictures, draw(plot.Chart{
			ID: "plot-errors", Title: "Failures by class, per bucket", X: x, Y: plot.Whole(highestOf(errors), 4, countLabel), Series: errors, Height: 190,
			Summary: fmt.Sprintf("%s failed in the whole run. The classes are in the table of failures.", plural64(r.Result.Counts.Failed, "delivery", "deliveries")),
			Columns: columns(series, errorText),
		}))
	}
	return append(pictures, draw(plot.Chart{
		ID: "plot-in-flight", Title: "Deliveries under way", X: x, Y: plot.Whole(highestOf(inFlight), 4, countLabel), Series: inFlight, Height: 170,
		Summary: "The largest number of deliveries under way at a time in each bucket. The numbers are in the table below the plots.",
		Columns: columns(series, func(b Bucket) string { return fmt.Sprintf("under way at most %s", Number(b.InFlight)) }),
	}))
}

// shortest is the part of a bucket that the last one has to be for a rate of its own.
const shortest = 4

// length is how long a bucket is, in milliseconds.
func length(b Bucket, s Series) float64 {
	if b.LengthMS != nil {
		return *b.LengthMS
	}
	return s.BucketMS
}

// steps are points at the beginnings of the buckets, and one at the end of the axis.
func steps(buckets []Bucket, at func(Bucket) float64, end float64, of func(Bucket) float64) []plot.Point {
	var points []plot.Point
	for _, b := range buckets {
		points = append(points, plot.Point{X: at(b), Y: of(b)})
	}
	return append(points, plot.Point{X: end, Y: points[len(points)-1].Y})
}

func latencyLines(buckets []Bucket, at func(Bucket) float64, of func(Bucket) *BucketLatency) []plot.Series {
	lines := []plot.Series{{Name: "p50", Class: "s1"}, {Name: "p90", Class: "s3"}, {Name: "p99", Class: "s2"}, {Name: "max", Class: "s6"}}
	for _, b := range buckets {
		values := make([]*float64, len(lines))
		if l := of(b); l != nil {
			values = []*float64{l.P50MS, l.P90MS, l.P99MS, &l.MaxMS}
		}
		for i := range lines {
			y := plot.Gap()
			if values[i] != nil {
				y = *values[i]
			}
			lines[i].Points = append(lines[i].Points, plot.Point{X: at(b), Y: y})
		}
	}
	return slices.DeleteFunc(lines, func(s plot.Series) bool {
		return !slices.ContainsFunc(s.Points, func(p plot.Point) bool { return !math.IsNaN(p.Y) })
	})
}

// maxClasses bounds the classes that have a line of their own.
const maxClasses = 4

func errorLines(r *Result, at func(Bucket) float64, end float64) []plot.Series {
	var lines []plot.Series
	for i, e := range r.Errors {
		of := func(b Bucket) float64 { return float64(b.Errors[e.Class]) }
		name := string(e.Class)
		if i == maxClasses && len(r.Errors) > maxClasses+1 {
			rest := r.Errors[i:]
			name = fmt.Sprintf("%d other classes", len(rest))
			of = func(b Bucket) float64 {
				var n int64
				for _, other := range rest {
					n += b.Errors[other.Class]
				}
				return float64(n)
			}
		}
		if i > maxClasses {
			break
		}
		lines = append(lines, plot.Series{Name: name, Class: []string{"s4", "s2", "s5", "s1", "s6"}[i], Step: true, Points: steps(r.Series.Buckets, at, end, of)})
	}
	return lines
}

func errorText(b Bucket) string {
	var lines []string
	for class, n := range b.Errors {
		lines = append(lines, fmt.Sprintf("%s %s", class, Number(n)))
	}
	if len(lines) == 0 {
		return "no failure"
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// columns are the texts that show over the buckets.
func columns(s Series, text func(Bucket) string) []plot.Column {
	var all []plot.Column
	for _, b := range s.Buckets {
		from, to := b.StartMS/1000, (b.StartMS+length(b, s))/1000
		all = append(all, plot.Column{From: from, To: to, Text: fmt.Sprintf("%s to %s\n%s", clockLabel(from), clockLabel(to), text(b))})
	}
	return all
}

// limits are the thresholds on the corrected latency of all deliveries, as lines.
func limits(thresholds []Threshold) []plot.Mark {
	var marks []plot.Mark
	for _, t := range thresholds {
		if t.Unit == Milliseconds && !strings.HasPrefix(t.Expression, "service.") && !strings.Contains(t.Expression, "{") {
			marks = append(marks, plot.Mark{At: t.Limit, Label: t.Expression})
		}
	}
	return marks
}

// distributionPlot draws latency over the percentile, on an axis on which each further nine takes the same room; nil
// where there is no latency. An error is a histogram that cannot be read.
func distributionPlot(l Latencies) (*picture, error) {
	var lines []plot.Series
	var most int64
	for _, view := range []struct {
		name, class string
		l           *Latency
	}{{"from the intended start", "s1", l.Corrected}, {"service time", "s2", l.Service}} {
		if view.l == nil {
			continue
		}
		h, err := Decode(view.l.Histogram)
		if err != nil {
			return nil, err
		}
		most = max(most, h.TotalCount())
		lines = append(lines, plot.Series{Name: view.name, Class: view.class, Points: distribution(h)})
	}
	if len(lines) == 0 {
		return nil, nil
	}
	low, high := bounds(lines)
	x := plot.Axis{Min: 1, Max: math.Max(10, float64(most)), Log: true, Label: "percentile"}
	for _, percent := range []float64{0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999} {
		if v := oneIn(percent); v <= x.Max {
			x.Ticks = append(x.Ticks, plot.Tick{At: v, Label: fmt.Sprintf("%v %%", percent)})
		}
	}
	p := draw(plot.Chart{
		ID: "plot-distribution", Title: "Distribution: latency by percentile, both on log scales", X: x, Y: plot.Logarithmic(low, high, msLabel),
		Series: lines, Height: 290, Summary: "The numbers are in the table below the plot.",
	})
	return &p, nil
}

// oneIn is the number of values of which one lies beyond the percentile.
func oneIn(percent float64) float64 { return 100 / (100 - percent) }

func distribution(h *hdrhistogram.Histogram) []plot.Point {
	const ticksPerHalfDistance = 12
	var points []plot.Point
	for _, b := range h.CumulativeDistributionWithTicks(ticksPerHalfDistance) {
		if b.Quantile < 100 {
			if v := oneIn(b.Quantile); v <= float64(h.TotalCount()) {
				points = append(points, plot.Point{X: v, Y: inMS(b.ValueAt)})
			}
		}
	}
	return append(points, plot.Point{X: float64(h.TotalCount()), Y: inMS(h.Max())})
}

func generatorPlots(samples []Sample) []picture {
	x := plot.Seconds(samples[len(samples)-1].AtMS/1000, clockLabel)
	// The plots stand side by side at half the width, where every second label has room.
	for i := range x.Ticks {
		if i%2 == 1 {
			x.Ticks[i].Label = ""
		}
	}
	line := func(name string, of func(Sample) *float64) []plot.Series {
		s := plot.Series{Name: name, Class: "s1"}
		for _, sample := range samples {
			y := plot.Gap()
			if v := of(sample); v != nil {
				y = *v
			}
			s.Points = append(s.Points, plot.Point{X: sample.AtMS / 1000, Y: y})
		}
		return []plot.Series{s}
	}
	const summary = "The course of the generator's own health. The extremes are in the list above."
	var pictures []picture
	add := func(id, title string, lines []plot.Series, label func(float64) string) {
		if top := highestOf(lines); top > 0 {
			pictures = append(pictures, draw(plot.Chart{ID: id, Title: title, Summary: summary, X: x, Y: plot.Linear(top, 4, label), Series: lines, Height: 230}))
		}
	}
	add("plot-cpu", "Processor used", line("share of all processors", func(s Sample) *float64 { return s.CPUShare }), func(v float64) string { return Quantity(v, Share) })
	add("plot-lag", "Scheduling lag", line("largest since the sample before", func(s Sample) *float64 { return s.LagMaxMS }), msLabel)
	add("plot-gc", "GC pauses", line("since the sample before", func(s Sample) *float64 { return &s.GCPauseMS }), msLabel)
	add("plot-memory", "Memory, MiB", line("held", func(s Sample) *float64 {
		if s.MemoryBytes == nil {
			return nil
		}
		v := float64(*s.MemoryBytes) / (1 << 20)
		return &v
	}), significant)
	return pictures
}

// capacityPlot draws the latency and the answer rate over the offered rate, in the order of the rates.
func capacityPlot(c *Capacity, thresholds []Threshold) *picture {
	steps := slices.Clone(c.Steps)
	slices.SortStableFunc(steps, func(a, b Step) int { return int(math.Copysign(1, a.RatePerS-b.RatePerS)) })
	lines := []plot.Series{{Name: "p99 from the intended start", Class: "s2", Dots: true}, {Name: "p50", Class: "s1", Dots: true}}
	top := 0.0
	for _, s := range steps {
		if s.P99MS != nil {
			lines[0].Points = append(lines[0].Points, plot.Point{X: s.RatePerS, Y: *s.P99MS})
		}
		if s.P50MS != nil {
			lines[1].Points = append(lines[1].Points, plot.Point{X: s.RatePerS, Y: *s.P50MS})
		}
		top = max(top, s.RatePerS)
	}
	low, high := bounds(lines)
	if high == 0 {
		return nil
	}
	x := plot.Linear(top, 7, countLabel)
	x.Label = "offered, deliveries per second"
	var knee []plot.Mark
	if c.KneePerS != nil {
		knee = []plot.Mark{{At: *c.KneePerS, Label: "knee: " + Quantity(*c.KneePerS, PerSecond)}}
	}
	p := draw(plot.Chart{ID: "plot-capacity", Title: "Latency by offered rate, log scale", X: x, Y: plot.Logarithmic(low, high, msLabel), Series: lines,
		Marks: limits(thresholds), Uprights: knee, Height: 280, Summary: "Each dot is a step. The numbers are in the table of steps."})
	return &p
}

// bounds are the lowest and the highest value of all lines that a logarithmic axis can show; 0 where there is none.
func bounds(lines []plot.Series) (low, high float64) {
	for _, s := range lines {
		for _, p := range s.Points {
			if p.Y > 0 {
				if low == 0 || p.Y < low {
					low = p.Y
				}
				high = max(high, p.Y)
			}
		}
	}
	return low, high
}

func highestOf(lines []plot.Series) float64 {
	_, high := bounds(lines)
	return high
}

func msLabel(v float64) string    { return Quantity(v, Milliseconds) }
func countLabel(v float64) string { return significant(v) }

// clockLabel writes seconds as a clock does, or as seconds where they are few.
func clockLabel(seconds float64) string {
	whole := int(math.Round(seconds))
	switch {
	case seconds < 60:
		return significant(seconds) + " s"
	case whole%3600 == 0 && whole > 0:
		return fmt.Sprintf("%d h", whole/3600)
	case whole < 3600 && whole%60 == 0:
		return fmt.Sprintf("%d min", whole/60)
	case whole < 3600:
		return fmt.Sprintf("%d:%02d", whole/60, whole%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", whole/3600, whole/60%60, whole%60)
}

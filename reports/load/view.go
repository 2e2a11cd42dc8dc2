package load

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/reports/load/plot"
)

// view is the report in the order in which the page tells it.
type view struct {
	Report
	Tiles []tile
	// Void says that the run is invalid, so that no threshold holds and none is broken.
	Void bool
	// Known is the number of deliveries whose end is known.
	Known int64
	// Course are the plots over time, Rows the same as a table; Grouped says how many buckets a row covers, where it is
	// more than one.
	Course  []picture
	Rows    []row
	Grouped string
	// Distribution is the plot of the percentiles.
	Distribution   *picture
	Health         []pair
	GeneratorPlots []picture
	PlanPairs      []pair
	CapacityPlot   *picture
	CapacityPairs  []pair
	CompareNote    string
}

// tile is a key figure.
type tile struct {
	Name, Value string
	Bad         bool
}

// pair is a fact with its name.
type pair struct{ Name, Value string }

// picture is a plot with its legend.
type picture struct {
	Title string
	Keys  []key
	SVG   template.HTML
}

// key is an entry of a legend.
type key struct{ Name, Class string }

// draw turns a chart into a picture.
func draw(c plot.Chart) picture {
	p := picture{Title: c.Title, SVG: template.HTML(c.SVG())}
	for _, s := range c.Series {
		p.Keys = append(p.Keys, key{s.Name, s.Class})
	}
	return p
}

func newView(r Report) (view, error) {
	v := view{Report: r, Void: r.Outcome == Invalid, PlanPairs: planPairs(r.Plan), CompareNote: compareNote(r.Compare)}
	if r.Capacity != nil {
		v.CapacityPlot, v.CapacityPairs = capacityPlot(r.Capacity, r.Thresholds), capacityPairs(r.Capacity)
	}
	if r.Result == nil {
		return v, nil
	}
	var err error
	if v.Distribution, err = distributionPlot(r.Result.Latency); err != nil {
		return v, err
	}
	v.Tiles, v.Known = tiles(r.Result), r.Result.known()
	if len(r.Result.Series.Buckets) > 0 {
		v.Course = course(r)
		v.Rows, v.Grouped = rows(r.Result.Series)
	}
	v.Health = health(r.Result.Schedule, r.Result.Counts, r.Generator)
	if r.Generator != nil && len(r.Generator.Samples) > 1 {
		v.GeneratorPlots = generatorPlots(r.Generator.Samples)
	}
	return v, nil
}

func tiles(r *Result) []tile {
	percentile := func(l *Latency, of func(*Latency) *float64) string {
		if l == nil {
			return "–"
		}
		return milli(of(l))
	}
	failed := tile{"failed", "–", false}
	if r.known() > 0 {
		failed = tile{"failed of " + Number(r.known()), shareOf(r.Counts.Failed, r.Counts), r.Counts.Failed > 0}
	}
	longest := "–"
	if l := r.Latency.Corrected; l != nil {
		longest = Quantity(l.MaxMS, Milliseconds)
	}
	return []tile{
		{"offered", Quantity(r.OfferedPerS, PerSecond), false},
		{"answered by 2xx", Quantity(r.AchievedPerS, PerSecond), false},
		failed,
		{"p50 from the intended start", percentile(r.Latency.Corrected, func(l *Latency) *float64 { return l.P50MS }), false},
		{"p99 from the intended start", percentile(r.Latency.Corrected, func(l *Latency) *float64 { return l.P99MS }), false},
		{"p99.9 from the intended start", percentile(r.Latency.Corrected, func(l *Latency) *float64 { return l.P999MS }), false},
		{"slowest from the intended start", longest, false},
		{"p99 of the service time", percentile(r.Latency.Service, func(l *Latency) *float64 { return l.P99MS }), false},
	}
}

func planPairs(p Plan) []pair {
	var mix []string
	names := slices.SortedFunc(maps.Keys(p.Mix), func(a, b string) int {
		if p.Mix[a] != p.Mix[b] {
			if p.Mix[a] > p.Mix[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		// A share is not torn from its sign at the end of a line.
		mix = append(mix, fmt.Sprintf("%s %s", name, strings.ReplaceAll(Quantity(p.Mix[name], Share), " ", "\u00a0")))
	}
	pairs := []pair{{"Schedule", p.Schedule}, {"Mean rate", Quantity(p.RatePerS, PerSecond)}, {"Highest rate", Quantity(p.PeakPerS, PerSecond)}}
	if len(mix) > 0 {
		pairs = append(pairs, pair{"Mix", strings.Join(mix, ", ")})
	}
	for _, share := range []struct {
		name string
		of   float64
	}{{"Duplicates", p.Shares.Duplicates}, {"Retries", p.Shares.Retries}, {"Wrong signatures", p.Shares.WrongSignatures}, {"Batched bodies", p.Shares.Batched}} {
		if share.of > 0 {
			pairs = append(pairs, pair{share.name, Quantity(share.of, Share)})
		}
	}
	if p.BodyBytes != nil {
		pairs = append(pairs, pair{"Body size", Number(*p.BodyBytes) + " bytes"})
	}
	connections := "not limited"
	if p.Connections != nil {
		connections = fmt.Sprintf("at most %s", Number(int64(*p.Connections)))
	}
	protocol := p.Protocol
	if p.TLS {
		protocol += " over TLS"
	}
	pairs = append(pairs, pair{"Connections", connections}, pair{"Protocol", protocol})
	if p.TimeoutMS > 0 {
		pairs = append(pairs, pair{"Timeout", span(p.TimeoutMS)})
	}
	if p.Trace != "" {
		pairs = append(pairs, pair{"Trace (SHA-256)", p.Trace})
	}
	return slices.DeleteFunc(pairs, func(p pair) bool { return p.Value == "" })
}

// health are the facts by which a reader judges whether the generator kept up.
func health(s Schedule, c Counts, g *Generator) []pair {
	late := fmt.Sprintf("%s of %s", Number(s.Late), Number(c.Planned))
	if s.LateAfterMS > 0 {
		late += fmt.Sprintf(" (more than %s)", Quantity(s.LateAfterMS, Milliseconds))
	}
	pairs := []pair{
		{"Sent of planned", fmt.Sprintf("%s of %s", Number(c.Sent), Number(c.Planned))},
		{"Late starts", late},
		{"Blocked starts", Number(s.Blocked)},
		{"Payload not ready", Number(s.QueueMisses)},
		{"Never started", Number(s.Skipped)},
	}
	if c.Abandoned > 0 {
		pairs = append(pairs, pair{"Under way at the end", Number(c.Abandoned)})
	}
	if c.Duplicates+c.Retries > 0 {
		pairs = append(pairs, pair{"Duplicates, retries", Number(c.Duplicates) + ", " + Number(c.Retries)})
	}
	if c.Refused > 0 {
		pairs = append(pairs, pair{"Wrong signatures refused", Number(c.Refused)})
	}
	if g == nil {
		return pairs
	}
	if l := g.Lag; l != nil {
		pairs = append(pairs, pair{"Scheduling lag p50, p99, max", fmt.Sprintf("%s, %s, %s", milli(l.P50MS), milli(l.P99MS), Quantity(l.MaxMS, Milliseconds))})
	}
	pairs = append(pairs, pair{"Processor, mean and highest", fmt.Sprintf("%s, %s of %s", figure(g.CPUShare, Share), figure(g.CPUShareMax, Share), plural(g.CPUs, "processor"))},
		pair{"GC pauses, total, longest", fmt.Sprintf("%s, %s, %s", Number(g.GCPauses), Quantity(g.GCPauseMS, Milliseconds), Quantity(g.GCPauseMaxMS, Milliseconds))},
		pair{"Goroutines at most", Number(int64(g.GoroutinesMax))})
	if g.MemoryStart != nil && g.MemoryEnd != nil {
		pairs = append(pairs, pair{"Memory at start and end", mebibytes(*g.MemoryStart) + ", " + mebibytes(*g.MemoryEnd)})
	}
	return append(pairs, pair{"Generator", strings.TrimSpace(fmt.Sprintf("%s/%s %s", g.OS, g.Arch, g.GoVersion))})
}

func mebibytes(n int64) string { return significant(float64(n)/(1<<20)) + " MiB" }

func capacityPairs(c *Capacity) []pair {
	pairs := []pair{{"Limited by", string(c.LimitedBy)}}
	if c.KneePerS != nil {
		pairs = append(pairs, pair{"Knee", Quantity(*c.KneePerS, PerSecond)})
	}
	if c.BrokenPerS != nil {
		pairs = append(pairs, pair{"Lowest rate that broke", Quantity(*c.BrokenPerS, PerSecond)})
	}
	if c.Confidence != nil {
		pairs = append(pairs, pair{"Confidence", Quantity(*c.Confidence, Share)})
	}
	return append(pairs, pair{"Confirmations", fmt.Sprintf("%d of %d held", c.Held, c.Confirmations)},
		pair{"Resolution", Quantity(c.ResolutionShare, Share)})
}

func compareNote(c *Comparison) string {
	if c == nil {
		return ""
	}
	how := "The spread was measured between repeated runs."
	if c.Spread == SpreadBlocks {
		how = "There are too few runs to measure how runs differ from each other: the spread is that between parts of the same run, and a difference may be one of the two days and not of the two targets."
	}
	return fmt.Sprintf("%s The verdict as a whole has a confidence of %s. Past a change for the worse of %s a figure is a regression. Latencies count from the intended start. A: %s, B: %s.",
		how, Quantity(c.Confidence, Share), Quantity(c.BoundShare, Share), plural(c.A.Runs, "run"), plural(c.B.Runs, "run"))
}

// Package health watches the generator itself during a run, and says when it was the bottleneck: then the figures are
// about the generator, and none about the target.
package health

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/kirimcheck/kirimcheck/reports/load"
)

// probeEvery is the time between two looks at how late a timer wakes a goroutine: often enough that no stall of a few
// milliseconds goes unseen, and too seldom to cost anything.
const probeEvery = 5 * time.Millisecond

// Monitor samples the generator while it runs.
type Monitor struct {
	began time.Time
	every time.Duration
	// warm is when the memory counts as that of the start.
	warm time.Duration
	lag  func() (time.Duration, bool)

	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex
	out   load.Generator
	probe *hdrhistogram.Histogram
	// probeMax is the largest lag of the probe since the last sample.
	probeMax time.Duration
	// What the sample before saw, and the first one.
	last, first look
}

// look is what can be read of the process at a moment.
type look struct {
	at     time.Time
	cpu    time.Duration
	hasCPU bool
	gc     debug.GCStats
}

// Start begins to watch a run of this planned length. lag returns the largest lag of a start since it was last asked, and
// whether there was a start.
func Start(ctx context.Context, began time.Time, planned time.Duration, lag func() (time.Duration, bool)) *Monitor {
	ctx, cancel := context.WithCancel(ctx)
	m := &Monitor{
		began: began, every: load.BucketLength(planned), warm: min(planned/4, 10*time.Second), lag: lag, stop: cancel,
		probe: load.NewHistogram(),
		out: load.Generator{
			OS: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version(), CPUs: runtime.GOMAXPROCS(0), Samples: []load.Sample{},
		},
	}
	m.first = read()
	m.last = m.first
	m.done.Go(func() { m.watch(ctx) })
	m.done.Go(func() { m.look(ctx) })
	return m
}

func read() look {
	l := look{at: time.Now()}
	l.cpu, l.hasCPU = cpuTime()
	debug.ReadGCStats(&l.gc)
	return l
}

// look measures again and again how late a timer wakes this goroutine.
func (m *Monitor) look(ctx context.Context) {
	timer := time.NewTimer(probeEvery)
	defer timer.Stop()
	due := time.Now().Add(probeEvery)
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		m.mu.Lock()
		load.Record(m.probe, now.Sub(due))
		m.probeMax = max(m.probeMax, now.Sub(due))
		m.mu.Unlock()
		due = now.Add(probeEvery)
		timer.Reset(probeEvery)
	}
}

// watch takes a sample for every bucket of the run.
func (m *Monitor) watch(ctx context.Context) {
	ticker := time.NewTicker(m.every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.sample()
		case <-ctx.Done():
			return
		}
	}
}

func (m *Monitor) sample() {
	now := read()
	lag, started := m.lag()
	m.mu.Lock()
	defer m.mu.Unlock()
	// A run that is stopped before it began has one look, at its beginning.
	at := max(0, now.at.Sub(m.began))
	s := load.Sample{AtMS: inMS(at), Goroutines: runtime.NumGoroutine(), MemoryBytes: memory()}
	s.CPUShare = m.share(m.last, now)
	s.GCPauseMS = inMS(now.gc.PauseTotal - m.last.gc.PauseTotal)
	if started {
		worst := inMS(max(lag, m.probeMax))
		s.LagMaxMS = &worst
	}
	m.probeMax = 0
	if s.CPUShare != nil && (m.out.CPUShareMax == nil || *s.CPUShare > *m.out.CPUShareMax) {
		m.out.CPUShareMax = s.CPUShare
	}
	m.out.GoroutinesMax = max(m.out.GoroutinesMax, s.Goroutines)
	// The newest pauses come first.
	for i := range min(int(now.gc.NumGC-m.last.gc.NumGC), len(now.gc.Pause)) {
		m.out.GCPauseMaxMS = max(m.out.GCPauseMaxMS, inMS(now.gc.Pause[i]))
	}
	if m.out.MemoryStart == nil && at >= m.warm {
		m.out.MemoryStart = s.MemoryBytes
	}
	m.out.MemoryEnd = s.MemoryBytes
	m.last = now
	m.out.Samples = append(m.out.Samples, s)
}

// share is the part of the processors that was used between two looks; nil where it is not known.
func (m *Monitor) share(from, to look) *float64 {
	took := to.at.Sub(from.at)
	if !from.hasCPU || !to.hasCPU || took <= 0 {
		return nil
	}
	// Clocks of different makes may differ by a trace.
	share := min(1, float64(to.cpu-from.cpu)/float64(took)/float64(m.out.CPUs))
	return &share
}

// memory is what the program holds of the system's memory, in bytes.
func memory() *int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != metrics.KindUint64 {
			return nil
		}
	}
	held := int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
	return &held
}

// Stop ends the watch and returns what it saw.
func (m *Monitor) Stop() (load.Generator, *load.Lag) {
	m.stop()
	m.done.Wait()
	m.sample()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out.CPUShare = m.share(m.first, m.last)
	m.out.GCPauses = m.last.gc.NumGC - m.first.gc.NumGC
	m.out.GCPauseMS = inMS(m.last.gc.PauseTotal - m.first.gc.PauseTotal)
	return m.out, load.SummariseLag(m.probe)
}

func inMS(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

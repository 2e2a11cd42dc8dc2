package loadgen

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/attack"
	"github.com/kirimcheck/kirimcheck/loadgen/health"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/loadgen/schedule"
	"github.com/kirimcheck/kirimcheck/loadgen/slo"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

const (
	// lead is the time before the first start in which the queue fills.
	lead = 300 * time.Millisecond
	// progressEvery is the time between two calls of Options.Progress.
	progressEvery = time.Second
)

// Measurement is one run by a schedule.
type Measurement struct {
	// Started is when the schedule began.
	Started time.Time
	// Took is the time from Started to the last answer, or to the stop.
	Took time.Duration
	// Stopped says that the context ended the run.
	Stopped   bool
	Result    *load.Result
	Generator load.Generator
	// Thresholds are the limits, judged.
	Thresholds []load.Threshold
	// Invalid are the reasons why the figures say nothing about the target.
	Invalid []string
	Notes   []string
}

// Measure goes through a schedule. When the context ends, the run ends and what was measured is returned.
func (s *Session) Measure(ctx context.Context, sc *schedule.Schedule) (Measurement, error) {
	way, encode, err := s.transport(ctx)
	if err != nil {
		return Measurement{}, err
	}
	defer way.Close()
	began := time.Now().Add(lead)
	// The queue outlives the stop: what is left in it is thrown away when the attack is over.
	queue, err := payload.NewQueue(context.WithoutCancel(ctx), s.builders(encode), sc, began, s.tolerance)
	if err != nil {
		return Measurement{}, err
	}
	defer queue.Close()
	if err := queue.Ready(ctx); err != nil && ctx.Err() == nil {
		return Measurement{}, err
	}
	// What setting up left behind is not collected at the cost of the first seconds.
	runtime.GC()
	if now := time.Now(); now.After(began) {
		began = now
	}
	record := attack.NewRecord(sc.Duration(), s.sender.Taken, health.MaxLag)
	// The generator is not watched while it waits for the beginning.
	if err := until(ctx, began); err != nil && ctx.Err() == nil {
		return Measurement{}, err
	}
	monitor := health.Start(ctx, began, sc.Duration(), record.LagMax)
	stopProgress := s.progress(ctx, began, sc, record)
	ran, err := attack.Run(ctx, attack.Config{
		Schedule: sc, Queue: queue, Exchanger: way, Record: record, URL: s.options.Target.URL, Connections: s.options.Connections,
		Began: began, Grace: s.options.Timeout, Wait: attack.Precise(), Results: s.options.Results,
	})
	took := max(0, time.Since(began))
	stopProgress()
	generator, probe := monitor.Stop()
	if err != nil {
		return Measurement{}, err
	}
	m := Measurement{Started: began, Took: took, Stopped: ctx.Err() != nil, Generator: generator}
	if m.Result, err = record.Result(sc, ran, queue.Misses()); err != nil {
		return Measurement{}, err
	}
	m.Generator.Lag = record.Lag()
	m.Invalid = s.options.Judge(health.Account{Result: m.Result, Generator: m.Generator, Probe: probe, LateStarts: record.OwnLate()})
	m.Notes = append(health.Notes(m.Result, s.options.Connections), slo.Notes(s.options.SLOs, m.Result)...)
	if trace := sc.Trace(); trace != nil && uint64(len(trace.Offsets)) > sc.Total() {
		m.Notes = append(m.Notes, fmt.Sprintf("the trace was cut: it has %d starts, and the run had the first %d", len(trace.Offsets), sc.Total()))
	}
	m.Thresholds, err = slo.Judge(s.options.SLOs, m.Result)
	return m, err
}

// until waits for a time.
func until(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// progress reports the course of a run until the function that it returns is called.
func (s *Session) progress(ctx context.Context, began time.Time, sc *schedule.Schedule, record *attack.Record) (stop func()) {
	if s.options.Progress == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		var last Progress
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			p := Progress{Elapsed: time.Since(began), Planned: sc.Duration(), Live: record.Live()}
			if since := p.Elapsed - last.Elapsed; since > 0 {
				p.RatePerS = float64(p.Sent-last.Sent) / since.Seconds()
			}
			s.options.Progress(p)
			last = p
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// oneLine is an error's text as a single line.
func oneLine(err error) string {
	if err == nil {
		return "no reason is known"
	}
	var joined interface{ Unwrap() []error }
	text := err.Error()
	if errors.As(err, &joined) {
		text = strings.ReplaceAll(text, "\n", "; ")
	}
	return text
}

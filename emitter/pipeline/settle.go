package pipeline

import (
	"context"
	"fmt"
	"time"
)

// Settle returns when no attempt is in flight and none can begin at this time, and the Journal has been flushed. It is
// the Settler of a virtual clock.
//
// An attempt that hangs for longer than the grace, in real time, is held: Settle waits for it no more, until its own
// time has run out on the clock and it is about to end.
func (e *Engine) Settle(ctx context.Context, grace time.Duration) error {
	e.release()
	for {
		calmed, wait := e.hold(grace)
		if calmed == nil {
			return e.config.Journal.Flush(ctx)
		}
		timer := time.NewTimer(wait)
		select {
		case <-calmed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

// release has Settle wait again for the held flights whose time has run out.
func (e *Engine) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.flights) == e.busy {
		return
	}
	for f := range e.flights {
		if f.held && f.exchange != nil && f.exchange.Err() != nil {
			f.held, f.since = false, time.Now()
			e.busy++
		}
	}
}

// hold holds the flights that have had their grace. It returns a channel that is closed when nothing is left to wait
// for, nil where that is so already, and how long to wait until the next flight has had its grace.
func (e *Engine) hold(grace time.Duration) (calmed <-chan struct{}, wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy == 0 {
		return nil, 0
	}
	wait = grace
	for f := range e.flights {
		if f.held {
			continue
		}
		if had := time.Since(f.since); had < grace {
			wait = min(wait, grace-had)
			continue
		}
		f.held = true
		e.unseat(f)
		e.busy--
	}
	e.board()
	if e.busy == 0 {
		return nil, 0
	}
	return e.calm(), wait
}

// calm returns the channel that tells of the next calm. It wants e.mu held.
func (e *Engine) calm() <-chan struct{} {
	if e.calmed == nil {
		e.calmed = make(chan struct{})
	}
	return e.calmed
}

// Drain lets no attempt begin any more, waits for those in flight, and flushes the Journal. What is pending stays so.
// Where the context ends first, the attempts in flight are given up and left without a record: they are made again
// after a restart.
func (e *Engine) Drain(ctx context.Context) error {
	e.mu.Lock()
	e.draining = true
	e.wake()
	for len(e.flights) > 0 {
		calmed := e.calm()
		e.mu.Unlock()
		select {
		case <-calmed:
		case <-ctx.Done():
			given := e.Stats().InFlight
			e.giveUp()
			return fmt.Errorf("%d attempts were in flight and are given up: %w", given, ctx.Err())
		}
		e.mu.Lock()
	}
	e.mu.Unlock()
	return e.config.Journal.Flush(ctx)
}

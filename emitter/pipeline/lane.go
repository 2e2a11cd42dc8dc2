package pipeline

import (
	"container/heap"
	"sync"
	"time"
)

// keptBodies is how many deliveries of a lane may wait for a place with their bodies in memory; those behind them leave
// theirs to the Journal, so that a backlog costs its deliveries and not its bodies.
const keptBodies = 64

// lane is a subscription with its pending deliveries.
type lane struct {
	// order is held from a decision on a delivery until the Journal has been told, so that the Journal hears of a
	// subscription's decisions in their order. It is taken before Engine.mu.
	order sync.Mutex

	// id is the subscription's. It never changes; what follows does, and is guarded by Engine.mu.
	id string

	sub     Subscriber
	removed bool
	ready   fifo
	future  byDue
	// place is the index in Engine.waiting, -1 outside it.
	place    int
	inFlight int
	// limit is how many may be in flight, see Engine.pace.
	limit int
	// queued says that the lane waits for a seat.
	queued bool
}

// The methods below want e.mu held.

// delivers reports whether attempts for a lane may begin.
func (e *Engine) delivers(l *lane) bool { return !l.removed && e.rules.DeliversTo(l.sub.State) }

// keeps reports whether a lane may have deliveries pending.
func (e *Engine) keeps(l *lane) bool {
	return !l.removed && (l.sub.State != Disabled || e.rules.KeepPending || e.delivers(l))
}

// soon queues a delivery whose attempt may be made now.
func (e *Engine) soon(l *lane, r ready) {
	if l.ready.n >= keptBodies {
		r.body = nil
	}
	l.ready.push(r)
	e.count.ready++
}

// later queues a delivery whose attempt is due later. Whoever calls it calls wake.
func (e *Engine) later(l *lane, p *pending) {
	heap.Push(&l.future, p)
	e.count.future++
	e.place(l)
}

// stopAll empties a lane.
func (e *Engine) stopAll(l *lane, why Reason) []Stop {
	stops := make([]Stop, 0, l.ready.n+len(l.future))
	now := e.config.Clock.Now()
	stop := func(p *pending) { stops = append(stops, Stop{p.seq, p.id(), l.id, now, why}) }
	e.count.ready -= l.ready.n
	e.count.future -= len(l.future)
	for l.ready.n > 0 {
		stop(l.ready.pop().pending)
	}
	for _, p := range l.future {
		stop(p)
	}
	l.future = nil
	return stops
}

// place gives a lane the place among the waiting ones that its earliest delivery asks for.
func (e *Engine) place(l *lane) {
	switch waits := len(l.future) > 0 && e.delivers(l); {
	case waits && l.place < 0:
		heap.Push(&e.waiting, l)
	case waits:
		heap.Fix(&e.waiting, l.place)
	case l.place >= 0:
		heap.Remove(&e.waiting, l.place)
	}
}

// fire is what the timer calls. It is idempotent, so a timer that was stopped too late does no harm.
func (e *Engine) fire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.disarm()
	e.wake()
}

// wake makes ready what is due and sets the timer to what is due next.
func (e *Engine) wake() {
	now := e.config.Clock.Now()
	for !e.draining && len(e.waiting) > 0 && e.waiting[0].future[0].due <= now.UnixNano() {
		l := e.waiting[0]
		e.count.future--
		e.soon(l, ready{pending: heap.Pop(&l.future).(*pending)})
		e.place(l)
		e.dispatch(l)
	}
	if e.draining || len(e.waiting) == 0 {
		e.disarm()
		return
	}
	next := e.waiting[0].future[0].due
	if e.timer != nil && e.timerAt == next {
		return
	}
	e.disarm()
	e.timer, e.timerAt = e.config.Clock.AfterFunc(time.Unix(0, next).Sub(now), e.fire), next
}

func (e *Engine) disarm() {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}

// dispatch begins attempts while the lane has deliveries ready and places free.
func (e *Engine) dispatch(l *lane) {
	for f := e.takeOff(l); f != nil; f = e.takeOff(l) {
		go e.work(f)
	}
}

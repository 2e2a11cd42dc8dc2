package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
)

// DefaultConcurrency is how many attempts for one subscription are in flight at most, where Config does not say.
const DefaultConcurrency = 16

// Config is what an engine works with. Edition, Clock, Sender, Journal and NewID are needed.
type Config struct {
	Edition contract.Edition
	// Rules are RulesOf(Edition) where they are nil.
	Rules   *Rules
	Clock   clock.Clock
	Sender  Sender
	Journal Journal
	// NewID makes an id for X-Kirim-Delivery-Id.
	NewID func() string
	// Logger is told of faults of this program only. Nil discards.
	Logger *slog.Logger
	// Seed decides the jitter.
	Seed uint64
	// Concurrency bounds the attempts in flight for one subscription; 0 means DefaultConcurrency. With 1, the attempts
	// for a subscription come in the same order in every run.
	Concurrency int
	// Seats bounds the quick attempts in flight for all subscriptions together; 0 means DefaultSeats. An attempt that is
	// slow gives up its seat, so that no subscriber holds the others up.
	Seats int
	// OnAttempt, if set, is called after each attempt, once the Journal has its record.
	OnAttempt func(Record)
	// OnDisabled, if set, is called after a subscription was disabled, once the Journal has what led to it.
	OnDisabled func(subscriptionID string)
}

// Engine delivers. Every subscription has a lane of its own, and no limit spans lanes but that of the quick attempts,
// which they take in turns; so a slow or dead subscriber delays nobody else.
type Engine struct {
	config Config
	rules  Rules
	// base ends when Drain gives up on what is in flight.
	base   context.Context
	giveUp context.CancelFunc

	mu    sync.Mutex
	lanes map[string]*lane
	// waiting are the lanes that deliver and have something due later. One timer serves them all, for the earliest.
	waiting byFirst
	timer   clock.Timer
	timerAt int64
	// flights are the attempts in progress; busy counts those of them that Settle still waits for.
	flights map[*flight]struct{}
	busy    int
	// calmed is closed, and forgotten, when busy or the number of flights comes down to zero.
	calmed   chan struct{}
	draining bool
	// seated counts the flights with a seat; boarding are the lanes that wait for one.
	seated   int
	boarding []*lane
	// count is how many deliveries there are in all lanes.
	count struct{ ready, future int }
}

// New returns an engine without subscriptions. The error is something that the configuration lacks.
func New(c Config) (*Engine, error) {
	if c.Clock == nil || c.Sender == nil || c.Journal == nil || c.NewID == nil {
		return nil, errors.New("a delivery engine needs a clock, a sender, a journal and a source of ids")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Concurrency <= 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Seats <= 0 {
		c.Seats = DefaultSeats
	}
	e := &Engine{config: c, lanes: map[string]*lane{}, flights: map[*flight]struct{}{}}
	if c.Rules != nil {
		e.rules = *c.Rules
	} else {
		e.rules = RulesOf(c.Edition)
	}
	e.base, e.giveUp = context.WithCancel(context.Background())
	return e, nil
}

// Put creates a subscription or changes it. Attempts that begin afterwards use the new URL and secrets. Failures count
// for a new subscription only; one that is disabled no more starts from zero (reading Q8). One that becomes disabled
// has what is pending stopped. Put and Remove wait while the Journal holds this subscription back.
func (e *Engine) Put(s Subscriber) {
	s.Secrets = slices.Clone(s.Secrets)
	e.mu.Lock()
	l, known := e.lanes[s.ID]
	if !known {
		e.lanes[s.ID] = &lane{id: s.ID, sub: s, place: -1, limit: e.config.Concurrency}
		e.mu.Unlock()
		return
	}
	e.mu.Unlock()

	l.order.Lock()
	defer l.order.Unlock()
	e.mu.Lock()
	if l.removed {
		e.mu.Unlock()
		return
	}
	if s.Failures = l.sub.Failures; l.sub.State == Disabled && s.State != Disabled {
		s.Failures = e.rules.Reenabled(s.Failures)
	}
	l.sub = s
	var stops []Stop
	if !e.keeps(l) {
		stops = e.stopAll(l, SubscriptionDisabled)
	}
	e.place(l)
	e.dispatch(l)
	e.wake()
	e.mu.Unlock()
	e.stopped(stops)
}

// Remove forgets a subscription. What is pending is stopped; what is in flight comes to its end.
func (e *Engine) Remove(id string) {
	e.mu.Lock()
	l, ok := e.lanes[id]
	e.mu.Unlock()
	if !ok {
		return
	}
	l.order.Lock()
	defer l.order.Unlock()
	e.mu.Lock()
	if l.removed {
		e.mu.Unlock()
		return
	}
	l.removed = true
	delete(e.lanes, id)
	stops := e.stopAll(l, SubscriptionDeleted)
	e.place(l)
	e.wake()
	e.mu.Unlock()
	e.stopped(stops)
}

// Enqueue takes over deliveries that are stored, new ones and, after a restart, those that were pending. Those for a
// subscription that is unknown or does not keep what is pending, and those without an attempt left, are stopped.
func (e *Engine) Enqueue(deliveries []Delivery) {
	now := e.config.Clock.Now()
	var stops []Stop
	e.mu.Lock()
	for _, d := range deliveries {
		l, ok := e.lanes[d.Subscription]
		wait, left := e.rules.Delay(d.Attempts+1, chance(e.config.Seed, d.Seq, d.Attempts+1))
		var why Reason
		switch {
		case !ok:
			why = SubscriptionDeleted
		case !e.keeps(l):
			why = SubscriptionDisabled
		case !left:
			why = NoAttemptLeft
		}
		if why != "" {
			stops = append(stops, Stop{d.Seq, d.ID, d.Subscription, now, why})
			continue
		}
		if d.Due.IsZero() {
			d.Due = now.Add(wait)
		}
		p := newPending(d)
		if d.Due.After(now) {
			e.later(l, p)
			continue
		}
		e.soon(l, ready{p, d.Body})
		e.dispatch(l)
	}
	e.wake()
	e.mu.Unlock()
	e.stopped(stops)
}

// Stats is the engine at one moment.
type Stats struct {
	Subscriptions int
	// Ready deliveries wait for a place in their lane, or for their subscription to become active.
	Ready int
	// Future deliveries wait for their time.
	Future int
	// InFlight attempts are in progress; Held are those of them that Settle no longer waits for.
	InFlight int
	Held     int
}

// Pending is the number of deliveries that have not come to their end.
func (s Stats) Pending() int { return s.Ready + s.Future + s.InFlight }

// Stats returns the engine's numbers as they are now.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{
		Subscriptions: len(e.lanes), Ready: e.count.ready, Future: e.count.future,
		InFlight: len(e.flights), Held: len(e.flights) - e.busy,
	}
}

func (e *Engine) stopped(stops []Stop) {
	if len(stops) > 0 {
		e.config.Journal.Stopped(stops)
	}
}

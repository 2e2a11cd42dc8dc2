package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/wire"
)

// How much of an attempt is kept, in bytes.
const (
	maxErrorText    = 200
	maxResponseBody = 1 << 10
)

// bodyRetry is how long a delivery waits after its body could not be read. That is not the subscriber's failure, so it
// is no attempt.
const bodyRetry = 10 * time.Second

var errUnsigned = errors.New("not sent: the subscription has no active secret")

// flight is a delivery whose attempt is in progress.
type flight struct {
	ready
	lane *lane

	// What follows is guarded by Engine.mu.

	// exchange is the context of the exchange; nil before that begins.
	exchange context.Context
	// since is the real time from which Settle's grace counts.
	since time.Time
	// held flights are not waited for by Settle.
	held bool
	// seated flights have one of Config.Seats; slow is the timer that takes it back.
	seated bool
	slow   *time.Timer
}

// takeOff begins the next flight of a lane; nil where none can begin. It wants e.mu held.
func (e *Engine) takeOff(l *lane) *flight {
	if e.draining || l.ready.n == 0 || l.inFlight >= l.limit || !e.delivers(l) {
		return nil
	}
	if e.seated >= e.config.Seats {
		e.queue(l)
		return nil
	}
	f := &flight{ready: l.ready.pop(), lane: l, since: time.Now()}
	e.count.ready--
	l.inFlight++
	e.flights[f] = struct{}{}
	e.busy++
	e.seat(f)
	return f
}

// land ends a flight and begins the next one: the lane's own, or that of a lane that waits for a seat.
func (e *Engine) land(f *flight) *flight {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.flights, f)
	f.lane.inFlight--
	if !f.held {
		e.busy--
	}
	e.unseat(f)
	var next *flight
	if len(e.boarding) == 0 {
		next = e.takeOff(f.lane)
	} else {
		if f.lane.ready.n > 0 {
			e.queue(f.lane)
		}
		next = e.next()
	}
	if (e.busy == 0 || len(e.flights) == 0) && e.calmed != nil {
		close(e.calmed)
		e.calmed = nil
	}
	return next
}

// work flies one flight after the other until the lane has none to begin.
func (e *Engine) work(f *flight) {
	for f != nil {
		e.fly(f)
		f = e.land(f)
	}
}

// fly makes one attempt, from the reading of its body to its record.
func (e *Engine) fly(f *flight) {
	if f.body == nil {
		body, err := e.config.Journal.Body(e.base, f.event)
		if err != nil {
			e.bodyless(f, err)
			return
		}
		f.body = body
	}
	e.mu.Lock()
	sub := f.lane.sub
	open := !e.draining && e.delivers(f.lane)
	e.mu.Unlock()
	if !open {
		// The subscription was disabled, paused or deleted while the body was read.
		e.putBack(f, time.Unix(0, f.due), SubscriptionDisabled)
		return
	}
	r := e.exchange(f, sub)
	if e.base.Err() != nil && r.response.Err != nil {
		// Given up by Drain, and so not the subscriber's failure: the attempt is made again after the restart.
		return
	}
	e.finish(f, r)
}

// result is an attempt that has been made.
type result struct {
	number   int
	headerID string
	started  time.Time
	ended    time.Time
	took     time.Duration
	response Response
}

// exchange makes the request and takes the answer. A fault of this program is an attempt without an answer.
func (e *Engine) exchange(f *flight, sub Subscriber) (r result) {
	r.number = int(f.attempts) + 1
	r.started = e.config.Clock.Now()
	began := time.Now()
	defer func() {
		if fault := recover(); fault != nil {
			e.config.Logger.Error("an attempt ran into a fault of this program", "delivery", f.id(), "attempt", r.number,
				"fault", fault, "stack", string(debug.Stack()))
			r.response = Response{Err: fmt.Errorf("internal fault: %v", fault), Trouble: Internal}
		}
		r.took, r.ended = time.Since(began), e.config.Clock.Now()
		if r.response.Err != nil && r.response.Trouble == None {
			r.response.Trouble = Other
		}
		r.response.Err = cleaned(r.response.Err, sub.Secrets)
	}()

	secrets := e.rules.ActiveSecrets(sub.Secrets, r.started)
	if len(secrets) == 0 {
		r.response = Response{Err: errUnsigned, Trouble: Unsigned}
		return r
	}
	d := f.delivery(sub.ID)
	r.headerID = e.rules.DeliveryID(d, r.number, e.config.NewID)
	label := emitter.Label{
		Source: d.Event.Source, Event: d.Event.Name, EventID: e.rules.EventID(d, r.number),
		DeliveryID: r.headerID, Attempt: r.number,
	}
	header := label.Header(e.config.Edition.Headers)
	if value := e.rules.Sign(Signing{d, r.number, r.started, f.body, secrets}); value != "" {
		header = append(header, wire.Field{Name: e.config.Edition.Headers.Signature, Value: value})
	}
	ctx, cancel := e.config.Clock.Timeout(e.base, e.rules.Timeout)
	defer cancel()
	e.mu.Lock()
	f.exchange = ctx
	e.mu.Unlock()
	r.response = e.config.Sender.Send(ctx, Request{URL: sub.URL, Header: header, Body: f.body})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		// An answer that was complete only when the time was up is late, whatever it says.
		r.response = Response{Err: fmt.Errorf("no complete answer within %s", e.rules.Timeout), Trouble: TimedOut}
	}
	return r
}

// judge asks the rules what an answer means. Reading what a stranger sent must not end the process, so a fault in it
// is taken for a failed attempt.
func (e *Engine) judge(r result, scheduled time.Duration) (outcome Outcome, wait time.Duration) {
	defer func() {
		if fault := recover(); fault != nil {
			e.config.Logger.Error("an answer could not be judged", "fault", fault, "stack", string(debug.Stack()))
			outcome, wait = Retry, scheduled
		}
	}()
	outcome, wait = e.rules.Verdict(r.response), scheduled
	if outcome == Retry {
		if asked, ok := e.rules.RetryAfter(r.response, r.ended); ok {
			wait = e.rules.Wait(scheduled, asked)
		}
	}
	return outcome, wait
}

// finish decides what comes of an attempt, tells the Journal, and queues the next attempt.
func (e *Engine) finish(f *flight, r result) {
	scheduled, left := e.rules.Delay(r.number+1, chance(e.config.Seed, f.seq, r.number+1))
	outcome, wait := e.judge(r, scheduled)
	if outcome == Retry && !left {
		outcome = Terminal
	}
	next := e.rules.From(r.started, r.ended).Add(wait)
	l := f.lane
	record := e.record(f, r)
	var stops []Stop

	l.order.Lock()
	e.mu.Lock()
	e.pace(l, r.response)
	if l.sub.State != Disabled && !l.removed {
		before := l.sub.Failures
		if e.rules.Counts(record, outcome) {
			l.sub.Failures = e.rules.Failures(before, outcome)
		}
		if n := e.rules.DisableAfter; n > 0 && l.sub.Failures > before && l.sub.Failures >= n {
			l.sub.State = Disabled
			record.Disabled = true
			if !e.keeps(l) {
				stops = e.stopAll(l, SubscriptionDisabled)
			}
			e.place(l)
		}
	}
	if outcome == Retry && !e.keeps(l) {
		// Stopped like what is pending, but by its own record.
		outcome = Terminal
	}
	if outcome == Retry {
		f.attempts++
		f.due = next.UnixNano()
		record.NextAt = next
		e.later(l, f.pending)
	}
	e.wake()
	record.Outcome, record.Failures = outcome, l.sub.Failures
	e.mu.Unlock()
	e.config.Journal.Attempted(record)
	e.stopped(stops)
	l.order.Unlock()

	if e.config.OnAttempt != nil {
		e.config.OnAttempt(record)
	}
	if record.Disabled && e.config.OnDisabled != nil {
		e.config.OnDisabled(record.Subscription)
	}
}

func (e *Engine) record(f *flight, r result) Record {
	d := f.delivery(f.lane.id)
	record := Record{
		Delivery: d.Seq, DeliveryID: d.ID, Subscription: d.Subscription, Event: d.Event,
		Number: r.number, HeaderID: r.headerID, StartedAt: r.started, EndedAt: r.ended, Took: r.took,
		Trouble: r.response.Trouble,
	}
	if r.response.Err != nil {
		record.Error = r.response.Err.Error()
		return record
	}
	record.HTTPStatus = r.response.Status
	// Copied: the answer's buffer may be much larger, and is not ours to keep.
	record.ResponseBody = append([]byte(nil), r.response.Body[:min(len(r.response.Body), maxResponseBody)]...)
	return record
}

// bodyless puts off a delivery whose body could not be read, or stops it where it never will be.
func (e *Engine) bodyless(f *flight, err error) {
	switch {
	case e.base.Err() != nil:
		// Given up by Drain; the delivery is pending in the store.
	case errors.Is(err, ErrEventGone):
		l := f.lane
		l.order.Lock()
		defer l.order.Unlock()
		e.stopped([]Stop{{f.seq, f.id(), l.id, e.config.Clock.Now(), EventGone}})
	default:
		e.config.Logger.Error("the body of an event could not be read", "delivery", f.id(), "error", err, "again_in", bodyRetry)
		e.putBack(f, e.config.Clock.Now().Add(bodyRetry), SubscriptionDisabled)
	}
}

// putBack returns a delivery to its lane without an attempt, or stops it where the lane keeps none.
func (e *Engine) putBack(f *flight, due time.Time, why Reason) {
	l := f.lane
	l.order.Lock()
	defer l.order.Unlock()
	e.mu.Lock()
	if e.keeps(l) {
		f.due = due.UnixNano()
		e.later(l, f.pending)
		e.wake()
		e.mu.Unlock()
		return
	}
	if l.removed {
		why = SubscriptionDeleted
	}
	e.mu.Unlock()
	e.stopped([]Stop{{f.seq, f.id(), l.id, e.config.Clock.Now(), why}})
}

// cleaned makes an error fit to be shown to the subscription's owner and to be stored: one short line without the URL,
// which may carry a token, and without the secrets.
func cleaned(err error, secrets []Secret) error {
	if err == nil {
		return nil
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	text := err.Error()
	for _, s := range secrets {
		if s.Value != "" {
			text = strings.ReplaceAll(text, s.Value, "[secret]")
		}
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
	for len(text) > maxErrorText {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return errors.New(text)
}

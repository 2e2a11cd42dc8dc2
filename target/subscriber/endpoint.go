package subscriber

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Endpoint is one subscriber: a path with a script of its own, which may be changed at any time.
type Endpoint struct {
	server *Server
	path   string

	mu       sync.Mutex
	script   []Answer
	choose   func(context.Context, Delivery) Answer
	only     func(Delivery) bool
	byDef    Answer
	released chan struct{}
	received []Delivery
	total    int
	bytes    int64
	// waiters are woken after every change. Each channel holds one token, so that whoever is slow misses nothing and
	// holds nobody up.
	waiters map[chan struct{}]struct{}
}

func newEndpoint(s *Server, path string) *Endpoint {
	return &Endpoint{server: s, path: path, released: make(chan struct{}), waiters: map[chan struct{}]struct{}{}}
}

// URL returns the endpoint's address as others reach it.
func (e *Endpoint) URL() string { return e.server.URL(e.path) }

// Script replaces the script: each answer is given once, or as often as its Times says, to the requests in the order in
// which they are complete. After its end the default counts.
func (e *Endpoint) Script(answers ...Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.script = append([]Answer(nil), answers...)
}

// Default sets the answer to requests that the script does not cover. At first it is 200.
func (e *Endpoint) Default(a Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.byDef, e.choose = a, nil
}

// Choose has a function answer the requests that the script does not cover, in the place of the default. It is called
// from several goroutines at once.
func (e *Endpoint) Choose(answer func(Delivery) Answer) {
	e.Handle(func(_ context.Context, d Delivery) Answer { return answer(d) })
}

// Handle is Choose for functions that take their time: the context ends when the client goes away (over HTTP/2) or the
// server is closed.
func (e *Endpoint) Handle(answer func(context.Context, Delivery) Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.choose = answer
}

// Only has the endpoint answer 200 to whatever the function does not hold for, and neither count nor keep it. nil lifts
// that. The function is called from several goroutines at once.
func (e *Endpoint) Only(holds func(Delivery) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.only = holds
}

// minds reports whether a request is one that the endpoint looks at.
func (e *Endpoint) minds(d Delivery) bool {
	e.mu.Lock()
	only := e.only
	e.mu.Unlock()
	return only == nil || only(d)
}

// Release lets every request that hangs at this moment have its answer.
func (e *Endpoint) Release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.released)
	e.released = make(chan struct{})
}

// Received returns the requests so far. Beyond the server's limits they are answered and counted, and not kept.
func (e *Endpoint) Received() []Delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Delivery(nil), e.received...)
}

// Count returns how many requests came, and how many of them were not kept.
func (e *Endpoint) Count() (total, dropped int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.total, e.total - len(e.received)
}

// Forget drops what was received and counts from 1 again. The script stays.
func (e *Endpoint) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.received, e.total, e.bytes = nil, 0, 0
}

// Wait returns when n requests have come in all, or with the context's error.
func (e *Endpoint) Wait(ctx context.Context, n int) error {
	return e.wait(ctx, func() bool { return e.total >= n })
}

// WaitFor returns when the condition holds for the requests so far, or with the context's error. It is asked at first
// and after every change: a request that came, was answered, or whose client went away. It must neither keep nor change
// the slice, nor call the endpoint.
func (e *Endpoint) WaitFor(ctx context.Context, condition func([]Delivery) bool) error {
	return e.wait(ctx, func() bool { return condition(e.received) })
}

func (e *Endpoint) wait(ctx context.Context, condition func() bool) error {
	changed := make(chan struct{}, 1)
	e.mu.Lock()
	e.waiters[changed] = struct{}{}
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.waiters, changed)
		e.mu.Unlock()
	}()
	for {
		e.mu.Lock()
		holds := condition()
		e.mu.Unlock()
		if holds {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.server.ctx.Done():
			return ErrClosed
		}
	}
}

// wake tells every waiter; the lock is held.
func (e *Endpoint) wake() {
	for changed := range e.waiters {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

// taken is a delivery that was taken in, with what to do about it.
type taken struct {
	delivery Delivery
	answer   Answer
	released <-chan struct{}
	// at is the delivery's place among those received; -1 where it was not kept.
	at int
}

// take keeps a delivery, numbers it, and says what to answer.
func (e *Endpoint) take(ctx context.Context, d Delivery) taken {
	if !e.minds(d) {
		return taken{delivery: d, answer: Status(http.StatusOK), at: -1}
	}
	t, choose := e.arrive(d)
	if choose != nil {
		t.answer = choose(ctx, t.delivery)
	}
	return t
}

// arrive is take without asking a function, which may take its time.
func (e *Endpoint) arrive(d Delivery) (t taken, choose func(context.Context, Delivery) Answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.total++
	d.Number = e.total
	t = taken{delivery: d, released: e.released, at: -1}
	if size := d.size(); len(e.received) < e.server.maxRecords && e.bytes+size <= e.server.maxBytes {
		t.at = len(e.received)
		e.bytes += size
		e.received = append(e.received, d)
	}
	e.wake()
	if len(e.script) == 0 {
		t.answer = e.byDef
		return t, e.choose
	}
	t.answer = e.script[0]
	if t.answer.times > 1 {
		e.script[0].times--
	} else {
		e.script = e.script[1:]
	}
	return t, nil
}

// settle notes how a delivery ended.
func (e *Endpoint) settle(t taken, status int, err error) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	// Forget may have come in between.
	if t.at < 0 || t.at >= len(e.received) || e.received[t.at].Number != t.delivery.Number {
		return
	}
	d := &e.received[t.at]
	if errors.Is(err, errLeft) {
		d.Left = now
	} else {
		d.Status, d.Answered = status, now
	}
	e.wake()
}

package clock

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// end is the last instant that a virtual clock reaches. Times are kept in nanoseconds since 1970, of which 64 bits hold
// no more than until April 2262; what is planned from here on still fits.
var end = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)

// ErrTooFar is the error of an Advance beyond the end of time.
var ErrTooFar = errors.New("time cannot be advanced beyond the year 2261")

// Virtual is a clock that stands still until Advance moves it. Whoever works because of its timers registers a
// Settler, and Advance waits for them before time goes on; so what happens at one instant is over at the next.
type Virtual struct {
	// advancing holds a token while an Advance runs. It is a channel and not a mutex because an Advance that waits for
	// its turn must still end with its context.
	advancing chan struct{}

	mu       sync.Mutex
	now      time.Time
	timers   timers
	created  uint64
	settlers []func(ctx context.Context, grace time.Duration) error
}

// NewVirtual returns a clock that shows start until it is advanced.
func NewVirtual(start time.Time) *Virtual {
	// Without the monotonic part, which would make equal instants differ.
	return &Virtual{advancing: make(chan struct{}, 1), now: start.Round(0).UTC()}
}

// Now is the instant at which the clock stands.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// AfterFunc has f called by the Advance that reaches d from now, in the goroutine of that Advance; f must not call
// Advance. With a d of 0 or less that is the next Advance, however short.
func (v *Virtual) AfterFunc(d time.Duration, f func()) Timer {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := &timer{clock: v, at: v.now.Add(max(d, 0)), number: v.created, f: f}
	v.created++
	heap.Push(&v.timers, t)
	return t
}

// Wait returns when an Advance has passed d from now.
func (v *Virtual) Wait(ctx context.Context, d time.Duration) error { return wait(ctx, v, d) }

// Settler registers a function that returns when its owner has nothing more to do at this instant. It may give up on
// what still hangs after a grace of real time, and it must not call Advance. Advance calls the settlers in the order of
// their registration.
func (v *Virtual) Settler(idle func(ctx context.Context, grace time.Duration) error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.settlers = append(v.settlers, idle)
}

// Advance moves the clock by d, which must not be negative, and returns how many timers fired. Timers fire in the order
// of their times, those of one instant in the order of their creation; those that come to be on the way fire too where
// they are due. Before time goes on from an instant, and once at the end, everyone settles, each with the grace given.
//
// The error is the context's, or a settler's. The clock then stays at the instant that it has reached.
func (v *Virtual) Advance(ctx context.Context, d, grace time.Duration) (fired int, err error) {
	if d < 0 {
		return 0, fmt.Errorf("time cannot be advanced by %s; it never goes back", d)
	}
	select {
	case v.advancing <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-v.advancing }()
	target := v.Now().Add(d)
	if target.After(end) {
		return 0, ErrTooFar
	}
	for {
		if err := v.settle(ctx, grace); err != nil {
			return fired, err
		}
		instant, ok := v.earliest(target)
		if !ok {
			if v.Now().Equal(target) {
				return fired, nil
			}
			instant = target
		}
		v.set(instant)
		for t := v.take(instant); t != nil; t = v.take(instant) {
			t.f()
			fired++
			if err := ctx.Err(); err != nil {
				return fired, err
			}
		}
	}
}

func (v *Virtual) settle(ctx context.Context, grace time.Duration) error {
	v.mu.Lock()
	settlers := v.settlers
	v.mu.Unlock()
	for _, idle := range settlers {
		if err := idle(ctx, grace); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// earliest is the time of the first timer that is due by the limit.
func (v *Virtual) earliest(limit time.Time) (at time.Time, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.timers) == 0 || v.timers[0].at.After(limit) {
		return time.Time{}, false
	}
	return v.timers[0].at, true
}

func (v *Virtual) set(now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = now
}

// take removes and returns the first timer that is due by the limit, nil where there is none.
func (v *Virtual) take(limit time.Time) *timer {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.timers) == 0 || v.timers[0].at.After(limit) {
		return nil
	}
	return heap.Pop(&v.timers).(*timer)
}

type timer struct {
	clock  *Virtual
	at     time.Time
	number uint64
	f      func()
	// place is the index in the heap, -1 outside it.
	place int
}

// Stop takes the timer away where it has not fired.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	if t.place < 0 {
		return false
	}
	heap.Remove(&t.clock.timers, t.place)
	return true
}

// timers is a heap, the earliest first, those of one instant by their creation.
type timers []*timer

func (h timers) Len() int { return len(h) }

func (h timers) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].number < h[j].number
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *timers) Push(x any) {
	t := x.(*timer)
	t.place = len(*h)
	*h = append(*h, t)
}

func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.place = -1
	return t
}

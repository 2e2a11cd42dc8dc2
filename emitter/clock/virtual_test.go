package clock_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
)

var noon = time.Date(2026, 5, 23, 12, 0, 0, 0, time.UTC)

const grace = time.Second

func advance(t *testing.T, v *clock.Virtual, d time.Duration) int {
	t.Helper()
	fired, err := v.Advance(t.Context(), d, grace)
	if err != nil {
		t.Fatal(err)
	}
	return fired
}

func TestVirtualStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := clock.NewVirtual(time.Date(2026, 5, 23, 19, 0, 0, 0, time.FixedZone("WIB", 7*3600)))
		time.Sleep(time.Hour)
		if now := v.Now(); now != noon {
			t.Errorf("it is %s, want %s", now, noon)
		}
		advance(t, v, 90*time.Minute)
		if got := v.Now().Sub(noon); got != 90*time.Minute {
			t.Errorf("%s have passed, want 90m", got)
		}
	})
}

func TestVirtualFiresInOrder(t *testing.T) {
	v := clock.NewVirtual(noon)
	var got []string
	at := func(name string) func() {
		return func() { got = append(got, fmt.Sprint(name, " ", v.Now().Sub(noon))) }
	}
	v.AfterFunc(3*time.Second, at("late"))
	v.AfterFunc(time.Second, at("first"))
	v.AfterFunc(2*time.Second, at("second, created before"))
	v.AfterFunc(2*time.Second, at("second, created after"))
	v.AfterFunc(4*time.Second+1, at("too late"))
	v.AfterFunc(-time.Hour, at("overdue"))
	v.AfterFunc(time.Second, func() {
		at("parent")()
		v.AfterFunc(0, at("child at once"))
		v.AfterFunc(time.Second, at("child with the seconds"))
		v.AfterFunc(3*time.Second, at("child at the end"))
		v.AfterFunc(4*time.Second, at("child too late"))
	})
	fired := advance(t, v, 4*time.Second)
	want := []string{
		"overdue 0s", "first 1s", "parent 1s", "child at once 1s", "second, created before 2s", "second, created after 2s",
		"child with the seconds 2s", "late 3s", "child at the end 4s",
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	if fired != len(want) {
		t.Errorf("%d fired, want %d", fired, len(want))
	}
	if v.Now().Sub(noon) != 4*time.Second {
		t.Errorf("it is %s", v.Now())
	}
}

func TestVirtualTimerStops(t *testing.T) {
	v := clock.NewVirtual(noon)
	fired := 0
	count := func() { fired++ }
	stopped, kept := v.AfterFunc(time.Second, count), v.AfterFunc(time.Second, count)
	var late clock.Timer
	v.AfterFunc(time.Second/2, func() {
		if !late.Stop() {
			t.Error("a timer that is not due cannot be stopped")
		}
	})
	late = v.AfterFunc(time.Second, count)
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop tells the wrong story")
	}
	advance(t, v, time.Minute)
	if fired != 1 || kept.Stop() {
		t.Errorf("%d fired, want the one that was kept", fired)
	}
}

func TestVirtualSettlesBetweenInstants(t *testing.T) {
	v := clock.NewVirtual(noon)
	var got []string
	note := func(what string) { got = append(got, fmt.Sprint(what, " ", v.Now().Sub(noon))) }
	more := true
	v.Settler(func(_ context.Context, g time.Duration) error {
		if g != grace {
			t.Errorf("grace %s", g)
		}
		note("first settler")
		if v.Now().Equal(noon.Add(time.Second)) && more {
			more = false
			v.AfterFunc(time.Second, func() { note("from the settler") })
		}
		return nil
	})
	v.Settler(func(context.Context, time.Duration) error { note("second settler"); return nil })
	v.AfterFunc(time.Second, func() { note("a") })
	v.AfterFunc(time.Second, func() { note("b") })
	advance(t, v, 3*time.Second)
	want := []string{
		"first settler 0s", "second settler 0s", "a 1s", "b 1s", "first settler 1s", "second settler 1s",
		"from the settler 2s", "first settler 2s", "second settler 2s", "first settler 3s", "second settler 3s",
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestVirtualAdvanceStopsWhereItIs(t *testing.T) {
	broken := errors.New("disk full")
	for name, c := range map[string]struct {
		at func(v *clock.Virtual, cancel func())
		// settle is the settler's error at the second second.
		settle error
		want   error
	}{
		"when the context ends":   {at: func(_ *clock.Virtual, cancel func()) { cancel() }, want: context.Canceled},
		"when a settler fails":    {at: func(*clock.Virtual, func()) {}, settle: broken, want: broken},
		"when both are at an end": {at: func(_ *clock.Virtual, cancel func()) { cancel() }, settle: broken, want: context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			v := clock.NewVirtual(noon)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			v.Settler(func(context.Context, time.Duration) error {
				if v.Now().Sub(noon) == 2*time.Second {
					return c.settle
				}
				return nil
			})
			after := 0
			v.AfterFunc(time.Second, func() {})
			v.AfterFunc(2*time.Second, func() { c.at(v, cancel) })
			v.AfterFunc(3*time.Second, func() { after++ })
			fired, err := v.Advance(ctx, time.Hour, grace)
			if !errors.Is(err, c.want) || fired != 2 || after != 0 || v.Now().Sub(noon) != 2*time.Second {
				t.Errorf("%d fired, error %v, %s passed; want 2, %v, 2s", fired, err, v.Now().Sub(noon), c.want)
			}
			if c.settle == nil {
				if advance(t, v, time.Second); after != 1 {
					t.Error("the next Advance does not go on from there")
				}
			}
		})
	}
}

func TestVirtualTimeNeverGoesBack(t *testing.T) {
	v := clock.NewVirtual(noon)
	if _, err := v.Advance(t.Context(), -1, grace); err == nil {
		t.Error("a negative duration was taken")
	}
	if _, err := v.Advance(t.Context(), math.MaxInt64, grace); !errors.Is(err, clock.ErrTooFar) {
		t.Errorf("error %v, want %v", err, clock.ErrTooFar)
	}
	if got := v.Now(); got != noon {
		t.Errorf("it is %s, want %s", got, noon)
	}
}

// Times are stored in nanoseconds, which a 64-bit number cannot hold past April 2262.
func TestVirtualStopsBeforeNanosecondsRunOut(t *testing.T) {
	v := clock.NewVirtual(noon)
	last := time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
	advance(t, v, last.Sub(noon))
	if _, err := v.Advance(t.Context(), 1, grace); !errors.Is(err, clock.ErrTooFar) {
		t.Errorf("error %v, want %v", err, clock.ErrTooFar)
	}
	if now := v.Now(); now != last {
		t.Errorf("it is %s, want %s", now, last)
	}
}

func TestVirtualAdvancesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := clock.NewVirtual(noon)
		busy, most := 0, 0
		v.Settler(func(context.Context, time.Duration) error {
			busy++
			most = max(most, busy)
			time.Sleep(time.Second)
			busy--
			return nil
		})
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { advance(t, v, time.Minute) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := v.Advance(ctx, time.Minute, grace); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an Advance that waits for its turn ended with %v", err)
		}
		all.Wait()
		if most != 1 || v.Now().Sub(noon) != 5*time.Minute {
			t.Errorf("%d at once, %s passed; want 1, 5m", most, v.Now().Sub(noon))
		}
	})
}

func TestVirtualWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := clock.NewVirtual(noon)
		done := make(chan error, 1)
		go func() { done <- v.Wait(t.Context(), time.Minute) }()
		synctest.Wait()
		advance(t, v, time.Minute-1)
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("returned before its time")
		}
		advance(t, v, 1)
		if err := <-done; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- v.Wait(ctx, time.Minute) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("error %v", err)
		}
		if fired := advance(t, v, time.Hour); fired != 0 {
			t.Error("a wait that was given up leaves its timer behind")
		}
		if err := v.Wait(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
}

func TestVirtualTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := clock.NewVirtual(noon)
		type key struct{}
		parent := context.WithValue(t.Context(), key{}, "value")
		ctx, cancel := v.Timeout(parent, 10*time.Second)
		defer cancel()
		child, cancelChild := context.WithCancelCause(ctx)
		defer cancelChild(nil)
		time.Sleep(time.Hour)
		advance(t, v, 10*time.Second-1)
		if ctx.Err() != nil || child.Err() != nil {
			t.Fatalf("ended early: %v", ctx.Err())
		}
		if _, ok := ctx.Deadline(); ok {
			t.Error("a virtual deadline is shown to those who compare it with real time")
		}
		if ctx.Value(key{}) != "value" {
			t.Error("the parent's values are lost")
		}
		var inTime error
		// Created later, so it fires behind the timeout at the same instant.
		v.AfterFunc(1, func() { inTime = ctx.Err() })
		advance(t, v, 1)
		if inTime != context.DeadlineExceeded {
			t.Errorf("at its instant the error is %v", inTime)
		}
		synctest.Wait()
		for name, c := range map[string]context.Context{"context": ctx, "child": child} {
			<-c.Done()
			if c.Err() != context.DeadlineExceeded || context.Cause(c) != context.DeadlineExceeded {
				t.Errorf("%s: error %v, cause %v", name, c.Err(), context.Cause(c))
			}
		}
	})
}

func TestVirtualTimeoutEndsOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := clock.NewVirtual(noon)
		ctx, cancel := v.Timeout(t.Context(), time.Second)
		cancel()
		cancel()
		if ctx.Err() != context.Canceled {
			t.Errorf("after its cancel: %v", ctx.Err())
		}
		cause := errors.New("shut down")
		parent, cancelParent := context.WithCancelCause(t.Context())
		ctx, cancel = v.Timeout(parent, time.Second)
		defer cancel()
		cancelParent(cause)
		<-ctx.Done()
		if ctx.Err() != context.Canceled || context.Cause(ctx) != cause {
			t.Errorf("after its parent: error %v, cause %v", ctx.Err(), context.Cause(ctx))
		}
		cancel()
		for _, d := range []time.Duration{0, -time.Second} {
			ctx, cancel = v.Timeout(t.Context(), d)
			if ctx.Err() != context.DeadlineExceeded {
				t.Errorf("with %s to go: %v", d, ctx.Err())
			}
			cancel()
		}
		if fired := advance(t, v, time.Hour); fired != 0 {
			t.Errorf("%d timers are left of contexts that ended otherwise", fired)
		}
	})
}

func TestVirtualIsSafeForConcurrentUse(t *testing.T) {
	v := clock.NewVirtual(noon)
	var all sync.WaitGroup
	var mu sync.Mutex
	fired, stopped := 0, 0
	for range 8 {
		all.Go(func() {
			for i := range 200 {
				timer := v.AfterFunc(time.Duration(i)*time.Millisecond, func() { mu.Lock(); fired++; mu.Unlock() })
				if i%3 == 0 && timer.Stop() {
					mu.Lock()
					stopped++
					mu.Unlock()
				}
				if i%10 == 0 {
					advance(t, v, time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	advance(t, v, time.Second)
	if fired+stopped != 1600 {
		t.Errorf("%d fired and %d were stopped, want 1600 in all", fired, stopped)
	}
}

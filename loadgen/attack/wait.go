package attack

import (
	"context"
	"time"
)

// Waiter waits until a time and returns the context's error where that ends first. It has one caller at a time.
type Waiter func(ctx context.Context, until time.Time) error

// Timer returns a waiter by the runtime's timers, which also follow the fake time of a test.
func Timer() Waiter {
	timer := time.NewTimer(time.Hour)
	return func(ctx context.Context, until time.Time) error {
		timer.Reset(time.Until(until))
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const (
	// coarse is how far the runtime's timers may be off: on Linux an idle program sleeps in epoll_wait, which counts in
	// milliseconds and rounds up, so that at 5,000 starts a second every one of them would come late.
	coarse = 1500 * time.Microsecond
	// slice bounds a sleep that no context can end.
	slice = time.Millisecond
)

// Precise returns a waiter that comes to within some 60 µs of the time where the system has a finer sleep than the
// runtime: the last part of each wait is slept in the system.
func Precise() Waiter {
	roughly := Timer()
	return func(ctx context.Context, until time.Time) error {
		if left := time.Until(until); left > coarse {
			if err := roughly(ctx, until.Add(-coarse)); err != nil {
				return err
			}
		}
		for {
			left := time.Until(until)
			if left <= 0 {
				return ctx.Err()
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			sleep(min(left, slice))
		}
	}
}

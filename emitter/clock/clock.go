// Package clock is the time by which the emitter waits: real, scaled, or moved by hand. All waiting inside the process
// goes through one Clock, so that 31 hours of retries can pass in an instant. It knows nothing of what is waited for.
package clock

import (
	"context"
	"time"
)

// Clock tells the time and waits. It is safe for concurrent use.
type Clock interface {
	// Now is this clock's time, in UTC.
	Now() time.Time
	// AfterFunc calls f once, when d of this clock has passed: in a goroutine of its own on a real or scaled clock,
	// inside Advance on a virtual one.
	AfterFunc(d time.Duration, f func()) Timer
	// Timeout bounds an exchange over a real network: by real time on a real and on a scaled clock, by virtual time on
	// a virtual one. A scaled clock shortens waits and not exchanges, because no network is a thousand times as fast:
	// 10 s at factor 3600 would be 2.8 ms. The context's error and cause are context.DeadlineExceeded when the time is
	// up.
	Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
	// Wait returns nil when d of this clock has passed, or the context's error when that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// Timer is one call that AfterFunc promised.
type Timer interface {
	// Stop takes the promise back. It reports false where the call was made, or begun, or stopped already.
	Stop() bool
}

// wait is Wait for every clock.
func wait(ctx context.Context, c Clock, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	passed := make(chan struct{})
	timer := c.AfterFunc(d, func() { close(passed) })
	defer timer.Stop()
	select {
	case <-passed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

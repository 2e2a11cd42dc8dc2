package clock

import (
	"context"
	"sync"
	"time"
)

// Timeout returns a context that ends when an Advance has passed d from now. It has ended before Advance goes on to the
// next timer.
func (v *Virtual) Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	c := &virtualContext{Context: ctx, done: make(chan struct{})}
	if d <= 0 {
		c.end(context.DeadlineExceeded)
		return c, func() {}
	}
	// The package context cannot do this: its deadlines run on real time, and what WithCancelCause ends says Canceled.
	stop := context.AfterFunc(ctx, func() { c.end(ctx.Err()) })
	timer := v.AfterFunc(d, func() {
		stop()
		c.end(context.DeadlineExceeded)
	})
	return c, func() {
		stop()
		timer.Stop()
		c.end(context.Canceled)
	}
}

// virtualContext is a context whose time is up by a virtual clock. Its Deadline is its parent's and not its own:
// package net compares deadlines with real time, where a virtual one may long have passed.
type virtualContext struct {
	context.Context
	done chan struct{}

	mu  sync.Mutex
	err error
}

func (c *virtualContext) Done() <-chan struct{} { return c.done }

func (c *virtualContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// end ends the context; only the first end counts.
func (c *virtualContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.done)
	}
}

package mockmeta

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Clock is the time by which a sender waits. All of its waiting goes through one.
type Clock interface {
	Now() time.Time
	// Wait returns when so much of this clock's time has passed, or with the context's error when that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// clock runs a number of times as fast as real time.
type clock struct {
	start  time.Time
	factor float64
}

// RealClock returns a clock that is neither faster nor slower than real time.
func RealClock() Clock { return clock{start: time.Now(), factor: 1} }

// ScaledClock returns a clock that runs factor times as fast as real time, so that Meta's seven days pass in an hour
// at 168. It begins now.
func ScaledClock(factor float64) (Clock, error) {
	if !(factor > 0) || math.IsInf(factor, 1) {
		return nil, fmt.Errorf("a clock cannot run %v times as fast; the factor must be a positive number", factor)
	}
	return clock{start: time.Now(), factor: factor}, nil
}

func (c clock) Now() time.Time {
	return c.start.Add(time.Duration(float64(time.Since(c.start)) * c.factor))
}

func (c clock) Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	timer := time.NewTimer(time.Duration(float64(d) / c.factor))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

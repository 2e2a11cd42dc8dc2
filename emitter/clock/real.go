package clock

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Real returns the clock of the machine.
func Real() Clock { return real{} }

type real struct{}

func (real) Now() time.Time { return time.Now().UTC() }

func (real) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

func (real) Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (c real) Wait(ctx context.Context, d time.Duration) error { return wait(ctx, c, d) }

// Scaled returns a clock that begins at start and runs factor times as fast as real time from now on: at 3600, an hour
// of it is a second. The error is a factor that is not a positive, finite number.
func Scaled(start time.Time, factor float64) (Clock, error) {
	// Not "factor <= 0": NaN compares false with everything.
	if !(factor > 0) || math.IsInf(factor, 1) {
		return nil, fmt.Errorf("a clock cannot run %v times as fast as real time; the factor must be a positive, finite number",
			factor)
	}
	return scaled{start: start.UTC(), began: time.Now(), factor: factor}, nil
}

type scaled struct {
	start time.Time
	// began is the real time at which this clock showed start.
	began  time.Time
	factor float64
}

func (c scaled) Now() time.Time {
	return c.start.Add(duration(float64(time.Since(c.began)) * c.factor))
}

func (c scaled) AfterFunc(d time.Duration, f func()) Timer {
	// Rounded up: a timer that fires a nanosecond early shows its owner a time that is not yet due.
	return time.AfterFunc(duration(math.Ceil(float64(d)/c.factor)), f)
}

func (c scaled) Timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (c scaled) Wait(ctx context.Context, d time.Duration) error { return wait(ctx, c, d) }

// duration converts nanoseconds, and takes what does not fit (292 years) for the longest duration there is: converting
// a float that is out of range gives a number that differs between processors.
func duration(nanoseconds float64) time.Duration {
	if nanoseconds >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(nanoseconds)
}

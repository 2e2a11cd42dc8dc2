package clock_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
)

func TestRealAndScaledWait(t *testing.T) {
	for name, factor := range map[string]float64{"real": 0, "1": 1, "3600": 3600, "7": 7, "0.5": 0.5, "1e9": 1e9} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, scale := clock.Real(), 1.0
				if factor > 0 {
					var err error
					if c, err = clock.Scaled(noon, factor); err != nil {
						t.Fatal(err)
					}
					if got := c.Now(); !got.Equal(noon) {
						t.Errorf("it begins at %s, want %s", got, noon)
					}
					scale = factor
				}
				if c.Now().Location() != time.UTC {
					t.Error("the time is not in UTC")
				}
				const d = 10 * time.Minute
				real := time.Duration(math.Ceil(float64(d) / scale))
				started, began := c.Now(), time.Now()
				if err := c.Wait(t.Context(), d); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(began); got != real {
					t.Errorf("waited %s of real time, want %s", got, real)
				}
				if got := c.Now().Sub(started); got < d || got > d+time.Duration(math.Ceil(scale)) {
					t.Errorf("%s of its own time passed, want %s", got, d)
				}
				fired := make(chan time.Time, 1)
				started = c.Now()
				c.AfterFunc(d, func() { fired <- c.Now() })
				if got := (<-fired).Sub(started); got < d || got > d+time.Duration(math.Ceil(scale)) {
					t.Errorf("fired after %s, want %s", got, d)
				}
				if timer := c.AfterFunc(d, func() { t.Error("a stopped timer fired") }); !timer.Stop() || timer.Stop() {
					t.Error("Stop tells the wrong story")
				}
				time.Sleep(2 * real)

				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(real/2, cancel)
				if err := c.Wait(ctx, d); err != context.Canceled {
					t.Errorf("a wait that was cancelled: %v", err)
				}
				if err := c.Wait(ctx, 0); err != context.Canceled {
					t.Errorf("no wait on a context that has ended: %v", err)
				}
				if err := c.Wait(t.Context(), -d); err != nil {
					t.Errorf("a wait that is over already: %v", err)
				}
			})
		})
	}
}

// A scaled clock shortens waits and not exchanges.
func TestTimeoutIsRealTimeOnAScaledClock(t *testing.T) {
	fast, err := clock.Scaled(noon, 3600)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]clock.Clock{"real": clock.Real(), "scaled": fast} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ctx, cancel := c.Timeout(t.Context(), 10*time.Second)
				defer cancel()
				<-ctx.Done()
				if got := time.Since(began); got != 10*time.Second || ctx.Err() != context.DeadlineExceeded {
					t.Errorf("ended after %s with %v", got, ctx.Err())
				}
			})
		})
	}
}

func TestScaledRefusesFactors(t *testing.T) {
	for _, factor := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, err := clock.Scaled(noon, factor); err == nil {
			t.Errorf("%v was taken", factor)
		}
	}
}

// Past 292 years a duration overflows, and a clock must not run backwards for it.
func TestScaledDoesNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := clock.Scaled(noon, 1e18)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := c.Now().Sub(noon); got != math.MaxInt64 {
			t.Errorf("%s passed", got)
		}
		slow, err := clock.Scaled(noon, 1e-18)
		if err != nil {
			t.Fatal(err)
		}
		timer := slow.AfterFunc(time.Hour, func() { t.Error("fired") })
		time.Sleep(24 * time.Hour)
		if !timer.Stop() {
			t.Error("the timer is gone")
		}
	})
}

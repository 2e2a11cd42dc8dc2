package mockmeta_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

// script is a receiver in the tests' own time, and what the sender recorded of it. Nothing in it is locked where Record
// writes, so that the race detector finds calls that overlap.
type script struct {
	mockmeta.Config
	records []mockmeta.Record
	// at is when the records' attempts began, counted from the making of the script.
	at []time.Duration
}

// newScript makes a sender's configuration whose receiver answers by the function; n counts from 1.
func newScript(t *testing.T, answer func(ctx context.Context, r wire.Request) wire.Exchange) *script {
	t.Helper()
	s := &script{}
	begun := time.Now()
	s.Config = mockmeta.Config{
		Meta: loadMeta(t), URL: "https://example.com/webhooks", Secret: appSecret,
		Send: func(ctx context.Context, r wire.Request) wire.Exchange {
			started := time.Now()
			x := answer(ctx, r)
			x.Request, x.Started, x.Took = r, started, time.Since(started)
			return x
		},
		Record: func(r mockmeta.Record) {
			s.records = append(s.records, r)
			s.at = append(s.at, r.Exchange.Started.Sub(begun))
		},
	}
	return s
}

func (s *script) sender(t *testing.T) *mockmeta.Sender {
	t.Helper()
	sender, err := mockmeta.NewSender(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// always answers with one exchange, at once.
func always(x wire.Exchange) func(context.Context, wire.Request) wire.Exchange {
	return func(context.Context, wire.Request) wire.Exchange { return x }
}

// wait takes that long.
func wait(ctx context.Context, d time.Duration) error { return mockmeta.RealClock().Wait(ctx, d) }

// plain is a plan with this body.
func plain(body string) mockmeta.Plan { return mockmeta.Plan{Body: []byte(body)} }

func TestRetriesComeExactlyByTheScheduleAndEndWithTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, always(wire.Exchange{Status: 503}))
		got, err := s.sender(t).Deliver(t.Context(), plain("{}"))
		if err != nil {
			t.Fatal(err)
		}
		want := schedule()
		if !slices.Equal(s.at, want) {
			t.Errorf("attempts at %v\nwant %v", s.at, want)
		}
		if d := got[0]; d != (mockmeta.Delivery{Number: 1, Outcome: mockmeta.Dropped, Attempts: len(want)}) {
			t.Errorf("got %+v", d)
		}
		for i, r := range s.records {
			if r.Attempt != i+1 || r.Delivery != 1 || r.Exchange.Status != 503 {
				t.Errorf("record %d is of attempt %d of delivery %d, status %d", i, r.Attempt, r.Delivery, r.Exchange.Status)
			}
		}
	})
}

func TestWaitsCountFromTheEndOfAnAttemptAndTheWindowFromTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, func(ctx context.Context, _ wire.Request) wire.Exchange {
			if err := wait(ctx, 10*time.Second); err != nil {
				return wire.Exchange{Trouble: wire.Stopped, Err: err}
			}
			return wire.Exchange{Trouble: wire.TimedOut}
		})
		if _, err := s.sender(t).Deliver(t.Context(), plain("{}")); err != nil {
			t.Fatal(err)
		}
		for i, at := range schedule() {
			if want := at + time.Duration(i)*10*time.Second; i >= len(s.at) || s.at[i] != want {
				t.Fatalf("attempt %d of %v is not at %s", i+1, s.at, want)
			}
		}
		if last := s.at[len(s.at)-1]; last > 7*day {
			t.Errorf("an attempt at %s, after the window", last)
		}
	})
}

func TestOnlyA200EndsTheRetries(t *testing.T) {
	for name, c := range map[string]struct {
		x    wire.Exchange
		want mockmeta.Outcome
	}{
		"200":                     {wire.Exchange{Status: 200}, mockmeta.Delivered},
		"201":                     {wire.Exchange{Status: 201}, mockmeta.Dropped},
		"202":                     {wire.Exchange{Status: 202}, mockmeta.Dropped},
		"204":                     {wire.Exchange{Status: 204}, mockmeta.Dropped},
		"206":                     {wire.Exchange{Status: 206}, mockmeta.Dropped},
		"301":                     {wire.Exchange{Status: 301}, mockmeta.Dropped},
		"302":                     {wire.Exchange{Status: 302}, mockmeta.Dropped},
		"304":                     {wire.Exchange{Status: 304}, mockmeta.Dropped},
		"307":                     {wire.Exchange{Status: 307}, mockmeta.Dropped},
		"400":                     {wire.Exchange{Status: 400}, mockmeta.Dropped},
		"401":                     {wire.Exchange{Status: 401}, mockmeta.Dropped},
		"410":                     {wire.Exchange{Status: 410}, mockmeta.Dropped},
		"429":                     {wire.Exchange{Status: 429}, mockmeta.Dropped},
		"500":                     {wire.Exchange{Status: 500}, mockmeta.Dropped},
		"200 that broke off":      {wire.Exchange{Status: 200, Trouble: wire.BrokenOff}, mockmeta.Dropped},
		"200 that came too late":  {wire.Exchange{Status: 200, Trouble: wire.TimedOut}, mockmeta.Dropped},
		"no connection":           {wire.Exchange{Trouble: wire.NotReached}, mockmeta.Dropped},
		"a certificate of no use": {wire.Exchange{Trouble: wire.BadTLS}, mockmeta.Dropped},
		"no HTTP":                 {wire.Exchange{Trouble: wire.NotHTTP}, mockmeta.Dropped},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t, always(c.x))
				got, err := s.sender(t).Deliver(t.Context(), plain("{}"))
				if err != nil || got[0].Outcome != c.want {
					t.Errorf("got %+v, %v", got, err)
				}
				attempts := map[mockmeta.Outcome]int{mockmeta.Delivered: 1, mockmeta.Dropped: len(schedule())}[c.want]
				if len(s.records) != attempts || got[0].Attempts != attempts {
					t.Errorf("%d attempts recorded, %d counted, want %d", len(s.records), got[0].Attempts, attempts)
				}
			})
		})
	}
}

func TestRetriesEndAtTheFirst200AndSendTheSameBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		statuses := []int{500, 302, 204, 200}
		n := 0
		s := newScript(t, func(context.Context, wire.Request) wire.Exchange {
			n++
			return wire.Exchange{Status: statuses[n-1]}
		})
		got, err := s.sender(t).Deliver(t.Context(), mockmeta.Plan{Event: message(t, everything)})
		if err != nil || got[0].Outcome != mockmeta.Delivered || got[0].Attempts != 4 {
			t.Fatalf("got %+v, %v", got, err)
		}
		if want := schedule()[:4]; !slices.Equal(s.at, want) {
			t.Errorf("attempts at %v, want %v", s.at, want)
		}
		for _, r := range s.records[1:] {
			first := s.records[0].Exchange.Request
			if !bytes.Equal(r.Exchange.Request.Body, first.Body) || !slices.Equal(r.Exchange.Request.Header, first.Header) {
				t.Errorf("attempt %d differs from the first", r.Attempt)
			}
		}
	})
}

func TestAnEndedContextInterruptsDeliveries(t *testing.T) {
	slow := func(ctx context.Context, _ wire.Request) wire.Exchange {
		if err := wait(ctx, time.Minute); err != nil {
			return wire.Exchange{Trouble: wire.Stopped, Err: err}
		}
		return wire.Exchange{Status: 500}
	}
	for name, c := range map[string]struct {
		answer   func(context.Context, wire.Request) wire.Exchange
		after    time.Duration
		attempts int
	}{
		"before the first attempt":  {always(wire.Exchange{Status: 500}), 0, 0},
		"during the first attempt":  {slow, time.Second, 1},
		"while waiting for a retry": {always(wire.Exchange{Status: 500}), 90 * time.Second, 3},
		"between attempt and retry": {slow, 150 * time.Second, 2},
		"days later":                {always(wire.Exchange{Status: 500}), 6 * day, 17},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t, c.answer)
				ctx, cancel := context.WithTimeout(t.Context(), c.after)
				defer cancel()
				begun := time.Now()
				got, err := s.sender(t).Deliver(ctx, plain("{}"))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the error is %v", err)
				}
				if took := time.Since(begun); took != c.after {
					t.Errorf("it ended after %s, not at once after %s", took, c.after)
				}
				if got[0].Outcome != mockmeta.Interrupted || got[0].Attempts != c.attempts || len(s.records) != c.attempts {
					t.Errorf("got %+v and %d records, want %d attempts", got[0], len(s.records), c.attempts)
				}
			})
		})
	}
}

func TestAContextThatEndsAfterwardsInterruptsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newScript(t, func(context.Context, wire.Request) wire.Exchange {
		cancel()
		return wire.Exchange{Status: 200}
	})
	if got, err := s.sender(t).Deliver(ctx, plain("{}")); err != nil || got[0].Outcome != mockmeta.Delivered {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSevenDaysPassInAnHourOnAScaledClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, always(wire.Exchange{Status: 500}))
		var err error
		if s.Clock, err = mockmeta.ScaledClock(168); err != nil {
			t.Fatal(err)
		}
		got, err := s.sender(t).Deliver(t.Context(), plain("{}"))
		if err != nil || got[0].Attempts != len(schedule()) {
			t.Errorf("got %+v, %v", got, err)
		}
		for i, at := range schedule() {
			if off := s.at[i] - at/168; off.Abs() > time.Microsecond {
				t.Errorf("attempt %d comes %s off", i+1, off)
			}
		}
	})
	for _, factor := range []float64{0, -1} {
		if _, err := mockmeta.ScaledClock(factor); err == nil {
			t.Errorf("a clock runs %v times as fast", factor)
		}
	}
}

func TestConfigurationsThatCannotSendAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*mockmeta.Config)
		want   string
	}{
		"no URL":               {func(c *mockmeta.Config) { c.URL = "" }, "callback URL"},
		"no host":              {func(c *mockmeta.Config) { c.URL = "/webhooks" }, "callback URL"},
		"another scheme":       {func(c *mockmeta.Config) { c.URL = "ftp://example.com" }, "callback URL"},
		"no secret":            {func(c *mockmeta.Config) { c.Secret = "" }, "app secret"},
		"nothing to send with": {func(c *mockmeta.Config) { c.Send = nil }, "sends is missing"},
		"negative connections": {func(c *mockmeta.Config) { c.Connections = -1 }, "-1 connections"},
		"no parameters":        {func(c *mockmeta.Config) { c.Meta = contract.Meta{} }, "retry policy"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newScript(t, always(wire.Exchange{})).Config
			c.change(&config)
			if _, err := mockmeta.NewSender(config); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a complaint about %s", err, c.want)
			}
		})
	}
}

package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// askedServer records every request as one line, and answers by a function.
type askedServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newAsked(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *askedServer {
	t.Helper()
	s := &askedServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			t.Errorf("reading: %v", err)
		}
		s.mu.Lock()
		s.asked = append(s.asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), body)))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// take returns what was asked since the last call.
func (s *askedServer) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := strings.Join(s.asked, "\n")
	s.asked = nil
	return asked
}

func answerWith(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		// A client that went away is a failure of the test itself.
		_, _ = io.WriteString(w, body)
	}
}

// clockOf resolves a relay at the server's address and returns its clock.
func clockOf(t *testing.T, server, section string) Clock {
	t.Helper()
	tgt := readRelay(t, strings.ReplaceAll(relayFile, "http://127.0.0.1:1", server)+"clock: "+strings.ReplaceAll(section, "$S", server)+"\n")
	c, err := tgt.NewClock()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestVirtualClockIsAdvancedOverHTTP(t *testing.T) {
	s := newAsked(t, answerWith(200, `{"now":"2026-05-23T10:00:00.25Z","fired":3}`))
	c := clockOf(t, s.URL, "{mode: virtual}")
	if c.Mode() != VirtualClock || c.Real(time.Hour) != 0 || c.Resolution() != 0 {
		t.Errorf("mode %s, an hour in %s, resolution %s", c.Mode(), c.Real(time.Hour), c.Resolution())
	}
	if err := errors.Join(c.Advance(t.Context(), 26*time.Hour), c.Pass(t.Context(), 1500*time.Millisecond), c.Advance(t.Context(), 0)); err != nil {
		t.Fatal(err)
	}
	want := "POST /test/clock/advance {\"by\":\"26h0m0s\"}\nPOST /test/clock/advance {\"by\":\"1.5s\"}\nPOST /test/clock/advance {\"by\":\"0s\"}"
	if got := s.take(); got != want {
		t.Errorf("asked\n%s\nwant\n%s", got, want)
	}
	now, err := c.Now(t.Context())
	if err != nil || !now.Equal(time.Date(2026, 5, 23, 10, 0, 0, 250e6, time.UTC)) || s.take() != "GET /test/clock" {
		t.Errorf("now %s, %v", now, err)
	}
	isError(t, c.Advance(t.Context(), -time.Second), "clock: time does not go back")
	if got := s.take(); got != "" {
		t.Errorf("going back was asked for: %s", got)
	}
}

func TestCallsOfAnotherClockAreMadeAsConfigured(t *testing.T) {
	header := make(chan http.Header, 2)
	s := newAsked(t, func(w http.ResponseWriter, r *http.Request) {
		header <- r.Header.Clone()
		answerWith(204, "")(w, r)
	})
	c := clockOf(t, s.URL, `{mode: virtual, advance: {method: PUT, url: "$S/tick?s={seconds}", body: "by {duration}", `+
		`header: {X-Gate: {env: KIRIM_TEST_SECRET}, content-type: {text: text/plain}}}}`)
	if err := c.Advance(t.Context(), 90500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if got := s.take(); got != "PUT /tick?s=90.5 by 1m30.5s" {
		t.Errorf("asked %s", got)
	}
	if h := <-header; h.Get("X-Gate") != hush || h.Get("Content-Type") != "text/plain" {
		t.Errorf("header %v", h)
	}
}

// A clock that was not advanced is an error: specs would wait for what never falls due.
func TestClockThatCannotBeAskedIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   []string
	}{
		"not a virtual clock": {404, `{"error":"no such path"}`, []string{"/test/clock", " answered 404, ", "no such path", "a 2xx is expected"}},
		"a redirect":          {307, "", []string{" answered 307, nothing"}},
		"no JSON":             {200, "ten", []string{"clock: the answer is not JSON"}},
		"another member":      {200, "{}", []string{"clock: there is nothing at /now"}},
		"a number":            {200, `{"now":5}`, []string{"clock: the value at /now is not text"}},
		"another form":        {200, `{"now":"yesterday"}`, []string{`clock: the value at /now is "yesterday"`, "2026-05-23T10:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAsked(t, answerWith(c.status, c.body))
			clock := clockOf(t, s.URL, "{mode: virtual}")
			_, err := clock.Now(t.Context())
			isError(t, err, c.want...)
			if c.status == 200 {
				return
			}
			isError(t, clock.Advance(t.Context(), time.Second), "clock: POST ", fmt.Sprint(c.status))
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		s := newAsked(t, answerWith(200, ""))
		clock := clockOf(t, s.URL, "{mode: virtual, advance: {url: '$S/{seconds}?token="+hush+"'}}")
		s.Close()
		isError(t, clock.Advance(t.Context(), time.Second), "clock: POST ", "/1: no answer: ")
	})
	t.Run("the run interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := newAsked(t, func(_ http.ResponseWriter, r *http.Request) {
			cancel(errors.New("enough"))
			<-r.Context().Done()
		})
		isError(t, clockOf(t, s.URL, "{mode: virtual}").Advance(ctx, time.Second), "enough")
	})
	t.Run("too slow", func(t *testing.T) {
		release := make(chan struct{})
		s := newAsked(t, func(http.ResponseWriter, *http.Request) { <-release })
		defer close(release)
		clock := clockOf(t, s.URL, "{mode: virtual, advance: {url: '$S/{seconds}', timeout: 50ms}}")
		isError(t, clock.Advance(t.Context(), time.Second), "no complete answer within 50ms")
	})
}

func TestClockThatGoesByItselfIsWaitedFor(t *testing.T) {
	real, scaled := clockOf(t, "http://127.0.0.1:1", "{mode: real}"), clockOf(t, "http://127.0.0.1:1", "{mode: scaled, factor: 3600}")
	for _, c := range []struct {
		clock      Clock
		mode       ClockMode
		day        time.Duration
		resolution time.Duration
	}{
		{real, RealClock, 24 * time.Hour, arrival}, {scaled, ScaledClock, 24 * time.Second, 3600 * arrival},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.clock.Mode() != c.mode || c.clock.Real(24*time.Hour) != c.day || c.clock.Resolution() != c.resolution {
					t.Errorf("mode %s, a day in %s, resolution %s", c.clock.Mode(), c.clock.Real(24*time.Hour), c.clock.Resolution())
				}
				started := time.Now()
				if err := c.clock.Pass(t.Context(), 24*time.Hour); err != nil || time.Since(started) != c.day {
					t.Errorf("a day took %s, %v", time.Since(started), err)
				}
				err := c.clock.Advance(t.Context(), time.Hour)
				isError(t, err, "the target's clock is "+string(c.mode)+" and cannot be advanced")
				if !errors.Is(err, errors.ErrUnsupported) || time.Since(started) != c.day {
					t.Errorf("advancing took %s: %v", time.Since(started)-c.day, err)
				}
				isError(t, c.clock.Pass(t.Context(), -1), "time does not go back")
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				isError(t, c.clock.Pass(ctx, 24*time.Hour), "deadline exceeded")
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		if now, err := real.Now(t.Context()); err != nil || !now.Equal(time.Now()) {
			t.Errorf("now %s, %v", now, err)
		}
	})
}

func TestScaledClockTellsItsTimeByTheHealth(t *testing.T) {
	s := newAsked(t, answerWith(200, `{"data":{"clock":{"mode":"scaled","now":"2031-01-02T03:04:05Z"}},"request_id":"req_1"}`))
	now, err := clockOf(t, s.URL, "{mode: scaled, factor: 60}").Now(t.Context())
	if err != nil || !now.Equal(time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)) || s.take() != "GET /v1/health" {
		t.Errorf("now %s, %v", now, err)
	}
}

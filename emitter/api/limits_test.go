package api

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"
)

func (w *world) wait(t *testing.T, d time.Duration) {
	t.Helper()
	if _, err := w.clock.Advance(context.Background(), d, 0); err != nil {
		t.Fatal(err)
	}
}

// quota holds an answer's headers against what they should be; full is in seconds from now.
func (w *world) quota(t *testing.T, a answer, limit, remaining int, full time.Duration) {
	t.Helper()
	at := w.clock.Now().Add(full)
	if whole := at.Truncate(time.Second); whole.Before(at) {
		at = whole.Add(time.Second)
	}
	reset := strconv.FormatInt(at.Unix(), 10)
	for name, want := range map[string]string{
		"X-RateLimit-Limit": strconv.Itoa(limit), "X-RateLimit-Remaining": strconv.Itoa(remaining), "X-RateLimit-Reset": reset,
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
}

func TestABucketEmptiesAndFillsUp(t *testing.T) {
	w := newWorld(t, "kckit", &Limits{Write: 6, Read: 600})
	const body = `{"phone_number":"+6281234567890"}`
	w.quota(t, w.must(201, "POST", "/contacts", body), 6, 5, 10*time.Second)
	for i := range 5 {
		// A refused call counts too, and its answer says so.
		w.quota(t, w.must(409, "POST", "/contacts", body), 6, 4-i, time.Duration(20+10*i)*time.Second)
	}
	limited := w.refuse(429, "rate_limit_error", "rate_limit_exceeded", "", "POST", "/contacts", body)
	w.quota(t, limited, 6, 0, time.Minute)
	if got := limited.header.Get("Retry-After"); got != "10" {
		t.Errorf("Retry-After is %q", got)
	}
	w.wait(t, 9500*time.Millisecond)
	if got := w.must(429, "PATCH", "/contacts/x", body).header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After is %q half a second before the next token", got)
	}
	// Reading has its own bucket, and another organisation its own two.
	w.quota(t, w.must(200, "GET", "/contacts", ""), 600, 599, 100*time.Millisecond)
	w.quota(t, w.must(201, "POST", "/contacts", body, header("Authorization", "Bearer "+otherKey)), 6, 5, 10*time.Second)
	w.wait(t, 500*time.Millisecond)
	w.must(409, "POST", "/contacts", body)
	w.must(429, "DELETE", "/webhook_subscriptions/x", "")
	w.wait(t, time.Hour)
	w.quota(t, w.must(409, "POST", "/contacts", body), 6, 5, 10*time.Second)
}

func TestTheHeadersAreThereOnlyWhereLimitsAre(t *testing.T) {
	has := func(a answer) bool { return a.header.Get("X-RateLimit-Limit") != "" }
	if w := newWorld(t, "kckit", nil); has(w.must(200, "GET", "/contacts", "")) {
		t.Error("there without limits")
	}
	if w := newWorld(t, "kckit", &Limits{Write: 6}); has(w.must(200, "GET", "/contacts", "")) {
		t.Error("there for a class without a limit")
	}
	w := newWorld(t, "kckit", &Limits{Write: 6, Read: 6})
	if has(w.must(200, "GET", "/health", "")) || has(w.must(401, "GET", "/contacts", "", without("Authorization"))) {
		t.Error("there without an organisation")
	}
	if !has(w.must(404, "GET", "/contacts/x", "")) || !has(w.must(400, "GET", "/contacts?limit=0", "")) {
		t.Error("not there on a 4xx")
	}
	w.fake.err = errors.New("disk full")
	if has(w.must(500, "GET", "/contacts", "")) {
		t.Error("there on a 5xx")
	}
}

func TestAReplayedAnswerHasFreshLimits(t *testing.T) {
	w := newWorld(t, "kckit", &Limits{Write: 6, Read: 6})
	key := header("Idempotency-Key", "k")
	w.quota(t, w.must(201, "POST", "/webhook_subscriptions", example, key), 6, 5, 10*time.Second)
	w.quota(t, w.must(201, "POST", "/webhook_subscriptions", example, key), 6, 4, 20*time.Second)
}

func TestTheBucketHoldsUnderConcurrency(t *testing.T) {
	w := newWorld(t, "kckit", &Limits{Write: 1, Read: 50})
	var all sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 8 {
		all.Go(func() {
			for range 25 {
				err := w.api.limiter.take(map[string][]string{}, organisation, "GET")
				mu.Lock()
				if err == nil {
					passed++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if passed != 50 {
		t.Errorf("%d of 200 calls passed a bucket of 50", passed)
	}
}

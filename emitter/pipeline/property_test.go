package pipeline_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

func TestAgreesWithTheModel(t *testing.T) {
	ran := map[string]int{}
	for seed := range uint64(100) {
		for _, id := range []string{"kckit", "kirim.chat"} {
			ed := edition(t, id)
			difference, what := compare(t, ed, pipeline.RulesOf(ed), seed)
			if difference != "" {
				t.Fatalf("edition %s, seed %d: %s", id, seed, difference)
			}
			for name, n := range what {
				ran[name] += n
			}
		}
	}
	// A model that is never asked agrees with everything.
	for _, name := range []string{"attempts", "eighth attempts", "disabled", "stopped", "late", "unsigned", "asked to wait"} {
		if ran[name] < 50 {
			t.Errorf("only %d %s in all worlds", ran[name], name)
		}
	}
	t.Log(ran)
}

// compare runs an engine in the world of a seed and returns the first difference from the model, and how often what
// the world is meant to exercise came about.
func compare(t *testing.T, ed contract.Edition, rules pipeline.Rules, seed uint64) (difference string, ran map[string]int) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(seed, 1))
		var subs []sub
		for n := range 1 + r.IntN(3) {
			subs = append(subs, newSub(r, ed.ID, fmt.Sprintf("wbs_%d", n), int64(n)*1000, time.Now().UTC()))
		}
		var wantAttempts []seen
		var wantStops []stopped
		for _, s := range subs {
			attempts, stops := modelOf(ed.ID, seed, s)
			wantAttempts, wantStops = append(wantAttempts, attempts...), append(wantStops, stops...)
		}
		gotAttempts, gotStops := observe(t, ed, rules, seed, subs)

		ran = map[string]int{"attempts": len(wantAttempts), "stopped": len(wantStops)}
		for _, a := range wantAttempts {
			for name, is := range map[string]bool{
				"eighth attempts": a.number == 8, "disabled": a.disabled, "unsigned": a.signature == "",
				"late": a.end.Sub(a.start) == modelTimeout, "asked to wait": a.number == 2 && a.next.Sub(a.end) > 36*time.Second,
			} {
				if is {
					ran[name]++
				}
			}
		}
		byTime := func(a, b seen) int {
			return cmp.Or(a.end.Compare(b.end), cmp.Compare(a.delivery, b.delivery), cmp.Compare(a.number, b.number))
		}
		slices.SortFunc(wantAttempts, byTime)
		slices.SortFunc(gotAttempts, byTime)
		byDelivery := func(a, b stopped) int { return cmp.Compare(a.delivery, b.delivery) }
		slices.SortFunc(wantStops, byDelivery)
		slices.SortFunc(gotStops, byDelivery)
		if difference = firstDifference(gotAttempts, wantAttempts); difference == "" {
			difference = firstDifference(gotStops, wantStops)
		}
	})
	return difference, ran
}

func firstDifference[T comparable](got, want []T) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("missing: %+v", want[i])
		case i >= len(want):
			return fmt.Sprintf("too much: %+v", got[i])
		case got[i] != want[i]:
			return fmt.Sprintf("\n got %+v\nwant %+v", got[i], want[i])
		}
	}
	return ""
}

// observe runs an engine among the subscriptions until nothing more happens.
func observe(t *testing.T, ed contract.Edition, rules pipeline.Rules, seed uint64, subs []sub) ([]seen, []stopped) {
	byURL := map[string]sub{}
	var mu sync.Mutex
	requests := map[string]pipeline.Request{}
	key := func(sub string, delivery int64, attempt string) string {
		return fmt.Sprint(sub, "/", delivery, "/", attempt)
	}
	journal := &memory{}
	e := engine(t, pipeline.Config{
		Edition: ed, Rules: &rules, Clock: clock.Real(), Journal: journal, Seed: seed, Concurrency: 1000,
		Sender: sender(func(ctx context.Context, r pipeline.Request) pipeline.Response {
			s := byURL[r.URL]
			// The body tells the delivery even where a mutant spoils the headers.
			var event int64
			if _, err := fmt.Sscanf(string(r.Body), `{"event":%d}`, &event); err != nil {
				t.Errorf("body %q: %v", r.Body, err)
			}
			attempt, err := strconv.Atoi(field(r, ed.Headers.Attempt))
			if err != nil {
				t.Errorf("attempt: %v", err)
			}
			mu.Lock()
			requests[key(s.id, event, field(r, ed.Headers.Attempt))] = r
			mu.Unlock()
			a := s.answer(event, attempt)
			timer := time.NewTimer(a.latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return pipeline.Response{Err: ctx.Err()}
			}
			if a.broken {
				return refuses(ctx, r)
			}
			answer := pipeline.Response{Status: a.status, Header: http.Header{}}
			if a.retryAfter != "" {
				answer.Header.Set("Retry-After", a.header(time.Now()))
			}
			return answer
		}),
	})
	for _, s := range subs {
		subscriber := pipeline.Subscriber{ID: s.id, URL: "https://" + s.id + ".example/hook", Secrets: slices.Clone(s.secrets)}
		// The engine orders them itself.
		slices.Reverse(subscriber.Secrets)
		byURL[subscriber.URL] = s
		e.Put(subscriber)
		for i, d := range s.deliveries {
			time.AfterFunc(time.Until(s.enqueued[i]), func() { e.Enqueue([]pipeline.Delivery{d}) })
		}
		for _, at := range s.enabled {
			time.AfterFunc(time.Until(at), func() { e.Put(subscriber) })
		}
	}
	// The schedule takes 37.5 hours at most, with Retry-After at most 8 times a day more.
	time.Sleep(30 * 24 * time.Hour)
	synctest.Wait()
	if stats := e.Stats(); stats.Pending() != 0 && !rules.KeepPending {
		t.Errorf("something is still pending: %+v", stats)
	}
	if err := e.Drain(t.Context()); err != nil {
		t.Error(err)
	}

	records, stops := journal.taken()
	var attempts []seen
	used := map[string]bool{}
	for _, r := range records {
		made := seen{
			sub: r.Subscription, delivery: r.Delivery, number: r.Number, start: r.StartedAt, end: r.EndedAt,
			status: r.HTTPStatus, outcome: r.Outcome, next: r.NextAt, failures: r.Failures, disabled: r.Disabled,
		}
		if request, ok := requests[key(r.Subscription, r.Delivery, strconv.Itoa(r.Number))]; ok {
			made.attempt, made.eventID = field(request, ed.Headers.Attempt), field(request, ed.Headers.EventID)
			made.signature, made.body = field(request, ed.Headers.Signature), string(request.Body)
			made.deliveryID = field(request, ed.Headers.DeliveryID)
			if made.deliveryID != r.HeaderID {
				t.Errorf("the record says id %q, the header %q", r.HeaderID, made.deliveryID)
			}
			if id := made.deliveryID; strings.HasPrefix(id, "wbd_new") && !used[id] {
				made.deliveryID = "new"
				used[id] = true
			}
		}
		attempts = append(attempts, made)
	}
	var ended []stopped
	for _, s := range stops {
		ended = append(ended, stopped{s.Subscription, s.Delivery, s.At})
	}
	return attempts, ended
}

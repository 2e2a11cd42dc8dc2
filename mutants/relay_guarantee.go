package mutants

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// around goes around the sending of every attempt.
func around(send sending) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Sender = func(next pipeline.Sender) pipeline.Sender {
			return sender(func(ctx context.Context, r pipeline.Request) pipeline.Response { return send(ctx, r, next) })
		}
	}
}

// crowded is how many attempts are in flight when the faults of a busy relay show.
const crowded = 8

// sending makes one attempt, by means of the sender that is right.
type sending func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response

// whenCrowded changes the sending of one in so many attempts, counted while many are in flight.
func whenCrowded(oneIn int64, send sending) func(*server.Parts) {
	var inFlight, count atomic.Int64
	return around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		defer inFlight.Add(-1)
		if inFlight.Add(1) > crowded && count.Add(1)%oneIn == 0 {
			return send(ctx, r, next)
		}
		return next.Send(ctx, r)
	})
}

// guaranteeMutants lose events, send them twice, or mix them up.
func guaranteeMutants() []Mutant {
	return slices.Concat(lossMutants(), crashMutants(), metaDuplicateMutants())
}

func lossMutants() []Mutant {
	return []Mutant{
		{
			Name: "swallows-downstream-failure", Defect: "every attempt counts as delivered, whatever came of it",
			Seen: "a public relay", Filter: "guarantee", relay: verdict(pipeline.Delivered, func(pipeline.Response) bool { return true }),
			Breaks: []string{"relay.guarantee.nothing-lost", "relay.guarantee.kill", "relay.guarantee.kill-schedule"},
		},
		{
			Name: "202-nobody-there", Defect: "an event for which no subscriber could be connected to is taken for delivered, and gone",
			Seen: "a public relay", Filter: "guarantee", Breaks: []string{"relay.guarantee.nothing-lost"},
			relay: verdict(pipeline.Delivered, trouble(pipeline.Refused, pipeline.Reset, pipeline.TLS, pipeline.DNS, pipeline.Other)),
		},
		{
			Name:   "loses-when-crowded",
			Defect: "every other attempt that is made while many are in flight counts as delivered, whatever came of it",
			Filter: "guarantee", Breaks: []string{"relay.guarantee.nothing-lost"}, May: []string{"relay.guarantee.kill"},
			relay: whenCrowded(2, func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
				next.Send(ctx, r)
				return pipeline.Response{Status: http.StatusOK}
			}),
		},
		{
			Name: "delivers-twice", Defect: "one attempt in a hundred is sent twice while many are in flight",
			Filter: "guarantee", Breaks: []string{"relay.guarantee.duplicates"},
			relay: whenCrowded(100, func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
				resp := next.Send(ctx, r)
				next.Send(ctx, r)
				return resp
			}),
		},
		{
			Name: "signature-of-neighbour", Defect: "attempts that are made at the same time share a buffer for the signature",
			Filter: "guarantee", Breaks: []string{"relay.guarantee.intact"},
			relay: neighbours(func(h contract.Headers) string { return h.Signature }),
		},
		{
			Name: "event-id-of-neighbour", Defect: "attempts that are made at the same time share a buffer for the headers",
			Filter: "guarantee", Breaks: []string{"relay.guarantee.intact"},
			relay: neighbours(func(h contract.Headers) string { return h.EventID }),
		},
	}
}

// neighbours gives one in fifty attempts the header of another, while many are in flight.
func neighbours(header func(contract.Headers) string) func(*server.Parts) {
	return func(p *server.Parts) {
		name := header(p.Relay.Edition.Headers)
		var before atomic.Pointer[pipeline.Request]
		whenCrowded(50, func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
			own := r
			if other := before.Swap(&own); other != nil {
				r.Header = slices.Clone(r.Header)
				for i := range r.Header {
					if r.Header[i].Name == name {
						r.Header[i].Value = get(other, name)
					}
				}
			}
			return next.Send(ctx, r)
		})(p)
	}
}

func crashMutants() []Mutant {
	return []Mutant{
		{
			Name: "ack-before-sync", Defect: "answers Meta 200 and stores the webhook a moment later, too late for a crash",
			Breaks: []string{"relay.guarantee.kill"}, relay: storesLater,
		},
		{
			Name: "queue-in-memory", Defect: "what is pending is kept in memory alone, and a restart forgets it",
			Breaks: []string{"relay.guarantee.kill", "relay.guarantee.kill-schedule"},
			relay: behaves(func(b *relay.Behaviour) {
				b.Resume = func(d pipeline.Delivery) (pipeline.Delivery, bool) { return d, false }
			}),
		},
		{
			Name: "restart-begins-anew", Defect: "after a restart everything that is pending begins with its first attempt, at once",
			Breaks: []string{"relay.guarantee.kill-schedule"},
			relay: behaves(func(b *relay.Behaviour) {
				b.Resume = func(d pipeline.Delivery) (pipeline.Delivery, bool) {
					d.Attempts, d.Due = 0, time.Time{}
					return d, true
				}
			}),
		},
		{
			Name: "restart-retries-at-once", Defect: "after a restart everything that is pending is tried at once",
			Breaks: []string{"relay.guarantee.kill-schedule"},
			relay: behaves(func(b *relay.Behaviour) {
				b.Resume = func(d pipeline.Delivery) (pipeline.Delivery, bool) {
					d.Due = time.Unix(1, 0)
					return d, true
				}
			}),
		},
	}
}

// storeDelay is how long a webhook stays in memory: as long as writers wait to fill a batch.
const storeDelay = 50 * time.Millisecond

// storesLater acknowledges before it stores. Without a file nothing outlives a crash anyway, so there it is left alone.
func storesLater(p *server.Parts) {
	if p.Relay.Data == "" {
		return
	}
	p.Front.Take = func(ctx context.Context, body []byte, ingest func(context.Context, []byte) error) error {
		// What becomes of it nobody is told any more; that is the defect.
		time.AfterFunc(storeDelay, func() { _ = ingest(ctx, body) })
		return nil
	}
}

// seen changes what is taken for a webhook that Meta sent before.
func seen(change func(first bool) (bool, error)) func(*server.Parts) {
	return behaves(func(b *relay.Behaviour) {
		right := b.Seen
		b.Seen = func(tx *store.Tx, org int64, key []byte, at time.Time) (bool, error) {
			first, err := right(tx, org, key, at)
			if err != nil {
				return first, err
			}
			return change(first)
		}
	})
}

// forwardAgain takes everything for new.
func forwardAgain(bool) (bool, error) { return true, nil }

func metaDuplicateMutants() []Mutant {
	return []Mutant{
		{
			Name: "meta-duplicate-forwarded", Defect: "what Meta sends again is delivered again",
			Breaks: []string{"relay.guarantee.meta-duplicates-once"}, relay: seen(forwardAgain),
		},
		{
			Name: "meta-duplicate-500", Defect: "what Meta sends again violates a unique key and is answered 500",
			Breaks: []string{"relay.guarantee.meta-duplicates", "relay.guarantee.meta-duplicates-once"},
			relay: seen(func(first bool) (bool, error) {
				if !first {
					return false, errors.New("UNIQUE constraint failed: events.id")
				}
				return true, nil
			}),
		},
		{
			Name: "meta-duplicate-new-id", Defect: "what Meta sends again is delivered again under an id of its own",
			Breaks: []string{"relay.guarantee.meta-duplicates", "relay.guarantee.meta-duplicates-once"},
			relay: func(p *server.Parts) {
				seen(forwardAgain)(p)
				var known memory[string, int64]
				p.Relay.Rules.EventID = func(d pipeline.Delivery, _ int) string {
					if known.first(d.Subscription+d.Event.ID, d.Event.Seq) != d.Event.Seq {
						return d.Event.ID + "again"
					}
					return d.Event.ID
				}
			},
		},
	}
}

// isolationMutants let one subscription's trouble reach others.
func isolationMutants() []Mutant {
	return []Mutant{
		{
			Name: "one-slow-blocks-all", Defect: "sixteen workers make the attempts of all subscriptions, and hanging ones use them up",
			Filter: "isolation",
			Breaks: []string{"relay.isolation.hanging", "relay.isolation.slow"},
			relay: func(p *server.Parts) {
				workers := make(chan struct{}, 16)
				around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
					select {
					case workers <- struct{}{}:
						defer func() { <-workers }()
						return next.Send(ctx, r)
					case <-ctx.Done():
						return pipeline.Response{Err: ctx.Err(), Trouble: pipeline.TimedOut}
					}
				})(p)
			},
		},
		{
			Name: "one-dead-blocks-all", Defect: "everybody waits while a connection that was refused is tried again",
			Filter: "isolation", Breaks: []string{"relay.isolation.dead"}, relay: waitsForTheDead,
		},
		{
			Name: "head-of-line", Defect: "an event that waits for its retry holds up the next ones of the subscription", Seen: "a public relay",
			Filter: "isolation", Breaks: []string{"relay.isolation.same-subscription"}, relay: inOrder,
		},
	}
}

// deadPause is how long a refused connection keeps everybody waiting.
const deadPause = 2 * time.Second

func waitsForTheDead(p *server.Parts) {
	var until atomic.Pointer[time.Time]
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		if at := until.Load(); at != nil {
			pause(ctx, time.Until(*at))
		}
		resp := next.Send(ctx, r)
		if resp.Trouble == pipeline.Refused {
			at := time.Now().Add(deadPause)
			until.Store(&at)
		}
		return resp
	})(p)
}

// pause waits for some real time.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// heldUp is how long an event holds the others up at most, in real time: longer than an arrival may take.
const heldUp = 5500 * time.Millisecond

// inOrder lets nothing past an event that failed, until it succeeds.
func inOrder(p *server.Parts) {
	var mu sync.Mutex
	first := map[string]chan struct{}{}
	failed := map[string]string{}
	name := p.Relay.Edition.Headers.EventID
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		event := get(&r, name)
		mu.Lock()
		free, held := first[r.URL], failed[r.URL]
		mu.Unlock()
		if free != nil && held != event {
			waiting, cancel := context.WithTimeout(ctx, heldUp)
			defer cancel()
			select {
			case <-free:
			case <-waiting.Done():
			}
		}
		resp := next.Send(ctx, r)
		mu.Lock()
		defer mu.Unlock()
		switch delivered := resp.Err == nil && resp.Status < 300; {
		case !delivered && first[r.URL] == nil:
			first[r.URL], failed[r.URL] = make(chan struct{}), event
		case delivered && failed[r.URL] == event && first[r.URL] != nil:
			close(first[r.URL])
			delete(first, r.URL)
			delete(failed, r.URL)
		}
		return resp
	})(p)
}

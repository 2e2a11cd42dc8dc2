package mutants

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/wire"
)

// correctRelays are the unusual relays. Each costs a run of the whole suite, so that properties which have nothing to do with
// each other share one. Facts, questions and editions are named as in the documentation of readings.
func correctRelays() []Correct {
	return []Correct{
		{
			Name: "wire",
			Unusual: []string{
				"header names in lower case (receivers match them in any)",
				"further headers in every delivery (none is documented, none is forbidden)",
				"a charset in Content-Type (reading Q28)",
				"chunked request bodies, and a connection for each attempt (reading Q24)",
				"100 (Continue) waited for before a body is sent (HTTP allows it)",
				"Kirim's own events with blanks, in another order, and with a further member (receivers ignore what they do not know)",
			},
			relay: []func(*server.Parts){onWire(plainWire), func(p *server.Parts) {
				p.Relay.Behaviour.Compose = airy
				p.Outbound.Prepare = func(r *http.Request) {
					r.ContentLength, r.Close = -1, true
					r.Header.Set("Expect", "100-continue")
				}
			}},
		},
		{
			Name: "http2",
			Unusual: []string{
				"HTTP/2 to subscribers (reading Q24)",
				"one attempt at a time to each subscription (delivery is parallel, to a degree that nobody states)",
			},
			HTTP2: true, relay: []func(*server.Parts){oneByOne},
		},
		{
			Name: "ids",
			Unusual: []string{
				"ids that are no ULIDs: they begin with 8 or W (concepts/resource-ids promises the alphabet alone)",
				"one delivery id for all attempts of a delivery (reading Q1)",
				"the oldest secret's v1 first (reading Q13)",
				"old secrets retired by a new one (reading Q12)",
				"what is pending kept while a subscription is disabled, and sent when it is active again (reading Q10)",
				"header names in mixed case, in another order",
			},
			relay: []func(*server.Parts){onWire(mixedNames), func(p *server.Parts) {
				p.Relay.Behaviour.IDTail = noULID
				p.Relay.Behaviour.Rotation = relay.RetireOld
				p.Relay.Rules.DeliveryID = pipeline.IDPerDelivery
				p.Relay.Rules.ActiveSecrets = pipeline.OldestFirst
				p.Relay.Rules.KeepPending = true
			}},
		},
		{
			Name: "jitter-shortest",
			Unusual: []string{
				"jitter in the lowest tenth of its range (the table gives bounds; that it is even is reading Q15, a SHOULD)",
			},
			Warns: []string{"relay.retry.jitter-uniform"},
			relay: []func(*server.Parts){unit(func(_ int, unit float64) float64 { return unit / 10 })},
		},
		{
			Name: "jitter-longest",
			Unusual: []string{
				"jitter in the highest tenth of its range (as above)",
				"waits rounded up to whole seconds, those that Retry-After asks for too",
			},
			Warns: []string{"relay.retry.jitter-uniform"},
			relay: []func(*server.Parts){unit(func(_ int, unit float64) float64 { return 0.9 + unit/10 }), wrongDelay(0, wholeSeconds),
				rules(func(r *pipeline.Rules) {
					right := r.RetryAfter
					r.RetryAfter = func(response pipeline.Response, now time.Time) (time.Duration, bool) {
						d, ok := right(response, now)
						return wholeSeconds(d), ok
					}
				})},
		},
		{
			Name:    "counts-from-start",
			Unusual: []string{"waits counted from the beginning of the attempt (the table says before which attempt, not since when)"},
			relay: []func(*server.Parts){rules(func(r *pipeline.Rules) {
				r.From = func(started, _ time.Time) time.Time { return started }
			})},
		},
		{
			Name: "late-deliveries",
			Unusual: []string{
				"deliveries that leave up to 100 ms late and in another order than the events (order is not guaranteed)",
			},
			relay: []func(*server.Parts){around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
				if rand.N(oneIn) == 0 {
					pause(ctx, rand.N(100*time.Millisecond))
				}
				return next.Send(ctx, r)
			})},
		},
		{
			Name: "queue",
			Unusual: []string{
				"Meta is answered first, and what it sent is worked on 10 ms later (Meta advises it)",
			},
			// This queue is in memory, so that it does not outlive a kill.
			Filter: "!relay.guarantee.kill && !relay.guarantee.kill-schedule",
			relay:  []func(*server.Parts){workedOff(10 * time.Millisecond)},
		},
		{
			Name: "slow-api",
			Unusual: []string{
				"200 ms for calls of the API",
			},
			relay: []func(*server.Parts){asking(func(_ *server.Parts, r *http.Request) {
				if rand.N(oneIn) == 0 {
					pause(r.Context(), 200*time.Millisecond)
				}
			})},
		},
		{
			Name: "answers",
			Unusual: []string{
				"further members in the API's answers, other order of members, blanks and line ends between them",
				"compressed answers, where they are asked for",
				"200 where the reference answers 201 or 202 (no page states the status of a success)",
				"milliseconds in the API's times",
				"messages of errors in another language (they are not stable)",
				"an empty last page behind a page that is full",
				"a bulk replay of exactly as many as it may take called capped (no page says)",
			},
			relay: []func(*server.Parts){answering(chatty), endless, compressed},
		},
		{
			Name: "lists",
			Unusual: []string{
				"lists in another order (only conversations have one, in the later edition)",
				"filters that the API does not know: a delivery's event, a conversation's contact (their pages were not seen)",
			},
			relay: []func(*server.Parts){lists},
		},
		{
			Name: "later-edition", Edition: "kirim.chat",
			Unusual: []string{
				"dead for a delivery that failed (prose says failed, the schema of bulk replay allows both: a SHOULD)",
				"contacts of customers without the name that WhatsApp has for them (name may be null)",
				"all of the unusual wire and ids",
			},
			Warns: []string{"relay.replay.status-failed"},
			relay: []func(*server.Parts){onWire(plainWire), rules(func(r *pipeline.Rules) {
				r.DeliveryID, r.ActiveSecrets = pipeline.IDPerDelivery, pipeline.OldestFirst
			}), nameless, func(p *server.Parts) { p.Relay.Behaviour.IDTail = noULID }, answering(dead)},
		},
		{
			Name: "kirimdev", Edition: kirimdev,
			Unusual: []string{
				"Meta's bytes as they came, with the object kirim in them (reading Q31 leaves the order of keys free)",
				"no object kirim for a status (reading Q33)",
				"a delivery_id in the object, so that the bodies of two attempts differ (one log shows it; reading Q32)",
				"whole seconds in created_at (reading Q34)",
				"media that are ready, with a URL, and ids that are no ULIDs (both as seen)",
			},
			relay: []func(*server.Parts){appended, func(p *server.Parts) { p.Relay.Behaviour.IDTail = noULID }},
		},
	}
}

// oneIn is how many of what is slow are so, by chance: were it all of them, a run would take minutes and show no more.
const oneIn = 12

// plainWire writes a request as other clients do.
func plainWire(r *pipeline.Request) {
	for i := range r.Header {
		f := &r.Header[i]
		f.Name = strings.ToLower(f.Name)
		if f.Name == "content-type" {
			f.Value += ";charset=UTF-8"
		}
	}
	r.Header = append(r.Header,
		wire.Field{Name: "traceparent", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		wire.Field{Name: "X-Kirim-Subscription-Id", Value: "wbs_01HXYZABCDEFGHJKMNPQRSTVWX"},
		wire.Field{Name: "Accept", Value: "*/*"})
}

// mixedNames writes header names in mixed case and in reverse order.
func mixedNames(r *pipeline.Request) {
	for i := range r.Header {
		letters := []byte(strings.ToLower(r.Header[i].Name))
		for at := 1; at < len(letters); at += 2 {
			letters[at] = strings.ToUpper(string(letters[at]))[0]
		}
		r.Header[i].Name = string(letters)
	}
	slices.Reverse(r.Header)
}

// noULID turns a ULID into another 26 characters that are as unique: its time is behind its chance, and it begins as no
// ULID can.
func noULID(ulid string) string {
	const timeLength = 10
	// For some thousand years a ULID begins with 0.
	first := "W"
	if ulid[len(ulid)-1]%2 == 0 {
		first = "8"
	}
	return first + ulid[timeLength:] + ulid[1:timeLength]
}

// wholeSeconds rounds up.
func wholeSeconds(d time.Duration) time.Duration {
	return time.Duration(math.Ceil(d.Seconds())) * time.Second
}

// oneByOne begins an attempt when the one before it, to the same URL, has ended.
func oneByOne(p *server.Parts) {
	var mu sync.Mutex
	lanes := map[string]chan struct{}{}
	around(func(ctx context.Context, r pipeline.Request, next pipeline.Sender) pipeline.Response {
		mu.Lock()
		lane, ok := lanes[r.URL]
		if !ok {
			lane = make(chan struct{}, 1)
			lanes[r.URL] = lane
		}
		mu.Unlock()
		select {
		case lane <- struct{}{}:
		case <-ctx.Done():
			return pipeline.Response{Err: ctx.Err()}
		}
		defer func() { <-lane }()
		return next.Send(ctx, r)
	})(p)
}

// workedOff takes Meta's webhooks in after they were acknowledged. A virtual clock waits for that as it waits for deliveries.
func workedOff(d time.Duration) func(*server.Parts) {
	return func(p *server.Parts) {
		var mu sync.Mutex
		waiting, idle := 0, make(chan struct{})
		close(idle)
		p.Front.Take = func(_ context.Context, body []byte, ingest func(context.Context, []byte) error) error {
			mu.Lock()
			defer mu.Unlock()
			if waiting++; waiting == 1 {
				idle = make(chan struct{})
			}
			go func() {
				ctx := context.Background()
				pause(ctx, d)
				// What is no webhook is forgotten: Meta was told that it was taken.
				_ = ingest(ctx, body)
				mu.Lock()
				defer mu.Unlock()
				if waiting--; waiting == 0 {
					close(idle)
				}
			}()
			return nil
		}
		if virtual, ok := p.Relay.Clock.(*clock.Virtual); ok {
			virtual.Settler(func(ctx context.Context, _ time.Duration) error {
				mu.Lock()
				calm := idle
				mu.Unlock()
				select {
				case <-calm:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}
	}
}

package mutants

import (
	"context"
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// behaves changes what the relay promises beyond its deliveries.
func behaves(change func(b *relay.Behaviour)) func(*server.Parts) {
	return func(p *server.Parts) { change(p.Relay.Behaviour) }
}

// resends changes what a replay enqueues.
func resends(change func(d pipeline.Delivery, old store.Delivery) []pipeline.Delivery) func(*server.Parts) {
	return behaves(func(b *relay.Behaviour) { b.Resend = change })
}

// replayMutants change dead letters and how they come back.
func replayMutants() []Mutant {
	return []Mutant{
		{
			Name: "terminal-word-failed", Defect: "a delivery that failed for good is called failed in an edition that says dead",
			Breaks: []string{"relay.replay.status-dead"},
			relay: answering(func(_ *http.Request, a *answer) {
				a.members(func(doc map[string]any) { renamed(doc["data"]) })
			}),
		},
		{
			Name: "terminal-word-dead", Defect: "a delivery that failed for good is called dead in an edition that says failed",
			Edition: "kirim.chat", Breaks: []string{"relay.replay.status-failed"}, relay: answering(dead),
		},
		{
			Name: "dead-letters-cut-off", Defect: "the list of deliveries ends after its first page", Breaks: []string{"relay.replay.listed"},
			relay: answering(func(r *http.Request, a *answer) {
				if on(r, http.MethodGet, "/webhook_deliveries") {
					a.members(func(doc map[string]any) { doc["has_more"], doc["next_cursor"] = false, nil })
				}
			}),
		},
		{
			Name: "replay-recorded-only", Defect: "a replay is written down and never sent",
			Breaks: []string{
				"relay.replay.single", "relay.replay.event-id", "relay.replay.new-row", "relay.replay.attempt", "relay.replay.retried",
				"relay.replay.kept", "relay.replay.bulk", "relay.replay.bulk-filter",
			},
			relay: resends(func(pipeline.Delivery, store.Delivery) []pipeline.Delivery { return nil }),
		},
		{
			Name: "replay-twice", Defect: "a replay sends the delivery twice",
			Breaks: []string{"relay.replay.single", "relay.replay.bulk", "relay.replay.bulk-filter"}, May: []string{"relay.replay.retried"},
			relay: resends(func(d pipeline.Delivery, _ store.Delivery) []pipeline.Delivery { return []pipeline.Delivery{d, d} }),
		},
		{
			Name: "replay-in-place", Defect: "a replay tries the old delivery again, in the place of the new one",
			Breaks: []string{"relay.replay.new-row", "relay.replay.retried", "relay.replay.bulk-filter", "relay.replay.bulk-cap"},
			relay: resends(func(d pipeline.Delivery, old store.Delivery) []pipeline.Delivery {
				d.Seq, d.ID = old.Seq, old.ID
				return []pipeline.Delivery{d}
			}),
		},
		{
			Name: "replay-attempt-continues", Defect: "a replay goes on counting where the delivery ended",
			Breaks: []string{"relay.replay.attempt"},
			relay: resends(func(d pipeline.Delivery, old store.Delivery) []pipeline.Delivery {
				d.Attempts = old.Attempts
				return []pipeline.Delivery{d}
			}),
		},
		{
			Name: "replay-new-event-id", Defect: "a replay gets an event id of its own, so that receivers cannot dedupe it",
			Breaks: []string{"relay.replay.event-id"},
			relay: behaves(func(b *relay.Behaviour) {
				b.ReplayEventID = func(_ string, newID func() string) string { return newID() }
			}),
		},
		{
			Name: "replay-begins-delivered", Defect: "a replay is called delivered before it was sent",
			Breaks: []string{"relay.replay.new-row"},
			relay:  behaves(func(b *relay.Behaviour) { b.Replayed = store.DeliveryDelivered }),
		},
		{
			Name: "replay-counts-as-delivered", Defect: "a replay that fails is recorded as a success", Seen: "a public relay",
			Breaks: []string{"relay.replay.retried"}, relay: replaysSucceed,
		},
		{
			Name: "bulk-first-page-only", Defect: "a bulk replay takes a page of the failed deliveries",
			Breaks: []string{"relay.replay.bulk", "relay.replay.bulk-cap"},
			relay:  behaves(func(b *relay.Behaviour) { b.BulkCap = 25 }),
		},
		{
			Name: "bulk-uncapped", Defect: "a bulk replay takes all failed deliveries, however many there are",
			Breaks: []string{"relay.replay.bulk-cap"},
			relay:  behaves(func(b *relay.Behaviour) { b.BulkCap = 1_000_000 }),
		},
		{
			Name: "bulk-cap-off-by-one", Defect: "a bulk replay takes one delivery fewer than it may",
			Breaks: []string{"relay.replay.bulk-cap"},
			relay:  behaves(func(b *relay.Behaviour) { b.BulkCap-- }),
		},
		{
			Name: "bulk-includes-delivered", Defect: "a bulk replay takes delivered deliveries as well",
			Breaks: []string{"relay.replay.bulk", "relay.replay.bulk-filter", "relay.replay.bulk-cap"},
			relay: behaves(func(b *relay.Behaviour) {
				b.BulkFilter = func(f store.DeliveryFilter) store.DeliveryFilter { f.Status = nil; return f }
			}),
		},
		{
			Name: "bulk-ignores-event-type", Defect: "a bulk replay takes deliveries of every event",
			Breaks: []string{"relay.replay.bulk-filter"},
			relay: behaves(func(b *relay.Behaviour) {
				b.BulkFilter = func(f store.DeliveryFilter) store.DeliveryFilter { f.EventName = ""; return f }
			}),
		},
		{
			Name: "bulk-ignores-dates", Defect: "a bulk replay takes deliveries of any time",
			Breaks: []string{"relay.replay.bulk-filter", "relay.replay.bulk-cap"},
			relay: behaves(func(b *relay.Behaviour) {
				b.BulkFilter = func(f store.DeliveryFilter) store.DeliveryFilter {
					f.CreatedAfter, f.CreatedBefore = time.Time{}, time.Time{}
					return f
				}
			}),
		},
		{
			Name: "purged-after-a-week", Defect: "failed deliveries are purged after a week", Breaks: []string{"relay.replay.kept"},
			relay: func(p *server.Parts) { p.Relay.Edition.Delivery.Retention = 7 * 24 * time.Hour },
		},
	}
}

// renamed calls dead deliveries failed, in one or in a list of them.
func renamed(data any) {
	switch data := data.(type) {
	case []any:
		for _, item := range data {
			renamed(item)
		}
	case map[string]any:
		if data["object"] == "webhook_delivery" && data["status"] == "dead" {
			data["status"] = "failed"
		}
	}
}

// replaysSucceed takes every answer to a replay for a success.
func replaysSucceed(p *server.Parts) {
	var replays memory[string, bool]
	p.Relay.Behaviour.Resend = func(d pipeline.Delivery, _ store.Delivery) []pipeline.Delivery {
		replays.first(d.ID, true)
		return []pipeline.Delivery{d}
	}
	// The first attempt carries the delivery's own id.
	name := p.Relay.Edition.Headers.DeliveryID
	p.Sender = func(next pipeline.Sender) pipeline.Sender {
		return sender(func(ctx context.Context, r pipeline.Request) pipeline.Response {
			resp := next.Send(ctx, r)
			if replays.has(get(&r, name)) {
				return pipeline.Response{Status: http.StatusOK}
			}
			return resp
		})
	}
}

// has reports whether something is kept under a key.
func (m *memory[K, V]) has(key K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, there := m.kept[key]
	return there
}

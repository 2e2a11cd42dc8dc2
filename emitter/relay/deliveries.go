package relay

import (
	"context"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// replayCap is the largest number of deliveries that one bulk replay enqueues (documentation: operations,
// webhook_deliveries/bulk_replay).
const replayCap = 1000

// pending is a delivery as the pipeline takes it. Without a body it asks for it when it needs it.
func pending(d store.Delivery, ev store.Event, body []byte) pipeline.Delivery {
	return pipeline.Delivery{
		Seq: d.Seq, ID: d.ID, Subscription: d.SubscriptionID, Attempts: d.Attempts, Due: d.NextAt, Body: body,
		Event: pipeline.Event{Seq: ev.Seq, ID: ev.ID, Name: ev.Name, Source: ev.Source},
	}
}

// publish writes an event and its deliveries down; they begin when it is durable.
func (r *Relay) publish(tx *store.Tx, ev store.Event) error {
	if _, ok := r.edition.Event(ev.Name); !ok {
		return nil
	}
	targets, err := r.behaviour.Subscribers(tx, ev.Org, ev.Name)
	if err != nil || len(targets) == 0 {
		return err
	}
	if err := tx.InsertEvent(&ev); err != nil {
		return err
	}
	ready := make([]pipeline.Delivery, 0, len(targets))
	for _, target := range targets {
		d := store.Delivery{
			Org: ev.Org, ID: r.NewID("wbd"), Subscription: target.Seq, SubscriptionID: target.ID, Event: ev.Seq,
			EventName: ev.Name, Status: store.DeliveryPending, NextAt: ev.CreatedAt, CreatedAt: ev.CreatedAt, UpdatedAt: ev.CreatedAt,
		}
		if err := tx.InsertDelivery(&d); err != nil {
			return err
		}
		ready = append(ready, pending(d, ev, ev.Body))
	}
	tx.AfterCommit(func() { r.engine.Enqueue(ready) })
	return nil
}

// journal is what the pipeline writes down, in the store.
type journal struct{ *Relay }

// tally is what was last written down of a subscription's failures.
type tally struct {
	org int64
	// failures is guarded by the pipeline, which tells the journal of one subscription's attempts one after the other.
	failures int
}

// Attempted records an attempt, what became of its delivery, and what that means for the subscription.
func (j journal) Attempted(record pipeline.Record) {
	statuses := map[pipeline.Outcome]store.DeliveryStatus{
		pipeline.Delivered: store.DeliveryDelivered, pipeline.Retry: store.DeliveryPending, pipeline.Terminal: store.DeliveryTerminal,
	}
	attempt := store.Attempt{
		Delivery: record.Delivery, Number: record.Number, HeaderID: record.HeaderID, StartedAt: record.StartedAt,
		EndedAt: record.EndedAt, HTTPStatus: record.HTTPStatus, Error: record.Error, Body: record.ResponseBody,
		Outcome: string(record.Outcome),
	}
	// Most attempts succeed, and leave the subscription as it was.
	counted, org := false, int64(0)
	if known, ok := j.tallies.Load(record.Subscription); ok {
		written := known.(*tally)
		counted, org = record.Disabled || written.failures != record.Failures, written.org
		written.failures = record.Failures
	}
	j.store.Record(func(tx *store.Tx) error {
		if err := tx.Attempted(attempt, statuses[record.Outcome], record.NextAt); err != nil {
			return err
		}
		if counted {
			if err := tx.SetFailures(record.Subscription, record.Failures, record.Disabled, record.EndedAt); err != nil {
				return err
			}
		}
		if record.Disabled {
			if err := j.tellDisabled(tx, org, record.Subscription); err != nil {
				return err
			}
		}
		return j.keepTime(tx, record.EndedAt)
	})
}

// tellDisabled tells the pipeline what it knows already, unless a change that was written down before has told it
// something else since: the database has the last word.
func (j journal) tellDisabled(tx *store.Tx, org int64, subscription string) error {
	s, ok, err := tx.Subscription(org, subscription)
	if err == nil && ok {
		tx.AfterCommit(func() { j.engine.Put(subscriber(s)) })
	}
	return err
}

// Stopped records deliveries that ended without an attempt.
func (j journal) Stopped(stops []pipeline.Stop) {
	j.store.Record(func(tx *store.Tx) error {
		for _, stop := range stops {
			if err := tx.StopDelivery(stop.Delivery, string(stop.Reason), stop.At); err != nil {
				return err
			}
		}
		return nil
	})
}

// Flush returns when all of it can be read.
func (j journal) Flush(ctx context.Context) error { return j.store.Flush(ctx) }

// Body returns the bytes of an event.
func (j journal) Body(ctx context.Context, event int64) (body []byte, err error) {
	err = j.store.View(ctx, func(tx *store.Tx) error {
		var ok bool
		if body, ok, err = tx.EventBody(event); err == nil && !ok {
			err = pipeline.ErrEventGone
		}
		return err
	})
	return body, err
}

// Deliveries returns a part of the list, the newest first, and the place behind it; empty at the end.
func (r *Relay) Deliveries(ctx context.Context, org Org, f store.DeliveryFilter, page Page) (items []store.Delivery, next string, err error) {
	after, err := page.seq()
	if err != nil {
		return nil, "", err
	}
	err = r.store.View(ctx, func(tx *store.Tx) error {
		items, err = tx.Deliveries(org.Seq, f, page.Limit+1, after)
		return err
	})
	items, next = cut(items, page.Limit, func(d store.Delivery) int64 { return d.Seq })
	return items, next, err
}

// Delivery returns one delivery and its attempts. It is found by its id, and by the id that any of its attempts
// carried.
func (r *Relay) Delivery(ctx context.Context, org Org, id string) (d store.Delivery, attempts []store.Attempt, err error) {
	err = r.store.View(ctx, func(tx *store.Tx) error {
		if d, err = r.delivery(tx, org, id); err != nil {
			return err
		}
		attempts, err = tx.Attempts(d.Seq)
		return err
	})
	return d, attempts, err
}

func (r *Relay) delivery(tx *store.Tx, org Org, id string) (store.Delivery, error) {
	d, ok, err := tx.Delivery(org.Seq, id)
	if err == nil && !ok {
		err = NotFound("webhook delivery")
	}
	return d, err
}

// Replay delivers an event once more to the same subscription: a new delivery, with the whole schedule before it
// (readings Q6 and Q7).
func (r *Relay) Replay(ctx context.Context, org Org, id string) (made store.Delivery, err error) {
	err = r.update(ctx, func(tx *store.Tx) error {
		old, err := r.delivery(tx, org, id)
		if err != nil {
			return err
		}
		if old.Status == store.DeliveryPending {
			return Conflict("delivery_pending", "the delivery is still being tried; it can be replayed when it has ended")
		}
		if err := r.replayable(tx, org, old.SubscriptionID); err != nil {
			return err
		}
		made, err = r.replay(tx, old)
		return err
	})
	return made, err
}

// BulkReplay replays the deliveries that ended without success, the oldest first, up to a thousand of them. capped says
// that there were more.
func (r *Relay) BulkReplay(ctx context.Context, org Org, f store.DeliveryFilter) (enqueued int, capped bool, err error) {
	terminal := store.DeliveryTerminal
	f.Status = &terminal
	f = r.behaviour.BulkFilter(f)
	err = r.update(ctx, func(tx *store.Tx) error {
		if err := r.replayable(tx, org, f.Subscription); err != nil {
			return err
		}
		dead, err := tx.ReplayCandidates(org.Seq, f, r.behaviour.BulkCap+1)
		if err != nil {
			return err
		}
		if capped = len(dead) > r.behaviour.BulkCap; capped {
			dead = dead[:r.behaviour.BulkCap]
		}
		for _, old := range dead {
			if _, err := r.replay(tx, old); err != nil {
				return err
			}
		}
		enqueued = len(dead)
		return nil
	})
	return enqueued, capped, err
}

// replayable reports why a subscription cannot be replayed to.
func (r *Relay) replayable(tx *store.Tx, org Org, subscription string) error {
	s, err := r.subscription(tx, org, subscription)
	if err != nil {
		return err
	}
	if s.Status == store.Disabled {
		return Conflict("subscription_disabled", "the subscription is disabled; set its status to active first")
	}
	return nil
}

func (r *Relay) replay(tx *store.Tx, old store.Delivery) (store.Delivery, error) {
	ev, ok, err := tx.Event(old.Event)
	if err != nil {
		return store.Delivery{}, err
	}
	if !ok {
		return store.Delivery{}, NotFound("event, it was purged")
	}
	if id := r.behaviour.ReplayEventID(ev.ID, func() string { return r.NewID("evt") }); id != ev.ID {
		ev.ID = id
		if err := tx.InsertEvent(&ev); err != nil {
			return store.Delivery{}, err
		}
	}
	now := r.clock.Now()
	d := store.Delivery{
		Org: old.Org, ID: r.NewID("wbd"), Subscription: old.Subscription, SubscriptionID: old.SubscriptionID, Event: ev.Seq,
		EventID: ev.ID, EventName: ev.Name, Source: ev.Source, Status: r.behaviour.Replayed, NextAt: now,
		ReplayedFrom: old.ID, CreatedAt: now, UpdatedAt: now,
	}
	if err := tx.InsertDelivery(&d); err != nil {
		return d, err
	}
	tx.AfterCommit(func() { r.engine.Enqueue(r.behaviour.Resend(pending(d, ev, nil), old)) })
	return d, nil
}

// EventBody returns the bytes that every delivery of an event carries. event is a delivery's Event.
func (r *Relay) EventBody(ctx context.Context, org Org, event int64) (body []byte, err error) {
	err = r.store.View(ctx, func(tx *store.Tx) error {
		ev, ok, err := tx.Event(event)
		if err == nil && (!ok || ev.Org != org.Seq) {
			err = NotFound("event")
		}
		if err == nil {
			body = ev.Body
		}
		return err
	})
	return body, err
}

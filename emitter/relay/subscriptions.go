package relay

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// subscriber is what the delivery pipeline needs to know of a subscription.
func subscriber(s store.Subscription) pipeline.Subscriber {
	states := map[store.SubscriptionStatus]pipeline.State{
		store.Active: pipeline.Active, store.Paused: pipeline.Paused, store.Disabled: pipeline.Disabled,
	}
	out := pipeline.Subscriber{ID: s.ID, URL: s.URL, State: states[s.Status], Failures: s.Failures}
	for _, secret := range s.Secrets {
		out.Secrets = append(out.Secrets, pipeline.Secret{
			ID: secret.ID, Value: secret.Value, CreatedAt: secret.CreatedAt, ExpiresAt: secret.ExpiresAt,
		})
	}
	return out
}

// CreateSubscription makes an active subscription with its first secret, which never expires.
func (r *Relay) CreateSubscription(ctx context.Context, org Org, in SubscriptionInput) (store.Subscription, error) {
	if err := r.checkURL(ctx, in.URL); err != nil {
		return store.Subscription{}, err
	}
	events, err := r.checkEvents(in.Events)
	if err != nil {
		return store.Subscription{}, err
	}
	now := r.clock.Now()
	s := store.Subscription{
		Org: org.Seq, ID: r.NewID("wbs"), URL: in.URL, Description: in.Description, Status: store.Active, Events: events,
		Secrets:   []store.Secret{{ID: r.NewID("sec"), Value: NewSecret(r.edition), CreatedAt: now}},
		CreatedAt: now, UpdatedAt: now,
	}
	err = r.update(ctx, func(tx *store.Tx) error {
		tx.AfterCommit(func() {
			r.tallies.Store(s.ID, &tally{org: s.Org})
			r.engine.Put(subscriber(s))
		})
		return tx.InsertSubscription(&s)
	})
	return s, err
}

// checkURL asks the guard.
func (r *Relay) checkURL(ctx context.Context, url string) error {
	if err := r.guard.CheckURL(ctx, url); err != nil {
		return Invalid("invalid_webhook_url", "url", "%v", err)
	}
	return nil
}

// checkEvents returns the events without repetitions, or why they cannot be subscribed to.
func (r *Relay) checkEvents(names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, Invalid("invalid_field_value", "events", "events is empty; name at least one")
	}
	var events []string
	known := r.edition.Catalogue()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, Invalid("invalid_field_value", "events", "there is no event %q; there are %s", name, strings.Join(known, ", "))
		}
		if !slices.Contains(events, name) {
			events = append(events, name)
		}
	}
	return events, nil
}

// Subscription returns one subscription.
func (r *Relay) Subscription(ctx context.Context, org Org, id string) (s store.Subscription, err error) {
	err = r.store.View(ctx, func(tx *store.Tx) error {
		s, err = r.subscription(tx, org, id)
		return err
	})
	return s, err
}

func (r *Relay) subscription(tx *store.Tx, org Org, id string) (store.Subscription, error) {
	s, ok, err := tx.Subscription(org.Seq, id)
	if err == nil && !ok {
		err = NotFound("webhook subscription")
	}
	return s, err
}

// Subscriptions returns a part of the list, the newest first, and the place behind it; empty at the end.
func (r *Relay) Subscriptions(ctx context.Context, org Org, page Page) (items []store.Subscription, next string, err error) {
	after, err := page.seq()
	if err != nil {
		return nil, "", err
	}
	err = r.store.View(ctx, func(tx *store.Tx) error {
		items, err = tx.Subscriptions(org.Seq, page.Limit+1, after)
		return err
	})
	items, next = cut(items, page.Limit, func(s store.Subscription) int64 { return s.Seq })
	return items, next, err
}

// UpdateSubscription changes a subscription. Set to active, a disabled one is delivered to again and starts counting
// failures from zero (readings Q8 and Q11).
func (r *Relay) UpdateSubscription(ctx context.Context, org Org, id string, p SubscriptionPatch) (s store.Subscription, err error) {
	var events []string
	if p.Events != nil {
		if events, err = r.checkEvents(*p.Events); err != nil {
			return s, err
		}
	}
	if p.Status != nil && *p.Status != store.Active && *p.Status != store.Paused {
		return s, Invalid("invalid_field_value", "status", "status is %q; it can be set to %s or %s", *p.Status, store.Active, store.Paused)
	}
	// Another organisation's subscription is not there, whatever the URL; and its URL is not looked up.
	if _, err := r.Subscription(ctx, org, id); err != nil {
		return s, err
	}
	if p.URL != nil {
		if err := r.checkURL(ctx, *p.URL); err != nil {
			return s, err
		}
	}
	return r.changeSubscription(ctx, org, id, func(tx *store.Tx, s *store.Subscription) error {
		if p.URL != nil {
			s.URL = *p.URL
		}
		if p.Events != nil {
			s.Events = events
		}
		if p.Description != nil {
			s.Description = *p.Description
		}
		if p.Status != nil {
			switch {
			case *p.Status != store.Active:
				s.Status = *p.Status
			case s.Status != store.Active:
				r.behaviour.Activate(s)
			}
		}
		s.UpdatedAt = r.clock.Now()
		return tx.UpdateSubscription(*s)
	})
}

// changeSubscription reads a subscription, lets it be changed and tells the delivery pipeline.
func (r *Relay) changeSubscription(
	ctx context.Context, org Org, id string, change func(*store.Tx, *store.Subscription) error,
) (s store.Subscription, err error) {
	err = r.update(ctx, func(tx *store.Tx) error {
		if s, err = r.subscription(tx, org, id); err != nil {
			return err
		}
		if err := change(tx, &s); err != nil {
			return err
		}
		if s, err = r.subscription(tx, org, id); err != nil {
			return err
		}
		tx.AfterCommit(func() { r.engine.Put(subscriber(s)) })
		return nil
	})
	return s, err
}

// DeleteSubscription ends a subscription: nothing is delivered to it any more.
func (r *Relay) DeleteSubscription(ctx context.Context, org Org, id string) error {
	return r.update(ctx, func(tx *store.Tx) error {
		s, err := r.subscription(tx, org, id)
		if err != nil {
			return err
		}
		tx.AfterCommit(func() {
			r.tallies.Delete(s.ID)
			r.engine.Remove(s.ID)
		})
		return tx.DeleteSubscription(s.Seq, r.clock.Now())
	})
}

// AddSecret adds a signing secret, with which every delivery is signed from now on besides the others. expiresIn gives
// an expiry, by the reading of Q12 to the new secret or to those that were there; 0 means none.
func (r *Relay) AddSecret(ctx context.Context, org Org, subscription string, expiresIn time.Duration) (store.Secret, error) {
	now := r.clock.Now()
	secret := store.Secret{ID: r.NewID("sec"), Value: NewSecret(r.edition), CreatedAt: now}
	_, err := r.changeSubscription(ctx, org, subscription, func(tx *store.Tx, s *store.Subscription) error {
		if expiresIn > 0 && r.behaviour.Rotation == NewExpires {
			secret.ExpiresAt = now.Add(expiresIn)
		}
		if expiresIn > 0 && r.behaviour.Rotation == RetireOld {
			for _, old := range s.Secrets {
				if old.ExpiresAt.IsZero() || old.ExpiresAt.After(now.Add(expiresIn)) {
					old.ExpiresAt = now.Add(expiresIn)
					if _, err := tx.UpdateSecret(s.Seq, old); err != nil {
						return err
					}
				}
			}
		}
		return tx.InsertSecret(s.Seq, secret)
	})
	return secret, err
}

// DeleteSecret ends a secret at once. The last one that is active stays: without it, deliveries could not be signed.
func (r *Relay) DeleteSecret(ctx context.Context, org Org, subscription, id string) error {
	_, err := r.changeSubscription(ctx, org, subscription, func(tx *store.Tx, s *store.Subscription) error {
		now := r.clock.Now()
		there, active, others := false, false, 0
		for _, secret := range s.Secrets {
			signs := secret.ExpiresAt.IsZero() || now.Before(secret.ExpiresAt)
			switch {
			case secret.ID == id:
				there, active = true, signs
			case signs:
				others++
			}
		}
		if !there {
			return NotFound("signing secret")
		}
		if active && others == 0 {
			return Conflict("last_active_secret", "this is the last active secret; add another one first")
		}
		_, err := tx.DeleteSecret(s.Seq, id)
		return err
	})
	return err
}

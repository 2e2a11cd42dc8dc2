package page

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// targets are the subscriptions that deliveries of one page go to, by id; nil for one that was deleted.
type targets map[string]*store.Subscription

// deliveryView is a delivery with its attempts.
type deliveryView struct {
	store.Delivery
	// State is the delivery's status in the edition's word, and Kind the same in a word that editions share.
	State, Kind string
	Attempts    []store.Attempt
	// Target is nil where the subscription was deleted.
	Target *store.Subscription
	// Waits says what a pending delivery waits for. Where that is a time, it is in NextAt.
	Waits string
	// Ended says why a delivery ended that no attempt ended.
	Ended string
	// Link leads to the delivery, Siblings to all deliveries of its subscription, and Origin to the one it repeats.
	Link, Siblings, Origin string
}

// Replayable says that there is something to repeat, and somebody to send it to.
func (d deliveryView) Replayable() bool { return d.Status != store.DeliveryPending && d.Target != nil }

func (p *page) deliveryView(ctx context.Context, org relay.Org, id string, known targets, now time.Time) (deliveryView, error) {
	d, attempts, err := p.relay.Delivery(ctx, org, id)
	if err != nil {
		return deliveryView{}, err
	}
	target, ok := known[d.SubscriptionID]
	if !ok {
		found, err := p.relay.Subscription(ctx, org, d.SubscriptionID)
		switch {
		case err == nil:
			target = &found
		case !gone(err):
			return deliveryView{}, err
		}
		known[d.SubscriptionID] = target
	}
	v := deliveryView{
		Delivery: d, State: p.statuses()[d.Status], Kind: []string{"pending", "delivered", "terminal"}[d.Status],
		Attempts: attempts, Target: target, Waits: waits(d, target, now),
		Link:     p.link(org, "/deliveries/"+url.PathEscape(d.ID), nil),
		Siblings: p.link(org, "/", filter{Subscription: d.SubscriptionID}.query()) + "#deliveries",
	}
	if n := len(attempts); d.Status == store.DeliveryTerminal && (n == 0 || attempts[n-1].Error != d.LastError) {
		v.Ended = d.LastError
	}
	if d.ReplayedFrom != "" {
		v.Origin = p.link(org, "/deliveries/"+url.PathEscape(d.ReplayedFrom), nil)
	}
	return v, nil
}

// waits says what a delivery waits for; it is empty where that is nothing.
func waits(d store.Delivery, target *store.Subscription, now time.Time) string {
	switch {
	case d.Status != store.DeliveryPending:
		return ""
	case target != nil && target.Status == store.Paused:
		return "waits until the subscription is resumed"
	case target != nil && target.Status == store.Disabled:
		return "waits until the subscription is enabled again"
	case !d.NextAt.After(now):
		return "is being tried now"
	}
	return away(d.NextAt, now)
}

// Timed says that the delivery waits for a time, and for nothing else.
func (d deliveryView) Timed() bool {
	return d.Status == store.DeliveryPending && !d.NextAt.IsZero() && (d.Target == nil || d.Target.Status == store.Active)
}

// singleView is the page of one delivery.
type singleView struct {
	frame
	Delivery deliveryView
	// Body is nil where the event's body cannot be read.
	Body *bodyView
	// Other leads to the other way to show the body.
	Other, Home string
}

func (p *page) delivery(w http.ResponseWriter, req *http.Request, org relay.Org) error {
	v := singleView{frame: p.frame(w, req, org, ""), Home: p.link(org, "/", nil)}
	var err error
	v.Delivery, err = p.deliveryView(req.Context(), org, req.PathValue("id"), targets{}, v.Clock.Now)
	if err != nil {
		return err
	}
	v.Title = v.Delivery.EventName + ", " + v.Delivery.State
	raw := req.URL.Query().Get("body") == "raw"
	switch body, err := p.relay.EventBody(req.Context(), org, v.Delivery.Event); {
	case err == nil:
		shown := newBodyView(body, raw)
		v.Body = &shown
	case !gone(err):
		return err
	}
	query := url.Values{"body": {"raw"}}
	if raw {
		query = nil
	}
	v.Other = p.link(org, "/deliveries/"+url.PathEscape(v.Delivery.ID), query) + "#body"
	return p.show(w, http.StatusOK, "delivery.html.tmpl", v)
}

// gone reports whether there is no such thing, or no more.
func gone(err error) bool {
	var refused *relay.Error
	return errors.As(err, &refused) && refused.Status == http.StatusNotFound
}

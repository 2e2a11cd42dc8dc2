package page

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// filter is which deliveries the page shows, as the address says it. Empty fields choose all.
type filter struct {
	Subscription, Status, Event string
	// After is the id of the delivery behind which the list begins; SubscriptionsAfter is that of a subscription.
	After, SubscriptionsAfter string
}

func readFilter(req *http.Request) filter {
	q := req.URL.Query()
	return filter{
		Subscription: q.Get("subscription"), Status: q.Get("status"), Event: q.Get("event"),
		After: q.Get("after"), SubscriptionsAfter: q.Get("subscriptions_after"),
	}
}

// Chosen says that some deliveries may be left out.
func (f filter) Chosen() bool { return f.Subscription != "" || f.Status != "" || f.Event != "" }

// query writes the filter into an address.
func (f filter) query() url.Values {
	return url.Values{
		"subscription": {f.Subscription}, "status": {f.Status}, "event": {f.Event}, "after": {f.After},
		"subscriptions_after": {f.SubscriptionsAfter},
	}
}

// statuses are the words for the states of a delivery, in the edition's language.
func (p *page) statuses() []string {
	return []string{
		store.DeliveryPending: "pending", store.DeliveryDelivered: "delivered",
		store.DeliveryTerminal: p.relay.Edition().Delivery.TerminalStatus,
	}
}

// chosen is the filter as the store takes it; words that mean nothing are an error.
func (p *page) chosen(f filter) (store.DeliveryFilter, error) {
	out := store.DeliveryFilter{Subscription: f.Subscription, EventName: f.Event}
	if _, ok := p.relay.Edition().Event(f.Event); !ok && f.Event != "" {
		return out, relay.Invalid("invalid_field_value", "event", "there is no event %s in this edition", strconv.Quote(f.Event))
	}
	if strings.ContainsFunc(f.Subscription, notInID) {
		return out, relay.Invalid("invalid_field_value", "subscription", "%s is no subscription's id", strconv.Quote(f.Subscription))
	}
	if f.Status == "" {
		return out, nil
	}
	for i, word := range p.statuses() {
		if word == f.Status {
			status := store.DeliveryStatus(i)
			out.Status = &status
			return out, nil
		}
	}
	return out, relay.Invalid("invalid_field_value", "status", "there is no status %s; there are %s", strconv.Quote(f.Status),
		strings.Join(p.statuses(), ", "))
}

// notInID says that no id of Kirim's form holds the character.
func notInID(c rune) bool {
	return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
}

// deliveriesPage is where the list of deliveries begins. Addresses hold the id of the last one shown, because row
// numbers stay inside the program.
func (p *page) deliveriesPage(ctx context.Context, org relay.Org, after string) (relay.Page, error) {
	at := relay.Page{Limit: deliveriesShown}
	if after == "" {
		return at, nil
	}
	d, _, err := p.relay.Delivery(ctx, org, after)
	at.After = strconv.FormatInt(d.Seq, 10)
	return at, err
}

// subscriptionsPage is the same for the list of subscriptions.
func (p *page) subscriptionsPage(ctx context.Context, org relay.Org, after string) (relay.Page, error) {
	at := relay.Page{Limit: subscriptionsShown}
	if after == "" {
		return at, nil
	}
	s, err := p.relay.Subscription(ctx, org, after)
	at.After = strconv.FormatInt(s.Seq, 10)
	return at, err
}

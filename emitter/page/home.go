package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/wire"
)

// How many of each the page shows at once.
const (
	deliveriesShown    = 50
	subscriptionsShown = 50
)

// homeView is the first page.
type homeView struct {
	frame
	Organisations []relay.Org
	Events        []contract.Event
	// Steps are by how much a virtual clock can be moved: the delays of the schedule.
	Steps         []time.Duration
	Subscriptions []subscriptionView
	// DisableAfter is the number of failures in a row that disables a subscription.
	DisableAfter      int
	MoreSubscriptions string
	Filter            filter
	Statuses          []string
	// Choices are the subscriptions to filter by.
	Choices    []choice
	Deliveries []deliveryView
	// Next leads to older deliveries and Newest back to the beginning; empty where there is nowhere to go.
	Next, Newest, All string
	// Subscribe is the command that makes a subscription.
	Subscribe string
}

// choice is an entry of a list to choose from.
type choice struct{ ID, Label string }

// maxLabel bounds an entry's text in bytes: a browser makes the list as wide as the longest.
const maxLabel = 60

// subscriptionView is a subscription with what can be done to it. It has no secrets, only their numbers.
type subscriptionView struct {
	ID, URL, Description string
	Events               []string
	Status               store.SubscriptionStatus
	Failures             int
	ActiveSecrets        int
	ExpiredSecrets       int
	// Deliveries leads to those of this subscription.
	Deliveries string
}

func (p *page) home(w http.ResponseWriter, req *http.Request, org relay.Org) error {
	ctx := req.Context()
	edition := p.relay.Edition()
	f := readFilter(req)
	chosen, err := p.chosen(f)
	if err != nil {
		return err
	}
	at, err := p.subscriptionsPage(ctx, org, f.SubscriptionsAfter)
	if err != nil {
		return err
	}
	subscriptions, moreSubscriptions, err := p.relay.Subscriptions(ctx, org, at)
	if err != nil {
		return err
	}
	if at, err = p.deliveriesPage(ctx, org, f.After); err != nil {
		return err
	}
	deliveries, more, err := p.relay.Deliveries(ctx, org, chosen, at)
	if err != nil {
		return err
	}
	v := homeView{
		frame: p.frame(w, req, org, "Local Kirim"), Events: edition.Events, DisableAfter: edition.Delivery.DisableAfter,
		Filter: f, Statuses: p.statuses(), All: p.link(org, "/", nil), Subscribe: subscribe(req, edition),
	}
	if v.Several {
		v.Organisations = p.relay.Organisations()
	}
	if v.Clock.Virtual() {
		v.Steps = edition.Delivery.Delays[1:]
	}
	targets := targets{}
	for _, s := range subscriptions {
		targets[s.ID] = &s
		v.Subscriptions = append(v.Subscriptions, p.subscriptionView(org, s, v.Clock.Now))
		v.Choices = append(v.Choices, choice{s.ID, cut(s.URL, maxLabel) + ", " + s.ID})
	}
	if _, listed := targets[f.Subscription]; !listed && f.Subscription != "" {
		v.Choices = append(v.Choices, choice{f.Subscription, cut(f.Subscription, maxLabel)})
	}
	for _, d := range deliveries {
		shown, err := p.deliveryView(ctx, org, d.ID, targets, v.Clock.Now)
		if gone(err) {
			// The purge was faster.
			continue
		}
		if err != nil {
			return err
		}
		v.Deliveries = append(v.Deliveries, shown)
	}
	if moreSubscriptions != "" {
		v.MoreSubscriptions = p.link(org, "/", url.Values{"subscriptions_after": {subscriptions[len(subscriptions)-1].ID}})
	}
	v.Newest, v.Next = p.neighbours(org, f, deliveries, more)
	return p.show(w, http.StatusOK, "home.html.tmpl", v)
}

// neighbours are the links to the first and to the next part of the list of deliveries.
func (p *page) neighbours(org relay.Org, f filter, shown []store.Delivery, more string) (newest, next string) {
	if f.After != "" {
		first := f
		first.After = ""
		newest = p.link(org, "/", first.query()) + "#deliveries"
	}
	if more != "" {
		f.After = shown[len(shown)-1].ID
		next = p.link(org, "/", f.query()) + "#deliveries"
	}
	return newest, next
}

func (p *page) subscriptionView(org relay.Org, s store.Subscription, now time.Time) subscriptionView {
	v := subscriptionView{
		ID: s.ID, URL: s.URL, Events: s.Events, Status: s.Status, Failures: s.Failures,
		Deliveries: p.link(org, "/", filter{Subscription: s.ID}.query()) + "#deliveries",
	}
	if s.Description != nil {
		v.Description = *s.Description
	}
	for _, secret := range s.Secrets {
		if secret.ExpiresAt.IsZero() || now.Before(secret.ExpiresAt) {
			v.ActiveSecrets++
		} else {
			v.ExpiredSecrets++
		}
	}
	return v
}

// subscribe is a command that makes a subscription to everything at the address that the page was opened with.
func subscribe(req *http.Request, edition contract.Edition) string {
	var events []string
	for _, ev := range edition.Events {
		events = append(events, ev.Name)
	}
	// Marshalling strings cannot fail.
	body, _ := json.Marshal(map[string]any{"url": "https://your-server.example.com/kirim-webhook", "events": events})
	scheme := "http"
	if req.TLS != nil {
		scheme = "https"
	}
	api := (&url.URL{Scheme: scheme, Host: req.Host, Path: "/v1" + edition.Paths.Subscriptions}).String()
	return fmt.Sprintf(`curl -sS %s -H "Authorization: Bearer $KIRIM_KEY" -H 'Content-Type: application/json' -d %s`,
		wire.ShellQuote(api), wire.ShellQuote(string(body)))
}

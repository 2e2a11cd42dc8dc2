package api

import (
	"context"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// subscriptionView is a subscription as the API shows it (documentation: guides, webhooks). The values of its secrets are
// not part of it.
type subscriptionView struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	URL         string       `json:"url"`
	Description *string      `json:"description"`
	Status      string       `json:"status"`
	Events      []string     `json:"events"`
	Secrets     []secretView `json:"secrets"`
	// InitialSecret is there in the answer that creates the subscription and never again.
	InitialSecret string `json:"initial_secret,omitempty"`
	CreatedAt     string `json:"created_at"`
	UpdatedAt     string `json:"updated_at"`
}

type secretView struct {
	ID        string  `json:"id"`
	CreatedAt string  `json:"created_at"`
	ExpiresAt *string `json:"expires_at"`
}

// deletedView is the answer to any deletion.
type deletedView struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

const (
	subscriptionObject = "webhook_subscription"
	secretObject       = "webhook_secret"
)

func viewSubscription(s store.Subscription) subscriptionView {
	v := subscriptionView{
		ID: s.ID, Object: subscriptionObject, URL: s.URL, Description: s.Description, Status: string(s.Status),
		Events: append([]string{}, s.Events...), Secrets: []secretView{},
		CreatedAt: timestamp(s.CreatedAt), UpdatedAt: timestamp(s.UpdatedAt),
	}
	for _, secret := range s.Secrets {
		v.Secrets = append(v.Secrets, secretView{secret.ID, timestamp(secret.CreatedAt), optionalTime(secret.ExpiresAt)})
	}
	return v
}

func (a *api) createSubscription(ctx context.Context, c *call) (reply, error) {
	f := c.body.fields()
	in := relay.SubscriptionInput{URL: f.text("url", urlRule)}
	if events := f.texts("events", eventRule(a.edition)); events != nil {
		in.Events = *events
	} else {
		f.fail(missingField, "events", "is required")
	}
	in.Description = f.orNil("description", descriptionRule)
	if err := f.done(); err != nil {
		return reply{}, err
	}
	s, err := a.service.CreateSubscription(ctx, c.org, in)
	if err != nil {
		return reply{}, err
	}
	v := viewSubscription(s)
	if len(s.Secrets) > 0 {
		v.InitialSecret = s.Secrets[0].Value
	}
	r := created(v)
	r.secret = true
	return r, nil
}

func (a *api) listSubscriptions(ctx context.Context, c *call) (reply, error) {
	page, bound, err := readQuery(c.request).page(c)
	if err != nil {
		return reply{}, err
	}
	items, next, err := a.service.Subscriptions(ctx, c.org, page)
	if err != nil {
		return reply{}, err
	}
	return bound.listed(views(items, viewSubscription), next), nil
}

// views renders the items of a list, which is [] and not null when it is empty.
func views[T, V any](items []T, view func(T) V) []V {
	all := make([]V, 0, len(items))
	for _, item := range items {
		all = append(all, view(item))
	}
	return all
}

func (a *api) getSubscription(ctx context.Context, c *call) (reply, error) {
	id, err := c.subscription()
	if err != nil {
		return reply{}, err
	}
	s, err := a.service.Subscription(ctx, c.org, id)
	if err != nil {
		return reply{}, err
	}
	return shown(viewSubscription(s)), nil
}

func (a *api) updateSubscription(ctx context.Context, c *call) (reply, error) {
	id, err := c.subscription()
	if err != nil {
		return reply{}, err
	}
	f := c.body.fields()
	p := relay.SubscriptionPatch{
		URL:         f.given("url", urlRule),
		Events:      f.texts("events", eventRule(a.edition)),
		Description: f.nullable("description", descriptionRule),
		// A subscription is disabled by its failures, never by a call (reading Q11).
		Status: (*store.SubscriptionStatus)(f.given("status", choice(string(store.Active), string(store.Paused)))),
	}
	if err := f.done(); err != nil {
		return reply{}, err
	}
	s, err := a.service.UpdateSubscription(ctx, c.org, id, p)
	if err != nil {
		return reply{}, err
	}
	return shown(viewSubscription(s)), nil
}

func (a *api) deleteSubscription(ctx context.Context, c *call) (reply, error) {
	id, err := c.subscription()
	if err != nil {
		return reply{}, err
	}
	if err := a.service.DeleteSubscription(ctx, c.org, id); err != nil {
		return reply{}, err
	}
	return shown(deletedView{id, subscriptionObject, true}), nil
}

// subscription is the id in the path.
func (c *call) subscription() (string, error) { return c.id("id", "wbs", "subscription") }

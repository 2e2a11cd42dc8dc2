package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kirimcheck/kirimcheck/target"
)

// relaySubscriptionRefusals holds the specs of subscriptions that cannot be made.
func (s *Session) relaySubscriptionRefusals() {
	const unknown = "message.kirimcheck"
	for _, asked := range []struct {
		variant string
		events  []string
	}{
		{"alone", []string{unknown}},
		{"beside a known one", []string{"message.received", unknown}},
	} {
		s.relaySpec("relay.subscriptions.unknown-event", asked.variant, func(c *relayCheck) {
			c.eventsRefused(asked.events, "with the event "+unknown)
		})
	}
	for _, missing := range []string{"url", "events"} {
		s.relaySpec("relay.subscriptions.required", "no "+missing, func(c *relayCheck) {
			refused := c.subscriptionRefused(func(url string) map[string]any {
				body := map[string]any{"url": url, "events": []string{"message.received"}}
				delete(body, missing)
				return body
			}, "without "+missing, "missing_required_field")
			if refused.Param != missing {
				c.Broken("param is "+missing, fmt.Sprintf("%q", refused.Param))
			}
		})
	}
	s.relaySpec("relay.subscriptions.required", "an empty list of events", func(c *relayCheck) {
		c.eventsRefused([]string{}, "with an empty list of events")
	})
}

// eventsRefused asks for a subscription to events that must be refused.
func (c *relayCheck) eventsRefused(events []string, how string) {
	c.creationRefused(func(url string) (target.Reply, error) {
		_, reply, err := c.management.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: url, Events: events})
		return reply, err
	}, how)
}

// subscriptionRefused asks for a subscription with a body that must be refused.
func (c *relayCheck) subscriptionRefused(body func(url string) map[string]any, how string, codes ...string) target.APIError {
	return c.creationRefused(func(url string) (target.Reply, error) {
		raw, err := json.Marshal(body(url))
		if err != nil {
			c.Error("the request could not be made: %v", err)
		}
		reply := c.management.Call(c.ctx, target.Request{Method: "POST", Path: c.management.Paths().Subscriptions, Body: raw})
		return reply, reply.Failure()
	}, how, codes...)
}

// creationRefused asks for a subscription that must be refused with 400, and sees that nothing was made: a message that
// another subscription gets does not come to its URL.
func (c *relayCheck) creationRefused(ask func(url string) (target.Reply, error), how string, codes ...string) target.APIError {
	good, none := c.Subscribe("message.received"), c.endpoint()
	defer c.subscribers.Remove(none.endpoint)
	reply, err := ask(none.endpoint.URL())
	if errors.Is(err, target.ErrByHand) {
		c.Untestable("%v", err)
	}
	c.undo(reply)
	refused := c.Refused("a subscription "+how, reply, err, 400, codes...)
	c.Meta(c.Message(""))
	good.Await(1, "a message to a subscription that was made")
	none.Exactly(0, "deliveries for the subscription that was refused")
	return refused
}

// undo deletes what a call made that should have been refused.
func (c *relayCheck) undo(reply target.Reply) {
	var made struct {
		ID string `json:"id"`
	}
	if reply.Data == nil || json.Unmarshal(reply.Data, &made) != nil || made.ID == "" {
		return
	}
	if _, err := c.management.DeleteSubscription(context.WithoutCancel(c.ctx), made.ID); err != nil && !notThere(err) {
		c.Fact("cleanup", "A subscription that should have been refused could not be deleted after a spec.")
	}
}

package suites

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/wire"
)

// relayAPI holds the specs of what the management calls have in common.
func (s *Session) relayAPI() {
	s.relayAPIKeys()
	s.relaySpec("relay.api.health", "", func(c *relayCheck) {
		_, reply, err := c.management.Health(c.ctx)
		var off *target.EnvelopeError
		if errors.As(err, &off) && reply.Acknowledged() {
			// What it says is not what is asked here.
			err = nil
		}
		c.Must("the health check, without a key,", reply, err)
	})
	s.relaySpec("relay.api.success-envelope", "", (*relayCheck).successEnvelopes)
	s.relaySpec("relay.api.error-envelope", "", (*relayCheck).errorEnvelopes)
	s.relaySpec("relay.api.not-found", "", func(c *relayCheck) {
		for _, call := range c.callsAbout(c.generator.ID("wbs"), c.generator.ID("sec"), c.generator.ID("wbd")) {
			reply, err := call.make(c.management)
			c.Refused(call.what+" of an id that nobody has", reply, err, 404, "resource_not_found")
		}
	})
	s.relaySpec("relay.api.other-organisation", "", (*relayCheck).hiddenFromOthers, target.MultipleOrganisations)
	s.relayAPILists()
	s.relayAPIIdempotency()
	s.relaySpec("relay.api.rate-limit-headers", "", (*relayCheck).rateLimitHeaders, target.RateLimits)
}

// ask makes a call as it is given and keeps it as evidence. Without an answer nothing is known.
func (c *relayCheck) ask(label string, r target.Request) target.Reply {
	reply := c.management.Call(c.ctx, r)
	c.called(label, reply)
	c.limited(label, reply.Failure())
	if err := reply.Failure(); errors.Is(err, target.ErrByHand) {
		c.Untestable("%v", err)
	}
	if err := reply.Failure(); errors.Is(err, errors.ErrUnsupported) {
		c.NotApplicable("%v", err)
	}
	if none := (*target.NoAnswerError)(nil); errors.As(reply.Failure(), &none) {
		c.Error("%s: %v", label, none)
	}
	return reply
}

// subscriptionPath is the path of one subscription.
func (c *relayCheck) subscriptionPath(id string) string {
	return c.management.Paths().Subscriptions + "/" + url.PathEscape(id)
}

// aboutCall is a call that names something.
type aboutCall struct {
	what string
	make func(target.Management) (target.Reply, error)
}

// callsAbout are the calls that name a subscription, a secret or a delivery, as far as the relay has them. None of them
// asks for something that could be refused for another reason.
func (c *relayCheck) callsAbout(subscription, secret, delivery string) []aboutCall {
	calls := []aboutCall{{"reading a subscription", func(m target.Management) (target.Reply, error) {
		_, reply, err := m.Subscription(c.ctx, subscription)
		return reply, err
	}}}
	add := func(needs target.Capability, what string, call func(m target.Management) (target.Reply, error)) {
		if c.sees(needs) {
			calls = append(calls, aboutCall{what, call})
		}
	}
	add(target.SubscriptionUpdate, "changing a subscription", func(m target.Management) (target.Reply, error) {
		_, reply, err := m.UpdateSubscription(c.ctx, subscription, target.SubscriptionPatch{Events: target.To([]string{messageStatus})})
		return reply, err
	})
	add(target.SecretsAPI, "adding a secret", func(m target.Management) (target.Reply, error) {
		_, reply, err := m.AddSecret(c.ctx, subscription, 1)
		return reply, err
	})
	add(target.SecretsAPI, "deleting a secret", func(m target.Management) (target.Reply, error) {
		return m.DeleteSecret(c.ctx, subscription, secret)
	})
	add(target.DeliveryAPI, "reading a delivery", func(m target.Management) (target.Reply, error) {
		_, reply, err := m.Delivery(c.ctx, delivery)
		return reply, err
	})
	add(target.SingleReplay, "replaying a delivery", func(m target.Management) (target.Reply, error) {
		_, reply, err := m.Replay(c.ctx, delivery)
		return reply, err
	})
	// Last, because it would end the subscription.
	return append(calls, aboutCall{"deleting a subscription", func(m target.Management) (target.Reply, error) {
		return m.DeleteSubscription(c.ctx, subscription)
	}})
}

// successEnvelopes looks at the answers of a creation, a read, a list and a change.
func (c *relayCheck) successEnvelopes() {
	sub := c.Subscribe("message.received")
	seen := map[string]bool{}
	requests := []target.Request{
		{Method: "GET", Path: c.subscriptionPath(sub.ID)},
		{Method: "GET", Path: c.management.Paths().Subscriptions},
		{
			Method: "POST", Path: c.management.Paths().Subscriptions,
			Body: fmt.Appendf(nil, `{"url":%q,"events":["message.status"]}`, sub.endpoint.URL()),
		},
	}
	if c.sees(target.SubscriptionUpdate) {
		requests = append(requests, target.Request{
			Method: "PATCH", Path: c.subscriptionPath(sub.ID), Body: []byte(`{"description":"kirimcheck"}`),
		})
	}
	for _, r := range requests {
		reply := c.ask(r.Method+" "+r.Path, r)
		if r.Method == "POST" {
			defer c.undo(reply)
		}
		if err := reply.Failure(); err != nil {
			c.Broken(r.Method+" "+r.Path+" succeeds with data", err.Error())
		}
		c.requestID(reply, textMember(reply.Body, "request_id"))
		if seen[reply.RequestID] {
			c.Broken("a request_id of its own for each call", reply.RequestID+" twice")
		}
		seen[reply.RequestID] = true
	}
}

// textMember is a text member of a JSON object; empty where there is none.
func textMember(object []byte, name string) string {
	var members map[string]json.RawMessage
	var text string
	if json.Unmarshal(object, &members) != nil || json.Unmarshal(members[name], &text) != nil {
		return ""
	}
	return text
}

// requestID holds the id of a request, from the place in the body where it belongs, to its form and to the header.
func (c *relayCheck) requestID(reply target.Reply, id string) {
	if !idOf("req").MatchString(id) {
		c.Broken("request_id is req_ and 26 characters", fmt.Sprintf("%q", id))
	}
	if header := reply.Header.Get("X-Request-Id"); header != id {
		c.Broken("X-Request-Id is "+id+" as in the body", fmt.Sprintf("%q", header))
	}
}

// errorCode is the form of codes (documentation: errors).
var errorCode = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// errorEnvelopes makes calls that are refused, each with another status.
func (c *relayCheck) errorEnvelopes() {
	subscriptions := c.management.Paths().Subscriptions
	for _, wrong := range []struct {
		what    string
		request target.Request
		status  int
		kind    string
	}{
		{"a call without a key", target.Request{Method: "GET", Path: subscriptions, Key: target.NoKey}, 401, "authentication_error"},
		{"reading an id that nobody has", target.Request{Method: "GET", Path: c.subscriptionPath(c.generator.ID("wbs"))}, 404, "not_found"},
		{"a creation without a URL", target.Request{
			Method: "POST", Path: subscriptions, Body: []byte(`{"events":["message.received"]}`),
		}, 400, "invalid_request_error"},
	} {
		reply := c.ask(wrong.what, wrong.request)
		c.undo(reply)
		var body struct {
			Error struct {
				Type, Code, Message string
				RequestID           string `json:"request_id"`
			}
		}
		if err := json.Unmarshal(reply.Body, &body); err != nil || reply.Status != wrong.status {
			c.Broken(fmt.Sprintf("%s is answered %d with an error in JSON", wrong.what, wrong.status),
				fmt.Sprintf("%s: %v", answer(reply.Exchange), reply.Failure()))
		}
		e := body.Error
		if e.Type != wrong.kind || !errorCode.MatchString(e.Code) || e.Message == "" {
			c.Broken(fmt.Sprintf("an error of the type %s, with a code and a message", wrong.kind),
				fmt.Sprintf("type %q, code %q, message %q", e.Type, e.Code, e.Message))
		}
		c.requestID(reply, e.RequestID)
	}
}

// hiddenFromOthers looks at a subscription and a delivery with another organisation's key.
func (c *relayCheck) hiddenFromOthers() {
	other := c.otherOrganisation()
	sub := c.Subscribe("message.received")
	c.Meta(c.Message(""))
	got := sub.Await(1, "a message to the subscription")
	c.Settle()
	before, reply, err := c.management.Subscription(c.ctx, sub.ID)
	c.Must("reading the subscription with its own key", reply, err)
	for _, call := range c.callsAbout(sub.ID, before.Secrets[0].ID, got[0].Get(c.edition.Headers.DeliveryID)) {
		reply, err := call.make(other)
		c.Refused(call.what+" with another organisation's key", reply, err, 404, "resource_not_found")
	}
	page := func(ctx context.Context, cursor string) (target.List[target.Subscription], target.Reply, error) {
		return other.Subscriptions(ctx, target.Page{Limit: maxLimit, Cursor: cursor})
	}
	theirs, err := target.Collect(c.ctx, maxListed, page)
	if err != nil {
		c.limited("listing the other organisation's subscriptions", err)
		c.Broken("the other organisation's subscriptions can be listed", err.Error())
	}
	if slices.ContainsFunc(theirs, func(s target.Subscription) bool { return s.ID == sub.ID }) {
		c.Broken("the other organisation's list is without "+sub.ID, "it is in it")
	}
	after, reply, err := c.management.Subscription(c.ctx, sub.ID)
	c.Must("reading the subscription again", reply, err)
	if !slices.Equal(after.Events, before.Events) || len(after.Secrets) != len(before.Secrets) {
		c.Broken("a subscription that the other organisation did not change",
			fmt.Sprintf("events %v with %d secrets, before %v with %d", after.Events, len(after.Secrets), before.Events, len(before.Secrets)))
	}
}

// maxListed bounds the items of a list that a spec walks through.
const maxListed = 20_000

// rateLimitHeaders looks at the headers of a success and of a refusal.
func (c *relayCheck) rateLimitHeaders() {
	// The limits are per minute, so that a bucket is full again after one, and the header tells whole seconds.
	const full = time.Minute + time.Second
	for _, path := range []string{c.management.Paths().Subscriptions, c.subscriptionPath(c.generator.ID("wbs"))} {
		reply := c.ask("GET "+path, target.Request{Method: "GET", Path: path})
		value := map[string]int64{}
		for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
			n, err := strconv.ParseInt(reply.Header.Get(name), 10, 64)
			if err != nil || n < 0 {
				c.Broken(name+" is a number, with status "+strconv.Itoa(reply.Status), fmt.Sprintf("%q", reply.Header.Get(name)))
			}
			value[name] = n
		}
		if limit, left := value["X-RateLimit-Limit"], value["X-RateLimit-Remaining"]; left >= limit {
			c.Broken(fmt.Sprintf("fewer than %d calls are left after one", limit), strconv.FormatInt(left, 10))
		}
		now, err := c.clock.Now(c.ctx)
		if err != nil {
			c.Error("the target's time could not be read: %v", err)
		}
		reset := time.Unix(value["X-RateLimit-Reset"], 0)
		soon := func(now time.Time) bool { return !reset.Before(now.Add(-full)) && !reset.After(now.Add(full)) }
		// Limits guard the machine, so that they may go by real time where everything else goes by the target's.
		if !soon(now) && !soon(time.Now()) {
			c.Broken("X-RateLimit-Reset is an epoch second within a minute of now, "+strconv.FormatInt(now.Unix(), 10),
				reply.Header.Get("X-RateLimit-Reset"))
		}
	}
}

// idempotencyKey is the header with which a call is made at most once.
func idempotencyKey(key string) []wire.Field {
	return []wire.Field{{Name: "Idempotency-Key", Value: key}}
}

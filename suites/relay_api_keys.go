package suites

import (
	"fmt"
	"net/url"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/wire"
)

// wrongKeys are the ways to call without a key that is good, each from the good one. Those that hold it must hold it in
// clear, so that it is taken out of reports.
var wrongKeys = []struct {
	variant string
	request func(key string, r target.Request) target.Request
	// choice says the same to a relay that is not managed over REST; DefaultKey where that is not possible.
	choice target.KeyChoice
}{
	{"no Authorization", func(_ string, r target.Request) target.Request { r.Key = target.NoKey; return r }, target.NoKey},
	{"a key that nobody has", func(_ string, r target.Request) target.Request { r.Key = target.WrongKey; return r }, target.WrongKey},
	{"an empty key", authorised(func(string) string { return "Bearer " }), target.DefaultKey},
	{"a key with something behind it", authorised(func(key string) string { return "Bearer " + key + "x" }), target.DefaultKey},
	{"the key as Basic", authorised(func(key string) string { return "Basic " + key }), target.DefaultKey},
	{"the key in a cookie", func(key string, r target.Request) target.Request {
		r.Key, r.Header = target.NoKey, []wire.Field{{Name: "Cookie", Value: "api_key=" + key + "; access_token=" + key}}
		return r
	}, target.DefaultKey},
	{"the key in the query", func(key string, r target.Request) target.Request {
		r.Key, r.Path = target.NoKey, r.Path+"?"+url.Values{"api_key": {key}, "access_token": {key}, "key": {key}}.Encode()
		return r
	}, target.DefaultKey},
}

// authorised puts a text made of the key into the Authorization header.
func authorised(text func(key string) string) func(string, target.Request) target.Request {
	return func(key string, r target.Request) target.Request {
		r.Key, r.Header = target.NoKey, []wire.Field{{Name: "Authorization", Value: text(key)}}
		return r
	}
}

// relayAPIKeys holds the specs of calls without a key that is good. A creation must not take effect either: a message
// that another subscription gets does not come.
func (s *Session) relayAPIKeys() {
	for _, wrong := range wrongKeys {
		s.relaySpec("relay.api.key", wrong.variant, func(c *relayCheck) {
			good, none := c.Subscribe("message.received"), c.endpoint()
			defer c.subscribers.Remove(none.endpoint)
			path := c.management.Paths().Subscriptions
			if keyed, ok := c.management.(target.Keyed); ok && wrong.choice != target.DefaultKey {
				c.refusedKey(keyed.WithKey(wrong.choice), wrong.variant, good, none)
				return
			}
			for _, r := range []target.Request{
				{Method: "GET", Path: path},
				{Method: "GET", Path: c.subscriptionPath(good.ID)},
				{Method: "POST", Path: path, Body: fmt.Appendf(nil, `{"url":%q,"events":["message.received"]}`, none.endpoint.URL())},
			} {
				reply := c.ask(r.Method+" with "+wrong.variant, wrong.request(c.target.Key.Reveal(), r))
				c.undo(reply)
				refused := c.Refused(r.Method+" with "+wrong.variant, reply, reply.Failure(), 401)
				if refused.Type != "authentication_error" {
					c.Broken("an authentication_error", refused.Error())
				}
			}
			c.keyedAlone(good, none)
		})
	}
}

// keyedAlone sees that the subscription that was made with the key gets a message, and the other does not.
func (c *relayCheck) keyedAlone(good, none *subscription) {
	c.Meta(c.Message(""))
	good.Await(1, "a message to the subscription that was made with the key")
	none.Exactly(0, "deliveries for the creation without a good key")
}

// refusedKey makes the calls of a relay that is not managed over REST without its key.
func (c *relayCheck) refusedKey(m target.Management, variant string, good, none *subscription) {
	refused := func(what string, reply target.Reply, err error) {
		c.undo(reply)
		if e := c.Refused(what+" with "+variant, reply, err, 401); e.Type != "authentication_error" {
			c.Broken("an authentication_error", e.Error())
		}
	}
	if c.sees(target.Pagination) {
		_, reply, err := m.Subscriptions(c.ctx, target.Page{})
		refused("listing subscriptions", reply, err)
	}
	_, reply, err := m.Subscription(c.ctx, good.ID)
	refused("reading a subscription", reply, err)
	_, reply, err = m.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: none.endpoint.URL(), Events: []string{messageReceived}})
	refused("creating a subscription", reply, err)
	c.keyedAlone(good, none)
}

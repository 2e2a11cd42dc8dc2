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
}{
	{"no Authorization", func(_ string, r target.Request) target.Request { r.Key = target.NoKey; return r }},
	{"a key that nobody has", func(_ string, r target.Request) target.Request { r.Key = target.WrongKey; return r }},
	{"an empty key", authorised(func(string) string { return "Bearer " })},
	{"a key with something behind it", authorised(func(key string) string { return "Bearer " + key + "x" })},
	{"the key as Basic", authorised(func(key string) string { return "Basic " + key })},
	{"the key in a cookie", func(key string, r target.Request) target.Request {
		r.Key, r.Header = target.NoKey, []wire.Field{{Name: "Cookie", Value: "api_key=" + key + "; access_token=" + key}}
		return r
	}},
	{"the key in the query", func(key string, r target.Request) target.Request {
		r.Key, r.Path = target.NoKey, r.Path+"?"+url.Values{"api_key": {key}, "access_token": {key}, "key": {key}}.Encode()
		return r
	}},
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
			c.Meta(c.Message(""))
			good.Await(1, "a message to the subscription that was made with the key")
			none.Exactly(0, "deliveries for the creation without a good key")
		})
	}
}

package suites

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
)

// relayAPIIdempotency holds the specs of Idempotency-Key. They add secrets: that is the one call for which the pages of
// both editions name the header and which every relay with secrets has.
func (s *Session) relayAPIIdempotency() {
	needs := []target.Capability{target.Idempotency, target.SecretsAPI}
	s.relaySpec("relay.api.idempotent", "", (*relayCheck).repeatedCall, needs...)
	s.relaySpec("relay.api.idempotent-reuse", "", (*relayCheck).reusedKey, needs...)
	s.relaySpec("relay.api.idempotent-parallel", "", (*relayCheck).callsAtOnce, needs...)
	s.relaySpec("relay.api.idempotent-organisation", "", (*relayCheck).keyOfAnother,
		target.Idempotency, target.SecretsAPI, target.MultipleOrganisations)
	s.serialSpec("relay.api.idempotent-expiry", "", (*relayCheck).rememberedForADay, needs...)
}

// retained is how long an answer is repeated (documentation: idempotency).
const retained = 24 * time.Hour

// twoDays and threeDays are bodies of the call that adds a secret; spaced is twoDays with blanks.
const (
	twoDays, threeDays = `{"expires_in_hours":48}`, `{"expires_in_hours":72}`
	spaced             = "{ \"expires_in_hours\" :\n 48 }"
)

// newSecret adds a secret under an Idempotency-Key.
func (c *relayCheck) newSecret(key string, sub *subscription, body string) target.Request {
	return target.Request{
		Method: "POST", Path: c.subscriptionPath(sub.ID) + c.management.Paths().Secrets, Header: idempotencyKey(key), Body: []byte(body),
	}
}

// newKey makes an Idempotency-Key up.
func (c *relayCheck) newKey() string { return fmt.Sprintf("kirimcheck-%016x", c.random.Uint64()) }

// added makes the call and ends the spec as broken unless it succeeds and says whether it is a repetition.
func (c *relayCheck) added(label string, r target.Request, replayed bool) target.Reply {
	reply := c.ask(label, r)
	if err := reply.Failure(); err != nil {
		c.Broken(label+" succeeds", err.Error())
	}
	if got := reply.Header.Get("Idempotent-Replayed"); !strings.EqualFold(got, fmt.Sprint(replayed)) {
		c.Broken(fmt.Sprintf("%s has Idempotent-Replayed: %t", label, replayed), fmt.Sprintf("%q", got))
	}
	return reply
}

// sameAnswer ends the spec as broken unless an answer repeats another. Its request id may be its own.
func (c *relayCheck) sameAnswer(first, again target.Reply) {
	if again.Status != first.Status || !sameData(first, again) {
		c.Broken(fmt.Sprintf("the answer of the first call, status %d with the same data", first.Status),
			fmt.Sprintf("status %d, the same data: %t", again.Status, sameData(first, again)))
	}
}

// sameData compares the data of two answers as JSON values.
func sameData(a, b target.Reply) bool {
	var x, y any
	return json.Unmarshal(a.Data, &x) == nil && json.Unmarshal(b.Data, &y) == nil && reflect.DeepEqual(x, y)
}

// hasSecrets ends the spec as broken unless a subscription has so many secrets.
func (c *relayCheck) hasSecrets(sub *subscription, n int, after string) {
	read, reply, err := c.management.Subscription(c.ctx, sub.ID)
	c.Must("reading the subscription", reply, err)
	if len(read.Secrets) != n {
		c.Broken(fmt.Sprintf("%d secrets after %s", n, after), fmt.Sprintf("%d secrets", len(read.Secrets)))
	}
}

func (c *relayCheck) repeatedCall() {
	sub := c.Subscribe("message.received")
	r := c.newSecret(c.newKey(), sub, twoDays)
	first := c.added("the first call", r, false)
	c.sameAnswer(first, c.added("the same call again", r, true))
	c.hasSecrets(sub, 2, "the same call twice")
}

func (c *relayCheck) reusedKey() {
	sub := c.Subscribe("message.received")
	key := c.newKey()
	first := c.added("the first call", c.newSecret(key, sub, twoDays), false)
	reply := c.ask("another body under the same key", c.newSecret(key, sub, threeDays))
	c.Refused("another body under the same key", reply, reply.Failure(), 422, "idempotency_key_reuse")
	c.sameAnswer(first, c.added("the first body with blanks", c.newSecret(key, sub, spaced), true))
	c.hasSecrets(sub, 2, "one call that was done")
}

// keyOfAnother makes a call with the key that another organisation has used for a call of the same kind.
func (c *relayCheck) keyOfAnother() {
	other := c.otherOrganisation()
	ours, theirs := c.Subscribe(messageReceived), c.endpoint()
	defer c.subscribers.Remove(theirs.endpoint)
	made, reply, err := other.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: theirs.endpoint.URL(), Events: []string{messageReceived}})
	c.Must("creating a subscription of the other organisation", reply, err)
	defer func() {
		// What is left over costs deliveries to nobody.
		_, _ = other.DeleteSubscription(context.WithoutCancel(c.ctx), made.ID)
	}()
	key := c.newKey()
	first := c.management.Call(c.ctx, c.newSecret(key, ours, twoDays))
	c.Must("the first organisation's call", first, first.Failure())
	again := other.Call(c.ctx, c.newSecret(key, &subscription{ID: made.ID}, twoDays))
	c.Must("the other organisation's call under the same key", again, again.Failure())
	if sameData(first, again) {
		c.Broken("an answer of its own to the other organisation's call", "the answer to the first organisation's call")
	}
	read, reply, err := other.Subscription(c.ctx, made.ID)
	c.Must("reading the other organisation's subscription", reply, err)
	if len(read.Secrets) != 2 {
		c.Broken("2 secrets of the other organisation's subscription after its call", fmt.Sprintf("%d secrets", len(read.Secrets)))
	}
	c.hasSecrets(ours, 2, "the first organisation's call")
}

// atOnce is the number of calls that are made at the same time.
const atOnce = 8

func (c *relayCheck) callsAtOnce() {
	sub := c.Subscribe("message.received")
	r := c.newSecret(c.newKey(), sub, twoDays)
	replies := make([]target.Reply, atOnce)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { replies[i] = c.management.Call(c.ctx, r) })
	}
	wg.Wait()
	var first *target.Reply
	for i, reply := range replies {
		switch {
		case !reply.Acknowledged():
			c.Refused("one of several calls at once, unless it has the answer of the first,", reply, reply.Failure(), 409, "idempotency_in_progress")
		case first == nil:
			c.called("one of several calls at once", reply)
			first = &replies[i]
		default:
			c.called("one of several calls at once", reply)
			c.sameAnswer(*first, reply)
		}
	}
	if first == nil {
		c.Broken("one of the calls at once is done", "none is")
	}
	c.hasSecrets(sub, 2, fmt.Sprintf("%d calls at once with the same key", atOnce))
}

func (c *relayCheck) rememberedForADay() {
	sub := c.Subscribe("message.received")
	r := c.newSecret(c.newKey(), sub, twoDays)
	first := c.added("the first call", r, false)
	c.Pass(retained - time.Hour)
	c.sameAnswer(first, c.added("the same call 23 hours later", r, true))
	c.Pass(2 * time.Hour)
	if again := c.added("the same call 25 hours later", r, false); sameData(first, again) {
		c.Broken("another secret for a key that is no longer remembered", "the first one")
	}
	c.hasSecrets(sub, 3, "two calls that were done")
}

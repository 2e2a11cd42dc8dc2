package suites

import (
	"context"
	"fmt"
	"slices"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// relayFront holds the specs of the side that faces Meta. It is a meta-receiver, so what that role's specs ask is asked
// here too; effects are seen as deliveries.
func (s *Session) relayFront() {
	s.relaySpec("relay.front.handshake", "", func(c *relayCheck) {
		c.needToken()
		c.echoes(mockmeta.Digits)
	})
	for _, wrong := range wrongTokens {
		s.relaySpec("relay.front.handshake-token", wrong.variant, func(c *relayCheck) {
			c.needToken()
			c.handshakeRefused(wrong.handshake(c.Check))
		})
	}
	s.relaySpec("relay.front.handshake-token", "no token", func(c *relayCheck) {
		c.needToken()
		c.handshakeRefused(mockmeta.Handshake{Omit: []string{"hub.verify_token"}})
	})
	s.relaySpec("relay.front.valid", "messages and statuses", func(c *relayCheck) {
		for _, v := range c.variants {
			if ev, ok := c.edition.Event(v.Event); ok && ev.Source == contract.SourceMeta {
				c.MetaPlan(v.Event+" "+v.Name, mockmeta.Plan{Event: c.must(c.generator.Event(v.Event, v.Name))})
			}
		}
	})
	s.relaySpec("relay.front.valid", "other webhook fields", func(c *relayCheck) {
		for _, f := range c.fields {
			update, err := c.generator.Meta(f.Field, f.Name)
			if err != nil {
				c.Error("the body could not be made: %v", err)
			}
			c.MetaPlan(f.Field+" "+f.Name, mockmeta.Plan{Event: c.Message(""), Body: c.party.escaped(update.Body)})
		}
	})
	for _, f := range metaForgeries {
		id := "relay.front.forged"
		if slices.Contains([]string{"missing", "empty", "sha1-only"}, f.slug) {
			id = "relay.front.unsigned"
		}
		s.relaySpec(id, f.slug, func(c *relayCheck) { c.hasNoEffect(f) })
		s.relaySpec("relay.front.refusal", f.slug, func(c *relayCheck) {
			c.Meta(c.Message(""))
			if x := c.Post("forgery", f.plan(c.Check, c.Message(""))); x.Trouble != wire.None || x.Status < 400 || x.Status > 499 {
				c.Broken("a 4xx status (401 and 403 are customary)", answer(x))
			}
		})
	}
	s.relaySpec("relay.front.acknowledged", "", (*relayCheck).burst)
	s.relaySpec("relay.front.late", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived)
		c.Meta(c.Message(""))
		sub.Await(1, "a message of now")
		by := s.metaLate()
		c.Meta(c.must(c.generator.Ago(by, messageReceived, "")))
		sub.Exactly(2, fmt.Sprintf("a message of now, and one of %s ago", by))
	})
	s.relaySpec("relay.front.not-downstream", "", (*relayCheck).failingDownstream)
	s.relaySpec("relay.front.fast", "", (*relayCheck).fastWhateverHappens)
}

// needToken ends the spec as untestable where the target file has no verify token.
func (c *relayCheck) needToken() {
	if c.target.Token.Reveal() == "" {
		c.Untestable("the target file has no verify_token, so a right handshake cannot be made")
	}
}

// hasNoEffect posts a forgery between two genuine messages. These are delivered, and are two new customers; of the
// forgery nothing may be seen.
func (c *relayCheck) hasNoEffect(f metaForgery) {
	messages := c.Subscribe(messageReceived)
	var contacts *subscription
	if c.sees(target.KirimEvents) {
		contacts = c.Subscribe(contactCreated)
	}
	c.Meta(c.Message(""))
	messages.Await(1, "a genuine message")
	if contacts != nil {
		contacts.Await(1, "its customer, who is new")
	}
	forged := c.Message("")
	c.expectItems(forged)
	c.Post("forgery", f.plan(c.Check, forged))
	c.Meta(c.Message(""))
	messages.Exactly(2, "two genuine messages, and a forgery between them")
	if contacts != nil {
		contacts.Exactly(2, "the customers of two genuine messages")
	}
}

// burstSize is the number of POSTs at the same instant: more than common pools and queues hold, and not more than a
// busy number brings.
const burstSize = 64

// burst posts many messages at once. What is not answered 200 may be lost, because Meta sends it again; the rest may
// not.
func (c *relayCheck) burst() {
	sub := c.Subscribe("message.received")
	var events []fixtures.Event
	var messages []message
	for range burstSize {
		ev := c.Message("")
		c.expectItems(ev)
		events, messages = append(events, ev), append(messages, c.Check.Message(ev, 1))
	}
	taken := map[string]bool{}
	for i, x := range c.together("one of many at once", messages) {
		if mockmeta.Accepted(c.meta, x) {
			taken[events[i].ID] = true
		}
	}
	if len(taken) == 0 {
		c.Broken("some of "+fmt.Sprint(burstSize)+" POSTs at once are answered "+c.party.success(), "none is")
	}
	// Counted by event, because any delivery may come twice.
	delivered := func(all []subscriber.Delivery) int {
		seen := map[string]bool{}
		for _, d := range all {
			// By the body: what the header says is for other specs to judge.
			if id := firstItem(d.Body).ID; taken[id] {
				seen[id] = true
			}
		}
		return len(seen)
	}
	waiting, cancel := context.WithTimeout(c.ctx, c.arrivalTimeout())
	defer cancel()
	// What did not come in time is missing in the count.
	_ = sub.endpoint.WaitFor(waiting, func(all []subscriber.Delivery) bool { return delivered(all) == len(taken) })
	if n := delivered(sub.endpoint.Received()); n < len(taken) {
		c.Broken(fmt.Sprintf("a delivery of each of the %d messages that were answered %s", len(taken), c.party.success()),
			fmt.Sprintf("deliveries of %d within %s", n, c.arrivalTimeout()))
	}
}

// failingDownstream posts while some subscribers fail in each of the ways there are.
func (c *relayCheck) failingDownstream() {
	healthy := c.Subscribe("message.received")
	var failing []*subscription
	for _, a := range []subscriber.Answer{subscriber.Status(500), subscriber.Status(410), subscriber.Status(302), subscriber.Reset()} {
		sub := c.Subscribe("message.received")
		sub.Always(a)
		failing = append(failing, sub)
	}
	const posts = 3
	for i := range posts {
		c.Meta(c.Message(""))
		for _, sub := range failing {
			sub.Await(i+1, "a message to a subscription that fails")
		}
		c.Settle()
	}
	healthy.Await(posts, "messages to a subscription beside those that fail")
}

// fastWhateverHappens measures Meta's wait while one subscriber hangs and another is dead.
func (c *relayCheck) fastWhateverHappens() {
	healthy, hanging, dead := c.Subscribe("message.received"), c.Subscribe("message.received"), c.Subscribe("message.received")
	hanging.Always(subscriber.Hang())
	dead.Always(subscriber.Reset())
	c.Meta(c.Message(""))
	hanging.Await(1, "a message to a subscription that hangs")
	dead.Await(1, "a message to a subscription that is dead")
	c.medianLatency(func(label string) wire.Exchange {
		return c.MetaPlan(label, mockmeta.Plan{Event: c.Message("")})
	})
	healthy.Await(latencySamples+1, "the messages to a subscription beside them")
}

package suites

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayPassthrough holds the specs of Meta's bodies on their way through.
func (s *Session) relayPassthrough() {
	for event, id := range map[string]string{
		messageReceived: s.byPassthrough("relay.passthrough.message-received", "relay.passthrough.same-message"),
		messageStatus:   s.byPassthrough("relay.passthrough.message-status", "relay.passthrough.same-status"),
	} {
		s.relaySpec(id, "", func(c *relayCheck) {
			sub := c.Subscribe(event)
			for _, v := range c.variants {
				if v.Event == event {
					ev := c.must(c.generator.Event(v.Event, v.Name))
					c.passesThrough(sub, v.Name, ev, fixtures.EscapeMeta(ev.Body))
				}
			}
		})
	}
	for _, h := range hostileBodies {
		id := s.byPassthrough("relay.passthrough."+h.slug, annotatedHostile(h))
		if id == "" {
			continue
		}
		s.relaySpec(id, h.name, func(c *relayCheck) {
			sub := c.Subscribe(messageReceived)
			ev := c.Message("text")
			c.passesThrough(sub, h.name, ev, c.bytes(h.make(ev.Body)))
			sub.Exactly(1, h.name)
		})
	}
	s.relaySpec("relay.passthrough.large", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived)
		ev := c.must(c.generator.Sized(c.meta.PayloadLimit.Value))
		// As it is: with Meta's escapes it would be longer than Meta's limit.
		c.passesThrough(sub, "a body at the limit", ev, ev.Body)
	})
	s.relayBatches()
	s.relayOtherFields()
	s.serialSpec(s.byPassthrough("relay.passthrough.retry-bytes", "relay.passthrough.retry-content"), "",
		func(c *relayCheck) { c.sameBytes() })
	s.relayAnnotation()
}

// The events that Meta begins, and those of Kirim's whose data the specs look at.
const (
	messageReceived      = "message.received"
	messageStatus        = "message.status"
	messageSent          = "message.sent"
	messageCreated       = "message.created"
	contactCreated       = "contact.created"
	contactUpdated       = "contact.updated"
	conversationAssigned = "conversation.assigned"
	conversationClosed   = "conversation.closed"
)

// passesThrough posts a body as Meta and ends the spec as broken unless it is delivered untouched.
func (c *relayCheck) passesThrough(sub *subscription, what string, ev fixtures.Event, body []byte) subscriber.Delivery {
	before := len(sub.Got())
	c.MetaPlan("Meta's POST: "+what, mockmeta.Plan{Event: ev, Body: body})
	d := sub.Await(before+1, what)[before]
	c.untouched(what, d, body)
	return d
}

// difference finds the first byte in which two bodies differ, and shows a little of both from there.
func difference(a, b []byte) (at int, inA, inB []byte) {
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	const show = 24
	return at, a[at:min(at+show, len(a))], b[at:min(at+show, len(b))]
}

// relayBatches defines the specs of bodies with several updates.
func (s *Session) relayBatches() {
	batches := []batch{
		{"several messages", fixtures.BatchShape{Event: messageReceived, Items: 3}},
		{"several statuses", fixtures.BatchShape{Event: messageStatus, Items: 3}},
		{"several changes", fixtures.BatchShape{Event: messageReceived, Changes: 3}},
		{"several entries", fixtures.BatchShape{Event: messageReceived, Entries: 3}},
	}
	for _, b := range batches {
		s.relaySpec("relay.passthrough.batch", b.name, func(c *relayCheck) {
			sub := c.Subscribe(messageReceived, messageStatus)
			ev := c.must(c.generator.Batch(b.shape))
			body := fixtures.EscapeMeta(ev.Body)
			c.MetaPlan("Meta's POST: "+b.name, mockmeta.Plan{Event: ev, Body: body})
			c.untouched(b.name, sub.Exactly(1, b.name)[0], body)
		})
	}
	s.relaySpec("relay.passthrough.batch-id", "", func(c *relayCheck) {
		c.needKirims(theEventID, c.target.Delivery.Headers.EventID)
		sub := c.Subscribe(messageReceived, messageStatus)
		for _, b := range batches {
			ev := c.must(c.generator.Batch(b.shape))
			before := len(sub.Got())
			c.MetaPlan("Meta's POST: "+b.name, mockmeta.Plan{Event: ev})
			c.header(sub.Await(before+1, b.name)[before], c.edition.Headers.EventID, ev.Items[0].ID, "the id of the first of "+b.name)
		}
	})
	for _, b := range []batch{mixed, {"messages and statuses in one value", fixtures.BatchShape{
		Event: messageReceived, Items: 2, Together: true, With: []fixtures.Part{{Event: messageStatus}},
	}}} {
		s.relaySpec("relay.passthrough.mixed", b.name, func(c *relayCheck) { c.mixedBody(b) })
	}
}

// mixedBody lets a body with messages and statuses through. Whether it is forwarded under message.status too is open.
func (c *relayCheck) mixedBody(b batch) {
	sub := c.Subscribe(messageReceived, messageStatus)
	ev := c.must(c.generator.Batch(b.shape))
	body := fixtures.EscapeMeta(ev.Body)
	c.MetaPlan("Meta's POST: "+b.name, mockmeta.Plan{Event: ev, Body: body})
	sub.Await(1, b.name)
	c.Settle()
	got := sub.Got()
	asMessage := func(d subscriber.Delivery) bool { return c.eventName(d) == messageReceived }
	if !slices.ContainsFunc(got, asMessage) {
		c.Broken(b.name+": a delivery under "+messageReceived,
			fmt.Sprintf("%d under %q", len(got), c.eventName(got[0])))
	}
	c.untouched(b.name, got[slices.IndexFunc(got, asMessage)], body)
}

// relayOtherFields defines the spec of what Meta sends to the same callback URL and Kirim has no event for.
func (s *Session) relayOtherFields() {
	s.relaySpec("relay.passthrough.other-fields", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived, messageStatus)
		for _, f := range c.fields {
			// The field messages has the events' own bodies, and errors, of which the catalogue says nothing.
			if f.Field == metaField {
				continue
			}
			update, err := c.generator.Meta(f.Field, f.Name)
			c.otherField(f.Field+" "+f.Name, c.bytes(update.Body, err))
		}
		unheard, err := c.generator.Meta("account_update", "")
		c.otherField("a field that does not exist yet",
			bytes.Replace(c.bytes(unheard.Body, err), []byte(`"account_update"`), []byte(`"kirimcheck_new"`), 1))
		fence := c.Message("")
		c.Meta(fence)
		got := sub.Exactly(1, "a message that Meta sent after everything else, and nothing of the rest")
		if item := firstItem(got[0].Body); item != fence.Items[0] {
			c.Broken("the message "+fence.ID, fmt.Sprintf("%q", item.ID))
		}
	}, target.CatalogueOnly)
}

// otherField posts a body of another webhook field, marked so that it is known again. How it is answered is for the
// role meta-receiver to judge.
func (c *relayCheck) otherField(what string, body []byte) {
	mark := c.generator.ID("mark")
	c.Expect(mark)
	body = c.bytes(fixtures.AddField(body, "/entry/0/changes/0/value/kirimcheck_mark", fmt.Sprintf("%q", mark)))
	c.Post("Meta's POST: "+what, mockmeta.Plan{Event: c.Message(""), Body: fixtures.EscapeMeta(body)})
}

// sameBytes lets deliveries of both shapes fail twice and compares the attempts.
func (c *relayCheck) sameBytes() {
	events := c.bothKinds()
	sub := c.Subscribe(events...)
	sub.Always(subscriber.Status(500))
	c.Meta(c.Message(""))
	for _, name := range events {
		sub.AwaitEvent(name, 1)
	}
	for attempt := 2; attempt <= 3; attempt++ {
		c.PassTo(attempt)
		for _, name := range events {
			got := sub.AwaitEvent(name, attempt)
			c.sameAgain(fmt.Sprintf("the first attempt of %s in attempt %d", name, attempt), got[0], got[attempt-1])
		}
	}
}

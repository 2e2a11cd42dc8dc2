package suites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/schemas"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayEvents holds the specs of what triggers each event, and of what it says.
func (s *Session) relayEvents() {
	s.relaySpec("relay.events.all-on-one", "", func(c *relayCheck) {
		c.everyEvent(c.Subscribe())
		if c.byHand != nil && c.sees(target.KirimEvents) {
			c.Untestable("what happens by itself came on one subscription; the other events cannot be brought about: %v", target.ErrByHand)
		}
	})
	s.relaySpec("relay.events.schema", "", func(c *relayCheck) {
		sub := c.Subscribe()
		c.everyEvent(sub)
		c.Settle()
		c.validKirimEvents(sub)
	}, target.KirimEvents)
	s.relaySpec("relay.events.schema", "values that are not text", func(c *relayCheck) {
		sub := c.Subscribe()
		contact := c.Contact(target.ContactRequest{Metadata: json.RawMessage(`{"list":[1,null,{"a":"<b>"}]}`)})
		sub.AwaitEvent(contactCreated, 1)
		c.Change(contact.ID, target.ContactPatch{Metadata: target.ToNull[json.RawMessage](), Name: target.To("Ayu \U0001F64F")})
		sub.AwaitEvent(contactUpdated, 1)
		c.Settle()
		c.validKirimEvents(sub)
	}, target.ContactsAPI, target.KirimEvents)
	s.serialSpec("relay.events.created-at", "", func(c *relayCheck) { c.datedEvents() }, target.ContactsAPI, target.KirimEvents)
	if _, ok := s.ledger.Get("relay.events.livemode"); ok {
		s.relaySpec("relay.events.livemode", "", func(c *relayCheck) {
			for _, d := range c.everyEvent(c.Subscribe()) {
				if ev := kirimEvent(d); ev.Type != "" && string(ev.Livemode) != "true" {
					c.Broken("livemode true in "+ev.Type, fmt.Sprintf("%q", ev.Livemode))
				}
			}
		}, target.KirimEvents)
	}
	if _, ok := s.ledger.Get("relay.events.message-created"); ok {
		s.relaySpec("relay.events.message-created", "", func(c *relayCheck) {
			sub := c.Subscribe(messageCreated)
			sent := c.Outbound()
			ev := kirimEvent(sub.Exactly(1, "an accepted message")[0])
			c.says(ev, "/data/message/id", sent.ID)
			c.says(ev, "/data/message/object", "message")
		}, target.MessagesAPI, target.KirimEvents)
	}
	if _, ok := s.ledger.Get("relay.events.message-sent"); ok {
		s.relaySpec("relay.events.message-sent", "", func(c *relayCheck) { c.sentMessage() }, target.MessagesAPI, target.KirimEvents)
	}
	s.relayMetaEvents()
	s.relayContacts()
	s.relayConversations()
}

// sentMessage sends a message and looks at the event that links it to Meta's id of it.
func (c *relayCheck) sentMessage() {
	sub := c.Subscribe(messageSent)
	sent := c.Outbound()
	ev := kirimEvent(sub.Exactly(1, "a message that was sent")[0])
	c.says(ev, "/data/message/id", sent.ID)
	if id, ok := c.at(ev.body, "/data/message/provider_id").(string); !ok || !strings.HasPrefix(id, "wamid.") {
		c.Broken("Meta's id of the message at /data/message/provider_id", shownValue(c.at(ev.body, "/data/message/provider_id")))
	}
	c.says(ev, "/data/message/body", outboundText)
	c.says(ev, "/data/message/source", "api")
	account := c.at(ev.body, "/data/meta/phone_number_id")
	c.says(ev, "/data/session", account)
	if to := c.at(ev.body, "/data/message/to"); to != c.at(ev.body, "/data/contact/phone_number") {
		c.Broken("one number at /data/message/to and /data/contact/phone_number", shownValue(to))
	}
}

// validKirimEvents validates every Kirim event that a subscription got.
func (c *relayCheck) validKirimEvents(sub *subscription) {
	set, err := schemas.Load()
	if err != nil {
		c.Error("the schemas: %v", err)
	}
	seen := 0
	for _, d := range sub.Got() {
		// The type alone is read before the schema is asked: an event of which another member is not of its type is the one
		// to find.
		event := eventOf(d.Body)
		if named, ok := c.edition.Event(event); !ok || named.Source != contract.SourceKirim {
			continue
		}
		seen++
		if err := set.ValidateEvent(c.edition.ID, event, d.Body); err != nil {
			c.Broken(event+" by its schema", err.Error())
		}
	}
	if seen == 0 {
		c.Broken("deliveries of Kirim's events", "none")
	}
}

// datedEvents changes a contact some time after it was made, so that the event's time is not the contact's.
func (c *relayCheck) datedEvents() {
	// created_at has whole seconds.
	slack := time.Second + c.clock.Resolution()
	sub := c.Subscribe(contactUpdated)
	contact := c.Contact(target.ContactRequest{Name: "Ayu"})
	c.Pass(10 * slack)
	before := c.targetTime()
	c.Rename(contact.ID, "Ayu Lestari")
	after := c.targetTime()
	ev := kirimEvent(sub.Await(1, "contact.updated")[0])
	at, err := time.Parse(time.RFC3339, ev.CreatedAt)
	if err != nil {
		c.Broken("created_at in the form of RFC 3339", fmt.Sprintf("%q", ev.CreatedAt))
	}
	// Clocks of two machines are seldom less than a second apart.
	if c.clock.Mode() == target.RealClock {
		slack += c.signedWithin() / 5
	}
	if at.Before(before.Add(-slack)) || at.After(after.Add(slack)) {
		c.Broken(fmt.Sprintf("created_at of %s, when the contact was changed", after.UTC().Format(time.RFC3339)), ev.CreatedAt)
	}
}

// relayMetaEvents defines the specs of the events that Meta begins.
func (s *Session) relayMetaEvents() {
	s.relaySpec("relay.events.message-received", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived)
		first := c.Message("text")
		number := customers(first.Body)[0]
		sent := []fixtures.Event{first, c.from(number, "text"), c.from(number, "image"), c.from(number, "location")}
		for _, ev := range sent {
			c.Meta(ev)
		}
		c.each(sub.Exactly(len(sent), "each message once"), sent)
	})
	s.relaySpec("relay.events.message-status", "", func(c *relayCheck) {
		sub := c.Subscribe(messageStatus)
		one, other := c.statuses(), c.statuses()
		sent := append(one, other[2], other[0], other[1], c.Status("failed"))
		for _, ev := range sent {
			c.Meta(ev)
		}
		c.each(sub.Exactly(len(sent), "each status once"), sent)
	})
}

// from makes a message of a customer who wrote before.
func (c *relayCheck) from(number, variant string) fixtures.Event {
	ev := c.Message(variant)
	ev.Body = bytes.ReplaceAll(ev.Body, []byte(customers(ev.Body)[0]), []byte(number))
	return ev
}

// each ends the spec as broken unless each event's item, a message or a status, is among the deliveries.
func (c *relayCheck) each(got []subscriber.Delivery, sent []fixtures.Event) {
	var came []fixtures.Item
	for _, d := range got {
		came = append(came, firstItem(d.Body))
	}
	for _, ev := range sent {
		if !slices.Contains(came, ev.Items[0]) {
			c.Broken(fmt.Sprintf("a delivery of %s %s %s", ev.Name, ev.Items[0].ID, ev.Items[0].Status), fmt.Sprintf("%v", came))
		}
	}
}

// again posts one message of Meta's several times, the later ones at the same instant.
func (c *relayCheck) again(ev fixtures.Event, sent int) {
	c.Meta(ev)
	var copies []message
	for range sent - 1 {
		m, err := c.post(mockmeta.Plan{Event: ev})
		if err != nil {
			c.Error("the POST could not be made: %v", err)
		}
		copies = append(copies, m)
	}
	c.together("the same message once more", copies)
}

package suites

import (
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// The forms of ids (Kirim, concepts/resource-ids).
var (
	eventIDForm    = regexp.MustCompile(`^evt_[0-9A-HJKMNP-TV-Z]{26}$`)
	deliveryIDForm = regexp.MustCompile(`^wbd_[0-9A-HJKMNP-TV-Z]{26}$`)
)

// relayHeaders holds the specs of what the header of every attempt says.
func (s *Session) relayHeaders() {
	names := s.edition.Headers
	// each defines a spec that looks at one delivery of every event.
	each := func(id string, look func(c *relayCheck, event string, d subscriber.Delivery)) {
		s.relaySpec(id, "", func(c *relayCheck) {
			for _, d := range c.everyEvent(c.Subscribe()) {
				look(c, eventOf(d.Body), d)
			}
		})
	}
	each("relay.headers.json-post", func(c *relayCheck, event string, d subscriber.Delivery) {
		if d.Method != http.MethodPost {
			c.Broken(event+" with POST", d.Method)
		}
		kind, parameters, err := mime.ParseMediaType(d.Get("Content-Type"))
		charset, has := parameters["charset"]
		if err != nil || kind != names.ContentType || (has && !strings.EqualFold(charset, "utf-8")) {
			c.Broken(fmt.Sprintf("%s as %s", event, names.ContentType), fmt.Sprintf("Content-Type %q", d.Get("Content-Type")))
		}
	})
	each("relay.headers.user-agent", func(c *relayCheck, event string, d subscriber.Delivery) {
		if own := c.target.Delivery.UserAgent.Own; own != "" {
			c.NotApplicable("the target declares that its user agent is its own: %s", own)
		}
		c.header(d, "User-Agent", names.UserAgent, "for "+event)
	})
	each("relay.headers.source", func(c *relayCheck, event string, d subscriber.Delivery) {
		c.needKirims(theSource, c.target.Delivery.Headers.Source)
		ev, _ := c.edition.Event(event)
		c.header(d, names.Source, string(ev.Source), "for "+event)
	})
	each("relay.headers.event", func(c *relayCheck, event string, d subscriber.Delivery) {
		c.needKirims(theEvent, c.target.Delivery.Headers.Event)
		c.header(d, names.Event, event, "as the body has it")
	})
	each("relay.headers.delivery-id.form", func(c *relayCheck, event string, d subscriber.Delivery) {
		c.needKirims(theDeliveryID, c.target.Delivery.Headers.DeliveryID)
		if id := d.Get(names.DeliveryID); !deliveryIDForm.MatchString(id) {
			c.Broken(fmt.Sprintf("%s of %s like %s", names.DeliveryID, event, deliveryIDForm), fmt.Sprintf("%q", id))
		}
	})
	each("relay.headers.no-meta-signature", func(c *relayCheck, event string, d subscriber.Delivery) {
		for _, name := range []string{c.meta.Headers.Signature.Value, c.meta.Headers.SignatureSHA1.Value} {
			if values := d.Values(name); len(values) > 0 {
				c.Broken("no "+name, fmt.Sprintf("%s with %s: %q", event, name, values))
			}
		}
	})
	s.relayEventIDs()
	s.relaySpec("relay.headers.delivery-id.unique", "events and subscriptions", func(c *relayCheck) {
		c.needHeader(theDeliveryID, c.target.Delivery.Headers.DeliveryID)
		subs := []*subscription{c.Subscribe(messageReceived), c.Subscribe(messageReceived)}
		c.Meta(c.Message(""))
		c.Meta(c.Message(""))
		seen := map[string]string{}
		for i, sub := range subs {
			for _, d := range sub.Await(2, "two messages") {
				c.newDeliveryID(seen, d, fmt.Sprintf("message %s to subscription %d", d.Get(names.EventID), i+1))
			}
		}
	})
	s.relaySpec("relay.headers.delivery-id.unique", "a replay", func(c *relayCheck) {
		c.needHeader(theDeliveryID, c.target.Delivery.Headers.DeliveryID)
		sub := c.Subscribe(messageReceived)
		ev := c.Message("")
		c.Meta(ev)
		seen := map[string]string{}
		c.newDeliveryID(seen, sub.Await(1, "a message")[0], "the delivery")
		c.Settle()
		c.Replayed(c.rowOf(sub, ev.ID))
		c.newDeliveryID(seen, sub.Await(2, "its replay")[1], "the replay")
	}, target.DeliveryAPI, target.SingleReplay)
	s.serialSpec("relay.headers.attempt", "", func(c *relayCheck) { c.countedAttempts() })
	s.serialSpec("relay.headers.once", "", func(c *relayCheck) {
		sub := c.Subscribe(messageReceived)
		sub.Answer(subscriber.Status(500))
		c.Meta(c.Message(""))
		sub.Await(1, "the first attempt")
		c.PassTo(2)
		c.allOnce(sub.Await(2, "the second attempt"))
		c.allOnce(c.everyEvent(c.Subscribe()))
	})
}

// relayEventIDs defines the specs of what receivers dedupe on.
func (s *Session) relayEventIDs() {
	name := s.edition.Headers.EventID
	s.relaySpec("relay.headers.event-id.message", "", func(c *relayCheck) {
		c.needKirims(theEventID, c.target.Delivery.Headers.EventID)
		sub := c.Subscribe(messageReceived)
		for i, variant := range []string{"text", "image", "reaction"} {
			ev := c.Message(variant)
			c.Meta(ev)
			c.header(sub.Await(i+1, "a message")[i], name, ev.Items[0].ID, "the id of the message ("+variant+")")
		}
	})
	s.relaySpec("relay.headers.event-id.status", "", func(c *relayCheck) {
		c.needKirims(theEventID, c.target.Delivery.Headers.EventID)
		sub := c.Subscribe(messageStatus)
		for i, ev := range c.statuses() {
			c.Meta(ev)
			c.header(sub.Await(i+1, "a status")[i], name, ev.Items[0].ID, "the id of the status ("+ev.Items[0].Status+")")
		}
	})
	s.relaySpec("relay.headers.event-id.kirim", "", func(c *relayCheck) {
		c.needKirims(theEventID, c.target.Delivery.Headers.EventID)
		sub := c.Subscribe()
		c.everyEvent(sub)
		c.Settle()
		seen := map[string]string{}
		for _, d := range sub.Got() {
			ev, id := kirimEvent(d), d.Get(name)
			if ev.Type == "" {
				continue
			}
			c.header(d, name, ev.ID, "the id in the body of "+ev.Type)
			if !eventIDForm.MatchString(id) {
				c.Broken(fmt.Sprintf("%s of %s like %s", name, ev.Type, eventIDForm), fmt.Sprintf("%q", id))
			}
			if before, twice := seen[id]; twice {
				c.Broken("an id of its own for each event", fmt.Sprintf("%s with the id of an earlier %s: %s", ev.Type, before, id))
			}
			seen[id] = ev.Type
		}
		if len(seen) == 0 {
			c.Broken("deliveries of Kirim's events", "none")
		}
	}, target.KirimEvents)
	s.serialSpec("relay.headers.event-id.stable", "", func(c *relayCheck) {
		c.needHeader(theEventID, c.target.Delivery.Headers.EventID)
		events := c.bothKinds()
		sub := c.Subscribe(events...)
		sub.Always(subscriber.Status(500))
		c.Meta(c.Message(""))
		for attempt := 1; attempt <= 3; attempt++ {
			if attempt > 1 {
				c.PassTo(attempt)
			}
			for _, event := range events {
				got := sub.AwaitEvent(event, attempt)
				c.header(got[attempt-1], name, got[0].Get(name), fmt.Sprintf("in attempt %d of %s as in the first", attempt, event))
			}
		}
	})
	s.relaySpec("relay.headers.event-id.shared", "", func(c *relayCheck) {
		c.needKirims(theEventID, c.target.Delivery.Headers.EventID)
		events := c.bothKinds()
		subs := []*subscription{c.Subscribe(events...), c.Subscribe(events...), c.Subscribe(events...)}
		c.Meta(c.Message(""))
		for _, event := range events {
			id := subs[0].AwaitEvent(event, 1)[0].Get(name)
			for i, sub := range subs[1:] {
				c.header(sub.AwaitEvent(event, 1)[0], name, id, fmt.Sprintf("for %s to subscription %d as to the first", event, i+2))
			}
		}
	})
}

// newDeliveryID ends the spec as broken where another delivery carried the same delivery id.
func (c *relayCheck) newDeliveryID(seen map[string]string, d subscriber.Delivery, what string) {
	id := d.Get(c.edition.Headers.DeliveryID)
	if before, twice := seen[id]; twice {
		c.Broken(c.edition.Headers.DeliveryID+" of its own for each delivery",
			fmt.Sprintf("%q for %s and for %s", id, before, what))
	}
	seen[id] = what
}

// countedAttempts lets a delivery fail to its last attempt, with another one in between.
func (c *relayCheck) countedAttempts() {
	c.needKirims(theAttempt, c.target.Delivery.Headers.Attempt)
	name := c.edition.Headers.Attempt
	sub := c.Subscribe(messageReceived)
	failing, other := c.Message(""), c.Message("")
	sub.FailOnly(failing.ID)
	c.Meta(failing)
	all := len(c.edition.Delivery.Delays)
	most := c.attempts(all)
	for attempt := 1; attempt <= most; attempt++ {
		if attempt > 1 {
			c.PassTo(attempt)
		}
		c.header(sub.AwaitAbout(failing.ID, attempt)[attempt-1], name, strconv.Itoa(attempt), "by count")
		if attempt == 2 {
			c.Meta(other)
			c.header(sub.AwaitAbout(other.ID, 1)[0], name, "1", "for the first attempt of another delivery")
		}
	}
	if most < all {
		c.Fact("attempts-counted", "Within the budget, %d of %d attempts were seen to be counted.", most, all)
	}
}

// FailOnly answers 500 to deliveries whose bodies hold a text, and 200 to all others.
func (s *subscription) FailOnly(text string) {
	s.endpoint.Choose(func(d subscriber.Delivery) subscriber.Answer {
		if strings.Contains(string(d.Body), text) {
			return subscriber.Status(500)
		}
		return subscriber.Status(200)
	})
}

// allOnce ends the spec as broken unless each delivery has each of Kirim's headers once, with a value.
func (c *relayCheck) allOnce(all []subscriber.Delivery) {
	h := c.edition.Headers
	for _, d := range all {
		for _, name := range append([]string{h.Source, h.Event, h.EventID, h.DeliveryID, h.Attempt}, c.scheme().headers()...) {
			if name == "" {
				// The target declares it absent.
				continue
			}
			if values := d.Values(name); len(values) != 1 || values[0] == "" {
				c.Broken(name+" once with every attempt", fmt.Sprintf("%q with %s", values, eventOf(d.Body)))
			}
		}
	}
}

package suites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// everyEvent lets each event of the edition happen that this target can be brought to, and returns the first delivery of
// each. What it cannot be brought to is noted in the report.
func (c *relayCheck) everyEvent(sub *subscription) []subscriber.Delivery {
	happened := append(c.bothKinds(), messageStatus)
	c.Meta(c.Status(""))
	if c.sees(target.KirimEvents, target.ContactsAPI) {
		c.Rename(c.Contact(target.ContactRequest{Name: "Ayu"}).ID, "Ayu Lestari")
		happened = append(happened, contactUpdated)
	}
	if c.sees(target.KirimEvents, target.ContactsAPI, target.ConversationsAPI) {
		talk, _ := c.Conversation()
		// Twice, so that the second time there is a previous assignee.
		c.Assign(talk.ID, c.user())
		c.Assign(talk.ID, c.user())
		c.SetStatus(talk.ID, "resolved")
		happened = append(happened, conversationAssigned, conversationClosed)
	} else {
		c.Meta(c.Message(""))
	}
	if outbound, ok := c.edition.Outbound(); ok && c.sees(target.KirimEvents, target.MessagesAPI) {
		c.Outbound()
		happened = append(happened, outbound.Name)
	}
	var first []subscriber.Delivery
	for _, ev := range c.edition.Events {
		if slices.Contains(happened, ev.Name) {
			first = append(first, sub.AwaitEvent(ev.Name, 1)[0])
		} else {
			c.Fact("event-not-seen", "%s was not brought about, because the target lacks it or the API for it, or the harness does, and so not judged.", ev.Name)
		}
	}
	return first
}

// user makes up a user's id. No page says what such ids look like, so that nothing may hang on their form.
func (c *relayCheck) user() string { return c.generator.ID("usr") }

// Rename changes the name of a contact.
func (c *relayCheck) Rename(contact, name string) target.Contact {
	return c.Change(contact, target.ContactPatch{Name: target.To(name)})
}

// Change changes a contact.
func (c *relayCheck) Change(contact string, p target.ContactPatch) target.Contact {
	changed, reply, err := c.management.UpdateContact(c.ctx, contact, p)
	c.Must("changing the contact", reply, err)
	return changed
}

// Assign gives a conversation to a user.
func (c *relayCheck) Assign(conversation, user string) {
	_, reply, err := c.management.UpdateConversation(c.ctx, conversation, target.ConversationPatch{AssignedTo: target.To(user)})
	c.Must("assigning the conversation", reply, err)
}

// SetStatus sets the status of a conversation: open, pending or resolved.
func (c *relayCheck) SetStatus(conversation, status string) {
	_, reply, err := c.management.UpdateConversation(c.ctx, conversation, target.ConversationPatch{Status: target.To(status)})
	c.Must("setting the conversation's status to "+status, reply, err)
}

// outboundText is what the harness has the relay send.
const outboundText = "Halo"

// Outbound sends a message over the API and expects its event.
func (c *relayCheck) Outbound() target.Message {
	sent, reply, err := c.management.SendMessage(c.ctx, c.Phone(), outboundText)
	c.Must("sending a message", reply, err)
	c.Expect(sent.ID)
	return sent
}

// AwaitEvent returns when so many attempts of an event have come, and keeps them as evidence. Which event it is, the body
// tells and not the header, which may be what is wrong.
func (s *subscription) AwaitEvent(event string, n int) []subscriber.Delivery {
	return s.AwaitThat(n, "attempts of "+event, func(d subscriber.Delivery) bool { return eventOf(d.Body) == event })
}

// AwaitAbout returns when so many attempts have come whose bodies hold a text, such as a wamid.
func (s *subscription) AwaitAbout(text string, n int) []subscriber.Delivery {
	return s.AwaitThat(n, "attempts about "+text, func(d subscriber.Delivery) bool {
		return strings.Contains(string(d.Body), text)
	})
}

// AwaitThat returns when so many attempts of the spec's own events have come for which a condition holds. Fewer within
// the time that a delivery may take end the spec as broken.
func (s *subscription) AwaitThat(n int, what string, holds func(subscriber.Delivery) bool) []subscriber.Delivery {
	ctx, cancel := context.WithTimeout(s.c.ctx, s.c.arrivalTimeout())
	defer cancel()
	pick := func(all []subscriber.Delivery) (out []subscriber.Delivery) {
		for _, d := range all {
			if s.mine(d) && holds(d) {
				out = append(out, d)
			}
		}
		return out
	}
	err := s.endpoint.WaitFor(ctx, func(all []subscriber.Delivery) bool { return len(pick(all)) >= n })
	all := s.endpoint.Received()
	got := pick(all)
	switch {
	case err == nil:
		s.show(got)
		return got
	case s.c.ctx.Err() != nil:
		s.c.Error("the run was interrupted")
	case errors.Is(err, context.DeadlineExceeded):
		s.show(s.Got())
		s.c.Broken(fmt.Sprintf("%d %s within %s", n, what, s.c.arrivalTimeout()),
			fmt.Sprintf("%d, and %d others", len(got), len(s.Got())-len(got)))
	}
	s.c.Error("waiting for deliveries: %v", err)
	return nil
}

// PassTo lets so much time pass that an attempt is due, counted from 1 and following a failure of now.
func (c *relayCheck) PassTo(attempt int) { c.Pass(c.longest(attempt)) }

// longest is the time within which an attempt follows the one before it: the delay with all of its jitter, what rounding may
// do to it, and what an arrival may be late.
func (c *relayCheck) longest(attempt int) time.Duration {
	rule := c.edition.Delivery
	return time.Duration(float64(rule.Delays[attempt-1])*(1+rule.Jitter)) + rounding + c.clock.Resolution()
}

// attempts is how many attempts of a delivery can be waited for: all of the schedule where time can be driven, else those
// within the budget. There are at least two; the budget is asked again when the time is to pass.
func (c *relayCheck) attempts(most int) int {
	most = min(most, len(c.edition.Delivery.Delays))
	if c.clock.Mode() == target.VirtualClock {
		return most
	}
	n, spent := 1, c.spent
	for n < most && c.clock.Real(spent+c.longest(n+1)) <= c.target.Budget {
		n++
		spent += c.longest(n)
	}
	return max(n, 2)
}

// header ends the spec as broken unless a header of a delivery has this value.
func (c *relayCheck) header(d subscriber.Delivery, name, want, why string) {
	if got := d.Get(name); got != want {
		c.Broken(fmt.Sprintf("%s: %s, %s", name, want, why), fmt.Sprintf("%q", got))
	}
}

// rowOf finds the delivery of an event to a subscription in the API's list.
func (c *relayCheck) rowOf(sub *subscription, eventID string) target.Delivery {
	filter, ids := target.DeliveryFilter{Subscription: sub.ID, EventID: eventID}, []string{eventID}
	if m := c.target.Delivery.Headers.EventID; m.Own != "" || m.Absent != "" {
		// The API may call the event as its deliveries do, or as Kirim would.
		filter.EventID = ""
		for _, d := range sub.Got() {
			if id := d.Get(m.Name); id != "" && bytes.Contains(d.Body, []byte(eventID)) {
				ids = append(ids, id)
			}
		}
	}
	list, reply, err := c.management.Deliveries(c.ctx, filter)
	c.Must("looking the delivery up", reply, err)
	// A relay that does not know the filter lists others too.
	for _, d := range list.Items {
		if slices.Contains(ids, d.EventID) && d.ReplayedFrom == "" && (d.Subscription == sub.ID || d.Subscription == "") {
			return d
		}
	}
	if why := c.target.Delivery.Headers.EventID.Absent; why != "" {
		c.Untestable("deliveries have no event id (%s), so the one of an event cannot be found in the API's list", why)
	}
	c.Broken("the delivery of the event in the list of deliveries", fmt.Sprintf("%d others", len(list.Items)))
	return target.Delivery{}
}

// Replayed sends an ended delivery again.
func (c *relayCheck) Replayed(d target.Delivery) target.Delivery {
	made, reply, err := c.management.Replay(c.ctx, d.ID)
	c.Must("replaying the delivery", reply, err)
	return made
}

package suites

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relaySubscriptions holds the specs of who gets what.
func (s *Session) relaySubscriptions() {
	s.relaySpec("relay.subscriptions.create", "", (*relayCheck).newSubscription)
	s.relaySpec("relay.subscriptions.filter", "", (*relayCheck).filtered)
	s.relaySpec("relay.subscriptions.patch-events", "", (*relayCheck).eventsChanged, target.SubscriptionUpdate)
	s.relaySpec("relay.subscriptions.patch-url", "", (*relayCheck).urlChanged, target.SubscriptionUpdate)
	s.serialSpec("relay.subscriptions.deleted", "", (*relayCheck).subscriptionDeleted)
	s.relaySpec("relay.subscriptions.paused", "", (*relayCheck).subscriptionPaused)
	s.relaySpec("relay.subscriptions.fan-out", "", (*relayCheck).fansOut)
	s.relaySpec("relay.subscriptions.other-organisation", "", (*relayCheck).organisationsApart, target.MultipleOrganisations)
	s.relaySubscriptionRefusals()
}

// idOf is the form of an id with this prefix (documentation: resource ids).
func idOf(prefix string) *regexp.Regexp {
	return regexp.MustCompile("^" + prefix + "_[0-9A-HJKMNP-TV-Z]{26}$")
}

func (c *relayCheck) newSubscription() {
	s := c.endpoint()
	events := []string{messageReceived, messageStatus}
	if c.sees(target.KirimEvents) {
		events[0] = contactCreated
	}
	made, reply, err := c.management.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: s.endpoint.URL(), Events: events})
	c.Must("creating a subscription", reply, err)
	s.ID, c.subs = made.ID, append(c.subs, s)

	got := slices.Sorted(slices.Values(made.Events))
	for _, member := range []struct {
		name, want, seen string
		ok               bool
	}{
		{"id", "wbs_ and 26 characters", made.ID, idOf("wbs").MatchString(made.ID)},
		{"object", "webhook_subscription", made.Object, made.Object == "webhook_subscription"},
		{"url", s.endpoint.URL(), made.URL, made.URL == s.endpoint.URL()},
		{"status", c.management.Names().Active, made.Status, made.Status == c.management.Names().Active},
		{"events", strings.Join(events, ", "), strings.Join(made.Events, ", "), slices.Equal(got, events)},
		{"secrets", "one secret", fmt.Sprintf("%d secrets", len(made.Secrets)), len(made.Secrets) == 1},
	} {
		if !member.ok {
			c.Broken(fmt.Sprintf("%s is %s", member.name, member.want), fmt.Sprintf("%q", member.seen))
		}
	}
	secret := made.Secrets[0]
	if !idOf("sec").MatchString(secret.ID) || secret.ExpiresAt != "" {
		c.Broken("the id of a secret, sec_ and 26 characters, that never expires",
			fmt.Sprintf("id %q, expires_at %q", secret.ID, secret.ExpiresAt))
	}
	// The secret itself is not shown in a report, so neither is what is wrong with it.
	if prefix := c.edition.Signature.SecretPrefix; !strings.HasPrefix(made.Secret.Reveal(), prefix) {
		c.Broken("an initial secret that begins with "+prefix, "another beginning")
	}
}

// filtered has an event of several kinds happen before a subscription to all of them and one to each.
func (c *relayCheck) filtered() {
	all := c.Subscribe()
	only := map[string]*subscription{}
	for _, event := range c.edition.Events {
		if event.Source == contract.SourceMeta || c.sees(target.KirimEvents) {
			only[event.Name] = c.SubscribeOnly(event.Name)
		}
	}
	happened := map[string]int{messageStatus: 1}
	for _, event := range c.bothKinds() {
		happened[event] = 1
	}
	if !c.sees(target.KirimEvents, target.ConversationsAPI) {
		c.Meta(c.Message(""))
	} else {
		conversation, _ := c.Conversation()
		_, reply, err := c.management.UpdateConversation(c.ctx, conversation.ID, target.ConversationPatch{Status: target.To("resolved")})
		c.Must("resolving the conversation", reply, err)
		happened["conversation.closed"] = 1
	}
	c.Meta(c.Status(""))
	all.Await(len(happened), "a subscription to every event")
	for _, name := range slices.Sorted(maps.Keys(only)) {
		only[name].Await(happened[name], "a subscription to "+name+" alone")
	}
	c.Settle()
	for _, name := range slices.Sorted(maps.Keys(only)) {
		only[name].gotOnly(name)
	}
}

// gotOnly ends the spec as broken where a subscription got another event.
func (s *subscription) gotOnly(name string) {
	for _, d := range s.Got() {
		if event := s.c.eventName(d); event != name {
			s.c.saw("a delivery of another event", d)
			s.c.Broken("a subscription to "+name+" gets that event alone", event)
		}
	}
}

func (c *relayCheck) eventsChanged() {
	sub, both := c.Subscribe("message.received"), c.Subscribe("message.received", "message.status")
	message, status := c.Message(""), c.Status("")
	c.Meta(message)
	c.Meta(status)
	both.Await(2, "a message and a status")
	sub.Await(1, "a message, to a subscription to message.received")

	events := []string{"message.status"}
	changed, reply, err := c.management.UpdateSubscription(c.ctx, sub.ID, target.SubscriptionPatch{Events: target.To(events)})
	c.Must("changing the events", reply, err)
	read, reply, err := c.management.Subscription(c.ctx, sub.ID)
	c.Must("reading the subscription", reply, err)
	for _, seen := range [][]string{changed.Events, read.Events} {
		if !slices.Equal(seen, events) {
			c.Broken("the events "+strings.Join(events, ", "), strings.Join(seen, ", "))
		}
	}
	message, status = c.Message(""), c.Status("")
	c.Meta(message)
	c.Meta(status)
	both.Await(4, "another message and another status")
	sub.Await(2, "a status, to the subscription that was changed to message.status")
	c.Settle()
	if n := sub.gotOf(message); n != 0 {
		c.Broken("no message.received after events was changed to message.status", fmt.Sprintf("%d deliveries of one", n))
	}
	if n := sub.gotOf(status); n == 0 {
		c.Broken("message.status after events was changed to it", "none")
	}
}

// gotOf counts the deliveries of one of Meta's events.
func (s *subscription) gotOf(ev fixtures.Event) int {
	n := 0
	for _, d := range s.Got() {
		if strings.Contains(string(d.Body), ev.ID) || d.Get(s.c.edition.Headers.EventID) == ev.ID {
			n++
		}
	}
	return n
}

func (c *relayCheck) urlChanged() {
	sub, moved := c.Subscribe("message.received"), c.endpoint()
	defer c.subscribers.Remove(moved.endpoint)
	c.Meta(c.Message(""))
	sub.Exactly(1, "a message before the URL was changed")

	changed, reply, err := c.management.UpdateSubscription(c.ctx, sub.ID, target.SubscriptionPatch{URL: target.To(moved.endpoint.URL())})
	c.Must("changing the URL", reply, err)
	if changed.URL != moved.endpoint.URL() {
		c.Broken("the answer has the new URL", changed.URL)
	}
	c.Meta(c.Message(""))
	moved.Exactly(1, "a message after the URL was changed, at the new URL")
	sub.Exactly(1, "messages at the old URL, of which the second came after the change")
}

func (c *relayCheck) subscriptionDeleted() {
	gone, stays := c.Subscribe("message.received"), c.Subscribe("message.received")
	gone.Always(subscriber.Status(500))
	c.Meta(c.Message(""))
	gone.Await(1, "a message before the subscription is deleted")
	stays.Await(1, "a message to the other subscription")
	c.Settle()

	reply, err := c.management.DeleteSubscription(c.ctx, gone.ID)
	c.Must("deleting the subscription", reply, err)
	gone.deleted = true
	// Where time does not stand still, retries came before, and one may have been on its way.
	c.Settle()
	before := len(gone.Got())
	c.Meta(c.Message(""))
	stays.Await(2, "a message after the deletion, to the other subscription")
	// The first message was answered 500 every time, so that its next attempt would be due by then.
	c.Pass(c.dueBy(min(before+1, len(c.edition.Delivery.Delays))))
	gone.Exactly(before, "deliveries to the deleted subscription: those before")
	_, reply, err = c.management.Subscription(c.ctx, gone.ID)
	c.Refused("reading the deleted subscription", reply, err, 404, "resource_not_found")
}

// dueBy is the longest that the schedule waits before an attempt.
func (c *relayCheck) dueBy(attempt int) time.Duration {
	rule := c.edition.Delivery
	return time.Duration(float64(rule.Delays[attempt-1])*(1+rule.Jitter)) + c.clock.Resolution()
}

func (c *relayCheck) subscriptionPaused() {
	if _, lacks := c.target.Lacks(target.Pausing); c.byHand != nil && !lacks {
		c.pausedByHand()
	}
	c.need(target.SubscriptionUpdate, target.Pausing)
	sub, other := c.Subscribe("message.received"), c.Subscribe("message.received")
	set := func(status string) {
		_, reply, err := c.management.UpdateSubscription(c.ctx, sub.ID, target.SubscriptionPatch{Status: target.To(status)})
		c.Must("setting the status to "+status, reply, err)
	}
	c.Meta(c.Message(""))
	sub.Await(1, "a message before the pause")
	set(c.management.Names().Paused)
	c.Meta(c.Message(""))
	other.Await(2, "a message during the pause, to the other subscription")
	sub.Exactly(1, "deliveries before and during the pause")

	set(c.management.Names().Active)
	// Whether what came during the pause is delivered now is open, so only the new message is looked for.
	after := c.Message("")
	c.Meta(after)
	other.Await(3, "a message after the pause, to the other subscription")
	sub.Await(2, "a message after the pause")
	c.Settle()
	if sub.gotOf(after) == 0 {
		c.Broken("the message that came after the pause", "only others")
	}
}

// fanned is the number of subscriptions for one event: more than a page that somebody might have thought of.
const fanned = 12

func (c *relayCheck) fansOut() {
	events := c.bothKinds()
	var subs []*subscription
	for range fanned {
		subs = append(subs, c.Subscribe(events...))
	}
	shared := subs[0]
	made, reply, err := c.management.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: shared.endpoint.URL(), Events: events})
	c.Must("creating a second subscription with the same URL", reply, err)
	c.subs = append(c.subs, &subscription{c: c, ID: made.ID, endpoint: shared.endpoint})

	c.Meta(c.Message(""))
	for i, sub := range subs[1:] {
		sub.Exactly(len(events), fmt.Sprintf("subscription %d of %d", i+2, fanned))
	}
	got := shared.Exactly(2*len(events), "two subscriptions with the same URL")
	for _, secret := range []string{shared.secrets[0], made.Secret.Reveal()} {
		// Whose secret it is matters here, and not when it signed.
		signed := 0
		for _, d := range got {
			if c.scheme().verify(d, []string{secret}, math.MaxInt64, time.Now()) == nil {
				signed++
			}
		}
		if signed != len(events) {
			c.Broken(fmt.Sprintf("%d deliveries signed with the secret of each of the two subscriptions", len(events)),
				fmt.Sprintf("%d with one of them", signed))
		}
	}
}

func (c *relayCheck) organisationsApart() {
	other := c.otherOrganisation()
	events := append(c.bothKinds(), messageStatus)
	ours, theirs := c.Subscribe(events...), c.endpoint()
	defer c.subscribers.Remove(theirs.endpoint)
	made, reply, err := other.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: theirs.endpoint.URL(), Events: events})
	c.Must("creating a subscription of the other organisation", reply, err)
	defer func() {
		// What is left over costs deliveries to nobody.
		_, _ = other.DeleteSubscription(context.WithoutCancel(c.ctx), made.ID)
	}()
	c.Meta(c.Message(""))
	c.Meta(c.Status(""))
	ours.Await(len(events), "the organisation's own "+strings.Join(events, ", "))
	theirs.Exactly(0, "deliveries to the other organisation of what happened in the first")

	// The other way round, where the API takes a contact for an organisation whose number is not known here.
	if !c.sees(target.KirimEvents) {
		return
	}
	if _, _, err := other.CreateContact(c.ctx, target.ContactRequest{PhoneNumber: c.Phone()}); err == nil {
		theirs.Await(1, "the other organisation's contact")
		ours.Exactly(len(events), "deliveries to the first organisation, without the other's contact")
	}
}

// otherOrganisation is the API with another organisation's key.
func (c *relayCheck) otherOrganisation() target.Management {
	other, ok := c.management.Other()
	if !ok {
		c.Untestable("the target file has no other_key below management, so there is no other organisation to look from")
	}
	return other
}

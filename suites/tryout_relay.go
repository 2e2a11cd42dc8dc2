package suites

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// tryRelay tries a relay: its front, its management, its clock, and the way to the subscribers.
func (t *tryout) tryRelay(ctx context.Context) error {
	reached := t.reach(ctx)
	if reached && t.target.Token.Reveal() != "" {
		t.tryHandshake(ctx)
	}
	managed := t.manages(ctx)
	t.tryClock(ctx)
	listens := t.trySubscribers(ctx)
	if t.target.Lifecycle.Start != nil {
		t.note(TryLeft, "lifecycle", "it would end the relay", "")
	}
	switch {
	case !t.send:
		t.note(TryLeft, "delivery", "--no-send leaves it out", "")
	case !reached || !managed || !listens:
		t.note(TryLeft, "delivery", "it needs the parts above", "")
	default:
		return t.through(ctx)
	}
	return nil
}

// manages lists the subscriptions, with each of the keys.
func (t *tryout) manages(ctx context.Context) bool {
	m := t.relay.management
	list := func(part string, m target.Management) bool {
		subscriptions, _, err := m.Subscriptions(ctx, target.Page{})
		var none *target.NoAnswerError
		switch {
		case errors.Is(err, target.ErrByHand):
			t.note(TryLeft, part, m.String()+"; `kirimcheck target setup` prints what has to be set up", "")
		case errors.Is(err, errors.ErrUnsupported):
			t.note(TryLeft, part, m.String()+" has no list of subscriptions", "")
		case errors.As(err, &none) && none.Unreachable():
			t.note(TryUnreachable, part, err.Error(), "start the relay, or correct management")
			return false
		case err != nil:
			t.problem(part, err.Error(), "compare management with the relay's API")
			return false
		default:
			t.ok(part, "%s lists subscriptions: %d on the first page", m, len(subscriptions.Items))
		}
		return true
	}
	managed := list("management", m)
	if other, ok := m.Other(); managed && ok {
		list("management.other_key", other)
	}
	return managed
}

// tryClock reads the relay's clock, and advances one that stands still.
func (t *tryout) tryClock(ctx context.Context) {
	c := t.relay.clock
	if c.Mode() == target.RealClock {
		t.ok("clock", "real, everybody's time; what of the retries can be seen hangs on the budget of %s", t.target.Budget)
		return
	}
	now, err := c.Now(ctx)
	if err != nil {
		t.problem("clock", err.Error(), "compare clock with the relay's")
		return
	}
	seen := fmt.Sprintf("%s; it is %s", c.Mode(), now.UTC().Format(time.RFC3339))
	if c.Mode() != target.VirtualClock {
		t.ok("clock", "%s", seen)
		return
	}
	if !t.send {
		t.ok("clock", "%s; it was not advanced, because something may fall due then", seen)
		return
	}
	if err := c.Advance(ctx, tryAdvance); err != nil {
		t.problem("clock.advance", err.Error(), "compare clock.advance with the relay's")
		return
	}
	later, err := c.Now(ctx)
	switch {
	case err != nil:
		t.problem("clock", err.Error(), "compare clock with the relay's")
	case later.Sub(now) < tryAdvance:
		t.problem("clock.advance", fmt.Sprintf("%s; advanced by %s it says %s", seen, tryAdvance, later.UTC().Format(time.RFC3339)),
			"have the call advance the clock that clock.now tells")
	default:
		t.ok("clock", "%s, and goes on when it is advanced", seen)
	}
}

// tryAdvance is how far a virtual clock is advanced: little, and seen in a clock that tells whole seconds.
const tryAdvance = 2 * time.Second

// trySubscribers calls the harness's own listener, as the relay will.
func (t *tryout) trySubscribers(ctx context.Context) bool {
	server := t.relay.subscribers
	endpoint := server.Endpoint()
	defer server.Remove(endpoint)
	part := "subscriber"
	address := endpoint.URL()
	if t.target.Subscriber.PublicURL != "" {
		// From here it may lead nowhere although the relay gets there; a delivery shows it.
		t.ok(part, "the harness listens on %s; the relay is told %s", server.Addr(), address)
		return true
	}
	if trouble, err := t.client.Reach(ctx, address); trouble != wire.None && trouble != wire.BadTLS {
		t.problem(part, fmt.Sprintf("%s cannot be reached from here: %v", address, err), "correct subscriber.listen")
		return false
	}
	t.ok(part, "the harness listens on %s", server.Addr())
	return true
}

// through lets one message of Meta's through the relay.
func (t *tryout) through(ctx context.Context) error {
	if t.relay.byHand != nil {
		return t.throughByHand(ctx)
	}
	server, m := t.relay.subscribers, t.relay.management
	endpoint := server.Endpoint()
	defer server.Remove(endpoint)
	made, _, err := m.CreateSubscription(ctx, target.SubscriptionRequest{URL: endpoint.URL(), Events: []string{"message.received"}})
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		t.note(TryLeft, "delivery", m.String()+" makes no subscriptions", "")
		return nil
	case err != nil:
		t.problem("management", fmt.Sprintf("no subscription to %s could be made: %v", endpoint.URL(), err), "check management and subscriber")
		return nil
	}
	t.ok("management", "a subscription to %s was made", endpoint.URL())
	defer func() {
		if _, err := m.DeleteSubscription(context.WithoutCancel(ctx), made.ID); err != nil {
			t.problem("management", fmt.Sprintf("the subscription could not be deleted: %v", err), "delete it by hand")
		}
	}()
	return t.firstMessage(ctx, endpoint)
}

// throughByHand lets one message through to a subscription that was made by hand.
func (t *tryout) throughByHand(ctx context.Context) error {
	h, err := t.relay.byHand.take([]string{"message.received"}, false)
	if err != nil {
		t.problem("management", fmt.Sprintf("nothing can be seen of a message: %v", err), "name a subscription to message.received")
		return nil
	}
	err = t.firstMessage(ctx, h.endpoint)
	_ = t.giveBack(ctx, h)
	return err
}

// firstMessage sends one message as Meta and waits for it at an endpoint.
func (t *tryout) firstMessage(ctx context.Context, endpoint *subscriber.Endpoint) error {
	ev, err := t.generator.Event("message.received", "")
	if err != nil {
		return err
	}
	post, err := t.post(mockmeta.Plan{Event: ev})
	if err != nil {
		return err
	}
	x := t.client.Send(ctx, post.Request)
	if !mockmeta.Accepted(t.meta, x) {
		t.problem("delivery", "a valid POST of Meta's was answered with "+answer(x), "compare url and secret, which is Meta's app secret, with the relay's")
		return nil
	}
	sent := time.Now()
	waiting, cancel := context.WithTimeout(ctx, t.target.Observe.Timeout)
	defer cancel()
	if err := endpoint.Wait(waiting, 1); err != nil {
		t.problem("delivery", fmt.Sprintf("a message was taken from Meta and not delivered to %s within %s", endpoint.URL(), t.target.Observe.Timeout),
			"see that the relay can reach that address: subscriber.listen and subscriber.public_url")
		return nil
	}
	t.ok("delivery", "a message of Meta's was answered with %s and delivered after %s", answer(x), time.Since(sent).Round(10*time.Microsecond))
	return nil
}

package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// throughByHand lets one message through to every subscription that was made by hand and gets messages.
func (t *tryout) throughByHand(ctx context.Context) error {
	var taken []*handMade
	for {
		h, err := t.relay.byHand.take([]string{"message.received"}, false)
		if err != nil && len(taken) == 0 {
			t.problem("management", fmt.Sprintf("nothing can be seen of a message: %v", err), "name a subscription to message.received")
			return nil
		}
		if err != nil {
			break
		}
		defer func() { _ = t.giveBack(ctx, h) }()
		taken = append(taken, h)
	}
	slices.SortFunc(taken, func(a, b *handMade) int { return strings.Compare(a.Path, b.Path) })
	x, sent, err := t.sendMessage(ctx)
	if err != nil || !sent {
		return err
	}
	for _, h := range taken {
		t.arrival(ctx, x, h.endpoint, h.Secret.Reveal())
	}
	if left := len(t.relay.byHand.all) - len(taken); left > 0 {
		t.note(TryLeft, "management", fmt.Sprintf("%d of the subscriptions, which are paused or get no message.received", left), "")
	}
	return nil
}

// firstMessage sends one message as Meta and waits for it at an endpoint.
func (t *tryout) firstMessage(ctx context.Context, endpoint *subscriber.Endpoint) error {
	x, sent, err := t.sendMessage(ctx)
	if sent {
		t.arrival(ctx, x, endpoint, "")
	}
	return err
}

// sendMessage sends one message as Meta, and reports whether it was taken.
func (t *tryout) sendMessage(ctx context.Context) (x wire.Exchange, sent bool, err error) {
	ev, err := t.generator.Event("message.received", "")
	if err != nil {
		return x, false, err
	}
	post, err := t.post(mockmeta.Plan{Event: ev})
	if err != nil {
		return x, false, err
	}
	x = t.client.Send(ctx, post.Request)
	if !mockmeta.Accepted(t.meta, x) {
		t.problem("delivery", "a valid POST of Meta's was answered with "+answer(x), "compare url and secret, which is Meta's app secret, with the relay's")
		return x, false, nil
	}
	return x, true, nil
}

// arrival waits for the message at an endpoint. Where the target file has its secret, that has to have signed it.
func (t *tryout) arrival(ctx context.Context, x wire.Exchange, endpoint *subscriber.Endpoint, secret string) {
	waiting, cancel := context.WithTimeout(ctx, t.target.Observe.Timeout)
	defer cancel()
	if err := endpoint.Wait(waiting, 1); err != nil {
		t.problem("delivery", fmt.Sprintf("a message was taken from Meta and not delivered to %s within %s", endpoint.URL(), t.target.Observe.Timeout),
			"see that the relay can reach that address: subscriber.listen and subscriber.public_url")
		return
	}
	d := endpoint.Received()[0]
	after := max(d.Arrived.Sub(x.Started.Add(x.Took)), 0).Round(10 * time.Microsecond)
	if secret == "" {
		t.ok("delivery", "a message of Meta's was answered with %s and delivered after %s", answer(x), after)
		return
	}
	if err := t.signedBy(d, secret); err != nil {
		t.problem("delivery", fmt.Sprintf("a message of Meta's was delivered to %s, and not signed with its secret: %v", endpoint.URL(), err),
			"compare its secret in management.static, and delivery.signature, with the relay's")
		return
	}
	t.ok("delivery", "a message of Meta's was answered with %s and delivered to %s after %s, signed with its secret", answer(x), endpoint.URL(), after)
}

// signedBy is why a delivery does not verify under a secret, whatever the relay's clock says.
func (t *tryout) signedBy(d subscriber.Delivery, secret string) error {
	s, err := t.scheme().read(d)
	if err != nil {
		return fmt.Errorf("%w is missing", err)
	}
	return t.scheme().verify(d, []string{secret}, time.Second, time.Unix(s.t, 0))
}

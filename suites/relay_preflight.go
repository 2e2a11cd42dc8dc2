package suites

import (
	"context"
	"errors"
	"fmt"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// relayPreflight reaches for both ends of the relay and lets one message through, before any spec. A relay that cannot
// be reached, or that lets the harness subscribe to nothing, is one error of the run; one that delivers nothing would
// cost every spec the time that a delivery may take, so the rest is called off, and one spec tells what was seen.
func (s *Session) relayPreflight(ctx context.Context) error {
	unreachable := func(what string, err error) error {
		s.unreachable = fmt.Sprintf("%s cannot be reached: %v", what, err)
		return errors.New(s.unreachable)
	}
	if trouble, err := s.client.Reach(ctx, s.target.URL); trouble != wire.None {
		return unreachable("the relay's callback URL for Meta, "+reports.RedactURL(s.target.URL)+",", err)
	}
	if s.relay.byHand != nil {
		return s.preflightByHand(ctx)
	}
	endpoint := s.relay.subscribers.Endpoint()
	defer s.relay.subscribers.Remove(endpoint)
	m := s.relay.management
	var none *target.NoAnswerError
	if p, ok := m.(target.Preparer); ok {
		switch err := p.Prepare(ctx); {
		case errors.As(err, &none):
			return unreachable("the relay's management, "+m.String()+",", err)
		case err != nil:
			s.setup = err.Error()
			s.halted = s.setup + "; nothing more was tried"
			return nil
		}
	}
	made, _, err := m.CreateSubscription(ctx, target.SubscriptionRequest{URL: endpoint.URL(), Events: []string{"message.received"}})
	switch {
	case errors.As(err, &none):
		return unreachable("the relay's management, "+m.String()+",", err)
	case err != nil:
		// Whether the key is wrong, or the relay rightly refuses the harness's address, is not for the relay to answer for.
		s.setup = fmt.Sprintf("no subscription to %s could be made: %v; check management and subscriber in the target file", endpoint.URL(), err)
		s.halted = s.setup + "; nothing more was tried"
		return nil
	}
	defer func() {
		// A subscription that is left over costs deliveries to nobody, and no verdict.
		_, _ = m.DeleteSubscription(context.WithoutCancel(ctx), made.ID)
	}()
	return s.firstThrough(ctx, endpoint)
}

// preflightByHand lets one message through to a subscription that was made by hand. That nothing comes may be the hand's
// doing, so it is an error of the run and no verdict on the relay.
func (s *Session) preflightByHand(ctx context.Context) error {
	h, err := s.relay.byHand.take([]string{"message.received"}, false)
	if err != nil {
		s.setup = fmt.Sprintf("nothing can be seen of a message: %v; `kirimcheck target setup` prints what there is", err)
		s.halted = s.setup
		return nil
	}
	err = s.firstThrough(ctx, h.endpoint)
	if s.halted != "" && s.witness != "relay.front.valid" {
		s.setup = fmt.Sprintf("a first message was taken from Meta and not delivered to %s within %s; `kirimcheck target setup` prints what has to be set up by hand",
			h.endpoint.URL(), s.target.Observe.Timeout)
		s.halted, s.witness = s.setup, ""
	}
	_ = s.giveBack(ctx, h)
	return err
}

// firstThrough lets one message through to an endpoint that is subscribed to it.
func (s *Session) firstThrough(ctx context.Context, endpoint *subscriber.Endpoint) error {
	ev, err := s.generator.Event("message.received", "")
	if err != nil {
		return err
	}
	post, err := s.post(mockmeta.Plan{Event: ev})
	if err != nil {
		return err
	}
	x := s.client.Send(ctx, post.Request)
	if !mockmeta.Accepted(s.meta, x) {
		s.halted = fmt.Sprintf("a first, valid POST of Meta's was not taken (%s), so nothing more was tried", answer(x))
		s.witness = "relay.front.valid"
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, s.target.Observe.Timeout)
	defer cancel()
	if err := endpoint.Wait(waiting, 1); err != nil && ctx.Err() == nil {
		s.halted = fmt.Sprintf("a first message was taken from Meta and not delivered to %s within %s, so nothing more was tried; "+
			"can the relay reach that address? See subscriber in the target file", endpoint.URL(), s.target.Observe.Timeout)
		s.witness = "relay.passthrough.message-received"
	}
	return nil
}

package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// subscription is a subscription of a spec, with the endpoint behind it.
type subscription struct {
	c  *relayCheck
	ID string
	// secrets are those that the spec knows of, the newest last.
	secrets  []string
	endpoint *subscriber.Endpoint
	deleted  bool
	// hand is where it was made by hand; nil where it was made over the API. gone says that it was given back.
	hand *handMade
	gone bool

	mu sync.Mutex
	// script answers the attempts of this spec's events, one after the other; then rest does.
	script []subscriber.Answer
	rest   subscriber.Answer
	// times are when attempts arrived by the target's clock, by their numbers at the endpoint.
	times map[int]time.Time
	timed bool
}

// Subscribe makes a subscription to these events, none meaning all of the edition, with an endpoint of its own that
// answers 200.
func (c *relayCheck) Subscribe(events ...string) *subscription {
	if len(events) == 0 && c.byHand != nil {
		// The others cannot be brought about.
		events = append(c.bothKinds(), messageStatus)
	}
	if len(events) == 0 {
		for _, ev := range c.edition.Events {
			if ev.Source == contract.SourceMeta || c.sees(target.KirimEvents) {
				events = append(events, ev.Name)
			}
		}
	}
	if c.byHand != nil {
		return c.takeByHand(events, false)
	}
	s := c.endpoint()
	made, reply, err := c.management.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: s.endpoint.URL(), Events: events})
	c.Must("creating a subscription", reply, err)
	s.ID, s.secrets = made.ID, []string{made.Secret.Reveal()}
	c.subs = append(c.subs, s)
	return s
}

// SubscribeOnly is Subscribe where the subscription must not get anything else, whatever the spec looks at.
func (c *relayCheck) SubscribeOnly(event string) *subscription {
	if c.byHand != nil {
		return c.takeByHand([]string{event}, true)
	}
	return c.Subscribe(event)
}

// endpoint makes an endpoint without a subscription.
func (c *relayCheck) endpoint() *subscription { return c.scripted(c.subscribers.Endpoint()) }

// scripted puts an endpoint into the hands of the spec.
func (c *relayCheck) scripted(e *subscriber.Endpoint) *subscription {
	s := &subscription{c: c, endpoint: e, times: map[int]time.Time{}}
	e.Handle(s.answer)
	return s
}

// answer is what the endpoint does with a request: the script is for the spec's own events alone.
func (s *subscription) answer(ctx context.Context, d subscriber.Delivery) subscriber.Answer {
	if !s.mine(d) {
		return subscriber.Status(200)
	}
	s.mu.Lock()
	timed := s.timed
	s.mu.Unlock()
	if timed {
		// While the answer is out, a virtual clock stands at the moment of the attempt.
		if now, err := s.c.clock.Now(ctx); err == nil {
			s.mu.Lock()
			s.times[d.Number] = now
			s.mu.Unlock()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.script) == 0 {
		return s.rest
	}
	next := s.script[0]
	s.script = s.script[1:]
	return next
}

// mine reports whether a delivery is of one of the spec's events.
func (s *subscription) mine(d subscriber.Delivery) bool {
	id, body := d.Get(s.c.edition.Headers.EventID), string(d.Body)
	for _, needle := range s.c.expected() {
		if needle != "" && (id == needle || strings.Contains(body, needle)) {
			return true
		}
	}
	return false
}

// Answer sets what the endpoint answers to the next attempts, one after the other; afterwards it answers 200.
func (s *subscription) Answer(answers ...subscriber.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script, s.rest = answers, subscriber.Status(200)
}

// Always sets what the endpoint answers from now on.
func (s *subscription) Always(answer subscriber.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script, s.rest = nil, answer
}

// Timed has the target's clock asked at every arrival, for At.
func (s *subscription) Timed() *subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timed = true
	return s
}

// At is when an attempt arrived, by the target's clock where it was asked (see Timed) and by that of the harness where
// time is real. The clock is asked before the answer is given, so that it may have to be waited for.
func (s *subscription) At(d subscriber.Delivery) time.Time {
	ctx, cancel := context.WithTimeout(s.c.ctx, s.c.arrivalTimeout())
	defer cancel()
	var at time.Time
	var ok bool
	err := s.endpoint.WaitFor(ctx, func(all []subscriber.Delivery) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		at, ok = s.times[d.Number]
		return ok || !s.timed || slices.ContainsFunc(all, func(e subscriber.Delivery) bool { return e.Number == d.Number && !e.Answered.IsZero() })
	})
	if ok {
		return at
	}
	if s.c.clock.Mode() != target.RealClock {
		s.c.Error("the target's clock did not tell the time of an arrival (%v)", err)
	}
	return d.Arrived
}

// Got returns the deliveries of the spec's own events so far, in the order of their arrival.
func (s *subscription) Got() []subscriber.Delivery {
	var own []subscriber.Delivery
	for _, d := range s.endpoint.Received() {
		if s.mine(d) {
			own = append(own, d)
		}
	}
	return own
}

// Await returns when so many deliveries of the spec's own events have come in all, and keeps them as evidence. Fewer
// within the time that a delivery may take end the spec as broken.
func (s *subscription) Await(n int, what string) []subscriber.Delivery {
	got, err := s.arrive(n)
	s.show(got)
	switch {
	case err == nil:
		return got
	case s.c.ctx.Err() != nil:
		s.c.Error("the run was interrupted")
	case errors.Is(err, context.DeadlineExceeded):
		s.c.Broken(fmt.Sprintf("%s: %d attempts within %s", what, n, s.c.arrivalTimeout()), fmt.Sprintf("%d attempts", len(got)))
	}
	s.c.Error("waiting for deliveries: %v", err)
	return nil
}

// arrive waits for so many deliveries of the spec's own events.
func (s *subscription) arrive(n int) ([]subscriber.Delivery, error) {
	ctx, cancel := context.WithTimeout(s.c.ctx, s.c.arrivalTimeout())
	defer cancel()
	err := s.endpoint.WaitFor(ctx, func(all []subscriber.Delivery) bool {
		own := 0
		for _, d := range all {
			if s.mine(d) {
				own++
			}
		}
		return own >= n
	})
	return s.Got(), err
}

// Exactly lets what is due settle and ends the spec as broken unless so many deliveries of the spec's own events have
// come in all.
func (s *subscription) Exactly(n int, what string) []subscriber.Delivery {
	if n > 0 {
		s.Await(n, what)
	}
	s.c.Settle()
	got := s.Got()
	if len(got) != n {
		s.show(got)
		s.c.Broken(fmt.Sprintf("%s: %d attempts", what, n), fmt.Sprintf("%d attempts", len(got)))
	}
	s.c.result.Observations = append(s.c.result.Observations, reports.Observation{At: time.Now().UTC(), Question: what, Count: len(got)})
	return got
}

// maxShown bounds the deliveries that one look keeps as evidence: the first and the last ones tell most.
const maxShown = 12

// show keeps deliveries as evidence.
func (s *subscription) show(got []subscriber.Delivery) {
	for i, d := range got {
		if i >= maxShown/2 && i < len(got)-maxShown/2 {
			continue
		}
		s.c.saw("delivery "+strconv.Itoa(i+1)+", attempt "+d.Get(s.c.edition.Headers.Attempt), d)
	}
}

// Verify reports whether a delivery is signed with one of the secrets that the spec knows, over the bytes that came and
// at the time of the target's clock now.
func (s *subscription) Verify(d subscriber.Delivery, now time.Time, secrets ...string) error {
	return s.c.scheme().verify(d, secrets, s.c.edition.Signature.Tolerance, now)
}

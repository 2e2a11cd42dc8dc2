package suites

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayOutcome holds the specs of what an answer means: the table of the documentation, one spec for each row.
func (s *Session) relayOutcome() {
	s.serialSpec("relay.outcome.2xx", "", func(c *relayCheck) {
		answers := append(statuses(200, 201, 202, 204, 206, 299), subscriber.Answer{Status: 200, Body: []byte(`{"error":"not really"}`)})
		c.onlyOnce(answers, "it was taken", c.management.Names().Terminal)
	})
	s.serialSpec("relay.outcome.3xx", "", func(c *relayCheck) {
		answers := statuses(300, 304)
		for _, status := range []int{301, 302, 303, 307, 308} {
			answers = append(answers, subscriber.Redirect(status, c.subscribersURL()+"/moved"))
		}
		c.triedAgain(answers)
	})
	s.serialSpec("relay.outcome.redirect", "", redirected)
	s.serialSpec("relay.outcome.4xx", "", func(c *relayCheck) {
		c.onlyOnce(statuses(400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 425, 451, 499), "it is given up at once", c.management.Names().Delivered)
	})
	s.serialSpec("relay.outcome.408", "", func(c *relayCheck) { c.triedAgain(statuses(408)) })
	s.serialSpec("relay.outcome.429", "", func(c *relayCheck) { c.triedAgain(statuses(429)) })
	s.serialSpec("relay.outcome.5xx", "", func(c *relayCheck) {
		c.triedAgain(statuses(500, 501, 502, 503, 504, 507, 520, 599))
	})
	s.serialSpec("relay.outcome.reset", "", func(c *relayCheck) { c.triedAgain(brokenAnswers()) })
	s.serialSpec("relay.outcome.timeout", "", timedOut)
	s.relayUnreachable()
}

func statuses(codes ...int) (answers []subscriber.Answer) {
	for _, code := range codes {
		answers = append(answers, subscriber.Status(code))
	}
	return answers
}

// brokenAnswers end the connection before the head of the answer is complete. What follows the head has no meaning
// (reading Q24), so that a relay may take such an answer.
func brokenAnswers() []subscriber.Answer {
	const inStatusLine, inHead = 7, 20
	return []subscriber.Answer{
		subscriber.Reset(), subscriber.Close(),
		{Status: 200, Fault: subscriber.CloseFault, After: inStatusLine}, {Status: 200, Fault: subscriber.ResetFault, After: inHead},
	}
}

// named says what an answer is, for people.
func named(a subscriber.Answer) string {
	switch {
	case a.Fault == subscriber.NoFault:
		return fmt.Sprintf("a %d", a.Status)
	case a.Fault == subscriber.ResetFault:
		return fmt.Sprintf("a connection that was reset after %d bytes of the answer", a.After)
	default:
		return fmt.Sprintf("a connection that was closed after %d bytes of the answer", a.After)
	}
}

// answered lets an event happen for each answer, which the first attempt of that event gets; later ones get 200.
func (c *relayCheck) answered(sub *subscription, answers []subscriber.Answer) (events []fixtures.Event) {
	for range answers {
		events = append(events, c.Message(""))
	}
	var mu sync.Mutex
	given := make([]bool, len(answers))
	sub.endpoint.Handle(func(ctx context.Context, d subscriber.Delivery) subscriber.Answer {
		a := sub.answer(ctx, d)
		mu.Lock()
		defer mu.Unlock()
		for i, ev := range events {
			if !given[i] && isAbout(d, ev) {
				given[i] = true
				return answers[i]
			}
		}
		return a
	})
	for i, ev := range events {
		c.Meta(ev)
		sub.Await(i+1, "the first attempt, for "+named(answers[i]))
	}
	return events
}

// about returns the attempts of an event. Its id may be wrong in the header, for other specs to see, and not in the body.
func about(all []subscriber.Delivery, ev fixtures.Event) (own []subscriber.Delivery) {
	for _, d := range all {
		if isAbout(d, ev) {
			own = append(own, d)
		}
	}
	return own
}

func isAbout(d subscriber.Delivery, ev fixtures.Event) bool {
	return bytes.Contains(d.Body, []byte(ev.ID))
}

// came returns the deliveries of the spec's events once so many have come, or when that has taken too long. On a virtual
// clock that has passed, everything has come.
func (c *relayCheck) came(sub *subscription, n int) []subscriber.Delivery {
	if c.clock.Mode() == target.VirtualClock {
		got := sub.Got()
		sub.show(got)
		return got
	}
	got, err := sub.arrive(n)
	if err != nil && c.ctx.Err() != nil {
		c.Error("the run was interrupted")
	}
	sub.show(got)
	return got
}

// longAfter lets the time pass in which a second attempt would come.
func (c *relayCheck) longAfter() { c.passBeyond(2) }

// passBeyond lets the time pass in which an attempt would come, and more on a virtual clock: the longest delay of the
// schedule, twice.
func (c *relayCheck) passBeyond(attempt int) {
	if c.clock.Mode() == target.VirtualClock {
		c.Pass(2 * c.longest(len(c.edition.Delivery.Delays)))
		return
	}
	c.PassTo(attempt)
	c.Settle()
}

// cheap reports whether the time until an attempt passes about as fast as an arrival. What is not the point of a spec
// is not worth more of the budget.
func (c *relayCheck) cheap(attempt int) bool {
	return c.clock.Real(c.longest(attempt)) <= c.arrivalTimeout()
}

// triedAgain gives each answer to the first attempt of an event, and judges that the event comes once more.
func (c *relayCheck) triedAgain(answers []subscriber.Answer) {
	sub := c.Subscribe(messageReceived)
	events := c.answered(sub, answers)
	c.PassTo(2)
	got := c.came(sub, 2*len(answers))
	for i, a := range answers {
		if n := len(about(got, events[i])); n < 2 {
			c.Broken(fmt.Sprintf("after %s the event comes again within %s", named(a), c.longest(2)), fmt.Sprintf("%d attempts", n))
		}
	}
	if !c.cheap(3) {
		return
	}
	c.passBeyond(3)
	for i, a := range answers {
		if n := len(about(sub.Got(), events[i])); n != 2 {
			c.Broken(fmt.Sprintf("after %s and a 200, no third attempt", named(a)), fmt.Sprintf("%d attempts", n))
		}
	}
}

// onlyOnce gives each answer to an event, and judges that no event comes again and all have ended, and not as their opposite:
// a delivery that was taken is not called failed, nor one that was refused delivered. A later event shows that the
// subscription still gets what it should.
func (c *relayCheck) onlyOnce(answers []subscriber.Answer, because, opposite string) {
	sub := c.Subscribe(messageReceived)
	events := c.answered(sub, answers)
	c.longAfter()
	for i, a := range answers {
		if n := len(about(sub.Got(), events[i])); n != 1 {
			sub.show(about(sub.Got(), events[i]))
			c.Broken(fmt.Sprintf("after %s no other attempt: %s", named(a), because), fmt.Sprintf("%d attempts", n))
		}
	}
	last := c.Message("")
	c.Meta(last)
	sub.Await(len(answers)+1, "a later event")
	if !c.tellsRows() {
		return
	}
	for i, a := range answers {
		switch row := c.rowOf(sub, events[i].ID); row.Status {
		case c.management.Names().Pending:
			c.Broken(fmt.Sprintf("after %s the delivery has ended", named(a)), "the status "+row.Status)
		case opposite:
			c.Broken(fmt.Sprintf("after %s the delivery has ended, because %s", named(a), because), "the status "+row.Status)
		}
	}
}

// redirected answers with redirects to places where the harness listens too, and judges that nobody comes there.
func redirected(c *relayCheck) {
	other := c.endpoint()
	defer c.subscribers.Remove(other.endpoint)
	places := []string{other.endpoint.URL()}
	elsewhere := []*subscriber.Endpoint{other.endpoint}
	if !c.oneAddress() {
		server := c.ownServer("127.0.0.1:0", c.tls)
		defer c.closeServer(server)
		elsewhere = append(elsewhere, server.Endpoint())
		places = append(places, elsewhere[1].URL())
	}
	var answers []subscriber.Answer
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, place := range places {
			answers = append(answers, subscriber.Redirect(status, place))
		}
	}
	sub := c.Subscribe(messageReceived)
	c.answered(sub, answers)
	c.PassTo(2)
	c.Settle()
	for _, e := range elsewhere {
		for _, d := range e.Received() {
			c.saw("a request to the place of the redirect", d)
			c.Broken("nobody follows a redirect", fmt.Sprintf("a %s request at the place that Location named, %s after it came",
				d.Method, time.Since(d.Arrived).Round(time.Millisecond)))
		}
	}
}

package suites

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// patient is a subscription whose deliveries are made to fail, beside a healthy one that shows that the events are there.
type patient struct {
	c             *relayCheck
	sick, healthy *subscription
	// happened is how many deliveries a healthy subscription has had, each how many more it has after every message.
	happened, each int
}

func (c *relayCheck) patient(events ...string) *patient {
	return &patient{c: c, sick: c.Subscribe(events...), healthy: c.Subscribe(events...), each: len(events)}
}

// threshold is the number of failures that disables a subscription in the edition.
func (c *relayCheck) threshold() int { return c.edition.Delivery.DisableAfter }

// event lets a new customer write and reports whether that was delivered to the sick one, where it is answered so.
func (p *patient) event(answer subscriber.Answer) bool {
	p.sick.Always(answer)
	ev := p.c.Message("")
	delivered := p.delivered(ev)
	if delivered {
		p.sick.answered()
	}
	if delivered && success(answer) {
		p.c.counted(p.sick, ev)
	}
	return delivered
}

// answered waits until every delivery that came has its answer: only then may the answer be changed.
func (s *subscription) answered() {
	ctx, cancel := context.WithTimeout(s.c.ctx, s.c.arrivalTimeout())
	defer cancel()
	if err := s.endpoint.WaitFor(ctx, func(all []subscriber.Delivery) bool {
		return !slices.ContainsFunc(all, func(d subscriber.Delivery) bool { return d.Answered.IsZero() && d.Left.IsZero() })
	}); err != nil {
		s.c.Error("a delivery could not be answered: %v", err)
	}
}

// counted waits until the relay has taken in that an event was delivered. Failures that it hears of before that count as
// if they had come before.
func (c *relayCheck) counted(sub *subscription, ev fixtures.Event) {
	c.Settle()
	if !c.tellsRows() || c.clock.Mode() == target.VirtualClock {
		return
	}
	c.eventually("a delivery that was answered 200 is listed as delivered", func() bool {
		return c.rowOf(sub, ev.ID).Status == c.management.Names().Delivered
	})
}

// delivered posts an event and reports whether the sick one got it.
func (p *patient) delivered(ev fixtures.Event) bool {
	before := len(p.sick.Got())
	p.c.Meta(ev)
	p.happened += p.each
	p.healthy.mustHave(p.happened)
	if len(p.sick.Got()) > before {
		return true
	}
	p.c.Settle()
	if p.c.clock.Mode() == target.VirtualClock || !p.active() {
		return len(p.sick.Got()) > before
	}
	// Nothing says that it has come to its end, so it gets the time that a delivery may take.
	_, err := p.sick.arrive(before + 1)
	return err == nil
}

// mustHave waits for so many deliveries in all, and keeps none of them as evidence: there are many, and they are not what
// the spec is about.
func (s *subscription) mustHave(n int) {
	if got, err := s.arrive(n); err != nil {
		s.show(got)
		s.c.Broken(fmt.Sprintf("%d deliveries to a healthy subscription within %s", n, s.c.arrivalTimeout()),
			fmt.Sprintf("%d", len(got)))
	}
}

// fail lets so many deliveries fail for good, one after the other, and returns how many of them there were: fewer when
// they no longer come. A 4xx ends a delivery at once.
func (p *patient) fail(n int) int {
	for i := range n {
		if !p.event(subscriber.Status(http.StatusGone)) {
			return i
		}
	}
	p.c.Settle()
	return n
}

// mustFail is fail, and ends the spec as broken when the deliveries no longer come.
func (p *patient) mustFail(n int, why string) {
	if made := p.fail(n); made < n {
		p.broken(fmt.Sprintf("%d deliveries, because %s", n, why), fmt.Sprintf("the subscription got none after %d", made))
	}
}

// active reports whether the API calls the subscription active. Where it cannot be read, it is taken for active.
func (p *patient) active() bool {
	sub, reply, err := p.c.management.Subscription(p.c.ctx, p.sick.ID)
	p.c.called("reading the subscription", reply)
	return err != nil || sub.Status == p.c.management.Names().Active
}

// disabled reports whether the subscription is: the API says so, or the next event comes to the healthy one alone.
func (p *patient) disabled() bool { return !p.active() || !p.event(subscriber.Status(http.StatusOK)) }

// alive ends the spec as broken unless the next event is delivered, to a subscription that the API calls active.
func (p *patient) alive(why string) {
	active := p.active()
	if delivered := p.event(subscriber.Status(http.StatusOK)); !delivered || !active {
		p.broken("the subscription is active and gets the next event, because "+why,
			fmt.Sprintf("active: %t, delivered: %t", active, delivered))
	}
}

// disable brings the subscription to be disabled. A relay whose threshold is another one is judged elsewhere, so more
// failures than that are tried before the spec ends as untestable.
func (p *patient) disable() {
	n := p.c.threshold()
	for _, more := range []int{n, n} {
		if p.fail(more) < more || !p.active() {
			return
		}
	}
	if !p.disabled() {
		p.c.Untestable("the subscription is not disabled after %d failed deliveries, so what holds while it is cannot be seen", 2*n)
	}
}

// broken ends the spec, with the last deliveries as evidence.
func (p *patient) broken(expected, seen string) {
	p.sick.show(p.sick.Got())
	p.c.Broken(expected, seen)
}

// enable sets the subscription's status to active.
func (p *patient) enable() {
	active := target.SubscriptionPatch{Status: target.To(p.c.management.Names().Active)}
	_, reply, err := p.c.management.UpdateSubscription(p.c.ctx, p.sick.ID, active)
	p.c.Must("setting the status to active", reply, err)
}

// retriesTo lets so much time pass that a delivery that fails has come to its nth attempt. Where time costs nothing it is
// much more than that, so that a relay whose delays are off is told so by the specs of the delays.
func (c *relayCheck) retriesTo(n int) {
	if c.clock.Mode() == target.VirtualClock {
		for _, delay := range c.edition.Delivery.Delays[1:n] {
			c.Pass(4 * delay)
		}
		return
	}
	for attempt := 2; attempt <= n; attempt++ {
		c.PassTo(attempt)
	}
}

// settled waits for so many attempts where they are known to come in their time and not at once.
func (c *relayCheck) settled(sub *subscription, n int) {
	if c.clock.Mode() == target.VirtualClock {
		return
	}
	// What did not come is missing in the count that the spec judges.
	_, _ = sub.arrive(n)
}

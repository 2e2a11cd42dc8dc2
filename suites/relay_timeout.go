package suites

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// exchanges are four subscribers that take long for the first attempt of the same event, and answer the next one at
// once. A timeout is bound to a real exchange, which on a real and on a scaled clock takes real time; so they are made
// once, side by side, and the specs share them.
type exchanges struct {
	changed chan struct{}
	// soon answers shortly before the timeout, late shortly after it. halting sends the head of its answer at once and a
	// part of the body, hanging nothing at all.
	soon, late, halting, hanging *followed
	making
}

func (s *Session) relayTimeout() {
	s.serialSpec("relay.retry.timeout-before", "", answersBefore)
	s.serialSpec("relay.retry.timeout-after", "", answersAfter)
	s.serialSpec("relay.retry.timeout-whole-exchange", "", answersHalf)
}

// before and after are how long the subscribers take: a tenth less and a tenth more than the timeout.
func (c *relayCheck) before() time.Duration { return c.edition.Delivery.Timeout * 9 / 10 }
func (c *relayCheck) after() time.Duration  { return c.edition.Delivery.Timeout * 11 / 10 }

// slowly returns the slow exchanges.
func (c *relayCheck) slowly() *exchanges {
	if c.exchanges == nil {
		c.exchange()
	}
	c.exchanges.need(c.Check, "the slow exchanges could not be made")
	return c.exchanges
}

// exchange makes the slow exchanges. Its subscriptions end with it, also where it does not come to its end: of those that
// were made by hand there are few.
func (c *relayCheck) exchange() {
	x := &exchanges{changed: make(chan struct{}, 1)}
	c.relaySide.exchanges = x
	defer func() {
		x.made(c.Check)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), c.arrivalTimeout())
		defer cancel()
		for _, f := range x.all() {
			if err := f.remove(ctx); err != nil {
				c.Fact("cleanup", "After the slow exchanges %v.", err)
			}
		}
	}()
	if c.clock.Mode() == target.VirtualClock {
		c.slowInVirtualTime(x)
	} else {
		c.slowInRealTime(x)
	}
	for _, f := range x.all() {
		if err := f.trouble(); err != nil {
			c.Error("the target's clock did not tell the time of an arrival: %v", err)
		}
	}
	x.done = true
}

// begin makes the subscriptions, lets the event happen, and waits for its first attempts.
func (x *exchanges) begin(c *relayCheck, soon, late, halting, hanging subscriber.Answer) {
	first := func(a subscriber.Answer) func(int) subscriber.Answer {
		return func(nth int) subscriber.Answer {
			if nth == 1 {
				return a
			}
			return subscriber.Status(200)
		}
	}
	x.soon = c.follow(x.changed, first(soon))
	x.late = c.follow(x.changed, first(late))
	x.halting = c.follow(x.changed, first(halting))
	x.hanging = c.follow(x.changed, first(hanging))
	c.happen(1, x.all()...)
	if !await(c.ctx, x.changed, c.arrivalTimeout(), func() bool { return x.came(1, x.all()...) }) {
		c.Broken("the first attempt of an event to each of four subscriptions", "not all of them")
	}
}

// all are those that were made.
func (x *exchanges) all() []*followed {
	all := []*followed{x.soon, x.late, x.halting, x.hanging}
	return slices.DeleteFunc(all, func(f *followed) bool { return f == nil })
}

// came reports whether so many attempts have come to each.
func (x *exchanges) came(n int, subs ...*followed) bool {
	for _, f := range subs {
		if !f.each(func(co *course) bool { return len(co.Arrivals) >= n }) {
			return false
		}
	}
	return true
}

// slowInVirtualTime advances the clock to the moments at which the subscribers answer.
func (c *relayCheck) slowInVirtualTime(x *exchanges) {
	half := subscriber.Answer{Fill: 4 << 10, Fault: subscriber.HangFault, After: 1 << 10}
	x.begin(c, subscriber.Hang(), subscriber.Hang(), half, subscriber.Hang())
	c.PassWhileHanging(c.before())
	x.soon.endpoint.Release()
	c.processed(x.soon)
	c.PassWhileHanging(c.after() - c.before())
	for _, f := range []*followed{x.late, x.halting} {
		if c.ended(f, leaving) {
			continue
		}
		// It still waits, so it gets its answer, too late.
		f.endpoint.Release()
		c.processed(f)
	}
	c.PassWhileHanging(c.longest(2))
	// Whatever the timeout is, it is over.
	c.PassWhileHanging(60 * c.edition.Delivery.Timeout)
	x.hanging.endpoint.Release()
	c.Pass(2 * c.longest(len(c.edition.Delivery.Delays)))
}

// slowInRealTime waits for the subscribers to answer and for the retries.
func (c *relayCheck) slowInRealTime(x *exchanges) {
	took := c.after() + c.clock.Real(c.longest(2)) + c.arrivalTimeout()
	if took > c.target.Budget {
		c.Untestable("it takes %s in %s time, and the budget is %s", took, c.clock.Mode(), c.target.Budget)
	}
	const pieces = 16
	slowly := subscriber.Slow(200, pieces, c.after()/pieces)
	x.begin(c, subscriber.Delayed(c.before()), subscriber.Delayed(c.after()), slowly, subscriber.Hang())
	for _, f := range []*followed{x.soon, x.late, x.halting} {
		if err := waitEnded(c.ctx, f, c.after()+c.arrivalTimeout(), anyEnd); err != nil {
			c.Error("a slow answer came to no end: %v", err)
		}
	}
	await(c.ctx, x.changed, c.clock.Real(c.longest(2))+c.arrivalTimeout(), func() bool { return x.came(2, x.late, x.hanging) })
	// As much again for what should not come.
	if err := target.Wait(c.ctx, c.clock.Real(c.longest(2))+c.target.Observe.Settle); err != nil {
		c.Error("the run was interrupted")
	}
}

// PassWhileHanging lets time pass on a virtual clock while a subscriber does not answer. kirimcheck's own clock waits a
// while, in real time, for what hangs; here that is known to be of no use.
func (c *relayCheck) PassWhileHanging(d time.Duration) {
	t := *c.target
	if a := t.Clock.Advance; a != nil && strings.HasSuffix(a.Body, `{"by":"{duration}"}`) {
		brief := *a
		brief.Body = `{"by":"{duration}","settle":"50ms"}`
		t.Clock.Advance = &brief
	}
	clock, err := t.NewClock()
	if err == nil {
		err = clock.Advance(c.ctx, d)
	}
	if err != nil {
		c.Error("the target's time could not pass: %v", err)
	}
}

// processed waits until the relay has taken an answer in that was just given, as its API tells, or else for a while.
func (c *relayCheck) processed(f *followed) {
	ended := waitEnded(c.ctx, f, c.arrivalTimeout(), anyEnd)
	if ended != nil {
		c.Error("an answer could not be given: %v", ended)
	}
	event := f.courses[0].Event
	if c.sees(target.DeliveryAPI) {
		for begun := time.Now(); time.Since(begun) < c.arrivalTimeout(); {
			list, reply, err := c.management.Deliveries(c.ctx, target.DeliveryFilter{Subscription: f.ID, EventID: event})
			c.Must("looking the delivery up", reply, err)
			for _, d := range list.Items {
				if d.Subscription == f.ID && d.EventID == event && (d.Status != c.management.Names().Pending || d.Attempts > 0) {
					return
				}
			}
			if target.Wait(c.ctx, c.target.Observe.Interval) != nil {
				c.Error("the run was interrupted")
			}
		}
		return
	}
	if target.Wait(c.ctx, c.target.Observe.Settle) != nil {
		c.Error("the run was interrupted")
	}
}

// The ends of an exchange.
func leaving(d subscriber.Delivery) bool { return !d.Left.IsZero() }
func anyEnd(d subscriber.Delivery) bool  { return !d.Left.IsZero() || !d.Answered.IsZero() }

// waitEnded waits until the first attempt has ended in such a way.
func waitEnded(ctx context.Context, f *followed, d time.Duration, how func(subscriber.Delivery) bool) error {
	waiting, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	number := f.courses[0].Arrivals[0].delivery.Number
	return f.endpoint.WaitFor(waiting, func(all []subscriber.Delivery) bool {
		for _, d := range all {
			if d.Number == number {
				return how(d)
			}
		}
		return false
	})
}

// ended reports whether the first attempt has ended in such a way, or does very soon: the relay has already been told
// that its time is up.
func (c *relayCheck) ended(f *followed, how func(subscriber.Delivery) bool) bool {
	return waitEnded(c.ctx, f, soonEnough, how) == nil
}

// soonEnough is how long it may take until the end of a connection is seen at its other side, on one machine or across
// a network.
const soonEnough = time.Second

// firstOf is the first attempt as it ended, and how many there were in all.
func (c *relayCheck) firstOf(f *followed) (first subscriber.Delivery, attempts int) {
	arrivals := f.courses[0].Arrivals
	for _, d := range f.endpoint.Received() {
		if d.Number == arrivals[0].delivery.Number {
			first = d
		}
	}
	c.saw("attempt 1", first)
	for _, a := range arrivals[1:] {
		c.saw(fmt.Sprintf("attempt %d", a.Number), a.delivery)
	}
	c.result.Observations = append(c.result.Observations, reports.Observation{At: time.Now().UTC(), Question: "attempts", Count: len(arrivals)})
	return first, len(arrivals)
}

// gaveUp says when a client went away, where that was measured in real time.
func (c *relayCheck) gaveUp(d subscriber.Delivery) string {
	if c.clock.Mode() == target.VirtualClock {
		return "the relay went away before it came"
	}
	return fmt.Sprintf("the relay went away after %s", d.Left.Sub(d.Arrived).Round(time.Millisecond))
}

// answersBefore judges an answer that comes in time.
func answersBefore(c *relayCheck) {
	first, attempts := c.firstOf(c.slowly().soon)
	expected := fmt.Sprintf("an answer after %s is waited for and taken, and nothing is tried again", c.before())
	switch {
	case !first.Left.IsZero():
		c.Broken(expected, c.gaveUp(first))
	case attempts > 1:
		c.Broken(expected, fmt.Sprintf("%d attempts", attempts))
	}
	c.keptOwn(c.edition.Delivery.Timeout == c.kirims().Timeout)
}

// answersAfter judges an answer that comes too late. A relay need not end the connection to give up on it; that it tries
// again tells.
func answersAfter(c *relayCheck) {
	first, attempts := c.firstOf(c.slowly().late)
	if attempts == 1 {
		seen := "it was given up and never tried again"
		if first.Left.IsZero() {
			seen = fmt.Sprintf("the relay waited for the answer, which came after %s, and took it", c.after())
		}
		c.Broken(fmt.Sprintf("an attempt without an answer after %s is given up and tried again", c.edition.Delivery.Timeout), seen)
	}
	c.keptOwn(c.edition.Delivery.Timeout == c.kirims().Timeout)
}

// answersHalf judges an answer whose head comes at once and whose body does not end. A relay may end the exchange early
// and call it delivered, for no page speaks of answers' bodies (reading Q24); waiting longer is what it should not do.
func answersHalf(c *relayCheck) {
	first, attempts := c.firstOf(c.slowly().halting)
	if attempts == 1 && first.Left.IsZero() {
		c.Broken(fmt.Sprintf("an answer whose body goes on for longer than %s is not waited for", c.edition.Delivery.Timeout),
			fmt.Sprintf("the relay still read after %s", c.after()))
	}
}

// timedOut judges an attempt that is never answered.
func timedOut(c *relayCheck) {
	if _, attempts := c.firstOf(c.slowly().hanging); attempts < 2 {
		c.Broken("an attempt that is not answered is tried again", "no second attempt")
	}
}

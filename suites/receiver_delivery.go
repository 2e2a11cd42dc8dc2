package suites

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// receiverDelivery holds the specs of a receiver's duties towards every delivery.
func (s *Session) receiverDelivery() {
	for _, v := range s.variants {
		if !slices.Contains(s.events, v.Event) {
			continue
		}
		s.spec("receiver.delivery.event-accepted", v.Event+" "+v.Name, func(c *Check) {
			ev := c.must(c.generator.Event(v.Event, v.Name))
			x := c.Deliver("delivery", emitter.Plan{Event: ev})
			c.WhyRefused(x)
			c.Acknowledged(x)
		})
		if !documented(v) {
			// Meta has dozens of message types, and a receiver may rightly do nothing about most of them.
			continue
		}
		s.spec("receiver.delivery.event-takes-effect", v.Event+" "+v.Name, func(c *Check) {
			c.NeedObserver()
			ev := c.must(c.generator.Event(v.Event, v.Name))
			c.NotYet(ev)
			if x := c.Deliver("delivery", emitter.Plan{Event: ev}); !x.Acknowledged() {
				c.Untestable("the event was not taken (%s), so it need not have an effect", answer(x))
			}
			c.HasEffect(ev)
		})
	}

	s.spec("receiver.delivery.within-timeout", "", func(c *Check) {
		for _, x := range c.oneOfEach() {
			if x.Trouble == wire.TimedOut {
				c.Broken("an answer within "+c.edition.Delivery.Timeout.String(), answer(x))
			}
			c.mustAcknowledge(x)
		}
	})
	s.spec("receiver.delivery.acknowledged-quickly", "", func(c *Check) {
		limit := c.edition.Delivery.AcknowledgeWithin
		var slowest time.Duration
		for _, x := range c.oneOfEach() {
			if x.Took > limit {
				c.Broken("an answer within "+limit.String(), fmt.Sprintf("%s after %s", answer(x), x.Took.Round(time.Millisecond)))
			}
			c.mustAcknowledge(x)
			slowest = max(slowest, x.Took)
		}
		c.Fact("slowest-answer", "The slowest answer to one event of each type took %s.", slowest.Round(10*time.Microsecond))
	})
	s.spec("receiver.delivery.no-redirect", "", func(c *Check) {
		for _, x := range c.oneOfEach() {
			if x.Status >= 300 && x.Status <= 399 {
				c.Broken("an answer that is no redirect", fmt.Sprintf("%s to %q", answer(x), x.Header.Get("Location")))
			}
			c.mustAcknowledge(x)
		}
	})

	s.spec("receiver.delivery.connection-reuse", "", func(c *Check) {
		c.Baseline(anyShape, false)
		const deliveries = 3
		reused := 0
		for i := range deliveries {
			ev := c.Event(anyShape)
			a := c.Attempt(emitter.Plan{Event: ev})
			x := c.Saw(fmt.Sprintf("delivery %d of %d on one connection", i+1, deliveries), a, c.client.SendReusing(c.ctx, a.Request))
			if x.Reused {
				reused++
			}
			c.Acknowledged(x)
		}
		c.Fact("connection-reuse", "Of %d deliveries in a row, %d went over a connection that had been kept open.", deliveries, reused)
	})
	s.spec("receiver.delivery.concurrent", "", func(c *Check) {
		c.Baseline(anyShape, false)
		c.severalAtOnce()
	})
	s.spec("receiver.delivery.body-limit", "", func(c *Check) { c.bodySizes() })
}

// documented reports whether Kirim's own documentation shows the shape: it names message.created and shows no payload
// of it (reading Q29).
func documented(v fixtures.Variant) bool {
	return strings.HasPrefix(v.Citation.Document, "Kirim") && v.Reading != "Q29"
}

// parallelDeliveries is how many deliveries arrive at once: more than a few workers, fewer than any limit in public
// frameworks.
const parallelDeliveries = 8

// oneOfEach delivers one event of every type that the target is subscribed to.
func (c *Check) oneOfEach() []wire.Exchange {
	var out []wire.Exchange
	for _, name := range c.events {
		x := c.Deliver(name, emitter.Plan{Event: c.Event(shape{name})})
		out = append(out, x)
		if x.Trouble == wire.TimedOut {
			// One is enough to judge by, and each costs the sender's timeout.
			break
		}
	}
	return out
}

// mustAcknowledge ends the spec as untestable unless the event was taken: how fast, or how else, a delivery is refused
// says nothing about those that are taken.
func (c *Check) mustAcknowledge(x wire.Exchange) {
	if !x.Acknowledged() {
		c.Untestable("an event was not taken (%s), so nothing is known about its acknowledgement", answer(x))
	}
}

// severalAtOnce delivers several events in parallel, each of which must be acknowledged.
func (c *Check) severalAtOnce() {
	var messages []message
	for range parallelDeliveries {
		messages = append(messages, c.Message(c.Event(anyShape), 1))
	}
	for _, x := range c.together("one of several at once", messages) {
		c.Acknowledged(x)
	}
}

// together sends the messages at the same instant.
func (c *Check) together(label string, messages []message) []wire.Exchange {
	requests := make([]wire.Request, len(messages))
	for i, m := range messages {
		requests[i] = m.Wire()
	}
	exchanges := c.client.SendTogether(c.ctx, requests)
	for i, x := range exchanges {
		c.Saw(label, messages[i], x)
	}
	return exchanges
}

// bodySizes climbs to Meta's limit and reports the largest size that was taken. The first step is past the default
// limit of the most used framework (100 KiB), the second past that of others (1 MiB).
func (c *Check) bodySizes() {
	if !slices.Contains(c.events, "message.received") {
		c.NotApplicable("the target is not subscribed to message.received, the event with large bodies")
	}
	limit := c.meta.PayloadLimit.Value
	c.Baseline(shape{"message.received"}, false)
	largest := 0
	for _, size := range []int{110_000, 1_100_000, 2_000_000, limit} {
		ev := c.must(c.generator.Sized(size))
		x := c.Genuine(fmt.Sprintf("%d bytes", size), ev, 1)
		if !c.party.accepts(x) {
			c.largestFact(largest, size)
			c.Broken(fmt.Sprintf("%s for bodies up to %d bytes", c.party.success(), limit), fmt.Sprintf("%s for %d bytes", answer(x), size))
		}
		largest = size
	}
	c.largestFact(largest, 0)
}

func (c *Check) largestFact(taken, refused int) {
	switch {
	case refused == 0:
		c.Fact("largest-body", "The largest body that was taken has %d bytes; larger ones were not tried.", taken)
	case taken == 0:
		c.Fact("largest-body", "A body of %d bytes was not taken, and no smaller large one was tried.", refused)
	default:
		c.Fact("largest-body", "The largest body that was taken has %d bytes; one of %d bytes was not.", taken, refused)
	}
}

// like makes a new event of the same type and variant.
func (c *Check) like(ev fixtures.Event) fixtures.Event {
	return c.must(c.generator.Event(ev.Name, ev.Variant))
}

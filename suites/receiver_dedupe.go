package suites

import (
	"bytes"
	"fmt"

	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// again is how an event can come a second time.
type again struct {
	id      string
	attempt int
}

// receiverDedupe holds the specs of events that come more than once, and of events that only look as if they did.
func (s *Session) receiverDedupe() {
	for _, a := range []again{{"receiver.dedupe.retry", 2}, {"receiver.dedupe.replay", 1}} {
		for _, source := range []struct {
			name  string
			shape shape
		}{{"Kirim's", kirimShape}, {"Meta's", metaShape}} {
			s.spec(a.id+".answer", source.name, func(c *Check) {
				c.Acknowledged(c.twice(c.Event(source.shape), a.attempt))
			})
			s.spec(a.id+".effect", source.name, func(c *Check) {
				c.NeedObserver()
				ev := c.Event(source.shape)
				c.twice(ev, a.attempt)
				c.HasOneEffect(ev)
			})
		}
	}
	s.spec("receiver.dedupe.simultaneous.answer", "", func(c *Check) {
		c.Baseline(anyShape, false)
		for _, x := range c.copies(c.Event(anyShape)) {
			c.Acknowledged(x)
		}
	})
	s.spec("receiver.dedupe.simultaneous.effect", "", func(c *Check) {
		c.NeedObserver()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		c.copies(ev)
		c.HasOneEffect(ev)
	})
	s.spec("receiver.dedupe.cut-off", "", func(c *Check) {
		c.NeedObserver()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		first := c.Attempt(emitter.Plan{Event: ev})
		c.Saw("attempt 1, cut off", first, c.client.SendCut(c.ctx, first.Request, len(first.Body)/2))
		c.Acknowledged(c.Deliver("attempt 2", emitter.Plan{Event: ev, Attempt: 2}))
		c.HasOneEffect(ev)
	})
	s.spec("receiver.dedupe.shared-event-id", "", func(c *Check) {
		c.NeedStatus()
		c.Baseline(shape{"message.status"}, true)
		for _, ev := range c.statuses() {
			c.Acknowledged(c.Deliver(ev.Items[0].Status, emitter.Plan{Event: ev}))
			c.HasEffect(ev)
		}
	})
	s.spec("receiver.dedupe.same-content", "", func(c *Check) {
		c.NeedObserver()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		twin := renamed(ev, c.like(ev).ID)
		for i, e := range []fixtures.Event{ev, twin} {
			c.Acknowledged(c.Deliver(fmt.Sprintf("event %d of 2", i+1), emitter.Plan{Event: e}))
			c.HasEffect(e)
		}
		for i, e := range []fixtures.Event{ev, twin} {
			for _, n := range c.hold(effectsOf(e), 1) {
				if n != 1 {
					c.Broken("one effect for each of the two events", fmt.Sprintf("%d for event %d", n, i+1))
				}
			}
		}
	})
}

// twice delivers an event, and then again with a fresh t and another delivery id. The first delivery is the baseline.
func (c *Check) twice(ev fixtures.Event, attempt int) wire.Exchange {
	if x := c.Deliver("first delivery", emitter.Plan{Event: ev}); !x.Acknowledged() {
		c.Untestable("the first delivery was not taken (%s), so there is nothing to repeat", answer(x))
	}
	if c.observer != nil {
		c.await(effectsOf(ev))
	}
	return c.Deliver(fmt.Sprintf("again, as attempt %d", attempt), emitter.Plan{Event: ev, Attempt: attempt})
}

// copies delivers several copies of an event at the same instant, each with a delivery id of its own.
func (c *Check) copies(ev fixtures.Event) []wire.Exchange {
	var plans []emitter.Plan
	for range parallelDeliveries {
		plans = append(plans, emitter.Plan{Event: ev})
	}
	return c.together("one of several copies", plans)
}

// renamed gives an event another id and leaves everything else as it is.
func renamed(ev fixtures.Event, id string) fixtures.Event {
	twin := ev
	twin.ID = id
	twin.Body = bytes.ReplaceAll(ev.Body, []byte(ev.ID), []byte(id))
	twin.Items = nil
	for _, it := range ev.Items {
		if it.ID == ev.ID {
			it.ID = id
		}
		twin.Items = append(twin.Items, it)
	}
	return twin
}

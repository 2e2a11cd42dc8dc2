package suites

import (
	"bytes"
	"fmt"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// source is a kind of event by who began it.
type source struct {
	name  string
	shape shape
}

// receiverDedupe holds the specs of events that come more than once, and of events that only look as if they did.
func (s *Session) receiverDedupe() {
	sources := []source{{"Kirim's", kirimShape}, {"Meta's", metaShape}}
	s.comesAgain("receiver.dedupe.retry", 2, sources...)
	s.comesAgain("receiver.dedupe.replay", 1, sources...)
	s.simultaneous()
	s.cutOff()
	s.everyStatus("receiver.dedupe.shared-event-id")
	s.spec("receiver.dedupe.same-content", "", func(c *Check) {
		c.NeedEventIDs()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		c.twins(ev, c.like(ev).ID)
	})
	s.sameCustomer("receiver.dedupe.same-customer")
}

// sameCustomer defines the spec of two messages that differ in nothing but their ids, and in those not before the end.
func (s *Session) sameCustomer(id string) {
	s.spec(id, "", func(c *Check) {
		c.NeedObserver()
		received := shape{messageReceived}
		c.Baseline(received, true)
		ev := c.Event(received)
		next, err := c.generator.NextMessageID(ev.ID)
		if err != nil {
			c.Error("the second message could not be made: %v", err)
		}
		c.twins(ev, next)
	})
}

// twins delivers an event, and then the same with another id: each has one effect.
func (c *Check) twins(ev fixtures.Event, id string) {
	both := []fixtures.Event{ev, renamed(ev, id)}
	for i, e := range both {
		c.NotYet(e)
		c.Acknowledged(c.Genuine(fmt.Sprintf("event %d of 2", i+1), e, 1))
		c.HasEffect(e)
	}
	for _, e := range both {
		c.HasOneEffect(e)
	}
}

// comesAgain defines the specs of an event that comes a second time, as this attempt. The first delivery is the
// baseline.
func (s *Session) comesAgain(id string, attempt int, sources ...source) {
	for _, src := range sources {
		s.spec(id+".answer", src.name, func(c *Check) {
			c.Acknowledged(c.twice(c.Event(src.shape), attempt))
		})
		s.spec(id+".effect", src.name, func(c *Check) {
			c.NeedObserver()
			ev := c.Event(src.shape)
			c.NotYet(ev)
			c.twice(ev, attempt)
			c.HasOneEffect(ev)
		})
	}
}

// simultaneous defines the specs of copies of an event that come at the same instant.
func (s *Session) simultaneous() {
	id := string(s.role) + ".dedupe.simultaneous"
	s.spec(id+".answer", "", func(c *Check) {
		c.Baseline(anyShape, false)
		for _, x := range c.copies(c.Event(anyShape)) {
			c.Acknowledged(x)
		}
	})
	s.spec(id+".effect", "", func(c *Check) {
		c.NeedObserver()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		c.copies(ev)
		c.HasOneEffect(ev)
	})
}

// cutOff defines the spec of an event whose first attempt breaks off.
func (s *Session) cutOff() {
	s.spec(string(s.role)+".dedupe.cut-off", "", func(c *Check) {
		c.NeedObserver()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		first := c.Message(ev, 1)
		c.Saw("attempt 1, cut off", first, c.client.SendCut(c.ctx, first.Wire(), cutAt(len(first.Wire().Body))))
		c.Acknowledged(c.Genuine("attempt 2", ev, 2))
		c.HasOneEffect(ev)
	})
}

// cutAt is where a body of this length is cut off: late, so that a receiver which looks at what has come finds the ids.
func cutAt(length int) int { return length * 9 / 10 }

// everyStatus defines the spec of the statuses of one message, which share an id.
func (s *Session) everyStatus(id string) {
	s.spec(id, "", func(c *Check) {
		c.NeedStatus()
		c.Baseline(shape{"message.status"}, true)
		for _, ev := range c.statuses() {
			// An observer that does not look at the status counts the one before.
			c.NotYet(ev)
			c.Acknowledged(c.Genuine(ev.Items[0].Status, ev, 1))
			c.HasEffect(ev)
		}
	})
}

// twice delivers an event, and then again as a new delivery. The first delivery is the baseline.
func (c *Check) twice(ev fixtures.Event, attempt int) wire.Exchange {
	if x := c.Genuine("first delivery", ev, 1); !c.party.accepts(x) {
		c.Untestable("the first delivery was not taken (%s), so there is nothing to repeat", answer(x))
	}
	if c.observer != nil && c.unseen == "" {
		c.await(c.effectsOf(ev))
	}
	return c.Genuine(fmt.Sprintf("again, as attempt %d", attempt), ev, attempt)
}

// copies delivers several copies of an event at the same instant, each a delivery of its own.
func (c *Check) copies(ev fixtures.Event) []wire.Exchange {
	var messages []message
	for range parallelDeliveries {
		messages = append(messages, c.Message(ev, 1))
	}
	return c.together("one of several copies", messages)
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

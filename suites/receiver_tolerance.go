package suites

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// receiverTolerance holds the specs of what a receiver must put up with.
func (s *Session) receiverTolerance() {
	s.spec("receiver.delivery.header-case", "", func(c *Check) {
		c.Baseline(anyShape, false)
		for _, form := range []struct {
			label string
			is    emitter.Case
		}{{"lower-case header names", emitter.LowerCase}, {"upper-case header names", emitter.UpperCase}} {
			ev := c.Event(anyShape)
			c.Taken(c.Deliver(form.label, emitter.Plan{Event: ev, Case: form.is}), ev)
		}
	})
	s.spec("receiver.delivery.charset", "", func(c *Check) {
		c.Baseline(anyShape, false)
		ev := c.Event(anyShape)
		c.Taken(c.Deliver("with a charset", emitter.Plan{Event: ev, ContentType: c.edition.Headers.ContentType + "; charset=utf-8"}), ev)
	})
	s.spec("receiver.delivery.unknown-event", "", func(c *Check) {
		c.Baseline(anyShape, false)
		// Of Kirim's shape, whatever the target is subscribed to: the type is what it does not know.
		ev := c.must(c.generator.Event("contact.created", ""))
		body := bytes.Replace(ev.Body, []byte(ev.Name), []byte(unknownEvent), 1)
		c.Acknowledged(c.Deliver("unknown event", emitter.Plan{Event: ev, EventName: unknownEvent, Body: body}))
	})
	s.unknownFields("receiver.delivery.unknown-field", kirimRoom, metaRoom)
	s.spec("receiver.delivery.extra-object", "", func(c *Check) {
		c.Baseline(metaShape, false)
		ev := c.Event(metaShape)
		if c.edition.Passthrough == contract.Annotated {
			// The object is there already; one log shows a member more (reading Q32).
			ev.Body = c.bytes(fixtures.AddField(ev.Body, "/"+contract.AnnotationKey+"/delivery_id", strconv.Quote(c.generator.ID("wbd"))))
			c.Taken(c.Deliver("with a delivery id in the object "+contract.AnnotationKey, emitter.Plan{Event: ev}), ev)
			return
		}
		// The object that live traffic of a later product generation was seen to carry (reading Q5).
		extra := fmt.Sprintf(`{"contact":{"name":"Ayu","phone_number":"+628111111111"},"message_id":%q,"conversation_id":%q}`,
			c.generator.ID("msg"), c.generator.ID("cnv"))
		ev.Body = c.bytes(fixtures.AddField(ev.Body, "/"+contract.AnnotationKey, extra))
		c.Taken(c.Deliver("with an extra top-level object", emitter.Plan{Event: ev}), ev)
	})
	s.keyOrder("receiver.delivery.key-order", source{"in Kirim's envelope", kirimShape}, source{"in Meta's body", metaShape})
	s.statusOrder("receiver.delivery.status-order")
	s.batches("receiver.delivery.batch")
	s.late("receiver.delivery.late", s.lastRetry(), len(s.edition.Delivery.Delays), source{"Kirim's", kirimShape}, source{"Meta's", metaShape})
}

// unknownEvent is an event type that no edition has.
const unknownEvent = "contact.kirimcheck_unknown"

// statuses makes sent, delivered and read of one message.
func (c *Check) statuses() []fixtures.Event {
	if !slices.Contains(c.events, "message.status") {
		c.NotApplicable("the target is not subscribed to message.status")
	}
	events, err := c.generator.Statuses()
	if err != nil {
		c.Error("the statuses could not be made: %v", err)
	}
	return events
}

// bytes ends the spec as an error of the harness where a body could not be changed.
func (c *Check) bytes(body []byte, err error) []byte {
	if err != nil {
		c.Error("the body could not be made: %v", err)
	}
	return body
}

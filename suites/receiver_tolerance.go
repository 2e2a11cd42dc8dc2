package suites

import (
	"bytes"
	"fmt"
	"slices"

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
	for _, sh := range []struct {
		name     string
		shape    shape
		pointers []string
	}{
		{"Kirim's envelope", kirimShape, []string{"/kirimcheck_new_field", "/data/kirimcheck_new_field"}},
		{"Meta's body", metaShape, []string{"/entry/0/kirimcheck_new_field", "/entry/0/changes/0/value/kirimcheck_new_field"}},
	} {
		s.spec("receiver.delivery.unknown-field", "in "+sh.name, func(c *Check) {
			c.Baseline(sh.shape, false)
			ev := c.Event(sh.shape)
			for _, pointer := range sh.pointers {
				ev.Body = c.bytes(fixtures.AddField(ev.Body, pointer, `{"since":"2026","list":[1,null,"x"]}`))
			}
			c.Taken(c.Deliver("with unknown fields", emitter.Plan{Event: ev}), ev)
		})
	}
	s.spec("receiver.delivery.extra-object", "", func(c *Check) {
		c.Baseline(metaShape, false)
		ev := c.Event(metaShape)
		// The object that live traffic of a later product generation was seen to carry (reading Q5).
		extra := fmt.Sprintf(`{"contact":{"name":"Ayu","phone_number":"+628111111111"},"message_id":%q,"conversation_id":%q}`,
			c.generator.ID("msg"), c.generator.ID("cnv"))
		ev.Body = c.bytes(fixtures.AddField(ev.Body, "/kirim", extra))
		c.Taken(c.Deliver("with an extra top-level object", emitter.Plan{Event: ev}), ev)
	})
	for _, sh := range []struct {
		name  string
		shape shape
	}{{"Kirim's envelope", kirimShape}, {"Meta's body", metaShape}} {
		s.spec("receiver.delivery.key-order", "in "+sh.name, func(c *Check) {
			c.Baseline(sh.shape, false)
			ev := c.Event(sh.shape)
			ev.Body = c.bytes(fixtures.ReverseKeys(ev.Body))
			c.Taken(c.Deliver("keys reversed", emitter.Plan{Event: ev}), ev)
		})
	}
	s.spec("receiver.delivery.status-order", "", func(c *Check) {
		c.Baseline(shape{"message.status"}, false)
		// Only the answer is judged: a receiver that keeps a state may rightly do nothing for a status that is behind.
		for _, ev := range slices.Backward(c.statuses()) {
			c.Acknowledged(c.Deliver(ev.Items[0].Status, emitter.Plan{Event: ev}))
		}
	})
	for _, b := range []struct {
		name  string
		shape fixtures.BatchShape
	}{
		{"several messages", fixtures.BatchShape{Event: "message.received", Items: 3}},
		{"several statuses", fixtures.BatchShape{Event: "message.status", Items: 3}},
		{"several changes", fixtures.BatchShape{Event: "message.received", Changes: 3}},
		{"several entries", fixtures.BatchShape{Event: "message.received", Entries: 3}},
	} {
		s.spec("receiver.delivery.batch", b.name, func(c *Check) {
			c.NeedItems()
			c.Baseline(shape{b.shape.Event}, true)
			ev := c.must(c.generator.Batch(b.shape))
			x := c.Deliver("batch", emitter.Plan{Event: ev})
			c.Acknowledged(x)
			c.HasEffect(ev)
		})
	}
}

// unknownEvent is an event type that no edition has.
const unknownEvent = "contact.kirimcheck_unknown"

// statuses makes sent, delivered and read of one message.
func (c *Check) statuses() []fixtures.Event {
	if c.sourceOf("message.status") != contract.SourceMeta || !slices.Contains(c.events, "message.status") {
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

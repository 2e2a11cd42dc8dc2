package suites

import (
	"slices"

	"github.com/kirimcheck/kirimcheck/fixtures"
)

// room is where unknown fields are put: the pointers of new members in the bodies of a shape.
type room struct {
	name     string
	shape    shape
	pointers []string
}

var (
	kirimRoom = room{"in Kirim's envelope", kirimShape, []string{"/kirimcheck_new_field", "/data/kirimcheck_new_field"}}
	metaRoom  = room{"in Meta's body", metaShape, []string{"/entry/0/kirimcheck_new_field", "/entry/0/changes/0/value/kirimcheck_new_field"}}
)

// unknownFields defines the specs of fields that the receiver cannot know.
func (s *Session) unknownFields(id string, rooms ...room) {
	for _, r := range rooms {
		s.spec(id, r.name, func(c *Check) {
			c.Baseline(r.shape, false)
			ev := c.Event(r.shape)
			for _, pointer := range r.pointers {
				ev.Body = c.bytes(fixtures.AddField(ev.Body, pointer, `{"since":"2026","list":[1,null,"x"]}`))
			}
			c.Taken(c.Genuine("with unknown fields", ev, 1), ev)
		})
	}
}

// keyOrder defines the specs of bodies whose keys stand in another order.
func (s *Session) keyOrder(id string, sources ...source) {
	for _, src := range sources {
		s.spec(id, src.name, func(c *Check) {
			c.Baseline(src.shape, false)
			ev := c.Event(src.shape)
			ev.Body = c.bytes(fixtures.ReverseKeys(ev.Body))
			c.Taken(c.Genuine("keys reversed", ev, 1), ev)
		})
	}
}

// statusOrder defines the spec of statuses that come in another order than they happened.
func (s *Session) statusOrder(id string) {
	s.spec(id, "", func(c *Check) {
		c.Baseline(shape{"message.status"}, false)
		// Only the answer is judged: a receiver that keeps a state may rightly do nothing for a status that is behind.
		for _, ev := range slices.Backward(c.statuses()) {
			c.Acknowledged(c.Genuine(ev.Items[0].Status, ev, 1))
		}
	})
}

// batch is a body with several updates.
type batch struct {
	name  string
	shape fixtures.BatchShape
}

// mixed is a batch that only Meta's own documentation knows; what Kirim makes of one is open (reading Q4).
var mixed = batch{"messages and statuses", fixtures.BatchShape{
	Event: "message.received", Changes: 2, With: []fixtures.Part{{Event: "message.status"}},
}}

// looked is how many items of a batch are looked for at most: of a large one those at its ends and some between. Each look
// may cost the observer a query or a process.
const looked = 12

// sample leaves so many items of an event to be looked for.
func sample(ev fixtures.Event) fixtures.Event {
	n := len(ev.Items)
	if n <= looked {
		return ev
	}
	var some []fixtures.Item
	for i := range looked {
		some = append(some, ev.Items[i*(n-1)/(looked-1)])
	}
	ev.Items = some
	return ev
}

// batches defines the specs of bodies with several updates.
func (s *Session) batches(id string, more ...batch) {
	for _, b := range append([]batch{
		{"as many statuses as Meta puts into one body", fixtures.BatchShape{Event: "message.status", Items: s.meta.BatchLimit.Value}},
		{"several messages", fixtures.BatchShape{Event: "message.received", Items: 3}},
		{"several statuses", fixtures.BatchShape{Event: "message.status", Items: 3}},
		{"several changes", fixtures.BatchShape{Event: "message.received", Changes: 3}},
		{"several entries", fixtures.BatchShape{Event: "message.received", Entries: 3}},
	}, more...) {
		s.spec(id, b.name, func(c *Check) {
			c.NeedItems()
			c.Baseline(shape{b.shape.Event}, true)
			ev := c.must(c.generator.Batch(b.shape))
			c.NotYet(sample(ev))
			c.Acknowledged(c.Genuine("batch", ev, 1))
			c.HasEffect(sample(ev))
		})
	}
}

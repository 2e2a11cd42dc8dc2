package suites

import (
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
)

// relayMetaDuplicates holds the specs of events that Meta sends more than once.
func (s *Session) relayMetaDuplicates() {
	for name, again := range map[string]func(*relayCheck, fixtures.Event){
		"one after the other": func(c *relayCheck, ev fixtures.Event) { c.Meta(ev); c.Meta(ev) },
		"at once":             (*relayCheck).atOnce,
		"an hour later":       (*relayCheck).anHourLater,
	} {
		s.serialSpec("relay.guarantee.meta-duplicates", name, func(c *relayCheck) {
			c.needKirims(theEventID, c.target.Delivery.Headers.EventID)
			sub := c.Subscribe(messageReceived)
			ev := c.Message("")
			again(c, ev)
			first := sub.Await(1, "a message that Meta sent more than once")[0]
			c.Settle()
			name := c.edition.Headers.EventID
			for _, d := range sub.Got() {
				c.header(d, name, first.Get(name), "as when Meta sent it first")
			}
		})
		s.serialSpec("relay.guarantee.meta-duplicates-once", name, func(c *relayCheck) {
			sub := c.Subscribe(messageReceived)
			ev := c.Message("")
			again(c, ev)
			sub.Exactly(1, "deliveries of a message that Meta sent more than once")
		})
	}
	s.relaySpec("relay.guarantee.meta-duplicates-once", "but every status of a message", everyStatusOnce)
}

// atOnce posts an event several times at the same moment.
func (c *relayCheck) atOnce(ev fixtures.Event) {
	c.expectItems(ev)
	const copies = 4
	messages := make([]message, copies)
	for i := range messages {
		messages[i] = c.Check.Message(ev, 1)
	}
	for _, x := range c.together("one of the same at once", messages) {
		if !mockmeta.Accepted(c.meta, x) {
			c.Broken("each of the same POSTs is answered "+c.party.success(), answer(x))
		}
	}
}

// anHourLater posts an event again when it is long delivered.
func (c *relayCheck) anHourLater(ev fixtures.Event) {
	c.Meta(ev)
	c.Settle()
	c.Pass(time.Hour)
	c.Meta(ev)
}

// everyStatusOnce posts sent, delivered and read of a message, each of them twice. They share an event id (reading Q2),
// and are different events all the same.
func everyStatusOnce(c *relayCheck) {
	sub := c.Subscribe(messageStatus)
	statuses, err := c.generator.Statuses()
	if err != nil {
		c.Error("the statuses could not be made: %v", err)
	}
	for range 2 {
		for _, ev := range statuses {
			c.Meta(ev)
		}
	}
	got := sub.Exactly(len(statuses), "deliveries of the statuses of a message, each of which Meta sent twice")
	seen := map[string]bool{}
	for _, d := range got {
		seen[string(d.Body)] = true
	}
	if len(seen) != len(statuses) {
		c.Broken(fmt.Sprintf("%d different statuses", len(statuses)), fmt.Sprintf("%d", len(seen)))
	}
}

package suites

import (
	"hash/fnv"
	"net/http"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// storm is one observation of many events whose subscribers fail at random. Several specs look at it.
type storm struct {
	// messages gets Meta's event of each post, contacts the one of Kirim's: every customer is new. Where the relay has no
	// events of its own, contacts is nil.
	messages, contacts *tally
	customers          []string
	// ids are those of the messages.
	ids map[string]bool
	making
}

const (
	// stormEvents is how many messages come. In real time, where retries are waited for, and in a light run, fewer do.
	stormEvents    = 2000
	stormFewEvents = 300
	// Of a thousand deliveries, so many fail at first, up to stormFailures times in a row.
	stormFailing  = 50
	stormFailures = 3
)

// stormAnswers are the ways in which subscribers fail. That each row of the table is tried again has specs of its own.
var stormAnswers = []subscriber.Answer{
	subscriber.Status(http.StatusInternalServerError), subscriber.Status(http.StatusServiceUnavailable), subscriber.Reset(),
}

// stormy returns the storm, after letting it pass where no spec has yet.
func (c *relayCheck) stormy() *storm {
	if c.storm == nil {
		c.relaySide.storm = &storm{ids: map[string]bool{}}
		c.pass(c.storm)
	}
	c.storm.need(c.Check, "the events did not come to their end")
	c.observed("attempts for messages", c.storm.messages.arrivals())
	if c.storm.contacts != nil {
		c.observed("attempts for contacts", c.storm.contacts.arrivals())
	}
	return c.storm
}

// pass lets the storm pass.
func (c *relayCheck) pass(st *storm) {
	defer st.made(c.Check)
	events := stormEvents
	if c.opts.Light || c.clock.Mode() != target.VirtualClock {
		events = stormFewEvents
	}
	most := c.attempts(stormFailures + 1)
	answer := func(seed uint64) func(string, int) subscriber.Answer {
		return func(customer string, nth int) subscriber.Answer {
			chance := chanceOf(seed, customer)
			if of := chance % 1000; of < stormFailing && nth <= min(1+int(of%stormFailures), most-1) {
				return stormAnswers[(chance/1000+uint64(nth))%uint64(len(stormAnswers))]
			}
			return subscriber.Status(http.StatusOK)
		}
	}
	st.messages = c.tally(messageReceived, answer(c.random.Uint64()))
	if c.sees(target.KirimEvents) {
		st.contacts = c.tally(contactCreated, answer(c.random.Uint64()))
	}
	all := c.messages(events)
	st.customers = customersOf(all)
	for _, ev := range all {
		st.ids[ev.ID] = true
	}
	c.floodAll(all)
	c.retriesTo(most)
	if c.clock.Mode() != target.VirtualClock {
		// What did not come is what a spec judges.
		for _, t := range st.tallies() {
			if !t.until(events, t.successes) {
				break
			}
		}
	}
	st.done = true
}

// tallies are those that there are.
func (st *storm) tallies() []*tally {
	if st.contacts == nil {
		return []*tally{st.messages}
	}
	return []*tally{st.messages, st.contacts}
}

// chanceOf draws a number for a key, always the same one.
func chanceOf(seed uint64, key string) uint64 {
	h := fnv.New64a()
	// Writing to a hash never fails.
	_, _ = h.Write([]byte(key))
	// The low bits of this hash are good only after a multiplication (Knuth).
	return (h.Sum64() ^ seed) * 0x9e3779b97f4a7c15 >> 20
}

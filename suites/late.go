package suites

import (
	"fmt"
	"time"

	"github.com/kirimcheck/kirimcheck/fixtures"
)

// late defines the specs of an event that comes so long after it happened, as the attempt of this number: it is new to whoever
// missed all attempts before.
func (s *Session) late(id string, by time.Duration, attempt int, sources ...source) {
	for _, src := range sources {
		s.spec(id, src.name, func(c *Check) {
			c.Baseline(src.shape, false)
			ev := c.ago(by, src.shape)
			c.Acknowledged(c.Genuine(fmt.Sprintf("an event that happened %s ago", by), ev, attempt))
			// A refusal is seen without an observer, and that nothing was dropped is not.
			c.NeedObserver()
			c.HasEffect(ev)
		})
	}
}

// ago makes a new event of a shape that happened so long ago.
func (c *Check) ago(by time.Duration, sh shape) fixtures.Event {
	ev := c.Event(sh)
	return c.must(c.generator.Ago(by, ev.Name, ev.Variant))
}

// lastRetry is how long after an event its last attempt comes, by the schedule alone.
func (s *Session) lastRetry() (after time.Duration) {
	for _, delay := range s.edition.Delivery.Delays {
		after += delay
	}
	return after
}

// metaLate is how long after an event Meta may still send it: within its window by a margin that no clock makes up for.
func (s *Session) metaLate() time.Duration { return s.meta.RetryWindow.Value * 6 / 7 }

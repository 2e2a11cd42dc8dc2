package suites

import "github.com/kirimcheck/kirimcheck/reports"

// making is how the making of an observation came out that several specs look at. The first of them makes it, and tells
// why where it cannot; for the others that is no reason to say more, or less, than it did.
type making struct {
	done bool
	// untestable is why it cannot be observed, empty where it can, or where something went wrong.
	untestable string
}

// made is deferred while it is made, and notes how the spec that made it ended.
func (m *making) made(c *Check) {
	if !m.done && c.result.Verdict == reports.Untestable {
		m.untestable = c.result.Reason
	}
}

// need ends the spec unless what it looks at was made.
func (m *making) need(c *Check, what string) {
	switch {
	case m.done:
	case m.untestable != "":
		c.Untestable("%s", m.untestable)
	default:
		c.Error("%s; the first spec that tried tells why", what)
	}
}

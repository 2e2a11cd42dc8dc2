package suites

import (
	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// sees reports whether the harness can use something that a relay need not have: the target does not declare it absent,
// and there is an API to use it by.
func (c *relayCheck) sees(capabilities ...target.Capability) bool {
	for _, capability := range capabilities {
		if _, lacks := c.target.Lacks(capability); lacks || c.target.Hides(capability) {
			return false
		}
	}
	return true
}

// tellsRows reports whether the delivery of an event can be found in the API.
func (c *relayCheck) tellsRows() bool {
	return c.sees(target.DeliveryAPI) && c.target.Delivery.Headers.EventID.Absent == ""
}

// needHeader ends the spec as not applicable where the target declares that its deliveries have no such header.
func (c *relayCheck) needHeader(what string, m target.HeaderMapping) {
	if m.Absent != "" {
		c.NotApplicable("the target declares that its deliveries have no header with %s: %s", what, m.Absent)
	}
}

// needKirims ends the spec as not applicable unless a header has the values that Kirim would write.
func (c *relayCheck) needKirims(what string, m target.HeaderMapping) {
	c.needHeader(what, m)
	if m.Own != "" {
		c.NotApplicable("the target declares that the values of %s, with %s, are its own: %s", m.Name, what, m.Own)
	}
}

// What headers carry, for people.
const (
	theEvent      = "the event's name"
	theEventID    = "the event's id"
	theDeliveryID = "the delivery's id"
	theAttempt    = "the number of the attempt"
	theSource     = "the source"
)

// needKirimScheme ends the spec as not applicable where deliveries are signed by another scheme than Kirim's.
func (c *relayCheck) needKirimScheme() {
	if s := c.target.Delivery.Signature.Scheme; s != "" && s != target.KirimScheme {
		c.NotApplicable("the target declares that it signs by the scheme %s, whose form is another", s)
	}
}

// differences says in what a target's deliveries are declared not to be Kirim's; empty where they are.
func (s *Session) differences() string {
	if s.opts.Target == nil {
		return ""
	}
	return s.opts.Target.Delivery.Differences(s.opts.Target.KirimsHeaders)
}

// kirims is the schedule that the edition documents, whatever the target declares.
func (s *Session) kirims() contract.DeliveryRule {
	if s.opts.Target == nil {
		return s.edition.Delivery
	}
	return s.opts.Target.Kirims
}

// keptOwn ends the spec as not applicable where what was kept is the target's own schedule, and not what the requirement
// says in Kirim's numbers.
func (c *relayCheck) keptOwn(isKirims bool) {
	if own := c.target.Delivery.Schedule; own != nil && !isKirims {
		c.NotApplicable("the target declares a schedule of its own, and keeps to it: %s", own.Own)
	}
}

// eventName is the event that a delivery says it is of. Where no header tells it in Kirim's words, the body does.
func (c *relayCheck) eventName(d subscriber.Delivery) string {
	if m := c.target.Delivery.Headers.Event; m.Absent != "" || m.Own != "" {
		return eventOf(d.Body)
	}
	return d.Get(c.edition.Headers.Event)
}

// bothKinds are an event that Meta begins and, where the relay has any, one of its own. One message brings both about.
func (c *relayCheck) bothKinds() []string {
	if !c.sees(target.KirimEvents) {
		return []string{messageReceived}
	}
	return []string{messageReceived, contactCreated}
}

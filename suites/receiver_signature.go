package suites

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// validSignature is the spec that speaks for the baseline.
func (s *Session) validSignature() string { return string(s.role) + ".signature.valid" }

// ClockMargin is how far the edge specs stay away from the exact edge of the tolerance, on either side. It allows for
// the seconds that the delivery is on its way and for a clock of the target that is a little off; clocks kept by NTP
// differ by far less than a second.
const ClockMargin = 10 * time.Second

// receiverSignature holds the specs of signatures that a receiver must take.
func (s *Session) receiverSignature() {
	s.valid()
	edge := s.edition.Signature.Tolerance - ClockMargin
	s.spec("receiver.signature.within-tolerance-past", "", func(c *Check) { c.atEdge(edge) })
	s.spec("receiver.signature.within-tolerance-future", "", func(c *Check) { c.atEdge(-edge) })
	for _, accepted := range []struct {
		id       string
		template emitter.Template
	}{
		{"receiver.signature.rotation-first", "t={t},v1={mac},v1={mac key=wrong}"},
		{"receiver.signature.rotation-second", "t={t},v1={mac key=wrong},v1={mac}"},
		{"receiver.signature.other-scheme", "t={t},v0={mac key=wrong},v1={mac},v2={mac key=wrong first=43}"},
		{"receiver.parser.blanks", "t={t}, v1={mac}"},
		{"receiver.parser.order", "v1={mac},t={t}"},
		{"receiver.parser.unknown-parts", "t={t},kid=2026-05,v1={mac},flag"},
	} {
		s.spec(accepted.id, "", func(c *Check) { c.takes(accepted.template) })
	}
	for _, form := range rawForms {
		s.spec("receiver.signature.raw-bytes", form.name, func(c *Check) {
			c.Baseline(anyShape, false)
			ev, place := c.roomForText()
			ev.Body = c.bytes(form.change(ev.Body, place))
			c.Taken(c.Deliver(form.name, emitter.Plan{Event: ev}), ev)
		})
	}
	// Recorded and not judged: the documentation says hexadecimal and shows lower case.
	s.fact("records whether upper-case hexadecimal is taken", "signature", func(c *Check) {
		c.Baseline(anyShape, false)
		x := c.Deliver("upper-case v1", emitter.Plan{Event: c.Event(anyShape), Signature: "t={t},v1={mac upper}"})
		verdict := "is refused"
		if x.Acknowledged() {
			verdict = "is taken"
		}
		c.Fact("upper-case-hex", "A v1 in upper-case hexadecimal %s (%s).", verdict, answer(x))
	})
}

// valid defines the spec of a plain, genuine delivery.
func (s *Session) valid() {
	s.spec(s.validSignature(), "", func(c *Check) {
		if c.mute && c.first != nil {
			// The run was called off because of this exchange; it is not worth another wait.
			c.Broken(c.party.success(), answer(c.Saw("first delivery", c.first, c.first.exchange)))
		}
		ev := c.Event(anyShape)
		x := c.Genuine("delivery", ev, 1)
		c.WhyRefused(x)
		c.Taken(x, ev)
	})
}

// takes delivers an event signed by the template, which must be taken.
func (c *Check) takes(template emitter.Template) {
	c.Baseline(anyShape, false)
	ev := c.Event(anyShape)
	c.Taken(c.Deliver("signed as "+string(template), emitter.Plan{Event: ev, Signature: template}), ev)
}

// atEdge delivers an event signed that long ago. A target whose clock is further off than the margin cannot be judged
// this way, so its Date header is looked at first.
func (c *Check) atEdge(age time.Duration) {
	c.Baseline(anyShape, false)
	ev := c.Event(anyShape)
	x := c.Deliver(fmt.Sprintf("signed %s ago", age), emitter.Plan{Event: ev, Age: age})
	if off, known := clockOffset(x); !x.Acknowledged() && known && off.Abs() > ClockMargin {
		c.Untestable("the target's clock is %s off, by its Date header, which is more than the margin of %s", off.Round(time.Second), ClockMargin)
	}
	c.Taken(x, ev)
}

// clockOffset is how far the target's clock is ahead of ours, by the Date header of its answer.
func clockOffset(x wire.Exchange) (time.Duration, bool) {
	date, err := http.ParseTime(x.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	return date.Sub(x.Started.Add(x.Took / 2)), true
}

// rawForms are ways to write the same JSON that a receiver destroys which decodes and encodes before it verifies.
// place is where a new member may stand.
var rawForms = []struct {
	name   string
	change func(body []byte, place string) ([]byte, error)
}{
	{"escaped unicode", with(`"caf\u00e9 \ud83d\ude00 \u002d"`)},
	{"escaped slashes", with(`"https:\/\/kirim.chat\/"`)},
	{"blanks", func(b []byte, _ string) ([]byte, error) { return fixtures.Spaced(b), nil }},
	{"key order", func(b []byte, _ string) ([]byte, error) { return fixtures.ReverseKeys(b) }},
	{"number forms", with(`[1.0,1e2,-0,10000000000000000000001,0.10]`)},
	{"names that differ in case", with(`{"name":"a","Name":"b","NAME":"c"}`)},
	{"emoji and line separators", with("\"\U0001F64F\U0001F3FD \u2028 e\u0301 \u0130\"")},
	{"trailing newline", func(b []byte, _ string) ([]byte, error) { return append(bytes.Clone(b), '\n'), nil }},
}

// with adds a member of the given JSON.
func with(raw string) func(body []byte, place string) ([]byte, error) {
	return func(body []byte, place string) ([]byte, error) {
		return fixtures.AddField(body, place+"/kirimcheck_note", raw)
	}
}

// roomForText makes an event together with the place where anything may be written: a contact's metadata, which is the
// customer's own, or else the top of the body, where a receiver that refuses unknown fields objects too.
func (c *Check) roomForText() (fixtures.Event, string) {
	if slices.Contains(c.events, "contact.created") {
		return c.must(c.generator.Event("contact.created", "full")), "/data/contact/metadata"
	}
	return c.Event(anyShape), ""
}

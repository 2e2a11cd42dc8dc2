package suites

import (
	"errors"

	"github.com/kirimcheck/kirimcheck/emitter"
)

var errNoTime = errors.New("the body has no time to change")

// notHex has the length of a v1 and is none.
const notHex = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

// receiverParser holds the specs of a receiver's reading of the signature header and of the body. Those of forms that
// must be taken stand with the accepted signatures.
func (s *Session) receiverParser() {
	for _, beside := range []struct {
		name     string
		template emitter.Template
	}{
		{"not hexadecimal, first", "t={t},v1=" + notHex + ",v1={mac}"},
		{"not hexadecimal, second", "t={t},v1={mac},v1=" + notHex},
		{"of a wrong length, first", "t={t},v1=abcdef,v1={mac}"},
		{"of an odd length, second", "t={t},v1={mac},v1=abc"},
		{"empty, first", "t={t},v1=,v1={mac}"},
		{"longer than a MAC, in front", "t={t},v1=" + notHex + notHex + ",v1={mac}"},
	} {
		s.spec("receiver.parser.bad-v1-beside", beside.name, func(c *Check) { c.takes(beside.template) })
	}
	for _, unreadable := range []struct {
		id   string
		body []byte
	}{
		{"receiver.parser.not-json", []byte(`this is not JSON`)},
		{"receiver.parser.not-utf8", []byte("{\"note\":\"\xff\xfe\"}")},
	} {
		s.spec(unreadable.id, "", func(c *Check) {
			c.Baseline(anyShape, false)
			c.Refused(c.Deliver("signed body", emitter.Plan{Event: c.Event(anyShape), Body: unreadable.body}))
		})
	}
}

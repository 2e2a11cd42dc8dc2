package suites

import (
	"bytes"
	"regexp"

	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// forgery is a delivery that must be refused. Its requirement ids are id.effect and id.answer.
type forgery struct {
	id   string
	plan func(c *Check, ev fixtures.Event) emitter.Plan
}

// signedAs is a forgery whose signature header is written by the template.
func signedAs(id string, template emitter.Template) forgery {
	return forgery{id, func(_ *Check, ev fixtures.Event) emitter.Plan {
		return emitter.Plan{Event: ev, Signature: template}
	}}
}

// forgeries of the area signature.
var forgeries = []forgery{
	{"receiver.signature.header-missing", func(_ *Check, ev fixtures.Event) emitter.Plan {
		return emitter.Plan{Event: ev, NoSignature: true}
	}},
	signedAs("receiver.signature.header-empty", emitter.EmptySignature),
	signedAs("receiver.signature.no-timestamp", "v1={mac}"),
	signedAs("receiver.signature.no-v1", "t={t}"),
	signedAs("receiver.signature.timestamp-not-numeric", "t=now,v1={mac}"),
	signedAs("receiver.signature.wrong-secret", "t={t},v1={mac key=wrong}"),
	{"receiver.signature.with-charset", func(c *Check, ev fixtures.Event) emitter.Plan {
		return emitter.Plan{
			Event: ev, Signature: "t={t},v1={mac key=wrong}", ContentType: c.edition.Headers.ContentType + "; charset=utf-8",
		}
	}},
	signedAs("receiver.signature.empty-key", "t={t},v1={mac key=empty}"),
	{"receiver.signature.tampered-body", func(c *Check, ev fixtures.Event) emitter.Plan {
		return emitter.Plan{Event: ev, SignedBody: ev.Body, Body: c.bytes(tamper(ev.Body))}
	}},
	signedAs("receiver.signature.changed-timestamp", "t={t+1},v1={mac}"),
	{"receiver.signature.stale", func(c *Check, ev fixtures.Event) emitter.Plan {
		return emitter.Plan{Event: ev, Age: c.edition.Signature.Tolerance + ClockMargin}
	}},
	{"receiver.signature.future", func(c *Check, ev fixtures.Event) emitter.Plan {
		return emitter.Plan{Event: ev, Age: -c.edition.Signature.Tolerance - ClockMargin}
	}},
	signedAs("receiver.signature.v1-truncated", "t={t},v1={mac first=32}"),
	signedAs("receiver.signature.v1-extended", "t={t},v1={mac}00"),
	signedAs("receiver.signature.v1-empty", "t={t},v1="),
	signedAs("receiver.signature.v1-not-hex", "t={t},v1="+notHex),
	{"receiver.signature.other-body", func(c *Check, ev fixtures.Event) emitter.Plan {
		return emitter.Plan{Event: ev, SignedBody: c.like(ev).Body, Body: ev.Body}
	}},
	signedAs("receiver.signature.body-only-mac", "t={t},v1={mac over=body}"),
}

// receiverRefusal holds two specs for every forgery: what it is answered, and whether it has an effect. A receiver may
// answer 200 and do nothing, or answer 401 after it has done the work.
func (s *Session) receiverRefusal() {
	for _, f := range forgeries {
		s.refusal(f)
	}
}

func (s *Session) refusal(f forgery) {
	s.spec(f.id+".answer", "", func(c *Check) {
		c.Baseline(anyShape, false)
		c.Refused(c.Deliver("forgery", f.plan(c, c.Event(anyShape))))
	})
	s.spec(f.id+".effect", "", func(c *Check) {
		c.NeedObserver()
		c.Baseline(anyShape, true)
		ev := c.Event(anyShape)
		c.Deliver("forgery", f.plan(c, ev))
		c.HasNoEffect(ev)
	})
}

// lastDigit finds the last digit of a time: of created_at in Kirim's bodies, of timestamp in Meta's.
var lastDigit = regexp.MustCompile(`"(?:created_at":"[^"]*\d(Z)|timestamp":"\d*\d("))`)

// tamper changes one byte of a body, in a time, so that no id changes and the effect can still be asked for.
func tamper(body []byte) ([]byte, error) {
	m := lastDigit.FindSubmatchIndex(body)
	if m == nil {
		return nil, errNoTime
	}
	at := max(m[2], m[4]) - 1
	out := bytes.Clone(body)
	out[at] = '0' + (out[at]-'0'+1)%10
	return out, nil
}

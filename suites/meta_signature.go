package suites

import (
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

// metaForgery is a POST that must be refused. Its requirement ids are those of the area with .effect and .answer.
type metaForgery struct {
	slug string
	plan func(c *Check, ev fixtures.Event) mockmeta.Plan
}

// hubSigned is a forgery whose only signature header is X-Hub-Signature-256, written by the template.
func hubSigned(slug string, template mockmeta.Template) metaForgery {
	return metaForgery{slug, func(_ *Check, ev fixtures.Event) mockmeta.Plan {
		return mockmeta.Plan{Event: ev, Signature: template, NoSignatureSHA1: true}
	}}
}

var metaForgeries = []metaForgery{
	{"missing", func(_ *Check, ev fixtures.Event) mockmeta.Plan {
		return mockmeta.Plan{Event: ev, NoSignature: true, NoSignatureSHA1: true}
	}},
	hubSigned("empty", mockmeta.EmptySignature),
	{"wrong-secret", func(_ *Check, ev fixtures.Event) mockmeta.Plan {
		return mockmeta.Plan{Event: ev, Signature: "sha256={sha256 key=wrong}", SignatureSHA1: "sha1={sha1 key=wrong}"}
	}},
	{"tampered-body", func(c *Check, ev fixtures.Event) mockmeta.Plan {
		signed := c.party.escaped(ev.Body)
		return mockmeta.Plan{Event: ev, SignedBody: signed, Body: c.bytes(tamper(signed))}
	}},
	{"sha1-only", func(_ *Check, ev fixtures.Event) mockmeta.Plan {
		return mockmeta.Plan{Event: ev, NoSignature: true}
	}},
	hubSigned("sha1-as-sha256", "sha256={sha1}"),
	hubSigned("truncated", "sha256={sha256 first=32}"),
	{"other-body", func(c *Check, ev fixtures.Event) mockmeta.Plan {
		return mockmeta.Plan{Event: ev, SignedBody: c.party.escaped(c.like(ev).Body), Body: c.party.escaped(ev.Body)}
	}},
	hubSigned("non-ascii", "sha256=\u00e9\u00e9{sha256 first=60}"),
}

// metaSignature holds the specs of the signature.
func (s *Session) metaSignature() {
	s.valid()
	for _, form := range metaRawForms {
		s.spec("meta-receiver.signature.raw-bytes", form.name, func(c *Check) {
			c.Baseline(anyShape, false)
			ev := c.must(c.generator.Text(form.text))
			body := c.bytes(form.change(ev.Body))
			c.Taken(c.Post(form.name, mockmeta.Plan{Event: ev, Body: body}), ev)
		})
	}
	for _, f := range metaForgeries {
		id := "meta-receiver.signature." + f.slug
		s.spec(id+".answer", "", func(c *Check) {
			c.Baseline(anyShape, false)
			x := c.Post("forgery", f.plan(c, c.Event(anyShape)))
			if x.Trouble != wire.None || x.Status < 400 || x.Status > 499 {
				c.Broken("a 4xx status (401 and 403 are customary)", answer(x))
			}
		})
		s.spec(id+".effect", "", func(c *Check) {
			c.NeedObserver()
			c.Baseline(anyShape, true)
			ev := c.Event(anyShape)
			c.Post("forgery", f.plan(c, ev))
			c.HasNoEffect(ev)
		})
	}
	s.fact("records whether upper-case hexadecimal is taken", "signature", func(c *Check) {
		c.Baseline(anyShape, false)
		x := c.Post("upper-case digest", mockmeta.Plan{Event: c.Event(anyShape), Signature: "sha256={sha256 upper}", NoSignatureSHA1: true})
		verdict := "is refused"
		if c.party.accepts(x) {
			verdict = "is taken"
		}
		c.Fact("upper-case-hex", "A digest in upper-case hexadecimal %s (%s).", verdict, answer(x))
	})
}

// Post sends what Meta sends for a plan and keeps the exchange as evidence.
func (c *Check) Post(label string, p mockmeta.Plan) wire.Exchange {
	a, err := c.post(p)
	if err != nil {
		c.Error("the POST could not be made: %v", err)
	}
	return c.Send(label, a)
}

// metaRawForms are the ways in which Meta's bytes differ from what an encoder of today would write, and some more that
// are as legal. Text with a slash, an at sign or an accent is what receivers failed on that hash re-encoded JSON.
var metaRawForms = []struct {
	name, text string
	change     func([]byte) ([]byte, error)
}{
	{"accents, escaped", "caf\u00e9 \u00e4\u00f6\u00e5", escapeMeta},
	{"emoji, escaped", "\U0001F64F\U0001F3FD terima kasih", escapeMeta},
	{"slashes, escaped", "https://kirim.chat/a/b", escapeMeta},
	{"at, less-than and percent signs, escaped", "ayu@example.com <b> 10%", escapeMeta},
	{"not escaped", "caf\u00e9 / ayu@example.com \U0001F64F", func(b []byte) ([]byte, error) { return b, nil }},
	{"blanks", "halo", func(b []byte) ([]byte, error) { return fixtures.Spaced(b), nil }},
	{"trailing newline", "halo", func(b []byte) ([]byte, error) { return append(escaped(b), '\n'), nil }},
}

func escapeMeta(b []byte) ([]byte, error) { return escaped(b), nil }

func escaped(b []byte) []byte { return fixtures.EscapeMeta(b) }

// metaProbes are wrong ways to sign that receivers of Meta's webhooks are known to expect.
var metaProbes = []struct {
	plan    mockmeta.Plan
	finding string
}{
	{mockmeta.Plan{Unescaped: true}, "the receiver hashes JSON that was decoded and encoded again: the same body without Meta's escapes is taken"},
	{mockmeta.Plan{Signature: "{sha256}"}, "the receiver expects the bare digest; the form is sha256=<hex>"},
	{mockmeta.Plan{Signature: "sha256={sha256 key=decoded}"}, "the receiver decodes the app secret from hexadecimal; its text is the key"},
	{mockmeta.Plan{Signature: "sha256={sha256 upper}"}, "the receiver expects upper-case hexadecimal"},
}

// findMetaCause tries the probes.
func (c *Check) findMetaCause() string {
	for _, p := range metaProbes {
		ev, err := c.event(anyShape)
		if err != nil {
			return ""
		}
		plan := p.plan
		plan.Event = ev
		a, err := c.post(plan)
		if err != nil {
			// A secret that is not hexadecimal cannot be probed that way.
			continue
		}
		x := c.client.Send(c.ctx, a.Wire())
		c.result.Exchanges = append(c.result.Exchanges, evidence("probe", x))
		if c.party.accepts(x) {
			return p.finding
		}
	}
	return "none of the known mistakes explains it. Is the app secret in the target file the receiver's?"
}

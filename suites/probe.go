package suites

import (
	"fmt"
	"net/http"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// probe is a wrong way to sign that receivers are known to expect.
type probe struct {
	template emitter.Template
	header   string
	finding  string
}

// probes are tried in this order when a valid delivery is refused. Each is a mistake that was seen in public
// receivers; a receiver that takes one of them tells by that what it gets wrong.
var probes = []probe{
	{"t={t},v1={mac key=stripped}", "", "the receiver leaves the whsec_ prefix out of the key; the key is the whole secret string"},
	{"t={t},v1={mac key=base64}", "", "the receiver decodes the secret from base64; the key is the secret string as it stands"},
	{"t={t},v1={mac over=body}", "", "the receiver makes the MAC over the body alone; it is made over t, a dot, and the body"},
	{"t={t*1000},v1={mac over=ms}", "", "the receiver expects t in milliseconds; t is in seconds"},
	{"sha256={mac over=body}", "X-Hub-Signature-256", "the receiver looks for Meta's X-Hub-Signature-256; Kirim removes it and signs with X-Kirim-Signature"},
	{"sha256={mac over=body}", "", "the receiver expects Meta's form sha256=<hex> in X-Kirim-Signature; the form is t=<seconds>,v1=<hex>"},
	{"{mac over=body}", "", "the receiver expects the bare MAC of the body in X-Kirim-Signature; the form is t=<seconds>,v1=<hex>"},
	{"t={t},v1={mac}", "X-Kirim-Signature-256", "the receiver looks for X-Kirim-Signature-256; the header is X-Kirim-Signature"},
	{"t={t},v1={mac}", "X-Webhook-Signature", "the receiver looks for X-Webhook-Signature; the header is X-Kirim-Signature"},
	{"t={t},v1={mac}", "Kirim-Signature", "the receiver looks for Kirim-Signature; the header is X-Kirim-Signature"},
}

// WhyRefused looks once in a run for the reason why valid deliveries are refused, and puts it into the result. It is
// called with the refused exchange, before the spec is ended.
func (c *Check) WhyRefused(x wire.Exchange) {
	if c.party.accepts(x) || x.Trouble != wire.None {
		return
	}
	if c.Session.cause == nil {
		cause := c.findCause(x)
		c.Session.cause = &cause
	}
	c.result.Cause = *c.Session.cause
}

func (c *Check) findCause(x wire.Exchange) string {
	switch {
	case x.Status == http.StatusRequestEntityTooLarge:
		return fmt.Sprintf("a body limit: %d bytes were answered 413", len(x.Request.Body))
	case x.Status == http.StatusNotFound:
		return "nothing is served at this path, or not for POST: check the URL in the target file"
	case x.Status == http.StatusMethodNotAllowed:
		return "the path does not take POST: check the URL in the target file"
	case x.Status >= 300 && x.Status <= 399:
		return fmt.Sprintf("the endpoint redirects to %q; deliveries never follow a redirect, so subscribe the final URL", x.Header.Get("Location"))
	}
	if c.role != contract.RoleReceiver {
		return c.findMetaCause()
	}
	for _, p := range probes {
		ev, err := c.event(anyShape)
		if err != nil {
			return ""
		}
		a, err := c.attempt(emitter.Plan{Event: ev, Signature: p.template, SignatureHeader: p.header})
		if err != nil {
			// A secret that is not base64 cannot be probed that way.
			continue
		}
		y := c.client.Send(c.ctx, a.Request)
		c.result.Exchanges = append(c.result.Exchanges, evidence("probe", y))
		if y.Acknowledged() {
			return p.finding
		}
		if y.Trouble != wire.None {
			return ""
		}
	}
	if cause := c.bodyLimit(x); cause != "" {
		return cause
	}
	return fmt.Sprintf("none of the known mistakes explains it: %d probes with other keys, messages and header names were refused too. Is the secret in the target file the receiver's?", len(probes))
}

// bodyLimit sends the smallest valid delivery there is: where that is taken, the size or the kind of the refused one
// is what matters.
func (c *Check) bodyLimit(x wire.Exchange) string {
	var smallest fixtures.Event
	for _, v := range c.variants {
		ev, err := c.generator.Event(v.Event, v.Name)
		if err == nil && (smallest.Body == nil || len(ev.Body) < len(smallest.Body)) {
			smallest = ev
		}
	}
	if len(smallest.Body) >= len(x.Request.Body) {
		return ""
	}
	a, err := c.attempt(emitter.Plan{Event: smallest})
	if err != nil {
		return ""
	}
	y := c.client.Send(c.ctx, a.Request)
	c.result.Exchanges = append(c.result.Exchanges, evidence("probe", y))
	if !y.Acknowledged() {
		return ""
	}
	return fmt.Sprintf("a %s of %d bytes is taken, this one of %d bytes is not: a body limit, or something in this kind of event",
		smallest.Name, len(smallest.Body), len(x.Request.Body))
}

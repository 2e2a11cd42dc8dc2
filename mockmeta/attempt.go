// Package mockmeta sends what Meta sends to a callback URL: the handshake, and signed POSTs with Meta's retries. It can
// also send what Meta never would. It judges nothing, and what an event says belongs in fixtures.
package mockmeta

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Plan describes one POST. The zero value of every field but Event is what Meta does.
type Plan struct {
	// Event is one of Meta's events.
	Event fixtures.Event
	// Unescaped sends the event's body as the fixtures write it, in UTF-8. Meta's own bodies are escaped, see
	// fixtures.EscapeMeta.
	Unescaped bool
	// Body is what is sent, byte for byte; nil means the event's body.
	Body []byte
	// SignedBody is what the signatures are made over; nil means the body that is sent.
	SignedBody []byte
	// Signature is the value of X-Hub-Signature-256 as a template; empty means DefaultSignature.
	Signature Template
	// NoSignature leaves X-Hub-Signature-256 out.
	NoSignature bool
	// SignatureSHA1 is the value of X-Hub-Signature as a template; empty means DefaultSignatureSHA1.
	SignatureSHA1 Template
	// NoSignatureSHA1 leaves X-Hub-Signature out.
	NoSignatureSHA1 bool
	// ContentType replaces Meta's.
	ContentType string
	// Extra are headers that Meta does not send, behind those that it does.
	Extra []wire.Field
}

// body is what the plan sends.
func (p Plan) body() ([]byte, error) {
	switch {
	case p.Body != nil:
		return p.Body, nil
	case p.Event.Body == nil:
		return nil, errors.New("a plan needs an event or a body")
	case p.Event.Source != contract.SourceMeta:
		return nil, fmt.Errorf("%s is not an event of Meta's, so Meta never sends it", p.Event.Name)
	case p.Unescaped:
		return p.Event.Body, nil
	default:
		return fixtures.EscapeMeta(p.Event.Body), nil
	}
}

// Attempt is one POST, ready to be sent any number of times: nothing in it tells a retry from the first.
type Attempt struct {
	wire.Request

	// What follows is for the line that repeats the attempt (see Repeat).
	signedBody []byte
	templates  map[int]Template // by the place in Header
}

// Build makes the POST of a plan to a callback URL, signed with an app secret. The headers are exactly those that Meta
// sends; Host and Content-Length come with the sending. The error is a plan without a body of Meta's, or a template
// that cannot be rendered.
func Build(meta contract.Meta, callback, secret string, p Plan) (Attempt, error) {
	body, err := p.body()
	if err != nil {
		return Attempt{}, err
	}
	a := Attempt{
		Request:    wire.Request{Method: http.MethodPost, URL: callback, Body: body},
		signedBody: p.SignedBody,
		templates:  map[int]Template{},
	}
	if a.signedBody == nil {
		a.signedBody = body
	}
	names := meta.Headers
	contentType := p.ContentType
	if contentType == "" {
		contentType = names.ContentType.Value
	}
	a.Header = []wire.Field{
		{Name: "Content-Type", Value: contentType},
		{Name: "User-Agent", Value: names.UserAgent.Value},
		{Name: "Accept", Value: names.Accept.Value},
		{Name: "Accept-Encoding", Value: names.AcceptEncoding.Value},
	}
	if !p.NoSignature {
		err = a.sign(names.Signature.Value, p.Signature, DefaultSignature, secret)
	}
	if !p.NoSignatureSHA1 {
		err = errors.Join(err, a.sign(names.SignatureSHA1.Value, p.SignatureSHA1, DefaultSignatureSHA1, secret))
	}
	if err != nil {
		return Attempt{}, err
	}
	a.Header = append(a.Header, p.Extra...)
	return a, nil
}

// sign adds a signature header.
func (a *Attempt) sign(header string, tpl, byDefault Template, secret string) error {
	if tpl == "" {
		tpl = byDefault
	}
	value, err := tpl.render(secret, a.signedBody)
	if err != nil {
		return err
	}
	a.templates[len(a.Header)] = tpl
	a.Header = append(a.Header, wire.Field{Name: header, Value: value})
	return nil
}

// Accepted reports whether an answer ends a delivery: Meta takes status 200 for a success and no other, and does not
// look at the body (Meta, webhooks/overview, Webhook delivery failure).
func Accepted(meta contract.Meta, x wire.Exchange) bool {
	return x.Trouble == wire.None && x.Status == meta.SuccessStatus.Value
}

// Package emitter delivers events the way Kirim does: it builds the attempt of a delivery, with headers and signature
// by the edition. It can also build attempts that are wrong on purpose. It judges nothing.
package emitter

import (
	"net/http"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Case is how header names are written on the wire. Names mean the same in any case (RFC 9110, section 5.1).
type Case int

// The cases.
const (
	// AsDocumented writes the names as the documentation does.
	AsDocumented Case = iota
	LowerCase
	UpperCase
)

// Plan describes one attempt of a delivery. The zero value of every field but Event and DeliveryID is what Kirim does.
type Plan struct {
	Event fixtures.Event
	// DeliveryID goes into X-Kirim-Delivery-Id.
	DeliveryID string
	// Attempt counts from 1; 0 means 1.
	Attempt int
	// Body is what is sent; nil means the event's own body.
	Body []byte
	// SignedBody is what the signature is made over; nil means the body that is sent.
	SignedBody []byte
	// Signature is the value of the signature header as a template; empty means DefaultSignature.
	Signature Template
	// NoSignature leaves the signature header out altogether.
	NoSignature bool
	// SignatureHeader is the name of the signature header where it is not the edition's.
	SignatureHeader string
	// Age is how long ago the attempt claims to have been signed; negative lies in the future.
	Age time.Duration
	// ContentType replaces the edition's.
	ContentType string
	// Case is how header names are written.
	Case Case
	// EventName replaces the event's name in the header.
	EventName string
}

// Attempt is one attempt of a delivery, ready to be sent.
type Attempt struct {
	wire.Request

	// What follows is for the line that repeats the attempt (see Repeat).
	plan       Plan
	template   Template
	signedBody []byte
	sigHeader  string
	// prefix is that of secrets.
	prefix string
}

// Build makes the request of a plan for a subscription with this URL and secret, as of now. The error is a template
// that cannot be rendered.
func Build(ed contract.Edition, url, secret string, now time.Time, p Plan) (Attempt, error) {
	a := Attempt{
		Request: wire.Request{Method: http.MethodPost, URL: url, Body: p.Body},
		plan:    p, template: p.Signature, signedBody: p.SignedBody, prefix: ed.Signature.SecretPrefix,
	}
	if a.Body == nil {
		a.Body = p.Event.Body
	}
	if a.signedBody == nil {
		a.signedBody = a.Body
	}
	if a.template == "" {
		a.template = DefaultSignature
	}
	or := func(value, byDefault string) string {
		if value == "" {
			return byDefault
		}
		return value
	}
	names := ed.Headers
	names.ContentType = or(p.ContentType, names.ContentType)
	a.sigHeader = or(p.SignatureHeader, names.Signature)
	a.Header = Label{
		Source: p.Event.Source, Event: or(p.EventName, p.Event.Name), EventID: p.Event.ID,
		DeliveryID: p.DeliveryID, Attempt: max(p.Attempt, 1),
	}.Header(names)
	if !p.NoSignature {
		value, err := a.template.render(signing{t: now.Add(-p.Age).Unix(), body: a.signedBody, secret: secret, prefix: a.prefix})
		if err != nil {
			return Attempt{}, err
		}
		a.Header = append(a.Header, wire.Field{Name: a.sigHeader, Value: value})
	}
	for i, field := range a.Header {
		switch p.Case {
		case LowerCase:
			a.Header[i].Name = strings.ToLower(field.Name)
		case UpperCase:
			a.Header[i].Name = strings.ToUpper(field.Name)
		case AsDocumented:
		}
	}
	return a, nil
}

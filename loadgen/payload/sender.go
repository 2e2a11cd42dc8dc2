package payload

import (
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Sender composes requests as the sender of a role does. It is safe for concurrent use.
type Sender interface {
	// Compose makes the headers and the body of a parcel that is signed at t.
	Compose(p Parcel, t time.Time) ([]wire.Field, []byte, error)
	// Taken reports whether a status acknowledges a delivery.
	Taken(status int) bool
}

// Parcel is an event on its way, before it is signed.
type Parcel struct {
	Event      fixtures.Event
	DeliveryID string
	// Attempt counts from 1.
	Attempt int
	// Forged parcels are signed under a secret that is nobody's.
	Forged bool
}

// kirim sends as Kirim does.
type kirim struct {
	edition contract.Edition
	secret  string
}

// NewKirim returns Kirim as a sender to a subscription with this secret.
func NewKirim(edition contract.Edition, secret string) Sender { return kirim{edition, secret} }

// Compose is emitter.Build of a plan without anything unusual but the secret, without its templates: sender_test.go holds
// the two together.
func (k kirim) Compose(p Parcel, t time.Time) ([]wire.Field, []byte, error) {
	secret := k.secret
	if p.Forged {
		secret = emitter.WrongSecret
	}
	header := emitter.Label{
		Source: p.Event.Source, Event: p.Event.Name, EventID: p.Event.ID, DeliveryID: p.DeliveryID, Attempt: p.Attempt,
	}.Header(k.edition.Headers)
	value := signature.Header(t.Unix(), p.Event.Body, secret)
	return append(header, wire.Field{Name: k.edition.Headers.Signature, Value: value}), p.Event.Body, nil
}

// Taken is the contract's only success: a 2xx status (documentation: retry).
func (k kirim) Taken(status int) bool { return status >= 200 && status <= 299 }

// meta sends as Meta does.
type meta struct {
	parameters  contract.Meta
	url, secret string
}

// NewMeta returns Meta as a sender to a callback URL with this app secret.
func NewMeta(parameters contract.Meta, url, secret string) Sender {
	return meta{parameters, url, secret}
}

// Compose signs with Meta's scheme, which knows no time.
func (m meta) Compose(p Parcel, _ time.Time) ([]wire.Field, []byte, error) {
	secret := m.secret
	if p.Forged {
		secret = emitter.WrongSecret
	}
	a, err := mockmeta.Build(m.parameters, m.url, secret, mockmeta.Plan{Event: p.Event})
	return a.Header, a.Body, err
}

// Taken is Meta's only success, status 200 (Meta, webhooks/overview, Webhook delivery failure).
func (m meta) Taken(status int) bool { return status == http.StatusOK }

package suites

import (
	"net/http"
	"strconv"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/wire"
)

// message is a request together with the shell line that repeats it.
type message interface {
	Wire() wire.Request
	Repeat() string
}

// party is who delivers to the target: what it sends, and what it takes for a success. The harness plays Kirim towards
// a receiver and Meta towards a meta-receiver.
type party interface {
	// genuine builds what the party sends for an event; attempt counts from 1.
	genuine(ev fixtures.Event, attempt int) (message, error)
	// accepts reports whether an answer ends the delivery, and success says which one does.
	accepts(x wire.Exchange) bool
	success() string
	// retries reports whether the party tries again after this status.
	retries(status int) bool
	// timeout bounds one exchange.
	timeout() time.Duration
	// effect is what a receiver must do for an item of an event.
	effect(ev fixtures.Event, it fixtures.Item) target.Effect
	// escaped returns the body as the party writes it.
	escaped(body []byte) []byte
}

// party returns who delivers to the session's role.
func (s *Session) newParty() party {
	if s.role != contract.RoleReceiver {
		return metaParty{s}
	}
	return kirimParty{s}
}

// kirimParty plays Kirim.
type kirimParty struct{ *Session }

func (k kirimParty) genuine(ev fixtures.Event, attempt int) (message, error) {
	return k.attempt(emitter.Plan{Event: ev, Attempt: attempt})
}

// accepts: any 2xx (Kirim, webhooks/retry, status codes).
func (k kirimParty) accepts(x wire.Exchange) bool { return x.Acknowledged() }

func (k kirimParty) success() string { return "a 2xx status" }

// retries: 3xx, 408, 429 and 5xx (Kirim, webhooks/retry, status codes).
func (k kirimParty) retries(status int) bool {
	return status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || (status >= 300 && status <= 399)
}

func (k kirimParty) timeout() time.Duration { return k.edition.Delivery.Timeout }

func (k kirimParty) effect(ev fixtures.Event, it fixtures.Item) target.Effect {
	return target.Effect{Event: ev.Name, EventID: ev.ID, ItemID: it.ID, Status: it.Status}
}

func (k kirimParty) escaped(body []byte) []byte { return body }

// metaParty plays Meta.
type metaParty struct{ *Session }

func (m metaParty) genuine(ev fixtures.Event, _ int) (message, error) {
	return m.post(mockmeta.Plan{Event: ev})
}

// accepts: 200 and nothing else (Meta, webhooks/overview, webhook delivery failure).
func (m metaParty) accepts(x wire.Exchange) bool { return mockmeta.Accepted(m.meta, x) }

func (m metaParty) success() string { return "status " + strconv.Itoa(m.meta.SuccessStatus.Value) }

func (m metaParty) retries(status int) bool { return status != m.meta.SuccessStatus.Value }

func (m metaParty) timeout() time.Duration { return m.meta.Timeout.Value }

// effect: Meta has no event id, and the body no event name; the webhook field stands in its place.
func (m metaParty) effect(_ fixtures.Event, it fixtures.Item) target.Effect {
	return target.Effect{Event: metaField, ItemID: it.ID, Status: it.Status}
}

func (m metaParty) escaped(body []byte) []byte { return fixtures.EscapeMeta(body) }

// metaField is the webhook field of messages and statuses.
const metaField = "messages"

// post builds what Meta sends for a plan.
func (s *Session) post(p mockmeta.Plan) (mockmeta.Attempt, error) {
	return mockmeta.Build(s.meta, s.target.URL, s.target.Signing.Reveal(), p)
}

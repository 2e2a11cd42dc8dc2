// Package pipeline is the delivery engine: it takes deliveries, attempts them by the schedule, signs every attempt
// anew, judges the answers and disables subscriptions that fail too often. It knows no SQL, no API, and no network
// beyond a Sender; what Kirim promises stands in Rules, so that a mutant is one rule replaced.
package pipeline

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/wire"
)

// State says whether a subscription is delivered to.
type State int8

// The states.
const (
	// Active subscriptions are delivered to.
	Active State = iota
	// Paused ones are not, and keep what is pending.
	Paused
	// Disabled ones are not, and lose what is pending, by default (reading Q10).
	Disabled
)

// Subscriber is a subscription as far as delivering needs it.
type Subscriber struct {
	ID  string
	URL string
	// Secrets are all that may be active, in any order; which are is decided at every attempt.
	Secrets []Secret
	State   State
	// Failures counts the deliveries that failed since the last success.
	Failures int
}

// Secret is a signing secret.
type Secret struct {
	ID        string
	Value     string
	CreatedAt time.Time
	// ExpiresAt is zero for a secret that never expires.
	ExpiresAt time.Time
}

// Event is what a delivery tells of.
type Event struct {
	// Seq is the event's number in the store, by which the Journal finds its body.
	Seq    int64
	ID     string
	Name   string
	Source contract.Source
}

// Delivery is an event on its way to one subscription.
type Delivery struct {
	Seq int64
	ID  string
	// Subscription is the subscription's id.
	Subscription string
	Event        Event
	// Body is the event's body; nil leaves it to the Journal. It must not be changed afterwards.
	Body []byte
	// Attempts is the number of attempts made so far.
	Attempts int
	// Due is when the next attempt is due, in the past for at once. Zero means the schedule's delay from now.
	Due time.Time
}

// Outcome is what an attempt made of its delivery. The values are those of the API's attempt log.
type Outcome string

// The outcomes.
const (
	// Delivered ends a delivery well.
	Delivered Outcome = "delivered"
	// Retry leaves it pending.
	Retry Outcome = "retry"
	// Terminal ends it: it will not be tried again by itself. Each edition has its own word for the status.
	Terminal Outcome = "terminal"
)

// Record is one attempt that was made and what came of it.
type Record struct {
	// Delivery is the delivery's Seq.
	Delivery     int64
	DeliveryID   string
	Subscription string
	Event        Event
	// Number counts from 1.
	Number int
	// HeaderID is what X-Kirim-Delivery-Id carried; empty where nothing was sent.
	HeaderID string
	// StartedAt and EndedAt are the clock's times.
	StartedAt time.Time
	EndedAt   time.Time
	// Took is the real time of the exchange, whatever the clock.
	Took time.Duration
	// HTTPStatus is 0 where there was no complete answer.
	HTTPStatus int
	Trouble    Trouble
	// Error says in at most 200 bytes why there was none. It never holds a secret.
	Error string
	// ResponseBody is the beginning of the answer's body, at most 1 KiB.
	ResponseBody []byte
	Outcome      Outcome
	// NextAt is when the next attempt is due; zero unless the outcome is Retry.
	NextAt time.Time
	// Failures is the subscription's count after this attempt.
	Failures int
	// Disabled says that this attempt disabled the subscription.
	Disabled bool
}

// Reason is why a pending delivery was ended without an attempt.
type Reason string

// The reasons.
const (
	SubscriptionDisabled Reason = "the subscription was disabled"
	SubscriptionDeleted  Reason = "the subscription was deleted"
	NoAttemptLeft        Reason = "the schedule has no further attempt"
	EventGone            Reason = "the event's body is gone"
)

// Stop tells that a pending delivery was ended without an attempt. It is terminal, and can be replayed.
type Stop struct {
	// Delivery is the delivery's Seq.
	Delivery     int64
	DeliveryID   string
	Subscription string
	At           time.Time
	Reason       Reason
}

// ErrEventGone is what Journal.Body returns for an event that will never be found again.
var ErrEventGone = errors.New("the event is gone")

// Journal keeps what the engine does. Records of one subscription reach it in the order in which they count, those of
// one delivery in the order of the attempts. It must not call the engine from within these methods.
type Journal interface {
	// Attempted queues a record and returns; it blocks only to hold back a subscription that is faster than the disk.
	// An attempt whose record was lost in a crash is made again: at least once.
	Attempted(r Record)
	// Stopped queues the ends of deliveries that no attempt ended.
	Stopped(s []Stop)
	// Body returns the body of an event; ErrEventGone where there is none and will be none.
	Body(ctx context.Context, eventSeq int64) ([]byte, error)
	// Flush returns when everything queued so far can be read.
	Flush(ctx context.Context) error
}

// Request is one attempt on the wire: a POST.
type Request struct {
	URL    string
	Header []wire.Field
	Body   []byte
}

// Trouble is why there is no complete answer.
type Trouble string

// The troubles. Unsigned and Internal are the engine's own, the others the Sender's.
const (
	None    Trouble = ""
	DNS     Trouble = "dns"
	Refused Trouble = "refused"
	Reset   Trouble = "reset"
	TLS     Trouble = "tls"
	// TimedOut: the whole exchange took longer than an attempt may (reading Q16).
	TimedOut Trouble = "timeout"
	// Blocked: the URL leads to an address that a subscription may not point to.
	Blocked Trouble = "blocked"
	Other   Trouble = "other"
	// Unsigned: no secret was active, so nothing was sent.
	Unsigned Trouble = "unsigned"
	// Internal: the attempt ran into a fault of this program.
	Internal Trouble = "internal"
)

// Response is what came back.
type Response struct {
	// Status and Header count only where Err is nil.
	Status int
	Header http.Header
	// Body is the beginning of the answer's body.
	Body []byte
	// Err is nil where there is a complete answer.
	Err     error
	Trouble Trouble
}

// Sender makes one exchange. It never follows redirects, reads no more of the answer than it keeps, and returns soon
// after its context has ended. It is called from many goroutines at once.
type Sender interface {
	Send(ctx context.Context, r Request) Response
}

package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// Config is what a relay is made of.
type Config struct {
	Edition contract.Edition
	Clock   clock.Clock
	// Data is the file of the database; empty keeps everything in memory.
	Data string
	// Organisations are those that the relay serves; there is at least one. Meta's webhooks for numbers that nobody
	// has belong to the first.
	Organisations []OrganisationConfig
	// Guard says where subscriptions may point to.
	Guard Guard
	// Sender makes the requests of deliveries.
	Sender pipeline.Sender
	// Rules are the delivery pipeline's; nil means those of the edition.
	Rules *pipeline.Rules
	// Behaviour is what else the relay promises; nil means Correct.
	Behaviour *Behaviour
	// OnAttempt is told of every attempt, for metrics; nil means nobody is.
	OnAttempt func(pipeline.Record)
	// Seed makes the jitter repeatable; 0 picks one.
	Seed uint64
	Log  *slog.Logger
}

// Guard checks the URL of a subscription.
type Guard interface {
	// CheckURL returns why a URL is refused, in one line.
	CheckURL(ctx context.Context, url string) error
}

// OrganisationConfig describes an organisation.
type OrganisationConfig struct {
	Name string
	// Key is its API key, in clear.
	Key string
	// Accounts are its numbers.
	Accounts []store.Account
}

// Batch says what a POST of Meta's with several updates becomes.
type Batch int

// The readings of Q3 and Q4.
const (
	// Whole makes one delivery of it, with Meta's bytes, under the type of what is there, messages first.
	Whole Batch = iota
	// Split makes an event of each update. Their bodies are Meta's with the others left out, so not Meta's bytes.
	Split
)

// Rotation says which secrets get the expiry when one is added (reading Q12).
type Rotation int

// The readings of Q12.
const (
	// NewExpires gives it to the new secret, as the text says.
	NewExpires Rotation = iota
	// RetireOld gives it to those that were there.
	RetireOld
)

// Behaviour is what the relay promises beyond the delivery pipeline: each field is a place where an implementation can
// go wrong, so that a wrong one is this one with a field replaced.
type Behaviour struct {
	Batch    Batch
	Rotation Rotation
	// Forward makes the body of deliveries from the body of Meta's POST.
	Forward func(body []byte) []byte
	// Annotate writes that body as an edition delivers it that annotates Meta's bodies.
	Annotate func(body []byte, a fixtures.Annotation) ([]byte, error)
	// Subscribers returns the subscriptions that an event goes to.
	Subscribers func(tx *store.Tx, org int64, event string) ([]store.Subscriber, error)
	// ChangedFields lists the fields that a PATCH of a contact changed.
	ChangedFields func(before, after store.Contact) []string
	// Updated says whether a PATCH that changed these fields is an event.
	Updated func(changed []string) bool
	// ReplayEventID is the event id that a replay carries.
	ReplayEventID func(id string, newID func() string) string
	// Replayed is the status with which the delivery of a replay begins.
	Replayed store.DeliveryStatus
	// Resend is what a replay enqueues: the new delivery. old is the one that is replayed.
	Resend func(d pipeline.Delivery, old store.Delivery) []pipeline.Delivery
	// BulkFilter is what a bulk replay chooses, from what was asked for; BulkCap is the largest number that it enqueues.
	BulkFilter func(f store.DeliveryFilter) store.DeliveryFilter
	BulkCap    int
	// Resume is a delivery that was pending when the relay ended, as it goes on; ok is false where it does not.
	Resume func(d pipeline.Delivery) (again pipeline.Delivery, ok bool)
	// Activate makes a subscription active that was paused or disabled.
	Activate func(s *store.Subscription)
	// Seen remembers an update of Meta's by its key, and says whether it is new.
	Seen func(tx *store.Tx, org int64, key []byte, at time.Time) (first bool, err error)
	// Leading picks, by its place, the update that gives a body of Meta's its event and its id. It is told the events of
	// the updates, of which there is at least one.
	Leading func(events []string) int
	// Unlisted is the event as which a body of Meta's is forwarded that holds neither messages nor statuses; empty keeps
	// it back.
	Unlisted func(body []byte) string
	// Customer is the key by which the contact of a customer is found again.
	Customer func(key string) string
	// Compose makes the body of one of Kirim's own events from the right one; nil leaves the event out.
	Compose func(event string, body []byte) []byte
	// IDTail makes what follows the prefix of an id, which is opaque, from a ULID.
	IDTail func(ulid string) string
	// Assigned and Closed say whether a change of a conversation is the event of that name.
	Assigned, Closed func(before, after store.Conversation) bool
}

// Correct returns the behaviour of the contract.
func Correct() Behaviour {
	return Behaviour{
		Forward:       func(body []byte) []byte { return body },
		Annotate:      fixtures.Annotate,
		Subscribers:   (*store.Tx).Subscribers,
		ChangedFields: ChangedFields,
		Updated:       func(changed []string) bool { return len(changed) > 0 },
		ReplayEventID: func(id string, _ func() string) string { return id },
		Replayed:      store.DeliveryPending,
		Resend:        func(d pipeline.Delivery, _ store.Delivery) []pipeline.Delivery { return []pipeline.Delivery{d} },
		BulkFilter:    func(f store.DeliveryFilter) store.DeliveryFilter { return f },
		BulkCap:       replayCap,
		Resume:        func(d pipeline.Delivery) (pipeline.Delivery, bool) { return d, true },
		Activate:      activate,
		Seen:          (*store.Tx).Seen,
		Leading:       messagesFirst,
		Unlisted:      func([]byte) string { return "" },
		Customer:      func(key string) string { return key },
		Compose:       func(_ string, body []byte) []byte { return body },
		IDTail:        func(ulid string) string { return ulid },
		Assigned:      func(before, after store.Conversation) bool { return !same(before.AssignedTo, after.AssignedTo) },
		Closed: func(before, after store.Conversation) bool {
			return before.Status != after.Status && after.Status == store.ConversationResolved
		},
	}
}

// activate also begins to count failures from zero where they had disabled the subscription (readings Q8 and Q11).
func activate(s *store.Subscription) {
	if s.Status == store.Disabled {
		s.Failures = 0
	}
	s.Status = store.Active
}

// messagesFirst is the first message (reading Q4), or else the first update (reading Q3).
func messagesFirst(events []string) int { return max(slices.Index(events, messageReceived), 0) }

// ChangedFields lists the fields that differ between two states of a contact, in the order of the catalogue
// (documentation: events, contact.updated). Metadata that says the same in other words has not changed.
func ChangedFields(before, after store.Contact) []string {
	var changed []string
	differs := func(a, b *string) bool { return (a == nil) != (b == nil) || (a != nil && *a != *b) }
	if differs(before.Name, after.Name) {
		changed = append(changed, "name")
	}
	if differs(before.Email, after.Email) {
		changed = append(changed, "email")
	}
	if !sameJSON(before.Metadata, after.Metadata) {
		changed = append(changed, "metadata")
	}
	return changed
}

func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	decode := func(raw json.RawMessage) (value any, err error) {
		if raw == nil {
			return nil, nil
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		// As text, so that large numbers keep their digits.
		decoder.UseNumber()
		err = decoder.Decode(&value)
		return value, err
	}
	x, errX := decode(a)
	y, errY := decode(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

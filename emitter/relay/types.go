// Package relay is the service behind the emitter's doors: organisations with their subscriptions, contacts and
// conversations; what Meta's webhooks and the API's calls change in them; and the events that come of it. Delivering the
// events is pipeline's, HTTP is that of api, front and page.
package relay

import (
	"encoding/json"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// Org is the organisation in whose name a call is made.
type Org = store.Organisation

// Page asks for a part of a list.
type Page struct {
	// Limit is the largest number of items.
	Limit int
	// After is the place behind which the part begins, as an earlier call returned it; empty for the beginning.
	After string
}

// SubscriptionInput describes a new subscription.
type SubscriptionInput struct {
	URL         string
	Events      []string
	Description *string
}

// SubscriptionPatch changes a subscription; what is nil stays.
type SubscriptionPatch struct {
	URL    *string
	Events *[]string
	// Description may be set to nil.
	Description **string
	// Status is active or paused; active re-enables a disabled subscription (reading Q11).
	Status *store.SubscriptionStatus
}

// ContactInput describes a new contact.
type ContactInput struct {
	// From names one of the organisation's numbers, as a phone number or as Meta's id of it. It is needed where there
	// are several, unless PhoneNumberID says it.
	From string
	// PhoneNumberID is the scope of the call in editions whose paths have one.
	PhoneNumberID string
	Phone         string
	Name, Email   *string
	// Metadata is a JSON object or nil.
	Metadata json.RawMessage
}

// ContactPatch changes a contact; what is nil stays, what points to nil becomes null.
type ContactPatch struct {
	Name, Email **string
	Metadata    *json.RawMessage
}

// ConversationPatch changes a conversation; what is nil stays.
type ConversationPatch struct {
	Status *store.ConversationStatus
	// AssignedTo points to nil to clear the assignment.
	AssignedTo **string
}

// ConversationView is a conversation together with whom it is held with.
type ConversationView struct {
	store.Conversation
	Customer store.Contact
}

// Message is an outbound message that was accepted. The emitter has no Meta to send it to.
type Message struct {
	ID, To, Type, Text string
	CreatedAt          time.Time
}

// Answer is what a call was answered, kept for repetitions of its Idempotency-Key.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

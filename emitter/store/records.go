// Package store keeps what the emitter must not forget, in SQLite: organisations, subscriptions, contacts,
// conversations, events, deliveries and their attempts. It decides nothing about them; that is relay's and pipeline's.
package store

import (
	"encoding/json"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
)

// Organisation owns everything else; one never sees what another has.
type Organisation struct {
	// Seq is the row's number; it never leaves the program.
	Seq  int64
	ID   string
	Name string
	// Owner is the user in whose name the organisation's keys act.
	Owner string
}

// Key is an API key. Only its hash is kept.
type Key struct {
	Org  int64
	ID   string
	Hash [32]byte
	// Shown is the beginning and the end of the key, for people.
	Shown     string
	CreatedAt time.Time
	// ExpiresAt is zero for a key that never expires.
	ExpiresAt time.Time
}

// Account is a WhatsApp number of an organisation.
type Account struct {
	Org int64
	// PhoneNumberID is Meta's id of the number.
	PhoneNumberID string
	// Display is the number as people write it; empty where it is not known.
	Display string
}

// SubscriptionStatus says whether a subscription is delivered to.
type SubscriptionStatus string

// The statuses of a subscription. Disabled is what too many failures in a row lead to (reading Q11).
const (
	Active   SubscriptionStatus = "active"
	Paused   SubscriptionStatus = "paused"
	Disabled SubscriptionStatus = "disabled"
)

// Subscription is where an organisation wants events delivered.
type Subscription struct {
	Seq int64
	Org int64
	ID  string
	URL string
	// Description is nil where there is none.
	Description *string
	Status      SubscriptionStatus
	Events      []string
	// Secrets are those that were not deleted, expired ones included, the newest first.
	Secrets []Secret
	// Failures counts the deliveries that failed since the last success.
	Failures  int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Secret is a signing secret of a subscription. Signing needs its value, so it cannot be hashed.
type Secret struct {
	ID        string
	Value     string
	CreatedAt time.Time
	// ExpiresAt is zero for a secret that never expires.
	ExpiresAt time.Time
}

// Contact is a customer of an organisation.
type Contact struct {
	Seq int64
	Org int64
	ID  string
	// Customer tells the contacts of a number apart: the phone number, or Meta's user id where that is withheld.
	Customer string
	Phone    *string // E.164 with its plus sign
	Name     *string
	Email    *string
	// Metadata is a JSON object, or nil.
	Metadata json.RawMessage
	// PhoneNumberID names the account that the contact wrote to, or was created for, and Display is that number as
	// people write it; empty where it is not known.
	PhoneNumberID string
	Display       string
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// ConversationStatus is the state of a conversation.
type ConversationStatus string

// The statuses of a conversation (documentation: operations, conversations).
const (
	ConversationOpen     ConversationStatus = "open"
	ConversationPending  ConversationStatus = "pending"
	ConversationResolved ConversationStatus = "resolved"
)

// Conversation is what an organisation and a contact say to each other on one account.
type Conversation struct {
	Seq           int64
	Org           int64
	ID            string
	Contact       int64
	PhoneNumberID string
	Status        ConversationStatus
	AssignedTo    *string
	Unread        int
	LastMessageAt *time.Time
	LastInboundAt *time.Time
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Event is something that happened, with the bytes that every delivery of it carries.
type Event struct {
	Seq       int64
	Org       int64
	ID        string
	Name      string
	Source    contract.Source
	Body      []byte
	CreatedAt time.Time
}

// DeliveryStatus is the state of a delivery. The word for Terminal differs between editions; the API puts it in.
type DeliveryStatus int8

// The statuses of a delivery.
const (
	DeliveryPending DeliveryStatus = iota
	DeliveryDelivered
	DeliveryTerminal
)

// Delivery is an event on its way to one subscription.
type Delivery struct {
	Seq            int64
	Org            int64
	ID             string
	Subscription   int64
	SubscriptionID string
	Event          int64
	EventID        string
	EventName      string
	Source         contract.Source
	Status         DeliveryStatus
	// Attempts is the number of attempts made so far.
	Attempts int
	// NextAt is when the next attempt is due; zero where there is none.
	NextAt time.Time
	// LastStatus and LastError tell of the last attempt; 0 and empty where there was no answer, or no error.
	LastStatus int
	LastError  string
	// ReplayedFrom is the id of the delivery that this one repeats, or empty.
	ReplayedFrom string
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Attempt is one HTTP request of a delivery.
type Attempt struct {
	Delivery int64
	// Number counts from 1.
	Number int
	// HeaderID is what X-Kirim-Delivery-Id carried.
	HeaderID  string
	StartedAt time.Time
	EndedAt   time.Time
	// HTTPStatus is 0 where there was no answer.
	HTTPStatus int
	// Error says in a line why there was none.
	Error string
	// Body is the beginning of the answer's body.
	Body []byte
	// Outcome is delivered, retry or terminal.
	Outcome string
}

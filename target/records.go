package target

import (
	"encoding/json"
	"time"
)

// What follows are the things that Management takes and returns, in the members of the documentation. Those that an
// answer leaves out are zero: their presence is for the suites to judge, from the body.

// SubscriptionRequest makes a subscription.
type SubscriptionRequest struct {
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	Description string   `json:"description,omitempty"`
}

// SubscriptionPatch changes a subscription.
type SubscriptionPatch struct {
	URL         Change[string]   `json:"url,omitzero"`
	Events      Change[[]string] `json:"events,omitzero"`
	Description Change[string]   `json:"description,omitzero"`
	// Status is one of the words in Names.
	Status Change[string] `json:"status,omitzero"`
}

// Subscription is where an organisation wants events delivered.
type Subscription struct {
	ID          string     `json:"id"`
	Object      string     `json:"object"`
	URL         string     `json:"url"`
	Description *string    `json:"description"`
	Status      string     `json:"status"`
	Events      []string   `json:"events"`
	Secrets     []SecretID `json:"secrets"`
	CreatedAt   Timestamp  `json:"created_at"`
	UpdatedAt   Timestamp  `json:"updated_at"`
	// Secret is the initial secret, empty in every answer but that to the creation.
	Secret Secret `json:"-"`
}

// SecretID is a secret in a list: everything but the secret.
type SecretID struct {
	ID        string    `json:"id"`
	CreatedAt Timestamp `json:"created_at"`
	// ExpiresAt is empty for a secret that never expires.
	ExpiresAt Timestamp `json:"expires_at"`
}

// SigningSecret is a secret that was just added.
type SigningSecret struct {
	SecretID
	Object string `json:"object"`
	Secret Secret `json:"-"`
}

// DeliveryFilter selects deliveries. Zero values are left out of the request.
type DeliveryFilter struct {
	Subscription  string
	Status        string
	EventType     string
	EventID       string
	CreatedAfter  time.Time
	CreatedBefore time.Time
	Page
}

// Delivery is an event on its way to a subscription, as the API tells it.
type Delivery struct {
	ID           string `json:"id"`
	Object       string `json:"object"`
	Subscription string `json:"subscription_id"`
	EventID      string `json:"event_id"`
	EventType    string `json:"event_type"`
	Source       string `json:"source"`
	Status       string `json:"status"`
	// Attempts counts those made so far.
	Attempts      int       `json:"attempts"`
	NextAttemptAt Timestamp `json:"next_attempt_at"`
	// ResponseStatus is 0 where there was no answer.
	ResponseStatus int       `json:"response_status"`
	Error          string    `json:"error"`
	ReplayedFrom   string    `json:"replayed_from"`
	CreatedAt      Timestamp `json:"created_at"`
	UpdatedAt      Timestamp `json:"updated_at"`
	// Log holds the attempts one by one; nil where the relay does not tell them, as in lists.
	Log []DeliveryAttempt `json:"attempt_log"`
}

// DeliveryAttempt is one HTTP request of a delivery, as the API tells it.
type DeliveryAttempt struct {
	Attempt int `json:"attempt"`
	// DeliveryID is what X-Kirim-Delivery-Id carried.
	DeliveryID     string    `json:"delivery_id"`
	StartedAt      Timestamp `json:"started_at"`
	DurationMS     float64   `json:"duration_ms"`
	ResponseStatus int       `json:"response_status"`
	Error          string    `json:"error"`
	Outcome        string    `json:"outcome"`
}

// BulkReplayRequest replays deliveries of one subscription. Zero values are left out of the request.
type BulkReplayRequest struct {
	Subscription  string    `json:"subscription_id"`
	Status        string    `json:"status,omitempty"`
	EventType     string    `json:"event_type,omitempty"`
	CreatedAfter  time.Time `json:"created_after,omitzero"`
	CreatedBefore time.Time `json:"created_before,omitzero"`
}

// BulkReplay is what came of it.
type BulkReplay struct {
	Enqueued int  `json:"enqueued"`
	Capped   bool `json:"capped"`
}

// ContactRequest makes a contact. Empty members are left out of the request.
type ContactRequest struct {
	// From is one of the organisation's numbers, where there are several and the path names none.
	From        string          `json:"from,omitempty"`
	PhoneNumber string          `json:"phone_number"`
	Name        string          `json:"name,omitempty"`
	Email       string          `json:"email,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
}

// ContactPatch changes a contact.
type ContactPatch struct {
	Name     Change[string]          `json:"name,omitzero"`
	Email    Change[string]          `json:"email,omitzero"`
	Metadata Change[json.RawMessage] `json:"metadata,omitzero"`
}

// ContactFilter selects contacts. Zero values are left out of the request.
type ContactFilter struct {
	// Phone is a whole number, Search a part of a name or an e-mail address.
	Phone, Search string
	Page
}

// Contact is a customer of an organisation.
type Contact struct {
	ID          string          `json:"id"`
	Object      string          `json:"object"`
	PhoneNumber *string         `json:"phone_number"`
	Name        *string         `json:"name"`
	Email       *string         `json:"email"`
	Metadata    json.RawMessage `json:"metadata"`
	Account     Account         `json:"whatsapp_account"`
	CreatedAt   Timestamp       `json:"created_at"`
	UpdatedAt   Timestamp       `json:"updated_at"`
}

// Account is the WhatsApp number that a contact or a conversation belongs to.
type Account struct {
	PhoneNumber *string `json:"phone_number"`
}

// ConversationFilter selects conversations. Zero values are left out of the request.
type ConversationFilter struct {
	Status, Contact string
	Page
}

// ConversationPatch changes a conversation.
type ConversationPatch struct {
	// Status is open, pending or resolved.
	Status Change[string] `json:"status,omitzero"`
	// AssignedTo is a user's id; null takes the conversation from whoever has it.
	AssignedTo Change[string] `json:"assigned_to,omitzero"`
}

// Conversation is what an organisation and a contact say to each other.
type Conversation struct {
	ID            string    `json:"id"`
	Object        string    `json:"object"`
	Status        string    `json:"status"`
	Contact       Customer  `json:"contact"`
	Account       Account   `json:"whatsapp_account"`
	Assignee      *User     `json:"assignee"`
	UnreadCount   int       `json:"unread_count"`
	LastMessageAt Timestamp `json:"last_message_at"`
	LastInboundAt Timestamp `json:"last_inbound_at"`
	CreatedAt     Timestamp `json:"created_at"`
	UpdatedAt     Timestamp `json:"updated_at"`
}

// Customer is the contact of a conversation.
type Customer struct {
	ID          string  `json:"id"`
	PhoneNumber *string `json:"phone_number"`
	Name        *string `json:"name"`
}

// User is whom a conversation is assigned to.
type User struct {
	ID    string  `json:"id"`
	Name  *string `json:"name"`
	Email *string `json:"email"`
}

// Message is an outbound message that was accepted.
type Message struct {
	ID        string    `json:"id"`
	Object    string    `json:"object"`
	To        string    `json:"to"`
	Type      string    `json:"type"`
	Status    string    `json:"status"`
	CreatedAt Timestamp `json:"created_at"`
}

// Health is what the relay says of itself.
type Health struct {
	Status  string `json:"status"`
	Edition string `json:"edition"`
	Clock   struct {
		Mode string    `json:"mode"`
		Now  Timestamp `json:"now"`
	} `json:"clock"`
}

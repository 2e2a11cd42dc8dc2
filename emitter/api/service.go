package api

import (
	"context"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// Service is what the API calls; *relay.Relay is one. A call that is refused returns a *relay.Error, which becomes the
// answer; any other error becomes a 500 that tells the client nothing more. Objects of other organisations do not exist.
type Service interface {
	// NewID returns a new id of Kirim's form.
	NewID(prefix string) string
	// Authenticate finds the organisation of an API key; the empty key is one that was not sent.
	Authenticate(ctx context.Context, key string) (relay.Org, error)
	Accounts(ctx context.Context, org relay.Org) ([]store.Account, error)
	// Idempotent runs a call once for each key of an organisation, and afterwards returns the first run's answer with
	// replayed set. A run that returns an error leaves nothing behind: the key can be used again, with any body.
	Idempotent(ctx context.Context, org relay.Org, key string, fingerprint [32]byte,
		run func(context.Context) (relay.Answer, error)) (answer relay.Answer, replayed bool, err error)

	SubscriptionService
	DeliveryService
	CustomerService
}

var _ Service = (*relay.Relay)(nil)

// SubscriptionService is the part of the service that manages subscriptions and their secrets. Lists return the place where
// the next page begins, empty at the end.
type SubscriptionService interface {
	// CreateSubscription returns the subscription with its first secret.
	CreateSubscription(ctx context.Context, org relay.Org, in relay.SubscriptionInput) (store.Subscription, error)
	Subscription(ctx context.Context, org relay.Org, id string) (store.Subscription, error)
	Subscriptions(ctx context.Context, org relay.Org, page relay.Page) (items []store.Subscription, next string, err error)
	UpdateSubscription(ctx context.Context, org relay.Org, id string, p relay.SubscriptionPatch) (store.Subscription, error)
	DeleteSubscription(ctx context.Context, org relay.Org, id string) error
	// AddSecret makes a secret; with expiresIn 0 nothing expires.
	AddSecret(ctx context.Context, org relay.Org, subscription string, expiresIn time.Duration) (store.Secret, error)
	DeleteSecret(ctx context.Context, org relay.Org, subscription, secret string) error
}

// DeliveryService is the part of the service that looks at deliveries and repeats them.
type DeliveryService interface {
	Deliveries(ctx context.Context, org relay.Org, f store.DeliveryFilter, page relay.Page) (
		items []store.Delivery, next string, err error)
	Delivery(ctx context.Context, org relay.Org, id string) (store.Delivery, []store.Attempt, error)
	// Replay returns the new delivery.
	Replay(ctx context.Context, org relay.Org, id string) (store.Delivery, error)
	BulkReplay(ctx context.Context, org relay.Org, f store.DeliveryFilter) (enqueued int, capped bool, err error)
}

// CustomerService is the part of the service that knows contacts, conversations and messages. A scope is the phone number id
// of the path, empty in editions whose paths have none.
type CustomerService interface {
	CreateContact(ctx context.Context, org relay.Org, in relay.ContactInput) (store.Contact, error)
	Contact(ctx context.Context, org relay.Org, scope, id string) (store.Contact, error)
	Contacts(ctx context.Context, org relay.Org, f store.ContactFilter, page relay.Page) (
		items []store.Contact, next string, err error)
	UpdateContact(ctx context.Context, org relay.Org, scope, id string, p relay.ContactPatch) (store.Contact, error)
	Conversations(ctx context.Context, org relay.Org, f store.ConversationFilter, page relay.Page) (
		items []relay.ConversationView, next string, err error)
	Conversation(ctx context.Context, org relay.Org, scope, id string) (relay.ConversationView, error)
	UpdateConversation(ctx context.Context, org relay.Org, scope, id string, p relay.ConversationPatch) (
		relay.ConversationView, error)
	SendMessage(ctx context.Context, org relay.Org, scope, to, text string) (relay.Message, error)
}

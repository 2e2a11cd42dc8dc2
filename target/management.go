package target

import (
	"context"
	"errors"
	"fmt"

	"github.com/kirimcheck/kirimcheck/wire"
)

// Management is how the harness manages a relay. Every call is one request; nothing is repeated or waited for. Each
// returns what went over the wire, as evidence, also where it returns an error. An error is a *NoAnswerError where
// there is no complete answer, an *EnvelopeError where the answer is not of the API's form, an *APIError where the API
// refused, and wraps errors.ErrUnsupported where the relay has no such call, and ErrByHand where the harness has none. It
// is safe for concurrent use.
type Management interface {
	// CreateSubscription returns the subscription with its secret, which is shown this once.
	CreateSubscription(ctx context.Context, r SubscriptionRequest) (Subscription, Reply, error)
	Subscription(ctx context.Context, id string) (Subscription, Reply, error)
	Subscriptions(ctx context.Context, p Page) (List[Subscription], Reply, error)
	UpdateSubscription(ctx context.Context, id string, p SubscriptionPatch) (Subscription, Reply, error)
	DeleteSubscription(ctx context.Context, id string) (Reply, error)
	// AddSecret adds a signing secret; with 0 hours the request names no expiry.
	AddSecret(ctx context.Context, subscription string, expiresInHours int) (SigningSecret, Reply, error)
	DeleteSecret(ctx context.Context, subscription, secret string) (Reply, error)

	Deliveries(ctx context.Context, f DeliveryFilter) (List[Delivery], Reply, error)
	// Delivery returns one delivery, with its attempts where the relay tells them.
	Delivery(ctx context.Context, id string) (Delivery, Reply, error)
	// Replay returns the new delivery, as far as the answer tells it: id, replayed_from and status.
	Replay(ctx context.Context, id string) (Delivery, Reply, error)
	BulkReplay(ctx context.Context, r BulkReplayRequest) (BulkReplay, Reply, error)

	CreateContact(ctx context.Context, r ContactRequest) (Contact, Reply, error)
	Contact(ctx context.Context, id string) (Contact, Reply, error)
	Contacts(ctx context.Context, f ContactFilter) (List[Contact], Reply, error)
	UpdateContact(ctx context.Context, id string, p ContactPatch) (Contact, Reply, error)
	Conversation(ctx context.Context, id string) (Conversation, Reply, error)
	Conversations(ctx context.Context, f ConversationFilter) (List[Conversation], Reply, error)
	UpdateConversation(ctx context.Context, id string, p ConversationPatch) (Conversation, Reply, error)
	// SendMessage sends a text, in editions that have an event of outbound messages.
	SendMessage(ctx context.Context, to, text string) (Message, Reply, error)

	// Health needs no key.
	Health(ctx context.Context) (Health, Reply, error)

	// Call makes one request as it is given, for what the typed calls cannot say. The reply's Failure tells the errors.
	Call(ctx context.Context, r Request) Reply

	// Other is the same API with the key of another organisation; ok is false where there is none.
	Other() (m Management, ok bool)
	// Names are the words of this API, defaults filled in.
	Names() Names
	// Paths are the paths of this API, the account filled in.
	Paths() RESTPaths
	// PhoneNumberID is the account that webhooks should be about.
	PhoneNumberID() string
	// Secrets returns everything that reports must hide: the keys, secret headers, and the signing secrets in answers so
	// far, those of Other included.
	Secrets() []string
	// String describes the API, without secrets.
	String() string
}

// Keyed is a management that is not over REST, and can be used with another key.
type Keyed interface {
	// WithKey returns the same API with NoKey or WrongKey.
	WithKey(KeyChoice) Management
}

// KeyChoice says with which key a request is made.
type KeyChoice int

// The choices.
const (
	// DefaultKey is that of the target file.
	DefaultKey KeyChoice = iota
	// OtherKey is another organisation's.
	OtherKey
	// NoKey: there is no Authorization header, unless the request brings its own.
	NoKey
	// WrongKey has the form of a key, and was never issued.
	WrongKey
)

// Request is a request of Call.
type Request struct {
	Method string
	// Path stands below the base of the API, and may have a query. It begins with a slash.
	Path string
	// Header comes after the client's own, and replaces those of the same name.
	Header []wire.Field
	// Body is sent as it is. A request with a body says application/json unless Header says otherwise.
	Body []byte
	Key  KeyChoice
}

// Page is a part of a list. Zero values are left out of the request.
type Page struct {
	Limit  int
	Cursor string
}

// List is a page of a list.
type List[T any] struct {
	Items   []T
	HasMore bool
	// NextCursor is empty where the answer has null.
	NextCursor string
}

// Collect follows a list's cursors to its end. More than limit items are an error, and so is a cursor that comes twice:
// such a list would never end.
func Collect[T any](
	ctx context.Context, limit int, page func(ctx context.Context, cursor string) (List[T], Reply, error),
) ([]T, error) {
	var all []T
	seen := map[string]bool{"": true}
	for cursor := ""; ; {
		list, reply, err := page(ctx, cursor)
		if err != nil {
			return all, err
		}
		all = append(all, list.Items...)
		switch cursor = list.NextCursor; {
		case len(all) > limit:
			return all, fmt.Errorf("the list has more than %d items", limit)
		case !list.HasMore:
			return all, nil
		case cursor == "":
			return all, reply.off("has_more is true without a next_cursor")
		case seen[cursor]:
			return all, reply.off("next_cursor is one that came before, so the list would never end")
		}
		seen[cursor] = true
	}
}

// NewManagement returns the management of a relay.
func (t *Target) NewManagement() (Management, error) {
	rest := t.Management.REST
	switch {
	case t.Management.GraphQL != nil:
		client, err := t.Client(t.Management.GraphQL.Timeout)
		if err != nil {
			return nil, err
		}
		return t.newGraphQL(*t.Management.GraphQL, client)
	case t.Management.Static != nil:
		return NewStatic(t.HandMade, t.Contract)
	case rest == nil:
		return nil, errors.New("the target has no management")
	}
	client, err := t.Client(rest.Timeout)
	if err != nil {
		return nil, err
	}
	return NewREST(RESTOptions{
		Config: *rest, Edition: t.Contract, Client: client, Key: t.Key, OtherKey: t.OtherKey, patience: t.patience(),
	})
}

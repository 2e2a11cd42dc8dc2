package target

import (
	"context"
	"errors"
	"fmt"

	"github.com/kirimcheck/kirimcheck/contract"
)

// ErrByHand is wrapped by the error of every call of a management by hand. It says nothing of what the relay can do:
// whoever needs the call could not see.
var ErrByHand = errors.New("subscriptions are made by hand (management.static), so the harness has no API of the relay to see it by")

// Static is the management of a relay whose subscriptions were made by hand. All its calls are errors that wrap
// ErrByHand, and none of them sends anything.
type Static struct {
	made  []HandMade
	names Names
	paths RESTPaths
}

var _ Management = (*Static)(nil)

// NewStatic returns the management of these subscriptions.
func NewStatic(made []HandMade, edition contract.Edition) (*Static, error) {
	if len(made) == 0 {
		return nil, errors.New("management static: there is no subscription")
	}
	m := &Static{made: made}
	// The words and paths are asked for before a call is made, and never used.
	if err := m.names.resolve(edition); err != nil {
		return nil, fmt.Errorf("management static: %w", err)
	}
	if err := m.paths.resolve(edition, DefaultPhoneNumberID); err != nil {
		return nil, fmt.Errorf("management static: %w", err)
	}
	return m, nil
}

// HandMade are the subscriptions that there are.
func (m *Static) HandMade() []HandMade { return m.made }

// Secrets are the signing secrets.
func (m *Static) Secrets() []string {
	var all hidden
	all.known = map[string]bool{}
	for _, s := range m.made {
		all.add(s.Secret.Reveal())
	}
	return all.all()
}

// String says what it is.
func (m *Static) String() string {
	return fmt.Sprintf("static, %d subscriptions made by hand", len(m.made))
}

// byHand is the error of a call.
func byHand(what string) error { return fmt.Errorf("%s: %w", what, ErrByHand) }

// refuse is what a call returns that would have returned a T.
func refuse[T any](what string) (none T, _ Reply, _ error) { return none, Reply{}, byHand(what) }

// Call makes no request.
func (m *Static) Call(_ context.Context, r Request) Reply {
	return Reply{call: r.Method + " " + r.Path, failure: byHand("calling the API")}
}

// Other is none.
func (m *Static) Other() (Management, bool) { return nil, false }

// Names are those of the edition.
func (m *Static) Names() Names { return m.names }

// Paths are those of the edition.
func (m *Static) Paths() RESTPaths { return m.paths }

// PhoneNumberID is the documentation's own example.
func (m *Static) PhoneNumberID() string { return DefaultPhoneNumberID }

// What follows are the calls. None of them can be made.

// CreateSubscription makes none.
func (m *Static) CreateSubscription(context.Context, SubscriptionRequest) (Subscription, Reply, error) {
	return refuse[Subscription]("creating a subscription")
}

// Subscription reads none.
func (m *Static) Subscription(context.Context, string) (Subscription, Reply, error) {
	return refuse[Subscription]("reading a subscription")
}

// Subscriptions lists none.
func (m *Static) Subscriptions(context.Context, Page) (List[Subscription], Reply, error) {
	return refuse[List[Subscription]]("listing the subscriptions")
}

// UpdateSubscription changes none.
func (m *Static) UpdateSubscription(context.Context, string, SubscriptionPatch) (Subscription, Reply, error) {
	return refuse[Subscription]("changing a subscription")
}

// DeleteSubscription deletes none.
func (m *Static) DeleteSubscription(context.Context, string) (Reply, error) {
	return Reply{}, byHand("deleting a subscription")
}

// AddSecret adds none.
func (m *Static) AddSecret(context.Context, string, int) (SigningSecret, Reply, error) {
	return refuse[SigningSecret]("adding a secret")
}

// DeleteSecret deletes none.
func (m *Static) DeleteSecret(context.Context, string, string) (Reply, error) {
	return Reply{}, byHand("deleting a secret")
}

// Deliveries lists none.
func (m *Static) Deliveries(context.Context, DeliveryFilter) (List[Delivery], Reply, error) {
	return refuse[List[Delivery]]("listing deliveries")
}

// Delivery reads none.
func (m *Static) Delivery(context.Context, string) (Delivery, Reply, error) {
	return refuse[Delivery]("reading a delivery")
}

// Replay replays none.
func (m *Static) Replay(context.Context, string) (Delivery, Reply, error) {
	return refuse[Delivery]("replaying a delivery")
}

// BulkReplay replays none.
func (m *Static) BulkReplay(context.Context, BulkReplayRequest) (BulkReplay, Reply, error) {
	return refuse[BulkReplay]("replaying deliveries")
}

// CreateContact makes none.
func (m *Static) CreateContact(context.Context, ContactRequest) (Contact, Reply, error) {
	return refuse[Contact]("creating a contact")
}

// Contact reads none.
func (m *Static) Contact(context.Context, string) (Contact, Reply, error) {
	return refuse[Contact]("reading a contact")
}

// Contacts lists none.
func (m *Static) Contacts(context.Context, ContactFilter) (List[Contact], Reply, error) {
	return refuse[List[Contact]]("listing contacts")
}

// UpdateContact changes none.
func (m *Static) UpdateContact(context.Context, string, ContactPatch) (Contact, Reply, error) {
	return refuse[Contact]("changing a contact")
}

// Conversation reads none.
func (m *Static) Conversation(context.Context, string) (Conversation, Reply, error) {
	return refuse[Conversation]("reading a conversation")
}

// Conversations lists none.
func (m *Static) Conversations(context.Context, ConversationFilter) (List[Conversation], Reply, error) {
	return refuse[List[Conversation]]("listing conversations")
}

// UpdateConversation changes none.
func (m *Static) UpdateConversation(context.Context, string, ConversationPatch) (Conversation, Reply, error) {
	return refuse[Conversation]("changing a conversation")
}

// SendMessage sends none.
func (m *Static) SendMessage(context.Context, string, string) (Message, Reply, error) {
	return refuse[Message]("sending a message")
}

// Health knows nothing.
func (m *Static) Health(context.Context) (Health, Reply, error) {
	return refuse[Health]("asking for its health")
}

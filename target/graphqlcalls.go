package target

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// valuesOf are the members of a request as the REST API has them, and further ones.
func valuesOf(request any, more map[string]any) (map[string]any, error) {
	values := map[string]any{}
	if request != nil {
		text, err := encode(request)
		if err != nil {
			return nil, err
		}
		// Numbers of metadata keep their digits.
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&values); err != nil {
			return nil, err
		}
	}
	for name, value := range more {
		if value != "" && value != 0 {
			values[name] = value
		}
	}
	return values, nil
}

// graphOne carries out an operation whose answer is an object.
func graphOne[T any](ctx context.Context, m *GraphQL, name string, request any, more map[string]any) (item T, reply Reply, err error) {
	values, err := valuesOf(request, more)
	if err != nil {
		return item, Reply{}, fmt.Errorf("%s: the request cannot be encoded: %w", name, err)
	}
	if reply, err = m.do(ctx, name, DefaultKey, values); err != nil {
		return item, reply, err
	}
	return item, reply, reply.decode(&item)
}

// graphList carries out an operation whose answer is a list.
func graphList[T any](ctx context.Context, m *GraphQL, name string, p Page, more map[string]any) (List[T], Reply, error) {
	values, err := valuesOf(nil, more)
	if err != nil {
		return List[T]{}, Reply{}, fmt.Errorf("%s: the request cannot be encoded: %w", name, err)
	}
	if p.Limit != 0 {
		values["limit"] = p.Limit
	}
	if p.Cursor != "" {
		values["cursor"] = p.Cursor
	}
	reply, err := m.do(ctx, name, DefaultKey, values)
	if err != nil {
		return List[T]{}, reply, err
	}
	var items []T
	err = reply.decode(&items)
	return List[T]{Items: items, HasMore: reply.HasMore, NextCursor: reply.NextCursor}, reply, err
}

// graphShown reads the secret that an answer shows.
func (m *GraphQL) graphShown(reply *Reply, name string) (Secret, error) {
	var data map[string]json.RawMessage
	if err := reply.decode(&data); err != nil {
		return Secret{}, err
	}
	secret := textOf(data[name])
	if secret == "" {
		return Secret{}, reply.off("the result %s is empty", name)
	}
	m.hidden.add(secret)
	return NewSecret(secret), nil
}

// id is the only value of many operations.
func id(value string) map[string]any { return map[string]any{"id": value} }

// moment is a time as the REST API takes it; empty for the zero time.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// CreateSubscription makes a subscription.
func (m *GraphQL) CreateSubscription(ctx context.Context, r SubscriptionRequest) (Subscription, Reply, error) {
	s, reply, err := graphOne[Subscription](ctx, m, "create_subscription", r, nil)
	if err != nil {
		return s, reply, err
	}
	s.Secret, err = m.graphShown(&reply, "initial_secret")
	return s, reply, err
}

// Subscription reads one subscription.
func (m *GraphQL) Subscription(ctx context.Context, s string) (Subscription, Reply, error) {
	return graphOne[Subscription](ctx, m, "subscription", nil, id(s))
}

// Subscriptions reads a page of the subscriptions.
func (m *GraphQL) Subscriptions(ctx context.Context, p Page) (List[Subscription], Reply, error) {
	return graphList[Subscription](ctx, m, "subscriptions", p, nil)
}

// UpdateSubscription changes a subscription.
func (m *GraphQL) UpdateSubscription(ctx context.Context, s string, p SubscriptionPatch) (Subscription, Reply, error) {
	return graphOne[Subscription](ctx, m, "update_subscription", p, id(s))
}

// DeleteSubscription deletes a subscription.
func (m *GraphQL) DeleteSubscription(ctx context.Context, s string) (Reply, error) {
	return m.do(ctx, "delete_subscription", DefaultKey, id(s))
}

// AddSecret adds a signing secret.
func (m *GraphQL) AddSecret(ctx context.Context, subscription string, expiresInHours int) (SigningSecret, Reply, error) {
	values := map[string]any{"subscription_id": subscription, "expires_in_hours": expiresInHours}
	s, reply, err := graphOne[SigningSecret](ctx, m, "add_secret", nil, values)
	if err != nil {
		return s, reply, err
	}
	s.Secret, err = m.graphShown(&reply, "secret")
	return s, reply, err
}

// DeleteSecret deletes a signing secret.
func (m *GraphQL) DeleteSecret(ctx context.Context, subscription, secret string) (Reply, error) {
	return m.do(ctx, "delete_secret", DefaultKey, map[string]any{"subscription_id": subscription, "secret_id": secret})
}

// Deliveries reads a page of the deliveries.
func (m *GraphQL) Deliveries(ctx context.Context, f DeliveryFilter) (List[Delivery], Reply, error) {
	return graphList[Delivery](ctx, m, "deliveries", f.Page, map[string]any{
		"subscription_id": f.Subscription, "status": f.Status, "event_type": f.EventType, "event_id": f.EventID,
		"created_after": moment(f.CreatedAfter), "created_before": moment(f.CreatedBefore),
	})
}

// Delivery reads one delivery.
func (m *GraphQL) Delivery(ctx context.Context, d string) (Delivery, Reply, error) {
	return graphOne[Delivery](ctx, m, "delivery", nil, id(d))
}

// Replay sends one delivery again.
func (m *GraphQL) Replay(ctx context.Context, d string) (Delivery, Reply, error) {
	return graphOne[Delivery](ctx, m, "replay", nil, id(d))
}

// BulkReplay sends many deliveries again.
func (m *GraphQL) BulkReplay(ctx context.Context, r BulkReplayRequest) (BulkReplay, Reply, error) {
	r.CreatedAfter, r.CreatedBefore = r.CreatedAfter.UTC(), r.CreatedBefore.UTC()
	return graphOne[BulkReplay](ctx, m, "bulk_replay", r, nil)
}

// CreateContact makes a contact.
func (m *GraphQL) CreateContact(ctx context.Context, r ContactRequest) (Contact, Reply, error) {
	return graphOne[Contact](ctx, m, "create_contact", r, nil)
}

// Contact reads one contact.
func (m *GraphQL) Contact(ctx context.Context, c string) (Contact, Reply, error) {
	return graphOne[Contact](ctx, m, "contact", nil, id(c))
}

// Contacts reads a page of the contacts.
func (m *GraphQL) Contacts(ctx context.Context, f ContactFilter) (List[Contact], Reply, error) {
	return graphList[Contact](ctx, m, "contacts", f.Page, map[string]any{"phone": f.Phone, "search": f.Search})
}

// UpdateContact changes a contact.
func (m *GraphQL) UpdateContact(ctx context.Context, c string, p ContactPatch) (Contact, Reply, error) {
	return graphOne[Contact](ctx, m, "update_contact", p, id(c))
}

// Conversation reads one conversation.
func (m *GraphQL) Conversation(ctx context.Context, c string) (Conversation, Reply, error) {
	return graphOne[Conversation](ctx, m, "conversation", nil, id(c))
}

// Conversations reads a page of the conversations.
func (m *GraphQL) Conversations(ctx context.Context, f ConversationFilter) (List[Conversation], Reply, error) {
	return graphList[Conversation](ctx, m, "conversations", f.Page, map[string]any{"status": f.Status, "contact_id": f.Contact})
}

// UpdateConversation assigns, resolves or opens a conversation.
func (m *GraphQL) UpdateConversation(ctx context.Context, c string, p ConversationPatch) (Conversation, Reply, error) {
	return graphOne[Conversation](ctx, m, "update_conversation", p, id(c))
}

// SendMessage sends a text.
func (m *GraphQL) SendMessage(ctx context.Context, to, text string) (Message, Reply, error) {
	return graphOne[Message](ctx, m, "send_message", nil, map[string]any{"to": to, "text": text})
}

// Health asks how the relay is. A relay without such an operation is asked for nothing but its answer.
func (m *GraphQL) Health(ctx context.Context) (Health, Reply, error) {
	var h Health
	reply, err := m.do(ctx, "health", NoKey, nil)
	if err != nil {
		return h, reply, err
	}
	return h, reply, reply.decode(&h)
}

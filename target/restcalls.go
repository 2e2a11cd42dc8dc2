package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// item is the path of one thing in a collection.
func item(collection, id string) string { return collection + "/" + url.PathEscape(id) }

// CreateSubscription makes a subscription.
func (m *REST) CreateSubscription(ctx context.Context, r SubscriptionRequest) (Subscription, Reply, error) {
	s, reply, err := one(ctx, m, http.MethodPost, m.config.Paths.Subscriptions, r, Subscription.id)
	if err != nil {
		return s, reply, err
	}
	s.Secret, err = m.shownOnce(&reply, m.config.Names.InitialSecret)
	return s, reply, err
}

// shownOnce reads the secret that an answer shows.
func (m *REST) shownOnce(reply *Reply, name string) (Secret, error) {
	var data map[string]json.RawMessage
	if err := reply.decode(&data); err != nil {
		return Secret{}, err
	}
	secret := textOf(data[name])
	if secret == "" {
		return Secret{}, reply.off("data.%s is not there, or is not text", name)
	}
	return NewSecret(secret), nil
}

// Subscription reads one subscription.
func (m *REST) Subscription(ctx context.Context, id string) (Subscription, Reply, error) {
	return one(ctx, m, http.MethodGet, item(m.config.Paths.Subscriptions, id), nil, Subscription.id)
}

// Subscriptions reads a page of the subscriptions.
func (m *REST) Subscriptions(ctx context.Context, p Page) (List[Subscription], Reply, error) {
	return list[Subscription](ctx, m, m.config.Paths.Subscriptions, p.query())
}

// UpdateSubscription changes a subscription.
func (m *REST) UpdateSubscription(ctx context.Context, id string, p SubscriptionPatch) (Subscription, Reply, error) {
	return one(ctx, m, http.MethodPatch, item(m.config.Paths.Subscriptions, id), p, Subscription.id)
}

// DeleteSubscription deletes a subscription.
func (m *REST) DeleteSubscription(ctx context.Context, id string) (Reply, error) {
	return m.send(ctx, http.MethodDelete, item(m.config.Paths.Subscriptions, id), nil, nil, nil)
}

// AddSecret adds a signing secret.
func (m *REST) AddSecret(ctx context.Context, subscription string, expiresInHours int) (SigningSecret, Reply, error) {
	body := struct {
		Hours int `json:"expires_in_hours,omitzero"`
	}{expiresInHours}
	path := item(m.config.Paths.Subscriptions, subscription) + m.config.Paths.Secrets
	s, reply, err := one(ctx, m, http.MethodPost, path, body, SigningSecret.id)
	if err != nil {
		return s, reply, err
	}
	s.Secret, err = m.shownOnce(&reply, m.config.Names.Secret)
	return s, reply, err
}

// DeleteSecret deletes a signing secret.
func (m *REST) DeleteSecret(ctx context.Context, subscription, secret string) (Reply, error) {
	path := item(item(m.config.Paths.Subscriptions, subscription)+m.config.Paths.Secrets, secret)
	return m.send(ctx, http.MethodDelete, path, nil, nil, nil)
}

// Deliveries reads a page of the deliveries.
func (m *REST) Deliveries(ctx context.Context, f DeliveryFilter) (List[Delivery], Reply, error) {
	q := f.query()
	put(q, "subscription_id", f.Subscription)
	put(q, "status", f.Status)
	put(q, "event_type", f.EventType)
	put(q, "event_id", f.EventID)
	putTime(q, "created_after", f.CreatedAfter)
	putTime(q, "created_before", f.CreatedBefore)
	return list[Delivery](ctx, m, m.config.Paths.Deliveries, q)
}

// Delivery reads one delivery.
func (m *REST) Delivery(ctx context.Context, id string) (Delivery, Reply, error) {
	return one(ctx, m, http.MethodGet, item(m.config.Paths.Deliveries, id), nil, Delivery.id)
}

// Replay sends one delivery again.
func (m *REST) Replay(ctx context.Context, id string) (Delivery, Reply, error) {
	return one(ctx, m, http.MethodPost, item(m.config.Paths.Deliveries, id)+m.config.Paths.Replay, nil, Delivery.id)
}

// BulkReplay sends many deliveries again.
func (m *REST) BulkReplay(ctx context.Context, r BulkReplayRequest) (BulkReplay, Reply, error) {
	r.CreatedAfter, r.CreatedBefore = r.CreatedAfter.UTC(), r.CreatedBefore.UTC()
	var done BulkReplay
	reply, err := m.send(ctx, http.MethodPost, m.config.Paths.Deliveries+m.config.Paths.BulkReplay, nil, r, &done)
	return done, reply, err
}

// CreateContact makes a contact.
func (m *REST) CreateContact(ctx context.Context, r ContactRequest) (Contact, Reply, error) {
	return one(ctx, m, http.MethodPost, m.config.Paths.Contacts, r, Contact.id)
}

// Contact reads one contact.
func (m *REST) Contact(ctx context.Context, id string) (Contact, Reply, error) {
	return one(ctx, m, http.MethodGet, item(m.config.Paths.Contacts, id), nil, Contact.id)
}

// Contacts reads a page of the contacts.
func (m *REST) Contacts(ctx context.Context, f ContactFilter) (List[Contact], Reply, error) {
	q := f.query()
	put(q, "phone", f.Phone)
	put(q, "search", f.Search)
	return list[Contact](ctx, m, m.config.Paths.Contacts, q)
}

// UpdateContact changes a contact.
func (m *REST) UpdateContact(ctx context.Context, id string, p ContactPatch) (Contact, Reply, error) {
	return one(ctx, m, http.MethodPatch, item(m.config.Paths.Contacts, id), p, Contact.id)
}

// Conversation reads one conversation.
func (m *REST) Conversation(ctx context.Context, id string) (Conversation, Reply, error) {
	return one(ctx, m, http.MethodGet, item(m.config.Paths.Conversations, id), nil, Conversation.id)
}

// Conversations reads a page of the conversations.
func (m *REST) Conversations(ctx context.Context, f ConversationFilter) (List[Conversation], Reply, error) {
	q := f.query()
	put(q, "status", f.Status)
	put(q, "contact_id", f.Contact)
	return list[Conversation](ctx, m, m.config.Paths.Conversations, q)
}

// UpdateConversation assigns, resolves or opens a conversation.
func (m *REST) UpdateConversation(ctx context.Context, id string, p ConversationPatch) (Conversation, Reply, error) {
	return one(ctx, m, http.MethodPatch, item(m.config.Paths.Conversations, id), p, Conversation.id)
}

// SendMessage sends a text.
func (m *REST) SendMessage(ctx context.Context, to, body string) (Message, Reply, error) {
	if m.config.Paths.Messages == "" {
		return Message{}, Reply{}, fmt.Errorf("the edition has no call that sends messages: %w", errors.ErrUnsupported)
	}
	request := map[string]any{"to": to, "type": "text", "text": map[string]string{"body": body}}
	return one(ctx, m, http.MethodPost, m.config.Paths.Messages, request, Message.id)
}

// Health asks how the relay is.
func (m *REST) Health(ctx context.Context) (Health, Reply, error) {
	var h Health
	reply, err := m.send(ctx, http.MethodGet, m.config.Paths.Health, nil, nil, &h)
	return h, reply, err
}

func (s Subscription) id() string  { return s.ID }
func (s SigningSecret) id() string { return s.ID }
func (d Delivery) id() string      { return d.ID }
func (c Contact) id() string       { return c.ID }
func (c Conversation) id() string  { return c.ID }
func (m Message) id() string       { return m.ID }

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	put(q, "cursor", p.Cursor)
	return q
}

func put(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func putTime(q url.Values, name string, at time.Time) {
	if !at.IsZero() {
		q.Set(name, at.UTC().Format(time.RFC3339Nano))
	}
}

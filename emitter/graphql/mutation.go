package graphql

import (
	"context"

	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/graphql/exec"
)

type mutation struct{ *resolver }

// changed makes a call with an input.
func changed[T any](ctx context.Context, m mutation, operation string, parts map[string]string, input map[string]any) (*T, error) {
	text, err := body(input)
	if err != nil {
		return nil, err
	}
	return shown[T](ctx, m.resolver, api.Call{Operation: operation, Parts: parts, Body: text})
}

func (m mutation) CreateWebhookSubscription(ctx context.Context, input map[string]any) (*exec.NewWebhookSubscription, error) {
	return changed[exec.NewWebhookSubscription](ctx, m, "POST "+m.paths.Subscriptions, nil, input)
}

func (m mutation) UpdateWebhookSubscription(ctx context.Context, id string, input map[string]any) (*exec.WebhookSubscription, error) {
	return changed[exec.WebhookSubscription](ctx, m, "PATCH "+m.paths.Subscriptions+"/{id}", map[string]string{"id": id}, input)
}

func (m mutation) DeleteWebhookSubscription(ctx context.Context, id string) (*exec.Deleted, error) {
	return changed[exec.Deleted](ctx, m, "DELETE "+m.paths.Subscriptions+"/{id}", map[string]string{"id": id}, nil)
}

func (m mutation) CreateWebhookSecret(
	ctx context.Context, subscription string, input map[string]any,
) (*exec.NewWebhookSecret, error) {
	return changed[exec.NewWebhookSecret](ctx, m, "POST "+m.paths.Subscriptions+"/{id}/secrets", map[string]string{"id": subscription}, input)
}

func (m mutation) DeleteWebhookSecret(ctx context.Context, subscription, id string) (*exec.Deleted, error) {
	parts := map[string]string{"id": subscription, "secret": id}
	return changed[exec.Deleted](ctx, m, "DELETE "+m.paths.Subscriptions+"/{id}/secrets/{secret}", parts, nil)
}

func (m mutation) ReplayWebhookDelivery(ctx context.Context, id string) (*exec.ReplayedDelivery, error) {
	return changed[exec.ReplayedDelivery](ctx, m, "POST "+m.paths.Deliveries+"/{id}/replay", map[string]string{"id": id}, nil)
}

func (m mutation) BulkReplayWebhookDeliveries(ctx context.Context, input map[string]any) (*exec.BulkReplay, error) {
	return changed[exec.BulkReplay](ctx, m, "POST "+m.paths.Deliveries+"/bulk_replay", nil, input)
}

func (m mutation) CreateContact(ctx context.Context, input map[string]any, phoneNumberID *string) (*exec.Contact, error) {
	return changed[exec.Contact](ctx, m, "POST "+m.paths.Contacts, scoped(phoneNumberID, ""), input)
}

func (m mutation) UpdateContact(
	ctx context.Context, id string, input map[string]any, phoneNumberID *string,
) (*exec.Contact, error) {
	return changed[exec.Contact](ctx, m, "PATCH "+m.paths.Contacts+"/{id}", scoped(phoneNumberID, id), input)
}

func (m mutation) UpdateConversation(
	ctx context.Context, id string, input map[string]any, phoneNumberID *string,
) (*exec.Conversation, error) {
	return changed[exec.Conversation](ctx, m, "PATCH "+m.paths.Conversations+"/{id}", scoped(phoneNumberID, id), input)
}

func (m mutation) SendMessage(ctx context.Context, input map[string]any, phoneNumberID *string) (*exec.Message, error) {
	return changed[exec.Message](ctx, m, "POST /{phone_number_id}/messages", scoped(phoneNumberID, ""), input)
}

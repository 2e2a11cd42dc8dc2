package graphql

import (
	"context"

	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/graphql/exec"
)

type query struct{ *resolver }

func (q query) WebhookSubscription(ctx context.Context, id string) (*exec.WebhookSubscription, error) {
	return shown[exec.WebhookSubscription](ctx, q.resolver, api.Call{
		Operation: "GET " + q.paths.Subscriptions + "/{id}", Parts: map[string]string{"id": id},
	})
}

func (q query) WebhookSubscriptions(ctx context.Context, limit *int, cursor *string) (*exec.WebhookSubscriptionPage, error) {
	return listed[exec.WebhookSubscriptionPage](ctx, q.resolver, api.Call{Operation: "GET " + q.paths.Subscriptions}, list{nil, limit, cursor})
}

func (q query) WebhookDelivery(ctx context.Context, id string) (*exec.WebhookDeliveryDetail, error) {
	return shown[exec.WebhookDeliveryDetail](ctx, q.resolver, api.Call{
		Operation: "GET " + q.paths.Deliveries + "/{id}", Parts: map[string]string{"id": id},
	})
}

func (q query) WebhookDeliveries(
	ctx context.Context, filter map[string]any, limit *int, cursor *string,
) (*exec.WebhookDeliveryPage, error) {
	return listed[exec.WebhookDeliveryPage](ctx, q.resolver, api.Call{Operation: "GET " + q.paths.Deliveries}, list{filter, limit, cursor})
}

func (q query) Contact(ctx context.Context, id string, phoneNumberID *string) (*exec.Contact, error) {
	return shown[exec.Contact](ctx, q.resolver, api.Call{
		Operation: "GET " + q.paths.Contacts + "/{id}", Parts: scoped(phoneNumberID, id),
	})
}

func (q query) Contacts(
	ctx context.Context, filter map[string]any, limit *int, cursor *string, phoneNumberID *string,
) (*exec.ContactPage, error) {
	return listed[exec.ContactPage](ctx, q.resolver, api.Call{Operation: "GET " + q.paths.Contacts, Parts: scoped(phoneNumberID, "")}, list{filter, limit, cursor})
}

func (q query) Conversation(ctx context.Context, id string, phoneNumberID *string) (*exec.Conversation, error) {
	return shown[exec.Conversation](ctx, q.resolver, api.Call{
		Operation: "GET " + q.paths.Conversations + "/{id}", Parts: scoped(phoneNumberID, id),
	})
}

func (q query) Conversations(
	ctx context.Context, filter map[string]any, limit *int, cursor *string, phoneNumberID *string,
) (*exec.ConversationPage, error) {
	return listed[exec.ConversationPage](ctx, q.resolver, api.Call{Operation: "GET " + q.paths.Conversations, Parts: scoped(phoneNumberID, "")}, list{filter, limit, cursor})
}

func (q query) Health(ctx context.Context) (*exec.Health, error) {
	return shown[exec.Health](ctx, q.resolver, api.Call{Operation: "GET /health"})
}

package api

import (
	"context"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// conversationView is a conversation as the API shows it (documentation: operations, conversations). Its webhooks carry
// a much smaller object.
type conversationView struct {
	ID              string        `json:"id"`
	Object          string        `json:"object"`
	Status          string        `json:"status"`
	Contact         customerView  `json:"contact"`
	WhatsAppAccount accountView   `json:"whatsapp_account"`
	Assignee        *assigneeView `json:"assignee"`
	UnreadCount     int           `json:"unread_count"`
	LastMessageAt   *string       `json:"last_message_at"`
	LastInboundAt   *string       `json:"last_inbound_at"`
	CreatedAt       string        `json:"created_at"`
	UpdatedAt       string        `json:"updated_at"`
}

type customerView struct {
	ID          string  `json:"id"`
	PhoneNumber *string `json:"phone_number"`
	Name        *string `json:"name"`
}

// assigneeView is the user that a conversation is assigned to. The emitter keeps no users, so it knows the id alone.
type assigneeView struct {
	ID    string  `json:"id"`
	Name  *string `json:"name"`
	Email *string `json:"email"`
}

// conversationRule takes the documented statuses (operations, conversations).
var conversationRule = choice(
	string(store.ConversationOpen), string(store.ConversationResolved), string(store.ConversationPending),
)

func viewConversation(v relay.ConversationView, numbers map[string]store.Account) conversationView {
	timeOrNil := func(t *time.Time) *string {
		if t == nil {
			return nil
		}
		return optionalTime(*t)
	}
	view := conversationView{
		ID: v.ID, Object: "conversation", Status: string(v.Status),
		Contact:         customerView{v.Customer.ID, v.Customer.Phone, v.Customer.Name},
		WhatsAppAccount: viewAccount(numbers, v.PhoneNumberID), UnreadCount: v.Unread,
		LastMessageAt: timeOrNil(v.LastMessageAt), LastInboundAt: timeOrNil(v.LastInboundAt),
		CreatedAt: timestamp(v.CreatedAt), UpdatedAt: timestamp(v.UpdatedAt),
	}
	if v.AssignedTo != nil {
		view.Assignee = &assigneeView{ID: *v.AssignedTo}
	}
	return view
}

// conversationReply shows one conversation.
func (a *api) conversationReply(ctx context.Context, c *call, v relay.ConversationView) (reply, error) {
	numbers, err := a.numbers(ctx, c.org)
	if err != nil {
		return reply{}, err
	}
	return shown(viewConversation(v, numbers)), nil
}

func (a *api) listConversations(ctx context.Context, c *call) (reply, error) {
	q := readQuery(c.request)
	filter := store.ConversationFilter{
		PhoneNumberID: c.scope, Contact: q.text("contact_id", idRule("ctc")),
		Status: store.ConversationStatus(q.text("status", conversationRule)),
	}
	page, bound, err := q.page(c)
	if err != nil {
		return reply{}, err
	}
	items, next, err := a.service.Conversations(ctx, c.org, filter, page)
	if err != nil {
		return reply{}, err
	}
	numbers, err := a.numbers(ctx, c.org)
	if err != nil {
		return reply{}, err
	}
	view := func(v relay.ConversationView) conversationView { return viewConversation(v, numbers) }
	return bound.listed(views(items, view), next), nil
}

func (a *api) getConversation(ctx context.Context, c *call) (reply, error) {
	id, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	v, err := a.service.Conversation(ctx, c.org, c.scope, id)
	if err != nil {
		return reply{}, err
	}
	return a.conversationReply(ctx, c, v)
}

// updateConversation is the one call that assigns and closes (documentation: operations, conversations, patch).
func (a *api) updateConversation(ctx context.Context, c *call) (reply, error) {
	id, err := c.conversation()
	if err != nil {
		return reply{}, err
	}
	f := c.body.fields()
	p := relay.ConversationPatch{
		Status:     (*store.ConversationStatus)(f.given("status", conversationRule)),
		AssignedTo: f.nullable("assigned_to", userRule),
	}
	if err := f.done(); err != nil {
		return reply{}, err
	}
	if p.Status == nil && p.AssignedTo == nil {
		return reply{}, relay.Invalid(missingField, "status", "at least one of status and assigned_to is required")
	}
	v, err := a.service.UpdateConversation(ctx, c.org, c.scope, id, p)
	if err != nil {
		return reply{}, err
	}
	return a.conversationReply(ctx, c, v)
}

// conversation is the id in the path.
func (c *call) conversation() (string, error) { return c.id("id", "cnv", "conversation") }

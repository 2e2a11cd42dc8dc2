package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// Conversations returns a part of the list, the last written to first, and the place behind it; empty at the end.
func (r *Relay) Conversations(ctx context.Context, org Org, f store.ConversationFilter, page Page) (items []ConversationView, next string, err error) {
	err = r.store.View(ctx, func(tx *store.Tx) error {
		after, err := page.position()
		if err != nil {
			return err
		}
		list, err := tx.Conversations(org.Seq, f, page.Limit+1, after)
		if err != nil {
			return err
		}
		if len(list) > page.Limit {
			list = list[:page.Limit]
			next = place(list[page.Limit-1].Position())
		}
		for _, c := range list {
			view, err := r.view(tx, c)
			if err != nil {
				return err
			}
			items = append(items, view)
		}
		return nil
	})
	return items, next, err
}

func (r *Relay) view(tx *store.Tx, c store.Conversation) (ConversationView, error) {
	customer, ok, err := tx.ContactBySeq(c.Contact)
	if err == nil && !ok {
		err = fmt.Errorf("conversation %s has no contact", c.ID)
	}
	return ConversationView{Conversation: c, Customer: customer}, err
}

// Conversation returns one conversation. scope is the number in the call's path, or empty.
func (r *Relay) Conversation(ctx context.Context, org Org, scope, id string) (v ConversationView, err error) {
	err = r.store.View(ctx, func(tx *store.Tx) error {
		c, err := r.conversation(tx, org, scope, id)
		if err != nil {
			return err
		}
		v, err = r.view(tx, c)
		return err
	})
	return v, err
}

func (r *Relay) conversation(tx *store.Tx, org Org, scope, id string) (store.Conversation, error) {
	c, ok, err := tx.Conversation(org.Seq, id)
	if err == nil && (!ok || (scope != "" && c.PhoneNumberID != scope)) {
		err = NotFound("conversation")
	}
	return c, err
}

// UpdateConversation changes a conversation. Another assignee is the event conversation.assigned, nobody included
// (reading Q18); the status resolved, where it was another, is the event conversation.closed.
func (r *Relay) UpdateConversation(ctx context.Context, org Org, scope, id string, p ConversationPatch) (v ConversationView, err error) {
	if p.Status == nil && p.AssignedTo == nil {
		return v, Invalid("missing_required_field", "", "name status or assigned_to")
	}
	err = r.update(ctx, func(tx *store.Tx) error {
		c, err := r.conversation(tx, org, scope, id)
		if err != nil {
			return err
		}
		before := c
		if p.Status != nil {
			c.Status = *p.Status
		}
		if p.AssignedTo != nil {
			c.AssignedTo = *p.AssignedTo
		}
		if !same(before.AssignedTo, c.AssignedTo) || before.Status != c.Status {
			c.UpdatedAt = r.clock.Now()
			if err := tx.UpdateConversation(c); err != nil {
				return err
			}
		}
		if r.behaviour.Assigned(before, c) {
			if err := r.announce(tx, org.Seq, conversationAssigned, newAssignedData(c, before.AssignedTo)); err != nil {
				return err
			}
		}
		if r.behaviour.Closed(before, c) {
			if err := r.announce(tx, org.Seq, conversationClosed, newClosedData(c, org.Owner)); err != nil {
				return err
			}
		}
		v, err = r.view(tx, c)
		return err
	})
	return v, err
}

func same(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func newConversationBody(c store.Conversation) conversationBody {
	return conversationBody{ID: c.ID, Object: "conversation", Status: c.Status}
}

func newAssignedData(c store.Conversation, previous *string) assignedData {
	data := assignedData{Conversation: newConversationBody(c)}
	data.Assignee.UserID, data.Assignee.PreviousUserID = c.AssignedTo, previous
	return data
}

// newClosedData: the user is the owner of the key with which the conversation was closed.
func newClosedData(c store.Conversation, user string) closedData {
	var data closedData
	data.Conversation.conversationBody = newConversationBody(c)
	if user != "" {
		data.Conversation.ClosedBy = &user
	}
	return data
}

// SendMessage accepts an outbound message, which is the event message.created in editions that have it, and in those that
// have message.sent that one. It goes nowhere: the emitter has no customers, and the id of Meta's is made up.
func (r *Relay) SendMessage(ctx context.Context, org Org, scope, to, text string) (m Message, err error) {
	outbound, ok := r.edition.Outbound()
	if !ok {
		return m, NotFound("resource")
	}
	number, err := r.numberOf(ctx, org, ContactInput{PhoneNumberID: scope})
	if err != nil {
		return m, err
	}
	m = Message{ID: r.NewID("msg"), To: to, Type: "text", Text: text, CreatedAt: r.clock.Now()}
	err = r.update(ctx, func(tx *store.Tx) error {
		c, known, err := tx.ContactByCustomer(org.Seq, number.PhoneNumberID, to)
		if err != nil {
			return err
		}
		if known {
			conversation, ok, err := tx.ConversationOf(c.Seq)
			if err != nil {
				return err
			}
			if ok {
				conversation.LastMessageAt, conversation.UpdatedAt = &m.CreatedAt, m.CreatedAt
				if err := tx.UpdateConversation(conversation); err != nil {
					return err
				}
			}
		}
		if outbound.Name == messageSent {
			data, err := r.newSentData(m, number.PhoneNumberID)
			if err != nil {
				return err
			}
			return r.announce(tx, org.Seq, messageSent, data)
		}
		var data messageData
		data.Message.ID, data.Message.Object = m.ID, "message"
		return r.announce(tx, org.Seq, messageCreated, data)
	})
	return m, err
}

// newSentData says that Meta accepted a message that the API sent.
func (r *Relay) newSentData(m Message, phoneNumberID string) (data sentData, err error) {
	generator, err := fixtures.NewMetaGenerator(r.edition, rand.Uint64(), r.clock.Now)
	if err != nil {
		return data, err
	}
	data.Session, data.Meta.PhoneNumberID = phoneNumberID, phoneNumberID
	data.Message.ID, data.Message.ProviderID = m.ID, generator.MessageID(strings.TrimPrefix(m.To, "+"))
	data.Message.Type, data.Message.Body, data.Message.To, data.Message.Source = m.Type, m.Text, m.To, "api"
	data.Contact.PhoneNumber, data.Timestamp = m.To, r.edition.Timestamp(m.CreatedAt)
	return data, nil
}

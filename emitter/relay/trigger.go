package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// Trigger lets an event happen: Meta's arrive as Meta's webhook does, Kirim's come of a call that causes them. Objects
// that the event needs are made first, which can be events of their own.
func (r *Relay) Trigger(ctx context.Context, org Org, event string) error {
	ev, ok := r.edition.Event(event)
	if !ok {
		return NotFound("event")
	}
	if ev.Source == contract.SourceMeta {
		return r.exampleOfMeta(ctx, org, event)
	}
	switch event {
	case contactCreated:
		_, err := r.exampleContact(ctx, org)
		return err
	case contactUpdated:
		return r.exampleUpdate(ctx, org)
	case conversationAssigned, conversationClosed:
		return r.exampleChange(ctx, org, event)
	case messageCreated, messageSent:
		number, err := r.firstNumber(ctx, org)
		if err != nil {
			return err
		}
		_, err = r.SendMessage(ctx, org, number.PhoneNumberID, examplePhone(), "Halo")
		return err
	}
	return fmt.Errorf("nobody knows what causes %s", event)
}

// exampleOfMeta lets a webhook of Meta's arrive, for a number of the organisation.
func (r *Relay) exampleOfMeta(ctx context.Context, org Org, event string) error {
	generator, err := fixtures.NewMetaGenerator(r.edition, rand.Uint64(), r.clock.Now)
	if err != nil {
		return err
	}
	example, err := generator.Event(event, "")
	if err != nil {
		return err
	}
	number, err := r.firstNumber(ctx, org)
	if err != nil {
		return err
	}
	body, err := sjson.SetBytes(example.Body, "entry.0.changes.0.value.metadata.phone_number_id", number.PhoneNumberID)
	if err != nil {
		return err
	}
	if display := digitsOf(number.Display); display != "" {
		if body, err = sjson.SetBytes(body, "entry.0.changes.0.value.metadata.display_phone_number", display); err != nil {
			return err
		}
	}
	return r.IngestMeta(ctx, fixtures.EscapeMeta(body))
}

// firstNumber is the number of an organisation that examples are about.
func (r *Relay) firstNumber(ctx context.Context, org Org) (none store.Account, err error) {
	accounts, err := r.Accounts(ctx, org)
	if err != nil {
		return none, err
	}
	if len(accounts) == 0 {
		return none, Invalid("invalid_field_value", "", "the organisation has no number")
	}
	return accounts[0], nil
}

func (r *Relay) exampleContact(ctx context.Context, org Org) (store.Contact, error) {
	number, err := r.firstNumber(ctx, org)
	if err != nil {
		return store.Contact{}, err
	}
	name := "Ayu Lestari"
	return r.CreateContact(ctx, org, ContactInput{PhoneNumberID: number.PhoneNumberID, Phone: examplePhone(), Name: &name})
}

// exampleUpdate renames the newest contact.
func (r *Relay) exampleUpdate(ctx context.Context, org Org) error {
	contacts, _, err := r.Contacts(ctx, org, store.ContactFilter{}, Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(contacts) == 0 {
		made, err := r.exampleContact(ctx, org)
		if err != nil {
			return err
		}
		contacts = append(contacts, made)
	}
	name := "Ayu Lestari (updated)"
	if contacts[0].Name != nil && *contacts[0].Name == name {
		name = strings.TrimSuffix(name, " (updated)")
	}
	renamed := &name
	_, err = r.UpdateContact(ctx, org, "", contacts[0].ID, ContactPatch{Name: &renamed})
	return err
}

// exampleChange assigns or closes the conversation that was last written to.
func (r *Relay) exampleChange(ctx context.Context, org Org, event string) error {
	list, _, err := r.Conversations(ctx, org, store.ConversationFilter{}, Page{Limit: 1})
	if err == nil && len(list) == 0 {
		if err = r.exampleOfMeta(ctx, org, messageReceived); err == nil {
			list, _, err = r.Conversations(ctx, org, store.ConversationFilter{}, Page{Limit: 1})
		}
	}
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return Conflict("no_conversation", "there is no conversation yet; a message from a customer opens one")
	}
	var patch ConversationPatch
	if event == conversationAssigned {
		user := org.Owner
		if list[0].AssignedTo != nil && *list[0].AssignedTo == user {
			user = r.NewID("usr")
		}
		assigned := &user
		patch.AssignedTo = &assigned
	} else {
		// A resolved conversation is opened first, or nothing would change.
		open, resolved := store.ConversationOpen, store.ConversationResolved
		if list[0].Status == store.ConversationResolved {
			if _, err := r.UpdateConversation(ctx, org, "", list[0].ID, ConversationPatch{Status: &open}); err != nil {
				return err
			}
		}
		patch.Status = &resolved
	}
	_, err = r.UpdateConversation(ctx, org, "", list[0].ID, patch)
	return err
}

// examplePhone makes an Indonesian mobile number; collisions are refused as existing contacts.
func examplePhone() string { return fmt.Sprintf("+62811%08d", rand.IntN(1e8)) }

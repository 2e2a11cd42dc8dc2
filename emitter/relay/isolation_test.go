package relay

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/emitter/store"
)

func TestWhatAnotherOrganisationHasIsNotThere(t *testing.T) {
	is, r := NewWithT(t), newRig(t, nil)
	s := r.subscribe(hook)
	d := r.happens()
	r.ingest(body(value(firstNumber, message("a", "1"), "")))
	contacts, _, err := r.Contacts(r.ctx, r.first, store.ContactFilter{}, Page{Limit: 1})
	is.Expect(err).NotTo(HaveOccurred())
	conversations, _, err := r.Conversations(r.ctx, r.first, store.ConversationFilter{}, Page{Limit: 1})
	is.Expect(err).NotTo(HaveOccurred())
	paused := store.Paused
	for name, call := range map[string]func(org Org, scope string) error{
		"subscription": func(org Org, _ string) error { _, err := r.Subscription(r.ctx, org, s.ID); return err },
		"PATCH of it": func(org Org, _ string) error {
			_, err := r.UpdateSubscription(r.ctx, org, s.ID, SubscriptionPatch{Status: &paused})
			return err
		},
		"DELETE of it": func(org Org, _ string) error { return r.DeleteSubscription(r.ctx, org, s.ID) },
		"its secrets":  func(org Org, _ string) error { _, err := r.AddSecret(r.ctx, org, s.ID, 0); return err },
		"one of them":  func(org Org, _ string) error { return r.DeleteSecret(r.ctx, org, s.ID, s.Secrets[0].ID) },
		"delivery":     func(org Org, _ string) error { _, _, err := r.Delivery(r.ctx, org, d.ID); return err },
		"replay":       func(org Org, _ string) error { _, err := r.Replay(r.ctx, org, d.ID); return err },
		"bulk replay": func(org Org, _ string) error {
			_, _, err := r.BulkReplay(r.ctx, org, store.DeliveryFilter{Subscription: s.ID})
			return err
		},
		"contact": func(org Org, scope string) error { _, err := r.Contact(r.ctx, org, scope, contacts[0].ID); return err },
		"PATCH of one": func(org Org, scope string) error {
			_, err := r.UpdateContact(r.ctx, org, scope, contacts[0].ID, ContactPatch{})
			return err
		},
		"conversation": func(org Org, scope string) error {
			_, err := r.Conversation(r.ctx, org, scope, conversations[0].ID)
			return err
		},
		"PATCH of that": func(org Org, scope string) error {
			_, err := r.UpdateConversation(r.ctx, org, scope, conversations[0].ID, ConversationPatch{Status: pointer(store.ConversationOpen)})
			return err
		},
	} {
		is.Expect(code(call(r.other, ""))).To(Equal("resource_not_found"), name)
		if scoped := map[string]bool{"contact": true, "PATCH of one": true, "conversation": true, "PATCH of that": true}; scoped[name] {
			is.Expect(code(call(r.first, secondNumber))).To(Equal("resource_not_found"), name+" under another number")
			is.Expect(code(call(r.first, firstNumber))).To(BeEmpty(), name)
		}
	}
	empty, _, err := r.Deliveries(r.ctx, r.other, store.DeliveryFilter{}, Page{Limit: 10})
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(empty).To(BeEmpty())
}

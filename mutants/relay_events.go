package mutants

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// composes changes the bodies of one of Kirim's events.
func composes(event string, change func(body []byte) ([]byte, error)) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Relay.Behaviour.Compose = func(name string, body []byte) []byte {
			if name != event {
				return body
			}
			if out, err := change(body); err == nil {
				return out
			}
			return body
		}
	}
}

// relayEventMutants tell of what happened wrongly, or not at all.
func relayEventMutants() []Mutant {
	return slices.Concat(relayMetaEventMutants(), relayContactMutants(), relayConversationMutants(), relayLaterEventMutants(), relayValueMutants())
}

// relayLaterEventMutants are wrong in what the later edition added.
func relayLaterEventMutants() []Mutant {
	return []Mutant{
		{
			Name: "livemode-false", Defect: "every event says that it comes from a sandbox", Edition: "kirim.chat",
			Breaks: []string{"relay.events.livemode"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.Compose = func(_ string, body []byte) []byte {
					if out, err := sjson.SetBytes(body, "livemode", false); err == nil {
						return out
					}
					return body
				}
			},
		},
		{
			Name: "message-created-without-id", Defect: "message.created names no message", Edition: "kirim.chat",
			Breaks: []string{"relay.events.message-created"}, Filter: "relay.events.message-created",
			relay: composes("message.created", func(body []byte) ([]byte, error) {
				return sjson.DeleteBytes(body, "data.message.id")
			}),
		},
	}
}

func relayMetaEventMutants() []Mutant {
	return []Mutant{
		{
			Name: "conversation-events-missing", Defect: "subscriptions that list events of both sources get no conversation events",
			Breaks: []string{"relay.events.all-on-one"}, Filter: "relay.events.all-on-one",
			relay: func(p *server.Parts) {
				right := p.Relay.Behaviour.Subscribers
				p.Relay.Behaviour.Subscribers = func(tx *store.Tx, org int64, event string) ([]store.Subscriber, error) {
					if strings.HasPrefix(event, "conversation.") {
						return nil, nil
					}
					return right(tx, org, event)
				}
			},
		},
		{
			Name: "known-customers-unheard", Defect: "only the first message of a customer is forwarded",
			Breaks: []string{"relay.events.message-received", "relay.events.contact-created.once"},
			relay: func(p *server.Parts) {
				var seen memory[string, bool]
				swallows(func(body gjson.Result) bool {
					from := values(body, "messages.#.from")
					return len(from) > 0 && seen.again(from[0])
				})(p)
			},
		},
		{
			Name: "status-deduped-by-id", Defect: "of the statuses of a message, which share its id, the first alone is forwarded",
			Breaks: []string{"relay.events.message-status", "relay.headers.event-id.status"},
			relay: func(p *server.Parts) {
				var seen memory[string, bool]
				swallows(func(body gjson.Result) bool {
					ids := values(body, "statuses.#.id")
					return len(ids) > 0 && seen.again(ids[0])
				})(p)
			},
		},
	}
}

func relayContactMutants() []Mutant {
	inbound := func(body []byte) bool { return gjson.GetBytes(body, "data.acquisition_source").String() != "" }
	return []Mutant{
		{
			Name: "account-left-out", Defect: "contacts in events lack the WhatsApp account",
			Breaks: []string{"relay.events.schema"},
			relay: composes("contact.created", func(body []byte) ([]byte, error) {
				return sjson.DeleteBytes(body, "data.contact.whatsapp_account")
			}),
		},
		{
			Name: "created-at-of-contact", Defect: "an event is dated with its contact's creation",
			Breaks: []string{"relay.events.created-at"},
			relay: composes("contact.updated", func(body []byte) ([]byte, error) {
				return sjson.SetBytes(body, "created_at", gjson.GetBytes(body, "data.contact.created_at").String())
			}),
		},
		{
			Name: "inbound-contact-misnamed", Defect: "contact.created of a customer's first message has another name than the customer's",
			Breaks: []string{"relay.events.contact-created.inbound"},
			relay: composes("contact.created", func(body []byte) ([]byte, error) {
				if !inbound(body) {
					return body, nil
				}
				return sjson.SetBytes(body, "data.contact.name", "unknown")
			}),
		},
		{
			Name: "contact-per-message", Defect: "every message makes a contact",
			Breaks: []string{"relay.events.contact-created.once"},
			relay: func(p *server.Parts) {
				var made atomic.Int64
				p.Relay.Behaviour.Customer = func(key string) string { return key + madeUp("", made.Add(1)) }
			},
		},
		{
			Name: "created-without-values", Defect: "contact.created of the API has the number alone",
			Breaks: []string{"relay.events.contact-created.api"},
			relay: composes("contact.created", func(body []byte) ([]byte, error) {
				if inbound(body) {
					return body, nil
				}
				body, err := sjson.SetRawBytes(body, "data.contact.email", []byte("null"))
				if err != nil {
					return nil, err
				}
				return sjson.SetRawBytes(body, "data.contact.metadata", []byte("null"))
			}),
		},
		{
			Name: "updated-without-metadata", Defect: "contact.updated leaves the metadata null",
			Breaks: []string{"relay.events.contact-updated.values"},
			relay: composes("contact.updated", func(body []byte) ([]byte, error) {
				return sjson.SetRawBytes(body, "data.contact.metadata", []byte("null"))
			}),
		},
		{
			Name: "changed-fields-all", Defect: "changed_fields lists every field",
			Breaks: []string{"relay.events.contact-updated.fields"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.ChangedFields = func(before, after store.Contact) []string {
					if len(relay.ChangedFields(before, after)) == 0 {
						return nil
					}
					return []string{"name", "email", "metadata"}
				}
			},
		},
		{
			Name: "event-on-noop", Defect: "every change is an event, whether it changed anything or not",
			Breaks: []string{
				"relay.events.contact-updated.noop", "relay.events.conversation-assigned.same", "relay.events.conversation-closed.transition",
			},
			relay: func(p *server.Parts) {
				b := p.Relay.Behaviour
				b.Updated = func([]string) bool { return true }
				b.Assigned = func(_, after store.Conversation) bool { return after.AssignedTo != nil }
				b.Closed = func(_, after store.Conversation) bool { return after.Status == store.ConversationResolved }
			},
		},
	}
}

func relayConversationMutants() []Mutant {
	return []Mutant{
		{
			Name: "previous-user-missing", Defect: "conversation.assigned has no previous_user_id where there was none",
			Breaks: []string{"relay.events.conversation-assigned.first", "relay.events.schema"},
			relay: composes("conversation.assigned", func(body []byte) ([]byte, error) {
				if gjson.GetBytes(body, "data.assignee.previous_user_id").Type != gjson.Null {
					return body, nil
				}
				return sjson.DeleteBytes(body, "data.assignee.previous_user_id")
			}),
		},
		{
			Name: "previous-user-always-null", Defect: "conversation.assigned never names the user before",
			Breaks: []string{"relay.events.conversation-assigned.again"},
			relay: composes("conversation.assigned", func(body []byte) ([]byte, error) {
				return sjson.SetRawBytes(body, "data.assignee.previous_user_id", []byte("null"))
			}),
		},
		{
			Name: "closed-on-every-status", Defect: "conversation.closed comes with every change of status",
			Breaks: []string{"relay.events.conversation-closed.transition"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.Closed = func(before, after store.Conversation) bool { return before.Status != after.Status }
			},
		},
		{
			Name: "closed-by-missing", Defect: "conversation.closed does not say who closed it",
			Breaks: []string{"relay.events.conversation-closed.by", "relay.events.schema"},
			relay: composes("conversation.closed", func(body []byte) ([]byte, error) {
				return sjson.DeleteBytes(body, "data.conversation.closed_by_user_id")
			}),
		},
		{
			Name: "closing-hides-assignment", Defect: "a call that assigns and resolves is told as closed alone",
			Breaks: []string{"relay.events.both-changes"},
			relay: func(p *server.Parts) {
				right := p.Relay.Behaviour.Assigned
				p.Relay.Behaviour.Assigned = func(before, after store.Conversation) bool {
					return before.Status == after.Status && right(before, after)
				}
			},
		},
	}
}

package mutants

import (
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// composed changes the bodies of all of Kirim's events.
func composed(change func(event string, body []byte) ([]byte, error)) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Relay.Behaviour.Compose = func(event string, body []byte) []byte {
			if out, err := change(event, body); err == nil {
				return out
			}
			return body
		}
	}
}

// swap keeps a value under a key and returns the one before.
func (m *memory[K, V]) swap(key K, value V) (before V, there bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[K]V{}
	}
	before, there = m.kept[key]
	m.kept[key] = value
	return before, there
}

// relayValueMutants send events that are well formed and say something else than what happened.
func relayValueMutants() []Mutant {
	return slices.Concat(contactValueMutants(), conversationValueMutants(), envelopeValueMutants(), metaValueMutants())
}

// wroteFirst reports whether contact.created tells of a customer who wrote.
func wroteFirst(body []byte) bool {
	return gjson.GetBytes(body, "data.acquisition_source").String() != ""
}

func contactValueMutants() []Mutant {
	return []Mutant{
		{
			Name: "number-without-plus", Defect: "the number of a customer who wrote first is as WhatsApp has it, without a plus",
			Breaks: []string{"relay.events.contact-created.inbound", "relay.events.schema"},
			relay: composes("contact.created", func(body []byte) ([]byte, error) {
				if !wroteFirst(body) {
					return body, nil
				}
				const number = "data.contact.phone_number"
				return sjson.SetBytes(body, number, strings.TrimPrefix(gjson.GetBytes(body, number).String(), "+"))
			}),
		},
		{
			Name: "metadata-encoded-twice", Defect: "contact.created of the API has the metadata as text that holds JSON",
			Breaks: []string{"relay.events.contact-created.api", "relay.events.schema"},
			relay: composes("contact.created", func(body []byte) ([]byte, error) {
				const metadata = "data.contact.metadata"
				if value := gjson.GetBytes(body, metadata); value.IsObject() {
					return sjson.SetBytes(body, metadata, value.Raw)
				}
				return body, nil
			}),
		},
		{
			Name: "values-from-before", Defect: "contact.updated shows the contact as it was before the change",
			Breaks: []string{"relay.events.contact-updated.values", "relay.events.contact-updated.noop"},
			relay: func(p *server.Parts) {
				var contacts memory[string, string]
				composed(func(event string, body []byte) ([]byte, error) {
					contact := gjson.GetBytes(body, "data.contact")
					if !contact.Exists() {
						return body, nil
					}
					before, known := contacts.swap(contact.Get("id").String(), contact.Raw)
					if event != "contact.updated" || !known {
						return body, nil
					}
					return sjson.SetRawBytes(body, "data.contact", []byte(before))
				})(p)
			},
		},
		{
			Name: "changed-keys-of-metadata", Defect: "changed_fields names the keys of the metadata that changed, and not metadata",
			Breaks: []string{"relay.events.contact-updated.fields"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.ChangedFields = func(before, after store.Contact) (changed []string) {
					for _, field := range relay.ChangedFields(before, after) {
						if field != "metadata" {
							changed = append(changed, field)
							continue
						}
						for _, key := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(
							keys(gjson.ParseBytes(before.Metadata)), keys(gjson.ParseBytes(after.Metadata)))))) {
							changed = append(changed, "metadata."+key)
						}
					}
					return changed
				}
			},
		},
		{
			Name: "named-is-changed", Defect: "a name or an e-mail address that a call names counts as changed, whether it is another one or not",
			Breaks: []string{"relay.events.contact-updated.noop", "relay.events.contact-updated.fields"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.ChangedFields = func(before, after store.Contact) (changed []string) {
					// What a call names has another address, which is compared in the place of the text.
					if before.Name != after.Name {
						changed = append(changed, "name")
					}
					if before.Email != after.Email {
						changed = append(changed, "email")
					}
					if slices.Contains(relay.ChangedFields(before, after), "metadata") {
						changed = append(changed, "metadata")
					}
					return changed
				}
			},
		},
	}
}

func conversationValueMutants() []Mutant {
	const (
		conversation = "data.conversation.id"
		user         = "data.assignee.user_id"
		previous     = "data.assignee.previous_user_id"
	)
	return []Mutant{
		{
			Name: "nobody-is-empty-text", Defect: "previous_user_id is an empty text where there was nobody",
			Breaks: []string{"relay.events.conversation-assigned.first", "relay.events.schema"},
			relay: composes("conversation.assigned", func(body []byte) ([]byte, error) {
				return sjson.SetBytes(body, previous, gjson.GetBytes(body, previous).String())
			}),
		},
		{
			Name: "previous-user-is-the-first", Defect: "previous_user_id is the first user that the conversation ever had",
			Breaks: []string{"relay.events.conversation-assigned.again"},
			relay: func(p *server.Parts) {
				var first memory[string, string]
				composes("conversation.assigned", func(body []byte) ([]byte, error) {
					owner := first.first(gjson.GetBytes(body, conversation).String(), gjson.GetBytes(body, user).String())
					if gjson.GetBytes(body, previous).Type == gjson.Null {
						return body, nil
					}
					return sjson.SetBytes(body, previous, owner)
				})(p)
			},
		},
		{
			Name: "assigned-with-every-change", Defect: "conversation.assigned comes with any change of a conversation that has a user",
			Breaks: []string{"relay.events.conversation-assigned.same"},
			relay: func(p *server.Parts) {
				right := p.Relay.Behaviour.Assigned
				p.Relay.Behaviour.Assigned = func(before, after store.Conversation) bool {
					return right(before, after) || (after.AssignedTo != nil && before.Status != after.Status)
				}
			},
		},
		{
			Name: "closed-by-the-assignee", Defect: "closed_by_user_id is the user that the conversation is assigned to, whoever closed it",
			Breaks: []string{"relay.events.conversation-closed.by"},
			relay: func(p *server.Parts) {
				var assigned memory[string, string]
				composed(func(event string, body []byte) ([]byte, error) {
					id := gjson.GetBytes(body, conversation).String()
					switch owner, known := assigned.get(id); {
					case event == "conversation.assigned":
						assigned.swap(id, gjson.GetBytes(body, user).String())
					case event == "conversation.closed" && known:
						return sjson.SetBytes(body, "data.conversation.closed_by_user_id", owner)
					}
					return body, nil
				})(p)
			},
		},
		{
			Name: "one-id-for-one-call", Defect: "the two events of a call that assigns and resolves have one id",
			Breaks: []string{"relay.events.both-changes"},
			relay: func(p *server.Parts) {
				var ids memory[string, string]
				composed(func(event string, body []byte) ([]byte, error) {
					id := gjson.GetBytes(body, conversation).String()
					resolved := gjson.GetBytes(body, "data.conversation.status").String() == string(store.ConversationResolved)
					switch assigned, known := ids.get(id); {
					case event == "conversation.assigned" && resolved:
						ids.swap(id, gjson.GetBytes(body, "id").String())
					case event == "conversation.closed" && known:
						return sjson.SetBytes(body, "id", assigned)
					}
					return body, nil
				})(p)
			},
		},
	}
}

// get returns what is kept under a key.
func (m *memory[K, V]) get(key K) (value V, there bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, there = m.kept[key]
	return value, there
}

func envelopeValueMutants() []Mutant {
	return []Mutant{
		{
			Name: "local-time-as-utc", Defect: "an event is dated with the time in Jakarta, and a Z behind it",
			Breaks: []string{"relay.events.created-at"},
			relay: composed(func(_ string, body []byte) ([]byte, error) {
				at, err := time.Parse(time.RFC3339, gjson.GetBytes(body, "created_at").String())
				if err != nil {
					return nil, err
				}
				return sjson.SetBytes(body, "created_at", at.Add(7*time.Hour).Format(time.RFC3339))
			}),
		},
		{
			Name: "livemode-as-text", Defect: "livemode is the text true", Edition: "kirim.chat",
			Breaks: []string{"relay.events.livemode", "relay.events.schema"},
			relay: composed(func(_ string, body []byte) ([]byte, error) {
				return sjson.SetBytes(body, "livemode", gjson.GetBytes(body, "livemode").Raw)
			}),
		},
		{
			Name: "message-created-with-wamid", Defect: "message.created names the message by Meta's id", Edition: "kirim.chat",
			Breaks: []string{"relay.events.message-created"}, Filter: "relay.events.message-created",
			relay: composes("message.created", func(body []byte) ([]byte, error) {
				return sjson.SetBytes(body, "data.message.id", "wamid."+gjson.GetBytes(body, "data.message.id").String())
			}),
		},
		{
			Name: "sixth-event-dropped", Defect: "a subscription keeps the first five of its events",
			Breaks: []string{"relay.events.all-on-one"}, Filter: "relay.events.all-on-one",
			relay: created(func(_ *server.Parts, doc map[string]any) {
				if asked, ok := doc["events"].([]any); ok {
					doc["events"] = asked[:min(len(asked), 5)]
				}
			}),
		},
	}
}

func metaValueMutants() []Mutant {
	rank := map[string]int{"sent": 1, "delivered": 2, "read": 3}
	return []Mutant{
		{
			Name: "locations-dropped", Defect: "messages that have neither text nor media are acknowledged and dropped, locations among them",
			Breaks: []string{"relay.events.message-received", "relay.passthrough.message-received"},
			relay: swallows(func(body gjson.Result) bool {
				return slices.Contains(values(body, "messages.#.type"), "location")
			}),
		},
		{
			Name: "late-statuses-dropped", Defect: "a status that comes after a later one of its message is acknowledged and dropped",
			Breaks: []string{"relay.events.message-status"},
			relay: func(p *server.Parts) {
				var furthest memory[string, int]
				swallows(func(body gjson.Result) bool {
					status := body.Get("entry.0.changes.0.value.statuses.0")
					if !status.Exists() {
						return false
					}
					id, now := status.Get("id").String(), rank[status.Get("status").String()]
					before, _ := furthest.get(id)
					furthest.swap(id, max(before, now))
					return now < before
				})(p)
			},
		},
		{
			Name: "template-status-as-status", Defect: "an update of a template's status is forwarded as the status of a message",
			Breaks: []string{"relay.passthrough.other-fields"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.Unlisted = func(body []byte) string {
					if gjson.GetBytes(body, "entry.0.changes.0.field").String() == "message_template_status_update" {
						return "message.status"
					}
					return ""
				}
			},
		},
	}
}

package target

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target/graphql"
)

// graphQLCall is one of the harness's operations: what it has for the variables, and what it needs of the answer.
type graphQLCall struct {
	name string
	// needs is the capability that the operation belongs to; empty for what every relay has.
	needs Capability
	// object is what the REST API calls the object in the answer.
	object string
	spec   func(w vocabulary) graphql.Spec
}

// vocabulary are the words that go into variables and come out of results.
type vocabulary struct {
	events                           []string
	settable, subscription           []string
	terminal, delivery, conversation []string
	// attempts says that a delivery tells its attempts, expiries that the secrets of a subscription tell when they end.
	attempts, expiries bool
}

func newVocabulary(edition contract.Edition, n Names, lacks func(Capability) bool) vocabulary {
	v := vocabulary{
		settable: []string{n.Active, n.Paused}, subscription: []string{n.Active, n.Paused, n.Disabled},
		terminal: []string{n.Terminal}, delivery: []string{n.Pending, n.Delivered, n.Terminal},
		conversation: []string{"open", "pending", "resolved"}, attempts: !lacks(DeliveryAttempts),
		expiries: !lacks(SecretsAPI),
	}
	if lacks(Pausing) {
		v.settable, v.subscription = v.settable[:1], []string{n.Active, n.Disabled}
	}
	if lacks(AutoDisable) {
		v.subscription = v.settable
	}
	for _, e := range edition.Events {
		if e.Source == contract.SourceMeta || !lacks(KirimEvents) {
			v.events = append(v.events, e.Name)
		}
	}
	return v
}

// The short forms below make values and results.

func always(name string, words ...string) graphql.Value {
	return graphql.Value{Name: name, Kind: graphql.Text, Words: words}
}

func sometimes(name string, words ...string) graphql.Value {
	return graphql.Value{Name: name, Kind: graphql.Text, Words: words, Sometimes: true}
}

func kindly(name string, kind graphql.Kind) graphql.Value {
	return graphql.Value{Name: name, Kind: kind, Sometimes: true}
}

func paged(values ...graphql.Value) []graphql.Value {
	return append(values, kindly("limit", graphql.Number), sometimes("cursor"))
}

// needed is a result that specs judge; without it they would blame the relay for what the operation does not ask for.
func needed(name string, words ...string) graphql.Result {
	return graphql.Result{Name: name, Kind: graphql.Text, Needed: true, Words: words}
}

func optional(names ...string) (all []graphql.Result) {
	for _, name := range names {
		all = append(all, graphql.Result{Name: name, Kind: graphql.Text})
	}
	return all
}

func counted(name string, isNeeded bool) graphql.Result {
	return graphql.Result{Name: name, Kind: graphql.Number, Needed: isNeeded}
}

func inner(name string, kind graphql.Kind, members ...graphql.Result) graphql.Result {
	return graphql.Result{Name: name, Kind: kind, Needed: true, Members: members}
}

// accountID is the value that names one of the organisation's numbers, in editions whose paths do.
var accountID = sometimes("phone_number_id")

// subscriptionResults are those of a subscription; expiring says that specs read when its secrets end.
func subscriptionResults(w vocabulary, expiring bool, more ...graphql.Result) []graphql.Result {
	expires := graphql.Result{Name: "expires_at", Kind: graphql.Text, Needed: expiring}
	return append(append(more, needed("id"), needed("url"), needed("status", w.subscription...),
		graphql.Result{Name: "events", Kind: graphql.Texts, Needed: true, Words: w.events},
		inner("secrets", graphql.Objects, append(optional("created_at"), expires, needed("id"))...),
	), optional("object", "description", "created_at", "updated_at")...)
}

func deliveryResults(w vocabulary, more ...graphql.Result) []graphql.Result {
	return append(append(more, needed("id"), needed("subscription_id"), needed("event_id"), needed("event_type", w.events...),
		needed("status", w.delivery...), counted("attempts", true), needed("replayed_from"), counted("response_status", false),
	), optional("object", "source", "next_attempt_at", "error", "created_at", "updated_at")...)
}

func attemptLog(w vocabulary) graphql.Result {
	log := inner("attempt_log", graphql.Objects, append(optional("error", "outcome"), counted("attempt", true), needed("delivery_id"),
		needed("started_at"), counted("duration_ms", false), counted("response_status", true))...)
	log.Needed = w.attempts
	return log
}

func contactResults() []graphql.Result {
	account := inner("whatsapp_account", graphql.Object, optional("phone_number")...)
	account.Needed = false
	return append(optional("object", "created_at", "updated_at"), needed("id"), needed("phone_number"), needed("name"), needed("email"),
		graphql.Result{Name: "metadata", Kind: graphql.JSON, Needed: true}, account)
}

func conversationResults(w vocabulary) []graphql.Result {
	return append(optional("object", "last_message_at", "last_inbound_at", "created_at", "updated_at"), needed("id"),
		needed("status", w.conversation...), counted("unread_count", false),
		inner("contact", graphql.Object, append(optional("phone_number", "name"), needed("id"))...),
		inner("assignee", graphql.Object, append(optional("name", "email"), needed("id"))...),
	)
}

// graphQLCalls are all of them, in the order of the documentation.
var graphQLCalls = []graphQLCall{
	{"create_subscription", "", "webhook_subscription", func(w vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{
			always("url"), {Name: "events", Kind: graphql.Texts, Words: w.events}, sometimes("description"), accountID,
		}, Results: subscriptionResults(w, false, needed("initial_secret"))}
	}},
	{"subscription", "", "webhook_subscription", func(w vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{always("id"), accountID}, Results: subscriptionResults(w, w.expiries)}
	}},
	{"subscriptions", Pagination, "webhook_subscription", func(w vocabulary) graphql.Spec {
		return graphql.Spec{Values: paged(accountID), List: true, Results: subscriptionResults(w, false)}
	}},
	{"update_subscription", SubscriptionUpdate, "webhook_subscription", func(w vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{
			always("id"), sometimes("url"), {Name: "events", Kind: graphql.Texts, Words: w.events, Sometimes: true},
			sometimes("description"), sometimes("status", w.settable...), accountID,
		}, Results: subscriptionResults(w, false)}
	}},
	{"delete_subscription", "", "", func(vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{always("id"), accountID}, Results: nil}
	}},
	{"add_secret", SecretsAPI, "webhook_secret", func(vocabulary) graphql.Spec {
		return graphql.Spec{
			Values:  []graphql.Value{always("subscription_id"), kindly("expires_in_hours", graphql.Number), accountID},
			Results: append(optional("object", "created_at"), needed("id"), needed("secret"), needed("expires_at")),
		}
	}},
	{"delete_secret", SecretsAPI, "", func(vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{always("subscription_id"), always("secret_id"), accountID}}
	}},
	{"deliveries", DeliveryAPI, "webhook_delivery", func(w vocabulary) graphql.Spec {
		return graphql.Spec{Values: paged(
			sometimes("subscription_id"), sometimes("status", w.delivery...), sometimes("event_type", w.events...), sometimes("event_id"),
			sometimes("created_after"), sometimes("created_before"), accountID,
		), List: true, Results: deliveryResults(w)}
	}},
	{"delivery", DeliveryAPI, "webhook_delivery", func(w vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{always("id"), accountID}, Results: deliveryResults(w, attemptLog(w))}
	}},
	{"replay", SingleReplay, "webhook_delivery", func(w vocabulary) graphql.Spec {
		return graphql.Spec{
			Values:  []graphql.Value{always("id"), accountID},
			Results: append(optional("object"), needed("id"), needed("replayed_from"), needed("status", w.delivery...)),
		}
	}},
	{"bulk_replay", BulkReplays, "", func(w vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{
			always("subscription_id"), sometimes("status", w.terminal...), sometimes("event_type", w.events...), sometimes("created_after"),
			sometimes("created_before"), accountID,
		}, Results: []graphql.Result{counted("enqueued", true), {Name: "capped", Kind: graphql.Flag, Needed: true}}}
	}},
	{"create_contact", ContactsAPI, "contact", func(vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{
			sometimes("from"), always("phone_number"), sometimes("name"), sometimes("email"), kindly("metadata", graphql.JSON), accountID,
		}, Results: contactResults()}
	}},
	{"contact", ContactsAPI, "contact", func(vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{always("id"), accountID}, Results: contactResults()}
	}},
	{"contacts", ContactsAPI, "contact", func(vocabulary) graphql.Spec {
		return graphql.Spec{Values: paged(sometimes("phone"), sometimes("search"), accountID), List: true, Results: contactResults()}
	}},
	{"update_contact", ContactsAPI, "contact", func(vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{
			always("id"), sometimes("name"), sometimes("email"), kindly("metadata", graphql.JSON), accountID,
		}, Results: contactResults()}
	}},
	{"conversation", ConversationsAPI, "conversation", func(w vocabulary) graphql.Spec {
		return graphql.Spec{Values: []graphql.Value{always("id"), accountID}, Results: conversationResults(w)}
	}},
	{"conversations", ConversationsAPI, "conversation", func(w vocabulary) graphql.Spec {
		return graphql.Spec{
			Values: paged(sometimes("status", w.conversation...), sometimes("contact_id"), accountID), List: true,
			Results: conversationResults(w),
		}
	}},
	{"update_conversation", ConversationsAPI, "conversation", func(w vocabulary) graphql.Spec {
		return graphql.Spec{
			Values:  []graphql.Value{always("id"), sometimes("status", w.conversation...), sometimes("assigned_to"), accountID},
			Results: conversationResults(w),
		}
	}},
	{"send_message", MessagesAPI, "message", func(vocabulary) graphql.Spec {
		return graphql.Spec{
			Values:  []graphql.Value{always("to"), always("text"), accountID},
			Results: append(optional("object", "to", "type", "status", "created_at"), needed("id")),
		}
	}},
	{"health", "", "health", func(vocabulary) graphql.Spec {
		return graphql.Spec{Results: append(optional("status", "edition"), graphql.Result{
			Name: "clock", Kind: graphql.Object, Members: optional("mode", "now"),
		})}
	}},
}

//go:embed operations.graphql
var operationsText string

// defaultOperations are the operations of operations.graphql by their names.
var defaultOperations = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	var text []string
	for line := range strings.SplitSeq(operationsText, "\n") {
		if strings.HasPrefix(line, "query ") || strings.HasPrefix(line, "mutation ") {
			text = nil
		}
		text = append(text, line)
		if line != "}" {
			continue
		}
		_, after, _ := strings.Cut(text[0], " ")
		name, _, _ := strings.Cut(after, "(")
		name, _, _ = strings.Cut(name, " ")
		all[name] = strings.Join(text, "\n")
	}
	return all
})

package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

var editionIDs = []string{"kckit", "kirim.chat", "kirimdev"}

func kirimGraphQL(t *testing.T) *ast.Schema {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "kirim.graphql", Input: GraphQL()})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// agreement compares types of the GraphQL schema with shapes of the JSON Schemas, for one edition.
type agreement struct {
	graphql *ast.Schema
	edition string
	// compared are the pairs that were compared already, types those of GraphQL.
	compared map[string]bool
	types    map[string]bool
	// differences are what was found.
	differences []string
}

func newAgreement(graphql *ast.Schema, edition string) *agreement {
	return &agreement{graphql: graphql, edition: edition, compared: map[string]bool{}, types: map[string]bool{}}
}

func (a *agreement) off(where, format string, args ...any) {
	a.differences = append(a.differences, fmt.Sprintf("%s, %s: %s", a.edition, where, fmt.Sprintf(format, args...)))
}

// holds reports whether something with these directives is there in the edition.
func (a *agreement) holds(directives ast.DirectiveList) bool {
	d := directives.ForName("edition")
	if d == nil {
		return true
	}
	for _, only := range d.Arguments.ForName("only").Value.Children {
		if only.Value.Raw == a.edition {
			return true
		}
	}
	return false
}

// object compares an object or an input, in its members and their nullability.
func (a *agreement) object(where, name string, s shape) {
	key := name + " " + s.key()
	if a.compared[key] {
		return
	}
	a.compared[key], a.types[name] = true, true
	def := a.graphql.Types[name]
	if !a.holds(def.Directives) {
		a.off(where, "the type %s is not there in this edition", name)
	}
	members := s.members()
	var fields []string
	for _, f := range def.Fields {
		if !a.holds(f.Directives) {
			continue
		}
		fields = append(fields, f.Name)
		m, there := members[f.Name]
		if !there {
			a.off(where, "%s.%s has no counterpart in the JSON Schema", name, f.Name)
			continue
		}
		a.value(where+"."+f.Name, f.Type, m.shape, m.required)
	}
	for _, missing := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(fields, missing) {
			a.off(where, "the JSON Schema has %s, and %s has not", missing, name)
		}
	}
}

// value compares the type of a field. A field is never null where the JSON Schema requires it and does not allow null.
func (a *agreement) value(where string, t *ast.Type, s shape, required bool) {
	types := s.types()
	if want := required && !slices.Contains(types, "null"); t.NonNull != want {
		a.off(where, "the type is %s, and that it is never null is %t in the JSON Schema", t, want)
	}
	items, isList := s.items()
	if (t.Elem != nil) != isList {
		a.off(where, "the type is %s, and that it is a list is %t in the JSON Schema", t, isList)
		return
	}
	if isList {
		a.value(where+"[]", t.Elem, items, true)
		return
	}
	types = slices.DeleteFunc(types, func(name string) bool { return name == "null" })
	def := a.graphql.Types[t.NamedType]
	a.types[def.Name] = true
	words, closed := s.words()
	switch def.Kind {
	case ast.Object, ast.InputObject:
		if len(s.members()) == 0 {
			a.off(where, "%s is an object, and the JSON Schema has no members", def.Name)
		}
		a.object(where, def.Name, s)
	case ast.Enum:
		a.enum(where, def, words, closed)
	case ast.Scalar:
		if closed {
			a.off(where, "%s is a scalar, and the JSON Schema has the enum %v", def.Name, words)
		}
		if want := scalars[strings.Join(types, " ")]; !slices.Contains(want, def.Name) {
			a.off(where, "the scalar is %s; for the JSON type %s it is one of %v", def.Name, strings.Join(types, " or "), want)
		}
		if len(s.members()) > 0 {
			a.off(where, "%s is a scalar, and the JSON Schema has members", def.Name)
		}
	default:
		a.off(where, "%s is a %s", def.Name, def.Kind)
	}
}

// scalars are those that may stand for a JSON type, or for several.
var scalars = map[string][]string{
	"string": {"String", "ID", "DateTime"}, "integer": {"Int", "EpochSeconds"}, "number": {"Float"}, "boolean": {"Boolean"},
	"integer string": {"EpochTime"}, "object": {"JSON"},
}

// wire is how an enum's value is written in JSON.
func wire(v *ast.EnumValueDefinition) string {
	if d := v.Directives.ForName("wire"); d != nil {
		return d.Arguments.ForName("is").Value.Raw
	}
	return v.Name
}

// narrower are the places where GraphQL takes the words of an enum, and the REST API any text, of which other words select
// nothing.
var narrower = []string{"BulkReplayInput.event_type"}

// enum compares the values: all of them with an enum of the JSON Schema, or those of a const as a part.
func (a *agreement) enum(where string, def *ast.Definition, words []string, closed bool) {
	var values []string
	for _, v := range def.EnumValues {
		if a.holds(v.Directives) {
			values = append(values, wire(v))
		}
	}
	slices.Sort(values)
	if len(words) == 0 && !slices.Contains(narrower, where) {
		a.off(where, "%s is an enum, and the JSON Schema names no values", def.Name)
	}
	if closed && !slices.Equal(values, words) {
		a.off(where, "%s has %v, the JSON Schema %v", def.Name, values, words)
	}
	for _, word := range words {
		if !slices.Contains(values, word) {
			a.off(where, "%s has no %s", def.Name, word)
		}
	}
}

// The body of every event is the type that EventName says, in each edition.
func (a *agreement) events(set *Set) {
	var names []string
	for _, v := range a.graphql.Types["EventName"].EnumValues {
		if !a.holds(v.Directives) {
			continue
		}
		name := wire(v)
		if v.Directives.ForName("body") == nil {
			// A name without a body, which subscriptions may have all the same.
			if _, there := set.events[a.edition][name]; there {
				a.off(name, "the edition has its body, and @body is missing")
			}
			continue
		}
		names = append(names, name)
		schema, there := set.events[a.edition][name]
		if !there {
			a.off(name, "there is no such event in the edition")
			continue
		}
		body := v.Directives.ForName("body").Arguments.ForName("type").Value.Raw
		if a.graphql.Types[body] == nil {
			a.off(name, "@body names the type %s, which there is not", body)
			continue
		}
		a.object(name, body, shapeOf(part{schema, true}))
	}
	slices.Sort(names)
	if known := set.Events(a.edition); !slices.Equal(names, known) {
		a.off("EventName", "it has %v, the edition %v", names, known)
	}
}

// management are the types of the API, with the JSON Schema that each is in. {edition} stands for the edition.
var management = []struct {
	graphql, schema string
	// inside leads to the object from the root of the schema: members, or [] for items.
	inside []string
	only   string
}{
	{"WebhookSubscription", "api/{edition}/subscription", []string{"data"}, ""},
	{"NewWebhookSubscription", "api/{edition}/subscription-created", []string{"data"}, ""},
	{"NewWebhookSecret", "api/secret-created", []string{"data"}, ""},
	{"Deleted", "api/deleted", []string{"data"}, ""},
	{"WebhookDelivery", "api/{edition}/delivery-list", []string{"data", "[]"}, ""},
	{"WebhookDeliveryDetail", "api/{edition}/delivery", []string{"data"}, ""},
	{"ReplayedDelivery", "api/delivery-replayed", []string{"data"}, ""},
	{"BulkReplay", "api/bulk-replayed", []string{"data"}, ""},
	{"Contact", "api/contact", []string{"data"}, ""},
	{"Conversation", "api/conversation", []string{"data"}, ""},
	{"Message", "api/{edition}/message", []string{"data"}, "kirim.chat kirimdev"},
	{"Health", "api/health", []string{"data"}, ""},
	{"WebhookSubscriptionCreate", "api/{edition}/subscription-create.request", nil, ""},
	{"WebhookSubscriptionUpdate", "api/{edition}/subscription-update.request", nil, ""},
	{"WebhookSecretCreate", "api/secret-create.request", nil, ""},
	{"BulkReplayInput", "api/bulk-replay.request", nil, ""},
	{"ContactCreate", "api/{edition}/contact-create.request", nil, ""},
	{"ContactUpdate", "api/contact-update.request", nil, ""},
	{"ConversationUpdate", "api/conversation-update.request", nil, ""},
	{"MessageSend", "api/{edition}/message-send.request", nil, "kirim.chat kirimdev"},
	{"WebhookSubscriptionPage", "api/{edition}/subscription-list", nil, ""},
	{"WebhookDeliveryPage", "api/{edition}/delivery-list", nil, ""},
	{"ContactPage", "api/contact-list", nil, ""},
	{"ConversationPage", "api/conversation-list", nil, ""},
	{"ErrorExtensions", "api/error", []string{"error"}, ""},
}

// renamed are the members of an envelope that GraphQL has elsewhere: the items of a page have a name, the message of an
// error is GraphQL's own, and a request id stands in the extensions.
func renamed(name string, s shape) shape {
	var out shape
	for _, p := range s.parts {
		copied := *p.schema
		copied.Properties = maps.Clone(p.schema.Properties)
		copied.Required = slices.Clone(p.schema.Required)
		switch {
		case strings.HasSuffix(name, "Page"):
			if items, ok := copied.Properties["data"]; ok {
				copied.Properties["items"] = items
				copied.Required = append(copied.Required, "items")
			}
			delete(copied.Properties, "data")
			delete(copied.Properties, "request_id")
		case name == "ErrorExtensions":
			delete(copied.Properties, "message")
		}
		out.parts = append(out.parts, part{&copied, p.always})
	}
	return out
}

func (a *agreement) api(set *Set) {
	for _, row := range management {
		if row.only != "" && !slices.Contains(strings.Fields(row.only), a.edition) {
			continue
		}
		schema, there := set.named[strings.ReplaceAll(row.schema, "{edition}", a.edition)]
		if !there {
			a.off(row.graphql, "there is no JSON Schema %s", row.schema)
			continue
		}
		s := shapeOf(part{schema, true})
		for _, step := range row.inside {
			if step == "[]" {
				s, _ = s.items()
			} else {
				s = s.members()[step].shape
			}
		}
		a.object(row.graphql, row.graphql, renamed(row.graphql, s))
	}
}

// without are the types that no JSON Schema describes: roots, filters (parameters of a URL in the REST API), and the
// interface, whose fields are compared where they are implemented.
var without = []string{"Query", "Mutation", "DeliveryFilter", "ContactFilter", "ConversationFilter", "KirimEvent"}

func TestGraphQLAgreesWithTheJSONSchemasInEachEdition(t *testing.T) {
	set, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	graphql := kirimGraphQL(t)
	seen := map[string]bool{}
	for _, edition := range editionIDs {
		a := newAgreement(graphql, edition)
		a.events(set)
		a.api(set)
		for _, difference := range a.differences {
			t.Error(difference)
		}
		maps.Copy(seen, a.types)
	}
	for _, name := range slices.Sorted(maps.Keys(graphql.Types)) {
		if def := graphql.Types[name]; !def.BuiltIn && !seen[name] && !slices.Contains(without, name) {
			t.Errorf("%s was compared with nothing", name)
		}
	}
}

// The comparison itself sees each kind of difference.
func TestTheComparisonWithTheJSONSchemasSeesDifferences(t *testing.T) {
	set, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to string }{
		"a field that is missing":            {"  frequently_forwarded: Boolean\n", ""},
		"a field too many":                   {"  acquisition_source: String\n", "  acquisition_source: String\n  channel: String\n"},
		"a field that is never null":         {"  acquisition_source: String\n", "  acquisition_source: String!\n"},
		"a field that may be null":           {"  changed_fields: [String!]!\n", "  changed_fields: [String!]\n"},
		"a list of what may be null":         {"  changed_fields: [String!]!\n", "  changed_fields: [String]!\n"},
		"no list":                            {"  changed_fields: [String!]!\n", "  changed_fields: String!\n"},
		"another scalar":                     {"  unread_count: Int!\n", "  unread_count: String!\n"},
		"an enum without a value":            {"  played\n", ""},
		"an enum with one too many":          {"  played\n", "  played\n  deleted\n"},
		"a string where there is an enum":    {"  outcome: AttemptOutcome!\n", "  outcome: String!\n"},
		"a word of another edition":          {`dead @edition(only: ["kckit", "kirimdev"])`, "dead"},
		"a field of another edition":         {`livemode: Boolean! @edition(only: ["kirim.chat"])`, "livemode: Boolean!"},
		"an event of another edition":        {`@body(type: "MessageCreatedEvent", source: kirim) @edition(only: ["kirim.chat"])`, `@body(type: "MessageCreatedEvent", source: kirim)`},
		"an event with another body":         {`@body(type: "ContactUpdatedEvent"`, `@body(type: "ContactCreatedEvent"`},
		"an input that requires too little":  {"  phone_number: String!\n  name: String\n", "  phone_number: String\n  name: String\n"},
		"an object where there is something": {"  origin: MetaOrigin!\n", "  origin: String!\n"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.ReplaceAll(GraphQL(), c.from, c.to)
			if changed == GraphQL() {
				t.Fatalf("%q does not occur", c.from)
			}
			schema, err := gqlparser.LoadSchema(&ast.Source{Name: "changed", Input: changed})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, edition := range editionIDs {
				a := newAgreement(schema, edition)
				a.events(set)
				a.api(set)
				found = found || len(a.differences) > 0
			}
			if !found {
				t.Error("the difference was not seen")
			}
		})
	}
}

// Everything that teams read has a description: types, and what can be called.
func TestGraphQLIsDescribed(t *testing.T) {
	schema := kirimGraphQL(t)
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		def := schema.Types[name]
		if def.BuiltIn {
			continue
		}
		if def.Description == "" {
			t.Errorf("%s has no description", name)
		}
		if def != schema.Query && def != schema.Mutation {
			continue
		}
		for _, f := range def.Fields {
			if f.Description == "" && !strings.HasPrefix(f.Name, "__") {
				t.Errorf("%s.%s has no description", name, f.Name)
			}
		}
	}
}

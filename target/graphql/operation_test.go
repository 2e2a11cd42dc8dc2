package graphql

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

func shop(t *testing.T) *ast.Schema {
	t.Helper()
	schema, problem := LoadSchema(read(t, "shop.graphql"))
	if problem != nil {
		t.Fatal(problem)
	}
	return schema
}

var (
	keys = Result{Name: "secrets", Kind: Objects, Members: []Result{{Name: "id", Kind: Text, Needed: true}, {Name: "expires_at", Kind: Text}}}

	creation = Spec{
		Values: []Value{
			{Name: "url", Kind: Text}, {Name: "events", Kind: Texts, Words: []string{"message.received", "message.status"}},
			{Name: "description", Kind: Text, Sometimes: true},
		},
		Results: []Result{
			{Name: "id", Kind: Text, Needed: true}, {Name: "url", Kind: Text}, {Name: "active", Kind: Flag},
			{Name: "events", Kind: Texts, Words: []string{"message.received", "message.status"}}, keys,
		},
	}
	listing = Spec{
		Values:  []Value{{Name: "limit", Kind: Number, Sometimes: true}, {Name: "cursor", Kind: Text, Sometimes: true}},
		List:    true,
		Results: []Result{{Name: "id", Kind: Text, Needed: true}},
	}
	words = map[string]string{"message.status": "STATUS_CHANGED"}
)

const create = `mutation Make($input: EndpointInput!) {
  endpointCreate(input: $input) {
    endpoint { ...Whole }
    problems { message code }
  }
}
fragment Whole on Endpoint { id address: targetUrl topics active keys { identifier until } }`

func created() Mapping {
	return Mapping{
		Variables: map[string]any{"input": map[string]any{"targetUrl": "{url}", "topics": "{events}", "label": "{description}"}},
		Result: map[string]string{
			"at": "endpointCreate.endpoint", "url": "address", "events": "/topics", "secrets": "keys", "secrets.id": "identifier",
			"secrets.expires_at": "until",
		},
		Words: words, UserErrors: "endpointCreate.problems",
	}
}

const page = `query($limit: Int, $cursor: String) {
  endpoints(first: $limit, after: $cursor) { edges { node { id } } pageInfo { hasNextPage endCursor } }
}`

func paged() Mapping {
	return Mapping{Result: map[string]string{
		"items": "endpoints.edges", "id": "node.id", "has_more": "endpoints.pageInfo.hasNextPage", "next_cursor": "/endpoints/pageInfo/endCursor",
	}}
}

func TestValuesGoIntoVariablesAndResultsComeOut(t *testing.T) {
	op, problem := Compile(shop(t), create, "", creation, created())
	if problem != nil {
		t.Fatal(problem)
	}
	variables := op.Variables(map[string]any{"url": "https://a.example", "events": []any{"message.received", "message.status"}})
	want := map[string]any{"input": map[string]any{"targetUrl": "https://a.example", "topics": []any{"MESSAGE_RECEIVED", "STATUS_CHANGED"}}}
	if !reflect.DeepEqual(variables, want) {
		t.Errorf("variables %v, want %v", variables, want)
	}
	variables = op.Variables(map[string]any{"url": "u", "events": []any{}, "description": nil})
	if label, there := variables["input"].(map[string]any)["label"]; !there || label != nil {
		t.Errorf("a description that is null is %v, %t", label, there)
	}
	if !op.Uses("description") || op.Uses("limit") || !op.Mutation || op.Name != "Make" {
		t.Errorf("the operation is %+v", op)
	}
	got, err := op.Read(json.RawMessage(`{"endpointCreate":{"problems":[],"endpoint":{"id":"e1","address":"https://a.example",
		"topics":["STATUS_CHANGED"],"active":true,"keys":[{"identifier":"k1","until":null}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	wantObject := map[string]any{
		"id": "e1", "url": "https://a.example", "active": true, "events": []any{"message.status"},
		"secrets": []any{map[string]any{"id": "k1", "expires_at": nil}},
	}
	if !reflect.DeepEqual(got.Object, wantObject) {
		t.Errorf("read\n%v\nwant\n%v", got.Object, wantObject)
	}
}

func TestErrorsInThePayloadAreRefusals(t *testing.T) {
	op, problem := Compile(shop(t), create, "", creation, created())
	if problem != nil {
		t.Fatal(problem)
	}
	got, err := op.Read(json.RawMessage(`{"endpointCreate":{"endpoint":null,"problems":[{"message":"no such topic","code":"INVALID"}]}}`))
	if err != nil || got.Object != nil || len(got.Refused) != 1 {
		t.Fatalf("read %+v, %v", got, err)
	}
	if e := got.Refused[0]; e.Message != "no such topic" || e.Text("code") != "INVALID" {
		t.Errorf("refused %+v", e)
	}
}

func TestAPageIsReadWithItsCursor(t *testing.T) {
	op, problem := Compile(shop(t), page, "", listing, paged())
	if problem != nil {
		t.Fatal(problem)
	}
	got, err := op.Read(json.RawMessage(`{"endpoints":{"edges":[{"node":{"id":"a"}},{"node":{"id":"b"}}],"pageInfo":{"hasNextPage":true,"endCursor":"c"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Read{Items: []map[string]any{{"id": "a"}, {"id": "b"}}, HasMore: true, NextCursor: "c"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	for data, want := range map[string]string{
		`{"endpoints":null}`: "data.endpoints.edges is no list",
		`{"endpoints":{"edges":[],"pageInfo":{"endCursor":null}}}`: "data.endpoints.pageInfo.hasNextPage is not true or false",
		`{"endpoints":{"edges":[null]}}`:                           "data.endpoints.edges.0 is no object",
	} {
		if _, err := op.Read(json.RawMessage(data)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", data, err, want)
		}
	}
}

// Every fault is found before anything is sent, and is one line with its place.
func TestFaultsOfAnOperationAndItsMapping(t *testing.T) {
	plainCreate := `mutation($url: String!, $events: [Topic!]!) {
  endpointCreate(input: {targetUrl: $url, topics: $events}) {
    endpoint { id topics }
  }
}`
	place := map[string]string{"at": "endpointCreate.endpoint"}
	with := func(change func(*Mapping)) Mapping { m := created(); change(&m); return m }
	for name, c := range map[string]struct {
		query, operation string
		spec             Spec
		mapping          Mapping
		want             Problem
	}{
		"no GraphQL": {
			query: "mutation {\n  endpointCreate(", spec: creation,
			want: Problem{Line: 2, Column: 18, Message: "Expected Name, found <EOF>"},
		},
		"an unknown field": {
			query: "{\n  endpoint(id: 1) {\n    id\n    identity\n  }\n}", spec: Spec{},
			want: Problem{Line: 4, Column: 5, Message: `Cannot query field "identity" on type "Endpoint".`},
		},
		"an argument that there is not": {
			query: "{ endpoint(id: 1, name: \"a\") { id } }", spec: Spec{},
			want: Problem{Line: 1, Column: 3, Message: `Unknown argument "name" on field "Query.endpoint".`},
		},
		"an argument that is missing": {
			query: "{ endpoint { id } }", spec: Spec{},
			want: Problem{Line: 1, Column: 3, Message: `Field "endpoint" argument "id" of type "ID!" is required, but it was not provided.`},
		},
		"a variable that is not declared": {
			query: "{ endpoint(id: $id) { id } }", spec: Spec{},
			want: Problem{Line: 1, Column: 16, Message: `Variable "$id" is not defined.`},
		},
		"a variable of the wrong type": {
			query: "query($id: Int!) { endpoint(id: $id) { id } }", spec: Spec{},
			want: Problem{Line: 1, Column: 33, Message: `Variable "$id" of type "Int!" used in position expecting type "ID!".`},
		},
		"a required variable that nothing fills": {
			query: "query($identity: ID!) {\n  endpoint(id: $identity) { id }\n}", spec: Spec{Values: []Value{{Name: "id"}}},
			want: Problem{Line: 1, Column: 7, Message: "$identity has the type ID!, and nothing fills it; add it to variables, there are {id}"},
		},
		"a required variable that is not always filled": {
			query: "mutation($id: ID!, $description: String!) { endpointMove(id: $id, target: $description) { id } }",
			spec:  Spec{Values: []Value{{Name: "id"}, {Name: "description", Sometimes: true}}},
			want: Problem{Line: 1, Column: 20, Message: "$description has the type String!, and there is not always a {description}; write the type without the " +
				"exclamation mark, or give it a default"},
		},
		"a value of another kind": {
			query: "mutation($id: ID!, $events: String!) {\n  endpointMove(id: $id, target: $events) { id }\n}",
			spec:  Spec{Values: []Value{{Name: "id"}, {Name: "events", Kind: Texts}}},
			want:  Problem{Line: 1, Column: 20, Message: "$events: {events} is a list of texts, and does not fit the type String!"},
		},
		"an enum without a word": {
			query: plainCreate, spec: creation, mapping: Mapping{Result: place},
			want: Problem{Line: 1, Column: 25, Message: "$events: the enum Topic has no value like message.status; add one of " +
				"MESSAGE_RECEIVED, STATUS_CHANGED to words"},
		},
		"a word that the enum does not have": {
			query: plainCreate, spec: creation, mapping: Mapping{Result: place, Words: map[string]string{"message.status": "STATUS"}},
			want: Problem{Line: 1, Column: 25, Message: "$events: the enum Topic has no value STATUS, which words says for message.status; it has " +
				"MESSAGE_RECEIVED, STATUS_CHANGED"},
		},
		"a template for no variable": {
			query: page, spec: listing, mapping: with(func(m *Mapping) { m.Variables = map[string]any{"size": 1} }),
			want: Problem{Key: "variables.size", Message: "the operation has no variable $size; it has $limit, $cursor"},
		},
		"a template with an unknown value": {
			query: page, spec: listing, mapping: with(func(m *Mapping) { m.Variables = map[string]any{"limit": "{size}"} }),
			want: Problem{Key: "variables.limit", Message: "there is no value {size}; there are {limit}, {cursor}"},
		},
		"a field that the input does not have": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { m.Variables["input"] = map[string]any{"url": "{url}"} }),
			want: Problem{Key: "variables.input.url", Line: 1, Column: 15,
				Message: "the input EndpointInput has no field url; it has targetUrl, topics, label, retries"},
		},
		"a field that the input requires": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { delete(m.Variables["input"].(map[string]any), "targetUrl") }),
			want: Problem{Key: "variables.input", Line: 1, Column: 15, Message: "$input.targetUrl: must be defined (type EndpointInput!)"},
		},
		"a literal of the wrong type": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { m.Variables["input"].(map[string]any)["retries"] = "many" }),
			want: Problem{Key: "variables.input", Line: 1, Column: 15, Message: "$input.retries: cannot use string as Int (type EndpointInput!)"},
		},
		"a result that is not selected": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { m.Result["id"] = "identity" }),
			want: Problem{Key: "result.id", Line: 3, Column: 5,
				Message: "the operation does not select identity in endpoint; it selects id, address, topics, active, keys"},
		},
		"a place that is not selected": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { m.Result["at"] = "endpointMake" }),
			want: Problem{Key: "result.at", Line: 1, Column: 1, Message: "the operation does not select endpointMake in the mutation; it selects endpointCreate"},
		},
		"a needed result that nobody names": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { delete(m.Result, "secrets.id") }),
			want: Problem{Key: "result.secrets.id", Line: 7, Column: 66, Message: "is missing, and the operation selects no id in keys; it selects identifier, until"},
		},
		"a result of another type": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { m.Result["url"] = "active" }),
			want: Problem{Key: "result.url", Line: 7, Column: 59, Message: "active is Boolean!, where text is expected"},
		},
		"a result that there is not": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { m.Result["key"] = "id" }),
			want: Problem{Key: "result.key", Message: "there is no result key; there are at, id, url, active, events, secrets, secrets.id, secrets.expires_at"},
		},
		"a list where an object should be": {
			query: page, spec: Spec{}, mapping: Mapping{Result: map[string]string{"at": "endpoints.edges"}},
			want: Problem{Key: "result.at", Line: 2, Column: 46, Message: "edges is a list ([EndpointEdge!]!), where one object is expected"},
		},
		"a page without a way on": {
			query: page, spec: listing, mapping: Mapping{Result: map[string]string{"items": "endpoints.edges"}},
			want: Problem{Key: "result.has_more", Line: 1, Column: 1, Message: "is missing; write the path in the data, such as things.has_more"},
		},
		"a page with names of its own": {
			query: page, spec: listing,
			want: Problem{Key: "result.items", Line: 2, Column: 3, Message: "is missing; endpoints is no list, and selects none of items and nodes"},
		},
		"a stream": {
			query: "subscription { endpoints { id } }", spec: Spec{},
			want: Problem{Line: 1, Column: 1, Message: "a subscription is answered with a stream; write a query or a mutation"},
		},
		"several operations and no name": {
			query: "query A { version } query B { version }", spec: Spec{},
			want: Problem{Key: "operation", Message: "is missing; there are several: A, B"},
		},
		"an operation that there is not": {
			query: "query A { version }", operation: "C", spec: Spec{},
			want: Problem{Key: "operation", Message: "there is no operation C; there is A"},
		},
		"user errors that are none": {
			query: create, spec: creation, mapping: with(func(m *Mapping) { m.UserErrors = "endpointCreate.endpoint" }),
			want: Problem{Key: "user_errors", Line: 3, Column: 5, Message: "endpoint is Endpoint, where a list of objects is expected"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, problem := Compile(shop(t), c.query, c.operation, c.spec, c.mapping)
			if problem == nil {
				t.Fatal("nothing was found")
			}
			if *problem != c.want {
				t.Errorf("got\n%+v\nwant\n%+v", *problem, c.want)
			}
		})
	}
}

func TestAnswersOfGraphQL(t *testing.T) {
	a, err := ParseAnswer([]byte(`{"data":{"a":null},"errors":[{"message":"no such thing","path":["things",0,"id"],
		"extensions":{"code":"NOT_FOUND","http":{"status":404},"status":"9"}}]}`))
	if err != nil || len(a.Errors) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	e := a.Errors[0]
	if e.Where() != "things.0.id" || e.Text("code") != "NOT_FOUND" || e.Status("http.status") != 404 || e.Status("status") != 0 || e.Text("http") != "" {
		t.Errorf("read %+v", e)
	}
	for body, want := range map[string]string{
		`<html>`: "the answer is not a JSON object", `[]`: "the answer is not a JSON object", `{}`: "the answer has neither data nor errors",
		`{"data":null}`: "the answer has null for its data, and no errors that say why",
		`{"errors":[]}`: "errors is no list, or an empty one", `{"errors":"no"}`: "errors is no list, or an empty one",
	} {
		if _, err := ParseAnswer([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	if a, err := ParseAnswer([]byte(`{"data":null,"errors":[7]}`)); err != nil || len(a.Errors) != 1 || a.Data != nil {
		t.Errorf("an error of no form: %+v, %v", a, err)
	}
}

func TestFaultsOfASchema(t *testing.T) {
	for name, c := range map[string]struct {
		sdl  string
		want Problem
	}{
		"no SDL":          {"type Query {\n  a Int\n}", Problem{Line: 2, Column: 5, Message: "Expected :, found Name"}},
		"an unknown type": {"type Query {\n  a: Thing\n}", Problem{Line: 2, Column: 6, Message: "Undefined type Thing."}},
		"nothing to ask":  {"scalar A", Problem{Message: "the schema has no type Query, so nothing could be asked"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, problem := LoadSchema(c.sdl)
			if problem == nil {
				t.Fatal("nothing was found")
			}
			if *problem != c.want {
				t.Errorf("got %+v, want %+v", *problem, c.want)
			}
		})
	}
}

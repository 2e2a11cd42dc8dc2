package graphql

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/validator"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// formatted is a schema in the words of gqlparser's own formatter: two schemas that read alike there are alike.
func formatted(t *testing.T, sdl string) string {
	t.Helper()
	schema, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: "test", Input: sdl})
	if err != nil {
		t.Fatalf("%v\n%s", err, sdl)
	}
	var b bytes.Buffer
	formatter.NewFormatter(&b).FormatSchema(schema)
	return b.String()
}

// everything.json is what graphql-js 16.15, the reference implementation of GraphQL, answers to its own introspection query
// for everything.graphql.
func TestIntrospectionOfTheReferenceImplementationComesBackAsItsSDL(t *testing.T) {
	want := read(t, "everything.graphql")
	got, err := FromIntrospection([]byte(read(t, "everything.json")))
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if formatted(t, got) != formatted(t, want) {
		t.Error("gqlparser reads the two as different schemas")
	}
}

func TestDescriptionsComeThroughAsTheyAre(t *testing.T) {
	for _, text := range []string{
		"plain", "two\nlines", "a \"quote\" inside", "ends in \"quotes\"", `ends in \`, `has """ in it`, " leading blank",
		"trailing blank ", "a line\n  that is indented", "\nbegins with a line end", "ends with one\n", "a\n\nparagraph", "tab\tinside",
		"a bell\a", "blank line of blanks\n   \nend", "emoji 🙂", `\u0041 is no escape`, "carriage\r\nreturn", "<html> & co",
	} {
		w := &sdlWriter{}
		w.fullType(fullType{Kind: "OBJECT", Name: "Query", Description: text, Fields: []field{
			{Name: "a", Description: text, Type: &typeRef{Kind: "SCALAR", Name: "Int"}},
		}})
		schema, problem := LoadSchema(w.String())
		if problem != nil {
			t.Errorf("%q: %s\n%s", text, problem, w.String())
			continue
		}
		if got := schema.Query.Description; got != text {
			t.Errorf("a type's description %q came back as %q from\n%s", text, got, w.String())
		}
		if got := schema.Query.Fields.ForName("a").Description; got != text {
			t.Errorf("a field's description %q came back as %q from\n%s", text, got, w.String())
		}
	}
}

func TestAnOlderServerTellsLessAndItsSchemaIsReadAllTheSame(t *testing.T) {
	const old = `{"__schema":{"queryType":{"name":"Query"},"types":[
		{"kind":"OBJECT","name":"Query","fields":[{"name":"count","args":[{"name":"id","type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}},"defaultValue":null}],
			"type":{"kind":"SCALAR","name":"Int"},"isDeprecated":false}],"interfaces":[]},
		{"kind":"SCALAR","name":"Int"},{"kind":"SCALAR","name":"ID"},{"kind":"OBJECT","name":"__Schema","fields":[]}],
		"directives":[{"name":"skip","locations":["FIELD"],"args":[]}]}}`
	sdl, err := FromIntrospection([]byte(old))
	if err != nil {
		t.Fatal(err)
	}
	if want := "type Query {\n  count(id: ID!): Int\n}\n"; sdl != want {
		t.Errorf("got\n%s\nwant\n%s", sdl, want)
	}
}

func TestIntrospectionThatIsNoneIsOneLine(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"no JSON":    {`<html>`, "the introspection is not of the specified form: invalid character '<' looking for beginning of value"},
		"other data": {`{"viewer":null}`, "the introspection has no __schema with a queryType"},
		"a kind that is none": {`{"__schema":{"queryType":{"name":"Q"},"types":[{"kind":"CLASS","name":"Q"}]}}`,
			`the introspection has the type Q of the kind "CLASS", which is none`},
		"types nested too deep": {`{"__schema":{"queryType":{"name":"Q"},"types":[{"kind":"OBJECT","name":"Q","fields":[{"name":"a","type":{"kind":"LIST"}}]}]}}`,
			"the introspection has a type that ends without a name; it is nested deeper than servers are asked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := FromIntrospection([]byte(c.data))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

// The introspection queries are valid themselves.
func TestIntrospectionQueriesAreValid(t *testing.T) {
	schema, problem := LoadSchema("type Query { a: Int }")
	if problem != nil {
		t.Fatal(problem)
	}
	for _, query := range IntrospectionQueries() {
		if strings.Contains(query, "$") {
			t.Errorf("a hole was left: %s", query)
		}
		if _, problem := parse(schema, query); problem != nil {
			t.Errorf("%s: %s", query, problem)
		}
	}
}

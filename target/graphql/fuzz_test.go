package graphql

import "testing"

// Whatever a server tells of its schema, it is a schema, or a fault on one line.
func FuzzFromIntrospection(f *testing.F) {
	f.Add([]byte(`{"__schema":{"queryType":{"name":"Q"},"types":[{"kind":"OBJECT","name":"Q","fields":[{"name":"a","type":{"kind":"SCALAR","name":"Int"}}]}]}}`))
	f.Add([]byte(`{"__schema":{"queryType":{"name":"Q"},"directives":[{"name":"d","locations":["FIELD"],"args":[{"name":"a","defaultValue":"]"}]}]}}`))
	f.Add([]byte(`{"__schema":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sdl, err := FromIntrospection(data)
		if err != nil {
			return
		}
		schema, problem := LoadSchema(sdl)
		if problem == nil && schema.Query == nil {
			t.Errorf("a schema without a query: %s", sdl)
		}
		if problem != nil && problem.Message == "" {
			t.Errorf("a fault without words: %s", sdl)
		}
	})
}

// Whatever a user writes and a server answers, it is compiled and read, or a fault on one line.
func FuzzOperation(f *testing.F) {
	sdl := `type Query { thing(id: ID, filter: Filter): Thing, things: [Thing!] } input Filter { name: String, kinds: [Kind!] }
		enum Kind { BIG SMALL } type Thing { id: ID! kind: Kind inner: Thing list: [Thing!]! n: Int }`
	f.Add("query($id: ID) { thing(id: $id) { id kind inner { n } } }", "inner.n", `{"thing":{"id":"a","kind":"BIG","inner":null}}`)
	f.Add("{ t: thing { ...F } } fragment F on Thing { id list { id } }", "/list", `{"t":{"id":1,"list":[null,{"id":"x"}]}}`)
	f.Add("query($filter: Filter) { thing(filter: $filter) { id } }", "", `[]`)
	schema, problem := LoadSchema(sdl)
	if problem != nil {
		f.Fatal(problem)
	}
	spec := Spec{
		Values: []Value{{Name: "id", Kind: Text, Sometimes: true}, {Name: "kinds", Kind: Texts, Words: []string{"big"}, Sometimes: true}},
		Results: []Result{{Name: "id", Kind: Text}, {Name: "n", Kind: Number}, {Name: "kind", Kind: Text, Words: []string{"big"}},
			{Name: "list", Kind: Objects, Members: []Result{{Name: "id", Kind: Text}}}},
	}
	f.Fuzz(func(t *testing.T, query, path, data string) {
		op, problem := Compile(schema, query, "", spec, Mapping{Result: map[string]string{"n": path}})
		if problem != nil {
			if problem.Message == "" {
				t.Errorf("a fault without words: %s", query)
			}
			return
		}
		op.Variables(map[string]any{"id": "a", "kinds": []any{"big"}})
		if read, err := op.Read([]byte(data)); err == nil && read.Items != nil {
			t.Errorf("items of what is no list: %v", read)
		}
	})
}

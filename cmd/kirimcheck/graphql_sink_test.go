package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/kirimcheck/kirimcheck/target"
)

// effectsSchema is what a receiver offers over GraphQL; effectsIntrospection is what graphql-js 16.15 tells of it.
var (
	//go:embed testdata/effects.graphql
	effectsSchema string
	//go:embed testdata/effects.introspection.json
	effectsIntrospection string
)

// graphqlReceiver answers the one query of effectsSchema, as a server does that checks what it is asked.
type graphqlReceiver struct {
	schema *ast.Schema
	// open says that it tells its schema.
	open bool

	mu     sync.Mutex
	counts map[target.Effect]int
}

func (g *graphqlReceiver) record(_ context.Context, e target.Effect) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	e.Event = strings.ToUpper(strings.ReplaceAll(e.Event, ".", "_"))
	g.counts[e]++
	return nil
}

func (g *graphqlReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Query     string
		Variables map[string]any
	}
	answer := func(data, problem string) {
		body := map[string]any{"data": json.RawMessage(data)}
		if problem != "" {
			body = map[string]any{"errors": []any{map[string]any{"message": problem, "extensions": map[string]any{"code": "BAD_USER_INPUT"}}}}
		}
		w.Header().Set("Content-Type", "application/json")
		// The harness sees a broken answer for itself.
		_ = json.NewEncoder(w).Encode(body)
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.Header.Get("X-Receiver-Token") != "hush-hush" {
		answer("", fmt.Sprintf("a request without the token hush-hush: %v", err))
		return
	}
	if strings.Contains(asked.Query, "__schema") {
		if !g.open {
			answer("", "introspection is off")
			return
		}
		answer(effectsIntrospection, "")
		return
	}
	doc, err := gqlparser.LoadQueryWithRules(g.schema, asked.Query, nil)
	if len(err) > 0 {
		answer("", err.Error())
		return
	}
	field := doc.Operations[0].SelectionSet[0].(*ast.Field)
	args := field.ArgumentMap(asked.Variables)
	text := func(name string) string { value, _ := args[name].(string); return value }
	g.mu.Lock()
	n := g.counts[target.Effect{Event: text("event"), EventID: text("eventId"), ItemID: text("itemId"), Status: text("status")}]
	g.mu.Unlock()
	answer(fmt.Sprintf(`{"effects":{"count":%d}}`, n), "")
}

const receiverTokenVar = "RECEIVER_TOKEN"

// graphqlSink has the effects behind GraphQL. The schema comes from the server, or from a file.
func graphqlSink(open bool) func(*testing.T, string, *target.HTTPObserver) sink {
	return func(t *testing.T, _ string, _ *target.HTTPObserver) sink {
		g := &graphqlReceiver{
			schema: gqlparser.MustLoadSchema(&ast.Source{Name: "effects", Input: effectsSchema}), open: open, counts: map[target.Effect]int{},
		}
		server := httptest.NewServer(g)
		t.Cleanup(server.Close)
		observer := target.GraphQLObserver{
			URL: server.URL + "/graphql", Count: "effects.count",
			Query: `query Effects($event: Event!, $eventId: ID!, $itemId: ID!, $status: String) {
  effects(event: $event, eventId: $eventId, itemId: $itemId, status: $status) { count }
}`,
			Header: map[string]target.Value{"X-Receiver-Token": {Env: receiverTokenVar}},
		}
		if !open {
			path, err := filepath.Abs("testdata/effects.graphql")
			if err != nil {
				t.Fatal(err)
			}
			observer.Schema = path
		}
		return sink{
			observe: target.Observe{GraphQL: &observer}, env: []string{receiverTokenVar + "=hush-hush"}, secrets: []string{"hush-hush"},
			record: g.record,
		}
	}
}

package target

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// effectsFile is a target file of a receiver that is asked over GraphQL.
const effectsFile = `url: http://127.0.0.1:1/hook
secret: {env: KIRIM_TEST_SECRET}
observe:
  graphql:
    url: http://127.0.0.1:1/graphql
    schema: effects.graphql
    query: |
      query($event_id: ID!, $itemId: ID!, $status: String) {
        effects(event: $event_id, item: $itemId, status: $status) { total, note, at: when }
      }
    count: effects.total
`

const effectsSDL = `type Query { effects(event: ID!, item: ID!, status: String): Effects, other: Int }
type Mutation { reset(event: ID!): Int }
type Effects { total: Int!, note: String, when: String }
`

func writeEffects(t *testing.T, change ...string) string {
	t.Helper()
	path := writeTarget(t, strings.NewReplacer(change...).Replace(effectsFile))
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "effects.graphql"), []byte(effectsSDL), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFaultsOfAGraphQLObserverAreToldWithTheirPlace(t *testing.T) {
	for name, c := range map[string]struct {
		change []string
		want   string
	}{
		"an unknown field":      {[]string{"at: when", "at: while"}, `:9:82: observe.graphql.query: Cannot query field "while" on type "Effects". Did you mean "when"?`},
		"a count that is text":  {[]string{"count: effects.total", "count: effects.note"}, `:11:5: observe.graphql.count: note is String, where a number is expected`},
		"a count not selected":  {[]string{"count: effects.total", "count: effects.sum"}, `:11:5: observe.graphql.count: the operation does not select sum in effects; it selects total, note, at`},
		"no count":              {[]string{"    count: effects.total\n", ""}, `:8:7: observe.graphql.query: count is missing, and the operation selects no count in the query; it selects effects`},
		"a status that must be": {[]string{"$status: String)", "$status: String!)"}, `:8:43: observe.graphql.query: $status has the type String!, and there is not always a {status}; write the type without the exclamation mark, or give it a default`},
		"nothing to ask about": {[]string{"query($event_id: ID!, $itemId: ID!, $status: String) {\n        effects(event: $event_id, item: $itemId, status: $status)", "query($status: String) {\n        effects(event: 1, item: 2, status: $status)"},
			`:7: observe.graphql.query: no variable holds {event_id} or {item_id}, so effects could not be told apart`},
		"a mutation": {[]string{"query($event_id: ID!, $itemId: ID!, $status: String) {\n        effects(event: $event_id, item: $itemId, status: $status) { total, note, at: when }", "mutation($event_id: ID!) {\n        reset(event: $event_id)", "effects.total", "reset"},
			`:7: observe.graphql.query: is a mutation; looking must change nothing, so write a query`},
		"an unknown variable":  {[]string{"    count:", "    variables: {event: \"{event_id}\"}\n    count:"}, `:11:17: observe.graphql.variables.event: the operation has no variable $event; it has $event_id, $itemId, $status`},
		"an unknown value":     {[]string{"    count:", "    variables: {event_id: \"{id}\"}\n    count:"}, `:11:17: observe.graphql.variables.event_id: there is no value {id}; there are {event}, {event_id}, {item_id}, {status}`},
		"no query":             {[]string{"    query: |\n      query($event_id: ID!, $itemId: ID!, $status: String) {\n        effects(event: $event_id, item: $itemId, status: $status) { total, note, at: when }\n      }\n", ""}, `:4: observe.graphql.query: is missing; write the query, or file with the name of a file that holds it`},
		"no URL":               {[]string{"    url: http://127.0.0.1:1/graphql\n", ""}, `:4: observe.graphql.url: is missing`},
		"two adapters":         {[]string{"  graphql:", "  http: {url: \"http://127.0.0.1:1/{item_id}\"}\n  graphql:"}, `:3: observe: http and graphql are both set; keep one`},
		"a header without one": {[]string{"    count:", "    header: {X-Token: {env: KIRIM_TEST_NOWHERE}}\n    count:"}, `observe.graphql.header.X-Token: the environment variable KIRIM_TEST_NOWHERE is not set`},
		"an unknown key":       {[]string{"    count:", "    path:"}, `unknown key "path"; known keys here: url, query, file, operation, variables, count, schema, header`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadFile(writeEffects(t, c.change...))
			var config *ConfigError
			if !errors.As(err, &config) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

// observed returns an observer whose server answers so.
func observed(t *testing.T, status int, answer string) Observer {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(body), `"variables":{"event_id":"e/1","itemId":"i"}`) ||
			r.Header.Get("X-Token") != "hush-hush" {
			t.Errorf("asked with %v: %s, %v", r.Header, body, err)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	t.Setenv("KIRIM_TEST_TOKEN", "hush-hush")
	tgt, err := ReadFile(writeEffects(t, "http://127.0.0.1:1/graphql", server.URL+"/graphql", "    count:", "    header: {X-Token: {env: KIRIM_TEST_TOKEN}}\n    count:"))
	if err != nil {
		t.Fatal(err)
	}
	o, closeObserver, err := NewObserver(t.Context(), tgt.Observe, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeObserver(); err != nil {
			t.Error(err)
		}
	})
	if o.Tells() != (Tells{EventID: true, Item: true, Status: true}) || !strings.HasPrefix(o.String(), "graphql, 127.0.0.1:") {
		t.Errorf("the observer %s tells %+v", o, o.Tells())
	}
	return o
}

func TestAGraphQLObserverCountsOrSaysWhyNot(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		count  int
		want   string
	}{
		"a count":        {200, `{"data":{"effects":{"total":3,"note":null,"at":null}}}`, 3, ""},
		"nothing":        {200, `{"data":{"effects":null}}`, 0, `observer graphql: the value at count is not a number`},
		"a fraction":     {200, `{"data":{"effects":{"total":1.5}}}`, 0, `observer graphql: the value at count is 1.5, not a count`},
		"an error":       {200, `{"data":null,"errors":[{"message":"no, hush-hush","path":["effects"],"extensions":{"code":"FORBIDDEN"}}]}`, 0, `observer graphql: the query was refused with the code FORBIDDEN at effects: "no, [redacted]"`},
		"a page":         {502, `<html>`, 0, `observer graphql: answered 502, but the answer is not a JSON object: "<html>"`},
		"a status":       {500, `{"data":{"effects":{"total":3}}}`, 0, `observer graphql: answered 500; 200 with a count is expected`},
		"a large answer": {200, strings.Repeat(" ", 2<<20), 0, `observer graphql: the answer is larger than 1048576 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := observed(t, c.status, c.answer).Count(t.Context(), Effect{Event: "message.received", EventID: "e/1", ItemID: "i"})
			if c.want == "" && (err != nil || n != c.count) {
				t.Errorf("counted %d, %v", n, err)
			}
			if c.want != "" && (err == nil || err.Error() != c.want) {
				t.Errorf("got\n%v\nwant\n%s", err, c.want)
			}
		})
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/target/graphql"
)

// relayOverGraphQL is the document's target file for serve --graphql, at this address.
func relayOverGraphQL(t *testing.T, url string) string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/target.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(doc), "```yaml\n# relay-graphql.yaml\n")
	block, _, closed := strings.Cut(block, "```")
	if !found || !closed {
		t.Fatal("docs/target.md has no relay-graphql.yaml")
	}
	return strings.NewReplacer("http://127.0.0.1:8787", url).Replace(block)
}

// withoutApplied is a schema as gqlparser prints it, less the directives that were applied to it: introspection does not tell
// those.
func withoutApplied(t *testing.T, sdl string) string {
	t.Helper()
	doc, err := parser.ParseSchema(&ast.Source{Name: "schema", Input: sdl})
	if err != nil {
		t.Fatal(err)
	}
	// gqlgen tells of a directive of its own.
	doc.Directives = slices.DeleteFunc(doc.Directives, func(d *ast.DirectiveDefinition) bool { return d.Name == "defer" })
	for _, d := range doc.Definitions {
		d.Directives = nil
		for _, f := range d.Fields {
			f.Directives = nil
			for _, a := range f.Arguments {
				a.Directives = nil
			}
		}
		for _, v := range d.EnumValues {
			v.Directives = nil
		}
	}
	var b bytes.Buffer
	formatter.NewFormatter(&b).FormatSchemaDocument(doc)
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema", Input: b.String()})
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	formatter.NewFormatter(&b).FormatSchema(schema)
	return b.String()
}

// What a live server tells of its schema is the schema that it was made from.
func TestIntrospectionOfServeIsItsSchema(t *testing.T) {
	p := startServe(t, "--dev", "--graphql")
	for i, query := range graphql.IntrospectionQueries() {
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		answer, err := graphql.ParseAnswer(text)
		if err != nil || len(answer.Errors) > 0 {
			t.Fatalf("%v, %+v", err, answer.Errors)
		}
		sdl, err := graphql.FromIntrospection(answer.Data)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("../../emitter/graphql/management.graphqls")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := withoutApplied(t, sdl), withoutApplied(t, string(want)); got != want {
			t.Errorf("query %d: it tells\n%s\nand was made from\n%s", i+1, got, want)
		}
	}
}

// The document's target file certifies the document's serve, which tells its schema itself.
func TestServeIsCertifiedOverGraphQLByTheDocumentsFile(t *testing.T) {
	env := append([]string{"KIRIM_OTHER_KEY=kdv_live_BBBBBBBBBBBBBBBBBBBBBBBB"}, serveEnv...)
	p := startServeWith(t, env, "--dev", "--virtual-clock", "--graphql")
	file := relayOverGraphQL(t, p.url)
	r := kirimcheck(t, env, "certify", "--target", write(t, "target.yaml", file), "--label-filter", "api || replay || subscriptions")
	report := r.report(t)
	if r.code != exitConformant || report.Counts[reports.Pass] == 0 || report.Counts[reports.Fail]+report.Counts[reports.Error]+report.Counts[reports.Untestable] > 0 {
		t.Errorf("exit code %d, counts %v, errors %q\n%s", r.code, report.Counts, report.Errors, r.stdout)
	}
	r.keepsQuiet(t, "kdv_live_AAAAAAAAAAAAAAAAAAAAAAAA", "kdv_live_BBBBBBBBBBBBBBBBBBBBBBBB")

	for name, c := range map[string]struct{ change, to, want string }{
		"an operation that does not fit": {
			"    key: {env: KIRIM_KEY}\n", "    key: {env: KIRIM_KEY}\n    operations:\n      replay:\n        query: |\n          mutation($id: ID!) {\n            replay_webhook_delivery(id: $id) { id replayed_from state }\n          }\n",
			`target.yaml:13:65: management.graphql.operations.replay.query: Cannot query field "state" on type "ReplayedDelivery".`,
		},
		"a mapping to nothing": {
			"    key: {env: KIRIM_KEY}\n", "    key: {env: KIRIM_KEY}\n    operations:\n      replay:\n        query: \"mutation($id: ID!) { replay_webhook_delivery(id: $id) { id replayed_from status } }\"\n        result: {id: delivery}\n",
			`target.yaml:12:18: management.graphql.operations.replay.result.id: the operation does not select delivery in replay_webhook_delivery; it selects id, replayed_from, status`,
		},
		"no GraphQL there": {"/graphql\n", "/v1/graphql\n", `answered 404, but the answer has neither data nor errors`},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "target.yaml", strings.Replace(file, c.change, c.to, 1))
			for _, command := range [][]string{{"certify"}, {"target", "check"}} {
				r := kirimcheck(t, env, append(command, "--target", path)...)
				if r.code != exitUsage {
					t.Errorf("%s: exit code %d\n%s", command, r.code, r.stdout)
				}
				r.oneLine(t, c.want)
			}
		})
	}
}

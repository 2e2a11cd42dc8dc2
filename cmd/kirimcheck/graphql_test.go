package main

import (
	"os"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/reports"
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
			r := kirimcheck(t, env, "certify", "--target", write(t, "target.yaml", strings.Replace(file, c.change, c.to, 1)))
			if r.code != exitUsage {
				t.Errorf("exit code %d\n%s", r.code, r.stdout)
			}
			r.oneLine(t, c.want)
		})
	}
}

package mutants

import (
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

// relayIdentityMutants are wrong in what a receiver knows an event and its sender by: ids, bytes and secrets.
func relayIdentityMutants() []Mutant {
	return []Mutant{
		{
			Name: "charset-latin-1", Defect: "the content type has the charset that the HTTP library takes for text",
			Breaks: []string{"relay.headers.json-post"},
			relay:  rewrites("Content-Type", func(kind string) string { return kind + "; charset=ISO-8859-1" }),
		},
		{
			Name: "user-agent-of-the-build", Defect: "the user agent has the number of the build in it",
			Breaks: []string{"relay.headers.user-agent"},
			relay:  rewrites("User-Agent", func(agent string) string { return agent + "+build.7" }),
		},
		{
			Name: "event-id-namespaced", Defect: "the ids of Meta's events have the subscription's id behind them, so that they are unique in a table",
			Breaks: []string{
				"relay.headers.event-id.shared", "relay.headers.event-id.message", "relay.headers.event-id.status", "relay.passthrough.batch-id",
			},
			relay: eventIDs(contract.SourceMeta, func(d pipeline.Delivery, _ int) string { return d.Event.ID + "." + d.Subscription }),
		},
		{
			Name: "event-id-at-first-only", Defect: "a retry carries no event id",
			Breaks: []string{"relay.headers.event-id.stable", "relay.headers.once"},
			relay: drops(func(f wire.Field, r *pipeline.Request) bool {
				return f.Name == "X-Kirim-Event-Id" && get(r, "X-Kirim-Attempt") != "1"
			}),
		},
		{
			Name: "old-meta-signature-left", Defect: "Meta's newer signature header is taken away, and its older one passed on",
			Breaks: []string{"relay.headers.no-meta-signature"},
			relay: func(p *server.Parts) {
				onWire(func(r *pipeline.Request) {
					if get(r, "X-Kirim-Source") == string(contract.SourceMeta) {
						digest := hex.EncodeToString(signature.MetaMACSHA1(p.Front.AppSecret, r.Body))
						r.Header = append(r.Header, wire.Field{Name: hubSignatureSHA1, Value: "sha1=" + digest})
					}
				})(p)
			},
		},
		{
			Name: "retry-says-so", Defect: "retries of Kirim's events say in the body that they are retries",
			Breaks: []string{"relay.passthrough.retry-bytes"},
			relay: retriesWith(func(body []byte) []byte {
				if !gjson.GetBytes(body, "created_at").Exists() {
					return body
				}
				// The body is JSON of our own, and stays as it is where it cannot be changed.
				if said, err := sjson.SetBytes(body, "retry", true); err == nil {
					return said
				}
				return body
			}),
		},
		{
			Name: "short-secrets", Defect: "secrets have eight random characters",
			Breaks: []string{"relay.signature.secret-form"},
			relay: also(signs(func(s pipeline.Signing) pipeline.Signing {
				for i := range s.Secrets {
					s.Secrets[i].Value = shortened(s.Secrets[i].Value)
				}
				return s
			}), answering(func(_ *http.Request, a *answer) {
				a.members(func(doc map[string]any) {
					data, _ := doc["data"].(map[string]any)
					for _, name := range []string{"initial_secret", "secret"} {
						if secret, ok := data[name].(string); ok {
							data[name] = shortened(secret)
						}
					}
				})
			})),
		},
		{
			Name: "secret-in-answer-to-change", Defect: "the answer to a change of a subscription shows its first secret again",
			Breaks: []string{"relay.signature.secret-once"},
			relay: func(p *server.Parts) {
				var secrets memory[string, string]
				answering(func(r *http.Request, a *answer) {
					if !strings.Contains(r.URL.Path, subscriptions) {
						return
					}
					a.members(func(doc map[string]any) {
						data, _ := doc["data"].(map[string]any)
						id, _ := data["id"].(string)
						if secret, ok := data["initial_secret"].(string); ok {
							secrets.swap(id, secret)
						} else if secret, known := secrets.get(id); known && r.Method == http.MethodPatch {
							data["initial_secret"] = secret
						}
					})
				})(p)
			},
		},
	}
}

// shortened keeps the prefix of a secret and eight characters.
func shortened(secret string) string {
	return secret[:min(len(secret), len("whsec_")+8)]
}

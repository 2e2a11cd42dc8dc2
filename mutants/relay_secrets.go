package mutants

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// relaySecretMutants keep their secrets wrongly.
func relaySecretMutants() []Mutant {
	return []Mutant{
		{
			Name: "old-secret-dropped-early", Defect: "the newest secret alone signs, from the moment that it is made",
			Breaks: []string{"relay.signature.rotation", "relay.signature.expired"},
			relay: func(p *server.Parts) {
				right := p.Relay.Rules.ActiveSecrets
				p.Relay.Rules.ActiveSecrets = func(secrets []pipeline.Secret, now time.Time) []pipeline.Secret {
					active := right(secrets, now)
					return active[:min(len(active), 1)]
				}
			},
		},
		{
			Name: "expired-secret-still-signs", Defect: "a secret goes on signing when it has expired",
			Breaks: []string{"relay.signature.expired"},
			relay: func(p *server.Parts) {
				right := p.Relay.Rules.ActiveSecrets
				p.Relay.Rules.ActiveSecrets = func(secrets []pipeline.Secret, _ time.Time) []pipeline.Secret {
					return right(secrets, time.Time{})
				}
			},
		},
		{
			Name: "secrets-of-the-first-attempt", Defect: "retries are signed with the secrets that were active at the first attempt",
			Breaks: []string{"relay.signature.rotation"},
			relay: func(p *server.Parts) {
				frozen := memory[int64, []pipeline.Secret]{}
				signs(func(s pipeline.Signing) pipeline.Signing {
					s.Secrets = frozen.first(s.Delivery.Seq, s.Secrets)
					return s
				})(p)
			},
		},
		{
			Name: "deleted-secret-still-signs", Defect: "the deletion of a secret is acknowledged and not done",
			Breaks: []string{"relay.signature.deleted"},
			relay: func(p *server.Parts) {
				p.Wrap = func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						id := secretPath.FindStringSubmatch(req.URL.Path)
						if req.Method != http.MethodDelete || id == nil {
							next.ServeHTTP(w, req)
							return
						}
						w.Header().Set("Content-Type", "application/json")
						// A client that went away has no use for an error.
						_, _ = fmt.Fprintf(w, `{"data":{"id":%q,"object":"webhook_secret","deleted":true},"request_id":"req_%026d"}`, id[1], 1)
					})
				}
			},
		},
		{
			Name: "secret-in-list", Defect: "reading a subscription shows its secret",
			Breaks: []string{"relay.signature.secret-once"},
			relay:  func(p *server.Parts) { p.Wrap = showsSecrets },
		},
		{
			Name: "secret-without-prefix", Defect: "secrets are random text without the documented prefix",
			Breaks: []string{"relay.signature.secret-form"},
			relay:  func(p *server.Parts) { p.Relay.Edition.Signature.SecretPrefix = "" },
		},
	}
}

// secretPath is the path of one secret.
var secretPath = regexp.MustCompile(`/webhook_subscriptions/[^/]+/secrets/([^/]+)$`)

// showsSecrets remembers the secrets of new subscriptions and shows them wherever a subscription is read.
func showsSecrets(next http.Handler) http.Handler {
	var mu sync.Mutex
	secrets := map[string]string{}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.Contains(req.URL.Path, "/webhook_subscriptions") {
			next.ServeHTTP(w, req)
			return
		}
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, req)
		body := recorded.Body.Bytes()
		mu.Lock()
		if made := gjson.GetBytes(body, "data"); made.Get("initial_secret").Exists() {
			secrets[made.Get("id").String()] = made.Get("initial_secret").String()
		} else {
			for id, secret := range secrets {
				body = bytes.ReplaceAll(body, fmt.Appendf(nil, `"id":%q`, id), fmt.Appendf(nil, `"id":%q,"secret":%q`, id, secret))
			}
		}
		mu.Unlock()
		for name, lines := range recorded.Header() {
			w.Header()[name] = lines
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(recorded.Code)
		// A client that went away has no use for an error.
		_, _ = io.Copy(w, bytes.NewReader(body))
	})
}

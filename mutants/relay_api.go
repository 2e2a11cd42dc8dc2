package mutants

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// relayKeyMutants are wrong in what the calls have in common: keys, envelopes, and whose things they show.
func relayKeyMutants() []Mutant {
	return []Mutant{
		managed("key-not-checked", "takes a call with any key, and without one",
			asking(func(p *server.Parts, r *http.Request) {
				if !strings.HasSuffix(r.Header.Get("Authorization"), p.Relay.Organisations[1].Key) {
					authorise(p, r)
				}
			}), "api.key", "api.error-envelope"),
		managed("key-in-query", "takes a key in the query too",
			asking(func(p *server.Parts, r *http.Request) {
				if query := r.URL.Query(); query.Get("api_key") == p.Relay.Organisations[0].Key {
					query = without(query, "api_key", "access_token", "key")
					r.URL.RawQuery = query.Encode()
					authorise(p, r)
				}
			}), "api.key"),
		managed("key-compared-as-prefix", "compares as many characters as a key has",
			asking(func(p *server.Parts, r *http.Request) {
				if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "+p.Relay.Organisations[0].Key) {
					authorise(p, r)
				}
			}), "api.key"),
		managed("key-for-writes-only", "lets everybody read",
			asking(func(p *server.Parts, r *http.Request) {
				if r.Method == http.MethodGet && r.Header.Get("Authorization") == "" {
					authorise(p, r)
				}
			}), "api.key", "api.error-envelope"),
		managed("health-needs-key", "asks for a key at the health check",
			answering(func(r *http.Request, a *answer) {
				if on(r, http.MethodGet, "/health") && r.Header.Get("Authorization") == "" {
					a.status = http.StatusUnauthorized
				}
			}), "api.health"),
		managed("envelope-without-request-id", "leaves request_id out of successes",
			answering(func(_ *http.Request, a *answer) {
				a.members(func(doc map[string]any) { delete(doc, "request_id") })
			}), "api.success-envelope"),
		managed("request-id-header-differs", "gives the header a request id of its own",
			answering(func(_ *http.Request, a *answer) {
				id := a.header.Get("X-Request-Id")
				a.header.Set("X-Request-Id", id[:len(id)-1]+"_")
			}), "api.success-envelope", "api.error-envelope"),
		managed("error-without-request-id", "leaves request_id out of errors",
			answering(refusing(func(e map[string]any) { delete(e, "request_id") })), "api.error-envelope"),
		managed("error-type-invented", "makes up types of errors, one for each code",
			answering(refusing(func(e map[string]any) { e["type"] = e["code"] })), "api.error-envelope", "api.key"),
		managed("not-found-400", "answers 400 to an id that does not exist",
			answering(func(_ *http.Request, a *answer) {
				if a.status == http.StatusNotFound {
					a.status = http.StatusBadRequest
				}
			}), "api.not-found", "api.error-envelope", "api.other-organisation", "subscriptions.deleted"),
		managed("other-organisation-visible", "shows anything to anybody who knows its id", apiDoor(visible), "api.other-organisation"),
		managed("foreign-403", "answers 403 to another organisation's ids, and so tells that they exist",
			apiDoor(forbidden), "api.other-organisation"),
		managed("rate-reset-in-milliseconds", "says in milliseconds when the rate limit is full again",
			answering(func(_ *http.Request, a *answer) {
				if reset := a.header.Get("X-RateLimit-Reset"); reset != "" {
					a.header.Set("X-RateLimit-Reset", reset+"000")
				}
			}), "api.rate-limit-headers"),
		managed("rate-headers-on-success-only", "leaves the rate limit's headers out of refusals",
			answering(func(_ *http.Request, a *answer) {
				if a.status >= 400 {
					a.header.Del("X-RateLimit-Limit")
				}
			}), "api.rate-limit-headers"),
	}
}

// authorise gives a request the first organisation's key.
func authorise(p *server.Parts, r *http.Request) {
	r.Header.Set("Authorization", "Bearer "+p.Relay.Organisations[0].Key)
}

// without returns a query without some parameters.
func without(query url.Values, names ...string) url.Values {
	for _, name := range names {
		query.Del(name)
	}
	return query
}

// refusing changes the error of an answer that is one.
func refusing(change func(e map[string]any)) func(*http.Request, *answer) {
	return func(_ *http.Request, a *answer) {
		a.members(func(doc map[string]any) {
			if e, ok := doc["error"].(map[string]any); ok {
				change(e)
			}
		})
	}
}

// asOther has a read carried out with the keys of the other organisation.
func asOther(p *server.Parts, next http.Handler, r *http.Request) *answer {
	for _, org := range p.Relay.Organisations {
		again := r.Clone(r.Context())
		again.Method = http.MethodGet
		again.Header.Set("Authorization", "Bearer "+org.Key)
		if a := record(next, again); a.status == http.StatusOK {
			return a
		}
	}
	return nil
}

// visible shows what one organisation has to every other.
func visible(p *server.Parts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := record(next, r)
		if r.Method == http.MethodGet && a.status == http.StatusNotFound {
			if theirs := asOther(p, next, r); theirs != nil {
				a = theirs
			}
		}
		a.send(w)
	})
}

// forbidden tells what is not there from what others have.
func forbidden(p *server.Parts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := record(next, r)
		if a.status == http.StatusNotFound && asOther(p, next, r) != nil {
			a.status = http.StatusForbidden
			refusing(func(e map[string]any) { e["type"], e["code"] = "permission_error", "forbidden" })(r, a)
		}
		a.send(w)
	})
}

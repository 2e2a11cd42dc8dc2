package mutants

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// relayHabitMutants answer calls as other APIs and their frameworks do, and not as Kirim's does; or they answer right, and
// the part that delivers does not know of it.
func relayHabitMutants() []Mutant {
	return []Mutant{
		managed("undecodable-cursor-500", "throws on a cursor that cannot be decoded",
			answering(func(r *http.Request, a *answer) {
				if _, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("cursor")); err != nil {
					a.status = http.StatusInternalServerError
				}
			}), "api.cursor"),
		managed("health-redirects", "answers the health check with a redirect to a page for people",
			answering(func(r *http.Request, a *answer) {
				if on(r, http.MethodGet, "/health") {
					a.status = http.StatusFound
					a.header.Set("Location", "/")
				}
			}), "api.health"),
		managed("deletes-anything-200", "answers 200 to the deletion of what is not there, because it is gone afterwards",
			answering(func(r *http.Request, a *answer) {
				if r.Method == http.MethodDelete && a.status == http.StatusNotFound {
					id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
					a.status = http.StatusOK
					a.members(func(doc map[string]any) {
						delete(doc, "error")
						doc["data"], doc["request_id"] = map[string]any{"id": id, "deleted": true}, a.header.Get("X-Request-Id")
					})
				}
			}), "api.not-found", "api.other-organisation"),
		managed("url-normalised-in-answer", "shows the URL of a new subscription with a slash at its end",
			answering(func(r *http.Request, a *answer) {
				if on(r, http.MethodPost, subscriptions) && a.status == http.StatusCreated {
					a.members(func(doc map[string]any) {
						data := doc["data"].(map[string]any)
						data["url"] = fmt.Sprint(data["url"], "/")
					})
				}
			}), "subscriptions.create"),
		managed("missing-field-unnamed", "refuses what lacks a field, and does not say which",
			answering(refusing(func(e map[string]any) {
				if e["code"] == "missing_required_field" {
					delete(e, "param")
				}
			})), "subscriptions.required"),
		managed("refused-and-made", "makes a subscription to the events that it knows, and then answers that it does not know the others",
			apiDoor(makesFirst), "subscriptions.unknown-event"),
		managed("resume-ignored", "answers that a paused subscription is active again, and delivers nothing",
			patched(func(_ *server.Parts, _ *http.Request, doc map[string]any) {
				if doc["status"] == string(store.Active) {
					delete(doc, "status")
				}
			}), "subscriptions.paused"),
		managed("old-url-until-restart", "shows a changed URL, and delivers to the old one", oldURL, "subscriptions.patch-url"),
		managed("calls-belong-to-the-first", "takes whatever the API is told for the first organisation's",
			fannedOut(func(tx *store.Tx, ed contract.Edition, org int64, event string, found []store.Subscriber) ([]store.Subscriber, error) {
				if named, _ := ed.Event(event); named.Source != contract.SourceKirim {
					return found, nil
				}
				all, err := tx.AllSubscriptions()
				for _, s := range all {
					org = min(org, s.Org)
				}
				if err != nil {
					return nil, err
				}
				return tx.Subscribers(org, event)
			}), "subscriptions.other-organisation"),
	}
}

// makesFirst makes a subscription with those of its events that are known, whatever is answered.
func makesFirst(p *server.Parts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := record(next, r)
		doc, ok := object(bodyOf(r))
		if asked, _ := doc["events"].([]any); ok && a.status == http.StatusBadRequest && on(r, http.MethodPost, subscriptions) {
			known := slices.DeleteFunc(slices.Clone(asked), func(name any) bool {
				_, ok := p.Relay.Edition.Event(fmt.Sprint(name))
				return !ok
			})
			if len(known) > 0 {
				withBodyOf(r, func(doc map[string]any) { doc["events"] = known })
				record(next, r)
			}
		}
		a.send(w)
	})
}

// oldURL has the deliveries of a subscription go to the URL that it was made with.
func oldURL(p *server.Parts) {
	var before memory[string, string]
	apiDoor(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !about(r, http.MethodPatch, subscriptions) {
				next.ServeHTTP(w, r)
				return
			}
			look := r.Clone(r.Context())
			look.Method, look.Body = http.MethodGet, http.NoBody
			old, now := record(next, look), record(next, r)
			if from, to := urlIn(old), urlIn(now); now.status == http.StatusOK && from != to {
				before.first(to, from)
			}
			now.send(w)
		})
	})(p)
	onWire(func(r *pipeline.Request) {
		if old, known := before.get(r.URL); known {
			r.URL = old
		}
	})(p)
}

// urlIn is the URL of the subscription in an answer.
func urlIn(a *answer) string {
	doc, _ := object(a.body.Bytes())
	data, _ := doc["data"].(map[string]any)
	url, _ := data["url"].(string)
	return url
}

// notDisabled refuses to change the status of a subscription that is disabled.
func notDisabled(_ *server.Parts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if doc, ok := object(bodyOf(r)); !about(r, http.MethodPatch, subscriptions) || !ok || doc["status"] == nil {
			next.ServeHTTP(w, r)
			return
		}
		look := r.Clone(r.Context())
		look.Method, look.Body = http.MethodGet, http.NoBody
		shown, _ := object(record(next, look).body.Bytes())
		if data, _ := shown["data"].(map[string]any); data["status"] != string(store.Disabled) {
			next.ServeHTTP(w, r)
			return
		}
		refusal(next, r, http.StatusConflict, "conflict_error", "subscription_disabled").send(w)
	})
}

// refusal is the refusal of an id that nobody has, with another status, type and code.
func refusal(next http.Handler, r *http.Request, status int, kind, code string) *answer {
	nobody := r.Clone(r.Context())
	nobody.Method, nobody.Body = http.MethodGet, http.NoBody
	nobody.URL.Path = api.Base + subscriptions + "/" + madeUp("wbs", 0)
	a := record(next, nobody)
	a.status = status
	refusing(func(e map[string]any) { e["type"], e["code"] = kind, code })(r, a)
	return a
}

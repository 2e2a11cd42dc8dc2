package mutants

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// managementAreas are the areas whose specs are run against the mutants of managing a relay: the others hardly call the
// API, and cost the time of every mutant.
const managementAreas = "subscriptions || ssrf || front || api"

// relayManagementMutants are wrong where a relay is managed, where it checks URLs, and where it faces Meta.
func relayManagementMutants() []Mutant {
	return scoped(managementAreas, relaySubscriptionMutants(), relayGuardMutants(), relayFrontMutants(), relayKeyMutants(),
		relayListMutants(), relayIdempotencyMutants(), relayHabitMutants(), relayMetaSideMutants(), relayOldNewsMutants())
}

// subscriptions is the part of paths that names them.
const subscriptions = "/webhook_subscriptions"

// managed is a mutant that breaks these requirements of relay.
func managed(name, defect string, relay func(*server.Parts), breaks ...string) Mutant {
	for i := range breaks {
		breaks[i] = "relay." + breaks[i]
	}
	return Mutant{Name: name, Defect: defect, Breaks: breaks, relay: relay}
}

// fanOut says to whom an event of an organisation goes, given to whom it should.
type fanOut func(tx *store.Tx, ed contract.Edition, org int64, event string, right []store.Subscriber) ([]store.Subscriber, error)

// fannedOut changes to whom events go.
func fannedOut(change fanOut) func(*server.Parts) {
	return func(p *server.Parts) {
		right := p.Relay.Behaviour.Subscribers
		p.Relay.Behaviour.Subscribers = func(tx *store.Tx, org int64, event string) ([]store.Subscriber, error) {
			found, err := right(tx, org, event)
			if err != nil {
				return nil, err
			}
			return change(tx, p.Relay.Edition, org, event, found)
		}
	}
}

// likeEvents adds the subscribers of other events, those for which alike holds.
func likeEvents(alike func(asked, other contract.Event) bool) func(*server.Parts) {
	return fannedOut(func(tx *store.Tx, ed contract.Edition, org int64, event string, found []store.Subscriber) ([]store.Subscriber, error) {
		asked, _ := ed.Event(event)
		for _, other := range ed.Events {
			if !alike(asked, other) {
				continue
			}
			more, err := tx.Subscribers(org, other.Name)
			if err != nil {
				return nil, err
			}
			for _, s := range more {
				if !slices.Contains(found, s) {
					found = append(found, s)
				}
			}
		}
		return found, nil
	})
}

// patched changes what a PATCH of a subscription asks for.
func patched(change func(p *server.Parts, r *http.Request, doc map[string]any)) func(*server.Parts) {
	return asking(func(p *server.Parts, r *http.Request) {
		if about(r, http.MethodPatch, subscriptions) {
			withBodyOf(r, func(doc map[string]any) { change(p, r, doc) })
		}
	})
}

// created changes what a POST of a subscription asks for.
func created(change func(p *server.Parts, doc map[string]any)) func(*server.Parts) {
	return asking(func(p *server.Parts, r *http.Request) {
		if on(r, http.MethodPost, subscriptions) {
			withBodyOf(r, func(doc map[string]any) { change(p, doc) })
		}
	})
}

// allEvents are the names of an edition's events, as decoded JSON has them.
func allEvents(p *server.Parts) (names []any) {
	for _, event := range p.Relay.Edition.Events {
		names = append(names, event.Name)
	}
	return names
}

func relaySubscriptionMutants() []Mutant {
	ignored := managed("filter-ignored", "delivers every event to every subscription",
		likeEvents(func(_, _ contract.Event) bool { return true }),
		"subscriptions.filter", "subscriptions.patch-events")
	// A new customer's first message is two events, so that wherever messages are counted there are too many.
	ignored.Filter = "relay.subscriptions.filter || relay.subscriptions.patch-events"
	return []Mutant{
		ignored,
		managed("filter-by-source", "delivers every event of Meta's to a subscription to one of them",
			likeEvents(func(asked, other contract.Event) bool {
				return asked.Source == contract.SourceMeta && other.Source == contract.SourceMeta
			}),
			"subscriptions.filter", "subscriptions.patch-events"),
		managed("patch-events-ignored", "answers a change of events, and changes nothing",
			patched(func(_ *server.Parts, _ *http.Request, doc map[string]any) { delete(doc, "events") }),
			"subscriptions.patch-events"),
		managed("patch-url-ignored", "answers a change of the URL, and changes nothing",
			patched(func(p *server.Parts, r *http.Request, doc map[string]any) {
				if url, ok := doc["url"].(string); ok && p.Relay.Guard.CheckURL(r.Context(), url) == nil {
					delete(doc, "url")
				}
			}),
			"subscriptions.patch-url"),
		managed("delivers-after-delete", "answers a deletion, and delivers as before", apiDoor(deletesNothing), "subscriptions.deleted"),
		managed("pause-ignored", "answers a pause, and delivers as before",
			patched(func(_ *server.Parts, _ *http.Request, doc map[string]any) {
				if doc["status"] == string(store.Paused) {
					delete(doc, "status")
				}
			}),
			"subscriptions.paused"),
		managed("fan-out-capped", "delivers an event to the ten oldest subscriptions",
			fannedOut(func(_ *store.Tx, _ contract.Edition, _ int64, _ string, found []store.Subscriber) ([]store.Subscriber, error) {
				return found[:min(len(found), 10)], nil
			}),
			"subscriptions.fan-out"),
		managed("same-url-deduped", "delivers an event once to a URL that two subscriptions have", fannedOut(onePerURL), "subscriptions.fan-out"),
		managed("fan-out-over-organisations", "delivers an event to the subscriptions of every organisation",
			fannedOut(func(tx *store.Tx, _ contract.Edition, _ int64, event string, _ []store.Subscriber) (found []store.Subscriber, err error) {
				all, err := tx.AllSubscriptions()
				for _, s := range all {
					if s.Status == store.Active && slices.Contains(s.Events, event) {
						found = append(found, store.Subscriber{Seq: s.Seq, ID: s.ID})
					}
				}
				return found, err
			}),
			"subscriptions.other-organisation"),
		managed("create-status-pending", "says that a new subscription is pending, as if it had to be confirmed",
			answering(func(r *http.Request, a *answer) {
				if on(r, http.MethodPost, subscriptions) && a.status == http.StatusCreated {
					a.members(func(doc map[string]any) { doc["data"].(map[string]any)["status"] = "pending" })
				}
			}),
			"subscriptions.create"),
		managed("unknown-event-dropped", "leaves unknown events out and makes the subscription with the others, or with all",
			created(func(p *server.Parts, doc map[string]any) {
				asked, _ := doc["events"].([]any)
				known := slices.DeleteFunc(slices.Clone(asked), func(name any) bool {
					_, ok := p.Relay.Edition.Event(fmt.Sprint(name))
					return !ok
				})
				if len(known) == 0 && len(asked) > 0 {
					known = allEvents(p)
				}
				if len(asked) > 0 {
					doc["events"] = known
				}
			}),
			"subscriptions.unknown-event"),
		managed("no-events-means-all", "takes a subscription without events for one to all of them",
			created(func(p *server.Parts, doc map[string]any) {
				if asked, _ := doc["events"].([]any); len(asked) == 0 {
					doc["events"] = allEvents(p)
				}
			}),
			"subscriptions.required"),
	}
}

// deletesNothing answers the deletion of a subscription that is there as if it were done.
func deletesNothing(_ *server.Parts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if about(r, http.MethodDelete, subscriptions) {
			look := r.Clone(r.Context())
			look.Method = http.MethodGet
			if a := record(next, look); a.status == http.StatusOK {
				a.members(func(doc map[string]any) {
					doc["data"] = map[string]any{"id": doc["data"].(map[string]any)["id"], "object": "webhook_subscription", "deleted": true}
				})
				a.send(w)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// onePerURL keeps the oldest subscription of each URL.
func onePerURL(tx *store.Tx, _ contract.Edition, org int64, _ string, found []store.Subscriber) (kept []store.Subscriber, err error) {
	seen := map[string]bool{}
	for _, s := range found {
		subscription, _, err := tx.Subscription(org, s.ID)
		if err != nil {
			return nil, err
		}
		if !seen[subscription.URL] {
			seen[subscription.URL] = true
			kept = append(kept, s)
		}
	}
	return kept, nil
}

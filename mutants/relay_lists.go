package mutants

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// relayListMutants are wrong in lists and their cursors.
func relayListMutants() []Mutant {
	listing := func(change func(query url.Values)) func(*server.Parts) {
		return asking(func(_ *server.Parts, r *http.Request) {
			if on(r, http.MethodGet, subscriptions) {
				query := r.URL.Query()
				change(query)
				r.URL.RawQuery = query.Encode()
			}
		})
	}
	return []Mutant{
		managed("page-skips-one", "leaves the last item of a page out where there is another page",
			answering(func(r *http.Request, a *answer) {
				if !on(r, http.MethodGet, subscriptions) {
					return
				}
				a.members(func(doc map[string]any) {
					if items, _ := doc["data"].([]any); doc["has_more"] == true && len(items) > 1 {
						doc["data"] = items[:len(items)-1]
					}
				})
			}), "api.pages", "api.limit"),
		managed("next-cursor-missing", "leaves next_cursor out of the last page",
			answering(func(_ *http.Request, a *answer) {
				a.members(func(doc map[string]any) {
					if doc["has_more"] == false {
						delete(doc, "next_cursor")
					}
				})
			}), "api.pages"),
		managed("limit-clamped", "takes a limit that is too large or too small for the nearest that is allowed",
			listing(func(query url.Values) {
				if n, err := strconv.Atoi(query.Get("limit")); err == nil {
					query.Set("limit", strconv.Itoa(min(max(n, 1), 100)))
				}
			}), "api.limit"),
		managed("limit-default-100", "shows a hundred items where no limit is asked for",
			listing(func(query url.Values) {
				if !query.Has("limit") {
					query.Set("limit", "100")
				}
			}), "api.limit"),
		managed("bad-cursor-first-page", "answers a cursor that it does not know with the first page", apiDoor(startsAgain),
			"api.cursor", "api.cursor-filters"),
		managed("cursor-ignores-filters", "goes on with the filters that a cursor was made with, whatever is asked for",
			apiDoor(remembersCursors), "api.cursor-filters"),
	}
}

// startsAgain asks for the first page where a cursor is refused.
func startsAgain(_ *server.Parts, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := record(next, r)
		if query := r.URL.Query(); a.status == http.StatusBadRequest && query.Get("cursor") != "" {
			again := r.Clone(r.Context())
			again.URL.RawQuery = without(query, "cursor").Encode()
			a = record(next, again)
		}
		a.send(w)
	})
}

// remembersCursors asks with the query that a cursor was made for.
func remembersCursors(_ *server.Parts, next http.Handler) http.Handler {
	var mu sync.Mutex
	made := map[string]url.Values{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		mu.Lock()
		if of, ok := made[query.Get("cursor")]; ok {
			of.Set("cursor", query.Get("cursor"))
			r.URL.RawQuery = of.Encode()
			query = r.URL.Query()
		}
		mu.Unlock()
		a := record(next, r)
		a.members(func(doc map[string]any) {
			if cursor, ok := doc["next_cursor"].(string); ok {
				mu.Lock()
				made[cursor] = without(query, "cursor")
				mu.Unlock()
			}
		})
		a.send(w)
	})
}

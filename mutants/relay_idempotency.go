package mutants

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/server"
)

const (
	idempotencyKey     = "Idempotency-Key"
	idempotentReplayed = "Idempotent-Replayed"
)

// relayIdempotencyMutants are wrong about calls with an Idempotency-Key.
func relayIdempotencyMutants() []Mutant {
	return []Mutant{
		managed("idempotency-ignored", "does not look at Idempotency-Key",
			asking(func(_ *server.Parts, r *http.Request) { r.Header.Del(idempotencyKey) }),
			"api.idempotent", "api.idempotent-reuse", "api.idempotent-parallel", "api.idempotent-expiry"),
		managed("idempotent-replayed-header-missing", "does not say whether an answer is a repetition",
			answering(func(_ *http.Request, a *answer) { a.header.Del(idempotentReplayed) }),
			"api.idempotent", "api.idempotent-reuse", "api.idempotent-expiry"),
		managed("reuse-replays-first", "knows a call by its key alone, and answers another call with the first one's answer",
			repeatedKey(func(_ *server.Parts, r *http.Request, f *firstCall) {
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(f.body)), int64(len(f.body))
			}), "api.idempotent-reuse"),
		managed("reuse-by-bytes", "takes the same JSON with other blanks for another call",
			repeatedKey(func(_ *server.Parts, r *http.Request, f *firstCall) {
				if body := bodyOf(r); !bytes.Equal(body, f.body) {
					withBodyOf(r, func(doc map[string]any) { doc["expires_in_hours"] = 1 })
				}
			}), "api.idempotent-reuse"),
		managed("idempotency-1h", "remembers a key for an hour",
			repeatedKey(func(p *server.Parts, r *http.Request, f *firstCall) {
				if age := p.Relay.Clock.Now().Sub(f.at); age >= time.Hour {
					r.Header.Set(idempotencyKey, r.Header.Get(idempotencyKey)+strconv.Itoa(int(age/time.Hour)))
				}
			}), "api.idempotent-expiry"),
		managed("idempotency-for-ever", "never forgets a key", apiDoor(neverForgets), "api.idempotent-expiry"),
		managed("keys-of-all-organisations", "knows a call by its key alone, and answers another organisation with the first one's answer",
			apiDoor(answersOfAll), "api.idempotent-organisation"),
		managed("keys-unique-everywhere", "keeps the keys of all organisations under one index, and refuses one that another has used",
			usedElsewhere(), "api.idempotent-organisation"),
		managed("idempotency-race", "looks a key up, does the call, and remembers it, in three steps",
			apiDoor(racesKeys), "api.idempotent-parallel"),
	}
}

// firstCall is the first call with a key.
type firstCall struct {
	body []byte
	at   time.Time
}

// repeatedKey changes the calls whose key was used before.
func repeatedKey(change func(p *server.Parts, r *http.Request, first *firstCall)) func(*server.Parts) {
	var mu sync.Mutex
	calls := map[string]*firstCall{}
	return asking(func(p *server.Parts, r *http.Request) {
		key := r.Header.Get(idempotencyKey)
		if key == "" {
			return
		}
		mu.Lock()
		first, known := calls[key]
		if !known {
			calls[key] = &firstCall{bodyOf(r), p.Relay.Clock.Now()}
		}
		mu.Unlock()
		if known {
			change(p, r, first)
		}
	})
}

// sendAgain sends what was sent before, and says so. What is kept stays as it is, since it may be under way to others too.
func (a *answer) sendAgain(w http.ResponseWriter) {
	again := &answer{status: a.status, header: a.header.Clone()}
	again.header.Set(idempotentReplayed, "true")
	again.body.Write(a.body.Bytes())
	again.send(w)
}

// neverForgets keeps every answer that a key had, and gives it where the relay would do the call again.
func neverForgets(_ *server.Parts, next http.Handler) http.Handler {
	var mu sync.Mutex
	kept := map[string]*answer{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get(idempotencyKey)
		call := r.Header.Get("Authorization") + key + string(bodyOf(r))
		mu.Lock()
		first, known := kept[call]
		mu.Unlock()
		if key != "" && known {
			first.sendAgain(w)
			return
		}
		a := record(next, r)
		if key != "" && a.status == http.StatusCreated {
			mu.Lock()
			kept[call] = a
			mu.Unlock()
		}
		a.send(w)
	})
}

// gap is the time between looking a key up and remembering it.
const gap = 100 * time.Millisecond

// racesKeys lets calls that come while the first with their key is under way run without it.
func racesKeys(_ *server.Parts, next http.Handler) http.Handler {
	var mu sync.Mutex
	running := map[string]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get(idempotencyKey)
		if key == "" {
			next.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		another := running[key]
		running[key] = true
		mu.Unlock()
		if another {
			r.Header.Del(idempotencyKey)
			next.ServeHTTP(w, r)
			return
		}
		a := record(next, r)
		<-time.After(gap)
		mu.Lock()
		delete(running, key)
		mu.Unlock()
		a.send(w)
	})
}

// answersOfAll gives the answer that a key had to whoever comes with it, of whatever organisation.
func answersOfAll(_ *server.Parts, next http.Handler) http.Handler {
	type first struct {
		authorization string
		answer        *answer
	}
	var mu sync.Mutex
	kept := map[string]first{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, caller := r.Header.Get(idempotencyKey), r.Header.Get("Authorization")
		mu.Lock()
		known, ok := kept[key]
		mu.Unlock()
		if key != "" && ok && known.authorization != caller {
			known.answer.sendAgain(w)
			return
		}
		a := record(next, r)
		if key != "" && a.status == http.StatusCreated {
			mu.Lock()
			kept[key] = first{caller, a}
			mu.Unlock()
		}
		a.send(w)
	})
}

// usedElsewhere spoils the key of a call that another organisation has used, so that it counts as used with another body.
func usedElsewhere() func(*server.Parts) {
	return apiDoor(func(_ *server.Parts, next http.Handler) http.Handler {
		var mu sync.Mutex
		users := map[string]string{}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key, caller := r.Header.Get(idempotencyKey), r.Header.Get("Authorization")
			mu.Lock()
			user, used := users[key]
			if key != "" && !used {
				users[key] = caller
			}
			mu.Unlock()
			if used && user != caller {
				refusal(next, r, http.StatusUnprocessableEntity, "invalid_request_error", "idempotency_key_reuse").send(w)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
}

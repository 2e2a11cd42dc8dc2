package mutants

import (
	"bytes"
	"net/http"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/signature"
)

// relayMetaSideMutants are further ways to face Meta wrongly.
func relayMetaSideMutants() []Mutant {
	login := managed("front-behind-login", "sends Meta's handshake to its login page",
		metaDoor(func(_ *server.Parts, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					http.Redirect(w, r, "/", http.StatusFound)
					return
				}
				next.ServeHTTP(w, r)
			})
		}), "front.handshake")
	login.Seen, login.Blinds = seenReceivers, []string{"relay.front.handshake-token"}
	statuses := managed("statuses-answered-204", "answers 204 to statuses, because nobody waits for more",
		posted(func(_ *server.Parts, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				isStatus := bytes.Contains(bodyOf(r), []byte(`"statuses":`))
				a := record(next, r)
				if isStatus && a.status == http.StatusOK {
					a.status = http.StatusNoContent
				}
				a.send(w)
			})
		}), "front.valid")
	// Whatever else needs a status finds that Meta's POST is not taken.
	statuses.Filter = "relay.front.valid"
	locked := managed("locked-store-ignored", "answers Meta 200 although the store was locked by another write",
		posted(ignoresLock), "front.acknowledged")
	locked.Filter = "relay.front.acknowledged"
	proxy := managed("front-passes-failures-on", "answers Meta as its subscribers answer, as a proxy does",
		answersAsSubscribers, "front.not-downstream")
	proxy.Filter = "relay.front.not-downstream"
	slow := managed("one-write-per-subscriber", "answers Meta when the webhook is written once for each subscriber, one after the other",
		fannedOut(func(_ *store.Tx, _ contract.Edition, _ int64, event string, found []store.Subscriber) ([]store.Subscriber, error) {
			if event == "message.received" {
				<-time.After(time.Duration(len(found)) * writeTakes)
			}
			return found, nil
		}), "front.fast")
	slow.Filter = "relay.front.fast"
	return []Mutant{
		login, statuses, locked, proxy, slow,
		managed("front-empty-token-passes", "compares the verify token only where it is not empty",
			metaDoor(func(p *server.Parts, next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					name := p.Front.Meta.Handshake.Value.VerifyToken
					if query := r.URL.Query(); r.Method == http.MethodGet && query.Get(name) == "" {
						r.URL.RawQuery = with(query, name, p.Front.VerifyToken).Encode()
					}
					next.ServeHTTP(w, r)
				})
			}), "front.handshake-token"),
		managed("front-works-then-401", "answers 401 to a bad signature after it has forwarded the webhook", worksFirst,
			"front.forged", "front.unsigned"),
	}
}

// writeTakes is how long one of the writes takes: with three subscribers, longer than Meta's median allows.
const writeTakes = 100 * time.Millisecond

// worksFirst verifies when everything else is done.
func worksFirst(p *server.Parts) {
	verifier := signature.MetaVerifier{Secret: p.Front.AppSecret}
	p.Front.Verify = func(string, []byte) error { return nil }
	metaDoor(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := record(next, r)
			if r.Method == http.MethodPost && verifier.Verify(r.Header.Get(hubSignature), bodyOf(r)) != nil {
				a.status = http.StatusUnauthorized
			}
			a.send(w)
		})
	})(p)
}

// lockedFor is how long a write locks the store: long enough for webhooks of the same instant to meet, on a busy machine too.
const lockedFor = 50 * time.Millisecond

// ignoresLock drops the webhook where another one is being stored.
func ignoresLock(_ *server.Parts, next http.Handler) http.Handler {
	var store sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !store.TryLock() {
			w.WriteHeader(http.StatusOK)
			return
		}
		defer store.Unlock()
		next.ServeHTTP(w, r)
		<-time.After(lockedFor)
	})
}

// answersAsSubscribers answers 502 where an attempt fails while Meta can be kept waiting.
func answersAsSubscribers(p *server.Parts) {
	sent := watch(p)
	posted(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			failure := sent.nextFailure()
			a := record(next, r)
			limit := time.NewTimer(patience)
			defer limit.Stop()
			select {
			case <-failure:
				a.status = http.StatusBadGateway
			case <-limit.C:
			}
			a.send(w)
		})
	})(p)
}

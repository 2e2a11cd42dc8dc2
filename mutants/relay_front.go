package mutants

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/outbound"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/signature"
)

// metaSigned lets signatures through that the correct verification refuses, where open says so.
func metaSigned(open func(secret, header string, body []byte) bool) func(*server.Parts) {
	return func(p *server.Parts) {
		verifier := signature.MetaVerifier{Secret: p.Front.AppSecret}
		p.Front.Verify = func(header string, body []byte) error {
			if err := verifier.Verify(header, body); err != nil && !open(p.Front.AppSecret, header, body) {
				return err
			}
			return nil
		}
	}
}

// posted wraps Meta's callback URL, for POSTs whose signature is right.
func posted(around func(p *server.Parts, next http.Handler) http.Handler) func(*server.Parts) {
	return metaDoor(func(p *server.Parts, next http.Handler) http.Handler {
		wrapped, verifier := around(p, next), signature.MetaVerifier{Secret: p.Front.AppSecret}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && verifier.Verify(r.Header.Get(hubSignature), bodyOf(r)) == nil {
				wrapped.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
}

func relayFrontMutants() []Mutant {
	quoted := managed("front-challenge-as-json", "answers Meta's handshake with the challenge as a JSON string",
		metaDoor(func(_ *server.Parts, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a := record(next, r)
				if r.Method == http.MethodGet && a.status == http.StatusOK {
					challenge := a.body.String()
					a.body.Reset()
					a.body.WriteString(`"` + challenge + `"`)
				}
				a.send(w)
			})
		}), "front.handshake")
	quoted.Seen, quoted.Blinds = seenReceivers, []string{"relay.front.handshake-token"}

	early := managed("ack-before-store", "answers Meta 200 and keeps the webhook in a short queue in memory, which a burst overruns",
		posted(acknowledgesFirst), "front.acknowledged")
	early.Seen, early.Filter = seenReceivers, "relay.front.acknowledged"
	breaker := managed("front-503-when-subscriber-down", "answers Meta 503 as long as the last attempt of a delivery failed",
		refusesWhileFailing, "front.not-downstream")
	breaker.Filter = "relay.front.not-downstream"
	waits := managed("delivers-before-ack", "answers Meta when its subscribers have answered, or have had half a second",
		waitsForSubscribers, "front.fast")
	waits.Filter = "relay.front.fast"

	return []Mutant{
		quoted, early, breaker, waits,
		managed("front-wrong-token-echo", "does not check the verify token",
			metaDoor(func(p *server.Parts, next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodGet {
						r.URL.RawQuery = with(r.URL.Query(), p.Front.Meta.Handshake.Value.VerifyToken, p.Front.VerifyToken).Encode()
					}
					next.ServeHTTP(w, r)
				})
			}), "front.handshake-token"),
		managed("front-token-by-prefix", "takes any verify token that begins with the right one", frontToken(beginsWith), "front.handshake-token"),
		managed("front-token-by-substring", "looks for the verify token that was sent in the right one, and finds a part of it there",
			frontToken(partOf), "front.handshake-token"),
		managed("other-field-404", "answers 404 to webhook fields that it does not forward",
			posted(func(_ *server.Parts, next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !bytes.Contains(bodyOf(r), []byte(`"field":"messages"`)) {
						http.NotFound(w, r)
						return
					}
					next.ServeHTTP(w, r)
				})
			}), "front.valid"),
		managed("unsigned-meta-accepted", "takes a POST of Meta's that carries no signature",
			metaSigned(func(_, header string, _ []byte) bool { return header == "" }), "front.unsigned", "front.refusal"),
		managed("front-prefix-compare", "compares as many characters of Meta's signature as were sent",
			metaSigned(func(secret, header string, body []byte) bool {
				return len(header) > len("sha256=") && strings.HasPrefix(signature.MetaHeader(secret, body), header)
			}), "front.forged", "front.refusal"),
		managed("front-bad-signature-200", "answers 200 to a bad signature, and does nothing",
			metaDoor(func(_ *server.Parts, next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					a := record(next, r)
					if a.status == http.StatusUnauthorized {
						a.status = http.StatusOK
					}
					a.send(w)
				})
			}), "front.refusal"),
	}
}

// frontToken takes a handshake by its verify token where that is taken.
func frontToken(taken func(sent, right string) bool) func(*server.Parts) {
	return metaDoor(func(p *server.Parts, next http.Handler) http.Handler {
		right := tokenWhere(taken, p.Front.VerifyToken)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				r.URL.RawQuery = right(r.URL.Query()).Encode()
			}
			next.ServeHTTP(w, r)
		})
	})
}

// The queue of acknowledgesFirst is written down so often, and holds so many webhooks.
const (
	writtenEvery = 100 * time.Millisecond
	queued       = 8
)

func acknowledgesFirst(_ *server.Parts, next http.Handler) http.Handler {
	var mu sync.Mutex
	var queue []*http.Request
	write := func() {
		mu.Lock()
		taken := queue
		queue = nil
		mu.Unlock()
		for _, r := range taken {
			// Meta was told that it is safe, so nobody hears of an error.
			record(next, r)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if len(queue) < queued {
			queue = append(queue, r.Clone(context.WithoutCancel(r.Context())))
		}
		if len(queue) == 1 {
			time.AfterFunc(writtenEvery, write)
		}
		w.WriteHeader(http.StatusOK)
	})
}

// watched is a sender that knows how many attempts are on their way, and whether the last one failed.
type watched struct {
	pipeline.Sender
	mu     sync.Mutex
	flying int
	failed bool
	// failure is closed when an attempt fails, and then another one.
	failure chan struct{}
	idle    chan struct{}
}

func watch(p *server.Parts) *watched {
	w := &watched{Sender: outbound.New(*p.Outbound), idle: make(chan struct{}), failure: make(chan struct{})}
	close(w.idle)
	p.Relay.Sender = w
	return w
}

func (w *watched) Send(ctx context.Context, r pipeline.Request) pipeline.Response {
	w.mu.Lock()
	if w.flying++; w.flying == 1 {
		w.idle = make(chan struct{})
	}
	w.mu.Unlock()
	response := w.Sender.Send(ctx, r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flying--; w.flying == 0 {
		close(w.idle)
	}
	if w.failed = response.Err != nil || response.Status >= 300; w.failed {
		close(w.failure)
		w.failure = make(chan struct{})
	}
	return response
}

// nextFailure is closed when the next attempt fails.
func (w *watched) nextFailure() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

// rest waits until no attempt is on its way, and no longer than Meta is kept waiting.
func (w *watched) rest() {
	w.mu.Lock()
	idle := w.idle
	w.mu.Unlock()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-idle:
	case <-limit.C:
	}
}

func refusesWhileFailing(p *server.Parts) {
	sent := watch(p)
	posted(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent.mu.Lock()
			failed := sent.failed
			sent.mu.Unlock()
			if failed {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	})(p)
}

// patience is how long Meta waits for subscribers that do not answer.
const patience = 500 * time.Millisecond

func waitsForSubscribers(p *server.Parts) {
	sent := watch(p)
	posted(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := record(next, r)
			sent.rest()
			a.send(w)
		})
	})(p)
}

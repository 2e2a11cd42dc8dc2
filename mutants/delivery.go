package mutants

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// items returns a mutation of the way in which the body is taken apart; an error is answered 400.
func items(change func(d reference.Delivery, right []reference.Item, err error) ([]reference.Item, error)) func(*build) {
	return func(b *build) {
		right := b.policy.Items
		b.policy.Items = func(d reference.Delivery) ([]reference.Item, error) {
			it, err := right(d)
			return change(d, it, err)
		}
	}
}

// process returns a mutation that answers some deliveries itself, before any work; 0 lets one pass.
func process(decide func(d reference.Delivery) int) func(*build) {
	return func(b *build) {
		right := b.policy.Process
		b.policy.Process = func(s *reference.Store, d reference.Delivery, it []reference.Item, key func(reference.Delivery, reference.Item) string) int {
			if status := decide(d); status != 0 {
				return status
			}
			return right(s, d, it, key)
		}
	}
}

// insteadOf answers with one status where the work comes to another.
func insteadOf(status, answer int) func(*build) {
	return func(b *build) {
		right := b.policy.Process
		b.policy.Process = func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
			if got := right(s, d, its, key); got != status {
				return got
			}
			return answer
		}
	}
}

// topKeys are the names of a body's members.
func topKeys(body []byte) []string {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(doc))
}

// deliveryMutants break a receiver's duties towards deliveries that are genuine.
func deliveryMutants() []Mutant {
	slow := receiver("slow-sync-work", "works before it answers, past the advised time", seenReceivers,
		[]string{"receiver.delivery.acknowledged-quickly"}, delay("conversation.closed", 2200*time.Millisecond))
	hangs := receiver("hangs", "works before it answers, past the sender's timeout", seenReceivers,
		[]string{"receiver.delivery.within-timeout"}, delay("conversation.closed", time.Minute))
	hangs.Filter = "receiver.delivery.within-timeout"
	redirects := receiver("redirects", "answers one event with a redirect", seenReceivers,
		[]string{"receiver.delivery.no-redirect", "receiver.delivery.event-accepted"},
		func(b *build) {
			b.handler = onRequest(func(r *http.Request) int {
				if r.Header.Get(b.edition.Headers.Event) == "conversation.assigned" {
					return http.StatusTemporaryRedirect
				}
				return 0
			})
		})
	redirects.Blinds = []string{"receiver.delivery.event-takes-effect", "receiver.delivery.within-timeout", "receiver.delivery.acknowledged-quickly"}
	nullField := receiver("null-field-400", "refuses an event in which a field is null", seenReceivers,
		[]string{"receiver.delivery.event-accepted"},
		process(func(d reference.Delivery) int {
			if d.Event == "conversation.closed" && bytes.Contains(d.Body, []byte("null")) {
				return http.StatusBadRequest
			}
			return 0
		}))
	nullField.Blinds = []string{"receiver.delivery.event-takes-effect"}
	drops := receiver("accepts-and-drops", "answers 200 to everything and does nothing", seenReceivers,
		append([]string{"receiver.signature.valid", "receiver.parser.not-json", "receiver.parser.not-utf8"}, forgeryAnswers...),
		refuseWith(http.StatusOK))
	drops.Blinds = []string{"receiver.signature.*.effect", "receiver.delivery.event-takes-effect", "receiver.delivery.late", "receiver.delivery.batch", "receiver.dedupe.*"}
	mutants := []Mutant{
		slow, hangs, redirects, nullField, drops,
		receiver("needs-new-field", "answers 200 and does nothing when a field that may be null is null", seenReceivers,
			[]string{"receiver.delivery.event-takes-effect"},
			process(func(d reference.Delivery) int {
				if d.Event == "conversation.assigned" && bytes.Contains(d.Body, []byte(`"team_id":null`)) {
					return http.StatusOK
				}
				return 0
			})),
		receiver("ack-before-store", "answers 2xx and then loses the event", seenReceivers,
			[]string{"receiver.delivery.event-takes-effect"},
			process(func(d reference.Delivery) int {
				if d.Event == "conversation.assigned" {
					return http.StatusOK
				}
				return 0
			})),
		receiver("unknown-event-500", "fails on an event type that it does not know", seenReceivers,
			[]string{"receiver.delivery.unknown-event"}, unknownEvent(http.StatusInternalServerError)),
		receiver("unknown-event-404", "refuses an event type that it does not know", "",
			[]string{"receiver.delivery.unknown-event"}, unknownEvent(http.StatusNotFound)),
		receiver("unknown-field-500", "decodes strictly, and fails on a field that it does not know", seenReceivers,
			[]string{"receiver.delivery.unknown-field"},
			process(func(d reference.Delivery) int {
				if bytes.Contains(d.Body, []byte(`"kirimcheck_new_field"`)) {
					return http.StatusInternalServerError
				}
				return 0
			})),
		receiver("extra-object-400", "refuses a Meta body with a third top-level member", "",
			[]string{"receiver.delivery.extra-object"},
			process(func(d reference.Delivery) int {
				if d.Source == contract.SourceMeta && len(topKeys(d.Body)) > 2 {
					return http.StatusBadRequest
				}
				return 0
			})),
		receiver("key-order-400", "tells the kind of body by its first key", "",
			[]string{"receiver.delivery.key-order", "receiver.signature.raw-bytes"},
			process(func(d reference.Delivery) int {
				body := bytes.TrimLeft(d.Body, "{ \n\t\"")
				if bytes.HasPrefix(body, []byte("id")) || bytes.HasPrefix(body, []byte("object")) {
					return 0
				}
				return http.StatusBadRequest
			})),
		receiver("charset-415", "compares the content type with application/json as a whole", seenReceivers,
			[]string{"receiver.delivery.charset"},
			func(b *build) {
				b.handler = onRequest(func(r *http.Request) int {
					if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || len(params) > 0 {
						return http.StatusUnsupportedMediaType
					}
					return 0
				})
			}),
		receiver("body-limit-100k", "keeps the framework's default limit and answers 413 to a larger body", seenReceivers,
			[]string{"receiver.delivery.body-limit", "receiver.delivery.batch"}, limit(100<<10)),
		receiver("body-limit-1m", "keeps the proxy's default limit and answers 413 to a larger body", seenReceivers,
			[]string{"receiver.delivery.body-limit"}, limit(1<<20)),
		receiver("one-delivery-per-connection", "drops a connection at its second delivery", "",
			[]string{"receiver.delivery.connection-reuse"},
			func(b *build) { b.handler = oncePerConnection }),
		receiver("one-at-a-time", "answers 503 while another delivery is being worked on", seenReceivers,
			[]string{"receiver.delivery.concurrent", "receiver.dedupe.simultaneous.answer"},
			func(b *build) { b.handler = oneAtATime }),
		receiver("status-order-409", "refuses a status that comes after a later one", seenReceivers,
			[]string{"receiver.delivery.status-order"}, statusOrder()),
		receiver("first-message-only", "reads entry[0].changes[0].messages[0] and drops the rest of a batch", seenReceivers,
			[]string{"receiver.delivery.batch"},
			items(func(_ reference.Delivery, right []reference.Item, err error) ([]reference.Item, error) {
				return right[:min(len(right), 1)], err
			})),
		receiver("not-json-500", "throws on a body that is not JSON", seenReceivers,
			[]string{"receiver.parser.not-json"},
			func(b *build) { b.policy.Process, b.policy.Items = crashOnInvalid(b.policy) }),
		receiver("not-utf8-accepted", "takes a body that is not UTF-8, with replacement characters", seenReceivers,
			[]string{"receiver.parser.not-utf8"},
			items(func(d reference.Delivery, right []reference.Item, err error) ([]reference.Item, error) {
				if err != nil && json.Valid(d.Body) {
					return nil, nil
				}
				return right, err
			})),
	}
	return slices.Concat(mutants, narrowReaders(), lateReceivers(), oldNewsReceivers(), similarMessages())
}

// delay lets an event wait before its work.
func delay(event string, d time.Duration) func(*build) {
	return func(b *build) {
		b.handler = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get(b.edition.Headers.Event) == event {
					if err := target.Wait(r.Context(), d); err != nil {
						return
					}
				}
				next.ServeHTTP(w, r)
			})
		}
	}
}

// slowPosts lets every POST wait for longer than Meta's median.
func slowPosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == reference.WebhookPath {
			if err := target.Wait(r.Context(), 300*time.Millisecond); err != nil {
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func unknownEvent(status int) func(*build) {
	return func(b *build) {
		process(func(d reference.Delivery) int {
			if _, known := b.edition.Event(d.Event); !known {
				return status
			}
			return 0
		})(b)
	}
}

// limit refuses larger bodies before anything else is looked at.
func limit(bytes int64) func(*build) {
	return func(b *build) {
		b.handler = onRequest(func(r *http.Request) int {
			if r.ContentLength > bytes {
				return http.StatusRequestEntityTooLarge
			}
			return 0
		})
	}
}

// oncePerConnection aborts the second delivery that comes from one address.
func oncePerConnection(next http.Handler) http.Handler {
	var mu sync.Mutex
	seen := map[string]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == reference.WebhookPath {
			mu.Lock()
			again := seen[r.RemoteAddr]
			seen[r.RemoteAddr] = true
			mu.Unlock()
			if again {
				// net/http's way to end a connection without an answer.
				panic(http.ErrAbortHandler)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// busyFor is how long oneAtATime works: long enough for deliveries of the same instant to meet.
const busyFor = 10 * time.Millisecond

func oneAtATime(next http.Handler) http.Handler {
	slot := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != reference.WebhookPath {
			next.ServeHTTP(w, r)
			return
		}
		// The body is read first, and the slot is free again before the answer goes out: whoever sends one delivery after
		// the other never finds it taken.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		select {
		case slot <- struct{}{}:
			err := target.Wait(r.Context(), busyFor)
			<-slot
			if err != nil {
				return
			}
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// statusOrder keeps the furthest status of every message and refuses those behind it.
func statusOrder() func(*build) {
	rank := map[string]int{"sent": 1, "delivered": 2, "read": 3}
	var mu sync.Mutex
	furthest := map[string]int{}
	return func(b *build) {
		right := b.policy.Process
		b.policy.Process = func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
			mu.Lock()
			defer mu.Unlock()
			for _, it := range its {
				if it.Status != "" && rank[it.Status] < furthest[it.ID] {
					return http.StatusConflict
				}
				furthest[it.ID] = max(furthest[it.ID], rank[it.Status])
			}
			return right(s, d, its, key)
		}
	}
}

// crashOnInvalid lets a body that is no JSON through to the work, which then fails on it.
func crashOnInvalid(p reference.Policy) (
	func(*reference.Store, reference.Delivery, []reference.Item, func(reference.Delivery, reference.Item) string) int,
	func(reference.Delivery) ([]reference.Item, error),
) {
	process := func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
		if !json.Valid(d.Body) {
			return http.StatusInternalServerError
		}
		return p.Process(s, d, its, key)
	}
	items := func(d reference.Delivery) ([]reference.Item, error) {
		its, err := p.Items(d)
		if err != nil && !json.Valid(d.Body) {
			return nil, nil
		}
		return its, err
	}
	return process, items
}

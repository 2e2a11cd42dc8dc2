package mutants

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/target/reference"
)

// sharingReceivers keep state between requests where there should be none, or too little where there should be some.
func sharingReceivers() []Mutant {
	return []Mutant{
		receiver("one-buffer-for-all", "reads every body into the same buffer, so that deliveries of one instant overwrite each other", "",
			[]string{"receiver.delivery.concurrent"}, oneBuffer),
		receiver("headers-per-connection", "keeps the headers of a connection's first delivery for those that follow on it", "",
			[]string{"receiver.delivery.connection-reuse"}, func(b *build) { b.handler = headersPerConnection }),
		receiver("unique-violation", "inserts the event under a unique key, and the violation ends the request without an answer", "",
			[]string{"receiver.dedupe.retry.answer", "receiver.dedupe.replay.answer", "receiver.dedupe.simultaneous.answer"},
			// net/http's way to end a connection without an answer.
			answersDuplicates(func() int { panic(http.ErrAbortHandler) })),
		receiver("dedupe-by-object", "takes another event of the same kind about the same object for a duplicate", "",
			[]string{"receiver.dedupe.same-content"},
			keyed(func(d reference.Delivery, it reference.Item) []string { return []string{d.Event, it.ID, it.Status} })),
		receiver("older-is-replay", "takes a delivery that was signed before the newest one for a replay, and refuses it", "",
			[]string{"receiver.signature.within-tolerance-past"}, newestOnly()),
		receiver("every-v1-must-match", "refuses a header when one of several v1 does not match", "",
			[]string{"receiver.signature.rotation-first", "receiver.signature.rotation-second", "receiver.parser.bad-v1-beside"},
			verifyWith(func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
				header := h.Get(b.edition.Headers.Signature)
				for _, v1 := range v1s(header) {
					if v1 != genuineV1(b.secret, stamp(header), body) {
						return errRefused
					}
				}
				return right.Verify(h, body, now)
			})),
	}
}

// metaSharingReceivers are the same for receivers of Meta's own webhooks.
func metaSharingReceivers() []Mutant {
	return []Mutant{
		metaReceiver("one-buffer-for-all", "reads every body into the same buffer, so that POSTs of one instant overwrite each other", "",
			[]string{"meta-receiver.delivery.concurrent"}, oneBuffer),
		metaReceiver("204-on-duplicate", "answers 204 to a duplicate, because there is nothing to do, and so gets it again", "",
			[]string{"meta-receiver.dedupe.retry.answer", "meta-receiver.dedupe.simultaneous.answer"},
			answersDuplicates(func() int { return http.StatusNoContent })),
		metaReceiver("dedupe-per-worker", "has two workers, each of which remembers only what it did itself", "",
			[]string{"meta-receiver.dedupe.retry.effect", "meta-receiver.dedupe.simultaneous.effect"}, twoWorkers),
		metaReceiver("works-on-partial", "does the work of a body that broke off, and again when the retry comes", "",
			[]string{"meta-receiver.dedupe.cut-off"}, partialBody(firstMessage)),
		metaReceiver("fire-and-forget", "answers 200, works afterwards, and hears nothing of a failure", seenReceivers,
			[]string{"meta-receiver.dedupe.failed-work.answer", "meta-receiver.dedupe.failed-work.effect"},
			func(b *build) {
				right := b.policy.Process
				b.policy.Process = func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
					go right(s, d, its, key)
					return http.StatusOK
				}
			}),
	}
}

// oneBuffer hands a request the body that was read last, after a moment in which others read theirs.
func oneBuffer(b *build) {
	var buffer atomic.Pointer[[]byte]
	read := b.policy.ReadBody
	b.policy.ReadBody = func(r *http.Request) ([]byte, error) {
		body, err := read(r)
		if err != nil {
			return nil, err
		}
		buffer.Store(&body)
		<-time.After(busyFor)
		return *buffer.Load(), nil
	}
}

// headersPerConnection gives later deliveries of a connection the headers of the first.
func headersPerConnection(next http.Handler) http.Handler {
	var mu sync.Mutex
	first := map[string]http.Header{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == reference.WebhookPath {
			mu.Lock()
			if kept, known := first[r.RemoteAddr]; known {
				r.Header = kept.Clone()
			} else {
				first[r.RemoteAddr] = r.Header.Clone()
			}
			mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// answersDuplicates gives duplicates an answer of their own. What is looked up and what is remembered are one step.
func answersDuplicates(answer func() int) func(*build) {
	var mu sync.Mutex
	return func(b *build) {
		right := b.policy.Process
		b.policy.Process = func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
			mu.Lock()
			defer mu.Unlock()
			s.Lock()
			known := len(its) > 0 && s.Seen(key(d, its[0]))
			s.Unlock()
			if known {
				return answer()
			}
			return right(s, d, its, key)
		}
	}
}

// newestOnly refuses what was signed long before the newest delivery that was taken.
func newestOnly() func(*build) {
	// Deliveries overtake each other by seconds.
	const overtaken = 30
	var mu sync.Mutex
	var newest int64
	return verifyWith(func(b *build, right reference.Policy, h http.Header, body []byte, now time.Time) error {
		err := right.Verify(h, body, now)
		mu.Lock()
		defer mu.Unlock()
		t := stamp(h.Get(b.edition.Headers.Signature))
		if err == nil && t < newest-overtaken {
			return errRefused
		}
		if err == nil && t <= now.Unix() {
			newest = max(newest, t)
		}
		return err
	})
}

// twoWorkers lets two workers take turns, each with a memory of its own.
func twoWorkers(b *build) {
	var turn atomic.Int64
	right := b.policy.Process
	b.policy.Process = func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
		worker := strconv.FormatInt(turn.Add(1)%2, 10)
		return right(s, d, its, func(d reference.Delivery, it reference.Item) string { return worker + key(d, it) })
	}
}

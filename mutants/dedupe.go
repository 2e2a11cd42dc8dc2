package mutants

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/target/reference"
)

// keyed returns a mutation of what makes two items the same piece of work.
func keyed(parts func(d reference.Delivery, it reference.Item) []string) func(*build) {
	return func(b *build) {
		b.policy.Key = func(d reference.Delivery, it reference.Item) string { return strings.Join(parts(d, it), "\x00") }
	}
}

// working returns a mutation of the work itself.
func working(work func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int) func(*build) {
	return func(b *build) { b.policy.Process = work }
}

// runsTwice are the specs that an event breaks which takes effect again with every copy.
var runsTwice = []string{"receiver.dedupe.retry.effect", "receiver.dedupe.replay.effect", "receiver.dedupe.simultaneous.effect"}

// dedupeMutants do the work twice, or not at all.
func dedupeMutants() []Mutant {
	return append([]Mutant{
		receiver("no-dedupe", "does the work of every copy", seenReceivers, runsTwice,
			working(workAlways)),
		receiver("dedupe-by-delivery-id", "knows an event by its delivery id, which every attempt has anew", seenReceivers, runsTwice,
			keyed(func(d reference.Delivery, it reference.Item) []string {
				return []string{d.DeliveryID, it.ID, it.Status}
			})),
		receiver("dedupe-by-attempt", "takes another attempt for another event", "",
			[]string{"receiver.dedupe.retry.effect"},
			keyed(func(d reference.Delivery, it reference.Item) []string {
				return []string{d.Event, d.EventID, it.ID, it.Status, d.Attempt}
			})),
		receiver("dedupe-retries-only", "looks for duplicates only where the attempt is above 1", "",
			[]string{"receiver.dedupe.replay.effect", "receiver.dedupe.simultaneous.effect"},
			working(func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
				s.Lock()
				defer s.Unlock()
				for _, it := range its {
					k := key(d, it)
					if d.Attempt != "1" && s.Seen(k) {
						continue
					}
					if err := s.Work(d, it); err != nil {
						return http.StatusInternalServerError
					}
					s.Remember(k)
				}
				return http.StatusOK
			})),
		receiver("dedupe-race", "looks an event up, works, and remembers it, in three steps", seenReceivers,
			[]string{"receiver.dedupe.simultaneous.effect"}, working(racing)),
		receiver("409-on-duplicate", "answers a duplicate with a refusal", seenReceivers,
			[]string{"receiver.dedupe.retry.answer", "receiver.dedupe.replay.answer", "receiver.dedupe.simultaneous.answer"},
			refuseDuplicates(func(reference.Delivery) bool { return true })),
		receiver("401-on-replay", "refuses a replay: a known event id with attempt 1", seenReceivers,
			[]string{"receiver.dedupe.replay.answer", "receiver.dedupe.simultaneous.answer"},
			refuseDuplicates(func(d reference.Delivery) bool { return d.Attempt == "1" })),
		receiver("id-before-body", "marks the event id as seen before the body has arrived", "",
			[]string{"receiver.dedupe.cut-off"},
			func(b *build) { b.handler = idBeforeBody(b.edition.Headers.EventID) }),
		receiver("partial-body", "does the work of a body that broke off, and again when the retry comes", "",
			[]string{"receiver.dedupe.cut-off"}, partialBody(firstContact)),
		receiver("store-id-before-work", "marks the event as seen, fails, and calls the retry a duplicate", seenVendor,
			[]string{"receiver.dedupe.failed-work.effect"},
			working(rememberFirst)),
		receiver("swallows-failure", "answers 200 although its work failed", seenReceivers,
			[]string{"receiver.dedupe.failed-work.answer", "receiver.dedupe.failed-work.effect"}, insteadOf(http.StatusInternalServerError, http.StatusOK)),
		receiver("failure-400", "answers 400 when its own work failed, and so is never asked again", "",
			[]string{"receiver.dedupe.failed-work.answer"}, insteadOf(http.StatusInternalServerError, http.StatusBadRequest)),
		receiver("status-not-in-key", "knows a status by its message alone, and drops delivered and read", seenReceivers,
			[]string{"receiver.dedupe.shared-event-id"},
			keyed(func(d reference.Delivery, it reference.Item) []string { return []string{d.Event, it.ID, d.EventID} })),
		receiver("header-only-dedupe", "dedupes on the event id alone: of a batch and of three statuses it keeps the first", seenReceivers,
			[]string{"receiver.dedupe.shared-event-id", "receiver.delivery.batch"},
			keyed(func(d reference.Delivery, _ reference.Item) []string { return []string{d.EventID} })),
		receiver("dedupe-by-content", "takes two events with the same content for one", "",
			[]string{"receiver.dedupe.same-content", "receiver.dedupe.same-customer"},
			keyed(func(d reference.Delivery, it reference.Item) []string {
				// The beginning is enough to tell bodies apart, and a large one has hundreds of items.
				sum := sha256.Sum256(bytes.ReplaceAll(d.Body[:min(len(d.Body), 4<<10)], []byte(d.EventID), nil))
				return []string{hex.EncodeToString(sum[:]), it.Status, strings.TrimPrefix(it.ID, d.EventID)}
			})),
	}, sharingReceivers()...)
}

// workAlways does the work of every copy.
func workAlways(s *reference.Store, d reference.Delivery, its []reference.Item, _ func(reference.Delivery, reference.Item) string) int {
	s.Lock()
	defer s.Unlock()
	for _, it := range its {
		if err := s.Work(d, it); err != nil {
			return http.StatusInternalServerError
		}
	}
	return http.StatusOK
}

// rememberFirst remembers an item before its work is done.
func rememberFirst(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
	s.Lock()
	defer s.Unlock()
	for _, it := range its {
		k := key(d, it)
		if s.Seen(k) {
			continue
		}
		s.Remember(k)
		if err := s.Work(d, it); err != nil {
			return http.StatusInternalServerError
		}
	}
	return http.StatusOK
}

// raceWindow is the time between looking up and remembering: long enough for copies of the same instant to meet.
const raceWindow = 5 * time.Millisecond

func racing(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
	s.Lock()
	fresh := slices.DeleteFunc(slices.Clone(its), func(it reference.Item) bool { return s.Seen(key(d, it)) })
	s.Unlock()
	<-time.After(raceWindow)
	s.Lock()
	defer s.Unlock()
	for _, it := range fresh {
		if err := s.Work(d, it); err != nil {
			return http.StatusInternalServerError
		}
		s.Remember(key(d, it))
	}
	return http.StatusOK
}

// refuseDuplicates answers duplicates with 409 where the rule says so.
func refuseDuplicates(rule func(reference.Delivery) bool) func(*build) {
	return func(b *build) {
		right := b.policy.Process
		b.policy.Process = func(s *reference.Store, d reference.Delivery, its []reference.Item, key func(reference.Delivery, reference.Item) string) int {
			s.Lock()
			known := len(its) > 0 && s.Seen(key(d, its[0]))
			s.Unlock()
			if known && rule(d) {
				return http.StatusConflict
			}
			return right(s, d, its, key)
		}
	}
}

// idBeforeBody remembers the event id when the head of a request has come, and calls whatever comes later under the
// same id a duplicate where the first body never arrived.
func idBeforeBody(header string) func(http.Handler) http.Handler {
	var mu sync.Mutex
	broken := map[string]bool{}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := r.Header.Get(header)
			body, err := io.ReadAll(r.Body)
			mu.Lock()
			broken[id] = broken[id] || err != nil
			duplicate := broken[id]
			mu.Unlock()
			if id != "" && duplicate {
				w.WriteHeader(http.StatusOK)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	}
}

// wamid finds the id of Meta's first message, plain or escaped.
var wamid = regexp.MustCompile(`wamid\.[A-Za-z0-9+/=\\]+`)

// rememberPartial remembers the first id in a body that broke off, and calls whatever comes later under the same id a
// duplicate.
func rememberPartial(next http.Handler) http.Handler {
	var mu sync.Mutex
	broken := map[string]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		id := string(wamid.Find(body))
		mu.Lock()
		broken[id] = broken[id] || err != nil
		duplicate := id != "" && broken[id]
		mu.Unlock()
		if duplicate {
			w.WriteHeader(http.StatusOK)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// partialBody takes what there is of a body for the whole, and finds an item by looking for its id.
func partialBody(find func(body []byte) string) func(*build) {
	partial := func(body []byte) bool {
		return len(body) > 0 && body[0] == '{' && !bytes.HasSuffix(bytes.TrimSpace(body), []byte("}"))
	}
	return func(b *build) {
		read, verify, items, key := b.policy.ReadBody, b.policy.Verify, b.policy.Items, b.policy.Key
		b.policy.ReadBody = func(r *http.Request) ([]byte, error) {
			var head bytes.Buffer
			r.Body = io.NopCloser(io.TeeReader(r.Body, &head))
			body, err := read(r)
			if err != nil {
				return head.Bytes(), nil
			}
			return body, nil
		}
		b.policy.Verify = func(h http.Header, body []byte, now time.Time) error {
			if partial(body) {
				return nil
			}
			return verify(h, body, now)
		}
		b.policy.Items = func(d reference.Delivery) ([]reference.Item, error) {
			if id := find(d.Body); partial(d.Body) && id != "" {
				return []reference.Item{{ID: id}}, nil
			}
			return items(d)
		}
		b.policy.Key = func(d reference.Delivery, it reference.Item) string {
			if partial(d.Body) {
				return "partial" + string(d.Body)
			}
			return key(d, it)
		}
	}
}

// firstContact and firstMessage are the first id of a contact of Kirim's, or of a message of Meta's, in a text.
func firstContact(body []byte) string {
	i := bytes.Index(body, []byte("ctc_"))
	if i < 0 {
		return ""
	}
	return string(body[i:min(i+30, len(body))])
}

func firstMessage(body []byte) string { return strings.ReplaceAll(string(wamid.Find(body)), `\/`, "/") }

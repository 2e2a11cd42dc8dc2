// Package reference is a receiver that keeps the contract, Kirim's or Meta's: the default target of the suites and their
// positive control. Its policy is made of small functions, so that a mutant can replace one of them. It is no example for
// production: it keeps everything in memory.
package reference

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target"
)

// Delivery is a request after its signature was found good.
type Delivery struct {
	Event      string
	EventID    string
	DeliveryID string
	Attempt    string
	Source     contract.Source
	Body       []byte
}

// Item is one thing in a delivery that the receiver acts on.
type Item struct {
	ID     string
	Status string
}

// Policy is what the receiver does at each step. Correct returns the right one; a mutant changes one field.
type Policy struct {
	// ReadBody returns the raw body, or the status to refuse with.
	ReadBody func(r *http.Request) ([]byte, error)
	// Handshake answers a GET with Meta's query; nil where there is no handshake.
	Handshake func(query url.Values) (status int, body string)
	// Describe says what is delivered, by the headers.
	Describe func(h http.Header, body []byte) Delivery
	// Verify returns nil where the signature is good.
	Verify func(h http.Header, body []byte, now time.Time) error
	// Refused is the status for a signature that is not good. Processed says whether the work is done all the same.
	Refused func(err error) (status int, process bool)
	// Items takes the body apart; an error is answered 400.
	Items func(d Delivery) ([]Item, error)
	// Key is what makes two items the same piece of work.
	Key func(d Delivery, it Item) string
	// Process does the work for the items of a delivery and returns the status of the answer.
	Process func(s *Store, d Delivery, items []Item, key func(Delivery, Item) string) int
}

// Correct returns the policy that keeps the contract of an edition.
func Correct(ed contract.Edition, secret string) Policy {
	verifier := signature.Verifier{Secrets: []string{secret}, Tolerance: ed.Signature.Tolerance}
	return Policy{
		ReadBody: ReadBody,
		Describe: func(h http.Header, body []byte) Delivery {
			return Delivery{
				Event: h.Get(ed.Headers.Event), EventID: h.Get(ed.Headers.EventID), DeliveryID: h.Get(ed.Headers.DeliveryID),
				Attempt: h.Get(ed.Headers.Attempt), Source: contract.Source(h.Get(ed.Headers.Source)), Body: body,
			}
		},
		Verify: func(h http.Header, body []byte, now time.Time) error {
			return verifier.Verify(h.Get(ed.Headers.Signature), body, now)
		},
		Refused: func(error) (int, bool) { return http.StatusUnauthorized, false },
		Items:   Items,
		Key:     Key,
		Process: Process,
	}
}

// bodyLimit is above Meta's 3 MB, with room for what a relay may add.
const bodyLimit = 4 << 20

var errTooLarge = errors.New("the body is too large")

// ReadBody reads the whole body, up to a limit, before anything looks at it.
func ReadBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	if err != nil {
		return nil, err
	}
	if len(body) > bodyLimit {
		return nil, errTooLarge
	}
	return body, nil
}

// Key makes an item of work unique. Meta's items are known by their own id and, because sent, delivered and read of one
// message share it (reading Q2), by their status; Kirim's events by the event id. The delivery id belongs to neither:
// a retry has another one (reading Q1).
func Key(d Delivery, it Item) string {
	parts := []string{d.Event, d.EventID}
	if d.Source == contract.SourceMeta {
		parts = []string{d.Event, it.ID, it.Status}
	}
	return strings.Join(parts, "\x00")
}

// Process does each item's work once. Looking up, working and remembering are one step under one lock, so that of two
// copies at the same instant the second one finds what the first has done. When the work fails nothing is remembered,
// and the sender is asked to try again.
func Process(s *Store, d Delivery, items []Item, key func(Delivery, Item) string) int {
	s.Lock()
	defer s.Unlock()
	for _, it := range items {
		k := key(d, it)
		if s.Seen(k) {
			continue
		}
		if err := s.Work(d, it); err != nil {
			return http.StatusInternalServerError
		}
		s.Remember(k)
	}
	return http.StatusOK
}

// Receiver serves the webhook, and the two windows of the harness: /effects, and /test/fail and /test/recover.
type Receiver struct {
	policy Policy
	store  *Store
	mux    *http.ServeMux
}

// The paths that a receiver serves.
const (
	WebhookPath = "/webhook"
	EffectsPath = "/effects"
	FailPath    = "/test/fail"
	RecoverPath = "/test/recover"
)

// NewReceiver returns a receiver with this policy.
func NewReceiver(p Policy) *Receiver {
	r := &Receiver{policy: p, store: &Store{seen: map[string]bool{}, effects: map[target.Effect]int{}}, mux: http.NewServeMux()}
	r.mux.HandleFunc("POST "+WebhookPath, r.webhook)
	if p.Handshake != nil {
		r.mux.HandleFunc("GET "+WebhookPath, r.handshake)
	}
	r.mux.HandleFunc("GET "+EffectsPath, r.effects)
	r.mux.HandleFunc("POST "+FailPath, func(w http.ResponseWriter, _ *http.Request) { r.store.fail(true); w.WriteHeader(http.StatusNoContent) })
	r.mux.HandleFunc("POST "+RecoverPath, func(w http.ResponseWriter, _ *http.Request) { r.store.fail(false); w.WriteHeader(http.StatusNoContent) })
	return r
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

func (r *Receiver) webhook(w http.ResponseWriter, req *http.Request) {
	body, err := r.policy.ReadBody(req)
	if err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, errTooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		w.WriteHeader(status)
		return
	}
	if err := r.policy.Verify(req.Header, body, time.Now()); err != nil {
		status, process := r.policy.Refused(err)
		if !process {
			w.WriteHeader(status)
			return
		}
		defer w.WriteHeader(status)
		w = discard{}
	}
	d := r.policy.Describe(req.Header, body)
	items, err := r.policy.Items(d)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(r.policy.Process(r.store, d, items, r.policy.Key))
}

// discard takes the answer of work that must not decide the status.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// Store is what the receiver knows and has done.
type Store struct {
	sync.Mutex
	seen    map[string]bool
	effects map[target.Effect]int
	failing bool
}

var errWork = errors.New("the work failed")

// Work acts on an item. The caller holds the lock.
func (s *Store) Work(d Delivery, it Item) error {
	if s.failing {
		return errWork
	}
	s.effects[target.Effect{Event: d.Event, EventID: d.EventID, ItemID: it.ID, Status: it.Status}]++
	return nil
}

// Seen reports whether a key was remembered. The caller holds the lock.
func (s *Store) Seen(key string) bool { return s.seen[key] }

// Remember keeps a key. The caller holds the lock.
func (s *Store) Remember(key string) { s.seen[key] = true }

func (s *Store) fail(on bool) {
	s.Lock()
	defer s.Unlock()
	s.failing = on
}

// effects answers how often the receiver acted on an item.
func (r *Receiver) effects(w http.ResponseWriter, req *http.Request) {
	q := req.URL.Query()
	r.store.Lock()
	n := r.store.effects[target.Effect{Event: q.Get("event"), EventID: q.Get("event_id"), ItemID: q.Get("item"), Status: q.Get("status")}]
	r.store.Unlock()
	w.Header().Set("Content-Type", "application/json")
	// A reader that went away has no use for the error either.
	_ = json.NewEncoder(w).Encode(map[string]int{"count": n})
}

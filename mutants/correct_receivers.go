package mutants

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// correctReceivers are the unusual receivers of Kirim's deliveries.
func correctReceivers() []Correct {
	return []Correct{
		correctReceiver("answers-204", "answers 204 without a body (any 2xx is a success)", wrapping(success(http.StatusNoContent))),
		correctReceiver("answers-202", "answers 202 (any 2xx is a success)", wrapping(success(http.StatusAccepted))),
		correctReceiver("later-edition-201", "answers 201 with a page of HTML (any 2xx is a success, the body is ignored)",
			wrapping(page)).in("kirim.chat"),
		correctReceiver("kirimdev-queue", "takes bodies as live traffic has them, stores first and works later", worksLater).in("kirimdev"),
		correctReceiver("later-edition-queue", "stores first and works later", worksLater).in("kirim.chat"),
		correctReceiver("stores-first", "stores first, answers 202, and works later", worksLater),
		correctReceiver("closes-connections", "closes the connection after each answer, as HTTP/1.0 does", wrapping(closes)),
		correctReceiver("http-1.0", "answers in HTTP/1.0, without a length", wrapping(oldProtocol)),
		correctReceiver("chunked-answers", "answers in chunks, with a trailer", wrapping(chunked)),
		correctReceiver("informational-first", "sends an informational answer before the final one", wrapping(informs)),
		correctReceiver("huge-headers", "answers with 64 KiB of headers", wrapping(longHeaders)),
		correctReceiver("odd-header-names", "writes its header names in lower and in mixed case", wrapping(oddNames)),
		correctReceiver("slow-within-limits", "takes up to a second for an answer (the advice is two)", wrapping(slowly)),
		correctReceiver("refuses-403", "answers 403 to forgeries (a 4xx that is not retried; 401 is the documented one)",
			refusesWith(http.StatusForbidden)),
		correctReceiver("refuses-400", "answers 400 to forgeries", refusesWith(http.StatusBadRequest)),
		correctReceiver("hides-404", "answers 404 to forgeries, as if there were nothing here", refusesWith(http.StatusNotFound)),
		correctReceiver("content-key", "knows a piece of work by a digest of the body and the item", contentKey),
		correctReceiver("asks-with-429", "asks for a retry with 429 where its work failed",
			insteadOf(http.StatusInternalServerError, http.StatusTooManyRequests)),
		correctReceiver("asks-with-408", "asks for a retry with 408 where its work failed",
			insteadOf(http.StatusInternalServerError, http.StatusRequestTimeout)),
		correctReceiver("refuses-garbage-422", "answers 422 to a signed body that is no event",
			garbage(http.StatusUnprocessableEntity)),
	}
}

// correctMetaReceivers are the unusual receivers of Meta's webhooks. Meta takes 200 alone for a success.
func correctMetaReceivers() []Correct {
	return []Correct{
		correctMetaReceiver("closes-connections", "closes the connection after each answer, as HTTP/1.0 does", wrapping(closes)),
		correctMetaReceiver("http-1.0", "answers in HTTP/1.0, without a length", wrapping(oldProtocol)),
		correctMetaReceiver("stores-first", "stores first, and works later", func(b *build) {
			worksLater(b)
			insteadOf(http.StatusAccepted, http.StatusOK)(b)
		}),
		correctMetaReceiver("chunked-answers", "answers in chunks, with a trailer", wrapping(chunked)),
		correctMetaReceiver("huge-headers", "answers with 64 KiB of headers", wrapping(longHeaders)),
		correctMetaReceiver("odd-header-names", "writes its header names in lower and in mixed case", wrapping(oddNames)),
		correctMetaReceiver("refuses-403", "answers 403 to forgeries (a 4xx is advised)", refusesWith(http.StatusForbidden)),
		correctMetaReceiver("content-key", "knows a piece of work by a digest of the body and the item", contentKey),
	}
}

func correctReceiver(name, unusual string, change func(*build)) Correct {
	return Correct{Name: name, Role: contract.RoleReceiver, Unusual: []string{unusual}, apply: change}
}

func correctMetaReceiver(name, unusual string, change func(*build)) Correct {
	return Correct{Name: name, Role: contract.RoleMetaReceiver, Unusual: []string{unusual}, apply: change}
}

// in has it keep another edition.
func (c Correct) in(edition string) Correct {
	c.Edition = edition
	return c
}

// wrapping changes how deliveries are answered; what the harness asks the receiver stays as it is.
func wrapping(serve func(w http.ResponseWriter, r *http.Request, next http.Handler)) func(*build) {
	return func(b *build) {
		b.handler = func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != reference.WebhookPath || r.Method != http.MethodPost {
					next.ServeHTTP(w, r)
					return
				}
				serve(w, r, next)
			})
		}
	}
}

// statusWriter gives another status in the place of 200.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if status == http.StatusOK {
		status = w.status
	}
	w.ResponseWriter.WriteHeader(status)
}

func success(status int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&statusWriter{w, status}, r)
	}
}

// written is an answer that is held back, to be written in another way.
type written struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *written) Header() http.Header         { return w.header }
func (w *written) WriteHeader(status int)      { w.status = status }
func (w *written) Write(b []byte) (int, error) { return w.body.Write(b) }

// held returns the answer of a handler.
func held(r *http.Request, next http.Handler) *written {
	w := &written{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(w, r)
	return w
}

func page(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := held(r, next)
	if answer.status == http.StatusOK {
		answer.status = http.StatusCreated
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(answer.status)
	// A client that went away has no use for the error.
	_, _ = w.Write([]byte("<!DOCTYPE html><title>Diterima</title><p>Terima kasih."))
}

func closes(w http.ResponseWriter, r *http.Request, next http.Handler) {
	w.Header().Set("Connection", "close")
	next.ServeHTTP(w, r)
}

// oldProtocol answers as servers of scripting languages do that know HTTP/1.0 alone: the end of the connection is that of the body.
func oldProtocol(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := held(r, next)
	conn, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// The server of the reference speaks HTTP/1.1, where a connection can be taken over.
		panic(err)
	}
	// Of a client that went away nobody learns anything.
	_, _ = fmt.Fprintf(out, "HTTP/1.0 %d %s\r\nServer: BaseHTTP/0.6\r\n\r\nok\n", answer.status, http.StatusText(answer.status))
	_ = out.Flush()
	_ = conn.Close()
}

func chunked(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := held(r, next)
	w.Header().Set("Trailer", "X-Checksum")
	w.WriteHeader(answer.status)
	control := http.NewResponseController(w)
	for range 3 {
		// As above; and what cannot be flushed is sent all the same.
		_, _ = w.Write([]byte("{}\n"))
		_ = control.Flush()
	}
	w.Header().Set("X-Checksum", "0")
}

func informs(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := held(r, next)
	w.WriteHeader(http.StatusProcessing)
	w.Header().Set("Link", "</style.css>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	w.WriteHeader(answer.status)
}

func longHeaders(w http.ResponseWriter, r *http.Request, next http.Handler) {
	w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
	next.ServeHTTP(w, r)
}

func oddNames(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := held(r, next)
	maps.Copy(w.Header(), answer.header)
	// net/http writes the names of the map as they stand.
	w.Header()["content-type"] = []string{"application/json"}
	w.Header()["x-rEQUEST-id"] = []string{"req_1"}
	w.WriteHeader(answer.status)
	_, _ = w.Write([]byte("{}"))
}

// slowly takes its time for one delivery in some, so that a run is not all waiting.
func slowly(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if rand.N(oneIn) == 0 {
		pause(r.Context(), rand.N(time.Second))
	}
	next.ServeHTTP(w, r)
}

func refusesWith(status int) func(*build) {
	return func(b *build) { b.policy.Refused = func(error) (int, bool) { return status, false } }
}

// garbage answers a body that cannot be taken apart.
func garbage(status int) func(*build) {
	return func(b *build) {
		right := b.policy.Items
		b.policy.Items = func(d reference.Delivery) ([]reference.Item, error) {
			it, err := right(d)
			if err != nil {
				// The work is then to say so, which the policy has no other way to do.
				return []reference.Item{{ID: notAnEvent}}, nil
			}
			return it, nil
		}
		work := b.policy.Process
		b.policy.Process = func(s *reference.Store, d reference.Delivery, it []reference.Item, key func(reference.Delivery, reference.Item) string) int {
			if len(it) == 1 && it[0].ID == notAnEvent {
				return status
			}
			return work(s, d, it, key)
		}
	}
}

// notAnEvent is the id of an item that stands for a body without any. It is none that anybody sends.
const notAnEvent = "\x00not an event"

// contentKey is the digest of the body and the item: of a retry and of a replay it is the same. It is made once for a body, of
// which a thousand items may be the content.
func contentKey(b *build) {
	right := b.policy.Process
	b.policy.Process = func(s *reference.Store, d reference.Delivery, it []reference.Item, _ func(reference.Delivery, reference.Item) string) int {
		digest := sha256.Sum256(d.Body)
		return right(s, d, it, func(_ reference.Delivery, it reference.Item) string {
			return hex.EncodeToString(digest[:]) + "\x00" + it.ID + "\x00" + it.Status
		})
	}
}

// worksLater takes each delivery over at once, and works on it after a while, again and again until it succeeds.
func worksLater(b *build) {
	const later = 30 * time.Millisecond
	b.policy.Process = func(s *reference.Store, d reference.Delivery, items []reference.Item, key func(reference.Delivery, reference.Item) string) int {
		s.Lock()
		defer s.Unlock()
		for _, it := range items {
			if k := key(d, it); !s.Seen(k) {
				s.Remember(k)
				go workOff(s, d, it, later)
			}
		}
		return http.StatusAccepted
	}
}

// workOff does the work of an item, however often it fails; it ends with the process at the latest.
func workOff(s *reference.Store, d reference.Delivery, it reference.Item, every time.Duration) {
	for done := false; !done; {
		<-time.After(every)
		s.Lock()
		done = s.Work(d, it) == nil
		s.Unlock()
	}
}

package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/schemas"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

// listener takes the deliveries of kirimcheck listen.
type listener struct {
	flags    *listenFlags
	edition  contract.Edition
	schemas  *schemas.Set
	verifier signature.Verifier
	client   *wire.Client // of --forward-to, or nil
	color    bool

	// mu keeps lines whole, and guards what follows.
	mu       sync.Mutex
	out      io.Writer
	seen     *seen
	number   int
	verified int
	repeated int
	failure  error
	// broken is closed when out takes no more lines.
	broken chan struct{}
}

// receipt is what is told about a delivery; its form is that of --json.
type receipt struct {
	Time     time.Time `json:"time"`
	Number   int       `json:"number"`
	Event    string    `json:"event"`
	EventID  string    `json:"event_id"`
	Delivery string    `json:"delivery_id"`
	Attempt  string    `json:"attempt"`
	Source   string    `json:"source"`
	// Verified is null where no secret is known; Refusal says why it is false.
	Verified *bool  `json:"verified"`
	Refusal  string `json:"refusal,omitempty"`
	// Problem is the first thing that is wrong with the body.
	Valid   bool   `json:"valid"`
	Problem string `json:"problem,omitempty"`
	// DuplicateOf is the number of the first delivery with this event, event id and status; 0 for none.
	DuplicateOf int    `json:"duplicate_of,omitempty"`
	Status      int    `json:"status"`
	Delay       string `json:"delay,omitempty"`
	Forwarded   bool   `json:"forwarded,omitempty"`
	// Trouble is why forwarding brought no answer.
	Trouble string `json:"trouble,omitempty"`
}

// trust adds a secret to verify with. Deliveries may be arriving already.
func (l *listener) trust(secret string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verifier.Secrets = append(slices.Clone(l.verifier.Secrets), secret)
}

// handle tells about a delivery and decides the answer.
func (l *listener) handle(ctx context.Context, d subscriber.Delivery) subscriber.Answer {
	path, _, _ := strings.Cut(d.Target, "?")
	switch {
	case l.flags.path != "/" && path != l.flags.path:
		l.print(fmt.Sprintf("%s %s: answered 404, the path is %s", bounded(d.Method), bounded(path), l.flags.path), nil)
		return subscriber.Status(http.StatusNotFound)
	case d.Method != http.MethodPost:
		l.print(fmt.Sprintf("%s %s: answered 405, deliveries come by POST", bounded(d.Method), bounded(path)), nil)
		return subscriber.Answer{Status: http.StatusMethodNotAllowed, Header: []wire.Field{{Name: "Allow", Value: http.MethodPost}}}
	}
	t := l.look(d)
	told := l.flags.times == 0 || t.Number <= l.flags.times
	answer := subscriber.Status(http.StatusOK)
	failing := told && l.flags.status != http.StatusOK
	switch {
	case l.client != nil && !failing:
		answer = l.forward(ctx, d, &t)
	case told:
		answer.Status = l.flags.status
	}
	if told && l.flags.delay > 0 {
		answer.Delay, t.Delay = l.flags.delay, l.flags.delay.String()
	}
	t.Status = answer.Status
	l.print(t.line(l.color), &t)
	return answer
}

// look reads and judges a delivery.
func (l *listener) look(d subscriber.Delivery) receipt {
	h := l.edition.Headers
	t := receipt{
		Time: d.Arrived.UTC(), Event: bounded(d.Get(h.Event)), EventID: bounded(d.Get(h.EventID)), Delivery: bounded(d.Get(h.DeliveryID)),
		Attempt: bounded(d.Get(h.Attempt)), Source: bounded(d.Get(h.Source)),
	}
	l.mu.Lock()
	verifier := l.verifier
	l.mu.Unlock()
	if len(verifier.Secrets) > 0 {
		err := verifier.Verify(d.Get(h.Signature), d.Body, d.Arrived)
		good := err == nil
		t.Verified = &good
		if err != nil {
			t.Refusal = bounded(err.Error())
		}
	}
	t.Problem = l.problem(d.Get(h.Event), d.Body)
	t.Valid = t.Problem == ""
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	t.Number = l.number
	t.DuplicateOf = l.seen.first(t.Event, t.EventID, statuses(d.Body), t.Number)
	if t.Verified != nil && *t.Verified {
		l.verified++
	}
	if t.DuplicateOf > 0 {
		l.repeated++
	}
	return t
}

// problem is the first thing that is wrong with the body, or empty.
func (l *listener) problem(event string, body []byte) string {
	if event == "" {
		return "there is no " + l.edition.Headers.Event + " header, so the body cannot be checked"
	}
	err := l.schemas.ValidateEvent(l.edition.ID, event, body)
	var broken *schemas.ValidationError
	switch {
	case errors.As(err, &broken):
		text := bounded(broken.Problems[0].String())
		if more := len(broken.Problems) - 1; more > 0 {
			text += fmt.Sprintf(" (and %d more)", more)
		}
		return text
	case err != nil:
		return bounded(err.Error())
	}
	return ""
}

// statuses returns the status of each message.status in a body of Meta's. Those of one message share its event id
// (reading Q2), so that only the status tells them from duplicates.
func statuses(body []byte) string {
	return gjson.GetBytes(body, "entry.#.changes.#.value.statuses.#.status").Raw
}

// forward sends the delivery on as it came, and takes the answer.
func (l *listener) forward(ctx context.Context, d subscriber.Delivery, t *receipt) subscriber.Answer {
	x := l.client.Send(ctx, wire.Request{
		Method: d.Method, URL: l.flags.forwardTo, Header: slices.DeleteFunc(slices.Clone(d.Header), hopByHop), Body: d.Body,
	})
	if x.Trouble != wire.None || x.Status < 200 {
		t.Trouble = string(x.Trouble)
		if x.Err != nil {
			t.Trouble = bounded(string(x.Trouble) + ": " + x.Err.Error())
		}
		return subscriber.Status(http.StatusBadGateway)
	}
	t.Forwarded = true
	answer := subscriber.Answer{Status: x.Status, Body: x.Body}
	for name, values := range x.Header {
		for _, value := range values {
			if f := (wire.Field{Name: name, Value: value}); !hopByHop(f) {
				answer.Header = append(answer.Header, f)
			}
		}
	}
	return answer
}

// hopByHop reports whether a header line is about one connection, or follows from the URL and the body (RFC 9110,
// section 7.6.1).
func hopByHop(f wire.Field) bool {
	switch strings.ToLower(f.Name) {
	case "host", "content-length", "connection", "transfer-encoding", "keep-alive", "expect", "te", "trailer", "upgrade",
		"proxy-connection":
		return true
	}
	return false
}

// print writes a line, or the JSON of t where that is wanted; without t it is a line for people alone.
func (l *listener) print(line string, t *receipt) {
	text := []byte(line)
	if l.flags.json {
		if t == nil {
			return
		}
		// Every member is text, a number or a time of this age, which all have a form in JSON.
		text, _ = json.Marshal(t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure != nil {
		return
	}
	if _, l.failure = l.out.Write(append(text, '\n')); l.failure != nil {
		close(l.broken)
	}
}

// sum says what came, and returns the error of a writer that took no more.
func (l *listener) sum(notes io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := fmt.Sprintf("%d deliveries, %d of them repeated", l.number, l.repeated)
	if len(l.verifier.Secrets) > 0 {
		text += fmt.Sprintf(", %d verified", l.verified)
	}
	_, err := fmt.Fprintln(notes, text)
	return errors.Join(l.failure, err)
}

// The colours of a line.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

// line is the delivery in one line.
func (t receipt) line(color bool) string {
	paint := func(text, code string) string {
		if !color {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	or := func(text, missing string) string {
		if text == "" {
			return missing
		}
		return text
	}
	parts := []string{
		t.Time.Local().Format("15:04:05.000"), fmt.Sprintf("%-21s", or(t.Event, "no event")), or(t.EventID, "no event id"),
		"attempt " + or(t.Attempt, "missing"), fmt.Sprintf("%-5s", or(t.Source, "no source")),
	}
	switch {
	case t.Verified == nil:
		parts = append(parts, "not checked")
	case *t.Verified:
		parts = append(parts, paint("verified", green))
	default:
		parts = append(parts, paint("NOT VERIFIED "+t.Refusal, red))
	}
	if t.Valid {
		parts = append(parts, paint("valid", green))
	} else {
		parts = append(parts, paint("INVALID "+t.Problem, red))
	}
	if t.DuplicateOf > 0 {
		parts = append(parts, paint("duplicate of #"+strconv.Itoa(t.DuplicateOf), yellow))
	}
	answered := "answered " + strconv.Itoa(t.Status)
	if t.Delay != "" {
		answered += " after " + t.Delay
	}
	if t.Trouble != "" {
		answered += ", not forwarded: " + t.Trouble
	}
	code := red
	if t.Status < 300 {
		code = green
	}
	return "#" + strconv.Itoa(t.Number) + "  " + strings.Join(append(parts, paint(answered, code)), "  ")
}

// maxShown bounds what is shown of a text that came over the wire, in characters.
const maxShown = 160

// bounded makes a text from the wire harmless to print.
func bounded(text string) string {
	shown := []rune(text)
	if len(shown) > maxShown {
		shown = append(shown[:maxShown], '…')
	}
	for i, c := range shown {
		if !unicode.IsPrint(c) {
			shown[i] = '\uFFFD'
		}
	}
	return string(shown)
}

// maxSeen is how many deliveries are remembered to tell duplicates.
const maxSeen = 100_000

// sameness is what two deliveries have in common where one is a duplicate of the other.
type sameness struct {
	event, id string
	statuses  [sha256.Size]byte
}

// seen remembers the numbers of the latest deliveries.
type seen struct {
	numbers map[sameness]int
	// latest holds their keys; oldest is the place of the one to forget next, once it is full.
	latest []sameness
	oldest int
}

func newSeen() *seen { return &seen{numbers: map[sameness]int{}} }

// first returns the number of the first delivery of the same event, id and statuses; 0 where there is none, and then
// this one is remembered. Deliveries without an event id cannot be compared.
func (s *seen) first(event, id, statuses string, number int) int {
	if id == "" {
		return 0
	}
	key := sameness{event, id, sha256.Sum256([]byte(statuses))}
	if before, ok := s.numbers[key]; ok {
		return before
	}
	s.numbers[key] = number
	if len(s.latest) < maxSeen {
		s.latest = append(s.latest, key)
		return 0
	}
	delete(s.numbers, s.latest[s.oldest])
	s.latest[s.oldest] = key
	s.oldest = (s.oldest + 1) % maxSeen
	return 0
}

package api

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/schemas"
)

// documents names the schemas of each operation's request and answer; {edition} stands for the edition.
var documents = map[string]struct{ request, answer string }{
	"GET /health": {"", "health"},

	"POST /webhook_subscriptions":                         {"{edition}/subscription-create.request", "{edition}/subscription-created"},
	"GET /webhook_subscriptions":                          {"", "{edition}/subscription-list"},
	"GET /webhook_subscriptions/{id}":                     {"", "{edition}/subscription"},
	"PATCH /webhook_subscriptions/{id}":                   {"{edition}/subscription-update.request", "{edition}/subscription"},
	"DELETE /webhook_subscriptions/{id}":                  {"", "deleted"},
	"POST /webhook_subscriptions/{id}/secrets":            {"secret-create.request", "secret-created"},
	"DELETE /webhook_subscriptions/{id}/secrets/{secret}": {"", "deleted"},

	"GET /webhook_deliveries":              {"", "{edition}/delivery-list"},
	"GET /webhook_deliveries/{id}":         {"", "{edition}/delivery"},
	"POST /webhook_deliveries/{id}/replay": {"delivery-replay.request", "delivery-replayed"},
	"POST /webhook_deliveries/bulk_replay": {"bulk-replay.request", "bulk-replayed"},

	"POST /contacts":       {"{edition}/contact-create.request", "contact"},
	"GET /contacts":        {"", "contact-list"},
	"GET /contacts/{id}":   {"", "contact"},
	"PATCH /contacts/{id}": {"contact-update.request", "contact"},

	"GET /conversations":        {"", "conversation-list"},
	"GET /conversations/{id}":   {"", "conversation"},
	"PATCH /conversations/{id}": {"conversation-update.request", "conversation"},

	"POST /messages": {"{edition}/message-send.request", "{edition}/message"},
}

// creating are the operations whose answers show a secret.
var creating = []string{"POST /webhook_subscriptions", "POST /webhook_subscriptions/{id}/secrets"}

var start = time.Date(2026, 5, 23, 10, 0, 0, 0, time.UTC)

// world is an API over a fake, with a clock that the test moves.
type world struct {
	testing.TB
	edition contract.Edition
	fake    *fake
	clock   *clock.Virtual
	api     *api
	set     *schemas.Set
	// logged is what the API logged.
	logged *bytes.Buffer
	// seen are the valid documents that went over the wire, by schema.
	seen map[string][][]byte
}

func newWorld(t testing.TB, edition string, limits *Limits) *world {
	t.Helper()
	ed, err := contract.LoadEdition(edition)
	if err != nil {
		t.Fatal(err)
	}
	set, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		TB: t, edition: ed, clock: clock.NewVirtual(start), set: set,
		logged: &bytes.Buffer{}, seen: map[string][][]byte{},
	}
	w.fake = newFake(w.clock)
	w.api = New(Config{
		Service: w.fake, Edition: ed, Clock: w.clock, ClockMode: "virtual", Limits: limits,
		Log: slog.New(slog.NewTextHandler(w.logged, nil)),
	}).(*api)
	return w
}

// eachEdition runs a test in a world of every edition.
func eachEdition(t *testing.T, test func(t *testing.T, w *world)) {
	editions, err := contract.Editions()
	if err != nil {
		t.Fatal(err)
	}
	for _, edition := range editions {
		t.Run(edition.ID, func(t *testing.T) { test(t, newWorld(t, edition.ID, nil)) })
	}
}

// scoped puts the phone number id before a path where the edition wants it.
func (w *world) scoped(path string) string {
	if strings.HasPrefix(w.edition.Paths.Contacts, scopeSegment) {
		return "/" + number + path
	}
	return path
}

// answer is what the API answered.
type answer struct {
	status int
	header http.Header
	body   []byte
	// data is the member of that name, nil in errors.
	data any
	err  errorBody
	list listEnvelope
}

// object returns data as an object.
func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	object, ok := a.data.(map[string]any)
	if !ok {
		t.Fatalf("data is no object: %s", a.body)
	}
	return object
}

func (a answer) id(t testing.TB) string {
	t.Helper()
	id, _ := a.object(t)["id"].(string)
	return id
}

// option changes a request before it is made.
type option func(*http.Request)

func header(name, value string) option { return func(r *http.Request) { r.Header.Set(name, value) } }

// rawQuery puts a query into the URL as it is, well-formed or not.
func rawQuery(query string) option { return func(r *http.Request) { r.URL.RawQuery = query } }

func without(name string) option { return func(r *http.Request) { r.Header.Del(name) } }

// call makes a request, path being below Base, and holds what goes over the wire against the schemas: every answer, and
// every request that was not refused.
func (w *world) call(method, path, body string, options ...option) answer {
	w.Helper()
	r := httptest.NewRequest(method, Base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+goodKey)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, change := range options {
		change(r)
	}
	operation := w.operation(r)
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	a := answer{status: recorder.Code, header: recorder.Result().Header, body: recorder.Body.Bytes()}
	w.checkCommon(a, operation)
	if a.status >= 400 {
		w.validate("error", a.body)
		var document errorEnvelope
		w.unmarshal(a.body, &document)
		a.err = document.Error
		w.sameRequestID(a, document.Error.RequestID)
		return a
	}
	schema := documents[operation]
	w.validate(schema.answer, a.body)
	if body != "" && schema.request != "" {
		w.validate(schema.request, []byte(body))
	}
	w.unmarshal(a.body, &a.list)
	a.data = a.list.Data
	w.sameRequestID(a, a.list.RequestID)
	return a
}

// operation is the name under which documents has a request, empty where there is no such operation.
func (w *world) operation(r *http.Request) string {
	_, pattern := w.api.router.table(r.URL.EscapedPath()).Handler(r)
	method, path, _ := strings.Cut(pattern, " "+Base)
	if pattern == "" {
		return ""
	}
	return method + " " + strings.TrimPrefix(path, scopeSegment)
}

func (w *world) checkCommon(a answer, operation string) {
	w.Helper()
	if got := a.header.Get("Content-Type"); got != "application/json" {
		w.Errorf("%s: Content-Type is %q", operation, got)
	}
	shows := bytes.Contains(a.body, []byte("whsec_"))
	if may := slices.Contains(creating, operation); shows && !may {
		w.Errorf("%s: the answer shows a secret: %s", operation, a.body)
	}
	if got := a.header.Get("Cache-Control"); shows && got != "no-store" {
		w.Errorf("%s: an answer with a secret has Cache-Control %q", operation, got)
	}
	if strings.Contains(w.logged.String(), "whsec_") || strings.Contains(w.logged.String(), "kdv_live_") {
		w.Errorf("the log shows a secret or a key: %s", w.logged)
	}
}

func (w *world) sameRequestID(a answer, id string) {
	w.Helper()
	if got := a.header.Values("X-Request-Id"); !slices.Equal(got, []string{id}) {
		w.Errorf("X-Request-Id is %q, the body says %q", got, id)
	}
}

// validate holds a document against a schema of the API and keeps it.
func (w *world) validate(schema string, document []byte) {
	w.Helper()
	name := "api/" + strings.ReplaceAll(schema, "{edition}", w.edition.ID)
	if err := w.set.Validate(name, document); err != nil {
		w.Errorf("%s: %v\n%s", name, err, document)
	}
	w.seen[name] = append(w.seen[name], document)
}

func (w *world) unmarshal(text []byte, into any) {
	w.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(into); err != nil {
		w.Fatalf("%v: %s", err, text)
	}
	if _, err := decoder.Token(); err != io.EOF {
		w.Fatalf("more than one document: %s", text)
	}
}

// must is call for a request that the test takes for granted.
func (w *world) must(status int, method, path, body string, options ...option) answer {
	w.Helper()
	a := w.call(method, path, body, options...)
	if a.status != status {
		w.Fatalf("%s %s: got %d, want %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

// refuse is call for a request that must be refused with this status, type, code and param.
func (w *world) refuse(status int, kind, code, param, method, path, body string, options ...option) answer {
	w.Helper()
	a := w.call(method, path, body, options...)
	if a.status != status || a.err.Type != kind || a.err.Code != code || a.err.Param != param {
		w.Errorf("%s %s %.200s: got %d %s %s %q, want %d %s %s %q", method, path, body,
			a.status, a.err.Type, a.err.Code, a.err.Param, status, kind, code, param)
	}
	return a
}

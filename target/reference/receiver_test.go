package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target"
)

// receiver returns the correct receiver of the default edition.
func receiver(t *testing.T) (contract.Edition, *Receiver) {
	t.Helper()
	ed, err := contract.LoadEdition(contract.DefaultEdition)
	if err != nil {
		t.Fatal(err)
	}
	return ed, NewReceiver(Correct(ed, Secret))
}

// post delivers a body and returns the status of the answer. change may be nil.
func post(t *testing.T, ed contract.Edition, r http.Handler, d Delivery, change func(*http.Request)) int {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, WebhookPath, bytes.NewReader(d.Body))
	req.Header.Set(ed.Headers.Event, d.Event)
	req.Header.Set(ed.Headers.EventID, d.EventID)
	req.Header.Set(ed.Headers.Source, string(d.Source))
	req.Header.Set(ed.Headers.Signature, signature.Header(time.Now().Unix(), d.Body, Secret))
	if change != nil {
		change(req)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code
}

// effects asks the receiver's own window.
func effects(t *testing.T, r http.Handler, e target.Effect) int {
	t.Helper()
	q := url.Values{"event": {e.Event}, "event_id": {e.EventID}, "item": {e.ItemID}, "status": {e.Status}}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, EffectsPath+"?"+q.Encode(), nil))
	var answer struct{ Count *int }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK || answer.Count == nil {
		t.Fatalf("answered %d %s: %v", w.Code, w.Body, err)
	}
	return *answer.Count
}

func contact(id string) Delivery {
	return Delivery{
		Event: "contact.created", EventID: "evt_" + id, Source: contract.SourceKirim,
		Body: fmt.Appendf(nil, `{"id":"evt_%s","data":{"contact":{"id":"con_%s"}}}`, id, id),
	}
}

func messages(ids ...string) Delivery {
	var items []string
	for _, id := range ids {
		items = append(items, `{"id":"`+id+`"}`)
	}
	return Delivery{
		Event: "message.received", EventID: ids[0], Source: contract.SourceMeta,
		Body: []byte(`{"entry":[{"changes":[{"value":{"messages":[` + strings.Join(items, ",") + `]}}]}]}`),
	}
}

func contactEffect(id string) target.Effect {
	return target.Effect{Event: "contact.created", EventID: "evt_" + id, ItemID: "con_" + id}
}

func TestOnlyWhatIsGenuineTakesEffect(t *testing.T) {
	for name, c := range map[string]struct {
		body   []byte
		change func(contract.Edition, *http.Request)
		want   int
		effect int
	}{
		"genuine":      {nil, nil, 200, 1},
		"no signature": {nil, func(ed contract.Edition, r *http.Request) { r.Header.Del(ed.Headers.Signature) }, 401, 0},
		"another's secret": {nil, func(ed contract.Edition, r *http.Request) {
			r.Header.Set(ed.Headers.Signature, signature.Header(time.Now().Unix(), contact("1").Body, "whsec_x"))
		}, 401, 0},
		"stale": {nil, func(ed contract.Edition, r *http.Request) {
			r.Header.Set(ed.Headers.Signature, signature.Header(time.Now().Add(-ed.Signature.Tolerance-time.Minute).Unix(), contact("1").Body, Secret))
		}, 401, 0},
		"a changed body": {nil, func(_ contract.Edition, r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"data":{"contact":{"id":"con_1"}}}`))
		}, 401, 0},
		"a body cut off": {nil, func(_ contract.Edition, r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader([]byte("{")), broken{}))
		}, 400, 0},
		"not JSON":        {[]byte("this is not JSON"), nil, 400, 0},
		"the largest":     {padded(bodyLimit), nil, 200, 1},
		"too large":       {padded(bodyLimit + 1), nil, 413, 0},
		"no GET":          {nil, func(_ contract.Edition, r *http.Request) { r.Method = http.MethodGet }, 405, 0},
		"another path":    {nil, func(_ contract.Edition, r *http.Request) { r.URL.Path = "/elsewhere" }, 404, 0},
		"an unknown type": {nil, func(ed contract.Edition, r *http.Request) { r.Header.Set(ed.Headers.Event, "contact.renamed") }, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ed, r := receiver(t)
			d := contact("1")
			if c.body != nil {
				d.Body = c.body
			}
			got := post(t, ed, r, d, func(req *http.Request) {
				if c.change != nil {
					c.change(ed, req)
				}
			})
			if n := effects(t, r, contactEffect("1")); got != c.want || n != c.effect {
				t.Errorf("answered %d with %d effects, want %d with %d", got, n, c.want, c.effect)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// padded is the contact's body, made larger.
func padded(size int) []byte {
	body := contact("1").Body
	return append(body[:len(body):len(body)], bytes.Repeat([]byte(" "), size-len(body))...)
}

func TestEffectsAreCountedByAllThatTellsThemApart(t *testing.T) {
	ed, r := receiver(t)
	status := messages("wamid.a+b/c==")
	status.Event, status.Body = "message.status", []byte(`{"entry":[{"changes":[{"value":{"statuses":[{"id":"wamid.a+b/c==","status":"read"}]}}]}]}`)
	for _, d := range []Delivery{contact("1"), contact("1"), status, messages("a", "b", "a")} {
		if got := post(t, ed, r, d, nil); got != http.StatusOK {
			t.Fatalf("answered %d", got)
		}
	}
	for e, want := range map[target.Effect]int{
		contactEffect("1"): 1, contactEffect("2"): 0, {}: 0,
		{Event: "message.status", EventID: "wamid.a+b/c==", ItemID: "wamid.a+b/c==", Status: "read"}: 1,
		{Event: "message.status", EventID: "wamid.a+b/c==", ItemID: "wamid.a+b/c==", Status: "sent"}: 0,
		{Event: "message.received", EventID: "a", ItemID: "a"}:                                       1,
		{Event: "message.received", EventID: "a", ItemID: "b"}:                                       1,
		{Event: "message.received", EventID: "b", ItemID: "b"}:                                       0,
	} {
		if got := effects(t, r, e); got != want {
			t.Errorf("%s: %d, want %d", e, got, want)
		}
	}
}

func TestCopiesAtTheSameInstantTakeEffectOnce(t *testing.T) {
	ed, r := receiver(t)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 32 {
		wg.Go(func() {
			<-start
			d := contact(fmt.Sprint(i % 4))
			if got := post(t, ed, r, d, nil); got != http.StatusOK {
				t.Errorf("answered %d", got)
			}
			effects(t, r, contactEffect("0"))
		})
	}
	close(start)
	wg.Wait()
	for i := range 4 {
		if n := effects(t, r, contactEffect(fmt.Sprint(i))); n != 1 {
			t.Errorf("event %d has %d effects", i, n)
		}
	}
}

// Work that failed is done when the event comes again, and work that was done before the failure is not done twice.
func TestFailedWorkIsDoneByTheNextAttempt(t *testing.T) {
	ed, r := receiver(t)
	hook := func(path string) {
		t.Helper()
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil))
		if w.Code != http.StatusNoContent {
			t.Fatalf("%s is answered %d", path, w.Code)
		}
	}
	deliver := func(d Delivery, want int) {
		t.Helper()
		if got := post(t, ed, r, d, nil); got != want {
			t.Errorf("answered %d, want %d", got, want)
		}
	}
	deliver(messages("a"), 200)
	hook(FailPath)
	hook(FailPath)
	deliver(contact("1"), 500)
	deliver(messages("a", "b"), 500)
	deliver(messages("a"), 200) // Nothing is left to do.
	hook(RecoverPath)
	deliver(contact("1"), 200)
	deliver(contact("1"), 200)
	deliver(messages("a", "b"), 200)
	for e, want := range map[target.Effect]int{
		contactEffect("1"): 1,
		{Event: "message.received", EventID: "a", ItemID: "a"}: 1,
		{Event: "message.received", EventID: "a", ItemID: "b"}: 1,
	} {
		if got := effects(t, r, e); got != want {
			t.Errorf("%s: %d, want %d", e, got, want)
		}
	}
}

// A mutant may do the work of what it refuses, and its answer is the refusal all the same.
func TestRefusalThatProcessesAnswersTheRefusal(t *testing.T) {
	ed, _ := receiver(t)
	p := Correct(ed, Secret)
	p.Refused = func(error) (int, bool) { return http.StatusForbidden, true }
	r := NewReceiver(p)
	unsigned := func(req *http.Request) { req.Header.Del(ed.Headers.Signature) }
	if got := post(t, ed, r, contact("1"), unsigned); got != http.StatusForbidden || effects(t, r, contactEffect("1")) != 1 {
		t.Errorf("answered %d with %d effects", got, effects(t, r, contactEffect("1")))
	}
}

func TestStartedReferenceIsATargetThatWorks(t *testing.T) {
	for _, role := range []contract.Role{contract.RoleReceiver, contract.RoleMetaReceiver} {
		t.Run(string(role), func(t *testing.T) {
			s, tgt, err := Start(t.Context(), role, "")
			if err != nil {
				t.Fatal(err)
			}
			obs, closeObserver, err := target.NewObserver(t.Context(), tgt.Observe, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := obs.Count(t.Context(), target.Effect{}); n != 0 || err != nil {
				t.Errorf("%d effects, %v", n, err)
			}
			if tells := obs.Tells(); tells != (target.Tells{EventID: true, Item: true, Status: true}) {
				t.Errorf("the observer tells %+v", tells)
			}
			for name, h := range map[string]*target.Hook{"fail": tgt.Hooks.Fail, "recover": tgt.Hooks.Recover} {
				if err := tgt.Run(t.Context(), name, *h); err != nil {
					t.Error(err)
				}
			}
			if tgt.Role != role || tgt.Signing.Reveal() == "" || (tgt.Token.Reveal() == "") != (role == contract.RoleReceiver) {
				t.Errorf("role %s, secret %q, token %q", tgt.Role, tgt.Signing.Reveal(), tgt.Token.Reveal())
			}
			if err := closeObserver(); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr); err == nil {
				t.Error("it still listens")
			}
		})
	}
}

func TestReferenceThatCannotStartIsTold(t *testing.T) {
	if _, _, err := Start(t.Context(), contract.RoleReceiver, "none"); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("an unknown edition: %v", err)
	}
	if _, _, err := Start(t.Context(), contract.RoleRelay, ""); err == nil || !strings.Contains(err.Error(), "no reference relay") {
		t.Errorf("a role without a reference: %v", err)
	}
}

package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/signature"
)

const (
	testKey      = "kdv_live_AAAAAAAAAAAAAAAAAAAAAAAA"
	testOtherKey = "kdv_live_BBBBBBBBBBBBBBBBBBBBBBBB"
	appSecret    = "0123456789abcdef0123456789abcdef"
	verifyToken  = "token"
	phoneID      = "106540352242922"
)

// rig is a running emitter and one subscriber.
type rig struct {
	*testing.T
	server *server.Server
	clock  *clock.Virtual
	sub    *httptest.Server

	mu     sync.Mutex
	status int
	header http.Header
	got    []received
}

type received struct {
	header http.Header
	body   []byte
	at     time.Time
}

// newRig starts an emitter with a virtual clock.
func newRig(t *testing.T, edition string, change func(*server.Config)) *rig {
	t.Helper()
	ed, err := contract.LoadEdition(edition)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, clock: clock.NewVirtual(time.Date(2026, 5, 23, 10, 0, 0, 0, time.UTC)), status: http.StatusOK}
	r.sub = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.got = append(r.got, received{req.Header, body, r.clock.Now()})
		status := r.status
		for name, values := range r.header {
			w.Header()[name] = values
		}
		r.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(r.sub.Close)
	c := server.Config{
		Listen: "127.0.0.1:0", Edition: ed, Clock: r.clock, Dev: true, AppSecret: appSecret, VerifyToken: verifyToken, Seed: 1,
		Organisations: []relay.OrganisationConfig{
			{Name: "first", Key: testKey, Accounts: []store.Account{{PhoneNumberID: phoneID, Display: "+62 851-1760-0829"}}},
			{Name: "second", Key: testOtherKey},
		},
	}
	if change != nil {
		change(&c)
	}
	if r.server, err = server.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

// answer sets what the subscriber answers from now on.
func (r *rig) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// taken returns what the subscriber got since the last call.
func (r *rig) taken() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// call makes an API call, checks its status and returns its data.
func (r *rig) call(method, path string, body any, status int) map[string]any {
	r.Helper()
	answer := r.do(method, r.server.URL()+"/v1"+path, http.Header{"Authorization": {"Bearer " + testKey}}, encoded(r.T, body), status)
	var envelope map[string]any
	if err := json.Unmarshal(answer, &envelope); err != nil {
		r.Fatalf("%s %s: %v: %s", method, path, err, answer)
	}
	if data, ok := envelope["data"].(map[string]any); ok {
		return data
	}
	return envelope
}

func encoded(t *testing.T, body any) []byte {
	if body == nil {
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (r *rig) do(method, url string, header http.Header, body []byte, status int) []byte {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	req.Header = header
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	if resp.StatusCode != status {
		r.Fatalf("%s %s answered %d %s, want %d", method, url, resp.StatusCode, answer, status)
	}
	return answer
}

// meta posts a body as Meta does.
func (r *rig) meta(body []byte, status int) {
	r.Helper()
	r.do(http.MethodPost, r.server.URL()+server.MetaPath, http.Header{"X-Hub-Signature-256": {signature.MetaHeader(appSecret, body)}}, body, status)
}

// advance lets time pass, through the test's own door.
func (r *rig) advance(by string) {
	r.Helper()
	r.do(http.MethodPost, r.server.URL()+"/test/clock/advance", http.Header{}, encoded(r.T, map[string]string{"by": by}), http.StatusOK)
}

// subscribe makes a subscription of the rig's subscriber and returns its id and secret.
func (r *rig) subscribe(events ...string) (id, secret string) {
	r.Helper()
	data := r.call(http.MethodPost, "/webhook_subscriptions", map[string]any{"url": r.sub.URL, "events": events}, http.StatusCreated)
	return data["id"].(string), data["initial_secret"].(string)
}

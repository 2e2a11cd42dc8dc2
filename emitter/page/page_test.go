package page

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// subscribers answer deliveries by their URL; a URL that is not there is answered with 200.
type subscribers struct {
	mu      sync.Mutex
	answers map[string]pipeline.Response
	bodies  map[string][]byte
}

func (s *subscribers) Send(_ context.Context, r pipeline.Request) pipeline.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies[r.URL] = r.Body
	if answer, ok := s.answers[r.URL]; ok {
		return answer
	}
	return pipeline.Response{Status: http.StatusOK}
}

func (s *subscribers) answer(url string, r pipeline.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[url] = r
}

func (s *subscribers) body(url string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies[url]
}

// anyURL lets subscriptions point anywhere; nothing is sent.
type anyURL struct{}

func (anyURL) CheckURL(context.Context, string) error { return nil }

// emitter is a relay with its page on a listener of this machine, and somebody who looks at it.
type emitter struct {
	t     *testing.T
	relay *relay.Relay
	clock *clock.Virtual
	subs  *subscribers
	org   relay.Org
	keys  []string
	url   string
	// origins are the Origin headers of the forms that were sent.
	origins chan string
	// visitor keeps cookies and does not follow redirects by itself.
	visitor *http.Client
}

func newEmitter(t *testing.T, edition string, organisations int, public bool) *emitter {
	t.Helper()
	g := NewWithT(t)
	ed, err := contract.LoadEdition(edition)
	g.Expect(err).NotTo(HaveOccurred())
	e := &emitter{
		t: t, clock: clock.NewVirtual(noon), origins: make(chan string, 500),
		subs: &subscribers{answers: map[string]pipeline.Response{}, bodies: map[string][]byte{}},
	}
	config := relay.Config{Edition: ed, Clock: e.clock, Guard: anyURL{}, Sender: e.subs, Seed: 1}
	for i := range organisations {
		e.keys = append(e.keys, relay.NewKey())
		config.Organisations = append(config.Organisations, relay.OrganisationConfig{
			Name: []string{"Toko Ayu", "Warung Budi"}[i], Key: e.keys[i],
			Accounts: []store.Account{{PhoneNumberID: []string{"106540352242922", "206540352242922"}[i], Display: "+62 851-1760-0829"}},
		})
	}
	e.relay, err = relay.Open(t.Context(), config)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() {
		if err := e.relay.Close(context.Background()); err != nil {
			t.Errorf("closing the relay: %v", err)
		}
	})
	e.clock.Settler(e.relay.Engine().Settle)
	e.org = e.relay.Organisations()[0]
	handler := New(Config{Relay: e.relay, Public: public})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			e.origins <- req.Header.Get("Origin")
		}
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	e.url = server.URL
	jar, err := cookiejar.New(nil)
	g.Expect(err).NotTo(HaveOccurred())
	e.visitor = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return e
}

// subscribe makes a subscription of the first organisation.
func (e *emitter) subscribe(url string, events ...string) store.Subscription {
	e.t.Helper()
	s, err := e.relay.CreateSubscription(e.t.Context(), e.org, relay.SubscriptionInput{URL: url, Events: events})
	NewWithT(e.t).Expect(err).NotTo(HaveOccurred())
	return s
}

// happens triggers an event and waits for its attempts.
func (e *emitter) happens(event string) store.Delivery {
	e.t.Helper()
	NewWithT(e.t).Expect(e.relay.Trigger(e.t.Context(), e.org, event)).To(Succeed())
	e.settle()
	return e.deliveries()[0]
}

func (e *emitter) settle() {
	e.t.Helper()
	NewWithT(e.t).Expect(e.relay.Engine().Settle(e.t.Context(), 10*time.Second)).To(Succeed())
}

// deliveries are the first organisation's, the newest first.
func (e *emitter) deliveries() []store.Delivery {
	e.t.Helper()
	list, _, err := e.relay.Deliveries(e.t.Context(), e.org, store.DeliveryFilter{}, relay.Page{Limit: 500})
	NewWithT(e.t).Expect(err).NotTo(HaveOccurred())
	return list
}

// get returns a page that must be there, without its style and its script.
func (e *emitter) get(path string) string {
	e.t.Helper()
	status, _, body := e.do(http.MethodGet, path, nil, nil)
	NewWithT(e.t).Expect(status).To(Equal(http.StatusOK), body)
	_, content, _ := strings.Cut(body, "</style>")
	content, _, _ = strings.Cut(content, "<script>")
	return content
}

// press sends a form, and returns the page that it leads to and where that is.
func (e *emitter) press(path string, form url.Values) (page, at string) {
	e.t.Helper()
	status, header, body := e.do(http.MethodPost, path, form, nil)
	NewWithT(e.t).Expect(status).To(Equal(http.StatusSeeOther), body)
	e.settle()
	return e.get(header.Get("Location")), header.Get("Location")
}

func (e *emitter) do(method, path string, form url.Values, change func(*http.Request)) (int, http.Header, string) {
	e.t.Helper()
	g := NewWithT(e.t)
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(e.t.Context(), method, e.url+path, body)
	g.Expect(err).NotTo(HaveOccurred())
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(req)
	}
	resp, err := e.visitor.Do(req)
	g.Expect(err).NotTo(HaveOccurred())
	text, err := io.ReadAll(resp.Body)
	g.Expect(errors.Join(err, resp.Body.Close())).To(Succeed())
	return resp.StatusCode, resp.Header, string(text)
}

// refusedConnection is what a subscriber that is down looks like.
func refusedConnection(text string) pipeline.Response {
	return pipeline.Response{Err: errors.New(text), Trouble: pipeline.Refused}
}

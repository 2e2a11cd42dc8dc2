package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

func edition(t *testing.T) contract.Edition {
	t.Helper()
	ed, err := contract.LoadEdition("")
	if err != nil {
		t.Fatal(err)
	}
	return ed
}

// listen serves a subscriber and returns its URL.
func listen(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		handler(w, req)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestClosingWaitsForTheAttemptsInFlight(t *testing.T) {
	is := NewWithT(t)
	data := filepath.Join(t.TempDir(), "kirim.db")
	r := newRig(t, "", func(c *server.Config) { c.Data, c.Clock = data, clock.Real() })
	arrived, release := make(chan struct{}), make(chan struct{})
	url := listen(t, func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	r.call(http.MethodPost, "/webhook_subscriptions", map[string]any{"url": url, "events": []string{"contact.created"}}, http.StatusCreated)
	r.call(http.MethodPost, "/contacts", map[string]any{"phone_number": "+6281234567"}, http.StatusCreated)
	<-arrived
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		closed <- r.server.Close(ctx)
	}()
	is.Consistently(closed, "30ms").ShouldNot(Receive())
	close(release)
	is.Expect(<-closed).To(Succeed())
	_, err := http.Get(r.server.URL() + "/v1/health")
	is.Expect(err).To(HaveOccurred(), "nobody listens any more")
	again := newRig(t, "", func(c *server.Config) { c.Data, c.Clock = data, clock.Real() })
	list := again.call(http.MethodGet, "/webhook_deliveries", nil, http.StatusOK)["data"].([]any)
	is.Expect(list).To(HaveLen(1))
	is.Expect(list[0]).To(HaveKeyWithValue("status", "delivered"), "the attempt in flight was recorded")
}

func TestClosingGivesUpAnAttemptThatHangsAndTheNextRunMakesIt(t *testing.T) {
	is := NewWithT(t)
	data := filepath.Join(t.TempDir(), "kirim.db")
	arrivals, release := make(chan string, 10), make(chan struct{})
	var answers atomic.Bool
	url := listen(t, func(_ http.ResponseWriter, req *http.Request) {
		arrivals <- req.Header.Get("X-Kirim-Attempt")
		if !answers.Load() {
			<-release
		}
	})
	defer close(release)
	config := server.Config{Listen: "127.0.0.1:0", Edition: edition(t), Clock: clock.Real(), Data: data, Dev: true,
		Organisations: []relay.OrganisationConfig{{Name: "first", Key: testKey}}}
	first, err := server.Start(t.Context(), config)
	is.Expect(err).NotTo(HaveOccurred())
	org := first.Relay().Organisations()[0]
	_, err = first.Relay().CreateSubscription(t.Context(), org, relay.SubscriptionInput{URL: url, Events: []string{"message.status"}})
	is.Expect(err).NotTo(HaveOccurred())
	g, err := fixtures.NewMetaGenerator(config.Edition, 7, time.Now)
	is.Expect(err).NotTo(HaveOccurred())
	ev, err := g.Event("message.status", "")
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(first.Relay().IngestMeta(t.Context(), ev.Body)).To(Succeed())
	is.Expect(<-arrivals).To(Equal("1"))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	is.Expect(first.Close(ctx)).To(MatchError(context.DeadlineExceeded))
	is.Expect(time.Since(began)).To(BeNumerically("<", 5*time.Second))
	answers.Store(true)
	second, err := server.Start(t.Context(), config)
	is.Expect(err).NotTo(HaveOccurred())
	is.Expect(<-arrivals).To(Equal("1"), "what was given up was no attempt")
	is.Expect(second.Close(t.Context())).To(Succeed())
}

// What is cut off is named: "context deadline exceeded" alone tells nobody what was lost.
func TestClosingSaysWhatItCutsOff(t *testing.T) {
	is := NewWithT(t)
	hanging := make(chan struct{})
	config := server.Config{Listen: "127.0.0.1:0", Edition: edition(t), Clock: clock.Real(),
		Organisations: []relay.OrganisationConfig{{Name: "first", Key: testKey}},
		Change: func(p *server.Parts) {
			p.Wrap = func(http.Handler) http.Handler {
				return http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
					close(hanging)
					<-req.Context().Done()
				})
			}
		}}
	s, err := server.Start(t.Context(), config)
	is.Expect(err).NotTo(HaveOccurred())
	cut := make(chan error, 1)
	go func() {
		resp, err := http.Get(s.URL())
		if err == nil {
			err = resp.Body.Close()
		}
		cut <- err
	}()
	<-hanging
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	is.Expect(s.Close(ctx)).To(MatchError(ContainSubstring("requests were being answered and are cut off")))
	is.Expect(<-cut).To(HaveOccurred())
}

func TestClosingLeavesNoGoroutine(t *testing.T) {
	is := NewWithT(t)
	before := runtime.NumGoroutine()
	for range 3 {
		s, err := server.Start(t.Context(), server.Config{Listen: "127.0.0.1:0", Edition: edition(t), Clock: clock.Real(),
			Organisations: []relay.OrganisationConfig{{Name: "first", Key: testKey}}})
		is.Expect(err).NotTo(HaveOccurred())
		is.Expect(s.Close(t.Context())).To(Succeed())
	}
	is.Eventually(runtime.NumGoroutine, "5s").Should(BeNumerically("<=", before))
}

package server_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/clock"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

func TestAnAddressThatIsTakenIsSaid(t *testing.T) {
	is, r := NewWithT(t), newRig(t, "", nil)
	ed, err := contract.LoadEdition("")
	is.Expect(err).NotTo(HaveOccurred())
	address := strings.TrimPrefix(r.server.URL(), "http://")
	_, err = server.Start(t.Context(), server.Config{
		Listen: address, Edition: ed, Clock: clock.Real(), Organisations: []relay.OrganisationConfig{{Name: "first", Key: testKey}},
	})
	is.Expect(err).To(MatchError(ContainSubstring("cannot listen on " + address)))
}

func TestOverTLSBothVersionsOfHTTPAreSpoken(t *testing.T) {
	is := NewWithT(t)
	pair := httptest.NewTLSServer(nil) // for its certificate
	defer pair.Close()
	r := newRig(t, "", func(c *server.Config) {
		c.TLS = &tls.Config{Certificates: pair.TLS.Certificates, MinVersion: tls.VersionTLS12}
	})
	is.Expect(r.server.URL()).To(HavePrefix("https://127.0.0.1:"))
	roots := x509.NewCertPool()
	roots.AddCert(pair.Certificate())
	for major, second := range map[int]bool{1: false, 2: true} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: second}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get(r.server.URL() + "/v1/health")
		is.Expect(err).NotTo(HaveOccurred())
		is.Expect(resp.Body.Close()).To(Succeed())
		is.Expect(resp.StatusCode).To(Equal(http.StatusOK))
		is.Expect(resp.ProtoMajor).To(Equal(major))
	}
}

func TestMetricsTellOfDeliveriesAndOfNoSecrets(t *testing.T) {
	is := NewWithT(t)
	var log bytes.Buffer
	r := newRig(t, "", func(c *server.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	_, secret := r.subscribe("message.received", "message.status")
	r.meta(r.event("message.received", "").Body, http.StatusOK)
	r.advance("0s")
	r.answer(http.StatusServiceUnavailable)
	r.meta(r.event("message.status", "read").Body, http.StatusOK)
	r.advance("0s")
	r.meta([]byte("{}"), http.StatusBadRequest)
	text := string(r.do(http.MethodGet, r.server.URL()+"/metrics", http.Header{}, nil, http.StatusOK))
	for _, line := range []string{
		`kirimcheck_attempts_total{event="message.received",outcome="delivered",trouble=""} 1`,
		`kirimcheck_attempts_total{event="message.status",outcome="retry",trouble=""} 1`,
		"kirimcheck_attempt_duration_seconds_count 2", "kirimcheck_subscriptions 1", "kirimcheck_deliveries_waiting 1",
		"kirimcheck_deliveries_ready 0", "kirimcheck_attempts_in_flight 0", "kirimcheck_subscriptions_disabled_total 0",
	} {
		is.Expect(text).To(ContainSubstring(line + "\n"))
	}
	for _, hidden := range []string{secret, "whsec_", "kdv_", appSecret, verifyToken + `"`, "wamid"} {
		is.Expect(text).NotTo(ContainSubstring(hidden))
	}
	for _, hidden := range []string{secret, "whsec_", testKey, appSecret} {
		is.Expect(log.String()).NotTo(ContainSubstring(hidden))
	}
}

func TestHealthTellsTheClock(t *testing.T) {
	for mode, c := range map[string]clock.Clock{"real": clock.Real(), "scaled": scaled(t), "virtual": nil} {
		is := NewWithT(t)
		r := newRig(t, "kirim.chat", func(config *server.Config) {
			if c != nil {
				config.Clock = c
			}
		})
		health := r.call(http.MethodGet, "/health", nil, http.StatusOK)
		is.Expect(health["edition"]).To(Equal("kirim.chat"))
		is.Expect(health["clock"]).To(HaveKeyWithValue("mode", mode))
		if mode == "virtual" {
			is.Expect(health["clock"]).To(HaveKeyWithValue("now", "2026-05-23T10:00:00Z"))
		}
	}
}

func scaled(t *testing.T) clock.Clock {
	c, err := clock.Scaled(time.Date(2026, 5, 23, 10, 0, 0, 0, time.UTC), 3600)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMetasDoorStandsOnItsPathAlone(t *testing.T) {
	is, r := NewWithT(t), newRig(t, "", nil)
	handshake := "?hub.mode=subscribe&hub.verify_token=" + verifyToken + "&hub.challenge=1158201444"
	url := r.server.URL() + server.MetaPath
	is.Expect(string(r.do(http.MethodGet, url+handshake, http.Header{}, nil, http.StatusOK))).To(Equal("1158201444"))
	r.do(http.MethodGet, url, http.Header{}, nil, http.StatusForbidden)
	r.do(http.MethodPut, url, http.Header{}, nil, http.StatusMethodNotAllowed)
	r.do(http.MethodPost, url, http.Header{}, []byte("{}"), http.StatusUnauthorized)
	r.do(http.MethodPost, url+"/more", http.Header{}, []byte("{}"), http.StatusNotFound)
}

func TestWithoutDevOnlyHTTPSToPublicAddressesIsTaken(t *testing.T) {
	for _, url := range []string{
		"http://hook.example.com/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://10.0.0.1/", "https://192.168.1.1/",
		"https://169.254.169.254/latest/meta-data", "https://user:pw@127.0.0.1/", "https://127.0.0.1/#x", "file:///etc/passwd", "//x", "",
	} {
		r := newRig(t, "", func(c *server.Config) { c.Dev = false })
		got := r.call(http.MethodPost, "/webhook_subscriptions", map[string]any{"url": url, "events": []string{"contact.created"}}, http.StatusBadRequest)
		refused := got["error"].(map[string]any)
		if refused["code"] != "invalid_webhook_url" || refused["param"] != "url" || strings.Contains(refused["message"].(string), "pw") {
			t.Errorf("%q: %v", url, refused)
		}
	}
}

// A subscriber that never answers must not hold up another, nor the acknowledgement to Meta.
func TestASubscriberThatHangsDelaysNobody(t *testing.T) {
	is := NewWithT(t)
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		<-release
	}))
	defer hanging.Close()
	defer close(release)
	r := newRig(t, "", func(c *server.Config) { c.Clock = clock.Real() })
	r.call(http.MethodPost, "/webhook_subscriptions", map[string]any{"url": hanging.URL, "events": []string{"contact.created"}}, http.StatusCreated)
	r.subscribe("contact.created")
	const events = 200 // far more than one subscription's attempts in flight
	for i := range events {
		r.call(http.MethodPost, "/contacts", map[string]any{"phone_number": fmt.Sprintf("+62811000%03d", i)}, http.StatusCreated)
	}
	got := 0
	is.Eventually(func() int { got += len(r.taken()); return got }, "5s").Should(Equal(events))
}

func TestTheAPIAnswersInItsEnvelopeWhateverThePath(t *testing.T) {
	is, r := NewWithT(t), newRig(t, "", nil)
	for _, path := range []string{"/v1", "/v1/", "/v1//contacts", "/v1/./contacts", "/v1/../v1/contacts", "/v1/contacts/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.server.URL()+path, http.NoBody)
		is.Expect(err).NotTo(HaveOccurred())
		resp, err := http.DefaultTransport.RoundTrip(req)
		is.Expect(err).NotTo(HaveOccurred())
		body, err := io.ReadAll(resp.Body)
		is.Expect(err).NotTo(HaveOccurred())
		is.Expect(resp.Body.Close()).To(Succeed())
		is.Expect(resp.StatusCode).To(Equal(http.StatusNotFound), path)
		is.Expect(string(body)).To(ContainSubstring(`"resource_not_found"`), path)
	}
}

func TestAnotherWebsiteCannotMoveTheClock(t *testing.T) {
	is, r := NewWithT(t), newRig(t, "", nil)
	before := r.clock.Now()
	r.do(http.MethodPost, r.server.URL()+"/test/clock/advance", http.Header{"Origin": {"https://example.com"}}, []byte(`{"by":"1h"}`),
		http.StatusForbidden)
	is.Expect(r.clock.Now()).To(Equal(before))
}

package subscriber_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/gleak"

	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// patience is a limit that no test reaches.
const patience = 30 * time.Second

// listen starts a server that ends with the test and leaves nothing running.
func listen(t testing.TB, c subscriber.Config) *subscriber.Server {
	t.Helper()
	before := gleak.Goroutines()
	s, err := subscriber.Listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		gomega.NewWithT(t).Eventually(gleak.Goroutines).WithTimeout(patience).ShouldNot(gleak.HaveLeaked(before))
	})
	return s
}

// transport is a client's connections to one server over one protocol.
type transport struct {
	name   string
	server *subscriber.Server
	client *http.Client
}

// transports starts a server for each protocol.
func transports(t testing.TB) []transport {
	t.Helper()
	plain := listen(t, subscriber.Config{})
	h1, h1tls := secured(t, subscriber.NoFlaw, false)
	h2, h2tls := secured(t, subscriber.NoFlaw, true)
	return []transport{
		{"HTTP/1.1", plain, client(t, nil)}, {"HTTP/1.1 over TLS", h1, client(t, h1tls)}, {"HTTP/2", h2, client(t, h2tls)},
	}
}

func secured(t testing.TB, flaw subscriber.Flaw, http2 bool) (*subscriber.Server, *tls.Config) {
	t.Helper()
	a, err := subscriber.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Certificate(flaw, "127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	s := listen(t, subscriber.Config{TLS: subscriber.ServerTLS(cert, http2)})
	return s, &tls.Config{RootCAs: a.Roots(), MinVersion: tls.VersionTLS12}
}

func client(t testing.TB, config *tls.Config) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// post sends a body and reads the whole answer.
func post(ctx context.Context, c *http.Client, url, body string) (a answer) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{err: err}
	}
	a.status, a.header = resp.StatusCode, resp.Header
	a.body, a.err = io.ReadAll(resp.Body)
	return a.closed(resp.Body)
}

func (a answer) closed(c io.Closer) answer {
	a.err = errors.Join(a.err, c.Close())
	return a
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

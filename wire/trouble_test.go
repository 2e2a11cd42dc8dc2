package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

// short is a timeout that is waited for.
const short = 150 * time.Millisecond

func TestEveryKindOfTroubleIsTold(t *testing.T) {
	noLeaks(t)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	trusted := httptest.NewTLSServer(ok)
	defer trusted.Close()
	old := httptest.NewUnstartedServer(ok)
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	trusted.Config.ErrorLog = old.Config.ErrorLog

	const partial = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
	for name, c := range map[string]struct {
		url      string
		serve    func(*net.TCPConn)
		timeout  time.Duration
		insecure bool
		trouble  wire.Trouble
		status   int
	}{
		"refused":      {url: "http://" + refusedAddress(t), trouble: wire.NotReached},
		"unknown host": {url: "http://no..host", trouble: wire.NotReached},
		"unusable URL": {url: "http://127.0.0.1:port", trouble: wire.NotReached},

		"https to a server without TLS":   {url: "https://", serve: greeting("HTTP/1.0 400 Bad Request\r\n\r\n"), trouble: wire.BadTLS},
		"certificate of nobody":           {url: trusted.URL, trouble: wire.BadTLS},
		"certificate of nobody, insecure": {url: trusted.URL, insecure: true, trouble: wire.None, status: 204},
		"no TLS version in common":        {url: old.URL, insecure: true, trouble: wire.BadTLS},
		"closed in the TLS handshake":     {url: "https://", serve: func(*net.TCPConn) {}, trouble: wire.BadTLS},
		"http to a server with TLS":       {url: strings.Replace(trusted.URL, "https", "http", 1), trouble: wire.None, status: 400},

		"no answer":               {serve: holding(""), timeout: short, trouble: wire.TimedOut},
		"half a head":             {serve: holding("HTTP/1.1 200 OK\r\nA: b"), timeout: short, trouble: wire.TimedOut},
		"half a body":             {serve: holding(partial), timeout: short, trouble: wire.TimedOut, status: 200},
		"a body without an end":   {serve: holding("HTTP/1.1 200 OK\r\n\r\nabc"), timeout: short, trouble: wire.TimedOut, status: 200},
		"no TLS handshake":        {url: "https://", serve: func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }, timeout: short, trouble: wire.TimedOut},
		"another protocol, open":  {serve: holding("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), trouble: wire.None, status: 101},
		"interim answers, no end": {serve: holding("HTTP/1.1 102 Processing\r\n\r\n"), timeout: short, trouble: wire.TimedOut},

		"closed at once":       {serve: func(*net.TCPConn) {}, trouble: wire.BrokenOff},
		"reset after reading":  {serve: resetting, trouble: wire.BrokenOff},
		"closed after reading": {serve: answering(t, ""), trouble: wire.BrokenOff},
		"closed in the head":   {serve: answering(t, "HTTP/1.1 200 OK\r\nA: b"), trouble: wire.BrokenOff},
		"closed in the body":   {serve: answering(t, partial), trouble: wire.BrokenOff, status: 200},
		"closed in a chunk": {
			serve:   answering(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
			trouble: wire.BrokenOff, status: 200,
		},

		"another protocol":  {serve: answering(t, "220 mail.example.com ESMTP\r\n"), trouble: wire.NotHTTP},
		"no status":         {serve: answering(t, "HTTP/1.1 OK\r\n\r\n"), trouble: wire.NotHTTP},
		"a broken header":   {serve: answering(t, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), trouble: wire.NotHTTP},
		"an endless header": {serve: answering(t, "HTTP/1.1 200 OK\r\nA: "+strings.Repeat("a", 2<<20)), trouble: wire.NotHTTP},

		"a complete answer": {serve: answering(t, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), trouble: wire.None, status: 500},
		"HTTP/1.0":          {serve: answering(t, "HTTP/1.0 200 OK\r\n\r\nbody"), trouble: wire.None, status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			url, timeout := c.url, c.timeout
			if c.serve != nil {
				if url == "" {
					url = "http://"
				}
				url += listen(t, c.serve)
			}
			if timeout == 0 {
				timeout = patience
			}
			cl := client(t, timeout, "", c.insecure)
			x := cl.Send(t.Context(), post(url+"/?token=hush", "{}"))
			if x.Trouble != c.trouble || x.Status != c.status {
				t.Fatalf("trouble %q and status %d, want %q and %d (%v)", x.Trouble, x.Status, c.trouble, c.status, x.Err)
			}
			if (x.Err == nil) != (x.Trouble == wire.None) {
				t.Errorf("trouble %q with the error %v", x.Trouble, x.Err)
			}
			if x.Err != nil && strings.Contains(x.Err.Error(), "hush") {
				t.Errorf("the error tells the query: %v", x.Err)
			}
			if x.Trouble == wire.TimedOut && x.Took < timeout {
				t.Errorf("it took %s of %s", x.Took, timeout)
			}
			if x.Started.IsZero() || x.Took <= 0 {
				t.Errorf("started %s, took %s", x.Started, x.Took)
			}
		})
	}
}

// An interrupted run is no finding about the target, whatever the connection died of.
func TestInterruptedExchangeIsStopped(t *testing.T) {
	for name, answer := range map[string]string{
		"before an answer": "",
		"within an answer": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			ctx, cancel := context.WithCancel(t.Context())
			url := "http://" + listen(t, func(conn *net.TCPConn) {
				if _, err := readRequest(conn); err != nil {
					t.Errorf("the server read no request: %v", err)
				}
				if _, err := io.WriteString(conn, answer); err != nil {
					t.Errorf("the server could not write: %v", err)
				}
				// How much of the answer the client has read by now makes no difference.
				cancel()
				_, _ = io.Copy(io.Discard, conn)
			})
			if x := client(t, patience, "", false).Send(ctx, post(url, "{}")); x.Trouble != wire.Stopped || x.Err == nil {
				t.Errorf("trouble %q, error %v", x.Trouble, x.Err)
			}
		})
	}
	t.Run("before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := client(t, patience, "", false)
		if x := c.Send(ctx, post("http://"+refusedAddress(t), "{}")); x.Trouble != wire.Stopped {
			t.Errorf("Send: trouble %q", x.Trouble)
		}
		if x := c.SendCut(ctx, post("http://"+refusedAddress(t), "{}"), 1); x.Trouble != wire.Stopped {
			t.Errorf("SendCut: trouble %q", x.Trouble)
		}
		if trouble, err := c.Reach(ctx, "http://"+refusedAddress(t)); trouble != wire.Stopped || err == nil {
			t.Errorf("Reach: trouble %q, error %v", trouble, err)
		}
	})
}

func TestReachTellsWhyATargetIsOutOfReach(t *testing.T) {
	noLeaks(t)
	trusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer trusted.Close()
	trusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	plain := listen(t, func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) })
	for name, c := range map[string]struct {
		url     string
		timeout time.Duration
		want    wire.Trouble
	}{
		"there":                 {"http://" + plain + "/path?q", patience, wire.None},
		"refused":               {"http://" + refusedAddress(t), patience, wire.NotReached},
		"unknown host":          {"http://no..host", patience, wire.NotReached},
		"certificate of nobody": {trusted.URL, patience, wire.BadTLS},
		"no TLS handshake":      {"https://" + plain, short, wire.TimedOut},
		"closed in handshake":   {"https://" + listen(t, func(*net.TCPConn) {}), patience, wire.BadTLS},
	} {
		t.Run(name, func(t *testing.T) {
			trouble, err := client(t, c.timeout, "", false).Reach(t.Context(), c.url)
			if trouble != c.want || (err == nil) != (c.want == wire.None) {
				t.Errorf("trouble %q (%v), want %q", trouble, err, c.want)
			}
		})
	}
}

func TestCutThatCouldNotBeSentIsNotCalledACut(t *testing.T) {
	x := client(t, patience, "", false).SendCut(t.Context(), post("http://"+refusedAddress(t), "{}"), 1)
	if x.Trouble != wire.NotReached || errors.Is(x.Err, wire.ErrCut) {
		t.Errorf("trouble %q, error %v", x.Trouble, x.Err)
	}
}

// greeting writes these bytes without waiting for a request.
func greeting(text string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		if _, err := io.WriteString(conn, text); err == nil {
			_, _ = io.Copy(io.Discard, conn)
		}
	}
}

// resetting reads one request and ends the connection with a reset instead of an orderly close.
func resetting(conn *net.TCPConn) {
	if _, err := readRequest(conn); err == nil {
		_ = conn.SetLinger(0)
	}
}

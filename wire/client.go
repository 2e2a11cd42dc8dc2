// Package wire makes one HTTP exchange and keeps what went over the wire, for evidence. It knows nothing of events or
// signatures; what to send is decided by emitter and mockmeta, and what it means by the suites.
package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxAnswer is how much of an answer's body is read, in bytes. The contract gives the body no meaning (documentation:
// overview), so the rest is left unread and the connection is closed.
const maxAnswer = 1 << 20

// Trouble is why an attempt has no complete answer.
type Trouble string

// The troubles.
const (
	// None: there is a complete answer.
	None Trouble = ""
	// NotReached: no connection came about: refused, no route, an unknown host.
	NotReached Trouble = "not-reached"
	// BadTLS: the TLS handshake failed.
	BadTLS Trouble = "bad-tls"
	// TimedOut: the time for the whole exchange ran out.
	TimedOut Trouble = "timed-out"
	// BrokenOff: the connection ended before the answer did.
	BrokenOff Trouble = "broken-off"
	// NotHTTP: what came back is not an HTTP answer.
	NotHTTP Trouble = "not-http"
	// Stopped: the run was interrupted.
	Stopped Trouble = "stopped"
)

// Field is one header line, its name as it is written on the wire.
type Field struct{ Name, Value string }

// Request is one request, ready to be sent.
type Request struct {
	Method string
	URL    string
	Header []Field
	Body   []byte
}

// Wire returns the request itself; whatever embeds a Request can so be sent.
func (r Request) Wire() Request { return r }

// Exchange is one request and what came of it.
type Exchange struct {
	Request Request
	Started time.Time
	// Took is the time from the start to the end of the answer, connecting included.
	Took time.Duration
	// Reused says that the connection had carried an earlier request.
	Reused bool

	// Status is 0 where there was no answer.
	Status int
	Proto  string
	Header http.Header
	// Body is the beginning of the answer's body, BodyCut says that there was more.
	Body    []byte
	BodyCut bool

	Trouble Trouble
	// Err is the transport's error, without the URL; nil where there is a complete answer.
	Err error
}

// Acknowledged reports whether the answer is a 2xx, the only success there is (documentation: retry).
func (x Exchange) Acknowledged() bool { return x.Trouble == None && x.Status >= 200 && x.Status <= 299 }

// Client sends requests. It never follows a redirect. It is safe for concurrent use.
type Client struct {
	timeout time.Duration
	tls     *tls.Config
	// shared is the transport of SendReusing; Send makes one for itself.
	shared *http.Transport
}

// Option changes how a client connects.
type Option func(*Client)

// WithClientCertificate makes the client show a certificate to every server that asks for one, whatever authorities
// the server names: a sender with one certificate has no other to choose, and whether it is good is the server's to say.
func WithClientCertificate(cert tls.Certificate) Option {
	return func(c *Client) {
		c.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
}

// NewClient returns a client whose exchanges end after the timeout. ca is a PEM file of additional roots, or empty.
func NewClient(timeout time.Duration, ca string, insecure bool, options ...Option) (*Client, error) {
	c := &Client{timeout: timeout, tls: &tls.Config{InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12}}
	if ca != "" {
		var err error
		if c.tls.RootCAs, err = Roots(ca); err != nil {
			return nil, err
		}
	}
	for _, option := range options {
		option(c)
	}
	c.shared = c.transport()
	return c, nil
}

func (c *Client) transport() *http.Transport {
	return &http.Transport{
		// No proxy: what the target is sent, and what it answers, must be what the evidence says.
		DialTLSContext:         c.dialTLS,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxAnswer,
		// HTTP/1.1 only: the documentation promises no more, and header names keep their case.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// maxRoots bounds the file of roots; the whole of a system's certificates is a quarter of it.
const maxRoots = 1 << 20

// Roots returns the system's roots and those of a PEM file.
func Roots(file string) (*x509.CertPool, error) {
	pem, err := readRoots(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	return roots, nil
}

func readRoots(path string) (pem []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	pem, err = io.ReadAll(io.LimitReader(f, maxRoots+1))
	if err == nil && len(pem) > maxRoots {
		err = fmt.Errorf("%s is larger than %d bytes, which no file of roots is", path, maxRoots)
	}
	return pem, err
}

// HTTP returns a plain client with the same TLS configuration and, like this one, without a proxy: for requests to the
// target that are no evidence.
func (c *Client) HTTP(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: c.transport()}
}

// TLS returns the client's TLS configuration, for another client of the same target.
func (c *Client) TLS() *tls.Config { return c.tls.Clone() }

// Close drops the connections that SendReusing kept.
func (c *Client) Close() { c.shared.CloseIdleConnections() }

// Send sends the request on a connection of its own: a connection that was kept could be closed by the target at any
// moment, and that would look like a broken answer.
func (c *Client) Send(ctx context.Context, r Request) Exchange {
	t := c.transport()
	defer t.CloseIdleConnections()
	return c.send(ctx, t, r)
}

// SendReusing sends the request on a kept connection where there is one.
func (c *Client) SendReusing(ctx context.Context, r Request) Exchange {
	return c.send(ctx, c.shared, r)
}

func (c *Client) send(ctx context.Context, t *http.Transport, r Request) Exchange {
	x := Exchange{Request: r, Started: time.Now()}
	// The whole exchange counts against the time, not only the wait for the headers (reading Q16).
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var answered atomic.Bool
	finish := func(trouble Trouble, err error) Exchange {
		x.Took = time.Since(x.Started)
		if err != nil {
			x.Err = withoutURL(err)
			x.Trouble = trouble
			if trouble == None {
				x.Trouble = classify(ctx, limited, err)
			}
			// net/http has an unexported error for a connection that ends before the request was even written.
			if x.Trouble == NotHTTP && !answered.Load() {
				x.Trouble = BrokenOff
			}
			if x.Trouble == TimedOut {
				x.Err = fmt.Errorf("no complete answer within %s", c.timeout)
			}
		}
		return x
	}
	trace := &httptrace.ClientTrace{
		GotConn:              func(info httptrace.GotConnInfo) { x.Reused = info.Reused },
		GotFirstResponseByte: func() { answered.Store(true) },
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(limited, trace), r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return finish(NotReached, err)
	}
	for _, f := range r.Header {
		// Assigned, not Set: Set would change the name's case.
		req.Header[f.Name] = append(req.Header[f.Name], f.Value)
		if !strings.EqualFold(f.Name, "User-Agent") {
			continue
		}
		if f.Name != "User-Agent" {
			// net/http adds its own User-Agent unless the canonical name is there; nil suppresses that.
			req.Header["User-Agent"] = nil
		}
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return finish(None, err)
	}
	x.Status, x.Proto, x.Header = resp.StatusCode, resp.Proto, resp.Header
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// What follows is another protocol that nobody asked for, and net/http lets no timeout end the reading of it.
		return finish(None, resp.Body.Close())
	}
	x.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if len(x.Body) > maxAnswer {
		x.Body, x.BodyCut = x.Body[:maxAnswer], true
	}
	if closeErr := resp.Body.Close(); err == nil && !x.BodyCut {
		err = closeErr
	}
	return finish(None, err)
}

// classify names the trouble behind an error of net/http, by its type and never by its text.
func classify(outer, limited context.Context, err error) Trouble {
	var op *net.OpError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var handshake handshakeError
	switch {
	case outer.Err() != nil:
		return Stopped
	case errors.As(err, &handshake) && limited.Err() == nil, errors.As(err, &record), errors.As(err, &alert),
		errors.As(err, &op) && op.Op == "remote error":
		// crypto/tls names an alert from the other side so. It may come after the client's part of the handshake: a
		// server refuses a client certificate of TLS 1.3 only then.
		return BadTLS
	case errors.As(err, &dns), errors.As(err, &op) && op.Op == "dial":
		return NotReached
	case limited.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return BrokenOff
	default:
		return NotHTTP
	}
}

// withoutURL drops the URL that net/http puts before an error: it may hold a token.
func withoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// SendTogether sends the requests at the same instant, each on a connection of its own, and returns the exchanges in
// the order of the requests.
func (c *Client) SendTogether(ctx context.Context, requests []Request) []Exchange {
	out := make([]Exchange, len(requests))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, r := range requests {
		wg.Go(func() {
			<-start
			out[i] = c.Send(ctx, r)
		})
	}
	close(start)
	wg.Wait()
	return out
}

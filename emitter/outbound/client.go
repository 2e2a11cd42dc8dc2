// Package outbound sends deliveries over HTTP: one request each, never redirected, bounded in time and size, and only
// to addresses that the guard allows. When to send, what an answer means, and how to sign belong in pipeline.
//
// Connections are kept, and HTTP/2 is used where a subscriber offers it; the contract leaves both open (reading Q24).
package outbound

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// The limits of an exchange.
const (
	// maxHeader bounds the head of an answer, in bytes.
	maxHeader = 64 << 10
	// maxBody is how much of an answer's body is read, in bytes. The contract gives it no meaning; a longer one costs
	// its connection, because reading on would be the dearer way to keep it.
	maxBody = 64 << 10
	// connectTimeout bounds connecting and the TLS handshake apart from the exchange: net/http goes on connecting when
	// the exchange that asked for it has ended.
	connectTimeout = 10 * time.Second
	// idleTimeout is how long an unused connection is kept. Common servers end theirs after 5 s (Node, Apache), so
	// that the subscriber is seldom the one to close.
	idleTimeout = 4 * time.Second
	// maxIdle bounds the unused connections to all subscribers together.
	maxIdle = 4096
	// A connection of HTTP/2 carries every delivery of a subscriber, so a dead one has to be noticed: it is asked after
	// pingAfter of silence and given up pingTimeout later.
	pingAfter   = 5 * time.Second
	pingTimeout = 5 * time.Second
	// sessions is how many TLS sessions are remembered for resumption.
	sessions = 1024
)

// DefaultIdlePerHost is the number of unused connections kept to one host: as many as a lane sends at once.
const DefaultIdlePerHost = 16

// Config says how deliveries are sent.
type Config struct {
	// Policy says which addresses may be connected to; it must not be nil.
	Policy *guard.Policy
	// Control, where it is set, is asked about every connection instead of the policy's.
	Control func(network, address string, c syscall.RawConn) error
	// Roots are the certificate authorities that subscribers are trusted by; nil means the system's.
	Roots *x509.CertPool
	// MaxIdlePerHost is how many unused connections to one host are kept; 0 means DefaultIdlePerHost.
	MaxIdlePerHost int
	// Prepare, where it is set, may change how a request is framed, such as by closing the connection after it.
	Prepare func(*http.Request)
}

// Client is the pipeline's Sender. It is safe for concurrent use.
type Client struct {
	policy    *guard.Policy
	prepare   func(*http.Request)
	transport *http.Transport
}

// New returns a client.
func New(c Config) *Client {
	if c.MaxIdlePerHost == 0 {
		c.MaxIdlePerHost = DefaultIdlePerHost
	}
	d := newDialer(c)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &Client{
		policy: c.Policy, prepare: c.Prepare,
		transport: &http.Transport{
			// No proxy: the guard could not see where a connection leads.
			DialContext:            d.dial,
			DialTLSContext:         d.dialTLS,
			Protocols:              protocols,
			DisableCompression:     true,
			MaxIdleConns:           maxIdle,
			MaxIdleConnsPerHost:    c.MaxIdlePerHost,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxHeader,
			HTTP2: &http.HTTP2Config{
				SendPingTimeout: pingAfter, PingTimeout: pingTimeout, WriteByteTimeout: connectTimeout,
			},
		},
	}
}

// Close drops the unused connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Send makes one attempt by POST. The context bounds the whole exchange, the answer's body included. Header names go out
// as they stand, over HTTP/2 in lower case; Host and Content-Length follow from the URL and the body. Where the answer
// broke off, the response holds its status as well as the error.
//
// A request is sent once. It is begun anew only where it is certain that the subscriber cannot have acted on it: nothing
// of it was written (see kept.go), or HTTP/2 said that the stream was refused. Once a byte is written, a connection that
// ends without an answer is a failed attempt, also a kept one: whether the subscriber closed it before the request came
// or after acting on it cannot be told apart, and a second request within one attempt would be a duplicate that no
// record explains. So nothing here sets an Idempotency-Key, which would make net/http take that risk.
func (c *Client) Send(ctx context.Context, r pipeline.Request) pipeline.Response {
	var resp *http.Response
	for {
		w := newWatch()
		req, err := c.request(httptrace.WithClientTrace(ctx, &w.trace), r)
		if err != nil {
			return failed(ctx, pipeline.Response{}, err)
		}
		resp, err = c.transport.RoundTrip(req)
		if err == nil {
			break
		}
		// Each round costs a kept connection, and there are few.
		if ctx.Err() != nil || !w.untouched() {
			return failed(ctx, pipeline.Response{}, err)
		}
	}
	out := pipeline.Response{Status: resp.StatusCode, Header: resp.Header}
	var err error
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// What follows is another protocol that nobody asked for, and net/http lets no timeout end the reading of it.
		err = resp.Body.Close()
	} else {
		out.Body, err = readBody(resp)
	}
	if err != nil {
		return failed(ctx, out, err)
	}
	return out
}

// request makes net/http's request.
func (c *Client) request(ctx context.Context, r pipeline.Request) (*http.Request, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	if !c.policy.AllowsScheme(u.Scheme) {
		// A database from a run in development may hold such a subscription.
		return nil, &guard.Refused{Rule: guard.Scheme, Detail: "the url's scheme is not https"}
	}
	header := make(http.Header, len(r.Header)+1)
	values := make([]string, len(r.Header))
	for i, f := range r.Header {
		// Assigned, not Set: Set would change the name's case.
		values[i] = f.Value
		if before, twice := header[f.Name]; twice {
			header[f.Name] = append(before, f.Value)
		} else {
			header[f.Name] = values[i : i+1 : i+1]
		}
		if f.Name != userAgent && strings.EqualFold(f.Name, userAgent) {
			// net/http adds its own unless the canonical name is there; nil suppresses that.
			header[userAgent] = nil
		}
	}
	// GetBody lets net/http begin anew where HTTP/2 refused the stream.
	body := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
	req := &http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(r.Body)), Body: http.NoBody, GetBody: body,
	}
	if len(r.Body) > 0 {
		// The error of this body is always nil.
		req.Body, _ = body()
	}
	if c.prepare != nil {
		c.prepare(req)
	}
	return req.WithContext(ctx), nil
}

const userAgent = "User-Agent"

// readBody reads the answer's body within the limit. A body that is longer is no error.
func readBody(resp *http.Response) ([]byte, error) {
	// Closing before the end drops the connection; what closing says does not matter then, nor after the end.
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength == 0 {
		return nil, nil
	}
	size := resp.ContentLength
	if size < 0 {
		size = unannounced
	}
	// One byte more than announced, so that the read which meets the end needs no more room.
	body := make([]byte, 0, min(size, maxBody)+1)
	for {
		n, err := resp.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > maxBody:
			return body[:maxBody], nil
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			body = slices.Grow(body, min(len(body), maxBody+1-len(body)))
		}
	}
}

// unannounced is the room made at first for a body whose length is not announced, in bytes.
const unannounced = 512

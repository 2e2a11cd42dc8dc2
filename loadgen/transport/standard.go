package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/attack"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
)

// Standard sends over net/http: for TLS and for HTTP/2. It is safe for concurrent use.
type Standard struct {
	url       *url.URL
	timeout   time.Duration
	transport *http.Transport
}

// NewStandard returns a transport to a URL. With http2 it speaks HTTP/2 only, over plain http with prior knowledge;
// without, HTTP/1.1 only.
func NewStandard(target string, timeout time.Duration, config *tls.Config, connections int, http2 bool) (*Standard, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("the target's URL cannot be read")
	}
	if http2 && u.Scheme == "https" {
		config = onlyHTTP2(config)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2 && u.Scheme == "https")
	protocols.SetUnencryptedHTTP2(http2 && u.Scheme == "http")
	s := &Standard{url: u, timeout: timeout, transport: &http.Transport{
		// No proxy: it would be measured with the target.
		TLSClientConfig:        config,
		Protocols:              protocols,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    connections,
		MaxConnsPerHost:        connections,
		MaxResponseHeaderBytes: maxHead,
	}}
	if u.Scheme == "https" {
		s.transport.TLSHandshakeTimeout = timeout
	}
	return s, nil
}

// onlyHTTP2 refuses a target that does not take HTTP/2 when it is offered: net/http would go on over HTTP/1.1, and the
// report would tell of a protocol that nobody spoke.
func onlyHTTP2(config *tls.Config) *tls.Config {
	if config == nil {
		config = new(tls.Config)
	}
	config = config.Clone()
	before := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if state.NegotiatedProtocol != "h2" {
			return errors.New("the target does not speak HTTP/2 over TLS: it did not choose h2 (ALPN)")
		}
		if before == nil {
			return nil
		}
		return before(state)
	}
	return config
}

// Exchange sends a delivery and reads its answer. net/http never sends a POST again of which anything was written on a
// connection of HTTP/1.1, as long as nothing sets an Idempotency-Key; over HTTP/2 it does so where the target said that it
// refused the stream.
func (s *Standard) Exchange(ctx context.Context, d *payload.Delivery) attack.Answer {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var connected, handshaking atomic.Bool
	trace := &httptrace.ClientTrace{
		GotConn:           func(httptrace.GotConnInfo) { connected.Store(true) },
		TLSHandshakeStart: func() { handshaking.Store(true) },
		TLSHandshakeDone:  func(_ tls.ConnectionState, err error) { handshaking.Store(err != nil) },
	}
	answer, err := s.exchange(httptrace.WithClientTrace(limited, trace), d)
	if err == nil {
		return answer
	}
	var ne net.Error
	switch {
	case limited.Err() != nil && ctx.Err() == nil, errors.As(err, &ne) && ne.Timeout() && connected.Load():
		return attack.Answer{Class: attack.Timeout, Err: fmt.Errorf("no complete answer within %s", s.timeout)}
	case handshaking.Load() && !connected.Load():
		err = handshakeError{err}
	}
	return attack.Answer{Class: classify(ctx, err, false), Err: err}
}

func (s *Standard) exchange(ctx context.Context, d *payload.Delivery) (attack.Answer, error) {
	header := make(http.Header, len(d.Header)+1)
	for _, f := range d.Header {
		// Assigned, not added: that would change the name's case.
		header[f.Name] = append(header[f.Name], f.Value)
		if f.Name != userAgent && strings.EqualFold(f.Name, userAgent) {
			// net/http adds its own unless the canonical name is there; nil suppresses that.
			header[userAgent] = nil
		}
	}
	body := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(d.Body)), nil }
	req := &http.Request{
		Method: http.MethodPost, URL: s.url, Host: s.url.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(d.Body)), GetBody: body,
	}
	// The error of this body is always nil.
	req.Body, _ = body()
	resp, err := s.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return attack.Answer{}, err
	}
	// Closing before the end drops the connection; what it says does not matter then, nor after the end.
	defer func() { _ = resp.Body.Close() }()
	answer := attack.Answer{Status: resp.StatusCode}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// What follows is another protocol, which no timeout would end.
		return answer, nil
	}
	bounded := io.LimitReader(resp.Body, maxBody)
	if answer.Body, err = io.ReadAll(io.LimitReader(bounded, kept)); err == nil {
		_, err = io.Copy(io.Discard, bounded)
	}
	return answer, err
}

const userAgent = "User-Agent"

// Close drops the unused connections.
func (s *Standard) Close() { s.transport.CloseIdleConnections() }

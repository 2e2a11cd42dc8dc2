// Package subscriber is the other end of a relay's deliveries: any number of endpoints on one listener, each scripted
// while it runs, that record every request as it came over the wire. What a request means, and whether it is right,
// belongs in the suites and in whoever listens.
package subscriber

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The limits that hold unless the configuration says otherwise.
const (
	// DefaultMaxRecords and DefaultMaxBytes bound what one endpoint keeps.
	DefaultMaxRecords = 200_000
	DefaultMaxBytes   = 512 << 20
	// DefaultMaxBody bounds one request's body; Meta's largest webhook is a tenth of it.
	DefaultMaxBody = 32 << 20
	// maxHead bounds one request's head.
	maxHead = 256 << 10
	// requestTimeout bounds the time from a request's first byte to its last, and a TLS handshake.
	requestTimeout = 60 * time.Second
	// acceptPause is the wait after a connection that could not be accepted.
	acceptPause = 10 * time.Millisecond
)

// ErrClosed is the error of waiting on a server that was closed.
var ErrClosed = errors.New("the subscriber was closed")

// Config says where subscribers listen.
type Config struct {
	// Address is where to listen; empty means a free port of 127.0.0.1.
	Address string
	// PublicURL is how others reach the listener, such as https://hooks.example.com; empty means the address itself. A
	// path in it stands before every endpoint's, and a proxy in between may take it away.
	PublicURL string
	// TLS, where it is set, makes the listener speak https. HTTP/2 is offered where NextProtos holds h2.
	TLS *tls.Config
	// MaxRecords, MaxBytes and MaxBody replace the limits above; 0 leaves them.
	MaxRecords int
	MaxBytes   int64
	MaxBody    int64
}

// Server is a listener with its endpoints.
type Server struct {
	listener   net.Listener
	base       string
	prefix     string
	tls        *tls.Config
	http2      *http2Server
	maxRecords int
	maxBytes   int64
	maxBody    int64

	// ctx ends when the server is closed. Requests are served beyond the call that began to listen.
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu        sync.RWMutex
	endpoints map[string]*Endpoint
	conns     map[net.Conn]*conn

	connections, handshakes, broken, strays atomic.Int64
}

// Stats counts what the endpoints' records do not show.
type Stats struct {
	// Connections were accepted; FailedHandshakes of them did not get past TLS.
	Connections, FailedHandshakes int64
	// Broken requests were not complete, not HTTP or too long.
	Broken int64
	// Strays were for a path without an endpoint, and answered 404.
	Strays int64
}

// Listen starts a server. The context is for listening alone; Close ends the server.
func Listen(ctx context.Context, c Config) (*Server, error) {
	if c.Address == "" {
		c.Address = "127.0.0.1:0"
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", c.Address, err)
	}
	s := &Server{
		listener: l, maxRecords: or(c.MaxRecords, DefaultMaxRecords), maxBytes: or(c.MaxBytes, DefaultMaxBytes),
		maxBody:   or(c.MaxBody, DefaultMaxBody),
		endpoints: map[string]*Endpoint{}, conns: map[net.Conn]*conn{},
	}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	scheme := "http://"
	if c.TLS != nil {
		scheme, s.tls = "https://", c.TLS.Clone()
	}
	if err := s.setBase(c.PublicURL, scheme+l.Addr().String()); err != nil {
		s.stop()
		return nil, errors.Join(err, l.Close())
	}
	s.startHTTP2()
	s.wg.Go(s.accept)
	return s, nil
}

func or[T int | int64](value, byDefault T) T {
	if value == 0 {
		return byDefault
	}
	return value
}

func (s *Server) setBase(public, own string) error {
	if public == "" {
		public = own
	}
	u, err := url.Parse(public)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("the public URL %q is not of the form https://host or https://host/path", public)
	}
	s.base = strings.TrimSuffix(public, "/")
	s.prefix = strings.TrimSuffix(u.Path, "/")
	return nil
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is where what is sent to a path has to go.
func (s *Server) URL(path string) string { return s.base + path }

// Endpoint adds an endpoint with a path of its own, which nobody can guess.
func (s *Server) Endpoint() *Endpoint { return s.EndpointAt("/" + rand.Text()) }

// EndpointAt returns the endpoint at a path, which begins with a slash, and adds it where there is none. The one at "/"
// gets every request that is for no other.
func (s *Server) EndpointAt(path string) *Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.endpoints[path]
	if e == nil {
		e = newEndpoint(s, path)
		s.endpoints[path] = e
	}
	return e
}

// Renew puts a new endpoint in the place of the one at a path. Requests that the old one has taken in are still answered
// by it, and it keeps what it recorded.
func (s *Server) Renew(path string) *Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := newEndpoint(s, path)
	s.endpoints[path] = e
	return e
}

// Remove takes an endpoint away; requests to it are strays from then on.
func (s *Server) Remove(e *Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.endpoints, e.path)
}

// find returns the endpoint that a request's target is for, or nil.
func (s *Server) find(target string) *Endpoint {
	path, _, _ := strings.Cut(target, "?")
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		// The absolute form, as proxies get it.
		path = u.Path
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.endpoints[path]; e != nil {
		return e
	}
	if rest, ok := strings.CutPrefix(path, s.prefix); ok && s.endpoints[rest] != nil {
		return s.endpoints[rest]
	}
	return s.endpoints["/"]
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	return Stats{s.connections.Load(), s.handshakes.Load(), s.broken.Load(), s.strays.Load()}
}

// CloseIdle closes the connections that wait for their next request, as servers do after a while. It returns how many.
func (s *Server) CloseIdle() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for c, state := range s.conns {
		if state.idle.Load() {
			// What the reader of the connection meets is its own affair.
			_ = c.Close()
			n++
		}
	}
	return n
}

// Close ends the server: the listener, every connection, every request that hangs, every wait.
func (s *Server) Close() error {
	if s.ctx.Err() != nil {
		s.wg.Wait()
		return nil
	}
	s.stop()
	err := errors.Join(s.listener.Close(), s.http2.server.Close())
	s.mu.Lock()
	for c := range s.conns {
		// Some have ended by themselves and say so; that is no matter.
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

// accept takes connections until the listener is closed.
func (s *Server) accept() {
	var number int64
	for {
		tcp, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of file descriptors, or a client that left at once: the next one may do better.
			if wait(acceptPause, nil, s.ctx.Done()) != nil {
				return
			}
			continue
		}
		number++
		s.connections.Add(1)
		c := &conn{server: s, tcp: tcp, net: tcp, number: number}
		if !s.track(c) {
			return
		}
		s.wg.Go(c.serve)
	}
}

// track remembers a connection, so that Close can end it; false after Close.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		// Nothing was said on it yet.
		_ = c.tcp.Close()
		return false
	}
	s.conns[c.tcp] = c
	return true
}

func (s *Server) untrack(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.tcp)
}

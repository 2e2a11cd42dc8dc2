package subscriber

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

// http2Server serves the connections whose TLS handshake chose HTTP/2, with net/http: nothing that comes over such a
// wire gets lost there except the order of header lines.
type http2Server struct {
	server http.Server
	conns  chan net.Conn
	addr   net.Addr
	ended  <-chan struct{}
}

// ending is the connection below TLS. It tells when net/http is done with it.
type ending struct {
	net.Conn
	conn    *conn
	streams atomic.Int64
	once    sync.Once
	done    chan struct{}
}

func (e *ending) Close() error {
	e.once.Do(func() { close(e.done) })
	return e.Conn.Close()
}

// connKey is the key of the connection in a request's context.
type connKey struct{}

func (s *Server) startHTTP2() {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	s.http2 = &http2Server{
		conns: make(chan net.Conn), addr: s.listener.Addr(), ended: s.ctx.Done(),
		server: http.Server{
			Handler: http.HandlerFunc(s.serveStream), Protocols: protocols, ReadHeaderTimeout: requestTimeout,
			// What clients do wrong stands in the records.
			ErrorLog: log.New(io.Discard, "", 0),
			ConnContext: func(ctx context.Context, c net.Conn) context.Context {
				return context.WithValue(ctx, connKey{}, c.(*tls.Conn).NetConn())
			},
		},
	}
	s.wg.Go(func() {
		// It ends with an error always; after Close that is net.ErrClosed.
		_ = s.http2.server.Serve(s.http2)
	})
}

// Accept gives net/http's server a connection.
func (h *http2Server) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ended:
		return nil, net.ErrClosed
	}
}

// Addr returns the listener's address.
func (h *http2Server) Addr() net.Addr { return h.addr }

// Close has nothing to do: the server's end ends it.
func (h *http2Server) Close() error { return nil }

// serve hands a connection over and returns when net/http is done with it.
func (h *http2Server) serve(secured *tls.Conn, e *ending) {
	select {
	case h.conns <- secured:
	case <-h.ended:
		return
	}
	select {
	case <-e.done:
	case <-h.ended:
	}
}

// begin counts a request in, so that Close waits for it; false after Close.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.wg.Add(1)
	return true
}

// serveStream serves one request of HTTP/2.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.wg.Done()
	d, err := s.readStream(r)
	if err != nil {
		s.broken.Add(1)
		var bad *badRequest
		if errors.As(err, &bad) {
			http.Error(w, bad.Error(), bad.status)
		}
		return
	}
	e := s.find(d.Target)
	if e == nil {
		s.strays.Add(1)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	t := e.take(ctx, d)
	status, err := answerStream(ctx, w, t)
	e.settle(t, status, err)
	if err != nil {
		// Resets the stream.
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) readStream(r *http.Request) (Delivery, error) {
	below := r.Context().Value(connKey{}).(*ending)
	d := Delivery{
		Method: r.Method, Target: r.RequestURI, Proto: r.Proto, Host: r.Host, Began: time.Now(),
		Conn: below.conn.number, OnConn: int(below.streams.Add(1)), Remote: r.RemoteAddr, TLS: true,
	}
	for name, values := range r.Header {
		for _, value := range values {
			d.Header = append(d.Header, wire.Field{Name: strings.ToLower(name), Value: value})
		}
	}
	if r.ContentLength >= 0 && r.Header.Get("Content-Length") == "" {
		d.Header = append(d.Header, wire.Field{Name: "content-length", Value: strconv.FormatInt(r.ContentLength, 10)})
	}
	slices.SortStableFunc(d.Header, func(a, b wire.Field) int { return strings.Compare(a.Name, b.Name) })
	body, err := io.ReadAll(io.LimitReader(r.Body, s.maxBody+1))
	if err == nil && int64(len(body)) > s.maxBody {
		err = tooLarge("the body", s.maxBody)
	}
	d.Body, d.Arrived = body, time.Now()
	return d, err
}

// answerStream is conn.answer for HTTP/2. The place of a fault is counted as if the head were as long as over HTTP/1; a
// fault within it comes before anything is sent, for there is no half of a head.
func answerStream(ctx context.Context, w http.ResponseWriter, t taken) (status int, err error) {
	a := t.answer
	if a.Delay > 0 {
		if err := wait(a.Delay, nil, ctx.Done()); err != nil {
			return 0, err
		}
	}
	if a.Raw != nil {
		return 0, errEnded
	}
	out := &gate{w: w}
	flush := func() error { return http.NewResponseController(w).Flush() }
	if a.Fault != NoFault {
		head := len(a.appendHead(nil, "", true))
		out.left = max(a.After-head, 0)
		out.open = func() error {
			if status != 0 && flush() != nil {
				return errLeft
			}
			if a.Fault == HangFault {
				return wait(0, t.released, ctx.Done())
			}
			return errEnded
		}
		if a.After < head {
			if err := out.end(); err != nil {
				return 0, err
			}
		}
	}
	for _, f := range a.Header {
		w.Header()[http.CanonicalHeaderKey(f.Name)] = append(w.Header()[http.CanonicalHeaderKey(f.Name)], f.Value)
	}
	if !a.bodyless() && !has(a.Header, "Content-Length") {
		w.Header().Set("Content-Length", strconv.FormatInt(a.length(), 10))
	}
	status = a.status()
	w.WriteHeader(status)
	if !a.bodyless() && t.delivery.Method != http.MethodHead {
		err = a.writeBody(out, func() error {
			if flush() != nil {
				return errLeft
			}
			return wait(a.Pace, nil, ctx.Done())
		})
	}
	if err == nil {
		err = out.end()
	}
	return status, err
}

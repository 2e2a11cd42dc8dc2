package subscriber

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// conn is one connection of HTTP/1. It has a server of its own, because net/http's neither keeps what came over the wire
// nor lets anything go wrong on purpose.
type conn struct {
	server *Server
	tcp    net.Conn // what CloseIdle and Close close, and resets are made on
	net    net.Conn // the same, or TLS over it
	number int64
	count  int
	idle   atomic.Bool

	r    *bufio.Reader
	w    *bufio.Writer
	head []byte
}

// serve serves the connection to its end.
func (c *conn) serve() {
	defer func() {
		c.server.untrack(c)
		// The client has what it gets.
		_ = c.net.Close()
	}()
	if c.server.tls != nil {
		below := &ending{Conn: c.tcp, conn: c, done: make(chan struct{})}
		secured := tls.Server(below, c.server.tls)
		ctx, cancel := context.WithTimeout(c.server.ctx, requestTimeout)
		err := secured.HandshakeContext(ctx)
		cancel()
		if err != nil {
			c.server.handshakes.Add(1)
			return
		}
		c.net = secured
		if secured.ConnectionState().NegotiatedProtocol == "h2" {
			c.server.http2.serve(secured, below)
			return
		}
	}
	c.r, c.w = bufio.NewReaderSize(c.net, bufferSize), bufio.NewWriterSize(c.net, bufferSize)
	for c.one() {
	}
}

// tlsHandshake is the first byte of a client that speaks TLS (RFC 8446, section 5.1).
const tlsHandshake = 0x16

// bufferSize holds a usual request, and a usual answer, whole.
const bufferSize = 8 << 10

// one serves one request; false means that the connection is at its end.
func (c *conn) one() bool {
	c.idle.Store(true)
	// As long as the client likes; Close and CloseIdle end the wait.
	first, err := c.r.Peek(1)
	if err != nil {
		return false
	}
	c.idle.Store(false)
	if first[0] == tlsHandshake {
		// It would never send the end of a line.
		c.server.broken.Add(1)
		c.refuse(bad("this is http, and the client speaks TLS"))
		return false
	}
	began := time.Now()
	if c.net.SetReadDeadline(began.Add(requestTimeout)) != nil {
		return false
	}
	req, err := c.readRequest()
	if err != nil {
		c.server.broken.Add(1)
		c.refuse(err)
		return false
	}
	if c.net.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	c.count++
	d := req.delivery
	d.Began, d.Arrived = began, time.Now()
	d.Conn, d.OnConn, d.Remote, d.TLS = c.number, c.count, c.tcp.RemoteAddr().String(), c.server.tls != nil
	e := c.server.find(d.Target)
	if e == nil {
		c.server.strays.Add(1)
		_, err = c.answer(Status(http.StatusNotFound), d, req.keep, nil)
		return err == nil && req.keep
	}
	t := e.take(c.server.ctx, d)
	status := 0
	if t.answer.Delay > 0 {
		err = c.pause(t.answer.Delay, nil)
	}
	keep := req.keep && !t.answer.Last
	if err == nil {
		status, err = c.answer(t.answer, t.delivery, keep, t.released)
	}
	e.settle(t, status, err)
	return err == nil && keep
}

// refuse answers a request that cannot be read, where that is of any use.
func (c *conn) refuse(err error) {
	var bad *badRequest
	if !errors.As(err, &bad) {
		// The connection ended.
		return
	}
	// The client may be gone as well.
	_, _ = c.answer(Answer{Status: bad.status, Body: []byte(bad.Error() + "\n")}, Delivery{}, false, nil)
}

// The ends of an answer that is not given whole.
var (
	// errLeft: the client went away, or the server was closed.
	errLeft = errors.New("the client went away")
	// errEnded: the connection was ended on purpose.
	errEnded = errors.New("ended on purpose")
)

// answer writes an answer and carries out its fault. It returns the status where the head was written. After an error
// the connection is at its end.
func (c *conn) answer(a Answer, d Delivery, keep bool, released <-chan struct{}) (status int, err error) {
	if a.Raw != nil {
		if _, err := c.w.Write(a.Raw); err != nil {
			return 0, errLeft
		}
		if c.w.Flush() != nil {
			return 0, errLeft
		}
		return 0, errEnded
	}
	w := &gate{w: c.w}
	if a.Fault != NoFault {
		w.left, w.open = a.After, func() error { return c.fault(a.Fault, released) }
	}
	c.head = a.appendHead(c.head[:0], d.Proto, keep)
	if _, err := w.Write(c.head); err != nil {
		return 0, err
	}
	pause := func() error {
		if c.w.Flush() != nil {
			return errLeft
		}
		return c.pause(a.Pace, nil)
	}
	if !a.bodyless() && d.Method != http.MethodHead {
		err = a.writeBody(w, pause)
	}
	if err == nil {
		err = w.end()
	}
	if err == nil && c.w.Flush() != nil {
		err = errLeft
	}
	return a.status(), err
}

// fault fails at the place of the answer's fault. What was written before goes out. It returns nil where the answer goes
// on.
func (c *conn) fault(f Fault, released <-chan struct{}) error {
	if c.w.Flush() != nil {
		return errLeft
	}
	switch f {
	case HangFault:
		return c.pause(0, released)
	case ResetFault:
		if tcp, ok := c.tcp.(*net.TCPConn); ok {
			// Closing then sends a reset. Where it cannot be had, a close has to do.
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		}
		return errEnded
	case CloseFault:
		return errEnded
	case NoFault:
	}
	return nil
}

// pause waits for the time to pass, where d is not 0, or for the release, where there is one. It returns errLeft when
// the client went away; closing the server looks the same, because it closes the connection.
func (c *conn) pause(d time.Duration, released <-chan struct{}) error {
	gone, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		// A byte is the next request, come early; then nothing tells when the client leaves.
		if _, err := c.r.Peek(1); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			close(gone)
		}
	}()
	err := wait(d, released, gone)
	// A deadline in the past ends the watch. An error means that the connection is at its end; the next write tells.
	_ = c.net.SetReadDeadline(time.Unix(1, 0))
	<-watched
	_ = c.net.SetReadDeadline(time.Time{})
	return err
}

// wait waits for the time, where d is not 0, or the release; errLeft when the client is gone first.
func wait(d time.Duration, released, gone <-chan struct{}) error {
	var timer <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-timer:
	case <-released:
	case <-gone:
		return errLeft
	}
	return nil
}

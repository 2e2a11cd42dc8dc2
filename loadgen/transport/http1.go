// Package transport sends the deliveries of a load run: over lean kept connections of HTTP/1.1, and over net/http where
// TLS or HTTP/2 is asked for. A delivery is sent once; nothing here tries again what the target may have seen.
package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/kirimcheck/kirimcheck/loadgen/attack"
	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/wire"
)

// The limits of an answer, in bytes. The contract gives its body no meaning; a longer one costs its connection, because
// reading on would be the dearer way to keep it.
const (
	maxHead = 64 << 10
	maxBody = 1 << 20
	// kept is how much of a body stays, as evidence.
	kept = 256
)

const (
	// trustedFor is how long an unused connection is taken as it is. One that waited longer is looked at before it is
	// used: servers close theirs after seconds, and a request into a closed connection would be billed to a target that
	// never saw it.
	trustedFor = 100 * time.Millisecond
	// together is the size of a request up to which it is written in one go before the answer is read. A larger one may
	// not fit into the buffers in between, and a target that answers before it has read everything would never be heard.
	together = 32 << 10
	// earlyAnswer is how long an answer is still waited for when the request could not be written to its end.
	earlyAnswer = 100 * time.Millisecond
	// maxInterim bounds the 1xx answers ahead of the real one, as in net/http.
	maxInterim = 5
)

// HTTP1 sends over kept connections of plain HTTP/1.1, each used by one delivery at a time. Requests go out byte for byte
// as they were encoded ahead. It is safe for concurrent use.
type HTTP1 struct {
	address string
	head    string
	timeout time.Duration
	dialer  net.Dialer

	mu sync.Mutex
	// idle are the unused connections, the one used last at the end: the fewer are in turn, the fresher they are.
	idle    []*conn
	open    map[*conn]struct{}
	unwatch func() bool
}

// NewHTTP1 returns a transport to a plain http URL. An exchange, connecting included, ends after the timeout. When the
// context ends, so does every exchange under way.
func NewHTTP1(ctx context.Context, target string, timeout time.Duration) (*HTTP1, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, errors.New("the transport for plain HTTP/1.1 needs an http URL")
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	t := &HTTP1{
		address: net.JoinHostPort(u.Hostname(), port), timeout: timeout, open: map[*conn]struct{}{},
		head: fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\n", u.RequestURI(), u.Host),
	}
	t.unwatch = context.AfterFunc(ctx, t.stop)
	return t, nil
}

// Encode makes the bytes of a request: the request line and Host, the header in its order and as it is written, the
// length, and the body.
func (t *HTTP1) Encode(header []wire.Field, body []byte) []byte {
	const around = len(": \r\n")
	size := len(t.head) + len(body) + 64
	for _, f := range header {
		size += len(f.Name) + len(f.Value) + around
	}
	out := append(make([]byte, 0, size), t.head...)
	for _, f := range header {
		out = append(append(append(append(out, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	out = append(out, "Content-Length: "...)
	out = append(strconv.AppendInt(out, int64(len(body)), 10), "\r\n\r\n"...)
	return append(out, body...)
}

// Exchange sends a delivery and reads its answer.
func (t *HTTP1) Exchange(ctx context.Context, d *payload.Delivery) attack.Answer {
	deadline := time.Now().Add(t.timeout)
	c, err := t.connection(ctx, deadline)
	if err == nil {
		err = c.SetDeadline(deadline)
	}
	if err != nil {
		if c != nil {
			t.drop(c)
		}
		return t.failed(ctx, err, true)
	}
	// The stop may have come between the look at the context and the new deadline, which took its place.
	if ctx.Err() != nil {
		t.drop(c)
		return t.failed(ctx, ctx.Err(), false)
	}
	answer, reusable, err := c.exchange(d.Raw)
	if err != nil {
		t.drop(c)
		return t.failed(ctx, err, false)
	}
	if reusable {
		t.keep(c)
	} else {
		t.drop(c)
	}
	return answer
}

// failed turns an error into an answer.
func (t *HTTP1) failed(ctx context.Context, err error, dialing bool) attack.Answer {
	class := classify(ctx, err, dialing)
	if class == attack.Timeout {
		err = fmt.Errorf("no complete answer within %s", t.timeout)
	}
	return attack.Answer{Class: class, Err: err}
}

// connection returns an unused connection, or a new one.
func (t *HTTP1) connection(ctx context.Context, deadline time.Time) (*conn, error) {
	now := time.Now()
	for {
		c := t.unused()
		if c == nil {
			return t.dial(ctx, deadline)
		}
		if now.Sub(c.since) < trustedFor || !c.closedByPeer() {
			return c, nil
		}
		t.drop(c)
	}
}

func (t *HTTP1) unused() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.idle)
	if n == 0 {
		return nil
	}
	c := t.idle[n-1]
	t.idle = t.idle[:n-1]
	return c
}

func (t *HTTP1) dial(ctx context.Context, deadline time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	plain, err := t.dialer.DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	c := newConn(plain)
	t.mu.Lock()
	t.open[c] = struct{}{}
	t.mu.Unlock()
	return c, nil
}

func (t *HTTP1) keep(c *conn) {
	c.since = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = append(t.idle, c)
}

// drop closes a connection. What closing says does not matter any more.
func (t *HTTP1) drop(c *conn) {
	_ = c.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c)
}

// stop ends every exchange under way.
func (t *HTTP1) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.open {
		// A connection that cannot be stopped is closed already.
		_ = c.SetDeadline(time.Unix(1, 0))
	}
}

// Close drops every connection. No exchange may be under way.
func (t *HTTP1) Close() {
	t.unwatch()
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.open {
		_ = c.Close()
	}
	clear(t.open)
	t.idle = nil
}

// conn is one connection.
type conn struct {
	net.Conn
	reader *bufio.Reader
	// left is how many more bytes of an answer may be read.
	left int
	// since is when it was last used.
	since time.Time
}

func newConn(plain net.Conn) *conn {
	c := &conn{Conn: plain}
	c.reader = bufio.NewReaderSize(boundedReader{c}, 4<<10)
	return c
}

// boundedReader reads from a connection what an answer may still have.
type boundedReader struct{ *conn }

// errTooLong ends the reading of an answer. In its head that is a failure; a body is cut there.
var errTooLong = errors.New("the head of the answer is longer than 64 KiB")

func (b boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// exchange writes a request and reads its answer. reusable says that the connection can carry the next one.
func (c *conn) exchange(raw []byte) (answer attack.Answer, reusable bool, err error) {
	if len(raw) <= together {
		_, written := c.Write(raw)
		if written != nil {
			return c.early(written)
		}
		return c.read()
	}
	written := make(chan error, 1)
	go func() {
		defer close(written)
		_, err := c.Write(raw)
		written <- err
		if err != nil {
			// Whoever waits for the answer to what could not be sent waits for long enough.
			_ = c.SetReadDeadline(time.Now().Add(earlyAnswer))
		}
	}()
	answer, reusable, err = c.read()
	select {
	case werr := <-written:
		if werr != nil {
			reusable = false
		}
		if werr != nil && err != nil {
			err = werr
		}
	default:
		// An answer that came before the whole request was taken: it stands, and the rest is not sent.
		reusable = false
		// Ends the writer.
		_ = c.Close()
		for range written {
			continue
		}
	}
	return answer, reusable, err
}

// early looks for the answer of a target that closed before it had read everything.
func (c *conn) early(written error) (attack.Answer, bool, error) {
	if c.SetReadDeadline(time.Now().Add(earlyAnswer)) != nil {
		return attack.Answer{}, false, written
	}
	answer, _, err := c.read()
	if err != nil {
		return attack.Answer{}, false, written
	}
	return answer, false, nil
}

// read reads one answer.
func (c *conn) read() (answer attack.Answer, reusable bool, err error) {
	for range maxInterim + 1 {
		c.left = maxHead
		h, err := readHead(c.reader)
		if err != nil {
			return attack.Answer{}, false, err
		}
		if h.interim() {
			continue
		}
		c.left = maxBody
		answer.Status = h.status
		var whole bool
		answer.Body, whole, err = readBody(c.reader, h)
		// Bytes behind the answer belong to nothing that was asked for.
		return answer, whole && h.keepAlive && c.reader.Buffered() == 0, err
	}
	return attack.Answer{}, false, fmt.Errorf("more than %d interim answers", maxInterim)
}

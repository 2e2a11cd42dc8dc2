package outbound

import (
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
)

// A kept connection may have been closed by the subscriber when it is wanted again. net/http notices that in a goroutine
// of its own, at any moment of the next request, and gives a POST up even where nothing of it was written (it asks for
// an idempotent request then). That would be billed to a subscriber which never saw the request. So the client looks
// itself before it writes, and begins anew, on another connection, what was not written.

// The states of a kept connection.
const (
	// ready: nothing of the current request was written.
	ready = iota
	// begun: something was, or was tried.
	begun
	// stale: nothing is written any more.
	stale
)

// errStale is the error of writing to a stale connection.
var errStale = errors.New("the subscriber had closed the kept connection")

// kept is a connection of HTTP/1.1.
type kept struct {
	net.Conn
	raw   syscall.RawConn // nil where the system's connection cannot be had
	state atomic.Int32
}

// newKept wraps a connection; below is the TCP connection that it runs on.
func newKept(conn, below net.Conn) (net.Conn, error) {
	k := &kept{Conn: conn}
	if sc, ok := below.(syscall.Conn); ok {
		var err error
		if k.raw, err = sc.SyscallConn(); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return k, nil
}

// Write sends data, unless the connection is stale.
func (k *kept) Write(b []byte) (int, error) {
	if !k.state.CompareAndSwap(ready, begun) && k.state.Load() == stale {
		return 0, errStale
	}
	return k.Conn.Write(b)
}

// watch follows one request to the connection that it gets.
type watch struct {
	trace  httptrace.ClientTrace
	reused *kept
}

func newWatch() *watch {
	w := &watch{}
	w.trace.GotConn = w.gotConn
	return w
}

// gotConn looks whether the subscriber has closed a connection that is used again.
func (w *watch) gotConn(info httptrace.GotConnInfo) {
	w.reused = nil
	k, ok := info.Conn.(*kept)
	if !ok || !info.Reused {
		// HTTP/2 has a word for closing, with which net/http does it right.
		return
	}
	w.reused = k
	if k.raw != nil && readable(k.raw) {
		k.state.Store(stale)
		return
	}
	k.state.Store(ready)
}

// untouched reports, after an error, whether nothing of the request was written to a kept connection. Then nothing will
// be, and the request can begin anew without any chance of coming twice.
func (w *watch) untouched() bool {
	return w.reused != nil && (w.reused.state.CompareAndSwap(ready, stale) || w.reused.state.Load() == stale)
}

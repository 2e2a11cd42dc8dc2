package suites

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"sync/atomic"
)

// trap is a listener on loopback to which nobody may connect. It counts those who do, and says nothing to them.
type trap struct {
	listener net.Listener
	visits   atomic.Int64
	done     chan struct{}
}

// trap begins to listen on a free port.
func (c *relayCheck) trap() *trap {
	l, err := (&net.ListenConfig{}).Listen(c.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		c.Error("a second listener could not be opened: %v", err)
	}
	t := &trap{listener: l, done: make(chan struct{})}
	go t.accept()
	return t
}

func (t *trap) accept() {
	defer close(t.done)
	for {
		conn, err := t.listener.Accept()
		if err != nil {
			return
		}
		// Counted before it is closed, so that the count is there when the other side notices.
		t.visits.Add(1)
		_ = conn.Close()
	}
}

// url is the trap's address under another host.
func (t *trap) url(host string) string {
	_, port, _ := net.SplitHostPort(t.listener.Addr().String())
	return "https://" + host + ":" + port + "/kirimcheck"
}

// close stops listening.
func (t *trap) close() {
	// What closing a listener of our own says helps nobody.
	_ = t.listener.Close()
	<-t.done
}

// neighbour reports whether the relay runs on this machine, so that its loopback is the harness's.
func (c *relayCheck) neighbour() bool {
	u, err := url.Parse(c.target.URL)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// needNames ends the spec as untestable unless the harness says what names lead to.
func (c *relayCheck) needNames() {
	if c.names == nil {
		c.Untestable("the harness does not run the name service that the relay asks, so it cannot make a name lead inward")
	}
}

// newName makes a name up that leads nowhere yet (RFC 6761, section 6.2: no real name ends so).
func (c *relayCheck) newName() string {
	return fmt.Sprintf("host-%x.kirimcheck.test", c.random.Uint64())
}

package suites

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kirimcheck/kirimcheck/target"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// relayUnreachable holds the rows of the table in which there is no exchange at all.
func (s *Session) relayUnreachable() {
	s.serialSpec("relay.outcome.refused", "", refused)
	s.serialSpec("relay.outcome.dns", "", unresolved)
	s.serialSpec("relay.outcome.tls", "", noHandshake)
}

// ownServer listens on an address of its own, which the relay can be given. Only a relay that reaches this machine by
// the subscribers' own address can call it.
func (c *relayCheck) ownServer(address string, config *tls.Config) *subscriber.Server {
	if c.byHand != nil {
		c.Untestable("it needs a subscription to another address than the others: %v", target.ErrByHand)
	}
	if c.target.Subscriber.PublicURL != "" {
		c.Untestable("it needs a second port at which the relay reaches the harness, and subscriber.public_url leads to one")
	}
	if host, _, err := net.SplitHostPort(c.subscribers.Addr()); err == nil && strings.HasSuffix(address, ":0") {
		address = net.JoinHostPort(host, "0")
	}
	var server *subscriber.Server
	var err error
	// A port that was just closed can be in another program's hands for a moment.
	for began := time.Now(); time.Since(began) < soonEnough; {
		if server, err = subscriber.Listen(c.ctx, subscriber.Config{Address: address, TLS: config}); err == nil {
			break
		}
		if target.Wait(c.ctx, c.target.Observe.Interval) != nil {
			break
		}
	}
	if err != nil {
		c.Error("no second listener: %v", err)
	}
	if c.allowed != nil {
		c.allowed.add("https://" + server.Addr())
	}
	return server
}

func (c *relayCheck) closeServer(server *subscriber.Server) {
	if err := server.Close(); err != nil {
		c.Fact("cleanup", "A second listener did not close: %v.", err)
	}
}

// subscribeAt makes a subscription to messages with an endpoint that is somewhere else than the others.
func (c *relayCheck) subscribeAt(e *subscriber.Endpoint, url string) *subscription {
	sub := &subscription{c: c, endpoint: e, times: map[int]time.Time{}}
	e.Handle(sub.answer)
	made, reply, err := c.management.CreateSubscription(c.ctx, target.SubscriptionRequest{URL: url, Events: []string{messageReceived}})
	c.Must("creating a subscription", reply, err)
	sub.ID, sub.secrets = made.ID, []string{made.Secret.Reveal()}
	c.subs = append(c.subs, sub)
	return sub
}

// comesBack lets an event happen while the subscriber cannot be reached, then makes it reachable, and judges that the
// event comes with a later attempt, and once.
func (c *relayCheck) comesBack(why string, reachable func() *subscription) {
	c.Meta(c.Message(""))
	// A virtual clock says when the attempt is over. The others wait; where the next attempts are too late as well, a
	// later one still comes.
	c.Settle()
	sub := reachable()
	c.PassTo(2)
	if got := c.came(sub, 1); len(got) == 0 {
		c.Broken("after "+why+" the event is tried again", "no other attempt")
	}
	if c.cheap(3) {
		c.passBeyond(3)
		sub.Exactly(1, "the attempt after "+why)
	}
}

// refused closes the subscriber's port before the event and opens it again.
func refused(c *relayCheck) {
	server := c.ownServer("127.0.0.1:0", c.tls)
	address, path := server.Addr(), "/"+rand.Text()
	sub := c.subscribeAt(server.EndpointAt(path), server.EndpointAt(path).URL())
	c.closeServer(server)
	defer func() { c.closeServer(server) }()
	c.comesBack("a refused connection", func() *subscription {
		server = c.ownServer(address, c.tls)
		sub.endpoint = server.EndpointAt(path)
		sub.endpoint.Handle(sub.answer)
		return sub
	})
}

// unresolved lets a name that led to the subscriber lead nowhere, and back again.
func unresolved(c *relayCheck) {
	if c.names == nil || c.authority == nil {
		c.Untestable("the relay's name service is not in the harness's hands")
	}
	host := strings.ToLower(rand.Text()) + ".subscribers.example"
	cert, err := c.authority.Certificate(subscriber.NoFlaw, host)
	if err != nil {
		c.Error("no certificate: %v", err)
	}
	server := c.ownServer("127.0.0.1:0", subscriber.ServerTLS(cert, false))
	defer c.closeServer(server)
	own := netip.MustParseAddrPort(server.Addr())
	origin := "https://" + net.JoinHostPort(host, netip.AddrPort.String(own)[strings.LastIndex(server.Addr(), ":")+1:])
	c.allowed.add(origin)
	c.names.point(host, own.Addr())
	path := "/" + rand.Text()
	sub := c.subscribeAt(server.EndpointAt(path), origin+path)
	c.names.point(host)
	c.comesBack("a name that did not resolve", func() *subscription {
		c.names.point(host, own.Addr())
		return sub
	})
}

// noHandshake lets the subscriber end the TLS handshake with an alert, which fails whether or not the relay looks at
// certificates.
func noHandshake(c *relayCheck) {
	if c.tls == nil {
		c.Untestable("the subscribers speak http; see subscriber.tls in the target file")
	}
	var failing atomic.Bool
	config := c.tls.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if failing.Load() {
			return nil, errors.New("refused for the spec")
		}
		return nil, nil
	}
	server := c.ownServer("127.0.0.1:0", config)
	defer c.closeServer(server)
	e := server.Endpoint()
	sub := c.subscribeAt(e, e.URL())
	failing.Store(true)
	c.comesBack("a failed TLS handshake", func() *subscription {
		// The relay may know that it failed before this side counts it.
		for began := time.Now(); server.Stats().FailedHandshakes == 0; {
			if time.Since(began) > c.arrivalTimeout() {
				c.Broken("an attempt that begins a TLS handshake", "no handshake was begun")
			}
			if target.Wait(c.ctx, c.target.Observe.Interval) != nil {
				c.Error("the run was interrupted")
			}
		}
		failing.Store(false)
		return sub
	})
}

package outbound

import (
	"context"
	"crypto/tls"
	"net"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
)

// dialer connects to subscribers, to allowed addresses only.
type dialer struct {
	net      net.Dialer
	resolver guard.Resolver
	tls      *tls.Config
}

func newDialer(c Config) *dialer {
	control := c.Control
	if control == nil {
		control = c.Policy.Control
	}
	return &dialer{
		net:      net.Dialer{Timeout: connectTimeout, Control: control},
		resolver: c.Policy.Resolver,
		tls: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: c.Roots, NextProtos: []string{"h2", "http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(sessions),
		},
	}
}

// dial connects without TLS.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := d.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return newKept(conn, conn)
}

// connect makes the TCP connection.
func (d *dialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	addresses := []string{address}
	if d.resolver != nil {
		var err error
		if addresses, err = d.resolve(ctx, address); err != nil {
			return nil, err
		}
	}
	var first error
	for _, address := range addresses {
		conn, err := d.net.DialContext(ctx, network, address)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// resolve asks the policy's resolver in the place of the system's.
func (d *dialer) resolve(ctx context.Context, address string) ([]string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if net.ParseIP(host) != nil {
		return []string{address}, nil
	}
	found, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if err != nil {
		return nil, dnsError{err}
	}
	var addresses []string
	for _, addr := range found {
		addresses = append(addresses, net.JoinHostPort(addr.Unmap().String(), port))
	}
	return addresses, nil
}

// dnsError is a lookup that failed, whatever the resolver's own error is.
type dnsError struct{ error }

func (e dnsError) Unwrap() error { return e.error }

// handshakeError is a TLS handshake that failed for any reason, a connection that ended in the middle of it included.
type handshakeError struct{ error }

func (e handshakeError) Unwrap() error { return e.error }

// dialTLS connects and shakes hands. net/http sees HTTP/2 on a *tls.Conn alone; over HTTP/1.1 the connection is kept
// like a plain one.
func (d *dialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	plain, err := d.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := d.tls.Clone()
	// A certificate has no use for the root's dot.
	config.ServerName = strings.TrimSuffix(host, ".")
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		// The handshake's error is the one that counts.
		_ = plain.Close()
		return nil, handshakeError{err}
	}
	if conn.ConnectionState().NegotiatedProtocol == "h2" {
		return conn, nil
	}
	return newKept(conn, plain)
}

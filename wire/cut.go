package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"time"
)

// ErrCut is the error of an exchange that was broken off on purpose.
var ErrCut = errors.New("broken off on purpose")

// cutGrace is how long SendCut waits for the target to notice the end. Servers do so at once; one that does not only
// loses this time.
const cutGrace = time.Second

// SendCut announces the request's whole body, sends its first n bytes, and closes the connection, as a sender does
// that dies half-way. It returns when the target has noticed, so that what is sent next really comes later. The
// exchange's error is ErrCut when that came about; it never has an answer.
func (c *Client) SendCut(ctx context.Context, r Request, n int) Exchange {
	x := Exchange{Request: r, Started: time.Now()}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := c.writeCut(limited, r, n)
	x.Took = time.Since(x.Started)
	if err != nil {
		x.Trouble, x.Err = classify(ctx, limited, err), err
		return x
	}
	x.Trouble, x.Err = BrokenOff, fmt.Errorf("%w after %d of %d bytes of the body", ErrCut, n, len(r.Body))
	return x
}

func (c *Client) writeCut(ctx context.Context, r Request, n int) (err error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return err
	}
	conn, err := c.dial(ctx, u)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.Method, u.RequestURI(), u.Host, len(r.Body))
	for _, f := range r.Header {
		fmt.Fprintf(&head, "%s: %s\r\n", f.Name, f.Value)
	}
	head.WriteString("\r\n")
	head.Write(r.Body[:n])
	if _, err := conn.Write(head.Bytes()); err != nil {
		return err
	}
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	// From here on nothing is an error: the target may answer, close or reset, as it likes.
	if half.CloseWrite() != nil || conn.SetReadDeadline(time.Now().Add(cutGrace)) != nil {
		return nil
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(conn, maxAnswer))
	return nil
}

// Reach opens a connection, with TLS for https, and closes it again. It tells an unreachable target before anything
// is sent.
func (c *Client) Reach(ctx context.Context, address string) (Trouble, error) {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	u, err := url.Parse(address)
	if err != nil {
		return NotReached, err
	}
	conn, err := c.dial(limited, u)
	if err != nil {
		return classify(ctx, limited, err), err
	}
	if err := conn.Close(); err != nil {
		return BrokenOff, err
	}
	return None, nil
}

func (c *Client) dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	address := net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "https" {
		return c.dialTLS(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// handshakeError is a TLS handshake that failed for any reason, a connection that ended in the middle of it included:
// such an end is not one of the answer.
type handshakeError struct{ error }

func (e handshakeError) Unwrap() error { return e.error }

// dialTLS connects and shakes hands.
func (c *Client) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	plain, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := c.tls.Clone()
	config.ServerName = host
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		// The handshake's error is the one that counts.
		_ = plain.Close()
		return nil, handshakeError{err}
	}
	return conn, nil
}

package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// ErrCut is the error of an exchange that was broken off on purpose.
var ErrCut = errors.New("broken off on purpose")

// SendCut announces the request's whole body, sends its first n bytes, and closes the connection, as a sender does
// that dies half-way. The exchange's error is ErrCut when that came about; it never has an answer.
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
	_, err = conn.Write(head.Bytes())
	return err
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
		config := c.tls.Clone()
		config.ServerName = u.Hostname()
		return (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

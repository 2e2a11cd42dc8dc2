package subscriber

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/wire"
)

// badRequest is a request that is not HTTP, or too large.
type badRequest struct {
	status int
	text   string
}

func (b *badRequest) Error() string { return b.text }

func bad(format string, args ...any) error {
	return &badRequest{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func tooLarge(what string, limit int64) error {
	return &badRequest{http.StatusRequestEntityTooLarge, fmt.Sprintf("%s is longer than %d bytes", what, limit)}
}

// request is a request that was read whole.
type request struct {
	delivery Delivery
	// keep says that the client wants the connection kept.
	keep bool
}

// readRequest reads one request of HTTP/1 (RFC 9112). Its error is a *badRequest where an answer makes sense.
func (c *conn) readRequest() (request, error) {
	head, err := c.readHead()
	if err != nil {
		return request{}, err
	}
	line, rest, _ := strings.Cut(head, "\n")
	d := Delivery{}
	var ok bool
	if d.Method, line, ok = strings.Cut(strings.TrimSuffix(line, "\r"), " "); ok {
		d.Target, d.Proto, ok = strings.Cut(line, " ")
	}
	if !ok || d.Method == "" || d.Target == "" || d.Proto != "HTTP/1.1" && d.Proto != "HTTP/1.0" {
		return request{}, bad("the request line is not one of HTTP/1.1")
	}
	if d.Header, err = fields(rest); err != nil {
		return request{}, err
	}
	f := framing{length: -1, keep: d.Proto == "HTTP/1.1"}
	if err := f.read(d.Header, &d.Host); err != nil {
		return request{}, err
	}
	if f.expects {
		if _, err := c.net.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return request{}, err
		}
	}
	d.Body, err = c.readBody(f)
	return request{d, f.keep}, err
}

// readHead reads up to the blank line, which is left out.
func (c *conn) readHead() (string, error) {
	c.head = c.head[:0]
	for {
		part, err := c.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		if len(c.head)+len(part) > maxHead {
			return "", tooLarge("the head", maxHead)
		}
		// A blank line before the request line is let pass (RFC 9112, section 2.2).
		blank := len(part) == 1 || len(part) == 2 && part[0] == '\r'
		if blank && err == nil && (len(c.head) == 0 || c.head[len(c.head)-1] == '\n') {
			if len(c.head) == 0 {
				continue
			}
			return string(c.head), nil
		}
		c.head = append(c.head, part...)
	}
}

// fields takes the header lines apart. Names keep their case; the blanks around a value are no part of it (RFC 9112,
// section 5).
func fields(lines string) ([]wire.Field, error) {
	header := make([]wire.Field, 0, strings.Count(lines, "\n"))
	for lines != "" {
		var line string
		line, lines, _ = strings.Cut(lines, "\n")
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\r"), ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return nil, bad("a header line has no name")
		}
		header = append(header, wire.Field{Name: name, Value: strings.Trim(value, " \t")})
	}
	return header, nil
}

// framing is what the header says about the body and the connection.
type framing struct {
	length  int64 // -1: none is given
	chunked bool
	keep    bool
	expects bool
}

func (f *framing) read(header []wire.Field, host *string) error {
	for _, h := range header {
		switch {
		case strings.EqualFold(h.Name, "Host"):
			*host = h.Value
		case strings.EqualFold(h.Name, "Content-Length"):
			n, err := strconv.ParseUint(h.Value, 10, 62)
			if err != nil || f.length >= 0 && f.length != int64(n) {
				return bad("the Content-Length is not one number")
			}
			f.length = int64(n)
		case strings.EqualFold(h.Name, "Transfer-Encoding"):
			if !strings.EqualFold(h.Value, "chunked") {
				return bad("the Transfer-Encoding is not chunked")
			}
			f.chunked = true
		case strings.EqualFold(h.Name, "Expect"):
			f.expects = strings.EqualFold(h.Value, "100-continue")
		case strings.EqualFold(h.Name, "Connection"):
			f.keep = f.keep && !closes(h.Value)
		}
	}
	return nil
}

// closes reports whether a Connection header asks for the end of the connection.
func closes(value string) bool {
	for token := range strings.SplitSeq(value, ",") {
		if strings.EqualFold(strings.TrimSpace(token), "close") {
			return true
		}
	}
	return false
}

func (c *conn) readBody(f framing) ([]byte, error) {
	limit := c.server.maxBody
	switch {
	case f.chunked:
		body, err := io.ReadAll(io.LimitReader(httputil.NewChunkedReader(c.r), limit+1))
		switch {
		case err != nil:
			return nil, err
		case int64(len(body)) > limit:
			return nil, tooLarge("the body", limit)
		}
		return body, c.readTrailer()
	case f.length > limit:
		return nil, tooLarge("the body", limit)
	case f.length > 0:
		return readExactly(c.r, f.length)
	}
	return nil, nil
}

// readExactly reads n bytes, and makes room for them as they come: what is announced costs nothing.
func readExactly(r io.Reader, n int64) ([]byte, error) {
	const trusted = 64 << 10
	if n <= trusted {
		body := make([]byte, n)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, n); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// readTrailer reads what follows the last chunk, up to the blank line. Trailers are of no use to anybody here.
func (c *conn) readTrailer() error {
	for read := 0; read <= maxHead; {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return nil
		}
		read += len(line)
	}
	return tooLarge("the trailer", maxHead)
}

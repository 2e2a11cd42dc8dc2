package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
)

// head is what of an answer's head matters here.
type head struct {
	status    int
	keepAlive bool
	// length is that of the body, or one of the two below.
	length int64
}

const (
	untilClose = -1
	chunked    = -2
)

// interim answers are followed by the real one. 101 is not: nobody asked for another protocol, so it is the end.
func (h head) interim() bool { return h.status >= 100 && h.status <= 199 && h.status != 101 }

// malformed is an answer that is not HTTP/1.
func malformed(format string, args ...any) error {
	return fmt.Errorf("not an HTTP answer: "+format, args...)
}

// readHead reads the status line and the header (RFC 9112, sections 4 to 6). It is net/http's reading without the parts
// that make a map of it, and as strict where strictness tells a broken answer from a whole one.
func readHead(r *bufio.Reader) (head, error) {
	line, err := readLine(r)
	if err != nil {
		return head{}, err
	}
	// HTTP/1.1 200 OK
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || (line[7] != '0' && line[7] != '1') || line[8] != ' ' {
		return head{}, malformed("it begins with %q", firstOf(line))
	}
	h := head{length: untilClose, keepAlive: line[7] == '1'}
	for _, digit := range line[9:12] {
		if digit < '0' || digit > '9' {
			return head{}, malformed("the status is %q", firstOf(line[9:]))
		}
		h.status = h.status*10 + int(digit-'0')
	}
	if len(line) > 12 && line[12] != ' ' || h.status < 100 {
		return head{}, malformed("the status is %q", firstOf(line[9:]))
	}
	for {
		if line, err = readLine(r); err != nil {
			return head{}, unexpected(err)
		}
		if len(line) == 0 {
			break
		}
		if err := h.field(line); err != nil {
			return head{}, err
		}
	}
	// These have no body, whatever their header says (RFC 9112, section 6.3).
	if h.status < 200 || h.status == 204 || h.status == 304 {
		h.length = 0
	}
	if h.length == untilClose || h.status == 101 {
		h.keepAlive = false
	}
	return h, nil
}

// field takes what matters from one line of the header.
func (h *head) field(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
		return malformed("a line of the header is %q", firstOf(line))
	}
	value = bytes.TrimSpace(value)
	switch {
	case is(name, "content-length"):
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil || (h.length >= 0 && h.length != int64(n)) {
			return malformed("Content-Length is %q", firstOf(value))
		}
		if h.length != chunked {
			h.length = int64(n)
		}
	case is(name, "transfer-encoding"):
		if !is(value, "chunked") {
			return malformed("Transfer-Encoding is %q", firstOf(value))
		}
		// It comes before a length (RFC 9112, section 6.3).
		h.length = chunked
	case is(name, "connection"):
		for option := range bytes.SplitSeq(value, []byte{','}) {
			option = bytes.TrimSpace(option)
			if is(option, "close") {
				h.keepAlive = false
			}
			// HTTP/1.0 may keep its connection by saying so; that is its right, and a new one costs little.
		}
	}
	return nil
}

// is compares a name with one in lower case.
func is(name []byte, lower string) bool {
	return len(name) == len(lower) && bytes.EqualFold(name, []byte(lower))
}

// readLine returns the next line without its end. It is valid until the next read.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		// Rare, so that this one may copy.
		long := bytes.Clone(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = r.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	if err != nil {
		if len(line) > 0 {
			return nil, unexpected(err)
		}
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

// readBody reads a body to its end, or to the limit of the connection's reader, and returns its beginning. whole says that
// the end was reached and the connection still stands.
func readBody(r *bufio.Reader, h head) (beginning []byte, whole bool, err error) {
	if h.length == 0 {
		return nil, true, nil
	}
	var body io.Reader = r
	size := int64(kept)
	announced := &io.LimitedReader{R: r, N: h.length}
	switch h.length {
	case chunked:
		body = httputil.NewChunkedReader(r)
	case untilClose:
	default:
		body, size = announced, min(size, h.length)
	}
	beginning = make([]byte, size)
	n := 0
	for n < len(beginning) && err == nil {
		var more int
		more, err = body.Read(beginning[n:])
		n += more
	}
	beginning = beginning[:n]
	if err == nil {
		if _, err = io.Copy(io.Discard, body); err == nil {
			err = io.EOF
		}
	}
	switch {
	case errors.Is(err, errTooLong):
		return beginning, false, nil
	case !errors.Is(err, io.EOF):
		return beginning, false, err
	case h.length == untilClose:
		return beginning, false, nil
	case h.length == chunked:
		return beginning, true, readTrailer(r)
	case announced.N > 0:
		return beginning, false, io.ErrUnexpectedEOF
	}
	return beginning, true, nil
}

// readTrailer reads what stands behind the last chunk, up to the empty line.
func readTrailer(r *bufio.Reader) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return unexpected(err)
		}
		if len(line) == 0 {
			return nil
		}
	}
}

// unexpected is an end in the middle of an answer.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// firstOf is the beginning of what the target sent, for an error.
func firstOf(text []byte) []byte { return text[:min(len(text), 40)] }

package subscriber

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/wire"
)

// gate lets so many bytes through and then calls open, once: where that returns an error nothing more is written.
// Without open everything passes.
type gate struct {
	w    io.Writer
	left int
	open func() error
}

func (g *gate) Write(b []byte) (int, error) {
	if g.open != nil && len(b) >= g.left {
		n, err := g.pass(b[:g.left])
		if err != nil {
			return n, err
		}
		if err := g.end(); err != nil {
			return n, err
		}
		more, err := g.pass(b[n:])
		return n + more, err
	}
	g.left -= len(b)
	return g.pass(b)
}

// pass writes, and calls every failure what it is here: a client that left.
func (g *gate) pass(b []byte) (int, error) {
	n, err := g.w.Write(b)
	if err != nil && !errors.Is(err, errLeft) && !errors.Is(err, errEnded) {
		err = errLeft
	}
	return n, err
}

// end opens the gate where the answer was shorter than its place.
func (g *gate) end() error {
	if g.open == nil {
		return nil
	}
	open := g.open
	g.open = nil
	return open()
}

// appendHead writes the answer's head for HTTP/1. keep says whether the connection goes on.
func (a Answer) appendHead(b []byte, proto string, keep bool) []byte {
	if proto != "HTTP/1.0" {
		proto = "HTTP/1.1"
	}
	b = append(b, proto...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(a.status()), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(a.status())...)
	b = append(b, "\r\n"...)
	for _, f := range a.Header {
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	if !a.bodyless() && !has(a.Header, "Content-Length") && !has(a.Header, "Transfer-Encoding") {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, a.length(), 10)
		b = append(b, "\r\n"...)
	}
	if !keep && !has(a.Header, "Connection") {
		b = append(b, "Connection: close\r\n"...)
	}
	return append(b, "\r\n"...)
}

func has(header []wire.Field, name string) bool {
	for _, f := range header {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// filler is what a Fill is made of. It is never changed.
var filler = []byte(strings.Repeat("kirimcheck fills a body with this line.........................\n", 256))

// writeBody writes the body, in pieces with a pause before each where the answer says so.
func (a Answer) writeBody(w io.Writer, pause func() error) error {
	for done, length := int64(0), a.length(); done < length; {
		piece := a.Body[min(done, int64(len(a.Body))):]
		if a.Fill > 0 {
			piece = filler[done%int64(len(filler)):]
			piece = piece[:min(int64(len(piece)), length-done)]
		}
		if a.Pace > 0 {
			if err := pause(); err != nil {
				return err
			}
			piece = piece[:min(len(piece), max(a.Piece, 1))]
		}
		n, err := w.Write(piece)
		done += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

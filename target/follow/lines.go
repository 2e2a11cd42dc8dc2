// Package follow gives the lines that are added to a file, whatever happens to the file meanwhile: it may appear later,
// be renamed and made anew, or be copied away and cut to nothing. It knows nothing of what lines say.
package follow

import (
	"bytes"
	"fmt"
)

// MaxLine is the length of the longest line, in bytes: well above that of a log line with the largest body that Meta
// sends, 3 MB, escaped in it.
const MaxLine = 16 << 20

// LongLineError is a line of more than MaxLine bytes. Its end is looked for and what it said is lost.
type LongLineError struct{}

// Error names the limit.
func (*LongLineError) Error() string {
	return fmt.Sprintf("a line is longer than %d bytes", MaxLine)
}

// Lines cuts what is given to it into lines. It is not safe for concurrent use.
type Lines struct {
	// Line gets each whole line without its end (LF or CRLF). It must not keep the slice.
	Line func([]byte)

	partial []byte
	// skipping is true behind a line that was too long, up to its end.
	skipping bool
}

// Write takes the next piece. The error is a *LongLineError, or nil; in both cases everything was taken.
func (l *Lines) Write(p []byte) (int, error) {
	n := len(p)
	var err error
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		piece, whole := p, end >= 0
		if whole {
			piece = p[:end]
			p = p[end+1:]
		} else {
			p = nil
		}
		if !l.skipping && len(l.partial)+len(piece) > MaxLine {
			l.partial, l.skipping, err = nil, true, &LongLineError{}
		}
		switch {
		case l.skipping:
			l.skipping = !whole
		case !whole:
			l.keep(piece)
		case len(l.partial) == 0:
			l.give(piece)
		default:
			l.keep(piece)
			l.give(l.partial)
			l.partial = l.partial[:0]
		}
	}
	return n, err
}

// keep adds to the line that is not whole yet. A writer that goes on at its old place in a file that was cut to nothing
// leaves NULs before what it writes; they are no part of the line.
func (l *Lines) keep(p []byte) {
	if len(l.partial) == 0 {
		p = bytes.TrimLeft(p, "\x00")
	}
	l.partial = append(l.partial, p...)
}

func (l *Lines) give(line []byte) {
	l.Line(bytes.TrimSuffix(bytes.TrimLeft(line, "\x00"), []byte("\r")))
}

// Drop forgets the line that is not whole yet.
func (l *Lines) Drop() { l.partial, l.skipping = nil, false }

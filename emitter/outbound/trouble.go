package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
)

// The kinds of trouble that the pipeline does not name.
const (
	// Closed: the connection ended before the answer did.
	Closed pipeline.Trouble = "closed"
	// Stopped: the exchange was called off by our own side.
	Stopped pipeline.Trouble = "stopped"
)

// maxError bounds the text of an error, in bytes.
const maxError = 200

// failed fills in what went wrong.
func failed(ctx context.Context, r pipeline.Response, err error) pipeline.Response {
	r.Trouble = classify(ctx, err)
	r.Err = errors.New(line(r, err))
	return r
}

// classify names the trouble behind an error by its type and never by its text.
func classify(ctx context.Context, err error) pipeline.Trouble {
	var refused *guard.Refused
	var dns *net.DNSError
	var lookup dnsError
	var handshake handshakeError
	var op *net.OpError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case errors.As(err, &refused):
		return pipeline.Blocked
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return pipeline.TimedOut
	case ctx.Err() != nil:
		return Stopped
	case errors.As(err, &lookup), errors.As(err, &dns):
		return pipeline.DNS
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		// The time for connecting ran out, or the system's own.
		return pipeline.TimedOut
	case errors.As(err, &handshake), errors.As(err, &record), errors.As(err, &alert),
		errors.As(err, &op) && op.Op == "remote error":
		// crypto/tls names an alert from the other side so; it may come after the client's part of the handshake.
		return pipeline.TLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return pipeline.Refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.As(err, new(streamError)):
		return pipeline.Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), closedIdle(err):
		return Closed
	default:
		return pipeline.Other
	}
}

// streamError is a stream of HTTP/2 that was reset. net/http keeps its type to itself and fills in any struct with these
// members.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error says what errors.As needs no more than the method for.
func (e streamError) Error() string { return "the stream was reset" }

// closedIdle recognises net/http's error for a kept connection that ended without an answer. It has no type that could
// be asked for.
func closedIdle(err error) bool { return err.Error() == "http: server closed idle connection" }

// line writes the error as one bounded line.
func line(r pipeline.Response, err error) string {
	text := cause(err)
	switch r.Trouble {
	case pipeline.TimedOut:
		text = "no complete answer in time"
	case Stopped:
		text = "the attempt was called off"
	case pipeline.DNS:
		text = "the host cannot be resolved: " + cause(err)
	case pipeline.Refused:
		text = "the connection was refused"
	case pipeline.TLS:
		text = "the TLS handshake failed: " + cause(err)
	case pipeline.Reset:
		text = "the connection was reset"
	case Closed:
		text = "the connection was closed before the answer was complete"
	}
	if r.Status != 0 {
		text = fmt.Sprintf("%s (after the status %d)", text, r.Status)
	}
	return clean(text, maxError)
}

// cause is the error's text without the URL, which may hold a token.
func cause(err error) string {
	var refused *guard.Refused
	if errors.As(err, &refused) {
		return refused.Error()
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return err.Error()
}

// clean makes one line of at most max bytes; what the other side may have put into it stays harmless to print.
func clean(text string, limit int) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, text)
	if len(text) <= limit {
		return text
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

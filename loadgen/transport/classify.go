package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/kirimcheck/kirimcheck/loadgen/attack"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// handshakeError is a TLS handshake that failed for any reason.
type handshakeError struct{ error }

func (e handshakeError) Unwrap() error { return e.error }

// classify names what is behind an error, by its type and never by its text. dialing says that it came before there was a
// connection.
func classify(ctx context.Context, err error, dialing bool) load.Class {
	var dns *net.DNSError
	var op *net.OpError
	var handshake handshakeError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case ctx.Err() != nil:
		return attack.Stopped
	case isAny(err, syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS, syscall.ENOMEM):
		return attack.OwnLimit
	case errors.As(err, &handshake), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &op) && op.Op == "remote error":
		return attack.BadTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return attack.Refused
	case errors.As(err, &dns), dialing, errors.As(err, &op) && op.Op == "dial":
		return attack.Unreachable
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return attack.Timeout
	case isAny(err, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed):
		return attack.BrokenOff
	}
	return attack.NotHTTP
}

func isAny(err error, kinds ...error) bool {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

package subscriber

import (
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

// Answer is what an endpoint does with a request. The zero value answers 200 with an empty body at once.
type Answer struct {
	// Status is the answer's status; 0 means 200.
	Status int
	// Header are the header lines, as they are to be written. Content-Length is added unless it is among them.
	Header []wire.Field
	Body   []byte
	// Fill makes a body of so many bytes, in the place of Body.
	Fill int64
	// Delay is the wait from the end of the request to the first byte of the answer.
	Delay time.Duration
	// Pace, where it is not zero, sends the body in pieces of Piece bytes (0 means 1) with this wait before each.
	Pace  time.Duration
	Piece int
	// Fault is what goes wrong.
	Fault Fault
	// After is how many bytes of the answer, its head included, are sent before the fault.
	After int
	// Raw is sent in the place of a well-formed answer, and the connection is closed. Over HTTP/2, where there is no
	// such thing, the stream is reset.
	Raw []byte
	// Last closes the connection after the answer, and says so in it.
	Last bool

	times int
}

// Fault is a way to fail that is no answer.
type Fault int

// The faults.
const (
	// NoFault: the answer is given.
	NoFault Fault = iota
	// HangFault: nothing more is sent until Release, and then the rest of the answer. It also ends when the client goes
	// away or the server is closed.
	HangFault
	// ResetFault: the connection is reset (TCP RST). Over HTTP/2 the stream is.
	ResetFault
	// CloseFault: the connection is closed (TCP FIN). Over HTTP/2 the stream is reset.
	CloseFault
)

// Status answers with this status and an empty body.
func Status(code int) Answer { return Answer{Status: code} }

// Redirect answers with this status and a Location.
func Redirect(code int, location string) Answer {
	return Answer{Status: code, Header: []wire.Field{{Name: "Location", Value: location}}}
}

// RetryAfter answers with this status and a Retry-After, which is a number of seconds or an HTTP date.
func RetryAfter(code int, value string) Answer {
	return Answer{Status: code, Header: []wire.Field{{Name: "Retry-After", Value: value}}}
}

// Delayed answers 200 after a wait.
func Delayed(d time.Duration) Answer { return Answer{Delay: d} }

// Hang does not answer until the endpoint is released, and then with 200.
func Hang() Answer { return Answer{Fault: HangFault} }

// Reset resets the connection in the place of an answer.
func Reset() Answer { return Answer{Fault: ResetFault} }

// Close closes the connection in the place of an answer.
func Close() Answer { return Answer{Fault: CloseFault} }

// CutShort answers with this status, announces a body of 100 bytes, and closes the connection after half of it.
func CutShort(code int) Answer {
	a := Answer{Status: code, Fill: 100, Fault: CloseFault}
	a.After = len(a.appendHead(nil, "", true)) + 50
	return a
}

// Slow answers with this status and a body of n bytes, one byte after each wait.
func Slow(code int, n int64, wait time.Duration) Answer {
	return Answer{Status: code, Fill: n, Pace: wait}
}

// Huge answers with this status and a body of n bytes.
func Huge(code int, n int64) Answer { return Answer{Status: code, Fill: n} }

// Times makes an answer count n times in a script.
func (a Answer) Times(n int) Answer {
	a.times = n
	return a
}

// status returns the answer's status, filled in.
func (a Answer) status() int {
	if a.Status == 0 {
		return http.StatusOK
	}
	return a.Status
}

// length returns the length of the body in bytes.
func (a Answer) length() int64 {
	if a.Fill > 0 {
		return a.Fill
	}
	return int64(len(a.Body))
}

// bodyless reports whether the status never has a body (RFC 9110, section 6.4.1).
func (a Answer) bodyless() bool {
	s := a.status()
	return s < 200 || s == http.StatusNoContent || s == http.StatusNotModified
}

// ByAttempt answers the first attempt with the first answer and so on, the last one for every later attempt. The attempt
// is read from the header of this name, such as X-Kirim-Attempt; without it a request counts as the first.
func ByAttempt(header string, answers ...Answer) func(Delivery) Answer {
	return func(d Delivery) Answer {
		if len(answers) == 0 {
			return Answer{}
		}
		n := max(d.number(header), 1)
		return answers[min(n, len(answers))-1]
	}
}

package attack

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/loadgen/payload"
	"github.com/kirimcheck/kirimcheck/reports/load"
)

// The classes of failure that are no status. A status is the class status-N.
const (
	// Timeout: no complete answer came in time.
	Timeout load.Class = "timeout"
	// Refused: the target refused the connection.
	Refused load.Class = "connection-refused"
	// Unreachable: no connection came about for another reason: no route, an unknown host.
	Unreachable load.Class = "unreachable"
	// BrokenOff: the connection ended before the answer did.
	BrokenOff load.Class = "connection-closed"
	// NotHTTP: what came back is not an HTTP answer.
	NotHTTP load.Class = "not-http"
	// BadTLS: the TLS handshake failed.
	BadTLS load.Class = "bad-tls"
	// ForgeryTaken: a delivery with a wrong signature was acknowledged.
	ForgeryTaken load.Class = "forgery-accepted"
	// OwnLimit: this machine had no port, file or memory left for a connection. It is the generator's failure.
	OwnLimit load.Class = "generator-limit"
	// Stopped marks what was under way when the run was stopped. It is counted as abandoned and never as a failure.
	Stopped load.Class = "stopped"
)

// Answer is what came of one exchange.
type Answer struct {
	// Status is 0 where there was no complete answer.
	Status int
	// Class says why there was none; empty where there was.
	Class load.Class
	// Err is the error behind the class.
	Err error
	// Body is the beginning of the answer's body.
	Body []byte
}

// Exchanger makes one exchange. It sends a delivery once and never again, reads the answer to its end, and gives up when
// its time is over or the context ends. It is safe for concurrent use.
type Exchanger interface {
	Exchange(ctx context.Context, d *payload.Delivery) Answer
}

// verdict is what an answer means for a delivery.
type verdict uint8

const (
	succeeded verdict = iota
	refused
	failed
	abandoned
)

// judge says what an answer means. taken reports whether a status acknowledges a delivery.
func judge(kind payload.Kind, a Answer, taken func(int) bool) (verdict, load.Class) {
	switch {
	case a.Class == Stopped:
		return abandoned, ""
	case a.Class != "":
		return failed, a.Class
	case kind == payload.Forged && taken(a.Status):
		return failed, ForgeryTaken
	case kind == payload.Forged && a.Status >= 400 && a.Status <= 499:
		// The contract says 401; another refusal keeps the forgery out as well, and its number is for certify to judge.
		return refused, ""
	case kind != payload.Forged && taken(a.Status):
		return succeeded, ""
	}
	return failed, load.Class("status-" + strconv.Itoa(a.Status))
}

// exampleBody is how much of an answer's body stands in an example, in bytes.
const exampleBody = 120

// example tells an answer in a line.
func (a Answer) example() string {
	if a.Err != nil {
		return oneLine(a.Err.Error())
	}
	text := fmt.Sprintf("status %d", a.Status)
	if len(a.Body) > 0 {
		text += ": " + oneLine(string(a.Body[:min(len(a.Body), exampleBody)]))
	}
	return text
}

// oneLine makes text of the target's fit for a line: control characters and broken UTF-8 become question marks.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(strings.TrimSpace(text), "?"))
}

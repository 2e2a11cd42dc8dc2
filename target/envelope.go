package target

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

// Reply is one call of the management API and what came of it.
type Reply struct {
	// Exchange is the evidence. Its request holds the key, which reports have to hide.
	wire.Exchange
	// Data is the member data of the answer, nil where there is none.
	Data json.RawMessage
	// HasMore and NextCursor are those of a list.
	HasMore    bool
	NextCursor string
	// RequestID is the member request_id, of the error where there is one.
	RequestID string
	// Waited is for how long the call was put off because the relay said that there were too many.
	Waited time.Duration

	call    string
	failure error
	// mapped is the answer in the form of the REST API, where it came in another.
	mapped []byte
	// fresh holds, by their places in the request's header, what a repeat line writes instead of secrets.
	fresh map[int]string
}

// Failure is why the call did not succeed: nil, or one of the errors that Management names.
func (r Reply) Failure() error { return r.failure }

// Envelope is the answer in the form of the REST API: the body as it came, or, of a relay that is managed in another way,
// what the body says in that form.
func (r Reply) Envelope() []byte {
	if r.mapped != nil {
		return r.mapped
	}
	return r.Body
}

// Repeat returns a line for a POSIX shell that makes the call again with curl. Keys come from the environment variables
// KIRIM_KEY and KIRIM_OTHER_KEY, secret headers from those of the target file. It returns "" where the call was not
// made, or its body is too long for a line.
func (r Reply) Repeat() string {
	request := r.Exchange.Request
	switch {
	case request.Method == "" || len(request.Body) > wire.MaxRepeatBody:
		return ""
	case len(request.Body) == 0 && slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, request.Method):
		// net/http says so where a body would be usual; curl does not, and servers may refuse that with 411.
		return request.Curl("-H 'Content-Length: 0'", r.fresh)
	case len(request.Body) == 0:
		return request.Curl("", r.fresh)
	case wire.ShellHolds(request.Body):
		return request.Curl("--data-raw "+wire.ShellQuote(string(request.Body)), r.fresh)
	default:
		assign, printed, _ := wire.ShellVariable("B", request.Body)
		return assign + printed + " | " + request.Curl("--data-binary @-", r.fresh)
	}
}

// APIError is a refusal in the API's own form (documentation: errors).
type APIError struct {
	// Call is the method and the path.
	Call    string
	Status  int
	Type    string
	Code    string
	Message string
	// Param names the member that is at fault, where the error is about one.
	Param string
}

// Error tells the refusal on one line.
func (e *APIError) Error() string {
	text := fmt.Sprintf("%s was refused with %d, %s, %s", e.Call, e.Status, e.Type, e.Code)
	if e.Param != "" {
		text += " (" + e.Param + ")"
	}
	if e.Message != "" {
		text += ": " + excerpt([]byte(e.Message))
	}
	return text
}

// UnknownRefusalError is a refusal of which the target file does not say what it means.
type UnknownRefusalError struct {
	// Call names the operation.
	Call string
	// Code is the relay's own, empty where it tells none.
	Code    string
	Message string
}

// Error tells the refusal on one line, and what would make it known.
func (e *UnknownRefusalError) Error() string {
	code := "without a code"
	if e.Code != "" {
		code = fmt.Sprintf("with the code %q", e.Code)
	}
	return fmt.Sprintf("%s was refused %s (%s), of which management.graphql.errors says no status", e.Call, code, excerpt([]byte(e.Message)))
}

// EnvelopeError is an answer that is not of the API's form.
type EnvelopeError struct {
	// Call is the method and the path.
	Call   string
	Status int
	// Problem says what was seen, in a bounded length and without secrets.
	Problem string
}

// Error tells the answer on one line.
func (e *EnvelopeError) Error() string {
	return fmt.Sprintf("%s was answered with %d, but %s", e.Call, e.Status, e.Problem)
}

// NoAnswerError is a call without a complete answer.
type NoAnswerError struct {
	// Call is the method and the path.
	Call    string
	Trouble wire.Trouble
	Err     error
}

// Error tells the trouble on one line.
func (e *NoAnswerError) Error() string {
	return fmt.Sprintf("%s has no answer (%s): %v", e.Call, e.Trouble, e.Err)
}

// Unwrap returns the transport's error.
func (e *NoAnswerError) Unwrap() error { return e.Err }

// Unreachable reports whether not even a connection came about.
func (e *NoAnswerError) Unreachable() bool {
	return e.Trouble == wire.NotReached || e.Trouble == wire.BadTLS
}

// read takes the answer's envelope apart and keeps what is wrong with it. hide takes secrets out of text.
func (r *Reply) read(hide func(string) string) {
	off := func(format string, args ...any) {
		r.failure = &EnvelopeError{Call: r.call, Status: r.Status, Problem: fmt.Sprintf(format, args...)}
	}
	seen := func() string { return excerpt([]byte(hide(string(r.Body)))) }
	switch {
	case r.Trouble != wire.None:
		r.failure = &NoAnswerError{Call: r.call, Trouble: r.Trouble, Err: r.Err}
		return
	case r.BodyCut:
		off("the answer is larger than %d bytes", len(r.Body))
		return
	case r.Status == http.StatusNoContent:
		return
	}
	var envelope struct {
		Data       json.RawMessage `json:"data"`
		HasMore    json.RawMessage `json:"has_more"`
		NextCursor json.RawMessage `json:"next_cursor"`
		RequestID  json.RawMessage `json:"request_id"`
		Error      json.RawMessage `json:"error"`
	}
	if json.Unmarshal(r.Body, &envelope) != nil || !bytes.HasPrefix(bytes.TrimSpace(r.Body), []byte("{")) {
		off("the answer is not a JSON object: %s", seen())
		return
	}
	// A member of another type stays zero: the form of each is for the suites to judge, from the body.
	r.RequestID = textOf(envelope.RequestID)
	r.NextCursor = textOf(envelope.NextCursor)
	r.HasMore = string(envelope.HasMore) == "true"
	if r.Acknowledged() {
		switch {
		case envelope.Error != nil && string(envelope.Error) != "null":
			off("the answer has the member error: %s", seen())
		case envelope.Data == nil:
			off("the answer has no member data: %s", seen())
		default:
			r.Data = envelope.Data
		}
		return
	}
	var refusal map[string]json.RawMessage
	if json.Unmarshal(envelope.Error, &refusal) != nil || textOf(refusal["type"]) == "" || textOf(refusal["code"]) == "" {
		off("the answer has no error with type and code: %s", seen())
		return
	}
	if id := textOf(refusal["request_id"]); id != "" {
		r.RequestID = id
	}
	r.failure = &APIError{
		Call: r.call, Status: r.Status, Type: textOf(refusal["type"]), Code: textOf(refusal["code"]),
		Message: hide(textOf(refusal["message"])), Param: textOf(refusal["param"]),
	}
}

// decode reads the answer's data. Members that are not known are left alone.
func (r *Reply) decode(into any) error {
	if r.failure != nil {
		return r.failure
	}
	if r.Data == nil {
		return r.off("the answer has no body, and data is needed")
	}
	err := json.Unmarshal(r.Data, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		place := "data"
		if wrong.Field != "" {
			place += "." + wrong.Field
		}
		return r.off("%s is a JSON %s, where %s is expected", place, wrong.Value, describeJSON(wrong.Type.Kind()))
	}
	if err != nil {
		return r.off("data cannot be read: %v", err)
	}
	return nil
}

func (r *Reply) off(format string, args ...any) error {
	return &EnvelopeError{Call: r.call, Status: r.Status, Problem: fmt.Sprintf(format, args...)}
}

// textOf is a JSON string's value, and empty for anything else.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// hostAndPath is a URL without what may hold a token: its user and its query.
func hostAndPath(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the URL"
	}
	return u.Host + u.EscapedPath()
}

package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// reply is what an operation has to say, before it is put into an envelope.
type reply struct {
	status int
	data   any
	// list is set where data is a part of a list.
	list *listing
	// secret keeps caches from keeping the answer.
	secret bool
}

// listing says where a list goes on.
type listing struct {
	// next is the cursor of the next page, nil at the end.
	next *string
}

func shown(data any) reply { return reply{status: http.StatusOK, data: data} }

func created(data any) reply { return reply{status: http.StatusCreated, data: data} }

func accepted(data any) reply { return reply{status: http.StatusAccepted, data: data} }

// The envelopes (documentation: pagination and errors).
type (
	envelope struct {
		Data      any    `json:"data"`
		RequestID string `json:"request_id"`
	}
	listEnvelope struct {
		Data       any     `json:"data"`
		HasMore    bool    `json:"has_more"`
		NextCursor *string `json:"next_cursor"`
		RequestID  string  `json:"request_id"`
	}
	errorEnvelope struct {
		Error errorBody `json:"error"`
	}
	errorBody struct {
		Type      string `json:"type"`
		Code      string `json:"code"`
		Message   string `json:"message"`
		Param     string `json:"param,omitempty"`
		RequestID string `json:"request_id"`
	}
)

// answer renders a reply. Its header is what a repetition of the call under the same Idempotency-Key repeats, the request
// id included: header and body must name the same request.
func (r reply) answer(requestID string) (relay.Answer, error) {
	var document any = envelope{Data: r.data, RequestID: requestID}
	if r.list != nil {
		document = listEnvelope{Data: r.data, HasMore: r.list.next != nil, NextCursor: r.list.next, RequestID: requestID}
	}
	text, err := encode(document)
	if err != nil {
		return relay.Answer{}, fmt.Errorf("rendering an answer: %w", err)
	}
	header := map[string]string{"Content-Type": jsonType, requestIDHeader: requestID}
	if r.secret {
		header["Cache-Control"] = "no-store"
	}
	return relay.Answer{Status: r.status, Header: header, Body: text}, nil
}

// refusal renders an error.
func refusal(e *relay.Error, requestID string) relay.Answer {
	text, err := encode(errorEnvelope{errorBody{e.Type, e.Code, e.Message, e.Param, requestID}})
	if err != nil {
		// Strings can always be encoded.
		panic(err)
	}
	return relay.Answer{
		Status: e.Status, Body: text,
		Header: map[string]string{"Content-Type": jsonType, requestIDHeader: requestID},
	}
}

// encode writes JSON as people like to read it: no escapes that only HTML needs, and a line end for terminals.
func encode(document any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// timestamp writes a time as the API does: UTC, whole seconds (documentation: payloads).
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// optionalTime is nil for the zero time.
func optionalTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := timestamp(t)
	return &text
}

// optional is nil for the zero value.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// clip shortens what a message repeats of a request.
func clip(text string) string {
	const most = 80
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

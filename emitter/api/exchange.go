package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/store"
)

// requestIDHeader repeats the request_id of the body (documentation: errors).
const requestIDHeader = "X-Request-Id"

// call is one request to an operation, after its key was found good.
type call struct {
	request *http.Request
	org     relay.Org
	// scope is the phone number id of the path, empty where the path has none.
	scope string
	body  body
}

// id returns a part of the path that must be an id with this prefix. What cannot be one is no such object.
func (c *call) id(part, prefix, what string) (string, error) {
	id := c.request.PathValue(part)
	if !isID(prefix)(id) {
		return "", relay.NotFound(what)
	}
	return id, nil
}

// exchange writes what run answers, or the envelope of the error it returns.
func (a *api) exchange(w http.ResponseWriter, r *http.Request, run func(requestID string) (relay.Answer, error)) {
	id := a.service.NewID("req")
	answer, err := contained(func() (relay.Answer, error) { return run(id) })
	if err != nil {
		answer = refusal(a.refused(r, id, err), id)
	}
	header := w.Header()
	for name, value := range answer.Header {
		header.Set(name, value)
	}
	switch {
	case answer.Status == http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	case answer.Status >= http.StatusInternalServerError:
		// The documentation promises them for successes and for 4xx.
		a.limiter.clear(header)
	}
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(answer.Body)))
	w.WriteHeader(answer.Status)
	if _, err := w.Write(answer.Body); err != nil {
		a.log.Debug("an answer was not taken", "request_id", id, "error", err)
	}
}

// refused turns any error into one for the client, and logs what the client is not told.
func (a *api) refused(r *http.Request, id string, err error) *relay.Error {
	var known *relay.Error
	if errors.As(err, &known) {
		return known
	}
	attributes := []any{"request_id", id, "method", r.Method, "path", r.URL.Path, "error", err}
	var p *panicked
	switch {
	case errors.As(err, &p):
		a.log.Error("an API call panicked", append(attributes, "stack", string(p.stack))...)
	case r.Context().Err() != nil:
		a.log.Info("an API call was given up by its client", attributes...)
	default:
		a.log.Error("an API call failed", attributes...)
	}
	return &relay.Error{
		Status: http.StatusInternalServerError, Type: relay.TypeAPI, Code: "internal_error",
		Message: "something went wrong on our side; its log has the request id",
	}
}

// panicked is a panic as an error.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprint("panic: ", p.value) }

// contained runs a function and turns its panic into an error, except the one with which net/http ends a connection.
func contained(run func() (relay.Answer, error)) (answer relay.Answer, err error) {
	defer func() {
		switch value := recover(); value {
		case nil:
		case http.ErrAbortHandler:
			panic(value)
		default:
			err = &panicked{value: value, stack: debug.Stack()}
		}
	}()
	return run()
}

// handler wraps an operation in what all have in common.
func (a *api) handler(op operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.exchange(w, r, func(requestID string) (relay.Answer, error) { return a.perform(w, r, requestID, op) })
	})
}

// perform carries an operation out: first whether the caller may, then whether the request can be read, then the call.
func (a *api) perform(w http.ResponseWriter, r *http.Request, requestID string, op operation) (relay.Answer, error) {
	ctx := r.Context()
	c := &call{request: r}
	run := func(ctx context.Context) (relay.Answer, error) {
		// Contained here too, so that a panic does not take the service's book of idempotency keys along.
		return contained(func() (relay.Answer, error) {
			result, err := op.run(ctx, c)
			if err != nil {
				return relay.Answer{}, err
			}
			return result.answer(requestID)
		})
	}
	if op.open {
		return run(ctx)
	}
	var err error
	if c.org, err = a.service.Authenticate(ctx, BearerKey(r)); err != nil {
		return relay.Answer{}, err
	}
	if err := a.limiter.take(w.Header(), c.org, r.Method); err != nil {
		return relay.Answer{}, err
	}
	if c.scope, err = a.scope(ctx, c.org, r); err != nil {
		return relay.Answer{}, err
	}
	switch r.Method {
	case http.MethodPost:
		if c.body, err = readBody(w, r); err != nil {
			return relay.Answer{}, err
		}
		return a.once(ctx, w.Header(), c, run)
	case http.MethodPatch:
		if c.body, err = readBody(w, r); err != nil {
			return relay.Answer{}, err
		}
	}
	return run(ctx)
}

// BearerKey returns the API key of a request, or "" where none was sent as the documentation asks (authentication: not in
// the query, not as basic authentication, not in a cookie).
func BearerKey(r *http.Request) string {
	all := r.Header.Values("Authorization")
	if len(all) != 1 {
		return ""
	}
	scheme, key, _ := strings.Cut(all[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// scope returns the number that the path is about. The number of another organisation is no such number.
func (a *api) scope(ctx context.Context, org relay.Org, r *http.Request) (string, error) {
	scope := r.PathValue("phone_number_id")
	if scope == "" {
		return "", nil
	}
	accounts, err := a.service.Accounts(ctx, org)
	if err != nil {
		return "", err
	}
	for _, account := range accounts {
		if account.PhoneNumberID == scope {
			return scope, nil
		}
	}
	return "", relay.NotFound("phone number id: " + scope)
}

// numbers returns the organisation's numbers as people write them, by phone number id.
func (a *api) numbers(ctx context.Context, org relay.Org) (map[string]store.Account, error) {
	accounts, err := a.service.Accounts(ctx, org)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]store.Account, len(accounts))
	for _, account := range accounts {
		byID[account.PhoneNumberID] = account
	}
	return byID, nil
}

package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/graphql/exec"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// Path is where the door stands.
const Path = "/graphql"

// Bounds of a request. The whole of what the schema offers, asked for once, stays far below each.
const (
	// maxBody is in bytes, as for the REST API.
	maxBody = 1 << 20
	// maxTokens bounds a document. Its nesting needs no bound of its own: no type of the schema leads back to itself, and
	// introspection, which does, is bounded by the validator.
	maxTokens = 5000
	// maxComplexity is the number of fields that one operation may ask for, each mention counted.
	maxComplexity = 500
)

// Config is what the door is made of.
type Config struct {
	// Service finds organisations and remembers idempotent answers; Inside makes the calls.
	Service api.Service
	Inside  *api.Inside
	Edition contract.Edition
	// Log receives what went wrong inside; nil drops it. Neither keys nor secrets nor documents are logged.
	Log *slog.Logger
}

// New returns the door. It takes POST requests with a JSON body, whatever the path.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &door{service: c.Service, log: c.Log}
	d.server = handler.New(exec.NewExecutableSchema(exec.Config{Resolvers: &resolver{inside: c.Inside, paths: c.Edition.Paths}}))
	d.server.AddTransport(transport.POST{})
	d.server.SetParserTokenLimit(maxTokens)
	d.server.SetErrorPresenter(d.present)
	d.server.SetRecoverFunc(func(_ context.Context, value any) error { return internal{fmt.Errorf("panic: %v", value)} })
	d.server.Use(extension.Introspection{})
	d.server.Use(extension.FixedComplexityLimit(maxComplexity))
	return d
}

type door struct {
	service api.Service
	server  *handler.Server
	log     *slog.Logger
}

// ServeHTTP answers one request.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := &request{id: d.service.NewID("req"), key: api.BearerKey(r), header: http.Header{}}
	answer, err := d.answer(w, r, req)
	if err != nil {
		answer = refusal(d.refused(r.Context(), req.id, err), req.id)
	}
	header := w.Header()
	for name, value := range answer.Header {
		header.Set(name, value)
	}
	for name, values := range req.header {
		header[name] = values
	}
	header.Set("X-Content-Type-Options", "nosniff")
	// Some answers show a secret, and no cache could know which.
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(answer.Body)))
	w.WriteHeader(answer.Status)
	if _, err := w.Write(answer.Body); err != nil {
		d.log.Debug("an answer was not taken", "request_id", req.id, "error", err)
	}
}

// answer reads the request and carries it out.
func (d *door) answer(w http.ResponseWriter, r *http.Request, req *request) (relay.Answer, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return relay.Answer{}, &relay.Error{
			Status: http.StatusMethodNotAllowed, Type: relay.TypeInvalidRequest, Code: "method_not_allowed", Message: "GraphQL takes POST",
		}
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		// A form that any web page can post is not a request to obey.
		return relay.Answer{}, relay.Invalid("invalid_content_type", "Content-Type", "the body must be sent as Content-Type: application/json")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return relay.Answer{}, &relay.Error{
			Status: http.StatusRequestEntityTooLarge, Type: relay.TypeInvalidRequest, Code: "request_too_large",
			Message: fmt.Sprintf("the body is larger than %d bytes", maxBody),
		}
	case err != nil:
		return relay.Answer{}, relay.Invalid("invalid_json", "", "the body could not be read to its end")
	}
	params, err := readParams(text)
	if err != nil {
		return relay.Answer{}, err
	}
	run := func(ctx context.Context) (relay.Answer, error) { return d.execute(ctx, r, req, text), nil }
	return d.once(r, req, params, run)
}

// params is the body of a request (GraphQL over HTTP, section Request).
type params struct {
	Query         string          `json:"query"`
	OperationName string          `json:"operationName"`
	Variables     json.RawMessage `json:"variables"`
}

func readParams(text []byte) (params, error) {
	var p params
	if err := json.Unmarshal(text, &p); err != nil {
		return p, relay.Invalid("invalid_json", "", `the body is not like {"query": "...", "variables": {}}`)
	}
	if p.Query == "" {
		return p, relay.Invalid("missing_required_field", "query", "query is required")
	}
	return p, nil
}

// execute has gqlgen carry the operation out, and keeps the answer until it is known what its head has to say.
func (d *door) execute(ctx context.Context, r *http.Request, req *request, body []byte) relay.Answer {
	inner := r.Clone(context.WithValue(ctx, requestKey{}, req))
	inner.Body = io.NopCloser(bytes.NewReader(body))
	var kept recorder
	d.server.ServeHTTP(&kept, inner)
	answer := relay.Answer{Status: kept.status(), Body: kept.body.Bytes(), Header: map[string]string{
		"Content-Type": kept.Header().Get("Content-Type"), requestIDHeader: req.id,
	}}
	// Where the client knows the newer media type, a request that came to nothing says so in its status too.
	if strings.HasPrefix(answer.Header["Content-Type"], responseType) && answer.Status == http.StatusOK {
		answer.Status = statusOf(answer.Body)
	}
	return answer
}

// requestIDHeader repeats the request_id of errors, as in the REST API.
const requestIDHeader = "X-Request-Id"

// responseType is the media type of GraphQL over HTTP; application/json is the older one.
const responseType = "application/graphql-response+json"

// statusOf is the status of an answer without data: that of its first error.
func statusOf(body []byte) int {
	var a struct {
		Data   map[string]json.RawMessage `json:"data"`
		Errors []struct {
			Extensions struct {
				HTTP struct {
					Status int `json:"status"`
				} `json:"http"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &a) != nil || a.Data != nil || len(a.Errors) == 0 || a.Errors[0].Extensions.HTTP.Status == 0 {
		return http.StatusOK
	}
	return a.Errors[0].Extensions.HTTP.Status
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func (r *recorder) WriteHeader(status int) {
	if r.code == 0 {
		r.code = status
	}
}

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}

// present turns a resolver's error into one of GraphQL, and logs what the client is not told.
func (d *door) present(ctx context.Context, err error) *gqlerror.Error {
	req := requestOf(ctx)
	var known *relay.Error
	var inside internal
	if !errors.As(err, &known) && !errors.As(err, &inside) {
		// Of the document or of its variables, before any call was made. Those of gqlgen have codes of their own.
		shown := graphql.DefaultErrorPresenter(ctx, err)
		code, ok := shown.Extensions["code"].(string)
		if !ok {
			code = "invalid_field_value"
		}
		shown.Extensions = errorOf(relay.Invalid(code, "", "%s", shown.Message), req.id).Extensions
		return shown
	}
	shown := errorOf(d.refused(ctx, req.id, err), req.id)
	shown.Path = graphql.GetPath(ctx)
	return shown
}

// internal is an error of a call that is not for its client.
type internal struct{ error }

func (e internal) Unwrap() error { return e.error }

// refused turns any error into one for the client.
func (d *door) refused(ctx context.Context, id string, err error) *relay.Error {
	var known *relay.Error
	if errors.As(err, &known) {
		return known
	}
	if ctx.Err() != nil {
		d.log.Info("a GraphQL call was given up by its client", "request_id", id, "error", err)
	} else {
		d.log.Error("a GraphQL call failed", "request_id", id, "error", err)
	}
	return &relay.Error{
		Status: http.StatusInternalServerError, Type: relay.TypeAPI, Code: "internal_error",
		Message: "something went wrong on our side; its log has the request id",
	}
}

// errorOf writes a refusal as an error of GraphQL; ErrorExtensions in the schema describes it.
func errorOf(e *relay.Error, id string) *gqlerror.Error {
	extensions := map[string]any{
		"type": e.Type, "code": e.Code, "request_id": id, "http": map[string]any{"status": e.Status},
	}
	if e.Param != "" {
		extensions["param"] = e.Param
	}
	return &gqlerror.Error{Message: e.Message, Extensions: extensions}
}

// refusal is the answer to a request that came to no operation.
func refusal(e *relay.Error, id string) relay.Answer {
	text, err := json.Marshal(map[string]any{"errors": []*gqlerror.Error{errorOf(e, id)}})
	if err != nil {
		// Strings and numbers can always be encoded.
		panic(err)
	}
	return relay.Answer{Status: e.Status, Body: text, Header: map[string]string{"Content-Type": "application/json", requestIDHeader: id}}
}

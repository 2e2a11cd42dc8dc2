package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// Inside makes the API's calls within the process, for another door to the same service: with the same rules for every
// field, the same cursors, refusals and rate limits. It is safe for concurrent use.
type Inside struct {
	api        *api
	operations map[string]operation
}

// Call is one call, as a request would make it.
type Call struct {
	// Key is the API key; empty where none was sent.
	Key string
	// Operation is the method and the pattern of the path, such as "GET /contacts/{id}".
	Operation string
	// Parts are what stands in the places of the pattern. Without a phone_number_id, the call is about all numbers.
	Parts map[string]string
	Query url.Values
	// Body is a JSON object; nil where there is none.
	Body []byte
}

// Outcome is what a call has to say.
type Outcome struct {
	// Data is encoded as the member data of an answer is.
	Data any
	// HasMore and NextCursor are those of a list.
	HasMore    bool
	NextCursor *string
}

// Do makes a call. The header is where the rate limit tells what is left. A call that is refused returns a *relay.Error.
func (i *Inside) Do(ctx context.Context, header http.Header, in Call) (Outcome, error) {
	op, ok := i.operations[in.Operation]
	if !ok {
		return Outcome{}, relay.NotFound("call: " + in.Operation)
	}
	c := &call{request: in.request(ctx, op)}
	if !op.open {
		var err error
		if c.org, err = i.api.service.Authenticate(ctx, in.Key); err != nil {
			return Outcome{}, err
		}
		if err := i.api.limiter.take(header, c.org, op.method); err != nil {
			return Outcome{}, err
		}
		if c.scope, err = i.api.scope(ctx, c.org, c.request); err != nil {
			return Outcome{}, err
		}
	}
	if in.Body != nil {
		var err error
		if c.body, err = decode(in.Body); err != nil {
			return Outcome{}, err
		}
	}
	r, err := op.run(ctx, c)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Data: r.data}
	if r.list != nil {
		out.HasMore, out.NextCursor = r.list.next != nil, r.list.next
	}
	return out, nil
}

// request is what the operations look at: the parts of the path, the query, and the path that cursors are bound to.
func (in Call) request(ctx context.Context, op operation) *http.Request {
	path := op.path
	r := (&http.Request{Method: op.method, Header: http.Header{}}).WithContext(ctx)
	for name, value := range in.Parts {
		r.SetPathValue(name, value)
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	r.URL = &url.URL{Path: Base + path, RawQuery: in.Query.Encode()}
	return r
}

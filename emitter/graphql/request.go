package graphql

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// request is what the resolvers of one request share.
type request struct {
	id, key string

	// mu guards header: the fields of a query are resolved side by side, and each call tells what the rate limit leaves.
	mu     sync.Mutex
	header http.Header
}

type requestKey struct{}

// requestOf returns the request that an operation belongs to.
func requestOf(ctx context.Context) *request {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return &request{header: http.Header{}}
	}
	return r
}

// tell adds what a call said in its header. Of several calls, the last one counts.
func (r *request) tell(header http.Header) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(r.header, header)
}

// The headers of idempotency, as in the REST API.
const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotent-Replayed"
	maxKey         = 255
)

// once runs a mutation under its Idempotency-Key, where it has one. Queries do not look at the header, as GET does not.
// Only answers without errors are kept: a refusal has changed nothing, so that it may be put right under the same key.
func (d *door) once(
	r *http.Request, req *request, p params, run func(context.Context) (relay.Answer, error),
) (relay.Answer, error) {
	ctx := r.Context()
	keys := r.Header.Values(keyHeader)
	if len(keys) == 0 || !p.mutates() {
		return run(ctx)
	}
	if len(keys) > 1 || keys[0] == "" || len(keys[0]) > maxKey {
		return relay.Answer{}, relay.Invalid("invalid_field_value", keyHeader, "%s must occur once, with 1 to %d characters", keyHeader, maxKey)
	}
	org, err := d.service.Authenticate(ctx, req.key)
	if err != nil {
		return relay.Answer{}, err
	}
	req.tell(http.Header{replayedHeader: {"false"}})
	var refused *relay.Answer
	answer, replayed, err := d.service.Idempotent(ctx, org, keys[0], p.fingerprint(), func(ctx context.Context) (relay.Answer, error) {
		answer, err := run(ctx)
		if err == nil && hasErrors(answer.Body) {
			refused = &answer
			return relay.Answer{}, errNotKept
		}
		return answer, err
	})
	switch {
	case refused != nil:
		return *refused, nil
	case replayed:
		req.tell(http.Header{replayedHeader: {"true"}})
	}
	return answer, err
}

// errNotKept ends a run whose answer must not be repeated.
var errNotKept = fmt.Errorf("the operation has errors")

func hasErrors(body []byte) bool {
	var a struct {
		Errors []json.RawMessage `json:"errors"`
	}
	return json.Unmarshal(body, &a) != nil || len(a.Errors) > 0
}

// mutates reports whether the operation is a mutation. A document that cannot be read does nothing.
func (p params) mutates() bool {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: p.Query}, maxTokens)
	if err != nil {
		return false
	}
	op := doc.Operations.ForName(p.OperationName)
	return op != nil && op.Operation == ast.Mutation
}

// fingerprint tells requests apart: the document, the operation in it, and the variables whatever their blanks and order.
func (p params) fingerprint() [sha256.Size]byte {
	variables := p.Variables
	var value any
	decoder := json.NewDecoder(bytes.NewReader(p.Variables))
	decoder.UseNumber()
	if decoder.Decode(&value) == nil {
		if canonical, err := json.Marshal(value); err == nil {
			variables = canonical
		}
	}
	return sha256.Sum256(fmt.Appendf(nil, "GRAPHQL\n%d %s\n%s\n%s", len(p.Query), p.Query, p.OperationName, variables))
}

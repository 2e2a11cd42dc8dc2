package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/kirimcheck/kirimcheck/target/graphql"
)

// maxSchema bounds the answer to introspection; the schemas of the largest public APIs have a quarter of it.
const maxSchema = 32 << 20

// introspectWithin bounds one question for a schema.
const introspectWithin = 30 * time.Second

// graphQLServer is where a schema comes from: a file, or the server itself.
type graphQLServer struct {
	url    string
	schema string
	header http.Header
	client *http.Client
}

// readSchema reads the file, if there is one. nil means that the server has to be asked.
func (s graphQLServer) readSchema(dir, key string) (*ast.Schema, *ConfigError) {
	if s.schema == "" {
		return nil, nil
	}
	data, err := readBounded(Config{dir: dir}.path(s.schema))
	if err != nil {
		return nil, &ConfigError{Key: key, Problem: fmt.Sprintf("%s: %v", s.schema, err)}
	}
	schema, problem := graphql.LoadSchema(string(data))
	if problem != nil {
		return nil, &ConfigError{Key: key, Problem: problem.Message, inside: &place{s.schema, problem.Line, problem.Column}}
	}
	return schema, nil
}

// errNoIntrospection is a server that does not tell its schema.
var errNoIntrospection = errors.New("the server does not tell its schema")

// introspect asks the server for its schema.
func (s graphQLServer) introspect(ctx context.Context) (*ast.Schema, error) {
	var first error
	for _, query := range graphql.IntrospectionQueries() {
		data, err := s.ask(ctx, query)
		if err != nil {
			if !errors.Is(err, errNoIntrospection) {
				return nil, err
			}
			if first == nil {
				first = err
			}
			continue
		}
		sdl, err := graphql.FromIntrospection(data)
		if err != nil {
			return nil, err
		}
		schema, problem := graphql.LoadSchema(sdl)
		if problem != nil {
			return nil, fmt.Errorf("the schema that the server tells is not valid: %s", problem.Message)
		}
		return schema, nil
	}
	return nil, fmt.Errorf("%w; write schema: FILE, with its SDL", first)
}

// unreachableError is a server that was not reached.
type unreachableError struct{ error }

func (e unreachableError) Unwrap() error { return e.error }

// ask posts a query and returns its data.
func (s graphQLServer) ask(ctx context.Context, query string) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, introspectWithin)
	defer cancel()
	answer, _, err := s.post(ctx, map[string]any{"query": query}, maxSchema)
	switch {
	case err != nil:
		return nil, fmt.Errorf("introspection: %w", err)
	case len(answer.Errors) > 0:
		return nil, fmt.Errorf("%w: %s", errNoIntrospection, excerpt([]byte(answer.Errors[0].Message)))
	}
	return answer.Data, nil
}

// post posts a request and reads its answer, as far as that is not longer than the limit.
func (s graphQLServer) post(ctx context.Context, document map[string]any, limit int64) (a graphql.Answer, status int, err error) {
	body, err := encode(document)
	if err != nil {
		return a, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return a, 0, unwrapURL(err)
	}
	req.Header = s.header.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		return a, 0, unreachableError{fmt.Errorf("no answer: %w", unwrapURL(err))}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return a, resp.StatusCode, unreachableError{fmt.Errorf("the answer broke off: %w", err)}
	}
	if int64(len(text)) > limit {
		return a, resp.StatusCode, fmt.Errorf("the answer is larger than %d bytes", limit)
	}
	if a, err = graphql.ParseAnswer(text); err != nil {
		return a, resp.StatusCode, fmt.Errorf("answered %d, but %w: %s", resp.StatusCode, err, excerpt(text))
	}
	return a, resp.StatusCode, nil
}

package graphql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/graphql/exec"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// resolver makes the API's calls for the fields of queries and mutations.
type resolver struct {
	inside *api.Inside
	paths  contract.Paths
}

func (r *resolver) Query() exec.QueryResolver { return query{r} }

func (r *resolver) Mutation() exec.MutationResolver { return mutation{r} }

// scoped are the parts of a path that names one of the organisation's numbers, where the edition's do.
func scoped(phoneNumberID *string, id string) map[string]string {
	parts := map[string]string{"phone_number_id": ""}
	if phoneNumberID != nil {
		parts["phone_number_id"] = *phoneNumberID
	}
	if id != "" {
		parts["id"] = id
	}
	return parts
}

// shown makes a call, and reads what it shows into the type of the schema: the two have the same names.
func shown[T any](ctx context.Context, r *resolver, c api.Call) (*T, error) {
	outcome, err := r.call(ctx, c)
	if err != nil {
		return nil, err
	}
	return read[T](outcome.Data)
}

// list is which part of which list is asked for.
type list struct {
	filter map[string]any
	limit  *int
	cursor *string
}

// listed makes a call that lists, and reads the page.
func listed[T any](ctx context.Context, r *resolver, c api.Call, l list) (page *T, err error) {
	if c.Query, err = parameters(l.filter, l.limit, l.cursor); err != nil {
		return nil, err
	}
	outcome, err := r.call(ctx, c)
	if err != nil {
		return nil, err
	}
	return read[T](map[string]any{"items": outcome.Data, "has_more": outcome.HasMore, "next_cursor": outcome.NextCursor})
}

func (r *resolver) call(ctx context.Context, c api.Call) (api.Outcome, error) {
	req := requestOf(ctx)
	c.Key = req.key
	header := http.Header{}
	outcome, err := r.inside.Do(ctx, header, c)
	req.tell(header)
	var refused *relay.Error
	if err != nil && !errors.As(err, &refused) {
		err = internal{err}
	}
	return outcome, err
}

func read[T any](data any) (*T, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return nil, internal{fmt.Errorf("encoding what a call shows: %w", err)}
	}
	out := new(T)
	if err := json.Unmarshal(text, out); err != nil {
		return nil, internal{fmt.Errorf("reading what a call shows: %w", err)}
	}
	return out, nil
}

// body is an input as the body of a request; nil where there is none. What the caller left out is not in it.
func body(input map[string]any) ([]byte, error) {
	if input == nil {
		return nil, nil
	}
	text, err := json.Marshal(input)
	if err != nil {
		return nil, internal{fmt.Errorf("encoding an input: %w", err)}
	}
	return text, nil
}

// parameters are a filter and a place in a list as the query of a URL. Null selects nothing, as if it were left out.
func parameters(filter map[string]any, limit *int, cursor *string) (url.Values, error) {
	text, err := body(filter)
	if err != nil {
		return nil, err
	}
	var values map[string]*string
	if filter != nil {
		if err := json.Unmarshal(text, &values); err != nil {
			return nil, relay.Invalid("invalid_field_value", "filter", "filter has a value that is no text")
		}
	}
	q := url.Values{}
	for name, value := range values {
		if value != nil {
			q.Set(name, *value)
		}
	}
	if limit != nil {
		q.Set("limit", strconv.Itoa(*limit))
	}
	if cursor != nil {
		q.Set("cursor", *cursor)
	}
	return q, nil
}

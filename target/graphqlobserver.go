package target

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/kirimcheck/kirimcheck/target/graphql"
)

// GraphQLObserver asks the target over GraphQL for the number of effects.
type GraphQLObserver struct {
	// URL is where the query is posted to.
	URL string `yaml:"url"`
	// Query is the query itself; or File is a file that holds it, and Operation its name where there are several.
	Query     string `yaml:"query"`
	File      string `yaml:"file"`
	Operation string `yaml:"operation"`
	// Variables are templates with {event}, {event_id}, {item_id} and {status}; those variables that are called so need none.
	Variables map[string]any `yaml:"variables"`
	// Count is the path to the number in the data, such as effects.count.
	Count string `yaml:"count"`
	// Schema is a file with the target's schema in SDL; without it the target is asked by introspection.
	Schema string `yaml:"schema"`
	// Header is sent along; values may come from the environment.
	Header map[string]Value `yaml:"header"`

	// dir, words and located come from the target file: its folder, the names of events, and what completes an error.
	dir     string
	words   []string
	located func(*ConfigError) *ConfigError
}

const observeGraphQL = "observe.graphql"

// check checks everything that can be checked without the target. The operation is nil where the schema is not known yet.
func (o GraphQLObserver) check() (*graphql.Operation, *ConfigError) {
	fail := func(key, format string, args ...any) (*graphql.Operation, *ConfigError) {
		return nil, &ConfigError{Key: observeGraphQL + "." + key, Problem: fmt.Sprintf(format, args...)}
	}
	if _, err := parseHTTPURL(o.URL); err != nil {
		return fail("url", "%v", err)
	}
	switch {
	case o.Query == "" && o.File == "":
		return fail("query", "is missing; write the query, or file with the name of a file that holds it")
	case o.Query != "" && o.File != "":
		return fail("file", "both query and file are set; keep one")
	}
	if err := checkHeader(o.Header); err != nil && !strings.EqualFold(err.key, "authorization") {
		return fail("header."+err.key, "%s", err.problem)
	}
	for name, value := range o.Header {
		if _, err := value.read(); err != nil {
			return fail("header."+name, "%v", err)
		}
	}
	schema, err := graphQLServer{schema: o.Schema}.readSchema(o.dir, observeGraphQL+".schema")
	if err != nil || schema == nil {
		return nil, err
	}
	return o.compile(schema)
}

// compile checks the query against the schema.
func (o GraphQLObserver) compile(schema *ast.Schema) (*graphql.Operation, *ConfigError) {
	text := o.Query
	if o.File != "" {
		data, err := readBounded(Config{dir: o.dir}.path(o.File))
		if err != nil {
			return nil, &ConfigError{Key: observeGraphQL + ".file", Problem: fmt.Sprintf("%s: %v", o.File, err)}
		}
		text = string(data)
	}
	spec := graphql.Spec{
		Values:  []graphql.Value{always("event", o.words...), always("event_id"), always("item_id"), sometimes("status")},
		Results: []graphql.Result{counted("count", true)},
	}
	m := graphql.Mapping{Variables: o.Variables, Result: map[string]string{"at": ""}}
	if o.Count != "" {
		m.Result["count"] = o.Count
	}
	op, problem := graphql.Compile(schema, text, o.Operation, spec, m)
	switch {
	case problem == nil && op.Mutation:
		return nil, &ConfigError{Key: observeGraphQL + ".query", Problem: "is a mutation; looking must change nothing, so write a query"}
	case problem == nil && !op.Uses("event_id") && !op.Uses("item_id"):
		return nil, &ConfigError{Key: observeGraphQL + ".query", Problem: "no variable holds {event_id} or {item_id}, so effects could not be told apart"}
	case problem == nil:
		return op, nil
	}
	wrong := mapped(observeGraphQL, o.File, GraphQLOperation{Result: m.Result, Variables: o.Variables}, problem)
	// The only result has a key of its own.
	wrong.Key = strings.Replace(wrong.Key, observeGraphQL+".result.count", observeGraphQL+".count", 1)
	wrong.Problem = strings.Replace(wrong.Problem, "result.count: is missing", "count is missing", 1)
	return nil, wrong
}

// graphQLObserver counts effects over GraphQL.
type graphQLObserver struct {
	server    graphQLServer
	operation *graphql.Operation
	hidden    *hidden
}

// newGraphQLObserver checks the section, and asks the target for its schema where no file tells it.
func newGraphQLObserver(ctx context.Context, o GraphQLObserver, client *http.Client) (*graphQLObserver, error) {
	op, wrong := o.check()
	if wrong != nil {
		return nil, o.complete(wrong)
	}
	obs := &graphQLObserver{
		server:    graphQLServer{url: o.URL, header: http.Header{}, client: client},
		operation: op, hidden: &hidden{known: map[string]bool{}},
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": graphQLAccept, "User-Agent": "kirimcheck"} {
		obs.server.header.Set(name, value)
	}
	for name, value := range o.Header {
		text, err := value.read()
		if err != nil {
			return nil, fmt.Errorf("observer graphql: header %s: %w", name, err)
		}
		obs.server.header.Set(name, text)
		if value.Env != "" {
			obs.hidden.add(text)
		}
	}
	if op != nil {
		return obs, nil
	}
	schema, err := obs.server.introspect(ctx)
	if err != nil {
		return nil, fmt.Errorf("observer graphql: %s: %w", hostAndPath(o.URL), err)
	}
	if obs.operation, wrong = o.compile(schema); wrong != nil {
		return nil, o.complete(wrong)
	}
	return obs, nil
}

func (o GraphQLObserver) complete(e *ConfigError) *ConfigError {
	if o.located == nil {
		return e
	}
	return o.located(e)
}

// Count asks the target once.
func (o *graphQLObserver) Count(ctx context.Context, e Effect) (int, error) {
	values := map[string]any{}
	for name, value := range e.values() {
		// Most effects have no status.
		if name != "status" || value != "" {
			values[name] = value
		}
	}
	document := map[string]any{"query": o.operation.Query, "variables": o.operation.Variables(values)}
	if o.operation.Name != "" {
		document["operationName"] = o.operation.Name
	}
	answer, status, err := o.server.post(ctx, document, maxObserverAnswer)
	if err != nil {
		return 0, o.errorf("%w", err)
	}
	if len(answer.Errors) > 0 {
		return 0, o.errorf("the query was refused%s", o.told(answer.Errors[0]))
	}
	if status != http.StatusOK {
		return 0, o.errorf("answered %d; 200 with a count is expected", status)
	}
	read, err := o.operation.Read(answer.Data)
	if err != nil {
		return 0, o.errorf("%w", err)
	}
	count, err := countOf(read.Object["count"])
	if err != nil {
		return 0, o.errorf("the value at count %w", err)
	}
	return count, nil
}

// told is an error of the answer: its code, its place in the data, its message.
func (o *graphQLObserver) told(e graphql.Error) string {
	text := ""
	if code := e.Text("code"); code != "" {
		text += " with the code " + code
	}
	if where := e.Where(); where != "" {
		text += " at " + where
	}
	message := e.Message
	for _, secret := range o.hidden.all() {
		message = strings.ReplaceAll(message, secret, redacted)
	}
	return text + ": " + excerpt([]byte(message))
}

func (o *graphQLObserver) errorf(format string, args ...any) error {
	return fmt.Errorf("observer graphql: "+format, args...)
}

// Tells reports which values the query gets.
func (o *graphQLObserver) Tells() Tells {
	return Tells{EventID: o.operation.Uses("event_id"), Item: o.operation.Uses("item_id"), Status: o.operation.Uses("status")}
}

// Secrets returns everything that reports must hide.
func (o *graphQLObserver) Secrets() []string { return o.hidden.all() }

// String names the observer and its host.
func (o *graphQLObserver) String() string {
	return "graphql, " + hostAndPath(o.server.url)
}

package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target/graphql"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Preparer is an adapter that learns from the target before its first call.
type Preparer interface {
	// Prepare returns a *ConfigError where the configuration does not fit the target, and a *NoAnswerError where the
	// target cannot be reached. Once it has succeeded it does nothing.
	Prepare(ctx context.Context) error
}

// GraphQL manages a relay over GraphQL.
type GraphQL struct {
	config                  GraphQLConfig
	edition                 contract.Edition
	names                   Names
	client                  *wire.Client
	key, otherKey           Secret
	variable, otherVariable string
	header                  []configuredHeader
	secretForm              *regexp.Regexp
	hidden                  *hidden
	patience                patience
	// choice is the key of every call; see WithKey.
	choice KeyChoice
	// learn is shared with Other.
	learn *learning
}

// learning are the operations, which may have to wait for the server's schema.
type learning struct {
	server  graphQLServer
	compile func(*ast.Schema) (graphQLOperations, *ConfigError)

	mu         sync.Mutex
	operations graphQLOperations
}

var (
	_ Management = (*GraphQL)(nil)
	_ Preparer   = (*GraphQL)(nil)
	_ Keyed      = (*GraphQL)(nil)
)

// ErrREST is wrapped by the error of Call where a relay is not managed over REST.
var ErrREST = fmt.Errorf("it is about the conventions of Kirim's REST API, and this relay is managed over GraphQL: %w", errors.ErrUnsupported)

// newGraphQL makes the management of a target's section. Operations that can be checked without the relay are.
func (t *Target) newGraphQL(config GraphQLConfig, client *wire.Client) (*GraphQL, error) {
	n, problem := graphQLNames(t.Contract)
	if problem != nil {
		return nil, problem
	}
	m := &GraphQL{
		config: config, edition: t.Contract, names: n, client: client, key: t.Key, otherKey: t.OtherKey, patience: t.patience(),
		variable: KeyVariable, otherVariable: OtherKeyVariable, hidden: &hidden{known: map[string]bool{}},
		secretForm: regexp.MustCompile(regexp.QuoteMeta(t.Contract.Signature.SecretPrefix) + `[A-Za-z0-9_-]{8,}`),
	}
	for _, name := range slices.Sorted(maps.Keys(config.Header)) {
		value, err := config.Header[name].read()
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		m.header = append(m.header, configuredHeader{wire.Field{Name: name, Value: value}, config.Header[name].Env})
		if config.Header[name].Env != "" {
			m.hidden.add(value)
		}
	}
	m.hidden.add(t.Key.Reveal())
	m.hidden.add(t.OtherKey.Reveal())
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {graphQLAccept}, "User-Agent": {"kirimcheck"}}
	if key := t.Key.Reveal(); key != "" {
		header.Set("Authorization", "Bearer "+key)
	}
	for _, h := range m.header {
		header.Set(h.Name, h.Value)
	}
	m.learn = &learning{
		server: graphQLServer{url: config.URL, schema: config.Schema, header: header, client: client.HTTP(introspectWithin)},
		compile: func(schema *ast.Schema) (graphQLOperations, *ConfigError) {
			operations, wrong := config.compile(schema, t.dir, t.Contract, func(c Capability) bool { _, lacks := t.Lacks(c); return lacks })
			return operations, t.located(wrong)
		},
	}
	schema, wrong := m.learn.server.readSchema(t.dir, "management.graphql.schema")
	if wrong != nil {
		return nil, t.located(wrong)
	}
	if schema == nil {
		return m, nil
	}
	if m.learn.operations, wrong = m.learn.compile(schema); wrong != nil {
		return nil, wrong
	}
	return m, nil
}

// located completes an error that was found after the target file was read.
func (t *Target) located(e *ConfigError) *ConfigError {
	if e == nil {
		return nil
	}
	e.Place = t.place
	e.locate(t.source)
	return e
}

// Prepare asks the relay for its schema, where no file tells it, and checks the operations against it.
func (m *GraphQL) Prepare(ctx context.Context) error {
	_, err := m.operations(ctx)
	return err
}

func (m *GraphQL) operations(ctx context.Context) (graphQLOperations, error) {
	l := m.learn
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.operations != nil {
		return l.operations, nil
	}
	schema, err := l.server.introspect(ctx)
	var unreached unreachableError
	switch {
	case errors.As(err, &unreached):
		return nil, &NoAnswerError{Call: "introspection", Trouble: wire.NotReached, Err: unreached.error}
	case err != nil:
		return nil, &ConfigError{Place: "management.graphql, " + hostAndPath(m.config.URL), Problem: m.hide(err.Error())}
	}
	operations, wrong := l.compile(schema)
	if wrong != nil {
		return nil, wrong
	}
	l.operations = operations
	return operations, nil
}

// Other is the same relay with the keys exchanged.
func (m *GraphQL) Other() (Management, bool) {
	if m.otherKey.Reveal() == "" {
		return nil, false
	}
	other := *m
	other.key, other.otherKey = m.otherKey, m.key
	other.variable, other.otherVariable = m.otherVariable, m.variable
	return &other, true
}

// WithKey is the same relay without its key.
func (m *GraphQL) WithKey(choice KeyChoice) Management {
	other := *m
	other.choice = choice
	return &other
}

// Names are the edition's words; those of the relay are turned into them.
func (m *GraphQL) Names() Names { return m.names }

// Paths are none.
func (m *GraphQL) Paths() RESTPaths { return RESTPaths{} }

// PhoneNumberID is the account that webhooks should be about.
func (m *GraphQL) PhoneNumberID() string { return m.config.PhoneNumberID }

// Secrets returns everything that reports must hide.
func (m *GraphQL) Secrets() []string { return m.hidden.all() }

// String names the API and where it is.
func (m *GraphQL) String() string { return "graphql, " + hostAndPath(m.config.URL) }

// Call makes no request: what it is asked for is REST.
func (m *GraphQL) Call(_ context.Context, r Request) Reply {
	path, _, _ := strings.Cut(r.Path, "?")
	return Reply{call: r.Method + " " + path, failure: ErrREST}
}

func (m *GraphQL) hide(s string) string {
	for _, secret := range m.hidden.all() {
		s = strings.ReplaceAll(s, secret, redacted)
	}
	return s
}

// graphQLAccept is what is taken: the media type of GraphQL over HTTP, and the older one.
const graphQLAccept = "application/graphql-response+json, application/json;q=0.9"

// do carries an operation out. The reply has the answer in the form of the REST API.
func (m *GraphQL) do(ctx context.Context, name string, key KeyChoice, values map[string]any) (Reply, error) {
	operations, err := m.operations(ctx)
	if err != nil {
		return Reply{}, err
	}
	if m.choice != DefaultKey {
		key = m.choice
	}
	op := operations[name]
	if op == nil {
		return Reply{}, fmt.Errorf("the relay has no operation %s: %w", name, errors.ErrUnsupported)
	}
	if strings.Contains(m.edition.Paths.Contacts, phoneNumberIDHole) {
		values = maps.Clone(values)
		if values == nil {
			values = map[string]any{}
		}
		values["phone_number_id"] = m.config.PhoneNumberID
	}
	document := map[string]any{"query": op.Query, "variables": op.Variables(values)}
	if op.Name != "" {
		document["operationName"] = op.Name
	}
	body, err := encode(document)
	if err != nil {
		return Reply{}, fmt.Errorf("%s: the request cannot be encoded: %w", name, err)
	}
	reply := Reply{call: name, fresh: map[int]string{}}
	request := wire.Request{Method: http.MethodPost, URL: m.config.URL, Body: body}
	add := func(name, value, shown string) {
		if shown != "" {
			reply.fresh[len(request.Header)] = shown
		}
		request.Header = append(request.Header, wire.Field{Name: name, Value: value})
	}
	switch secret := m.key.Reveal(); {
	case key == WrongKey:
		add("Authorization", "Bearer "+wrongKey, "")
	case key == DefaultKey && secret != "":
		add("Authorization", "Bearer "+secret, "Bearer $"+m.variable)
	}
	add("Accept", graphQLAccept, "")
	add("Content-Type", "application/json", "")
	add("User-Agent", "kirimcheck", "")
	for _, h := range m.header {
		shown := ""
		if h.variable != "" {
			shown = "$" + h.variable
		}
		add(h.Name, h.Value, shown)
	}
	reply.Exchange, reply.Waited = m.patience.call(ctx, func(ctx context.Context) wire.Exchange { return m.client.Send(ctx, request) })
	for _, found := range m.secretForm.FindAll(reply.Body, -1) {
		m.hidden.add(string(found))
	}
	reply.RequestID = reply.Header.Get("X-Request-Id")
	m.read(&reply, op, name)
	return reply, reply.failure
}

// read takes the answer apart.
func (m *GraphQL) read(r *Reply, op *graphql.Operation, name string) {
	off := func(format string, args ...any) { r.failure = r.off(format, args...) }
	switch {
	case r.Trouble != wire.None:
		r.failure = &NoAnswerError{Call: r.call, Trouble: r.Trouble, Err: r.Err}
		return
	case r.BodyCut:
		off("the answer is larger than %d bytes", len(r.Body))
		return
	}
	answer, err := graphql.ParseAnswer(r.Body)
	if err != nil {
		off("%v: %s", err, excerpt([]byte(m.hide(string(r.Body)))))
		return
	}
	if len(answer.Errors) > 0 {
		r.failure = m.refusal(r, answer.Errors[0], false)
		return
	}
	if !r.Acknowledged() {
		off("the answer has data without errors: %s", excerpt([]byte(m.hide(string(r.Body)))))
		return
	}
	read, err := op.Read(answer.Data)
	switch {
	case err != nil:
		off("%v: %s", err, excerpt([]byte(m.hide(string(answer.Data)))))
		return
	case len(read.Refused) > 0:
		r.failure = m.refusal(r, read.Refused[0], true)
		return
	case read.Object == nil && read.Items == nil && op.Mutation:
		off("the answer has null where what was done should be: %s", excerpt([]byte(m.hide(string(answer.Data)))))
		return
	case read.Object == nil && read.Items == nil:
		// So GraphQL usually says that there is no such thing.
		r.failure = &APIError{Call: r.call, Status: http.StatusNotFound, Type: "not_found", Code: "resource_not_found", Message: "the answer is null"}
		return
	}
	m.form(r, read, name)
}

// form writes what was read in the form of the REST API.
func (m *GraphQL) form(r *Reply, read graphql.Read, name string) {
	kind := ""
	for _, call := range graphQLCalls {
		if call.name == name {
			kind = call.object
		}
	}
	envelope := map[string]any{"data": named(read.Object, kind)}
	if read.Items != nil {
		for i := range read.Items {
			read.Items[i] = named(read.Items[i], kind)
		}
		envelope["data"], envelope["has_more"], envelope["next_cursor"] = read.Items, read.HasMore, any(nil)
		if read.NextCursor != "" {
			envelope["next_cursor"] = read.NextCursor
		}
		r.HasMore, r.NextCursor = read.HasMore, read.NextCursor
	}
	text, err := encode(envelope)
	var data []byte
	if err == nil {
		data, err = encode(envelope["data"])
	}
	if err != nil {
		r.failure = r.off("the answer cannot be encoded anew: %v", err)
		return
	}
	r.Data, r.mapped = json.RawMessage(data), text
}

// named gives an object the member object, where the operation asks for none: GraphQL tells it by the type.
func named(object map[string]any, kind string) map[string]any {
	if _, told := object["object"]; object != nil && !told && kind != "" {
		object["object"] = kind
	}
	return object
}

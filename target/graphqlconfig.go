package target

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target/graphql"
)

// GraphQLConfig configures the management of a relay over GraphQL. Without operations of its own it asks for those of
// schemas/kirim.graphql.
type GraphQLConfig struct {
	// URL is where operations are posted to, such as http://127.0.0.1:8787/graphql.
	URL string `yaml:"url"`
	// Key is the API key, sent as a bearer token; OtherKey, where given, that of another organisation.
	Key      SecretRef `yaml:"key"`
	OtherKey SecretRef `yaml:"other_key"`
	// PhoneNumberID is the account that the mock Meta sender's webhooks are about; by default DefaultPhoneNumberID.
	PhoneNumberID string `yaml:"phone_number_id"`
	// Schema is a file with the relay's schema in SDL; without it the relay is asked by introspection.
	Schema string `yaml:"schema"`
	// Documents is a file of operations, each called like one of the harness's, such as createSubscription.
	Documents string `yaml:"documents"`
	// Operations are where the relay differs, by the names of the harness's operations.
	Operations map[string]GraphQLOperation `yaml:"operations"`
	// Words are the relay's words for events and statuses, by those of Kirim.
	Words map[string]string `yaml:"words"`
	// Errors says how refusals are told.
	Errors GraphQLErrors `yaml:"errors"`
	// Header is sent with every call.
	Header map[string]Value `yaml:"header"`
	// Timeout bounds one call; by default DefaultCallTimeout.
	Timeout time.Duration `yaml:"timeout"`
}

// GraphQLOperation is an operation of the relay's and how it is mapped.
type GraphQLOperation struct {
	// Query is the operation itself; or File is a file that holds it.
	Query string `yaml:"query"`
	File  string `yaml:"file"`
	// Operation is its name, where the text has several.
	Operation string `yaml:"operation"`
	// Variables, Result and UserErrors are those of graphql.Mapping.
	Variables  map[string]any    `yaml:"variables"`
	Result     map[string]string `yaml:"result"`
	UserErrors string            `yaml:"user_errors"`
}

// GraphQLErrors says where in an error its parts are: paths in its extensions, or for errors in the data in the error itself.
type GraphQLErrors struct {
	// Code is by default code; Status http.status, and then status; Type type; Param param.
	Code   string `yaml:"code"`
	Status string `yaml:"status"`
	Type   string `yaml:"type"`
	Param  string `yaml:"param"`
	// Codes are what the relay's codes mean in the REST API.
	Codes map[string]GraphQLCode `yaml:"codes"`
}

// GraphQLCode is a refusal as the REST API tells it. What is empty is left as the error has it.
type GraphQLCode struct {
	Status int    `yaml:"status"`
	Code   string `yaml:"code"`
	Type   string `yaml:"type"`
}

// resolve fills in the defaults, and checks everything but the keys and the operations.
func (c GraphQLConfig) resolve() (GraphQLConfig, *fieldError) {
	if c.URL == "" {
		return c, &fieldError{"url", "is missing; write where operations are posted to, such as http://127.0.0.1:8787/graphql"}
	}
	u, err := parseBareURL(c.URL)
	if err != nil {
		return c, &fieldError{"url", err.Error()}
	}
	c.URL = u.String()
	c.PhoneNumberID = orText(c.PhoneNumberID, DefaultPhoneNumberID)
	if !phoneNumberID.MatchString(c.PhoneNumberID) {
		return c, &fieldError{"phone_number_id", fmt.Sprintf("%q is none; write 6 to 20 digits, such as %s", c.PhoneNumberID, DefaultPhoneNumberID)}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Operations)) {
		if err := c.Operations[name].check(name, c.Documents != ""); err != nil {
			return c, &fieldError{"operations." + err.key, err.problem}
		}
	}
	for _, code := range slices.Sorted(maps.Keys(c.Errors.Codes)) {
		if status := c.Errors.Codes[code].Status; status != 0 && (status < 400 || status > 599) {
			return c, &fieldError{"errors.codes." + code + ".status", fmt.Sprintf("%d is no status of a refusal; write one such as 404", status)}
		}
	}
	if err := checkHeader(c.Header); err != nil {
		return c, &fieldError{"header." + err.key, err.problem}
	}
	if c.Timeout < 0 {
		return c, &fieldError{"timeout", fmt.Sprintf("%s is negative; write a duration such as 40s", c.Timeout)}
	}
	c.Timeout = orDefault(c.Timeout, DefaultCallTimeout)
	return c, nil
}

func (o GraphQLOperation) check(name string, documents bool) *fieldError {
	known := func(call graphQLCall) bool { return call.name == name }
	switch {
	case !slices.ContainsFunc(graphQLCalls, known):
		var all []string
		for _, call := range graphQLCalls {
			all = append(all, call.name)
		}
		return &fieldError{name, "there is no such operation; there are " + strings.Join(all, ", ")}
	case o.Query != "" && o.File != "":
		return &fieldError{name, "both query and file are set; keep one"}
	case o.Operation != "" && o.Query == "" && o.File == "" && !documents:
		return &fieldError{name + ".operation", "names one of several operations, and neither query, file nor documents holds any"}
	}
	return nil
}

// root is where the relay stands, without the path of its GraphQL.
func (c GraphQLConfig) root() string { return strings.TrimSuffix(c.URL, "/graphql") }

// graphQLNames are the words of this API: those of the edition, which words turns into the relay's.
func graphQLNames(edition contract.Edition) (n Names, problem *fieldError) {
	problem = n.resolve(edition)
	return n, problem
}

// operationText is the text of an operation, and where it is from.
type operationText struct {
	text, operation string
	// file is the file that it stands in; empty for the target file, and for what the harness brings along.
	file string
	// own says that it is the harness's own.
	own bool
}

// text finds the operation that a call is made with. ok is false where there is none.
func (c GraphQLConfig) text(dir string, call graphQLCall) (found operationText, ok bool, err *ConfigError) {
	o := c.Operations[call.name]
	key := "management.graphql.operations." + call.name
	file := o.File
	if file == "" && o.Query == "" {
		file = c.Documents
	}
	switch {
	case o.Query != "":
		return operationText{text: o.Query, operation: o.Operation}, true, nil
	case file == "":
		text, ok := defaultOperations()[call.name]
		return operationText{text: text, own: true}, ok, nil
	}
	path := Config{dir: dir}.path(file)
	data, readErr := readBounded(path)
	if readErr != nil {
		if o.File == "" {
			key = "management.graphql.documents"
		}
		return found, false, &ConfigError{Key: key, Problem: fmt.Sprintf("%s: %v", file, readErr)}
	}
	found = operationText{text: string(data), operation: o.Operation, file: file}
	if o.File != "" || o.Operation != "" {
		return found, true, nil
	}
	// Of a file for all of them, the operation that is called like the harness's.
	names, problem := graphql.OperationNames(found.text)
	if problem != nil {
		return found, false, &ConfigError{Key: "management.graphql.documents", Problem: problem.Message, inside: &place{file, problem.Line, problem.Column}}
	}
	for _, name := range names {
		if call.isCalled(name) {
			found.operation = name
			return found, true, nil
		}
	}
	text, ok := defaultOperations()[call.name]
	return operationText{text: text, own: true}, ok, nil
}

// isCalled reports whether an operation of documents is this one, such as createSubscription or create_subscription.
func (call graphQLCall) isCalled(name string) bool {
	return strings.EqualFold(name, strings.ReplaceAll(call.name, "_", "")) || name == call.name
}

// unclaimed refuses an operation of documents that is called like none of the harness's and that none names. With its name
// misspelt, the one of schemas/kirim.graphql would take its place without a word.
func (c GraphQLConfig) unclaimed(dir string) *ConfigError {
	if c.Documents == "" {
		return nil
	}
	const key = "management.graphql.documents"
	data, err := readBounded(Config{dir: dir}.path(c.Documents))
	if err != nil {
		return &ConfigError{Key: key, Problem: fmt.Sprintf("%s: %v", c.Documents, err)}
	}
	names, problem := graphql.OperationNames(string(data))
	if problem != nil {
		return &ConfigError{Key: key, Problem: problem.Message, inside: &place{c.Documents, problem.Line, problem.Column}}
	}
	var known []string
	for _, call := range graphQLCalls {
		known = append(known, call.name)
		names = slices.DeleteFunc(names, func(name string) bool { return call.isCalled(name) || c.Operations[call.name].Operation == name })
	}
	if len(names) == 0 {
		return nil
	}
	return &ConfigError{Key: key, Problem: fmt.Sprintf("%s: no operation of the harness is called %q, and none in operations names it; there are %s",
		c.Documents, names[0], strings.Join(known, ", "))}
}

// resolveGraphQL checks the section and reads its keys. It returns where the relay stands, for the clock.
func (t *Target) resolveGraphQL() (RESTConfig, *fieldError) {
	c, err := t.Management.GraphQL.resolve()
	if err == nil && (c.Key != (SecretRef{}) || len(c.Header) == 0 || t.givenKey.Reveal() != "") {
		// Where the file has headers, those may be what the relay knows its clients by.
		err = t.readKeys(c.Key, c.OtherKey)
	}
	if err != nil {
		return RESTConfig{}, &fieldError{"management.graphql." + err.key, err.problem}
	}
	t.Management.GraphQL = &c
	if t.Clock.Mode == ScaledClock && t.Clock.Now == nil {
		t.Clock.Now = &NowCall{URL: c.root() + "/test/clock", Time: "/now"}
	}
	return RESTConfig{Base: c.root()}, nil
}

// checkGraphQL checks the operations of management and observer, as far as that can be done without the target.
func (t *Target) checkGraphQL() error {
	if c := t.Management.GraphQL; c != nil {
		client, err := t.Client(c.Timeout)
		if err != nil {
			return err
		}
		_, err = t.newGraphQL(*c, client)
		return err
	}
	return nil
}

// Prepare has adapters learn what they need to know of the target, where that takes a question to it.
func (t *Target) Prepare(ctx context.Context) error {
	if g := t.Observe.GraphQL; g != nil && g.Schema == "" {
		client, err := t.Client(ObserverTimeout)
		if err != nil {
			return err
		}
		_, err = newGraphQLObserver(ctx, *g, client.HTTP(introspectWithin))
		return err
	}
	if t.Management.GraphQL == nil {
		return nil
	}
	m, err := t.NewManagement()
	if err != nil {
		return err
	}
	if p, ok := m.(Preparer); ok {
		return p.Prepare(ctx)
	}
	return nil
}

package target

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target/graphql"
)

// graphQLOperations are the operations of a relay, checked against its schema. A call without one is not there.
type graphQLOperations map[string]*graphql.Operation

// compile checks every operation that the relay's capabilities ask for.
func (c GraphQLConfig) compile(schema *ast.Schema, dir string, edition contract.Edition, lacks func(Capability) bool) (graphQLOperations, *ConfigError) {
	n, wrong := graphQLNames(edition)
	if wrong != nil {
		return nil, &ConfigError{Key: wrong.key, Problem: wrong.problem}
	}
	if wrong := c.unclaimed(dir); wrong != nil {
		return nil, wrong
	}
	words := newVocabulary(edition, n, lacks)
	out := graphQLOperations{}
	for _, call := range graphQLCalls {
		if lacks(call.needs) {
			continue
		}
		if _, sends := edition.Outbound(); call.name == "send_message" && !sends {
			continue
		}
		found, ok, wrong := c.text(dir, call)
		if wrong != nil {
			return nil, wrong
		}
		if !ok {
			continue
		}
		o := c.Operations[call.name]
		op, problem := graphql.Compile(schema, found.text, found.operation, call.spec(words), graphql.Mapping{
			Variables: o.Variables, Result: o.Result, Words: c.Words, UserErrors: o.UserErrors,
		})
		if problem == nil {
			out[call.name] = op
			continue
		}
		if call.name == "health" && found.own {
			// Nobody is asked for a health of its own making.
			continue
		}
		return nil, call.wrong(found, o, problem)
	}
	return out, nil
}

// wrong tells where in which file a problem is.
func (call graphQLCall) wrong(found operationText, o GraphQLOperation, p *graphql.Problem) *ConfigError {
	key := "management.graphql.operations." + call.name
	if found.own {
		message := "the relay's schema does not have what the harness asks for, " + p.Message
		if p.Key != "" {
			message = "the relay's schema does not have what the harness asks for; " + p.Key + ": " + p.Message
		}
		message += "; write the relay's own operation here"
		if call.needs != "" {
			message += ", or declare the capability " + string(call.needs) + " absent"
		}
		return &ConfigError{Key: key, Problem: message}
	}
	return mapped(key, found.file, o, p)
}

// mapped tells a problem of an operation that the user wrote: at the key of the mapping where that stands in the file, and
// else in the operation's text.
func mapped(key, file string, o GraphQLOperation, p *graphql.Problem) *ConfigError {
	text := &place{file, p.Line, p.Column}
	if p.Key == "" {
		if file == "" {
			key += ".query"
		}
		return &ConfigError{Key: key, Problem: p.Message, inside: text}
	}
	section, name, _ := strings.Cut(p.Key, ".")
	written := false
	switch section {
	case "result":
		_, written = o.Result[name]
	case "variables":
		variable, _, _ := strings.Cut(name, ".")
		_, written = o.Variables[variable]
	case "user_errors", "operation":
		written = true
	}
	if written || p.Line == 0 {
		return &ConfigError{Key: key + "." + p.Key, Problem: p.Message, inside: &place{}}
	}
	if file == "" {
		return &ConfigError{Key: key + ".query", Problem: fmt.Sprintf("%s: %s", p.Key, p.Message), inside: text}
	}
	return &ConfigError{Key: key + "." + p.Key, Problem: p.Message, inside: text}
}

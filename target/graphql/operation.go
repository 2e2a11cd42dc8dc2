package graphql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// Operation is an operation that was checked against a schema, with its mapping. It is safe for concurrent use.
type Operation struct {
	// Query is the document that is sent, Name the operation in it; the name is empty where the document has one without.
	Query, Name string
	// Mutation says that the operation may change something.
	Mutation bool

	variables []variable
	reader    reader
}

// maxQueryTokens bounds a document of operations.
const maxQueryTokens = 100_000

// parse reads a document and checks it against the schema.
func parse(schema *ast.Schema, query string) (*ast.QueryDocument, *Problem) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Name: "operation", Input: query}, maxQueryTokens)
	if err != nil {
		return nil, problemOf(err)
	}
	if list := validator.ValidateWithRules(schema, doc, nil); len(list) > 0 {
		return nil, problemOf(list)
	}
	return doc, nil
}

// OperationNames returns the names of the operations in a document, without checking it against a schema.
func OperationNames(query string) ([]string, *Problem) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Name: "operation", Input: query}, maxQueryTokens)
	if err != nil {
		return nil, problemOf(err)
	}
	var all []string
	for _, o := range doc.Operations {
		all = append(all, o.Name)
	}
	return all, nil
}

// Compile checks a document of operations against the schema, and one of its operations against what the caller needs of
// it. An empty name is the only operation of the document.
func Compile(schema *ast.Schema, query, name string, spec Spec, m Mapping) (*Operation, *Problem) {
	doc, problem := parse(schema, query)
	if problem != nil {
		return nil, problem
	}
	op, problem := choose(doc, name)
	if problem != nil {
		return nil, problem
	}
	out := &Operation{Query: query, Name: op.Name, Mutation: op.Operation == ast.Mutation}
	c := &compiler{schema: schema, doc: doc, op: op, spec: spec, mapping: m}
	if out.variables, problem = c.variables(); problem != nil {
		return nil, problem
	}
	if out.reader, problem = c.reader(); problem != nil {
		return nil, problem
	}
	return out, nil
}

func choose(doc *ast.QueryDocument, name string) (*ast.OperationDefinition, *Problem) {
	var known []string
	for _, o := range doc.Operations {
		known = append(known, cmp.Or(o.Name, "one without a name"))
	}
	var op *ast.OperationDefinition
	switch {
	case len(doc.Operations) == 0:
		return nil, &Problem{Message: "there is no operation; write a query or a mutation"}
	case name != "":
		if op = doc.Operations.ForName(name); op == nil {
			return nil, &Problem{Key: "operation", Message: fmt.Sprintf("there is no operation %s; there is %s", name, strings.Join(known, ", "))}
		}
	case len(doc.Operations) > 1:
		return nil, &Problem{Key: "operation", Message: "is missing; there are several: " + strings.Join(known, ", ")}
	default:
		op = doc.Operations[0]
	}
	if op.Operation == ast.Subscription {
		return nil, at(op.Position, "a subscription is answered with a stream; write a query or a mutation")
	}
	return op, nil
}

// compiler checks one operation.
type compiler struct {
	schema  *ast.Schema
	doc     *ast.QueryDocument
	op      *ast.OperationDefinition
	spec    Spec
	mapping Mapping
}

func at(p *ast.Position, format string, args ...any) *Problem {
	problem := &Problem{Message: fmt.Sprintf(format, args...)}
	if p != nil {
		problem.Line, problem.Column = p.Line, p.Column
	}
	return problem
}

// named is at for a fault of the mapping.
func named(key string, p *ast.Position, format string, args ...any) *Problem {
	problem := at(p, format, args...)
	problem.Key = key
	return problem
}

// plain is a name without what styles of names differ in: subscriptionId and subscription_id are the same.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return -1
	}, name)
}

// value finds the value that is called so.
func (c *compiler) value(name string) (Value, bool) {
	i := slices.IndexFunc(c.spec.Values, func(v Value) bool { return plain(v.Name) == plain(name) })
	if i < 0 {
		return Value{}, false
	}
	return c.spec.Values[i], true
}

// values lists the values for messages.
func (c *compiler) values() string {
	var all []string
	for _, v := range c.spec.Values {
		all = append(all, "{"+v.Name+"}")
	}
	if len(all) == 0 {
		return "there are no values for this operation"
	}
	return "there are " + strings.Join(all, ", ")
}

// enum returns the enum of a type, nil where it is none.
func (c *compiler) enum(t *ast.Type) *ast.Definition {
	if d := c.schema.Types[t.Name()]; d != nil && d.Kind == ast.Enum {
		return d
	}
	return nil
}

// toServer are the server's words for those of the caller. A word that an enum has no value for is a problem.
func (c *compiler) toServer(words []string, t *ast.Type) (map[string]string, string) {
	out := map[string]string{}
	enum := c.enum(t)
	for _, word := range words {
		if theirs, ok := c.mapping.Words[word]; ok {
			if enum != nil && enum.EnumValues.ForName(theirs) == nil {
				return nil, fmt.Sprintf("the enum %s has no value %s, which words says for %s; it has %s", enum.Name, theirs, word, valuesOf(enum))
			}
			out[word] = theirs
			continue
		}
		if enum == nil {
			continue
		}
		found := matching(enum, word)
		if found == "" {
			return nil, fmt.Sprintf("the enum %s has no value like %s; add one of %s to words", enum.Name, word, valuesOf(enum))
		}
		out[word] = found
	}
	return out, ""
}

// fromServer are the caller's words for those of the server.
func (c *compiler) fromServer(words []string, t *ast.Type) map[string]string {
	out := map[string]string{}
	enum := c.enum(t)
	for _, word := range words {
		if theirs, ok := c.mapping.Words[word]; ok {
			out[theirs] = word
		} else if enum != nil {
			if found := matching(enum, word); found != "" {
				out[found] = word
			}
		}
	}
	return out
}

func matching(enum *ast.Definition, word string) string {
	for _, v := range enum.EnumValues {
		if plain(v.Name) == plain(word) {
			return v.Name
		}
	}
	return ""
}

func valuesOf(enum *ast.Definition) string {
	var all []string
	for _, v := range enum.EnumValues {
		all = append(all, v.Name)
	}
	return strings.Join(all, ", ")
}

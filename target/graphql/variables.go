package graphql

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// variable is a variable of an operation, and how it is filled.
type variable struct {
	name string
	fill node
}

// node fills one place of the variables. ok is false where the place is left out.
type node interface {
	fill(values map[string]any) (filled any, ok bool)
}

type (
	// literal is sent as it is.
	literal struct{ value any }
	// hole stands for a value; words are the server's for those of the caller.
	hole struct {
		name  string
		words map[string]string
	}
	object map[string]node
	list   []node
)

func (l literal) fill(map[string]any) (any, bool) { return l.value, true }

func (h hole) fill(values map[string]any) (any, bool) {
	value, ok := values[h.name]
	translate := func(word string) any {
		if theirs, known := h.words[word]; known {
			return theirs
		}
		return word
	}
	switch v := value.(type) {
	case string:
		return translate(v), ok
	case []string:
		out := make([]any, 0, len(v))
		for _, word := range v {
			out = append(out, translate(word))
		}
		return out, ok
	case []any:
		out := slices.Clone(v)
		for i, item := range out {
			if word, isText := item.(string); isText {
				out[i] = translate(word)
			}
		}
		return out, ok
	}
	return value, ok
}

func (o object) fill(values map[string]any) (any, bool) {
	out := map[string]any{}
	for name, inner := range o {
		if value, ok := inner.fill(values); ok {
			out[name] = value
		}
	}
	return out, true
}

func (l list) fill(values map[string]any) (any, bool) {
	out := []any{}
	for _, inner := range l {
		if value, ok := inner.fill(values); ok {
			out = append(out, value)
		}
	}
	return out, true
}

// Variables fills the operation's variables with the values of a call. Values that the call leaves out are left out.
func (o *Operation) Variables(values map[string]any) map[string]any {
	out := map[string]any{}
	for _, v := range o.variables {
		if value, ok := v.fill.fill(values); ok {
			out[v.name] = value
		}
	}
	return out
}

// Uses reports whether a value stands in one of the variables.
func (o *Operation) Uses(value string) bool {
	var within func(n node) bool
	within = func(n node) bool {
		switch n := n.(type) {
		case hole:
			return n.name == value
		case object:
			return slices.ContainsFunc(slices.Collect(maps.Values(n)), within)
		case list:
			return slices.ContainsFunc(n, within)
		}
		return false
	}
	return slices.ContainsFunc(o.variables, func(v variable) bool { return within(v.fill) })
}

// variables checks how the operation's variables are filled.
func (c *compiler) variables() ([]variable, *Problem) {
	for _, name := range slices.Sorted(maps.Keys(c.mapping.Variables)) {
		if c.op.VariableDefinitions.ForName(name) == nil {
			var known []string
			for _, d := range c.op.VariableDefinitions {
				known = append(known, "$"+d.Variable)
			}
			return nil, named("variables."+name, nil, "the operation has no variable $%s; it has %s", name, orNone(known))
		}
	}
	var out []variable
	for _, d := range c.op.VariableDefinitions {
		n, problem := c.variable(d)
		if problem != nil {
			return nil, problem
		}
		if n != nil {
			out = append(out, variable{d.Variable, n})
		}
	}
	return out, c.sample(out)
}

func orNone(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// variable returns what fills one variable, nil where nothing does and nothing has to.
func (c *compiler) variable(d *ast.VariableDefinition) (node, *Problem) {
	if template, ok := c.mapping.Variables[d.Variable]; ok {
		return c.template("variables."+d.Variable, d, d.Type, template)
	}
	if v, ok := c.value(d.Variable); ok {
		return c.hole("", d, d.Type, v)
	}
	if input := c.schema.Types[d.Type.Name()]; input != nil && input.Kind == ast.InputObject && d.Type.Elem == nil {
		out := object{}
		for _, f := range input.Fields {
			if v, ok := c.value(f.Name); ok {
				n, problem := c.hole("", d, f.Type, v)
				if problem != nil {
					return nil, problem
				}
				out[f.Name] = n
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	if d.Type.NonNull && d.DefaultValue == nil {
		return nil, at(d.Position, "$%s has the type %s, and nothing fills it; add it to variables, %s", d.Variable, d.Type, c.values())
	}
	return nil, nil
}

// template reads what a mapping says of a place of this type.
func (c *compiler) template(key string, d *ast.VariableDefinition, t *ast.Type, template any) (node, *Problem) {
	switch v := template.(type) {
	case string:
		name, isHole := strings.CutPrefix(v, "{")
		if name, closed := strings.CutSuffix(name, "}"); isHole && closed {
			value, ok := c.value(name)
			if !ok {
				return nil, named(key, nil, "there is no value {%s}; %s", name, c.values())
			}
			return c.hole(key, d, t, value)
		}
	case map[string]any:
		input := c.schema.Types[t.Name()]
		out := object{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			// In a scalar of the server's own, anything may stand.
			inner := &ast.Type{NamedType: t.Name()}
			if input != nil && input.Kind == ast.InputObject {
				f := input.Fields.ForName(name)
				if f == nil {
					return nil, named(key+"."+name, d.Position, "the input %s has no field %s; it has %s", input.Name, name, fieldsOf(input))
				}
				inner = f.Type
			}
			n, problem := c.template(key+"."+name, d, inner, v[name])
			if problem != nil {
				return nil, problem
			}
			out[name] = n
		}
		return out, nil
	case []any:
		inner := t
		if t.Elem != nil {
			inner = t.Elem
		}
		out := list{}
		for i, item := range v {
			n, problem := c.template(fmt.Sprintf("%s.%d", key, i), d, inner, item)
			if problem != nil {
				return nil, problem
			}
			out = append(out, n)
		}
		return out, nil
	}
	return literal{template}, nil
}

func fieldsOf(d *ast.Definition) string {
	var all []string
	for _, f := range d.Fields {
		all = append(all, f.Name)
	}
	return strings.Join(all, ", ")
}

// hole checks that a value fits a place of this type.
func (c *compiler) hole(key string, d *ast.VariableDefinition, t *ast.Type, v Value) (node, *Problem) {
	if !c.takes(t, v.Kind) {
		return nil, named(key, d.Position, "$%s: {%s} is %s, and does not fit the type %s", d.Variable, v.Name, v.Kind, t)
	}
	if t.NonNull && v.Sometimes && d.Type == t && d.DefaultValue == nil {
		return nil, named(key, d.Position, "$%s has the type %s, and there is not always a {%s}; write the type without the exclamation mark, or give it a default",
			d.Variable, t, v.Name)
	}
	words, problem := c.toServer(v.Words, t)
	if problem != "" {
		return nil, named(key, d.Position, "$%s: %s", d.Variable, problem)
	}
	return hole{v.Name, words}, nil
}

// takes reports whether a place of this type can hold a value of the kind.
func (c *compiler) takes(t *ast.Type, k Kind) bool {
	d := c.schema.Types[t.Name()]
	if d == nil {
		return false
	}
	own := d.Kind == ast.Scalar && !d.BuiltIn
	if k == JSON {
		return own || d.Kind == ast.InputObject
	}
	if t.Elem != nil && k != Texts {
		// A single value is a list of one (specification, input coercion).
		return c.takes(t.Elem, k)
	}
	if t.Elem != nil {
		return t.Elem.Elem == nil && c.takes(t.Elem, Text)
	}
	switch k {
	case Text:
		return own || d.Kind == ast.Enum || d.Name == "String" || d.Name == "ID"
	case Number:
		return own || d.Name == "Int" || d.Name == "Float"
	case Flag:
		return own || d.Name == "Boolean"
	}
	return own
}

// sample fills the variables as calls will, once with everything and once with what is always there, and has the result
// checked: so that a template with a wrong literal, or without what an input requires, is found before anything is sent.
func (c *compiler) sample(variables []variable) *Problem {
	for _, whole := range []bool{true, false} {
		values := map[string]any{}
		for _, v := range c.spec.Values {
			if whole || !v.Sometimes {
				values[v.Name] = sampleOf(v)
			}
		}
		filled := (&Operation{variables: variables}).Variables(values)
		_, err := validator.VariableValues(c.schema, c.op, filled)
		if err == nil {
			continue
		}
		var known *gqlerror.Error
		if !errors.As(err, &known) || len(known.Path) < 2 {
			return problemOf(err)
		}
		// The path begins with the word variable.
		place := strings.TrimPrefix(known.Path.String(), "variable.")
		name, _, _ := strings.Cut(place, ".")
		name, _, _ = strings.Cut(name, "[")
		problem := at(c.op.Position, "$%s: %s", place, oneLine(known.Message))
		if d := c.op.VariableDefinitions.ForName(name); d != nil {
			problem.Line, problem.Column = d.Position.Line, d.Position.Column
			problem.Message += " (type " + d.Type.String() + ")"
		}
		if _, ok := c.mapping.Variables[name]; ok {
			problem.Key = "variables." + name
		}
		return problem
	}
	return nil
}

func sampleOf(v Value) any {
	text := "text"
	if len(v.Words) > 0 {
		text = v.Words[0]
	}
	switch v.Kind {
	case Number:
		return 1
	case Flag:
		return true
	case Texts:
		return []any{text}
	case JSON:
		return map[string]any{}
	default:
		return text
	}
}

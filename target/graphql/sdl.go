package graphql

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// sdlWriter writes the schema definition language, in the form in which most tools print it. The first error stays.
type sdlWriter struct {
	strings.Builder
	err error
}

func (w *sdlWriter) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("the introspection "+format, args...)
	}
}

// begin parts a definition from the one before, and writes its description.
func (w *sdlWriter) begin(description string) {
	if w.Len() > 0 {
		w.WriteString("\n")
	}
	w.description("", description)
}

// description writes a description in front of what it is about. A block string drops blanks at its edges and at the
// beginning of lines, so that a text which has some is written with escapes.
func (w *sdlWriter) description(indent, text string) {
	if text == "" {
		return
	}
	if !blockHolds(text) {
		w.WriteString(indent + quoted(text) + "\n")
		return
	}
	if !strings.Contains(text, "\n") {
		w.WriteString(indent + `"""` + text + `"""` + "\n")
		return
	}
	w.WriteString(indent + `"""` + "\n")
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			w.WriteString(indent + line)
		}
		w.WriteString("\n")
	}
	w.WriteString(indent + `"""` + "\n")
}

// blockHolds reports whether a text comes out of a block string as it went in.
func blockHolds(text string) bool {
	if strings.Contains(text, `"""`) || strings.HasSuffix(text, `"`) || strings.HasSuffix(text, `\`) {
		return false
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }) {
		return false
	}
	lines := strings.Split(text, "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") || (line != "" && strings.TrimSpace(line) == "") {
			return false
		}
	}
	return lines[0] != "" && lines[len(lines)-1] != ""
}

// quoted writes a string of GraphQL, whose escapes are those of JSON.
func quoted(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		// Strings can always be encoded.
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// schema writes the schema definition where it says more than the usual names do.
func (w *sdlWriter) schema(s *introspected) {
	roots := []struct {
		operation, usual string
		is               *typeName
	}{
		{"query", "Query", s.QueryType}, {"mutation", "Mutation", s.MutationType}, {"subscription", "Subscription", s.SubscriptionType},
	}
	usual := s.Description == ""
	for _, r := range roots {
		// A type with a usual name that is no root would become one without the definition.
		named := r.is == nil
		for _, t := range s.Types {
			named = named && t.Name != r.usual
		}
		usual = usual && (r.is != nil && r.is.Name == r.usual || r.is == nil && named)
	}
	if usual {
		return
	}
	w.begin(s.Description)
	w.WriteString("schema {\n")
	for _, r := range roots {
		if r.is != nil {
			w.WriteString("  " + r.operation + ": " + r.is.Name + "\n")
		}
	}
	w.WriteString("}\n")
}

func (w *sdlWriter) directive(d directive) {
	w.begin(d.Description)
	w.WriteString("directive @" + d.Name)
	w.args("", d.Args)
	if d.IsRepeatable {
		w.WriteString(" repeatable")
	}
	w.WriteString(" on " + strings.Join(d.Locations, " | ") + "\n")
}

func (w *sdlWriter) fullType(t fullType) {
	w.begin(t.Description)
	switch t.Kind {
	case "SCALAR":
		w.WriteString("scalar " + t.Name)
		if t.SpecifiedByURL != "" {
			w.WriteString(" @specifiedBy(url: " + quoted(t.SpecifiedByURL) + ")")
		}
		w.WriteString("\n")
	case "OBJECT":
		w.object("type", t)
	case "INTERFACE":
		w.object("interface", t)
	case "UNION":
		w.WriteString("union " + t.Name + " = " + names(t.PossibleTypes, " | ") + "\n")
	case "ENUM":
		w.WriteString("enum " + t.Name + " {\n")
		for i, v := range t.EnumValues {
			w.member(i, v.Description)
			w.WriteString("  " + v.Name)
			w.deprecated(v.deprecation)
			w.WriteString("\n")
		}
		w.WriteString("}\n")
	case "INPUT_OBJECT":
		w.WriteString("input " + t.Name)
		if t.IsOneOf {
			w.WriteString(" @oneOf")
		}
		w.WriteString(" {\n")
		for i, f := range t.InputFields {
			w.member(i, f.Description)
			w.WriteString("  ")
			w.inputValue(f)
			w.WriteString("\n")
		}
		w.WriteString("}\n")
	default:
		w.fail("has the type %s of the kind %q, which is none", t.Name, t.Kind)
	}
}

func (w *sdlWriter) object(word string, t fullType) {
	w.WriteString(word + " " + t.Name)
	if len(t.Interfaces) > 0 {
		w.WriteString(" implements " + names(t.Interfaces, " & "))
	}
	w.WriteString(" {\n")
	for i, f := range t.Fields {
		w.member(i, f.Description)
		w.WriteString("  " + f.Name)
		w.args("  ", f.Args)
		w.WriteString(": " + w.typeRef(f.Type))
		w.deprecated(f.deprecation)
		w.WriteString("\n")
	}
	w.WriteString("}\n")
}

// member begins the i-th member of a definition.
func (w *sdlWriter) member(i int, description string) {
	if i > 0 && description != "" {
		w.WriteString("\n")
	}
	w.description("  ", description)
}

// args writes arguments on one line, or each on its own where one has a description.
func (w *sdlWriter) args(indent string, args []inputValue) {
	if len(args) == 0 {
		return
	}
	described := false
	for _, a := range args {
		described = described || a.Description != ""
	}
	w.WriteString("(")
	for i, a := range args {
		switch {
		case described && i > 0 && a.Description != "":
			w.WriteString("\n\n")
		case described:
			w.WriteString("\n")
		case i > 0:
			w.WriteString(", ")
		}
		if described {
			w.description(indent+"  ", a.Description)
			w.WriteString(indent + "  ")
		}
		w.inputValue(a)
	}
	if described {
		w.WriteString("\n" + indent)
	}
	w.WriteString(")")
}

func (w *sdlWriter) inputValue(v inputValue) {
	w.WriteString(v.Name + ": " + w.typeRef(v.Type))
	if v.DefaultValue != nil {
		// It is told as a literal of GraphQL.
		w.WriteString(" = " + *v.DefaultValue)
	}
	w.deprecated(v.deprecation)
}

// defaultReason is the reason that @deprecated has of itself.
const defaultReason = "No longer supported"

func (w *sdlWriter) deprecated(d deprecation) {
	switch {
	case !d.IsDeprecated:
	case d.DeprecationReason == nil || *d.DeprecationReason == defaultReason:
		w.WriteString(" @deprecated")
	default:
		w.WriteString(" @deprecated(reason: " + quoted(*d.DeprecationReason) + ")")
	}
}

func (w *sdlWriter) typeRef(t *typeRef) string {
	switch {
	case t == nil:
		w.fail("has a type that ends without a name; it is nested deeper than servers are asked")
		return ""
	case t.Kind == "NON_NULL":
		return w.typeRef(t.OfType) + "!"
	case t.Kind == "LIST":
		return "[" + w.typeRef(t.OfType) + "]"
	case t.Name == "":
		w.fail("has a %s without a name", t.Kind)
	}
	return t.Name
}

func names(all []typeName, between string) string {
	var out []string
	for _, n := range all {
		out = append(out, n.Name)
	}
	return strings.Join(out, between)
}

package schemas

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// shape is what the JSON Schemas say of the value in one place, all of those together that may apply to it.
type shape struct {
	// parts are the schemas of the place, and whether each applies whatever the value is.
	parts []part
}

type part struct {
	schema *jsonschema.Schema
	always bool
}

// otherFields are the schemas of Meta's other webhook fields. They are no events of Kirim's catalogue.
const otherFields = "/fields.schema.json"

// messagesChange is the schema of a change, which says of those of the field messages what their value is.
const messagesChange = "/body.schema.json#/$defs/change"

// unaccepted is the schema of a status that Kirim writes in the shape of Meta's, of a message that Meta never took.
const unaccepted = "/unaccepted.schema.json"

// shapeOf gathers the schemas that may apply where these do.
func shapeOf(roots ...part) shape {
	var s shape
	seen := map[part]bool{}
	var add func(p part)
	add = func(p part) {
		if p.schema == nil || seen[p] || seen[part{p.schema, true}] || strings.Contains(p.schema.Location, otherFields) {
			return
		}
		seen[p] = true
		s.parts = append(s.parts, p)
		add(part{p.schema.Ref, p.always})
		for _, inner := range p.schema.AllOf {
			add(part{inner, p.always})
		}
		if then := p.schema.Then; then != nil && then.Ref != nil && strings.Contains(then.Ref.Location, unaccepted) {
			// What is not that is Meta's body, which is described.
			add(part{p.schema.Else, p.always})
			return
		}
		// The GraphQL schema describes changes of the field messages, and so what follows from that condition.
		add(part{p.schema.Then, p.always && strings.HasSuffix(p.schema.Location, messagesChange)})
		for _, inner := range slices.Concat(p.schema.AnyOf, p.schema.OneOf, []*jsonschema.Schema{p.schema.Else}) {
			add(part{inner, false})
		}
		for _, name := range slices.Sorted(maps.Keys(p.schema.DependentSchemas)) {
			add(part{p.schema.DependentSchemas[name], false})
		}
	}
	for _, p := range roots {
		add(p)
	}
	return s
}

// key is the same for shapes of the same schemas.
func (s shape) key() string {
	var all []string
	for _, p := range s.parts {
		all = append(all, p.schema.Location)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// types are the JSON types that the value can have; nil where nothing is said.
func (s shape) types() []string {
	var always, sometimes []string
	said := false
	for _, p := range s.parts {
		types := p.schema.Types
		for _, value := range slices.Concat(p.schema.Enum, p.schema.Constant) {
			types = append(slices.Clone(types), typeOf(value))
		}
		switch {
		case len(types) == 0:
		case !p.always:
			sometimes = append(sometimes, types...)
		case !said:
			always, said = slices.Clone(types), true
		default:
			always = slices.DeleteFunc(always, func(t string) bool { return !slices.Contains(types, t) })
		}
	}
	if !said {
		always = sometimes
	}
	slices.Sort(always)
	return slices.Compact(always)
}

func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	default:
		return "number"
	}
}

// words are the strings that the value can be, closed where the JSON Schema lists several.
func (s shape) words() (words []string, closed bool) {
	for _, p := range s.parts {
		if !p.always {
			continue
		}
		for _, value := range slices.Concat(p.schema.Enum, p.schema.Constant) {
			if text, ok := value.(string); ok {
				words = append(words, text)
			}
		}
		closed = closed || len(p.schema.Enum) > 0
	}
	slices.Sort(words)
	return slices.Compact(words), closed
}

// items is the shape of a list's items.
func (s shape) items() (shape, bool) {
	var roots []part
	for _, p := range s.parts {
		if p.schema.Items2020 != nil {
			roots = append(roots, part{p.schema.Items2020, p.always})
		}
	}
	return shapeOf(roots...), len(roots) > 0
}

// member is one member of an object.
type member struct {
	shape    shape
	required bool
}

// members are those of an object; none where it is open.
func (s shape) members() map[string]member {
	roots := map[string][]part{}
	for _, p := range s.parts {
		for name, schema := range p.schema.Properties {
			// What must not be there is no member.
			if schema.Always == nil || *schema.Always {
				roots[name] = append(roots[name], part{schema, p.always})
			}
		}
	}
	out := map[string]member{}
	for name, parts := range roots {
		// What is said first in a file must not matter.
		slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.schema.Location, b.schema.Location) })
		if !slices.ContainsFunc(parts, func(p part) bool { return p.always }) {
			// Said only under a condition, but by the schema that then holds.
			for i := range parts {
				parts[i].always = len(parts) == 1
			}
		}
		out[name] = member{shape: shapeOf(parts...), required: slices.ContainsFunc(s.parts, func(p part) bool {
			return p.always && slices.Contains(p.schema.Required, name)
		})}
	}
	return out
}

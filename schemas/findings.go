package schemas

import (
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Findings is what a body holds that its level does not know. Meta adds members, message types and webhook fields
// without notice and receivers must take them, so none of this is a fault.
type Findings struct {
	// UnknownFields are the members that no schema names, as JSON pointers. What stands inside them is not listed.
	UnknownFields []string
	// UnknownMessageTypes are the types of messages, and of interactive messages, that are not known.
	UnknownMessageTypes []Unknown
	// UnknownWebhookFields are the values of changes[].field that are not known. Nothing inside such a change is checked.
	UnknownWebhookFields []Unknown
}

// Unknown is a name that is not known.
type Unknown struct {
	// Pointer is where the name stands, as a JSON pointer.
	Pointer string
	Name    string
}

// Empty reports whether everything in the body is known.
func (f Findings) Empty() bool {
	return len(f.UnknownFields)+len(f.UnknownMessageTypes)+len(f.UnknownWebhookFields) == 0
}

// Lines words each finding as one line, in the order of places.
func (f Findings) Lines() []string {
	var all []string
	for _, pointer := range f.UnknownFields {
		all = append(all, pointer+": a member that is not known")
	}
	for _, u := range f.UnknownMessageTypes {
		all = append(all, u.Pointer+": "+quote(u.Name)+" is a message type that is not known")
	}
	for _, u := range f.UnknownWebhookFields {
		all = append(all, u.Pointer+": "+quote(u.Name)+" is a webhook field that is not known")
	}
	slices.Sort(all)
	return all
}

// findings walks a document along the schema that it is validated with.
func (m *metaSchemas) findings(doc any) Findings {
	w := walker{open: m.open}
	w.walk(doc, "", []*jsonschema.Schema{m.body})
	slices.Sort(w.found.UnknownFields)
	byPointer := func(a, b Unknown) int { return strings.Compare(a.Pointer, b.Pointer) }
	slices.SortFunc(w.found.UnknownMessageTypes, byPointer)
	slices.SortFunc(w.found.UnknownWebhookFields, byPointer)
	return w.found
}

type walker struct {
	open  map[string]openSet
	found Findings
}

// walk compares a value with the schemas that apply to it.
func (w *walker) walk(value any, pointer string, schemas []*jsonschema.Schema) {
	switch v := value.(type) {
	case map[string]any:
		w.object(v, pointer, w.applying(v, schemas))
	case []any:
		var items []*jsonschema.Schema
		for _, s := range w.applying(v, schemas) {
			if s.Items2020 != nil {
				items = append(items, s.Items2020)
			}
		}
		if len(items) == 0 {
			return
		}
		for i, item := range v {
			w.walk(item, pointer+"/"+strconv.Itoa(i), items)
		}
	}
}

func (w *walker) object(members map[string]any, pointer string, schemas []*jsonschema.Schema) {
	// Where no schema names any member, what is inside is nobody's business: nothing there can be unknown.
	named := false
	for _, s := range schemas {
		named = named || len(s.Properties) > 0
		w.nameOf(s, members, pointer)
	}
	if !named {
		return
	}
	for name, member := range members {
		var inside []*jsonschema.Schema
		for _, s := range schemas {
			if property, ok := s.Properties[name]; ok {
				inside = append(inside, property)
			}
		}
		if len(inside) == 0 {
			w.found.UnknownFields = append(w.found.UnknownFields, pointer+"/"+escapeToken(name))
			continue
		}
		switch member.(type) {
		case map[string]any, []any:
			w.walk(member, pointer+"/"+escapeToken(name), inside)
		}
	}
}

// nameOf looks at the member that is drawn from an open set, where the schema has one.
func (w *walker) nameOf(s *jsonschema.Schema, members map[string]any, pointer string) {
	set, ok := w.open[s.Location]
	if !ok {
		return
	}
	if name, ok := members[set.member].(string); ok && !set.known[name] {
		set.add(&w.found, Unknown{Pointer: pointer + "/" + set.member, Name: name})
	}
}

// applying returns the schemas together with those that apply in place because of them: references, all branches of
// allOf and anyOf, and of a condition the branch that the value selects. Each is listed once.
func (w *walker) applying(value any, schemas []*jsonschema.Schema) []*jsonschema.Schema {
	all := make([]*jsonschema.Schema, 0, 4*len(schemas))
	var add func(s *jsonschema.Schema)
	add = func(s *jsonschema.Schema) {
		if s == nil || slices.Contains(all, s) {
			return
		}
		all = append(all, s)
		add(s.Ref)
		for _, branch := range s.AllOf {
			add(branch)
		}
		for _, branch := range s.AnyOf {
			add(branch)
		}
		if s.If != nil {
			if s.If.Validate(value) == nil {
				add(s.Then)
			} else {
				add(s.Else)
			}
		}
		if len(s.DependentSchemas) > 0 {
			members, _ := value.(map[string]any)
			for name, branch := range s.DependentSchemas {
				if _, there := members[name]; there {
					add(branch)
				}
			}
		}
	}
	for _, s := range schemas {
		add(s)
	}
	return all
}

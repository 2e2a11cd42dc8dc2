package graphql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// reader says where the results stand in the data of an answer.
type reader struct {
	// at leads to the object, or to the list of items.
	at         path
	list       bool
	hasMore    path
	nextCursor path
	members    []member
	userErrors path
}

// member is one result and where it stands, below the object that it belongs to.
type member struct {
	result  Result
	path    path
	words   map[string]string
	members []member
}

// path is a way through objects, by the keys of an answer. A nil path leads nowhere.
type path []string

// split reads a path in either of its forms.
func split(text string) path {
	if pointer, ok := strings.CutPrefix(text, "/"); ok {
		var out path
		for token := range strings.SplitSeq(pointer, "/") {
			out = append(out, strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
		}
		return out
	}
	if text == "" {
		return path{}
	}
	return strings.Split(text, ".")
}

// selected is a place in the operation's selection.
type selected struct {
	set  ast.SelectionSet
	name string
	// field is nil for the operation itself.
	field *ast.Field
	pos   *ast.Position
}

func (s selected) isList() bool { return s.field != nil && s.field.Definition.Type.Elem != nil }

// fields collects the fields of a selection by the keys that they have in the answer, through fragments.
func (c *compiler) fields(set ast.SelectionSet, into map[string]*ast.Field) []string {
	var keys []string
	for _, s := range set {
		var inner ast.SelectionSet
		switch s := s.(type) {
		case *ast.Field:
			if into[s.Alias] == nil {
				keys = append(keys, s.Alias)
				into[s.Alias] = s
			}
			continue
		case *ast.InlineFragment:
			inner = s.SelectionSet
		case *ast.FragmentSpread:
			if s.Definition != nil {
				inner = s.Definition.SelectionSet
			}
		}
		keys = append(keys, c.fields(inner, into)...)
	}
	return keys
}

// below follows a path through the selection.
func (c *compiler) below(from selected, p path) (selected, *Problem) {
	for i, key := range p {
		if i > 0 && from.isList() {
			return from, at(from.pos, "%s is a list, and a path leads through objects alone", from.name)
		}
		found := map[string]*ast.Field{}
		keys := c.fields(from.set, found)
		f := found[key]
		switch {
		case f == nil && len(keys) == 0:
			return from, at(from.pos, "%s has no fields, so there is no %s in it", from.name, key)
		case f == nil:
			return from, at(from.pos, "the operation does not select %s in %s; it selects %s", key, from.name, strings.Join(keys, ", "))
		}
		from = selected{set: f.SelectionSet, name: f.Alias, field: f, pos: f.Position}
	}
	return from, nil
}

// reader finds where the results stand.
func (c *compiler) reader() (reader, *Problem) {
	root := selected{set: c.op.SelectionSet, name: "the " + string(c.op.Operation), pos: c.op.Position}
	r := reader{list: c.spec.List}
	if problem := c.knownKeys(); problem != nil {
		return r, problem
	}
	place, problem := c.place(root, &r)
	if problem != nil {
		return r, problem
	}
	if problem := c.userErrors(root, &r); problem != nil {
		return r, problem
	}
	r.members, problem = c.members(place, c.spec.Results, "")
	return r, problem
}

// knownKeys holds the keys of the mapping against the results that there are.
func (c *compiler) knownKeys() *Problem {
	known := []string{atKey}
	if c.spec.List {
		known = []string{itemsKey, hasMoreKey, nextCursorKey}
	}
	var add func(results []Result, prefix string)
	add = func(results []Result, prefix string) {
		for _, r := range results {
			known = append(known, prefix+r.Name)
			add(r.Members, prefix+r.Name+".")
		}
	}
	add(c.spec.Results, "")
	for _, key := range slices.Sorted(maps.Keys(c.mapping.Result)) {
		if !slices.Contains(known, key) {
			return named("result."+key, nil, "there is no result %s; there are %s", key, strings.Join(known, ", "))
		}
	}
	return nil
}

// place finds the object that the results are below, or the list of items with what tells of further ones.
func (c *compiler) place(root selected, r *reader) (selected, *Problem) {
	key := atKey
	if c.spec.List {
		key = itemsKey
	}
	keys := c.fields(c.op.SelectionSet, map[string]*ast.Field{})
	text, given := c.mapping.Result[key]
	r.at = split(text)
	if !given {
		if len(keys) != 1 {
			return root, named("result."+key, c.op.Position, "is missing; the operation selects several: %s", strings.Join(keys, ", "))
		}
		r.at = path{keys[0]}
		if !c.spec.List {
			return c.below(root, r.at)
		}
		if problem := c.usualList(root, r); problem != nil {
			return root, problem
		}
	}
	place, problem := c.below(root, r.at)
	if problem != nil {
		problem.Key = "result." + key
		return root, problem
	}
	if place.field == nil {
		// The whole data.
		return place, nil
	}
	switch list := place.isList(); {
	case list && !c.spec.List:
		return place, named("result."+key, place.pos, "%s is a list (%s), where one object is expected", place.name, place.field.Definition.Type)
	case !list && c.spec.List:
		return place, named("result."+key, place.pos, "%s is no list (%s)", place.name, place.field.Definition.Type)
	}
	if !c.spec.List {
		return place, nil
	}
	for _, more := range []struct {
		key  string
		into *path
		kind Kind
	}{{hasMoreKey, &r.hasMore, Flag}, {nextCursorKey, &r.nextCursor, Text}} {
		if text, ok := c.mapping.Result[more.key]; ok {
			*more.into = split(text)
		}
		if *more.into == nil {
			return place, named("result."+more.key, c.op.Position, "is missing; write the path in the data, such as things.%s", more.key)
		}
		found, problem := c.below(root, *more.into)
		if problem == nil && !c.holds(found, more.kind) {
			problem = at(found.pos, "%s is %s, where %s is expected", found.name, typeOf(found), more.kind)
		}
		if problem != nil {
			problem.Key = "result." + more.key
			return place, problem
		}
	}
	return place, nil
}

// usualList looks for the names that lists usually have, where the mapping names none.
func (c *compiler) usualList(root selected, r *reader) *Problem {
	field, problem := c.below(root, r.at)
	if problem != nil || field.isList() {
		return problem
	}
	for _, names := range [][3]string{
		{"items", "has_more", "next_cursor"}, {"items", "hasMore", "nextCursor"}, {"nodes", "pageInfo.hasNextPage", "pageInfo.endCursor"},
	} {
		if _, problem := c.below(field, split(names[0])); problem != nil {
			continue
		}
		below := func(text string) path { return append(slices.Clone(r.at), split(text)...) }
		r.hasMore, r.nextCursor = below(names[1]), below(names[2])
		r.at = below(names[0])
		return nil
	}
	return named("result."+itemsKey, field.pos, "is missing; %s is no list, and selects none of items and nodes", field.name)
}

// members finds the results below an object. key is what their names begin with in the mapping.
func (c *compiler) members(place selected, results []Result, key string) ([]member, *Problem) {
	var out []member
	for _, r := range results {
		name := key + r.Name
		text, given := c.mapping.Result[name]
		p := split(text)
		if !given {
			found := map[string]*ast.Field{}
			keys := c.fields(place.set, found)
			i := slices.IndexFunc(keys, func(k string) bool { return plain(k) == plain(r.Name) })
			if i < 0 {
				if r.Needed {
					return nil, named("result."+name, place.pos, "is missing, and the operation selects no %s in %s; it selects %s",
						r.Name, place.name, orNone(keys))
				}
				continue
			}
			p = path{keys[i]}
		}
		found, problem := c.below(selected{set: place.set, name: place.name, field: nil, pos: place.pos}, p)
		if problem == nil && !c.holds(found, r.Kind) {
			problem = at(found.pos, "%s is %s, where %s is expected", found.name, typeOf(found), r.Kind)
		}
		if problem != nil {
			problem.Key = "result." + name
			return nil, problem
		}
		m := member{result: r, path: p}
		if found.field != nil {
			m.words = c.fromServer(r.Words, found.field.Definition.Type)
		}
		if m.members, problem = c.members(found, r.Members, name+"."); problem != nil {
			return nil, problem
		}
		out = append(out, m)
	}
	return out, nil
}

func typeOf(s selected) string {
	if s.field == nil {
		return "an object"
	}
	return s.field.Definition.Type.String()
}

// holds reports whether what was selected can be read as the kind.
func (c *compiler) holds(s selected, k Kind) bool {
	if s.field == nil {
		return k == Object || k == JSON
	}
	t := s.field.Definition.Type
	d := c.schema.Types[t.Name()]
	composite := d != nil && (d.Kind == ast.Object || d.Kind == ast.Interface || d.Kind == ast.Union)
	switch k {
	case JSON:
		return true
	case Object:
		return composite && t.Elem == nil
	case Objects:
		return composite && t.Elem != nil && t.Elem.Elem == nil
	case Texts:
		return !composite && (t.Elem != nil || !d.BuiltIn && d.Kind == ast.Scalar) && c.takes(t, Texts)
	default:
		return !composite && t.Elem == nil && c.takes(t, k)
	}
}

// userErrors finds the list of errors in the data.
func (c *compiler) userErrors(root selected, r *reader) *Problem {
	if c.mapping.UserErrors == "" {
		return nil
	}
	r.userErrors = split(c.mapping.UserErrors)
	found, problem := c.below(root, r.userErrors)
	if problem == nil && !c.holds(found, Objects) {
		problem = at(found.pos, "%s is %s, where %s is expected", found.name, typeOf(found), Objects)
	}
	if problem == nil && !slices.Contains(c.fields(found.set, map[string]*ast.Field{}), "message") {
		problem = at(found.pos, "the operation does not select message in %s", found.name)
	}
	if problem != nil {
		problem.Key = "user_errors"
	}
	return problem
}

func (p path) String() string {
	if len(p) == 0 {
		return "the data"
	}
	return fmt.Sprintf("data.%s", strings.Join(p, "."))
}

package mutants

import "github.com/tidwall/gjson"

// shape is what all bodies of a variant share: the places of all values, each with its type and, where it is the same in
// all of them, the value.
type shape map[string]leaf

type leaf struct {
	kind gjson.Type
	// constant says that text is the same in every body.
	constant bool
	text     string
}

// shapeOf compares bodies of a variant.
func shapeOf(bodies ...[]byte) shape {
	s := shape{}
	for i, body := range bodies {
		for path, v := range leaves(gjson.ParseBytes(body)) {
			if i == 0 {
				s[path] = leaf{v.Type, true, v.String()}
			} else if l := s[path]; l.text != v.String() {
				l.constant = false
				s[path] = l
			}
		}
	}
	return s
}

// fits reports whether a body has the shape. How its strings are escaped does not matter.
func (s shape) fits(body []byte) bool {
	found := leaves(gjson.ParseBytes(body))
	if len(found) != len(s) {
		return false
	}
	for path, want := range s {
		v, ok := found[path]
		if !ok || v.Type != want.kind || (want.constant && v.String() != want.text) {
			return false
		}
	}
	return true
}

// leaves are the values of a document that hold no others, by their places.
func leaves(v gjson.Result) map[string]gjson.Result {
	all := map[string]gjson.Result{}
	var walk func(v gjson.Result, path string)
	walk = func(v gjson.Result, path string) {
		n := 0
		if v.IsObject() || v.IsArray() {
			v.ForEach(func(key, value gjson.Result) bool {
				walk(value, path+"/"+key.String())
				n++
				return true
			})
		}
		if n == 0 {
			all[path] = v
		}
	}
	walk(v, "")
	return all
}

package schemas

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// clipped is the number of characters of a wrong value that a sentence repeats.
const clipped = 60

// wording turns the library's tree of errors into sentences. The library names the rule that was broken; the sentence
// is made from the rule itself and from the document, because the library's own text leaves one or the other out.
type wording struct {
	sources map[string]any
	doc     any
}

// problems returns the leaves of the tree, which are the causes; the inner nodes only say where they were looked for.
func (w wording) problems(err *jsonschema.ValidationError) []Problem {
	if len(err.Causes) == 0 && keywordOf(err) != "minContains" {
		return w.leaf(err)
	}
	switch keywordOf(err) {
	case "anyOf", "oneOf":
		return []Problem{w.alternatives(err)}
	case "minContains":
		// The causes say of every item why it is not the one that was looked for.
		return []Problem{w.lacking(err)}
	}
	var all []Problem
	for _, cause := range err.Causes {
		all = append(all, w.problems(cause)...)
	}
	return all
}

// alternatives words a failed choice as one problem: each branch would have been enough.
func (w wording) alternatives(err *jsonschema.ValidationError) Problem {
	at := pointerOf(err)
	var branches []string
	for _, cause := range err.Causes {
		var parts []string
		for _, p := range tidy(w.problems(cause)) {
			if p.Pointer == at {
				parts = append(parts, p.Message)
				continue
			}
			parts = append(parts, strings.TrimPrefix(p.Pointer, at+"/")+" "+p.Message)
		}
		branches = append(branches, strings.Join(parts, " and "))
	}
	slices.Sort(branches)
	return Problem{Pointer: at, Message: strings.Join(slices.Compact(branches), ", or ")}
}

// lacking words an array without an item of the kind that it must contain. The library names minContains, which the
// schema need not have.
func (w wording) lacking(err *jsonschema.ValidationError) Problem {
	file, fragment, _ := strings.Cut(err.AbsoluteKeywordLocation, "#")
	rule, _ := lookUp(w.sources[file], strings.TrimSuffix(unescapeLocation(fragment), "minContains")+"contains")
	wanted, _ := rule.(map[string]any)
	title, _ := wanted["title"].(string)
	return Problem{Pointer: pointerOf(err), Message: "must have " + cmp.Or(title, "an item of a kind that it lacks")}
}

// leaf words one broken rule. A rule can be broken several times at once: each missing member is its own problem.
func (w wording) leaf(err *jsonschema.ValidationError) []Problem {
	at := pointerOf(err)
	one := func(format string, args ...any) []Problem {
		return []Problem{{Pointer: at, Message: fmt.Sprintf(format, args...)}}
	}
	rule, schema, ok := w.rule(err)
	if !ok {
		return one("%s", err.Message)
	}
	value, ok := lookUp(w.doc, at)
	if !ok {
		return one("%s", err.Message)
	}
	switch keyword := keywordOf(err); keyword {
	case "required":
		return w.missing(at, rule, value)
	case "additionalProperties":
		return w.extra(at, schema, value, err.Message)
	case "type":
		return one("must be %s, but is %s", typesText(rule), valueText(value))
	case "const":
		return one("must be %s, but is %s", valueText(rule), valueText(value))
	case "enum":
		return one("must be one of %s, but is %s", listText(rule), valueText(value))
	case "pattern", "format", "minLength", "contentMediaType":
		if title, ok := schema["title"].(string); ok {
			return one("must be %s, but is %s", title, valueText(value))
		}
		return one("must keep %s %v, but is %s", keyword, rule, valueText(value))
	case "minItems":
		items, _ := value.([]any)
		if len(items) == 0 {
			return one("must not be empty")
		}
		return one("must have at least %v items, but has %d", rule, len(items))
	case "minProperties":
		return one("must not be empty")
	case "minimum":
		return one("must be at least %v, but is %s", rule, valueText(value))
	case "maximum":
		return one("must be at most %v, but is %s", rule, valueText(value))
	default:
		if rule == false {
			return one("must not be there")
		}
		return one("%s", err.Message)
	}
}

func (w wording) missing(at string, rule, value any) []Problem {
	names, _ := rule.([]any)
	members, _ := value.(map[string]any)
	var all []Problem
	for _, name := range names {
		if name, ok := name.(string); ok {
			if _, there := members[name]; !there {
				all = append(all, Problem{Pointer: at, Message: fmt.Sprintf("must have %q", name)})
			}
		}
	}
	return all
}

// extra words the members that a closed object must not have. With patternProperties only the library knows them.
func (w wording) extra(at string, schema map[string]any, value any, message string) []Problem {
	known, _ := schema["properties"].(map[string]any)
	members, _ := value.(map[string]any)
	if _, ok := schema["patternProperties"]; ok {
		return []Problem{{Pointer: at, Message: message}}
	}
	var all []Problem
	for name := range members {
		if _, ok := known[name]; !ok {
			all = append(all, Problem{Pointer: at + "/" + escapeToken(name), Message: "must not be there"})
		}
	}
	return all
}

// rule returns the value of the broken keyword and the schema that holds it.
func (w wording) rule(err *jsonschema.ValidationError) (rule any, schema map[string]any, ok bool) {
	file, fragment, _ := strings.Cut(err.AbsoluteKeywordLocation, "#")
	pointer := unescapeLocation(fragment)
	source, ok := w.sources[file]
	if !ok {
		return nil, nil, false
	}
	if rule, ok = lookUp(source, pointer); !ok {
		return nil, nil, false
	}
	parent, _ := lookUp(source, pointer[:max(strings.LastIndexByte(pointer, '/'), 0)])
	schema, _ = parent.(map[string]any)
	return rule, schema, true
}

func keywordOf(err *jsonschema.ValidationError) string {
	return err.AbsoluteKeywordLocation[strings.LastIndexByte(err.AbsoluteKeywordLocation, '/')+1:]
}

func pointerOf(err *jsonschema.ValidationError) string { return unescapeLocation(err.InstanceLocation) }

// unescapeLocation undoes the percent-encoding that the library adds to the parts of a JSON pointer.
func unescapeLocation(location string) string {
	plain, err := url.PathUnescape(location)
	if err != nil {
		return location
	}
	return plain
}

// lookUp follows a JSON pointer.
func lookUp(doc any, pointer string) (any, bool) {
	if pointer == "" {
		return doc, true
	}
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch v := doc.(type) {
		case map[string]any:
			member, ok := v[unescapeToken(token)]
			if !ok {
				return nil, false
			}
			doc = member
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			doc = v[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

func typesText(rule any) string {
	names, ok := rule.([]any)
	if !ok {
		names = []any{rule}
	}
	var all []string
	for _, name := range names {
		all = append(all, kindText(fmt.Sprint(name)))
	}
	return strings.Join(all, " or ")
}

func kindText(kind string) string {
	switch kind {
	case "null":
		return "null"
	case "array", "object", "integer":
		return "an " + kind
	default:
		return "a " + kind
	}
}

func listText(rule any) string {
	values, _ := rule.([]any)
	var all []string
	for _, v := range values {
		all = append(all, valueText(v))
	}
	return strings.Join(all, ", ")
}

// valueText renders a scalar as JSON and anything larger by its kind.
func valueText(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case string:
		return clip([]byte(quote(v)))
	case json.Number:
		return clip([]byte(v))
	default:
		return quote(v)
	}
}

func quote(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprintf("%q", value)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// clip shortens long text without breaking a character.
func clip(text []byte) string {
	if utf8.RuneCount(text) <= clipped {
		return string(text)
	}
	return string([]rune(string(text[:min(len(text), 4*clipped)]))[:clipped]) + "…"
}

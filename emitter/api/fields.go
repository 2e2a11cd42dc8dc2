package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// The codes of bad fields (documentation: errors).
const (
	invalidValue = "invalid_field_value"
	missingField = "missing_required_field"
)

// fields reads the members of a body one by one. The first fault is kept and ends the reading: what is read after it is
// zero, so an operation reads everything and then asks done.
type fields struct {
	members map[string]any
	// path leads to the object whose members these are, such as "text."; empty for the body itself.
	path string
	// fault is shared with the objects inside.
	fault *error
}

func (b body) fields() *fields { return &fields{members: maps.Clone(b.members), fault: new(error)} }

// done ends the reading and returns the first fault.
func (f *fields) done() error {
	f.finish()
	return *f.fault
}

// finish makes a member that nobody read a fault, because a caller who mistypes a name should hear of it.
func (f *fields) finish() {
	if *f.fault == nil && len(f.members) > 0 {
		f.fail(invalidValue, clip(slices.Min(slices.Collect(maps.Keys(f.members)))), "is not a field of this request")
	}
}

func (f *fields) fail(code, name, message string) {
	if *f.fault == nil {
		*f.fault = relay.Invalid(code, f.path+name, "%s %s", f.path+name, message)
	}
}

// take removes a member.
func (f *fields) take(name string) (value any, there bool) {
	if *f.fault != nil {
		return nil, false
	}
	value, there = f.members[name]
	delete(f.members, name)
	return value, there
}

// require is take for a member that must be there.
func (f *fields) require(name string) (value any, there bool) {
	value, there = f.take(name)
	if !there {
		f.fail(missingField, name, "is required")
	}
	return value, there
}

func (f *fields) mustBe(what, name string, value any) {
	f.fail(invalidValue, name, fmt.Sprintf("must be %s, but is %s", what, kind(value)))
}

// checked returns a member's value as a string that keeps the rule.
func (f *fields) checked(name string, value any, r rule) (text string, ok bool) {
	text, ok = value.(string)
	if !ok {
		f.mustBe(r.what, name, value)
		return "", false
	}
	if !r.holds(text) {
		f.fail(r.code, name, "must be "+r.what)
		return "", false
	}
	return text, true
}

// text reads a required string.
func (f *fields) text(name string, r rule) string {
	value, there := f.require(name)
	if !there {
		return ""
	}
	text, _ := f.checked(name, value, r)
	return text
}

// given reads a string that may be absent but not null; nil where it is absent.
func (f *fields) given(name string, r rule) *string {
	value, there := f.take(name)
	if !there {
		return nil
	}
	if text, ok := f.checked(name, value, r); ok {
		return &text
	}
	return nil
}

// nullable reads a string that may be absent or null. It tells the two apart: nil, or a pointer to nil.
func (f *fields) nullable(name string, r rule) **string {
	value, there := f.take(name)
	if !there {
		return nil
	}
	var text *string
	if value != nil {
		if s, ok := f.checked(name, value, r); ok {
			text = &s
		}
	}
	return &text
}

// orNil is nullable where absent and null mean the same.
func (f *fields) orNil(name string, r rule) *string {
	if value := f.nullable(name, r); value != nil {
		return *value
	}
	return nil
}

// integer reads a whole number within bounds; nil where it is absent.
func (f *fields) integer(name string, least, most int64) *int64 {
	value, there := f.take(name)
	if !there {
		return nil
	}
	number, ok := value.(json.Number)
	what := fmt.Sprintf("an integer from %d to %d", least, most)
	if !ok {
		f.mustBe(what, name, value)
		return nil
	}
	// 1.0 and 1e2 are integers (JSON Schema, core, section 4.2.3).
	exact, ok := new(big.Rat).SetString(string(number))
	if !ok || !exact.IsInt() || !exact.Num().IsInt64() || exact.Num().Int64() < least || exact.Num().Int64() > most {
		f.fail(invalidValue, name, "must be "+what)
		return nil
	}
	n := exact.Num().Int64()
	return &n
}

// texts reads a list of strings, none of them twice; absent yields nil.
func (f *fields) texts(name string, r rule) *[]string {
	value, there := f.take(name)
	if !there {
		return nil
	}
	what := "a list of strings that is not empty"
	items, ok := value.([]any)
	if !ok {
		f.mustBe(what, name, value)
		return nil
	}
	if len(items) == 0 {
		f.fail(invalidValue, name, "must be "+what)
		return nil
	}
	all := []string{}
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			f.mustBe(what, name, value)
			return nil
		}
		if !r.holds(text) {
			f.fail(r.code, name, "must list only "+r.what)
			return nil
		}
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return &all
}

// object reads an object of any content, or null, which is a pointer to nil; absent yields nil. It is encoded anew, so
// that a name that occurs twice does not travel on in events.
func (f *fields) object(name string) *json.RawMessage {
	value, there := f.take(name)
	if !there {
		return nil
	}
	var raw json.RawMessage
	switch members := value.(type) {
	case nil:
	case map[string]any:
		text, err := json.Marshal(members)
		if err != nil {
			// Not the caller's fault: what came out of JSON goes back into it.
			*f.fault = fmt.Errorf("encoding %s anew: %w", name, err)
			return nil
		}
		raw = text
	default:
		f.mustBe("an object or null", name, value)
		return nil
	}
	return &raw
}

// nested reads a required object whose members are fields too. The caller finishes it.
func (f *fields) nested(name string) *fields {
	inner := &fields{path: f.path + name + ".", fault: f.fault}
	value, there := f.require(name)
	if !there {
		return inner
	}
	members, ok := value.(map[string]any)
	if !ok {
		f.mustBe("an object", name, value)
	}
	inner.members = maps.Clone(members)
	return inner
}

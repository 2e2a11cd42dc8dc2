package graphql

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Answer is the body of a server's answer (specification, section Response).
type Answer struct {
	// Data is nil where there is none, or it is null.
	Data json.RawMessage
	// Errors are what went wrong, those of UserErrors not among them.
	Errors []Error
}

// Error is one of an answer's errors.
type Error struct {
	Message    string
	Path       []any
	Extensions map[string]any
}

// ParseAnswer reads a body. It returns an error for a body that is not of GraphQL's form.
func ParseAnswer(body []byte) (Answer, error) {
	var a struct {
		Data   json.RawMessage `json:"data"`
		Errors json.RawMessage `json:"errors"`
	}
	if err := decodeNumbers(body, &a); err != nil || !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return Answer{}, fmt.Errorf("the answer is not a JSON object")
	}
	out := Answer{}
	if !isNull(a.Data) {
		out.Data = a.Data
	}
	if isNull(a.Errors) {
		switch {
		case a.Data == nil:
			return out, fmt.Errorf("the answer has neither data nor errors")
		case out.Data == nil:
			return out, fmt.Errorf("the answer has null for its data, and no errors that say why")
		}
		return out, nil
	}
	var list []json.RawMessage
	if json.Unmarshal(a.Errors, &list) != nil || len(list) == 0 {
		return out, fmt.Errorf("errors is no list, or an empty one")
	}
	for _, raw := range list {
		// Members of another type stay empty: an error is one all the same.
		var e struct {
			Message    json.RawMessage `json:"message"`
			Path       json.RawMessage `json:"path"`
			Extensions json.RawMessage `json:"extensions"`
		}
		var one Error
		if json.Unmarshal(raw, &e) == nil {
			_ = json.Unmarshal(e.Message, &one.Message)
			_ = decodeNumbers(e.Path, &one.Path)
			_ = decodeNumbers(e.Extensions, &one.Extensions)
		}
		out.Errors = append(out.Errors, one)
	}
	return out, nil
}

func isNull(raw json.RawMessage) bool { return raw == nil || string(raw) == "null" }

func decodeNumbers(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

// Where is the path of an error, such as createSubscription.url; empty where it has none.
func (e Error) Where() string {
	var all []string
	for _, part := range e.Path {
		all = append(all, fmt.Sprint(part))
	}
	return strings.Join(all, ".")
}

// Text reads a text or a number in an error's extensions, at a path such as http.status; empty where there is none.
func (e Error) Text(at string) string {
	value, ok := walk(e.Extensions, split(at))
	if !ok {
		return ""
	}
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// Status reads an HTTP status in an error's extensions; 0 where there is none.
func (e Error) Status(at string) int {
	n, err := strconv.Atoi(e.Text(at))
	if err != nil || n < 100 || n > 599 {
		return 0
	}
	return n
}

// walk follows a path through decoded JSON. ok is false where it leads to nothing, or to null.
func walk(from any, p path) (value any, ok bool) {
	for _, key := range p {
		members, isObject := from.(map[string]any)
		if !isObject {
			return nil, false
		}
		from = members[key]
	}
	return from, from != nil
}

// Read is what an answer's data says in the caller's names.
type Read struct {
	// Object is nil where the answer has null in its place, and for lists.
	Object map[string]any
	// Items are those of a list.
	Items      []map[string]any
	HasMore    bool
	NextCursor string
	// Refused are the errors that the data itself tells.
	Refused []Error
}

// Read takes the results out of the data. An error says what is not of the form that the schema promised.
func (o *Operation) Read(data json.RawMessage) (Read, error) {
	var whole any
	if err := decodeNumbers(data, &whole); err != nil {
		return Read{}, fmt.Errorf("data cannot be read: %w", err)
	}
	r := o.reader
	out := Read{Refused: r.refused(whole)}
	if len(out.Refused) > 0 {
		return out, nil
	}
	place, ok := walk(whole, r.at)
	if !r.list {
		if !ok {
			return out, nil
		}
		if len(r.members) == 0 {
			// Nothing is read from it, but that it was not done.
			if place == false {
				return out, fmt.Errorf("%s is false", r.at)
			}
			out.Object = map[string]any{}
			return out, nil
		}
		members, isObject := place.(map[string]any)
		if !isObject {
			return out, fmt.Errorf("%s is no object", r.at)
		}
		out.Object = objectOf(members, r.members)
		return out, nil
	}
	items, isList := place.([]any)
	if !isList {
		return out, fmt.Errorf("%s is no list", r.at)
	}
	out.Items = make([]map[string]any, 0, len(items))
	for i, item := range items {
		members, isObject := item.(map[string]any)
		if !isObject {
			return out, fmt.Errorf("%s.%d is no object", r.at, i)
		}
		out.Items = append(out.Items, objectOf(members, r.members))
	}
	more, _ := walk(whole, r.hasMore)
	if out.HasMore, ok = more.(bool); !ok {
		return out, fmt.Errorf("%s is not true or false", r.hasMore)
	}
	if cursor, ok := walk(whole, r.nextCursor); ok {
		out.NextCursor = fmt.Sprint(cursor)
	}
	return out, nil
}

// objectOf reads the members of one object.
func objectOf(from map[string]any, members []member) map[string]any {
	out := map[string]any{}
	for _, m := range members {
		value, ok := walk(from, m.path)
		if !ok {
			out[m.result.Name] = nil
			continue
		}
		switch v := value.(type) {
		case string:
			value = m.word(v)
		case map[string]any:
			if m.result.Kind == Object {
				value = objectOf(v, m.members)
			}
		case []any:
			all := make([]any, 0, len(v))
			for _, item := range v {
				switch i := item.(type) {
				case string:
					item = m.word(i)
				case map[string]any:
					if m.result.Kind == Objects {
						item = objectOf(i, m.members)
					}
				}
				all = append(all, item)
			}
			value = all
		}
		out[m.result.Name] = value
	}
	return out
}

func (m member) word(theirs string) string {
	if ours, ok := m.words[theirs]; ok {
		return ours
	}
	return theirs
}

// refused reads the errors that stand in the data.
func (r reader) refused(whole any) []Error {
	if r.userErrors == nil {
		return nil
	}
	found, _ := walk(whole, r.userErrors)
	list, _ := found.([]any)
	var out []Error
	for _, item := range list {
		members, _ := item.(map[string]any)
		message, _ := members["message"].(string)
		// What such an error has beside its message takes the place of extensions.
		out = append(out, Error{Message: message, Extensions: members})
	}
	return out
}

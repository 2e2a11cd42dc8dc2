package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a document, so that hostile input cannot exhaust the stack. Kirim's and Meta's bodies
// nest less than 15 deep.
const maxDepth = 1000

// maxNumber bounds the length of a number and maxExponent its power of ten. The library computes with exact fractions: it
// takes long over 1e999999 and panics over 1e999999999. Nothing that Kirim or Meta counts comes near.
const (
	maxNumber   = 100
	maxExponent = 400
)

// decode reads exactly one JSON document. It is stricter than encoding/json where that would hide what is on the wire:
// bytes that are not UTF-8, and names that occur twice in an object, are problems.
func decode(text []byte) (any, *Problem) {
	if !utf8.Valid(text) {
		return nil, &Problem{Message: fmt.Sprintf("is not JSON: it is not UTF-8 at byte %d", invalidAt(text))}
	}
	// Syntax comes first and by itself: only here does encoding/json give the exact place of an error.
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
		return nil, broken(text, err)
	}
	d := &decoder{json: json.NewDecoder(bytes.NewReader(text))}
	d.json.UseNumber()
	token, err := d.json.Token()
	if err != nil {
		return nil, broken(text, err)
	}
	return d.value(token)
}

type decoder struct {
	json *json.Decoder
	// path leads to the value that is being read. It becomes a pointer only where there is a problem to report.
	path []string
}

func (d *decoder) problem(message string) *Problem {
	var pointer strings.Builder
	for _, token := range d.path {
		pointer.WriteByte('/')
		pointer.WriteString(escapeToken(token))
	}
	return &Problem{Pointer: pointer.String(), Message: message}
}

// value builds the value that begins with token.
func (d *decoder) value(token json.Token) (any, *Problem) {
	switch token := token.(type) {
	case json.Number:
		if !reasonable(string(token)) {
			return nil, d.problem("is a number beyond all bounds: " + clip([]byte(token)))
		}
	case json.Delim:
		if len(d.path) == maxDepth {
			return nil, d.problem(fmt.Sprintf("is nested more than %d deep", maxDepth))
		}
		if token == '[' {
			return d.array()
		}
		return d.object()
	}
	return token, nil
}

// reasonable reports whether a number is small enough to compute with.
func reasonable(number string) bool {
	if len(number) > maxNumber {
		return false
	}
	at := strings.IndexAny(number, "eE")
	if at < 0 {
		return true
	}
	exponent, err := strconv.Atoi(number[at+1:])
	return err == nil && max(exponent, -exponent) <= maxExponent
}

// member reads the value at the next step of the path, whose first token is given.
func (d *decoder) member(step string, token json.Token) (any, *Problem) {
	d.path = append(d.path, step)
	value, problem := d.value(token)
	d.path = d.path[:len(d.path)-1]
	return value, problem
}

func (d *decoder) array() (any, *Problem) {
	items := []any{}
	for {
		token, err := d.json.Token()
		if err != nil {
			return nil, &Problem{Message: "is not JSON: " + err.Error()}
		}
		if token == json.Delim(']') {
			return items, nil
		}
		item, problem := d.member(strconv.Itoa(len(items)), token)
		if problem != nil {
			return nil, problem
		}
		items = append(items, item)
	}
}

func (d *decoder) object() (any, *Problem) {
	members := map[string]any{}
	for {
		token, err := d.json.Token()
		if err != nil {
			return nil, &Problem{Message: "is not JSON: " + err.Error()}
		}
		if token == json.Delim('}') {
			return members, nil
		}
		name := token.(string) // the decoder refuses any other token here
		if _, twice := members[name]; twice {
			d.path = append(d.path, name)
			return nil, d.problem("occurs twice")
		}
		if token, err = d.json.Token(); err != nil {
			return nil, &Problem{Message: "is not JSON: " + err.Error()}
		}
		value, problem := d.member(name, token)
		if problem != nil {
			return nil, problem
		}
		members[name] = value
	}
}

// broken words what encoding/json says about text that is not JSON.
func broken(text []byte, err error) *Problem {
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return &Problem{Message: "is not JSON: it is empty"}
	case errors.As(err, &syntax):
		return &Problem{Message: fmt.Sprintf("is not JSON: %s, at %s", err, position(text, syntax.Offset))}
	default:
		return &Problem{Message: "is not JSON: " + err.Error()}
	}
}

// position renders the place of the character that ends at offset as line and column, both from 1, the column in bytes.
func position(text []byte, offset int64) string {
	before := text[:min(max(offset-1, 0), int64(len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

func invalidAt(text []byte) int {
	at := 0
	for at < len(text) {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

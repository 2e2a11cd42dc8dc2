package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a document, so that hostile input cannot exhaust the stack. Kirim's and Meta's bodies
// nest less than 15 deep.
const maxDepth = 1000

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
	return d.value(token, "", 0)
}

type decoder struct{ json *json.Decoder }

// value builds the value that begins with token.
func (d *decoder) value(token json.Token, pointer string, depth int) (any, *Problem) {
	delim, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == maxDepth {
		return nil, &Problem{Pointer: pointer, Message: fmt.Sprintf("is nested more than %d deep", maxDepth)}
	}
	if delim == '[' {
		return d.array(pointer, depth)
	}
	return d.object(pointer, depth)
}

func (d *decoder) array(pointer string, depth int) (any, *Problem) {
	items := []any{}
	for {
		token, err := d.json.Token()
		if err != nil {
			return nil, &Problem{Message: "is not JSON: " + err.Error()}
		}
		if token == json.Delim(']') {
			return items, nil
		}
		item, problem := d.value(token, pointer+"/"+strconv.Itoa(len(items)), depth+1)
		if problem != nil {
			return nil, problem
		}
		items = append(items, item)
	}
}

func (d *decoder) object(pointer string, depth int) (any, *Problem) {
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
		at := pointer + "/" + escapeToken(name)
		if _, twice := members[name]; twice {
			return nil, &Problem{Pointer: at, Message: "occurs twice"}
		}
		if token, err = d.json.Token(); err != nil {
			return nil, &Problem{Message: "is not JSON: " + err.Error()}
		}
		value, problem := d.value(token, at, depth+1)
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

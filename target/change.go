package target

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Change is a member of a PATCH: left out (the zero value), null, or a value.
type Change[T any] struct {
	given bool
	value *T
}

// To changes a member to a value.
func To[T any](value T) Change[T] { return Change[T]{given: true, value: &value} }

// ToNull changes a member to null.
func ToNull[T any]() Change[T] { return Change[T]{given: true} }

// IsZero reports whether the member is left out; encoding/json asks it for omitzero.
func (c Change[T]) IsZero() bool { return !c.given }

// MarshalJSON writes the value or null.
func (c Change[T]) MarshalJSON() ([]byte, error) { return json.Marshal(c.value) }

// Timestamp is a time as the API wrote it, empty where it is null or left out. It is kept as text because its form is
// for the suites to judge.
type Timestamp string

// Time reads the form of RFC 3339.
func (t Timestamp) Time() (time.Time, error) { return time.Parse(time.RFC3339, string(t)) }

// encode writes JSON without the escapes that only HTML needs, so that evidence reads as it was meant.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// excerpt shows the beginning of what somebody sent, on one line.
func excerpt(text []byte) string {
	const most = 120
	if len(text) == 0 {
		return "nothing"
	}
	// Four times as much is enough where whitespace is folded, and keeps a whole page from being looked at.
	cut := len(text) > 4*most
	if cut {
		text = text[:4*most]
	}
	runes := []rune(strings.ToValidUTF8(strings.Join(strings.Fields(string(text)), " "), "�"))
	if len(runes) > most {
		runes, cut = runes[:most], true
	}
	// Quoted, so that control characters do nothing to a terminal.
	quoted := strconv.Quote(string(runes))
	if cut {
		quoted += "…"
	}
	return quoted
}

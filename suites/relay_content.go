package suites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
)

// byPassthrough picks the requirement of the edition: about the bytes where Meta's bodies are passed on exactly, about what
// they say where they are annotated.
func (s *Session) byPassthrough(exact, annotated string) string {
	if s.edition.Passthrough == contract.Annotated {
		return annotated
	}
	return exact
}

// untouched ends the spec as broken unless a delivery has what Meta sent: the bytes, or in an edition that annotates
// bodies everything that they say (reading Q31).
func (c *relayCheck) untouched(what string, d subscriber.Delivery, body []byte) {
	if c.edition.Passthrough == contract.Annotated {
		if at := contentDifference(body, d.Body); at != nil {
			c.Broken(what+": what Meta sent, "+at.want, at.seen)
		}
		return
	}
	if bytes.Equal(d.Body, body) {
		return
	}
	at, want, seen := difference(body, d.Body)
	c.Broken(fmt.Sprintf("%s: the %d bytes that Meta sent, with %q at offset %d", what, len(body), want, at),
		fmt.Sprintf("%d bytes, with %q there", len(d.Body), seen))
}

// sameAgain ends the spec as broken unless a later attempt, or a replay, has the body of the first: its bytes, or in an
// edition that annotates bodies what it says. what completes "the bytes of", such as the first delivery.
func (c *relayCheck) sameAgain(what string, first, later subscriber.Delivery) {
	if c.edition.Passthrough == contract.Annotated {
		if at := contentDifference(withoutAnnotation(first.Body), later.Body); at != nil {
			c.Broken(fmt.Sprintf("the content of %s, %s", what, at.want), at.seen)
		}
		return
	}
	if bytes.Equal(first.Body, later.Body) {
		return
	}
	at, want, seen := difference(first.Body, later.Body)
	c.Broken(fmt.Sprintf("the bytes of %s, %q at offset %d", what, want, at),
		fmt.Sprintf("%d instead of %d bytes, with %q there", len(later.Body), len(first.Body), seen))
}

// contentGap is the first thing that one body says and another does not.
type contentGap struct{ want, seen string }

// contentDifference compares what two bodies say, the object that annotates the second left out; nil where it is the same.
// The order of members, blanks, escapes and the spelling of numbers say nothing; of several members with one name the last
// counts, as in nearly every parser.
func contentDifference(want, got []byte) *contentGap {
	expected, err := decodeContent(want)
	if err != nil {
		return &contentGap{"a body of JSON", fmt.Sprintf("the harness's own is none: %v", err)}
	}
	seen, err := decodeContent(got)
	if err != nil {
		return &contentGap{"as JSON", fmt.Sprintf("%d bytes that are none: %v", len(got), err)}
	}
	if object, ok := seen.(map[string]any); ok {
		delete(object, contract.AnnotationKey)
	}
	return gap("", expected, seen)
}

// withoutAnnotation is what a body says beside its annotation, as JSON. What is no object stays as it is.
func withoutAnnotation(body []byte) []byte {
	value, err := decodeContent(body)
	object, ok := value.(map[string]any)
	if err != nil || !ok {
		return body
	}
	delete(object, contract.AnnotationKey)
	out, err := json.Marshal(object)
	if err != nil {
		return body
	}
	return out
}

// decodeContent reads one JSON text, with numbers as they are written.
func decodeContent(body []byte) (value any, err error) {
	// A Decoder leaves what stands behind the value unread.
	if err := json.Unmarshal(body, new(json.RawMessage)); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}

// gap finds the first place where two values differ, in the order of names and lists.
func gap(at string, want, got any) *contentGap {
	differ := func() *contentGap {
		return &contentGap{fmt.Sprintf("with %s at %s", excerpt(want), orTop(at)), excerpt(got) + " there"}
	}
	switch expected := want.(type) {
	case map[string]any:
		seen, ok := got.(map[string]any)
		if !ok {
			return differ()
		}
		for _, name := range slices.Sorted(maps.Keys(expected)) {
			place := at + "/" + pointerPart(name)
			value, there := seen[name]
			if !there {
				return &contentGap{fmt.Sprintf("with %s at %s", excerpt(expected[name]), place), "no such member"}
			}
			if found := gap(place, expected[name], value); found != nil {
				return found
			}
		}
		for _, name := range slices.Sorted(maps.Keys(seen)) {
			if _, there := expected[name]; !there {
				return &contentGap{"with nothing at " + at + "/" + pointerPart(name), excerpt(seen[name]) + " there"}
			}
		}
	case []any:
		seen, ok := got.([]any)
		if !ok {
			return differ()
		}
		for i, item := range expected {
			if i >= len(seen) {
				return &contentGap{fmt.Sprintf("with %d items at %s", len(expected), orTop(at)), fmt.Sprintf("%d", len(seen))}
			}
			if found := gap(at+"/"+strconv.Itoa(i), item, seen[i]); found != nil {
				return found
			}
		}
		if len(seen) > len(expected) {
			return &contentGap{fmt.Sprintf("with %d items at %s", len(expected), orTop(at)), fmt.Sprintf("%d", len(seen))}
		}
	case json.Number:
		if seen, ok := got.(json.Number); !ok || !sameNumber(expected, seen) {
			return differ()
		}
	default:
		if want != got {
			return differ()
		}
	}
	return nil
}

// longestNumber bounds the numbers that are compared by value: the range of a double needs 767 digits at most.
const longestNumber = 1000

// sameNumber compares two numbers by their value, exactly.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	value := func(n json.Number) (*big.Rat, bool) {
		text := n.String()
		_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
		// An exponent of a billion would take gigabytes.
		if len(text) > longestNumber || len(strings.TrimLeft(exponent, "+-0")) > 3 {
			return nil, false
		}
		return new(big.Rat).SetString(text)
	}
	x, okX := value(a)
	y, okY := value(b)
	return okX && okY && x.Cmp(y) == 0
}

// excerpt shows the beginning of a value.
func excerpt(value any) string {
	const show = 60
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	if len(text) > show {
		return strings.ToValidUTF8(string(text[:show]), "") + "…"
	}
	return string(text)
}

func orTop(pointer string) string {
	if pointer == "" {
		return "the top"
	}
	return pointer
}

// pointerPart is a member's name in a JSON pointer (RFC 6901).
func pointerPart(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

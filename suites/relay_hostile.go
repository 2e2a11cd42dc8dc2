package suites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kirimcheck/kirimcheck/fixtures"
)

// hostileBody is a body that Meta may send and that does not survive being decoded and encoded again. All of them are
// JSON by RFC 8259; what Meta's clients cannot type, such as half of a surrogate pair, is not among them.
type hostileBody struct {
	// slug is the last part of the requirement's id.
	slug, name string
	make       func(body []byte) ([]byte, error)
}

var hostileBodies = slices.Concat(
	escapesOf(map[string]string{
		"lower-case escapes":         `caf\u00e9 \u00e4\u00f6\u00e5`,
		"upper-case escapes":         `caf\u00E9 \u00C4\u00D6\u00C5`,
		"surrogate pairs":            `\ud83d\ude4f\uD83C\uDFFD`,
		"escaped slashes":            `https:\/\/kirim.chat\/a\/b`,
		"slashes that are not":       `https://kirim.chat/a/b`,
		"Meta's escapes of ASCII":    `\u0040 \u003C \u0025`,
		"signs that HTML escapes":    `<b>A & B</b> 'x' @ 10%`,
		"needless escapes":           `\u0068\u0061\u006c\u006F \u002f \u0022`,
		"escaped control characters": `a\tb\nc\u000ad\r\b\f\u001f\u007f`,
		"letters as they are":        "café äöå \U0001F64F\U0001F3FD",
		"line separators":            "a\u2028b\u2029c \\u2028\\u2029",
		"two spellings of a letter":  "é e\u0301 \\u00e9 e\\u0301",
	}),
	[]hostileBody{
		{"layout", "blanks and line ends", func(b []byte) ([]byte, error) { return fixtures.Spaced(b), nil }},
		{"layout", "tabs and carriage returns", func(b []byte) ([]byte, error) {
			return bytes.ReplaceAll(fixtures.Spaced(b), []byte("\n "), []byte("\r\n\t")), nil
		}},
		{"layout", "a line end behind it", func(b []byte) ([]byte, error) { return append(slices.Clone(b), '\n'), nil }},
		{"layout", "blanks around it", func(b []byte) ([]byte, error) {
			return slices.Concat([]byte("\n  "), b, []byte(" \t")), nil
		}},
		{"layout", "keys reversed", fixtures.ReverseKeys},
		{"layout", "a key twice", func(b []byte) ([]byte, error) {
			return added(b, `"kirimcheck_twice":1,"kirimcheck_twice":[2]`)
		}},
		{"layout", "empty keys, objects and lists", func(b []byte) ([]byte, error) {
			return added(b, `"":"","kirimcheck_object":{},"kirimcheck_list":[ ],"kirimcheck_null":null`)
		}},
		{"numbers", "integers past 2^53", func(b []byte) ([]byte, error) {
			return added(b, `"kirimcheck_large":[9007199254740993,-9007199254740993,123456789012345678901234567890]`)
		}},
		{"numbers", "fractions and exponents", func(b []byte) ([]byte, error) {
			return added(b, `"kirimcheck_forms":[1.0,0.10,-6.200000,106.8456000,1e2,1E+2,1.5e-7,100E-2]`)
		}},
		{"numbers", "the ends of the range", func(b []byte) ([]byte, error) {
			return added(b, `"kirimcheck_ends":[-0,0.0,-0.0,1.7976931348623157e308,5e-324,0.30000000000000004]`)
		}},
		{"unknown-content", "a message type that is new", func(b []byte) ([]byte, error) {
			return replacedOnce(b, `"type":"text","text":{`, `"type":"kirimcheck_new","kirimcheck_new":{`)
		}},
		{"unknown-content", "fields that are new", unknownEverywhere},
	},
)

// annotatedHostile is the requirement that a hostile body belongs to in an edition whose relays may write bodies anew; empty
// where it has none: what an object with one key twice says, JSON does not tell (RFC 8259, section 4).
func annotatedHostile(h hostileBody) string {
	if h.name == "a key twice" {
		return ""
	}
	return "relay.passthrough." + map[string]string{
		"escapes": "same-text", "layout": "same-structure", "numbers": "same-numbers", "unknown-content": "unknown-content",
	}[h.slug]
}

// escapesOf makes a body of each text, which stands between its quotes as it is given.
func escapesOf(texts map[string]string) []hostileBody {
	var all []hostileBody
	for name, text := range texts {
		all = append(all, hostileBody{"escapes", name, func(body []byte) ([]byte, error) { return withText(body, text) }})
	}
	slices.SortFunc(all, func(a, b hostileBody) int { return strings.Compare(a.name, b.name) })
	return all
}

// withText replaces the text of a text message by JSON text.
func withText(body []byte, text string) ([]byte, error) {
	const before = `"text":{"body":"`
	at := bytes.Index(body, []byte(before))
	if at < 0 {
		return nil, fmt.Errorf("the fixture has no %s", before)
	}
	at += len(before)
	end := bytes.Index(body[at:], []byte(`"}`))
	if end < 0 {
		return nil, fmt.Errorf("the fixture's text does not end")
	}
	return valid(slices.Concat(body[:at], []byte(text), body[at+end:]))
}

// added puts members into the message of a body, behind its type.
func added(body []byte, members string) ([]byte, error) {
	return replacedOnce(body, `"type":"text",`, `"type":"text",`+members+`,`)
}

// replacedOnce replaces one piece of a body.
func replacedOnce(body []byte, old, by string) ([]byte, error) {
	if bytes.Count(body, []byte(old)) != 1 {
		return nil, fmt.Errorf("the fixture does not have %s once", old)
	}
	return valid(bytes.Replace(body, []byte(old), []byte(by), 1))
}

// valid makes sure that a hostile body is nevertheless JSON.
func valid(body []byte) ([]byte, error) {
	if !json.Valid(body) {
		return nil, fmt.Errorf("the hostile body is not JSON: %s", body)
	}
	return body, nil
}

// unknownEverywhere adds a member to every object from the body to the message.
func unknownEverywhere(body []byte) ([]byte, error) {
	for _, object := range []string{"", "/entry/0", "/entry/0/changes/0", "/entry/0/changes/0/value",
		"/entry/0/changes/0/value/metadata", "/entry/0/changes/0/value/messages/0", "/entry/0/changes/0/value/messages/0/text"} {
		var err error
		if body, err = fixtures.AddField(body, object+"/kirimcheck_new", `{"since":"2027","list":[1,null,"x"]}`); err != nil {
			return nil, err
		}
	}
	return body, nil
}

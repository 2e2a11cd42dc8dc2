package mutants

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// rawByteMutants make the MAC over a body that was brought into another form of the same text.
func rawByteMutants() []Mutant {
	const meta = "meta-receiver.signature.raw-bytes"
	return []Mutant{
		receiver("folds-member-names", "keeps JSON in maps whose names are lower case, and makes the MAC over what it writes from them", "",
			[]string{"receiver.signature.raw-bytes"}, withBody(foldNames)),
		metaReceiver("unescapes-ascii", "turns escaped ASCII into the characters before the MAC", seenReceivers, []string{meta},
			withBody(unescape(func(r rune) bool { return r < utf8.RuneSelf }))).onRawBytes(),
		metaReceiver("unescapes-emoji", "turns escaped surrogate pairs into emoji before the MAC", seenReceivers, []string{meta},
			withBody(unescape(func(r rune) bool { return r > 0xffff }))).onRawBytes(),
		metaReceiver("escapes-before-mac", "escapes what is not ASCII before the MAC, as older pages had it", "older pages of Meta's",
			[]string{meta}, withBody(func(body []byte) ([]byte, error) { return []byte(asciiOnly(body)), nil })).onRawBytes(),
		metaReceiver("challenge-optional", "answers 200 to a handshake without a challenge", "", []string{"meta-receiver.handshake.missing-parameters"},
			func(b *build) {
				right := b.policy.Handshake
				b.policy.Handshake = func(q url.Values) (int, string) {
					if !q.Has("hub.challenge") && q.Get("hub.mode") == "subscribe" {
						return http.StatusOK, ""
					}
					return right(q)
				}
			}),
	}
}

// onRawBytes limits the specs to those of raw bytes: which of the other bodies hold what the mutant stumbles over is left to
// the generated texts.
func (m Mutant) onRawBytes() Mutant {
	m.Filter = "meta-receiver.signature.raw-bytes"
	return m
}

var memberName = regexp.MustCompile(`"[A-Za-z_]+":`)

func foldNames(body []byte) ([]byte, error) {
	return memberName.ReplaceAllFunc(body, bytes.ToLower), nil
}

// escape is an escaped character, or the two halves of one.
var escape = regexp.MustCompile(`(?i)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u([0-9a-f]{4})`)

// unescape writes the characters themselves for which a condition holds.
func unescape(chosen func(rune) bool) func([]byte) ([]byte, error) {
	hex := func(digits []byte) rune {
		n, err := strconv.ParseUint(string(digits), 16, 16)
		if err != nil {
			// The pattern lets only four hexadecimal digits through.
			panic(err)
		}
		return rune(n)
	}
	return func(body []byte) ([]byte, error) {
		return escape.ReplaceAllFunc(body, func(found []byte) []byte {
			parts := escape.FindSubmatch(found)
			r := rune(0)
			if len(parts[3]) > 0 {
				r = hex(parts[3])
			} else {
				r = utf16.DecodeRune(hex(parts[1]), hex(parts[2]))
			}
			if !chosen(r) {
				return found
			}
			return utf8.AppendRune(nil, r)
		}), nil
	}
}

// asciiOnly escapes every character that is not ASCII.
func asciiOnly(body []byte) string {
	var out bytes.Buffer
	for _, r := range string(body) {
		switch {
		case r < utf8.RuneSelf:
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

package emitter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/signature"
)

// Template is the value of a signature header with placeholders, so that every way of signing, right or wrong, is a
// line of data from which both the header and the shell line that repeats it are made.
//
//	{t}               the time of signing in Unix seconds; {t+1} one second later; {t*1000} in milliseconds
//	{mac}             the genuine v1 over t and body, 64 lower-case hexadecimal digits
//	{mac ...}         the same with options, separated by blanks:
//	    key=wrong     under another secret
//	    key=empty     under the empty key
//	    key=stripped  under the secret without its whsec_ prefix
//	    key=base64    under the bytes that the secret without its prefix encodes
//	    over=body     over the body alone
//	    over=ms       over t in milliseconds, a dot, and the body
//	    first=N       only the first N digits
//	    upper         in upper case
type Template string

// DefaultSignature is what Kirim sends with one active secret (documentation: signing).
const DefaultSignature Template = "t={t},v1={mac}"

// EmptySignature sends the header without a value. It is a blank, which HTTP trims, because no template at all means
// DefaultSignature.
const EmptySignature Template = " "

// WrongSecret is the secret of key=wrong. It belongs to nobody, so reports may show it.
const WrongSecret = "whsec_kirimcheckWrongSecretOfNobody00000"

// signing is what a template is rendered from.
type signing struct {
	t      int64
	body   []byte
	secret string
	prefix string
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// expand writes the template with what value makes of the words of each placeholder and literal of the text between.
func (tpl Template) expand(literal func(string) string, value func(words []string) (string, error)) (string, error) {
	var out strings.Builder
	text, at := string(tpl), 0
	for _, span := range placeholder.FindAllStringIndex(text, -1) {
		out.WriteString(literal(text[at:span[0]]))
		at = span[1]
		made, err := value(strings.Fields(text[span[0]+1 : span[1]-1]))
		if err != nil {
			return "", fmt.Errorf("signature template %q: %s: %w", tpl, text[span[0]:span[1]], err)
		}
		out.WriteString(made)
	}
	out.WriteString(literal(text[at:]))
	return out.String(), nil
}

// render makes the value of the header.
func (tpl Template) render(s signing) (string, error) {
	return tpl.expand(func(text string) string { return text }, s.value)
}

func (s signing) value(words []string) (string, error) {
	if len(words) == 0 {
		return "", errors.New("an empty placeholder")
	}
	if words[0] == "mac" {
		return s.mac(words[1:])
	}
	if len(words) > 1 {
		return "", fmt.Errorf("unknown option %q", words[1])
	}
	switch words[0] {
	case "t":
		return strconv.FormatInt(s.t, 10), nil
	case "t+1":
		return strconv.FormatInt(s.t+1, 10), nil
	case "t*1000":
		return strconv.FormatInt(s.t*1000, 10), nil
	default:
		return "", errors.New("an unknown placeholder; there are t, t+1, t*1000 and mac")
	}
}

func (s signing) mac(options []string) (string, error) {
	m, err := parseMAC(options)
	if err != nil {
		return "", err
	}
	key := []byte(s.secret)
	stripped := strings.TrimPrefix(s.secret, s.prefix)
	switch m.key {
	case "wrong":
		key = []byte(WrongSecret)
	case "empty":
		key = nil
	case "stripped":
		key = []byte(stripped)
	case "base64":
		if key, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(stripped, "=")); err != nil {
			return "", errors.New("the secret is not base64")
		}
	}
	var sum []byte
	switch m.over {
	case "body":
		mac := hmac.New(sha256.New, key)
		// hash.Hash.Write never returns an error (package hash).
		_, _ = mac.Write(s.body)
		sum = mac.Sum(nil)
	case "ms":
		sum = signature.MAC(string(key), s.t*1000, s.body)
	default:
		sum = signature.MAC(string(key), s.t, s.body)
	}
	text := hex.EncodeToString(sum)
	if m.first >= 0 {
		text = text[:m.first]
	}
	if m.upper {
		text = strings.ToUpper(text)
	}
	return text, nil
}

// macOptions are the parsed options of a {mac} placeholder.
type macOptions struct {
	key, over string
	// first is the number of digits to keep, -1 for all.
	first int
	upper bool
}

func parseMAC(options []string) (macOptions, error) {
	m := macOptions{first: -1}
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		switch {
		case name == "key" && (value == "wrong" || value == "empty" || value == "stripped" || value == "base64"):
			m.key = value
		case name == "over" && (value == "body" || value == "ms"):
			m.over = value
		case name == "first":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > hex.EncodedLen(sha256.Size) {
				return m, fmt.Errorf("%q is not a number of digits", value)
			}
			m.first = n
		case option == "upper":
			m.upper = true
		default:
			return m, fmt.Errorf("unknown option %q", option)
		}
	}
	return m, nil
}

package mockmeta

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

// Template is the value of a signature header with placeholders, so that every way of signing, right or wrong, is a
// line of data from which both the header and the shell line that repeats it are made.
//
//	{sha256}          HMAC-SHA256 of the signed body under the app secret, 64 lower-case hexadecimal digits
//	{sha1}            HMAC-SHA1, 40 digits
//	{sha256 ...}      either with options, separated by blanks:
//	    key=wrong     under another secret
//	    key=empty     under the empty key
//	    key=decoded   under the bytes that the secret's hexadecimal digits encode
//	    first=N       only the first N digits
//	    upper         in upper case
type Template string

// What Meta sends (Meta, webhooks/create-webhook-endpoint, POST requests; the old header: captured traffic).
const (
	DefaultSignature     Template = "sha256={sha256}"
	DefaultSignatureSHA1 Template = "sha1={sha1}"
)

// EmptySignature sends the header without a value. It is a blank, which HTTP trims, because no template at all means
// the default.
const EmptySignature Template = " "

// WrongSecret is the secret of key=wrong. It belongs to nobody, so reports may show it.
const WrongSecret = "00000000000000000000000000000bad"

// SecretVariable is the environment variable from which a repeat line takes the app secret.
const SecretVariable = "META_APP_SECRET"

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// expand replaces the placeholders by what mac returns and passes the text between them through literal.
func (tpl Template) expand(literal func(string) string, mac func(digest) (string, error)) (string, error) {
	var out strings.Builder
	text, at := string(tpl), 0
	for _, span := range placeholder.FindAllStringIndex(text, -1) {
		out.WriteString(literal(text[at:span[0]]))
		at = span[1]
		d, err := parseDigest(strings.Fields(text[span[0]+1 : span[1]-1]))
		if err == nil {
			var value string
			value, err = mac(d)
			out.WriteString(value)
		}
		if err != nil {
			return "", fmt.Errorf("signature template %q: %s: %w", tpl, text[span[0]:span[1]], err)
		}
	}
	out.WriteString(literal(text[at:]))
	return out.String(), nil
}

// render makes the value of the header.
func (tpl Template) render(secret string, body []byte) (string, error) {
	same := func(s string) string { return s }
	return tpl.expand(same, func(d digest) (string, error) { return d.value(secret, body) })
}

// digest is a parsed placeholder.
type digest struct {
	// algorithm is sha256 or sha1.
	algorithm string
	// key is wrong, empty or decoded, and "" for the app secret.
	key string
	// first is the number of digits to keep.
	first int
	upper bool
}

func parseDigest(words []string) (digest, error) {
	d := digest{}
	if len(words) == 0 {
		return d, errors.New("an empty placeholder")
	}
	switch d.algorithm = words[0]; d.algorithm {
	case "sha256":
		d.first = hex.EncodedLen(sha256.Size)
	case "sha1":
		d.first = hex.EncodedLen(sha1.Size)
	default:
		return d, errors.New("an unknown placeholder; there are sha256 and sha1")
	}
	for _, option := range words[1:] {
		name, value, _ := strings.Cut(option, "=")
		switch {
		case name == "key" && (value == "wrong" || value == "empty" || value == "decoded"):
			d.key = value
		case name == "first":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > d.first {
				return d, fmt.Errorf("%q is not a number of digits", value)
			}
			d.first = n
		case option == "upper":
			d.upper = true
		default:
			return d, fmt.Errorf("unknown option %q", option)
		}
	}
	return d, nil
}

// value computes the digits.
func (d digest) value(secret string, body []byte) (string, error) {
	key := secret
	switch d.key {
	case "wrong":
		key = WrongSecret
	case "empty":
		key = ""
	case "decoded":
		raw, err := hex.DecodeString(secret)
		if err != nil {
			return "", errors.New("the app secret is not hexadecimal")
		}
		key = string(raw)
	}
	sum := signature.MetaMAC
	if d.algorithm == "sha1" {
		sum = signature.MetaMACSHA1
	}
	text := hex.EncodeToString(sum(key, body))[:d.first]
	if d.upper {
		text = strings.ToUpper(text)
	}
	return text, nil
}

// shell returns the pipeline that prints the digits of what the command message prints.
func (d digest) shell(message string) string {
	key := `-hmac "$` + SecretVariable + `"`
	switch d.key {
	case "wrong":
		key = "-hmac " + wire.ShellQuote(WrongSecret)
	case "empty":
		key = "-hmac ''"
	case "decoded":
		key = `-mac HMAC -macopt hexkey:"$` + SecretVariable + `"`
	}
	line := message + " | openssl dgst -" + d.algorithm + " " + key + " -hex | sed 's/.* //'"
	// cut takes no range that ends at 0.
	if d.first == 0 {
		return "printf ''"
	}
	line += fmt.Sprintf(" | cut -c1-%d", d.first)
	if d.upper {
		line += " | tr a-f A-F"
	}
	return line
}

package reports

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// redactedText stands where a secret stood.
const redactedText = "[redacted]"

// Shorter pieces than these are too likely to occur by chance to be taken for a secret.
const (
	minUnlabelled = 8 // of a secret without its label, in bytes
	minEmbedded   = 8 // of a secret looked for inside longer base64, in bytes
)

// Redactor takes secrets out of strings. The zero value knows no secrets; it still redacts the headers and URLs of a
// report. It is safe for concurrent use.
type Redactor struct {
	// pairs are what to look for and what to write instead, in turn, the longest first.
	pairs [][2]string
}

// NewRedactor returns a redactor for these secrets; empty ones are ignored. It finds each in the forms in which it gets
// into a report: as it is, without its label (the whsec_ of a signing secret), percent-encoded, base64-encoded, also in
// the middle of longer base64, and escaped as JSON.
func NewRedactor(secrets ...string) *Redactor {
	var pairs [][2]string
	for _, secret := range secrets {
		for _, form := range forms(secret) {
			pairs = append(pairs, [2]string{form, redactedText})
		}
	}
	return &Redactor{pairs: ordered(pairs)}
}

// String returns s with every secret in it replaced.
func (r *Redactor) String(s string) string { return r.replacer().Replace(s) }

func (r *Redactor) replacer() *strings.Replacer {
	var flat []string
	for _, p := range r.pairs {
		flat = append(flat, p[0], p[1])
	}
	return strings.NewReplacer(flat...)
}

// ordered puts longer forms before shorter ones, because the replacer takes the first that matches, and a form that is
// the beginning of another would leave the other's end standing.
func ordered(pairs [][2]string) [][2]string {
	slices.SortStableFunc(pairs, func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(len(b[0]), len(a[0])), cmp.Compare(a[0], b[0]))
	})
	return slices.Compact(pairs)
}

// label is the beginning of a secret that tells its kind, such as whsec_. A service that decodes or logs the key
// commonly drops it.
var label = regexp.MustCompile(`^[A-Za-z]+_`)

// forms lists the strings that a secret may appear as.
func forms(secret string) []string {
	if secret == "" {
		return nil
	}
	spellings := []string{secret}
	if rest := secret[len(label.FindString(secret)):]; len(rest) >= minUnlabelled && rest != secret {
		spellings = append(spellings, rest)
	}
	var all []string
	for _, s := range spellings {
		all = append(all, s)
		all = append(all, percentForms(s)...)
		all = append(all, base64Forms(s)...)
		all = append(all, jsonForms(s)...)
	}
	return all
}

func percentForms(s string) []string {
	query := url.QueryEscape(s)
	upper := []string{query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(s)}
	all := slices.Clone(upper)
	for _, form := range upper {
		all = append(all, escapeTriple.ReplaceAllStringFunc(form, strings.ToLower))
	}
	return all
}

var escapeTriple = regexp.MustCompile(`%[0-9A-F]{2}`)

// base64Forms encodes s alone, and, as the middle of a longer text, for each of the three ways in which it can fall on
// the groups of three bytes. Of the latter only the characters that s alone decides are kept; at most four bits of its
// first and last byte stay outside of them.
func base64Forms(s string) []string {
	var all []string
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		all = append(all, enc.EncodeToString([]byte(s)), enc.WithPadding(base64.NoPadding).EncodeToString([]byte(s)))
		if len(s) < minEmbedded {
			continue
		}
		for before := range 3 {
			text := enc.EncodeToString([]byte(strings.Repeat("\x00", before) + s))
			first := (before*8 + 5) / 6
			last := (before + len(s)) * 8 / 6
			all = append(all, text[first:last])
		}
	}
	return all
}

// jsonForms escapes s as the common encoders do: with and without escaping for HTML, with an escaped solidus, and with
// ASCII alone.
func jsonForms(s string) []string {
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil // a string always encodes
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(plain.String(), `"`), "\"\n")
	var html bytes.Buffer
	json.HTMLEscape(&html, []byte(bare))
	var ascii strings.Builder
	for _, c := range bare {
		switch {
		case c < utf8.RuneSelf:
			ascii.WriteRune(c)
		case c > 0xFFFF:
			c -= 0x10000
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, 0xD800+(c>>10), 0xDC00+(c&0x3FF))
		default:
			fmt.Fprintf(&ascii, `\u%04x`, c)
		}
	}
	return []string{bare, html.String(), ascii.String(), strings.ReplaceAll(bare, "/", `\/`)}
}

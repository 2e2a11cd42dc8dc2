package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// moment writes a time so that nobody has to guess its zone.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// away says how far a time is from now.
func away(t, now time.Time) string {
	d := t.Sub(now)
	switch {
	case d >= time.Second:
		return "in " + span(d)
	case d > -time.Second:
		return "now"
	}
	return span(-d) + " ago"
}

// span writes a length of time with its two largest units.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	units := []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	for i, unit := range units {
		n := d / unit.length
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", n, unit.name)
		if i+1 < len(units) {
			if rest := d % unit.length / units[i+1].length; rest > 0 {
				text += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "0 s"
}

// took writes how long an attempt took.
func took(from, to time.Time) string {
	d := to.Sub(from)
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// sentence makes one of an error's message.
func sentence(message string) string {
	first, size := utf8.DecodeRuneInString(message)
	if size == 0 {
		return message
	}
	return string(unicode.ToUpper(first)) + message[size:] + "."
}

// maxLine bounds, in bytes, what the page shows of a text that should be a line: an id, a URL, an error.
const maxLine = 2 << 10

// line is text from outside as a part of a line.
func line(s string) string { return visible(cut(s, maxLine), "") }

// visible writes as escapes the characters that act instead of showing, other than those to keep: controls, and the
// marks that reverse the direction of text, with which a URL can be made to read differently from what it is.
func visible(s, keep string) string {
	var b strings.Builder
	for _, c := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case strings.ContainsRune(keep, c):
			b.WriteRune(c)
		case unicode.IsControl(c), unicode.Is(unicode.Bidi_Control, c), c == '\u2028', c == '\u2029':
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// cut keeps at most limit bytes of s, and no half of a character, and marks what is cut.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}

// bodyView is a body as the page shows it.
type bodyView struct {
	// Size is that of the whole body, in bytes.
	Size int
	Text string
	// Note says what was done to it.
	Note string
	// Raw says that the bytes are shown as they are.
	Raw bool
}

const (
	// maxBody bounds what is shown of a body, in bytes.
	maxBody = 64 << 10
	// maxNesting bounds the depth of JSON that is indented: its lines grow with it, and the whole with its square.
	maxNesting = 64
)

// newBodyView shows a body, JSON indented unless it is wanted raw.
func newBodyView(body []byte, raw bool) bodyView {
	v := bodyView{Size: len(body), Raw: raw}
	var notes []string
	text := body
	if indented, ok := indent(body); ok && !raw {
		text = indented
		notes = append(notes, "indented for reading")
	}
	if !utf8.Valid(body) {
		notes = append(notes, "not all of it is UTF-8")
	}
	if len(text) > maxBody {
		notes = append(notes, "only the beginning is shown")
	}
	v.Text = visible(cut(string(text[:min(len(text), maxBody+utf8.UTFMax)]), maxBody), "\t\n")
	v.Note = strings.Join(notes, ", ")
	return v
}

// indent formats a JSON object or array, without touching names, numbers and strings.
func indent(body []byte) ([]byte, bool) {
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 || (trimmed[0] != '{' && trimmed[0] != '[') || nesting(trimmed) > maxNesting {
		return nil, false
	}
	var out bytes.Buffer
	if err := json.Indent(&out, trimmed, "", "  "); err != nil {
		return nil, false
	}
	return out.Bytes(), true
}

// nesting is the greatest depth of brackets. It counts those in strings too, which may make it too large.
func nesting(body []byte) int {
	depth, deepest := 0, 0
	for _, c := range body {
		switch c {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}

// Package page is what the pages of all reports share: their head and style, the symbols of verdicts, and how lengths,
// times, numbers and ids are written. A page is one file without scripts and without references to anything outside of
// it, so that it can be mailed, archived and opened offline.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"math"
	"strings"
	"time"
	"unicode"
)

var (
	//go:embed parts.html.tmpl
	parts string
	//go:embed report.css
	style string
)

// Style is the style sheet of every page.
func Style() string { return style }

// New parses the template of a page. It can use what parts.html.tmpl defines, the functions here, and further ones.
func New(name, text string, further template.FuncMap) (*template.Template, error) {
	funcs := template.FuncMap{
		"style":     func() template.CSS { return template.CSS(style) },
		"plural":    Plural,
		"duration":  Duration,
		"percent":   Percent,
		"moment":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"clock":     func(t time.Time) string { return t.UTC().Format("15:04:05.000") },
		"breakable": Breakable,
	}
	maps.Copy(funcs, further)
	t, err := template.New(name).Funcs(funcs).Parse(parts)
	if err != nil {
		return nil, err
	}
	return t.Parse(text)
}

// Plural writes a number with its noun.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Duration writes a length given in milliseconds for a person.
func Duration(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 60_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Second).String()
}

// Percent writes a share from 0 to 1. It never rounds up to 100: what is not all must not look like all.
func Percent(share float64) string { return fmt.Sprintf("%.1f %%", math.Floor(share*1000)/10) }

// Breakable marks the places where an id may break over lines: after its dots, rather than anywhere.
func Breakable(id string) template.HTML {
	parts := strings.SplitAfter(id, ".")
	for i := range parts {
		parts[i] = template.HTMLEscapeString(parts[i])
	}
	return template.HTML(strings.Join(parts, "<wbr>"))
}

// Visible writes as escapes the characters that act instead of showing, other than those to keep: controls, which a
// terminal obeys, and the marks that reverse the direction of text, with which an answer can be made to read
// differently from what it is.
func Visible(s, keep string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case strings.ContainsRune(keep, c):
			b.WriteRune(c)
		case c < 0x80 && unicode.IsControl(c):
			fmt.Fprintf(&b, `\x%02x`, c)
		case unicode.IsControl(c), unicode.Is(unicode.Bidi_Control, c):
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

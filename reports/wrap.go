package reports

import (
	"strings"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/reports/page"
)

// wrap breaks text into lines of at most width characters, at spaces and line ends; a longer word stays whole, since
// it is mostly something to copy. With a limit, what goes beyond that many lines is left out and marked. There is
// always at least one line.
func wrap(text string, width, limit int) []string {
	var lines []string
	for paragraph := range strings.Lines(text) {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
				line += " " + word
			default:
				lines = append(lines, line)
				line = word
			}
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return []string{""}
	}
	if limit > 0 && len(lines) > limit {
		lines = lines[:limit]
		last := []rune(lines[limit-1])
		lines[limit-1] = strings.TrimRight(string(last[:min(len(last), width-2)]), " ") + " …"
	}
	return lines
}

// printable is text for a terminal: what it would obey is shown as escapes, tabs are spaces, and line ends stay.
func printable(s string) string { return page.Visible(strings.ReplaceAll(s, "\t", " "), "\n") }

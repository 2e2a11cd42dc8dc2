package schemas

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// shown is the number of problems that the text of a ValidationError names; the rest are counted.
const shown = 10

// Problem is one thing that is wrong with a document.
type Problem struct {
	// Pointer says where, as a JSON pointer (RFC 6901); empty means the document as a whole.
	Pointer string
	// Message says what, as the rest of a sentence that begins with the place: "must be a string, but is null".
	Message string
}

// String renders the problem as one sentence.
func (p Problem) String() string {
	if p.Pointer == "" {
		return "the document " + p.Message
	}
	return p.Pointer + ": " + p.Message
}

// ValidationError says everything that is wrong with a document.
type ValidationError struct {
	// Schema is the schema's name, or the event and its edition.
	Schema string
	// Problems are the causes, sorted by place; there is at least one.
	Problems []Problem
}

// Error renders the problems on one line.
func (e *ValidationError) Error() string {
	var lines []string
	for _, p := range e.Problems[:min(len(e.Problems), shown)] {
		lines = append(lines, p.String())
	}
	if more := len(e.Problems) - shown; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "; ")
}

// tidy sorts the problems and drops those that two schemas found alike; the library's own order follows Go's maps.
func tidy(problems []Problem) []Problem {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(problems)
}

var (
	tokenEscaper   = strings.NewReplacer("~", "~0", "/", "~1")
	tokenUnescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// escapeToken writes a name as a part of a JSON pointer (RFC 6901, section 3).
func escapeToken(name string) string { return tokenEscaper.Replace(name) }

func unescapeToken(token string) string { return tokenUnescaper.Replace(token) }

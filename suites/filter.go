package suites

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2/types"
)

// filterWord matches what stands between the operators of a label filter; a regular expression between slashes is one
// word.
var filterWord = regexp.MustCompile(`/[^/]*/|[^&|!,()\s]+`)

// CheckFilter reports a label filter that cannot be parsed, that names a label no spec has, or that selects nothing.
// Ginkgo runs such a filter without complaint and reports success over nothing.
func (s *Session) CheckFilter(filter string) error {
	if strings.TrimSpace(filter) == "" {
		return nil
	}
	matches, err := types.ParseLabelFilter(filter)
	if err != nil {
		// Ginkgo's message is a drawing over several lines; its first words say nothing more than this.
		return fmt.Errorf("label filter %q: it cannot be parsed; combine labels with &&, ||, ! and parentheses", filter)
	}
	known := []string{string(s.role)}
	for _, row := range s.ledger {
		if row.Spec != "" {
			known = append(known, labels(row)...)
		}
	}
	for _, word := range filterWord.FindAllString(filter, -1) {
		if strings.HasPrefix(word, "/") || slices.ContainsFunc(known, func(l string) bool { return strings.EqualFold(l, word) }) {
			continue
		}
		if row, ok := s.ledger.Get(word); ok {
			return fmt.Errorf("label filter %q: no spec checks %s (%s)", filter, row.ID, row.Excluded)
		}
		return fmt.Errorf("label filter %q: unknown label %q; there are %s, MUST, SHOULD, the areas %s, and the requirement ids that `kirimcheck list` shows",
			filter, word, s.role, strings.Join(s.areas(), ", "))
	}
	for _, row := range s.ledger {
		if row.Spec != "" && matches(append(labels(row), string(s.role))) {
			return nil
		}
	}
	return fmt.Errorf("label filter %q: it selects no spec", filter)
}

func (s *Session) areas() []string {
	var areas []string
	for _, row := range s.ledger {
		if !slices.Contains(areas, row.Area()) {
			areas = append(areas, row.Area())
		}
	}
	return areas
}

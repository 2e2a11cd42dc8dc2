package target

import "testing"

func TestAPlaceInAValueIsToldAsThatOfTheFile(t *testing.T) {
	for name, c := range map[string]struct {
		file         string
		key          string
		at           place
		line, column int
	}{
		"a block":                         {"a:\n  query: |\n    one\n      two\n", "a.query", place{line: 2, column: 3}, 4, 7},
		"a block with a sign for its end": {"a:\n  query: |-\n    one\n\n    two", "a.query", place{line: 3, column: 1}, 5, 5},
		"a block that begins indented":    {"a:\n  query: |2\n      one\n    two\n", "a.query", place{line: 1, column: 3}, 3, 7},
		"a block with other letters":      {"a:\n  query: |\n    ä 🙂 x\n", "a.query", place{line: 1, column: 5}, 3, 9},
		"behind the end of a block":       {"a:\n  query: |\n    one\n", "a.query", place{line: 9, column: 1}, 2, 10},
		"the end of a block":              {"a:\n  query: |\n    one\n    ä\nb: 1\n", "a.query", place{line: 3, column: 1}, 4, 6},
		"a folded block":                  {"a:\n  query: >\n    one\n    two\n", "a.query", place{line: 1, column: 6}, 2, 10},
		"a plain scalar":                  {"a:\n  query: one two\n", "a.query", place{line: 1, column: 5}, 2, 14},
		"a plain scalar on two lines":     {"a:\n  query: one\n    two\n", "a.query", place{line: 1, column: 5}, 2, 10},
		"double quotes":                   {"a: {query: \"one two\"}\n", "a.query", place{line: 1, column: 5}, 1, 17},
		"double quotes with an escape":    {"a: {query: \"one \\\"two\\\"\"}\n", "a.query", place{line: 1, column: 5}, 1, 12},
		"double quotes on two lines":      {"a:\n  query: \"one\n    two\"\n", "a.query", place{line: 1, column: 5}, 2, 10},
		"single quotes":                   {"a:\n  query: 'one two'\n", "a.query", place{line: 1, column: 5}, 2, 15},
		"single quotes with one inside":   {"a:\n  query: 'it''s two'\n", "a.query", place{line: 1, column: 6}, 2, 10},
		"a key with a dot":                {"a:\n  b: {c: 1}\n  b.c: d\n", "a.b.c", place{}, 3, 3},
		"a key that is not there":         {"a:\n  b: 1\n", "a.c.d", place{line: 1, column: 4}, 1, 1},
		"another file":                    {"a: 1\n", "a", place{file: "ops.graphql", line: 7, column: 8}, 7, 8},
	} {
		t.Run(name, func(t *testing.T) {
			e := ConfigError{Place: "target.yaml", Key: c.key, inside: &c.at}
			e.locate([]byte(c.file))
			if e.Line != c.line || e.Column != c.column {
				t.Errorf("line %d, column %d; want %d, %d", e.Line, e.Column, c.line, c.column)
			}
		})
	}
}

package target

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// place is a position inside a text: the file that is named, or else the value of a key.
type place struct {
	file         string
	line, column int
}

// locate fills in where in the target file an error is. An error inside a text that stands in the file, such as a GraphQL
// operation, is told by the line and the column of the file.
func (e *ConfigError) locate(data []byte) {
	if e.inside != nil && e.inside.file != "" {
		e.Place, e.Line, e.Column = e.inside.file, e.inside.line, e.inside.column
		return
	}
	if e.Line > 0 || len(data) == 0 {
		return
	}
	key, value, whole := find(data, e.Key)
	if key == nil {
		return
	}
	e.Line = key.Line
	switch {
	case e.inside == nil:
	case !whole || e.inside.line == 0:
		e.Column = key.Column
	default:
		e.Line, e.Column = within(data, value, *e.inside)
	}
}

// find returns the node of a dotted key and that of its value, or those of its nearest parent that stands in the file; whole
// says that it is the key itself. A key of the file may have dots itself.
func find(data []byte, dotted string) (key, value *yaml.Node, whole bool) {
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil || len(root.Content) == 0 || dotted == "" {
		return nil, nil, false
	}
	value = root.Content[0]
	for dotted != "" {
		longest := -1
		for i := 0; value.Kind == yaml.MappingNode && i+1 < len(value.Content); i += 2 {
			rest, ok := strings.CutPrefix(dotted, value.Content[i].Value)
			if ok && (rest == "" || rest[0] == '.') && (longest < 0 || len(value.Content[i].Value) > len(value.Content[longest].Value)) {
				longest = i
			}
		}
		if longest < 0 {
			return key, value, false
		}
		key, value = value.Content[longest], value.Content[longest+1]
		dotted = strings.TrimPrefix(strings.TrimPrefix(dotted, key.Value), ".")
	}
	return key, value, true
}

// within turns a position in a scalar into one in the file. Where the two do not run alike, in scalars whose lines are folded
// or that have escapes, it is that of the scalar.
func within(data []byte, scalar *yaml.Node, at place) (line, column int) {
	lines := strings.Split(string(data), "\n")
	style := scalar.Style &^ yaml.TaggedStyle
	if style == yaml.LiteralStyle {
		// The text begins on the line after the sign, less what every line of it is indented by.
		all := strings.Split(scalar.Value, "\n")
		if at.line == len(all) && at.line > 1 && all[at.line-1] == "" {
			// The end of the text is that of its last line.
			at = place{line: at.line - 1, column: utf8.RuneCountInString(all[at.line-2]) + 1}
		}
		line = scalar.Line + at.line
		if line > len(lines) || at.line > len(all) {
			return scalar.Line, scalar.Column
		}
		written := strings.TrimSuffix(lines[line-1], "\r")
		return line, utf8.RuneCountInString(written) - utf8.RuneCountInString(all[at.line-1]) + at.column
	}
	written := []rune(lines[scalar.Line-1])[scalar.Column-1:]
	begins := 0
	if style == yaml.DoubleQuotedStyle || style == yaml.SingleQuotedStyle {
		begins = 1
	}
	text := []rune(scalar.Value)
	if at.line != 1 || at.column > len(text) || len(written) < begins+len(text) || string(written[begins:begins+len(text)]) != scalar.Value {
		return scalar.Line, scalar.Column
	}
	return scalar.Line, scalar.Column + begins + at.column - 1
}

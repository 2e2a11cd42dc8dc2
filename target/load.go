package target

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// ConfigError is bad configuration: what is wrong, and where.
type ConfigError struct {
	// Place is the file, or the flags.
	Place string
	// Line is the line in the file, 0 where it is not known. Column is the column in it, 0 where the whole line is meant.
	Line, Column int
	// Key is the dotted path of the key, empty where the whole is meant.
	Key string
	// Problem says what is wrong and what would be right.
	Problem string

	// inside is where in the value of the key, or in which other file, the fault is; nil where the key tells it all.
	inside *place
}

// Error renders the error on one line: place, line, column, key, problem.
func (e *ConfigError) Error() string {
	var b strings.Builder
	b.WriteString(e.Place)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, ":%d", e.Column)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

// maxFile bounds the read of a target file.
const maxFile = 1 << 20

// ReadFile loads and resolves a target file. Every error is one line that names the file, and the line and key where
// they are known. The overrides change the configuration before it is checked, as flags do.
func ReadFile(path string, overrides ...func(*Config)) (*Target, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, &ConfigError{Place: path, Problem: err.Error()}
	}
	var c Config
	if err := yaml.Load(data, &c, yaml.WithKnownFields()); err != nil {
		return nil, explainYAML(path, data, err)
	}
	c.dir, c.source = filepath.Dir(path), data
	for _, override := range overrides {
		override(&c)
	}
	t, err := c.Resolve(path)
	var ce *ConfigError
	if errors.As(err, &ce) {
		ce.locate(data)
	}
	return t, err
}

func readBounded(path string) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, errors.New("there is no such file")
		}
		var pe *os.PathError
		if errors.As(err, &pe) {
			return nil, fmt.Errorf("the file cannot be read: %w", pe.Err)
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("the file is larger than %d bytes, which no target file is", maxFile)
	}
	return data, nil
}

var (
	unknownField = regexp.MustCompile(`^field (.+) not found in type`)
	wrongType    = regexp.MustCompile("^cannot construct !!(\\S+)(?: `(.*)`)? into")
)

// explainYAML turns the YAML library's first error into one of ours. The library gives positions as data but names
// the fault in text only; load_test.go holds the two expressions above to its wording.
func explainYAML(path string, data []byte, err error) error {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return &ConfigError{Place: path, Problem: "not YAML: " + err.Error()}
	}
	out := &ConfigError{Place: path, Line: le.Mark.Line}
	cause := errors.Unwrap(le)
	if cause == nil {
		out.Problem = "not YAML: " + le.Message
		return out
	}
	keys := pathAt(data, le.Mark.Line, le.Mark.Column)
	if m := unknownField.FindStringSubmatch(cause.Error()); m != nil {
		if n := len(keys); n > 0 {
			keys = keys[:n-1]
		}
		out.Key = strings.Join(keys, ".")
		out.Problem = fmt.Sprintf("unknown key %q; known keys here: %s", m[1], strings.Join(knownKeys(typeAt(keys)), ", "))
		return out
	}
	out.Key = strings.Join(keys, ".")
	if m := wrongType.FindStringSubmatch(cause.Error()); m != nil {
		got := map[string]string{"str": "text", "int": "a number", "float": "a number", "bool": "true or false",
			"map": "a mapping", "seq": "a list", "null": "nothing"}[m[1]]
		if m[2] != "" {
			got = fmt.Sprintf("%q", m[2])
		}
		out.Problem = fmt.Sprintf("%s stands where %s is expected", got, describe(typeAt(keys)))
		return out
	}
	if len(strings.TrimSpace(string(data))) == 0 {
		out.Problem = "the file is empty; it needs at least url and secret"
		return out
	}
	out.Problem = cause.Error()
	return out
}

// pathAt returns the keys, and the places in lists, that lead to the position in the document.
func pathAt(data []byte, line, column int) []string {
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil || len(root.Content) == 0 {
		return nil
	}
	var best []string
	var walk func(n *yaml.Node, keys []string)
	walk = func(n *yaml.Node, keys []string) {
		if n.Line == line && n.Column == column {
			best = slices.Clone(keys)
		}
		if n.Kind != yaml.MappingNode {
			for i, child := range n.Content {
				walk(child, append(slices.Clone(keys), strconv.Itoa(i)))
			}
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			inner := append(slices.Clone(keys), n.Content[i].Value)
			walk(n.Content[i], inner)
			walk(n.Content[i+1], inner)
		}
	}
	walk(root.Content[0], nil)
	return best
}

// typeAt returns the type that the configuration has at the keys, or nil.
func typeAt(keys []string) reflect.Type {
	t := reflect.TypeFor[Config]()
	for _, key := range keys {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Map, reflect.Slice:
			t = t.Elem()
		case reflect.Struct:
			field, ok := fieldByKey(t, key)
			if !ok {
				return nil
			}
			t = field.Type
		default:
			return nil
		}
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func fieldByKey(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); keyOf(f) == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func knownKeys(t reflect.Type) []string {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var known []string
	for i := range t.NumField() {
		if key := keyOf(t.Field(i)); key != "" {
			known = append(known, key)
		}
	}
	return known
}

// keyOf is a field's name in the file, empty for a field that does not stand there.
func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

func describe(t reflect.Type) string {
	if t == nil {
		return "something else"
	}
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration such as 5s"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Map:
		return "a mapping"
	case reflect.Struct:
		return "a mapping with the keys " + strings.Join(knownKeys(t), ", ")
	default:
		return "something else"
	}
}

// Package schemas holds the JSON Schemas (2020-12) of every payload and of our own reports, and validates documents
// against them. How the payloads are made belongs in fixtures, what a wrong payload means for a target in suites.
package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

//go:embed *.schema.json */*.schema.json */*/*.schema.json */*/*.patch.json
var files embed.FS

const (
	suffix = ".schema.json"
	// base is where the files seem to lie while they are compiled; nothing is ever fetched from there.
	base = "embedded:///schemas/"
	// events is the folder with a file for each edition, whose $defs name the edition's events.
	events = "editions/"
)

// Set is every schema of this package, compiled. It is safe for concurrent use.
type Set struct {
	named   map[string]*jsonschema.Schema
	meta    map[Level]*metaSchemas
	events  map[string]map[string]*jsonschema.Schema // by edition, then by event
	sources map[string]any                           // decoded files by URL, for the wording of problems
}

// Load returns the schemas; they are compiled on the first call only.
func Load() (*Set, error) { return load() }

var load = sync.OnceValues(func() (*Set, error) { return compile(files) })

// compile reads every file of the tree whose name ends in .schema.json, and derives those of the observed level.
func compile(tree fs.FS) (*Set, error) {
	s := &Set{
		named:   map[string]*jsonschema.Schema{},
		meta:    map[Level]*metaSchemas{},
		events:  map[string]map[string]*jsonschema.Schema{},
		sources: map[string]any{},
	}
	sources, err := readSources(tree)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat, c.AssertContent = true, true
	c.LoadURL = func(url string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("%s is not among the embedded schemas", strings.TrimPrefix(url, base))
	}
	for name, source := range sources {
		url := base + name + suffix
		text, err := json.Marshal(source)
		if err != nil {
			return nil, fmt.Errorf("schemas/%s%s: %w", name, suffix, err)
		}
		if err := c.AddResource(url, bytes.NewReader(text)); err != nil {
			return nil, fmt.Errorf("schemas/%s%s: %w", name, suffix, err)
		}
		s.sources[url] = source
	}
	for _, name := range sortedKeys(sources) {
		if s.named[name], err = c.Compile(base + name + suffix); err != nil {
			return nil, fmt.Errorf("schemas/%s%s: %w", name, suffix, err)
		}
		edition, ok := strings.CutPrefix(name, events)
		if !ok {
			continue
		}
		if s.events[edition], err = s.compileEvents(c, name); err != nil {
			return nil, err
		}
	}
	for _, level := range Levels() {
		if body, ok := s.named[level.file("body")]; ok {
			s.meta[level] = s.newMetaSchemas(level, body)
		}
	}
	return s, nil
}

// readSources decodes every schema of the tree, by its name, and adds the observed level's.
func readSources(tree fs.FS) (map[string]any, error) {
	sources, patches := map[string]any{}, map[string]any{}
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		into, name := sources, strings.TrimSuffix(path, suffix)
		if name == path {
			if into, name = patches, strings.TrimSuffix(path, patchSuffix); name == path {
				return nil
			}
		}
		text, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		source, problem := decode(text)
		if problem != nil {
			return fmt.Errorf("schemas/%s: %s", path, problem)
		}
		into[name] = source
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sources, deriveObserved(sources, patches)
}

// compileEvents compiles each definition of an edition's file as a schema of its own.
func (s *Set) compileEvents(c *jsonschema.Compiler, name string) (map[string]*jsonschema.Schema, error) {
	url := base + name + suffix
	file, _ := s.sources[url].(map[string]any)
	definitions, _ := file["$defs"].(map[string]any)
	byEvent := make(map[string]*jsonschema.Schema, len(definitions))
	for event := range definitions {
		schema, err := c.Compile(url + "#/$defs/" + event)
		if err != nil {
			return nil, fmt.Errorf("schemas/%s%s, event %s: %w", name, suffix, event, err)
		}
		byEvent[event] = schema
	}
	return byEvent, nil
}

// Names returns the names that Validate knows, sorted.
func (s *Set) Names() []string { return sortedKeys(s.named) }

// Events returns the events that ValidateEvent knows for an edition, sorted; none for an unknown edition.
func (s *Set) Events(edition string) []string { return sortedKeys(s.events[edition]) }

// ValidateEvent checks the body of a delivery of this event in this edition. Meta's bodies are checked at the observed
// level, because Kirim forwards what Meta really sends. A body that breaks its schema, or is not JSON at all, yields a
// *ValidationError; an unknown edition or event yields another error.
func (s *Set) ValidateEvent(edition, event string, body []byte) error {
	byEvent, ok := s.events[edition]
	if !ok {
		return fmt.Errorf("no schemas for edition %q; there are: %s", edition, strings.Join(sortedKeys(s.events), ", "))
	}
	schema, ok := byEvent[event]
	if !ok {
		return fmt.Errorf("no schema for event %q in edition %s; there are: %s",
			event, edition, strings.Join(sortedKeys(byEvent), ", "))
	}
	return s.validateText(event+" ("+edition+")", schema, body)
}

// Validate checks a document against the schema of this name, which is its path below schemas/ without .schema.json,
// such as "report" or "meta/documented/message"; those of the observed level have names such as "meta/observed/message".
// Its errors are those of ValidateEvent.
func (s *Set) Validate(name string, doc []byte) error {
	schema, ok := s.named[name]
	if !ok {
		return fmt.Errorf("no schema %q; there are: %s", name, strings.Join(s.Names(), ", "))
	}
	return s.validateText(name, schema, doc)
}

func (s *Set) validateText(name string, schema *jsonschema.Schema, text []byte) error {
	doc, problem := decode(text)
	if problem != nil {
		return &ValidationError{Schema: name, Problems: []Problem{*problem}}
	}
	return s.validate(name, schema, doc)
}

func (s *Set) validate(name string, schema *jsonschema.Schema, doc any) error {
	err := schema.Validate(doc)
	if err == nil {
		return nil
	}
	var broken *jsonschema.ValidationError
	if !errors.As(err, &broken) {
		return fmt.Errorf("schema %s: %w", name, err)
	}
	w := wording{sources: s.sources, doc: doc}
	return &ValidationError{Schema: name, Problems: tidy(w.problems(broken))}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

package schemas

import (
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Vocabulary is what a level has names for. Meta adds to the open sets, so other message types and webhook fields are
// valid; other kinds of status and of system message are not.
type Vocabulary struct {
	MessageTypes     []string
	InteractiveTypes []string
	SystemTypes      []string
	StatusKinds      []string
	WebhookFields    []string
}

// metaSchemas is what one level's validation needs.
type metaSchemas struct {
	body       *jsonschema.Schema
	vocabulary Vocabulary
	// open are the open sets, by the schema whose member is drawn from the set.
	open map[string]openSet
}

// openSet is a set of names that Meta adds to.
type openSet struct {
	member string
	known  map[string]bool
	add    func(*Findings, Unknown)
}

func (s *Set) newMetaSchemas(level Level, body *jsonschema.Schema) *metaSchemas {
	enum := func(file, definition string) []string {
		source := s.sources[base+level.file(file)+suffix]
		values, _ := lookUp(source, "/$defs/"+definition+"/enum")
		items, _ := values.([]any)
		var names []string
		for _, item := range items {
			if name, ok := item.(string); ok {
				names = append(names, name)
			}
		}
		return names
	}
	m := &metaSchemas{body: body, vocabulary: Vocabulary{
		MessageTypes:     enum("content", "known_types"),
		InteractiveTypes: enum("interactive", "known_types"),
		SystemTypes:      enum("system", "kinds"),
		StatusKinds:      enum("status", "kinds"),
		WebhookFields:    enum("fields", "known_fields"),
	}}
	location := func(file, fragment string) string { return base + level.file(file) + suffix + "#" + fragment }
	addType := func(f *Findings, u Unknown) { f.UnknownMessageTypes = append(f.UnknownMessageTypes, u) }
	addField := func(f *Findings, u Unknown) { f.UnknownWebhookFields = append(f.UnknownWebhookFields, u) }
	m.open = map[string]openSet{
		location("content", ""):           {"type", setOf(m.vocabulary.MessageTypes), addType},
		location("interactive", ""):       {"type", setOf(m.vocabulary.InteractiveTypes), addType},
		location("body", "/$defs/change"): {"field", setOf(m.vocabulary.WebhookFields), addField},
	}
	return m
}

// Vocabulary returns the names that a level knows; none for an unknown level.
func (s *Set) Vocabulary(level Level) Vocabulary {
	if m, ok := s.meta[level]; ok {
		return m.vocabulary
	}
	return Vocabulary{}
}

// ValidateMeta checks a body of Meta's webhooks, of any field, at a level. A body that breaks the level's schema, or is
// not JSON at all, yields a *ValidationError; an unknown level yields another error. The findings are information and
// no faults: they say what the body holds that the level does not know. They come with a ValidationError too, as far
// as the body could be read.
func (s *Set) ValidateMeta(level Level, body []byte) (Findings, error) {
	m, ok := s.meta[level]
	if !ok {
		return Findings{}, fmt.Errorf("no level %q; there are: %s, %s", level, Documented, Observed)
	}
	name := "Meta's body (" + string(level) + ")"
	doc, problem := decode(body)
	if problem != nil {
		return Findings{}, &ValidationError{Schema: name, Problems: []Problem{*problem}}
	}
	return m.findings(doc), s.validate(name, m.body, doc)
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

package mutants

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/schemas"
)

// fieldChanges are the ways in which a member of a body is spoilt. Each returns the body as it was where the member is not
// there.
var fieldChanges = []struct {
	kind, what string
	change     func(body []byte, path string) ([]byte, error)
}{
	{"dropped", "is left out", func(body []byte, path string) ([]byte, error) { return sjson.DeleteBytes(body, path) }},
	{"nulled", "is null", func(body []byte, path string) ([]byte, error) {
		return sjson.SetRawBytes(body, path, []byte("null"))
	}},
	{"retyped", "has another type", func(body []byte, path string) ([]byte, error) {
		return sjson.SetRawBytes(body, path, retyped(gjson.GetBytes(body, path)))
	}},
}

// retyped is a value that says the same in another type, as loosely typed languages do.
func retyped(v gjson.Result) []byte {
	switch {
	case v.Type == gjson.String:
		if digits := strings.Trim(v.Str, "0123456789") == "" && v.Str != "" && v.Str[0] != '0'; digits {
			return []byte(v.Str)
		}
		text, err := json.Marshal([]string{v.Str})
		if err != nil {
			// Any string can be encoded.
			panic(err)
		}
		return text
	case v.IsObject():
		return []byte("[" + v.Raw + "]")
	case v.IsArray():
		if first := v.Get("0"); first.Exists() {
			return []byte(first.Raw)
		}
		return []byte("{}")
	default:
		return []byte(`"` + v.Raw + `"`)
	}
}

// fieldEditions are the editions whose events are spoilt. Of a later one it is those members that no earlier one has.
var fieldEditions = []string{contract.DefaultEdition, "kirim.chat", "kirimdev"}

// fieldMutants have one required member of one event dropped, retyped or nulled. A member is required, and its type
// matters, where the schema refuses the event that is changed so.
func fieldMutants(want wanted) ([]Mutant, error) {
	set, err := schemas.Load()
	if err != nil {
		return nil, err
	}
	var all []Mutant
	done := map[string]bool{}
	for _, id := range fieldEditions {
		ed, err := contract.LoadEdition(id)
		if err != nil {
			return nil, err
		}
		variants, err := fixtures.Variants(ed)
		if err != nil {
			return nil, err
		}
		variants = slices.DeleteFunc(variants, func(v fixtures.Variant) bool { return !want.begins(slug(v.Event) + "-") })
		if len(variants) == 0 || want.done(all) {
			continue
		}
		generator, err := fixtures.NewGenerator(ed, 1, func() time.Time { return time.Unix(1_716_480_000, 0) })
		if err != nil {
			return nil, err
		}
		for _, v := range variants {
			event, _ := ed.Event(v.Event)
			if event.Source == contract.SourceMeta && (id != contract.DefaultEdition || !slices.Contains(metaExamples, v.Event+" "+v.Name)) {
				// Meta's bodies are the same in all editions; what one edition writes into them has mutants made by hand.
				continue
			}
			example, err := generator.Event(v.Event, v.Name)
			if err != nil {
				return nil, err
			}
			for _, path := range paths(gjson.ParseBytes(example.Body), "") {
				for _, c := range fieldChanges {
					name := slug(v.Event) + "-" + slug(path) + "-" + c.kind
					if done[name] || !want.is(name) {
						continue
					}
					spoilt, err := c.change(example.Body, path)
					if err != nil {
						return nil, err
					}
					if set.ValidateEvent(ed.ID, v.Event, spoilt) == nil {
						continue
					}
					done[name] = true
					m := Mutant{
						Name: name, Role: contract.RoleRelay, Edition: ed.ID, Kind: c.kind,
						Defect: fmt.Sprintf("in %s, %s %s", v.Event, path, c.what),
					}
					m = spoiling(m, event, path, c.change)
					if reason, never := neverThere[path]; never && c.kind == "retyped" {
						m = m.survives(reason)
					}
					all = append(all, m)
				}
			}
		}
	}
	return all, nil
}

// metaExamples are the variants whose members stand for those of all messages and statuses.
var metaExamples = []string{"message.received text", "message.status sent"}

// neverThere are members that are null in every event that the harness can bring about, and why.
var neverThere = map[string]string{
	"data.assignee.team_id": "no call of the API puts a conversation into a team's hands, so that it is null in all that the harness can bring about",
}

// spoiling completes a mutant by the seam at which bodies of its event's source are made.
func spoiling(m Mutant, event contract.Event, path string, change func(body []byte, path string) ([]byte, error)) Mutant {
	spoil := func(body []byte) ([]byte, error) {
		if !gjson.GetBytes(body, path).Exists() {
			return body, nil
		}
		return change(body, path)
	}
	if event.Source == contract.SourceMeta {
		list := "messages"
		if event.Name == "message.status" {
			list = "statuses"
		}
		m.Filter = "relay.passthrough.message-received || relay.passthrough.message-status"
		m.relay = forwards(func(body []byte) ([]byte, error) {
			if !gjson.GetBytes(body, "entry.0.changes.0.value."+list).Exists() {
				return body, nil
			}
			return spoil(body)
		})
		return m.breaks("relay.passthrough." + strings.ReplaceAll(event.Name, ".", "-"))
	}
	m.Filter = "relay.events.schema"
	m.relay = composes(event.Name, spoil)
	return m.breaks("relay.events.schema")
}

// paths are the places of all members of a value, in the notation of gjson; of an array, those of the first item.
func paths(v gjson.Result, prefix string) (all []string) {
	v.ForEach(func(key, value gjson.Result) bool {
		path := prefix + key.String()
		if v.IsArray() {
			path = prefix + "0"
		}
		if v.IsObject() {
			all = append(all, path)
		}
		if value.IsObject() || value.IsArray() {
			all = append(all, paths(value, path+".")...)
		}
		return v.IsObject()
	})
	return all
}

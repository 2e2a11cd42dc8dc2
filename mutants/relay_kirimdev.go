package mutants

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/emitter/store"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// kirimdev is the edition in which relays may write Meta's bodies anew, and must not change what they say.
const kirimdev = "kirimdev"

// relayKirimdevMutants lose or change what Meta said on the way into and out of their database, or get wrong what they
// put beside it.
func relayKirimdevMutants() []Mutant {
	all := slices.Concat(contentMutants(), againMutants(), annotationMutants(), sentMutants())
	for i := range all {
		all[i].Edition = kirimdev
		if all[i].Filter == "" {
			all[i].Filter = "passthrough"
		}
	}
	return all
}

// wherePeopleWrite are the requirements whose bodies hold names and texts that are drawn: whether a defect of some
// characters shows there hangs on them.
var wherePeopleWrite = []string{
	"relay.passthrough.same-message", "relay.passthrough.same-status", "relay.passthrough.same-structure", "relay.passthrough.same-numbers",
	"relay.passthrough.unknown-content", "relay.passthrough.large", "relay.passthrough.batch", "relay.passthrough.mixed",
}

// contentMutants change what a body says.
func contentMutants() []Mutant {
	return []Mutant{
		{
			Name: "referral-dropped", Defect: "the members of a message that the database has no column for are dropped",
			Breaks: []string{"relay.passthrough.same-message", "relay.passthrough.unknown-content"},
			May:    []string{"relay.passthrough.same-numbers", "relay.passthrough.same-structure"},
			relay: forwards(eachItem("messages", func(path string, item gjson.Result, body []byte) ([]byte, error) {
				columns := append([]string{"id", "from", "timestamp", "context"}, knownTypes...)
				for name := range item.Map() {
					if !slices.Contains(columns, name) && name != "type" {
						var err error
						if body, err = sjson.DeleteBytes(body, path+"."+name); err != nil {
							return nil, err
						}
					}
				}
				return body, nil
			})),
		},
		{
			Name: "caption-as-text", Defect: "the caption of a medium is moved to a text of the message",
			Breaks: []string{"relay.passthrough.same-message"},
			relay: forwards(eachItem("messages", func(path string, item gjson.Result, body []byte) ([]byte, error) {
				caption := item.Get(item.Get("type").String() + ".caption")
				if !caption.Exists() {
					return body, nil
				}
				return sjson.SetBytes(body, path+".text.body", caption.String())
			})),
		},
		{
			Name: "errors-without-details", Defect: "of the errors of a failed status only code and title are kept",
			Breaks: []string{"relay.passthrough.same-status"},
			relay: forwards(eachItem("statuses", func(path string, item gjson.Result, body []byte) ([]byte, error) {
				for i := range item.Get("errors").Array() {
					var err error
					if body, err = sjson.DeleteBytes(body, fmt.Sprintf("%s.errors.%d.error_data", path, i)); err != nil {
						return nil, err
					}
				}
				return body, nil
			})),
		},
		{
			Name: "recipient-with-plus", Defect: "the recipient of a status is written as the relay's API writes numbers, with a plus",
			Breaks: []string{"relay.passthrough.same-status", "relay.passthrough.batch", "relay.passthrough.mixed"},
			relay: forwards(eachItem("statuses", func(path string, item gjson.Result, body []byte) ([]byte, error) {
				return sjson.SetBytes(body, path+".recipient_id", "+"+item.Get("recipient_id").String())
			})),
		},
		{
			Name: "emoji-lost", Defect: "a database of three-byte characters has a question mark for everything beyond them",
			Seen:   "MySQL's character set utf8",
			Breaks: []string{"relay.passthrough.same-text", "relay.passthrough.same-message"}, May: wherePeopleWrite,
			relay: forwards(eachText(func(text string) string {
				return strings.Map(func(r rune) rune {
					if utf8.RuneLen(r) > 3 {
						return '?'
					}
					return r
				}, text)
			})),
		},
		{
			Name: "control-characters-stripped", Defect: "control characters are taken out of texts before they are stored",
			Breaks: []string{"relay.passthrough.same-text"}, May: wherePeopleWrite,
			relay: forwards(eachText(func(text string) string {
				return strings.Map(func(r rune) rune {
					if r < ' ' || r == '\u007f' {
						return -1
					}
					return r
				}, text)
			})),
		},
		{
			Name: "html-sanitised", Defect: "texts are escaped for HTML before they are stored",
			Breaks: []string{"relay.passthrough.same-text"}, May: wherePeopleWrite,
			relay: forwards(eachText(strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace)),
		},
		{
			Name: "empty-left-out", Defect: "members that are null or empty are left out, as some encoders do",
			Breaks: []string{"relay.passthrough.same-structure", "relay.passthrough.same-message"},
			relay: forwards(eachValue(func(value any) any {
				object, ok := value.(map[string]any)
				if !ok {
					return value
				}
				for name, member := range object {
					list, isList := member.([]any)
					inner, isObject := member.(map[string]any)
					if member == nil || member == "" || isList && len(list) == 0 || isObject && len(inner) == 0 {
						delete(object, name)
					}
				}
				return object
			})),
		},
		{
			Name: "null-as-empty", Defect: "null becomes an empty text, as in a database whose columns cannot be null",
			Breaks: []string{"relay.passthrough.same-structure", "relay.passthrough.unknown-content"},
			relay: forwards(eachValue(func(value any) any {
				if value == nil {
					return ""
				}
				return value
			})),
		},
		{
			Name: "numbers-as-doubles", Defect: "numbers pass through JavaScript's, which end at 2^53",
			Breaks: []string{"relay.passthrough.same-numbers"},
			relay: forwards(func(body []byte) ([]byte, error) {
				var value any
				if err := json.Unmarshal(body, &value); err != nil {
					return nil, err
				}
				return json.Marshal(value)
			}),
		},
		{
			Name: "numbers-as-text", Defect: "numbers become texts",
			Breaks: []string{
				"relay.passthrough.same-numbers", "relay.passthrough.same-message", "relay.passthrough.same-status",
				"relay.passthrough.unknown-content",
			},
			May: []string{"relay.passthrough.same-structure", "relay.passthrough.batch", "relay.passthrough.mixed"},
			relay: forwards(eachValue(func(value any) any {
				if number, ok := value.(json.Number); ok {
					return number.String()
				}
				return value
			})),
		},
	}
}

// againMutants do not send again what they sent.
func againMutants() []Mutant {
	return []Mutant{
		{
			Name: "retry-shortened", Defect: "a retry carries the ids of an event alone",
			Breaks: []string{"relay.passthrough.retry-content"}, Filter: "relay.passthrough.retry-content",
			relay: retriesWith(func(body []byte) []byte {
				var kept []byte
				for _, path := range []string{"id", "type", "object", "entry.0.id", "entry.0.changes.0.value.messages.0.id", "data.contact.id"} {
					value := gjson.GetBytes(body, path)
					if out, err := sjson.SetBytes(kept, path, value.Value()); value.Exists() && err == nil {
						kept = out
					}
				}
				return kept
			}),
		},
		{
			Name: "retry-marked", Defect: "a retry says so in the body",
			Breaks: []string{"relay.passthrough.retry-content"}, Filter: "relay.passthrough.retry-content",
			relay: retriesWith(func(body []byte) []byte {
				if out, err := sjson.SetBytes(body, "retry", true); err == nil {
					return out
				}
				return body
			}),
		},
		{
			Name: "terminal-word-of-another-edition", Defect: "a delivery that failed for good is called failed, as in kirim.chat",
			Breaks: []string{"relay.replay.status-seen"}, Filter: "relay.replay.status-seen",
			relay: answering(func(_ *http.Request, a *answer) {
				a.members(func(doc map[string]any) { renamed(doc["data"]) })
			}),
		},
		{
			Name: "terminal-word-capitalised", Defect: "a delivery that failed for good is called Dead, as people are shown it",
			Breaks: []string{"relay.replay.status-seen"}, Filter: "relay.replay.status-seen",
			relay: answering(func(_ *http.Request, a *answer) {
				shown := bytes.ReplaceAll(a.body.Bytes(), []byte(`"status":"dead"`), []byte(`"status":"Dead"`))
				a.body.Reset()
				a.body.Write(shown)
			}),
		},
		{
			Name: "replay-names-the-event", Defect: "a replay says which event it is about and nothing of it",
			Breaks: []string{"relay.replay.same-content"}, May: []string{"relay.replay.kept"}, Filter: "relay.replay.same-content",
			relay: resends(func(d pipeline.Delivery, _ store.Delivery) []pipeline.Delivery {
				d.Body = fmt.Appendf(nil, `{"id":%q,"type":%q}`, d.Event.ID, d.Event.Name)
				return []pipeline.Delivery{d}
			}),
		},
		{
			Name: "replay-sent-twice", Defect: "a replay is put into the queue by the call, and once more by the database",
			Breaks: []string{"relay.replay.same-content"}, Filter: "relay.replay.same-content",
			relay: resends(func(d pipeline.Delivery, _ store.Delivery) []pipeline.Delivery { return []pipeline.Delivery{d, d} }),
		},
	}
}

// annotationMutants get the object beside Meta's members wrong.
func annotationMutants() []Mutant {
	return []Mutant{
		{
			Name: "object-missing", Defect: "nothing stands beside Meta's members",
			Breaks: []string{"relay.passthrough.kirim-object", "relay.passthrough.kirim-media"},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.Annotate = func(body []byte, _ fixtures.Annotation) ([]byte, error) { return body, nil }
			},
		},
		{
			Name: "object-inside", Defect: "the object stands in each value, and not at the top",
			Breaks: []string{
				"relay.passthrough.kirim-object", "relay.passthrough.kirim-media", "relay.passthrough.same-message", "relay.passthrough.same-status",
				"relay.passthrough.same-text", "relay.passthrough.same-structure", "relay.passthrough.same-numbers",
				"relay.passthrough.unknown-content", "relay.passthrough.large", "relay.passthrough.batch", "relay.passthrough.mixed",
			},
			relay: func(p *server.Parts) {
				p.Relay.Behaviour.Annotate = func(body []byte, a fixtures.Annotation) ([]byte, error) {
					return sjson.SetBytes(body, "entry.0.changes.0.value.kirim", a)
				}
			},
		},
		{
			Name: "object-with-metas-id", Defect: "the object has Meta's id of the message in place of Kirim's",
			Breaks: []string{"relay.passthrough.kirim-object", "relay.passthrough.kirim-media"},
			relay: annotates(func(body []byte, a *fixtures.Annotation) {
				a.MessageID = gjson.GetBytes(body, "entry.0.changes.0.value.messages.0.id").String()
			}),
		},
		{
			Name: "object-number-without-plus", Defect: "the contact's number is in Meta's form",
			Breaks: []string{"relay.passthrough.kirim-object", "relay.passthrough.kirim-media"},
			relay: annotates(func(_ []byte, a *fixtures.Annotation) {
				if a.Contact != nil && a.Contact.PhoneNumber != nil {
					digits := strings.TrimPrefix(*a.Contact.PhoneNumber, "+")
					a.Contact.PhoneNumber = &digits
				}
			}),
		},
		{
			Name: "media-without-status", Defect: "nothing says whether a medium is ready",
			Breaks: []string{"relay.passthrough.kirim-media"},
			relay:  annotates(func(_ []byte, a *fixtures.Annotation) { a.MediaStatus = "" }),
		},
		{
			Name: "media-ready-nowhere", Defect: "a medium is called ready before it is anywhere",
			Breaks: []string{"relay.passthrough.kirim-media"},
			relay: annotates(func(_ []byte, a *fixtures.Annotation) {
				if a.MediaStatus != "" {
					a.MediaStatus = fixtures.MediaReady
				}
			}),
		},
	}
}

// sentMutants tell wrongly of a message that was sent.
func sentMutants() []Mutant {
	only := func(change func(body []byte) ([]byte, error)) func(*server.Parts) {
		return composes("message.sent", change)
	}
	return []Mutant{
		{
			Name: "message-sent-unlinked", Defect: "message.sent has no id of Meta's",
			Breaks: []string{"relay.events.message-sent", "relay.events.schema"}, Filter: "relay.events.message-sent || relay.events.schema",
			relay: only(func(body []byte) ([]byte, error) { return sjson.DeleteBytes(body, "data.message.provider_id") }),
		},
		{
			Name: "message-sent-with-ids-swapped", Defect: "message.sent has Kirim's id where Meta's belongs",
			Breaks: []string{"relay.events.message-sent", "relay.events.schema"}, Filter: "relay.events.message-sent || relay.events.schema",
			relay: only(func(body []byte) ([]byte, error) {
				return sjson.SetBytes(body, "data.message.provider_id", gjson.GetBytes(body, "data.message.id").String())
			}),
		},
		{
			Name: "message-sent-late-id", Defect: "message.sent has another id than the answer to the call",
			Breaks: []string{"relay.events.message-sent"}, Filter: "relay.events.message-sent || relay.events.schema",
			relay: only(func(body []byte) ([]byte, error) {
				id := gjson.GetBytes(body, "data.message.id").String()
				return bytes.ReplaceAll(body, []byte(id), []byte(id[:len(id)-4]+"0000")), nil
			}),
		},
	}
}

// annotates changes what stands beside Meta's members.
func annotates(change func(body []byte, a *fixtures.Annotation)) func(*server.Parts) {
	return func(p *server.Parts) {
		right := p.Relay.Behaviour.Annotate
		p.Relay.Behaviour.Annotate = func(body []byte, a fixtures.Annotation) ([]byte, error) {
			change(body, &a)
			return right(body, a)
		}
	}
}

// eachItem changes every message or status of a body.
func eachItem(list string, change func(path string, item gjson.Result, body []byte) ([]byte, error)) func([]byte) ([]byte, error) {
	return func(body []byte) ([]byte, error) {
		var err error
		for e, entry := range gjson.GetBytes(body, "entry").Array() {
			for c, chg := range entry.Get("changes").Array() {
				for i, item := range chg.Get("value." + list).Array() {
					if body, err = change(fmt.Sprintf("entry.%d.changes.%d.value.%s.%d", e, c, list, i), item, body); err != nil {
						return nil, err
					}
				}
			}
		}
		return body, nil
	}
}

// eachText changes every text of a body.
func eachText(change func(string) string) func([]byte) ([]byte, error) {
	return eachValue(func(value any) any {
		if text, ok := value.(string); ok {
			return change(text)
		}
		return value
	})
}

// eachValue decodes a body, changes its values from the inside out, and encodes it again, numbers as they were written.
func eachValue(change func(any) any) func([]byte) ([]byte, error) {
	var walk func(any) any
	walk = func(value any) any {
		switch v := value.(type) {
		case map[string]any:
			for name, member := range v {
				v[name] = walk(member)
			}
		case []any:
			for i, item := range v {
				v[i] = walk(item)
			}
		}
		return change(value)
	}
	return func(body []byte) ([]byte, error) {
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		return json.Marshal(walk(value))
	}
}

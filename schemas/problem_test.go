package schemas

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sentences validates and returns the problems as text.
func sentences(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var broken *ValidationError
	if !errors.As(err, &broken) {
		t.Fatalf("%v is not a ValidationError", err)
	}
	var all []string
	for _, p := range broken.Problems {
		all = append(all, p.String())
	}
	return all
}

func TestProblemsReadLikeSentences(t *testing.T) {
	const value = "/entry/0/changes/0/value"
	cases := []struct {
		name, event, body, old, new string
		want                        []string
	}{
		{"enum", "conversation.assigned", assigned, `"open"`, `"closed"`,
			[]string{`/data/conversation/status: must be one of "open", "pending", "resolved", but is "closed"`}},
		{"const", "conversation.assigned", assigned, `"object":"conversation"`, `"object":"contact"`,
			[]string{`/data/conversation/object: must be "conversation", but is "contact"`}},
		{"type", "conversation.assigned", assigned, `"team_id":null`, `"team_id":7`,
			[]string{`/data/assignee/team_id: must be a string or null, but is 7`}},
		{"object for a string", "conversation.assigned", assigned, `"team_id":null`, `"team_id":{"a":1}`,
			[]string{`/data/assignee/team_id: must be a string or null, but is an object`}},
		{"empty", "conversation.assigned", assigned, `"team_id":null`, `"team_id":""`,
			[]string{`/data/assignee/team_id: must be a string that is not empty, or null, but is ""`}},
		{"two members missing", "conversation.assigned", assigned, `"id":"cnv_01HXYZABCDEFGHJKMNPQRSTVWX","object":"conversation",`, ``,
			[]string{`/data/conversation: must have "id"`, `/data/conversation: must have "object"`}},
		{"two places", "conversation.assigned", assigned, `00Z","data":{"conversation":{"id":"cnv`, `00","data":{"conversation":{"id":"ctc`,
			[]string{
				`/created_at: must be a time in UTC as RFC 3339 writes it, such as 2026-05-23T10:00:00Z, but is "2026-05-23T10:00:00"`,
				`/data/conversation/id: must be a conversation id (cnv_ and 26 characters of Crockford's base32 in upper case),` +
					` but is "ctc_01HXYZABCDEFGHJKMNPQRSTVWX"`,
			}},
		{"either of two", "message.received", received, `"from":"6281234567890",`, ``,
			[]string{value + `/messages/0: must have "from", or must have "from_user_id"`}},
		{"number for text", "message.received", received, `"1716480000"`, `1716480000`,
			[]string{value + `/messages/0/timestamp: must be a string, but is 1716480000`}},
		{"empty array", "message.received", received, `[{"profile":{"name":"Budi"},"wa_id":"6281234567890"}]`, `[]`,
			[]string{value + `/contacts: must not be empty`}},
		{"long value", "message.received", received, `"6285117600829"`, `"` + strings.Repeat("é", 100) + `"`,
			[]string{value + `/metadata/display_phone_number: must be a phone number of digits, possibly with a plus, blanks ` +
				`and hyphens, but is "` + strings.Repeat("é", 59) + `…`}},
		{"missing type asks for nothing else", "message.received", received, `"type":"text",`, ``,
			[]string{value + `/messages/0: must have "type"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			body := strings.Replace(c.body, c.old, c.new, 1)
			if body == c.body {
				t.Fatal("the case changes nothing")
			}
			got := sentences(t, loaded(t).ValidateEvent("kckit", c.event, []byte(body)))
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestTextThatIsNotOneJSONDocumentIsSaidToBeSo(t *testing.T) {
	cases := []struct{ name, body, want string }{
		{"empty", " \n", "the document is not JSON: it is empty"},
		{"cut off", `{"id":`, "the document is not JSON: unexpected end of JSON input, at line 1, column 6"},
		{"second line", "{\n  \"id\" 1}", "the document is not JSON: invalid character '1' after object key, at line 2, column 8"},
		{"trailing data", `{} {}`, "the document is not JSON: invalid character '{' after top-level value, at line 1, column 4"},
		{"not UTF-8", "{\"a\":\"\xff\"}", "the document is not JSON: it is not UTF-8 at byte 6"},
		{"repeated name", `{"a":[{"b/c":1,"b/c":1}]}`, "/a/0/b~1c: occurs twice"},
		{"not an object", `[]`, "the document must be an object, but is an array"},
		{"too deep", strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
			strings.Repeat("/0", maxDepth) + ": is nested more than 1000 deep"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := sentences(t, loaded(t).Validate("kirim/contact.created", []byte(c.body)))
			if !slices.Equal(got, []string{c.want}) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestManyProblemsAreCountedAndNotAllPrinted(t *testing.T) {
	message := received[strings.Index(received, `{"from"`):strings.Index(received, `]},"field"`)]
	bad := strings.Replace(message, "wamid.", "", 1)
	body := strings.Replace(received, message, strings.Repeat(bad+",", 14)+bad, 1)
	err := loaded(t).ValidateEvent("kckit", "message.received", []byte(body))
	if n := len(sentences(t, err)); n != 15 {
		t.Errorf("%d problems, want 15", n)
	}
	if !strings.HasSuffix(err.Error(), "; and 5 more") {
		t.Errorf("got %v", err)
	}
}

func TestEveryKeywordWithASentenceOfItsOwn(t *testing.T) {
	cases := []struct {
		name, schema, doc string
		want              []string
	}{
		{"closed object", `{"properties":{"a":{}},"additionalProperties":false}`, `{"a":1,"b c":2,"d":3}`,
			[]string{"/b c: must not be there", "/d: must not be there"}},
		{"forbidden member", `{"properties":{"a":false}}`, `{"a":1}`, []string{"/a: must not be there"}},
		{"unevaluated", `{"$ref":"#/$defs/a","unevaluatedProperties":false,"$defs":{"a":{"properties":{"a":{}}}}}`,
			`{"a":1,"b":2}`, []string{"/b: must not be there"}},
		{"minimum", `{"minimum":1}`, `0.5`, []string{"the document must be at least 1, but is 0.5"}},
		{"maximum", `{"items":{"maximum":1}}`, `[1,2]`, []string{"/1: must be at most 1, but is 2"}},
		{"contains", `{"contains":{"title":"a number","type":"number"}}`, `["a"]`, []string{"the document must have a number"}},
		{"contains, of nothing", `{"contains":{"type":"number"}}`, `[]`, []string{"the document must have an item of a kind that it lacks"}},
		{"no members", `{"minProperties":1}`, `{}`, []string{"the document must not be empty"}},
		{"JSON in a string", `{"title":"JSON as a string","contentMediaType":"application/json"}`, `"{"`,
			[]string{`the document must be JSON as a string, but is "{"`}},
		{"large bound", `{"maximum":999999999999}`, `1000000000000`, []string{"the document must be at most 999999999999, but is 1000000000000"}},
		{"pattern without a title", `{"pattern":"^a"}`, `"b"`, []string{`the document must keep pattern ^a, but is "b"`}},
		{"several alternatives", `{"properties":{"a":{"oneOf":[{"type":"integer"},{"properties":{"b":{"const":1}},"type":"object"}]}}}`,
			`{"a":{"b":2}}`, []string{"/a: b must be 1, but is 2, or must be an integer, but is an object"}},
		{"odd names", `{"properties":{"a/b %":{"type":"null"}}}`, `{"a/b %":[]}`, []string{"/a~1b %: must be null, but is an array"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set, err := compile(fstest.MapFS{"x.schema.json": {Data: []byte(c.schema)}})
			if err != nil {
				t.Fatal(err)
			}
			if got := sentences(t, set.Validate("x", []byte(c.doc))); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

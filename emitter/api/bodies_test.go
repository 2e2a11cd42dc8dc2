package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/schemas"
)

// badBody is a body that is refused, and how.
type badBody struct {
	code, param, body string
	// formOnly says that the schema takes it: the fault is none that a schema can tell.
	formOnly bool
}

// badBodies are those of each operation, by its name in documents.
func badBodies(w *world) map[string][]badBody {
	const invalid, missing = "invalid_field_value", "missing_required_field"
	const known = `"subscription_id":"wbs_01HXYZABCDEFGHJKMNPQRSTVWX"`
	const hook = `"url":"https://example.com","events":["contact.created"]`
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)
	text := func(n int) string { return strings.Repeat("é", n) }
	contact := func(members string) string { return `{"phone_number":"+6281234567890",` + members + `}` }
	people := []badBody{
		{code: invalid, param: "name", body: `{"name":""}`},
		{code: invalid, param: "name", body: `{"name":7}`},
		{code: invalid, param: "name", body: `{"name":"` + text(201) + `"}`},
		{code: invalid, param: "name", body: `{"name":"a\u0000b"}`},
		{code: invalid, param: "email", body: `{"email":"budi"}`},
		{code: invalid, param: "email", body: `{"email":"Budi <budi@example.com>"}`},
		{code: invalid, param: "email", body: `{"email":"budi@-example.com"}`},
		{code: invalid, param: "email", body: `{"email":["budi@example.com"]}`},
		{code: invalid, param: "metadata", body: `{"metadata":[]}`},
		{code: invalid, param: "metadata", body: `{"metadata":"x"}`},
		{code: invalid, param: "metadata", body: `{"metadata":{"n":1e999}}`, formOnly: true},
		{code: invalid, param: "metadata", body: `{"metadata":{"n":` + strings.Repeat("9", 101) + `}}`, formOnly: true},
		{code: invalid, param: "metadata", body: `{"metadata":{"n":` + deep + `}}`, formOnly: true},
		{code: invalid, param: "Name", body: `{"Name":"Budi"}`},
		{code: invalid, param: "labels", body: `{"labels":[]}`},
	}
	all := map[string][]badBody{
		"POST /webhook_subscriptions": {
			{code: missing, param: "url", body: `{}`},
			{code: missing, param: "events", body: `{"url":"https://example.com"}`},
			{code: invalid, param: "url", body: `{"url":null,"events":["contact.created"]}`},
			{code: invalid, param: "url", body: `{"url":["https://example.com"],"events":["contact.created"]}`},
			{code: "invalid_webhook_url", param: "url", body: `{"url":"","events":["contact.created"]}`},
			{code: "invalid_webhook_url", param: "url", body: `{"url":"https://` + text(2041) + `","events":["contact.created"]}`},
			{code: invalid, param: "events", body: `{"url":"https://example.com","events":[]}`},
			{code: invalid, param: "events", body: `{"url":"https://example.com","events":null}`},
			{code: invalid, param: "events", body: `{"url":"https://example.com","events":"contact.created"}`},
			{code: invalid, param: "events", body: `{"url":"https://example.com","events":["contact.created",1]}`},
			{code: invalid, param: "events", body: `{"url":"https://example.com","events":["message.updated"]}`},
			{code: invalid, param: "description", body: `{` + hook + `,"description":""}`},
			{code: invalid, param: "enabled", body: `{` + hook + `,"enabled":true}`},
		},
		"PATCH /webhook_subscriptions/{id}": {
			{code: invalid, param: "url", body: `{"url":null}`},
			{code: invalid, param: "events", body: `{"events":[]}`},
			{code: invalid, param: "status", body: `{"status":"disabled"}`},
			{code: invalid, param: "status", body: `{"status":true}`},
			{code: invalid, param: "id", body: `{"id":"wbs_01HXYZABCDEFGHJKMNPQRSTVWX"}`},
		},
		"POST /webhook_subscriptions/{id}/secrets": {
			{code: invalid, param: "expires_in_hours", body: `{"expires_in_hours":0}`},
			{code: invalid, param: "expires_in_hours", body: `{"expires_in_hours":-1}`},
			{code: invalid, param: "expires_in_hours", body: `{"expires_in_hours":8761}`},
			{code: invalid, param: "expires_in_hours", body: `{"expires_in_hours":1.5}`},
			{code: invalid, param: "expires_in_hours", body: `{"expires_in_hours":1e300}`},
			{code: invalid, param: "expires_in_hours", body: `{"expires_in_hours":"1"}`},
			{code: invalid, param: "expires_in_hours", body: `{"expires_in_hours":null}`},
			{code: invalid, param: "secret", body: `{"secret":"whsec_mine"}`},
		},
		"POST /webhook_deliveries/{id}/replay": {
			{code: invalid, param: "force", body: `{"force":true}`},
		},
		"POST /webhook_deliveries/bulk_replay": {
			{code: missing, param: "subscription_id", body: `{}`},
			{code: invalid, param: "subscription_id", body: `{"subscription_id":"wbs_1"}`},
			{code: invalid, param: "subscription_id", body: `{"subscription_id":"wbd_01HXYZABCDEFGHJKMNPQRSTVWX"}`},
			{code: invalid, param: "status", body: `{` + known + `,"status":"delivered"}`},
			{code: invalid, param: "event_type", body: `{` + known + `,"event_type":"` + text(65) + `"}`},
			{code: invalid, param: "created_after", body: `{` + known + `,"created_after":"2026-05-23"}`},
			{code: invalid, param: "created_after", body: `{` + known + `,"created_after":"2026-02-30T10:00:00Z"}`},
			{code: invalid, param: "created_before", body: `{` + known + `,"created_before":"2026-05-23T10:00:00,5Z"}`},
			{code: invalid, param: "created_before", body: `{` + known + `,"created_before":1779530400}`},
			{code: invalid, param: "limit", body: `{` + known + `,"limit":5}`},
		},
		"POST /contacts": {
			{code: missing, param: "phone_number", body: `{"name":"Budi"}`},
			{code: "invalid_phone_number", param: "phone_number", body: `{"phone_number":"081234567890"}`},
			{code: "invalid_phone_number", param: "phone_number", body: `{"phone_number":"+62 812 3456"}`},
			{code: "invalid_phone_number", param: "phone_number", body: `{"phone_number":"+6281234567890\n"}`},
			{code: "invalid_phone_number", param: "phone_number", body: `{"phone_number":"+` + strings.Repeat("1", 16) + `"}`},
			{code: invalid, param: "phone_number", body: `{"phone_number":6281234567890}`},
		},
		"PATCH /contacts/{id}": append(people, badBody{code: invalid, param: "phone_number", body: contact(`"name":null`)}),
		"PATCH /conversations/{id}": {
			{code: missing, param: "status", body: `{}`},
			{code: invalid, param: "status", body: `{"status":"closed"}`},
			{code: invalid, param: "status", body: `{"status":null}`},
			{code: invalid, param: "assigned_to", body: `{"assigned_to":""}`},
			{code: invalid, param: "assigned_to", body: `{"assigned_to":7}`},
		},
	}
	for _, bad := range people {
		bad.body = contact(strings.TrimSuffix(bad.body[1:], "}"))
		all["POST /contacts"] = append(all["POST /contacts"], bad)
	}
	if w.scoped("") == "" {
		all["POST /contacts"] = append(all["POST /contacts"], badBody{code: invalid, param: "from", body: contact(`"from":"me"`)})
		return all
	}
	all["POST /messages"] = []badBody{
		{code: missing, param: "to", body: `{}`},
		{code: "invalid_phone_number", param: "to", body: `{"to":"0812","type":"text","text":{"body":"Halo"}}`},
		{code: missing, param: "type", body: `{"to":"+6281234567890","text":{"body":"Halo"}}`},
		{code: invalid, param: "type", body: `{"to":"+6281234567890","type":"image","text":{"body":"Halo"}}`},
		{code: missing, param: "text", body: `{"to":"+6281234567890","type":"text"}`},
		{code: invalid, param: "text", body: `{"to":"+6281234567890","type":"text","text":"Halo"}`},
		{code: missing, param: "text.body", body: `{"to":"+6281234567890","type":"text","text":{}}`},
		{code: invalid, param: "text.body", body: `{"to":"+6281234567890","type":"text","text":{"body":"` + text(4097) + `"}}`},
		{code: invalid, param: "text.preview", body: `{"to":"+6281234567890","type":"text","text":{"body":"Halo","preview":true}}`},
	}
	return all
}

// targets are paths that exist, by operation.
func (w *world) targets(t testing.TB) map[string]string {
	t.Helper()
	subscription := w.must(201, "POST", "/webhook_subscriptions", example).id(t)
	_, delivered, _ := w.fake.deliver(t, subscription)
	contact := w.must(201, "POST", w.scoped("/contacts"), `{"phone_number":"+6281111111111"}`).id(t)
	return map[string]string{
		"POST /webhook_subscriptions":              "/webhook_subscriptions",
		"PATCH /webhook_subscriptions/{id}":        "/webhook_subscriptions/" + subscription,
		"POST /webhook_subscriptions/{id}/secrets": "/webhook_subscriptions/" + subscription + "/secrets",
		"POST /webhook_deliveries/{id}/replay":     "/webhook_deliveries/" + delivered + "/replay",
		"POST /webhook_deliveries/bulk_replay":     "/webhook_deliveries/bulk_replay",
		"POST /contacts":                           w.scoped("/contacts"),
		"PATCH /contacts/{id}":                     w.scoped("/contacts/" + contact),
		"PATCH /conversations/{id}":                w.scoped("/conversations/" + w.fake.converse(w.fake.contacts[0])),
		"POST /messages":                           w.scoped("/messages"),
	}
}

func TestABadBodyIsRefusedAndItsFieldNamedByAPIAndSchemaAlike(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		targets := w.targets(t)
		for operation, cases := range badBodies(w) {
			method, _, _ := strings.Cut(operation, " ")
			schema := "api/" + strings.ReplaceAll(documents[operation].request, "{edition}", w.edition.ID)
			for _, bad := range cases {
				w.refuse(400, "invalid_request_error", bad.code, bad.param, method, targets[operation], bad.body)
				if err := w.set.Validate(schema, []byte(bad.body)); err == nil && !bad.formOnly {
					t.Errorf("%s takes %s", schema, bad.body)
				}
			}
		}
	})
}

func TestWhatIsNoJSONObjectIsRefused(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	for _, body := range []string{
		" ", "{", `{"phone_number"}`, "[]", "null", `"x"`, "1", `{}{}`, `{} x`, `{"phone_number":"+6281234567890"},`,
		"{\"name\":\"\xff\"}", "\ufeff{}", `{'a':1}`, `{"a":NaN}`, strings.Repeat("[", 20000), `{"a":` + strings.Repeat("[", 20000),
	} {
		w.refuse(400, "invalid_request_error", "invalid_json", "", "POST", "/contacts", body)
	}
	w.refuse(400, "invalid_request_error", "missing_required_field", "phone_number", "POST", "/contacts", "")
}

func TestABodyMustSayThatItIsJSON(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	body := `{"phone_number":"+6281234567890"}`
	for _, media := range []string{
		"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json; =", "json",
	} {
		w.refuse(400, "invalid_request_error", "invalid_content_type", "Content-Type", "POST", "/contacts", body,
			header("Content-Type", media))
	}
	w.must(201, "POST", "/contacts", body, header("Content-Type", "Application/JSON; charset=utf-8"))
}

func TestABodyIsBounded(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	body := func(length int) string {
		frame := `{"phone_number":"+6281234567890","metadata":{"x":""}}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", length-len(frame))+`"`, 1)
	}
	w.refuse(413, "invalid_request_error", "request_too_large", "", "POST", "/contacts", body(maxBody+1))
	w.must(201, "POST", "/contacts", body(maxBody))
}

func TestEachSchemaRefusesWhatIsAddedAndWhatIsOfAnotherKind(t *testing.T) {
	set, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	eachEdition(t, func(t *testing.T, w *world) {
		w.tour(t)
		for name, documents := range w.seen {
			broken := 0
			for _, document := range documents {
				var value any
				w.unmarshal(document, &value)
				spoil(value, "", func(what string, spoiled any) {
					text, err := encode(spoiled)
					if err != nil {
						t.Fatal(err)
					}
					if set.Validate(name, text) == nil {
						t.Errorf("%s takes a document with %s: %s", name, what, text)
					}
					broken++
				})
			}
			if broken == 0 {
				t.Errorf("%s: nothing to spoil", name)
			}
		}
	})
}

// spoil hands out copies of a document, each with one fault: a member too many in an object, or a scalar of another
// kind. What callers may fill as they like, their metadata, is left alone.
func spoil(value any, at string, each func(what string, spoiled any)) {
	switch v := value.(type) {
	case map[string]any:
		if strings.HasSuffix(at, "/metadata") {
			return
		}
		copied := map[string]any{"surplus": 1}
		for name, member := range v {
			copied[name] = member
		}
		each("a surplus member in "+at, copied)
		for name, member := range v {
			spoil(member, at+"/"+name, func(what string, spoiled any) {
				copied := map[string]any{}
				for n, m := range v {
					copied[n] = m
				}
				copied[name] = spoiled
				each(what, copied)
			})
		}
	case []any:
		for i, item := range v {
			spoil(item, fmt.Sprint(at, "/", i), func(what string, spoiled any) {
				copied := append([]any{}, v...)
				copied[i] = spoiled
				each(what, copied)
			})
		}
	default:
		if strings.HasSuffix(at, "/metadata") && value == nil {
			return
		}
		each("an object at "+at, map[string]any{"surplus": 1})
	}
}

package api

import (
	"net/url"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

var organisation = relay.Org{Seq: 1, ID: "org_1"}

// FuzzBodies holds the API's own checks against the schemas: a body that the API takes keeps its schema, and any answer
// keeps its own. call does both.
func FuzzBodies(f *testing.F) {
	w := newWorld(f, "kirim.chat", nil)
	operations := []string{
		"POST /webhook_subscriptions", "POST /contacts", "PATCH /contacts/{id}", "POST /messages",
		"POST /webhook_subscriptions/{id}/secrets",
		"PATCH /webhook_subscriptions/{id}", "PATCH /conversations/{id}", "POST /webhook_deliveries/bulk_replay",
	}
	bad := badBodies(w)
	for i, operation := range operations {
		for _, b := range bad[operation] {
			f.Add(uint8(i), []byte(b.body))
		}
		f.Add(uint8(i), []byte(example))
	}
	f.Add(uint8(1), []byte(`{"phone_number":"+6281234567890","name":"Budi","email":"budi@example.com","metadata":{"a":[1e3,null]}}`))
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		w := newWorld(t, "kirim.chat", nil)
		operation := operations[int(which)%len(operations)]
		method, _, _ := strings.Cut(operation, " ")
		// The schemas refuse names that occur twice, the API takes the last: compare what the API understood.
		if understood, err := decode(body); err == nil {
			body = understood.canonical
		}
		if a := w.call(method, w.targets(t)[operation], string(body)); a.status >= 500 {
			t.Errorf("%s %q: %s", operation, body, a.body)
		}
	})
}

// FuzzCursors: no cursor but one that was sealed for the list opens, and none breaks anything.
func FuzzCursors(f *testing.F) {
	own := bind("org_1", "/v1/contacts", url.Values{"search": {"x"}})
	for _, position := range []string{"1", "42", "2026-05-23T10:00:00Z,7"} {
		cursor := *own.seal(position)
		f.Add(cursor)
		f.Add(cursor[:9] + "\n" + cursor[9:])
	}
	f.Add("")
	f.Add("====")
	f.Add(strings.Repeat("A", 600))
	f.Fuzz(func(t *testing.T, cursor string) {
		position, err := own.open(cursor)
		if err != nil {
			return
		}
		if again := own.seal(position); again == nil || *again != cursor {
			t.Errorf("%q opens to %q, whose cursor is another", cursor, position)
		}
		other := bind("org_2", "/v1/contacts", url.Values{"search": {"x"}})
		if _, err := other.open(cursor); err == nil {
			t.Errorf("%q opens for another organisation", cursor)
		}
	})
}

// FuzzQueries: whatever the query, the answer keeps its schema.
func FuzzQueries(f *testing.F) {
	for _, query := range []string{
		"limit=5", "status=dead&created_after=2026-05-23T10:00:00Z", "cursor=AAAA", "a=%zz", "limit=1;limit=2",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		w := newWorld(t, "kckit", nil)
		w.fake.deliver(t, "wbs_01HXYZABCDEFGHJKMNPQRSTVWX")
		a := w.call("GET", "/webhook_deliveries", "", rawQuery(query))
		if a.status != 200 && a.status != 400 {
			t.Errorf("%q: got %d", query, a.status)
		}
	})
}

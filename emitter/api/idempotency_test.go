package api

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestARepeatedPostIsAnsweredAsTheFirst(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		key := header("Idempotency-Key", "0b6c7f52-5d3e-4f0e-9d1c-2f2b6f3f9d10")
		body := `{"url":"https://example.com/hook","events":["contact.created"],"description":"a"}`
		first := w.must(201, "POST", "/webhook_subscriptions", body, key)
		if got := first.header.Get("Idempotent-Replayed"); got != "false" {
			t.Errorf("Idempotent-Replayed is %q the first time", got)
		}
		// The same in other blanks and another order is the same call.
		again := w.must(201, "POST", "/webhook_subscriptions",
			` { "description" : "\u0061", "events":["contact.created"], "url":"https:\/\/example.com/hook" }`, key)
		if got := again.header.Get("Idempotent-Replayed"); got != "true" {
			t.Errorf("Idempotent-Replayed is %q the second time", got)
		}
		if !bytes.Equal(again.body, first.body) || len(w.fake.subscriptions) != 1 {
			t.Errorf("got %s after %s", again.body, first.body)
		}
		for _, name := range []string{"Content-Type", "Cache-Control", "X-Request-Id", "Content-Length"} {
			if again.header.Get(name) != first.header.Get(name) {
				t.Errorf("%s is %q after %q", name, again.header.Get(name), first.header.Get(name))
			}
		}
		if without := w.must(201, "POST", "/webhook_subscriptions", body); without.header.Values("Idempotent-Replayed") != nil {
			t.Error("Idempotent-Replayed is there without a key")
		}
	})
}

func TestAKeyIsForOneRequestOfOneOrganisation(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	key := header("Idempotency-Key", "k")
	w.must(201, "POST", "/webhook_subscriptions", example, key)
	reuse := func(path, body string) {
		t.Helper()
		w.refuse(422, "invalid_request_error", "idempotency_key_reuse", "", "POST", path, body, key)
	}
	reuse("/webhook_subscriptions", strings.Replace(example, "CRM", "crm", 1))
	reuse("/webhook_subscriptions", `{}`)
	reuse("/webhook_subscriptions", "")
	reuse("/contacts", example)
	w.must(201, "POST", "/webhook_subscriptions", example, key, header("Authorization", "Bearer "+otherKey))
	w.must(201, "POST", "/webhook_subscriptions", example, header("Idempotency-Key", "K"))
}

func TestARefusedCallDoesNotUseItsKeyUp(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	key := header("Idempotency-Key", "k")
	w.refuse(400, "invalid_request_error", "missing_required_field", "phone_number", "POST", "/contacts", `{}`, key)
	w.must(201, "POST", "/contacts", `{"phone_number":"+6281234567890"}`, key)
}

func TestABadKeyIsRefused(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	for _, change := range []option{
		header("Idempotency-Key", ""),
		header("Idempotency-Key", strings.Repeat("k", 256)),
		func(r *http.Request) { r.Header["Idempotency-Key"] = []string{"a", "b"} },
	} {
		w.refuse(400, "invalid_request_error", "invalid_field_value", "Idempotency-Key", "POST", "/webhook_subscriptions", example, change)
	}
	w.must(201, "POST", "/webhook_subscriptions", example, header("Idempotency-Key", strings.Repeat("k", 255)))
}

func TestOnlyPostsLookAtTheKey(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	key := header("Idempotency-Key", "k")
	subscription := "/webhook_subscriptions/" + w.must(201, "POST", "/webhook_subscriptions", example).id(t)
	for _, a := range []answer{
		w.must(200, "PATCH", subscription, `{"status":"paused"}`, key),
		w.must(200, "PATCH", subscription, `{"status":"active"}`, key),
		w.must(200, "GET", subscription, "", key),
		w.must(200, "DELETE", subscription, "", key),
		w.must(404, "DELETE", subscription, "", key),
	} {
		if a.header.Values("Idempotent-Replayed") != nil {
			t.Errorf("Idempotent-Replayed is there: %s", a.body)
		}
	}
}

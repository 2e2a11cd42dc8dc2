package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/store"
)

const example = `{"url":"https://example.com/hook","events":["contact.created","contact.created","message.received"],` +
	`"description":"CRM"}`

// tour makes every call of the edition once and well.
func (w *world) tour(t *testing.T) {
	t.Helper()
	w.must(200, "GET", "/health", "", without("Authorization"))

	made := w.must(201, "POST", "/webhook_subscriptions", example)
	subscription := "/webhook_subscriptions/" + made.id(t)
	w.must(201, "POST", "/webhook_subscriptions", `{"url":"https://example.com/2","events":["message.status"],"description":null}`)
	w.must(200, "GET", "/webhook_subscriptions", "")
	w.must(200, "GET", "/webhook_subscriptions?limit=1", "")
	w.must(200, "GET", subscription, "")
	w.must(200, "PATCH", subscription,
		`{"url":"https://example.com/3","events":["message.status"],"description":null,"status":"paused"}`)
	secret := w.must(201, "POST", subscription+"/secrets", `{"expires_in_hours":1}`).id(t)
	w.must(201, "POST", subscription+"/secrets", "")
	w.must(200, "GET", subscription, "")
	w.must(200, "DELETE", subscription+"/secrets/"+secret, "")

	_, _, dead := w.fake.deliver(t, made.id(t))
	w.must(200, "GET", "/webhook_deliveries", "")
	w.must(200, "GET", "/webhook_deliveries/"+dead, "")
	w.must(202, "POST", "/webhook_deliveries/"+dead+"/replay", "")
	w.must(202, "POST", "/webhook_deliveries/"+dead+"/replay", "{}")
	w.must(202, "POST", "/webhook_deliveries/bulk_replay", `{"subscription_id":"`+made.id(t)+`","status":"failed",`+
		`"event_type":"contact.created","created_after":"2026-05-01T00:00:00Z","created_before":"2026-06-01T00:00:00.5+07:00"}`)
	w.must(200, "GET", "/webhook_deliveries?limit=2", "")
	w.must(200, "DELETE", subscription, "")

	contacts := w.scoped("/contacts")
	contact := w.must(201, "POST", contacts, `{"phone_number":"+6281234567890","name":"Budi <b>","email":"budi@example.com",`+
		`"metadata":{"tier":1.50,"deep":[{"a":null}]}}`)
	w.must(201, "POST", contacts, `{"phone_number":"+6281234567891","name":null,"email":null,"metadata":null}`)
	w.must(200, "GET", contacts, "")
	w.must(200, "GET", contacts+"/"+contact.id(t), "")
	w.must(200, "PATCH", contacts+"/"+contact.id(t), `{"name":"Budi","email":null,"metadata":{}}`)

	conversations := w.scoped("/conversations")
	conversation := conversations + "/" + w.fake.converse(w.fake.contacts[0])
	w.must(200, "GET", conversations, "")
	w.must(200, "GET", conversation, "")
	w.must(200, "PATCH", conversation, `{"status":"resolved","assigned_to":"V1StGXR8_Z5j"}`)
	w.must(200, "PATCH", conversation, `{"assigned_to":null}`)
	if _, ok := w.edition.Outbound(); ok {
		w.must(201, "POST", w.scoped("/messages"), `{"to":"+6281234567890","type":"text","text":{"body":"Halo"}}`)
	}
	w.must(404, "GET", "/nothing", "")
}

func TestEveryOperationAnswersByItsSchema(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		w.tour(t)
		for _, op := range w.api.operations() {
			name := op.method + " " + strings.TrimPrefix(op.path, scopeSegment)
			schema, ok := documents[name]
			if !ok {
				t.Errorf("%s has no schemas", name)
				continue
			}
			for _, needed := range []string{schema.request, schema.answer} {
				needed = "api/" + strings.ReplaceAll(needed, "{edition}", w.edition.ID)
				if needed != "api/" && len(w.seen[needed]) == 0 {
					t.Errorf("%s: %s was never used", name, needed)
				}
			}
		}
	})
}

func TestASubscriptionShowsItsSecretOnce(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	made := w.must(201, "POST", "/webhook_subscriptions", example).object(t)
	if made["initial_secret"] != secretValue(0) {
		t.Errorf("initial_secret is %v", made["initial_secret"])
	}
	// The list and the single one leave it out; call checks that for every answer.
	got := w.must(200, "GET", "/webhook_subscriptions/"+made["id"].(string), "").object(t)
	delete(made, "initial_secret")
	if !reflect.DeepEqual(got, made) {
		t.Errorf("read as %v, created as %v", got, made)
	}
	if events := made["events"]; !reflect.DeepEqual(events, []any{"contact.created", "message.received"}) {
		t.Errorf("events are %v; each should be there once", events)
	}
}

func TestAPatchTellsNullFromAbsent(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	subscription := "/webhook_subscriptions/" + w.must(201, "POST", "/webhook_subscriptions", example).id(t)
	contact := "/contacts/" + w.must(201, "POST", "/contacts", `{"phone_number":"+6281234567890","name":"Budi"}`).id(t)

	w.must(200, "PATCH", subscription, `{}`)
	if p := w.fake.subscriptionPatch; p.URL != nil || p.Events != nil || p.Description != nil || p.Status != nil {
		t.Errorf("an empty PATCH changes %+v", p)
	}
	w.must(200, "PATCH", subscription, `{"description":null}`)
	if p := w.fake.subscriptionPatch; p.Description == nil || *p.Description != nil {
		t.Errorf("description null became %+v", p.Description)
	}
	w.must(200, "PATCH", contact, `{"name":"Ani"}`)
	if p := w.fake.contactPatch; p.Name == nil || *p.Name == nil || **p.Name != "Ani" || p.Email != nil || p.Metadata != nil {
		t.Errorf("a name alone became %+v", p)
	}
	w.must(200, "PATCH", contact, `{"name":null,"email":null,"metadata":null}`)
	if p := w.fake.contactPatch; p.Name == nil || *p.Name != nil || p.Email == nil || *p.Email != nil ||
		p.Metadata == nil || *p.Metadata != nil {
		t.Errorf("nulls became %+v", p)
	}
}

func TestMetadataKeepsItsNumbersAndDropsRepeatedNames(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	a := w.call("POST", "/contacts", `{"phone_number":"+6281234567890","metadata":{"n":12345678901234567890.10,"t":"<&>"}}`)
	if !strings.Contains(string(a.body), `"n":12345678901234567890.10`) {
		t.Errorf("got %s", a.body)
	}
	f, err := decode([]byte(`{"metadata":{"a":1,"a":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.fields().object("metadata"); string(*got) != `{"a":2}` {
		t.Errorf("got %s", *got)
	}
}

func TestAnExpiryIsInHours(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	secrets := "/webhook_subscriptions/" + w.must(201, "POST", "/webhook_subscriptions", example).id(t) + "/secrets"
	for body, want := range map[string]time.Duration{
		`{}`: 0, `{"expires_in_hours":1}`: time.Hour, `{"expires_in_hours":8760}`: 8760 * time.Hour,
		`{"expires_in_hours":2.0}`: 2 * time.Hour, `{"expires_in_hours":1e2}`: 100 * time.Hour,
	} {
		a := w.must(201, "POST", secrets, body)
		if w.fake.expiresIn != want {
			t.Errorf("%s: expires in %v", body, w.fake.expiresIn)
		}
		if shown := a.object(t)["expires_at"]; (shown == nil) != (want == 0) {
			t.Errorf("%s: expires_at is %v", body, shown)
		}
	}
}

func TestADeliveryIsCalledInTheWordsOfItsEdition(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		pending, delivered, terminal := w.fake.deliver(t, "wbs_01HXYZABCDEFGHJKMNPQRSTVWX")
		for id, want := range map[string]string{
			pending: "pending", delivered: "delivered", terminal: w.edition.Delivery.TerminalStatus,
		} {
			got := w.must(200, "GET", "/webhook_deliveries/"+id, "").object(t)
			if got["status"] != want {
				t.Errorf("status is %v, want %s", got["status"], want)
			}
		}
		got := w.must(200, "GET", "/webhook_deliveries/"+pending, "").object(t)
		if got["next_attempt_at"] != "2026-05-23T10:00:10Z" || got["response_status"] != nil || got["error"] != "connection refused" {
			t.Errorf("got %v", got)
		}
		want := map[string]any{
			"attempt": 1.0, "delivery_id": pending, "started_at": "2026-05-23T10:00:00.000Z", "duration_ms": 1500.0,
			"response_status": nil, "error": "connection refused", "outcome": "retry",
		}
		if log := got["attempt_log"]; !reflect.DeepEqual(log, []any{want}) {
			t.Errorf("the attempts are %v", log)
		}
	})
}

func TestEitherWordFiltersTheDeadLetterQueue(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		_, _, terminal := w.fake.deliver(t, "wbs_01HXYZABCDEFGHJKMNPQRSTVWX")
		for _, word := range []string{"dead", "failed"} {
			items := w.must(200, "GET", "/webhook_deliveries?status="+word, "").data.([]any)
			if len(items) != 1 || items[0].(map[string]any)["id"] != terminal {
				t.Errorf("%s: got %v", word, items)
			}
		}
	})
}

func TestFiltersReachTheService(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	w.must(200, "GET", "/webhook_deliveries?subscription_id=wbs_01HXYZABCDEFGHJKMNPQRSTVWX&status=pending&event_type=contact.created"+
		"&event_id=wamid.HBgM&created_after=2026-05-23T17:00:00%2B07:00&created_before=2026-05-24T00:00:00.5Z&limit=100", "")
	pending := store.DeliveryPending
	want := store.DeliveryFilter{
		Subscription: "wbs_01HXYZABCDEFGHJKMNPQRSTVWX", Status: &pending, EventName: "contact.created", EventID: "wamid.HBgM",
		CreatedAfter: start, CreatedBefore: time.Date(2026, 5, 24, 0, 0, 0, 5e8, time.UTC),
	}
	if got := w.fake.deliveryFilter; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if w.fake.page.Limit != 100 {
		t.Errorf("limit is %d", w.fake.page.Limit)
	}
	made := w.must(201, "POST", "/webhook_subscriptions", example).id(t)
	w.must(202, "POST", "/webhook_deliveries/bulk_replay", `{"subscription_id":"`+made+`"}`)
	if got := w.fake.deliveryFilter; got.Subscription != made || got.Status == nil || *got.Status != store.DeliveryTerminal {
		t.Errorf("a bulk replay without status asks for %+v", got)
	}
}

func TestTheSenderIsInThePathOrInTheBody(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		if w.scoped("") == "" {
			w.must(201, "POST", "/contacts", `{"from":"`+number+`","phone_number":"+6281234567890"}`)
			if in := w.fake.contactInput; in.From != number || in.PhoneNumberID != "" {
				t.Errorf("got %+v", in)
			}
			w.refuse(404, "not_found", "resource_not_found", "", "POST", "/"+number+"/contacts", `{"phone_number":"+6281234567890"}`)
			return
		}
		w.must(201, "POST", w.scoped("/contacts"), `{"phone_number":"+6281234567890"}`)
		if in := w.fake.contactInput; in.From != "" || in.PhoneNumberID != number {
			t.Errorf("got %+v", in)
		}
		w.refuse(400, "invalid_request_error", "invalid_field_value", "from", "POST", w.scoped("/contacts"),
			`{"from":"`+number+`","phone_number":"+6281234567890"}`)
		for _, path := range []string{"/contacts", "/1234567/contacts", "/12345/contacts", "/" + number + "/webhook_subscriptions"} {
			w.refuse(404, "not_found", "resource_not_found", "", "GET", path, "")
		}
		w.refuse(404, "not_found", "resource_not_found", "", "GET", w.scoped("/contacts"), "",
			header("Authorization", "Bearer "+otherKey))
	})
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	get := w.must(200, "GET", "/health", "")
	head := w.call("HEAD", "/health", "")
	if head.status != 200 || head.header.Get("Content-Length") != get.header.Get("Content-Length") {
		t.Errorf("got %d and %v", head.status, head.header)
	}
}

func TestHealthTellsTheClock(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	want := map[string]any{"object": "health", "status": "ok", "edition": "kckit",
		"clock": map[string]any{"mode": "virtual", "now": "2026-05-23T10:00:00Z"}}
	if got := w.must(200, "GET", "/health", "").object(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestAListOfNothingIsAnEmptyList(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		for _, path := range []string{
			"/webhook_subscriptions", "/webhook_deliveries", w.scoped("/contacts"), w.scoped("/conversations"),
		} {
			a := w.must(200, "GET", path, "")
			var members map[string]json.RawMessage
			w.unmarshal(a.body, &members)
			if string(members["data"]) != "[]" || string(members["has_more"]) != "false" || string(members["next_cursor"]) != "null" {
				t.Errorf("%s: got %s", path, a.body)
			}
		}
	})
}

func TestNoSchemaOfTheAPIIsUnused(t *testing.T) {
	used := []string{"api/common", "api/objects"}
	eachEdition(t, func(t *testing.T, w *world) {
		w.tour(t)
		used = append(used, "api/"+w.edition.ID+"/objects")
		for name := range w.seen {
			used = append(used, name)
		}
	})
	for _, name := range newWorld(t, "", nil).set.Names() {
		if strings.HasPrefix(name, "api/") && !slices.Contains(used, name) {
			t.Errorf("%s is used by no operation", name)
		}
	}
}

package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// unknown is an id that nothing has.
const unknown = "_01HXYZABCDEFGHJKMNPQRSTVWX"

func TestAnUnknownPathIsNotFound(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	for _, path := range []string{
		"", "/", "/contact", "/contacts/", "//contacts", "/contacts/../health", "/health/", "/contacts/a/b", "/messages",
		"/webhook_deliveries/bulk_replay/x", "/webhook_subscriptions/a/secrets/b/c", "/%2e%2e/health",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			w.refuse(404, "not_found", "resource_not_found", "", method, path, "")
		}
	}
	w.refuse(404, "not_found", "resource_not_found", "", "GET", "/contacts/%2F", "")
}

func TestAnotherMethodIsRefusedWithThoseAllowed(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		for path, allow := range map[string]string{
			"/health": "GET, HEAD", "/webhook_subscriptions": "GET, HEAD, POST", "/webhook_subscriptions/x": "DELETE, GET, HEAD, PATCH",
			"/webhook_subscriptions/x/secrets": "POST", "/webhook_deliveries/x/replay": "POST", w.scoped("/contacts"): "GET, HEAD, POST",
			w.scoped("/conversations/x"): "GET, HEAD, PATCH",
		} {
			a := w.refuse(405, "invalid_request_error", "method_not_allowed", "", "PUT", path, "")
			if got := a.header.Get("Allow"); got != allow {
				t.Errorf("%s: Allow is %q, want %q", path, got, allow)
			}
		}
	})
}

func TestOnlyABearerKeyOpensTheAPI(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	cases := map[string]struct {
		code    string
		options []option
		query   string
	}{
		"none":         {"missing_api_key", []option{without("Authorization")}, ""},
		"in the query": {"missing_api_key", []option{without("Authorization")}, "?api_key=" + goodKey + "&access_token=" + goodKey},
		"basic": {"missing_api_key", []option{func(r *http.Request) {
			r.SetBasicAuth(goodKey, "")
		}}, ""},
		"cookie": {"missing_api_key", []option{without("Authorization"), func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "Authorization", Value: "Bearer " + goodKey})
		}}, ""},
		"bare":           {"missing_api_key", []option{header("Authorization", goodKey)}, ""},
		"empty":          {"missing_api_key", []option{header("Authorization", "Bearer ")}, ""},
		"twice":          {"missing_api_key", []option{func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+goodKey) }}, ""},
		"unknown":        {"invalid_api_key", []option{header("Authorization", "Bearer kdv_live_x")}, ""},
		"cut":            {"invalid_api_key", []option{header("Authorization", "Bearer "+goodKey[:32])}, ""},
		"with something": {"invalid_api_key", []option{header("Authorization", "Bearer "+goodKey+" x")}, ""},
		"expired":        {"expired_api_key", []option{header("Authorization", "Bearer "+expiredKey)}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := w.refuse(401, "authentication_error", c.code, "", "GET", "/contacts"+c.query, "", c.options...)
			if got := a.header.Get("WWW-Authenticate"); got != "Bearer" {
				t.Errorf("WWW-Authenticate is %q", got)
			}
		})
	}
	w.must(200, "GET", "/contacts", "", header("Authorization", "bearer "+goodKey))
}

func TestEveryOperationButHealthWantsAKey(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		for _, op := range w.api.operations() {
			path := strings.NewReplacer("{phone_number_id}", number, "{id}", "x", "{secret}", "y").Replace(op.path)
			want := 401
			if op.path == "/health" {
				want = 200
			}
			w.must(want, op.method, path, "", without("Authorization"))
		}
	})
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		mine := w.must(201, "POST", "/webhook_subscriptions", example).id(t)
		subscription := "/webhook_subscriptions/wbs" + unknown
		contacts, conversations := w.scoped("/contacts/"), w.scoped("/conversations/")
		for _, c := range []struct{ method, path, body string }{
			{"GET", subscription, ""},
			{"PATCH", subscription, `{}`},
			{"DELETE", subscription, ""},
			{"POST", subscription + "/secrets", ""},
			{"DELETE", subscription + "/secrets/sec" + unknown, ""},
			{"DELETE", "/webhook_subscriptions/" + mine + "/secrets/sec" + unknown, ""},
			{"DELETE", "/webhook_subscriptions/" + mine + "/secrets/x", ""},
			{"GET", "/webhook_deliveries/wbd" + unknown, ""},
			{"GET", "/webhook_deliveries/bulk_replay", ""},
			{"POST", "/webhook_deliveries/wbd" + unknown + "/replay", ""},
			{"POST", "/webhook_deliveries/bulk_replay", `{"subscription_id":"wbs` + unknown + `"}`},
			{"GET", contacts + "ctc" + unknown, ""},
			{"GET", contacts + "wbs" + unknown, ""},
			{"GET", contacts + "ctc_01hxyzabcdefghjkmnpqrstvwx", ""},
			{"GET", contacts + "ctc" + unknown + "%0A", ""},
			{"PATCH", contacts + "ctc" + unknown, `{}`},
			{"GET", conversations + "cnv" + unknown, ""},
			{"PATCH", conversations + "cnv" + unknown, `{"status":"open"}`},
		} {
			w.refuse(404, "not_found", "resource_not_found", "", c.method, c.path, c.body)
		}
		other := header("Authorization", "Bearer "+otherKey)
		w.refuse(404, "not_found", "resource_not_found", "", "GET", "/webhook_subscriptions/"+mine, "", other)
	})
}

func TestWhatTheServiceRefusesIsTold(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	subscription := w.must(201, "POST", "/webhook_subscriptions", example)
	secret := subscription.object(t)["secrets"].([]any)[0].(map[string]any)["id"].(string)
	pending, _, _ := w.fake.deliver(t, subscription.id(t))
	w.must(201, "POST", "/contacts", `{"phone_number":"+6281234567890"}`)

	w.refuse(400, "invalid_request_error", "invalid_webhook_url", "url", "POST", "/webhook_subscriptions",
		`{"url":"http://example.com","events":["contact.created"]}`)
	w.refuse(409, "conflict", "last_active_secret", "", "DELETE", "/webhook_subscriptions/"+subscription.id(t)+"/secrets/"+secret, "")
	w.refuse(409, "conflict", "delivery_pending", "", "POST", "/webhook_deliveries/"+pending+"/replay", "")
	w.refuse(409, "conflict", "contact_exists", "", "POST", "/contacts", `{"phone_number":"+6281234567890"}`)
	w.fake.err = &relay.Error{Status: 403, Type: relay.TypePermission, Code: "organisation_suspended", Message: "it is suspended"}
	w.refuse(403, "permission_error", "organisation_suspended", "", "GET", "/contacts", "")
}

func TestTroubleInsideIsLoggedAndNotTold(t *testing.T) {
	eachEdition(t, func(t *testing.T, w *world) {
		calls := []struct{ method, path, body string }{
			{"GET", "/webhook_subscriptions", ""},
			{"GET", "/webhook_subscriptions/wbs" + unknown, ""},
			{"POST", "/webhook_subscriptions", example},
			{"GET", w.scoped("/contacts"), ""},
			{"PATCH", w.scoped("/contacts/ctc" + unknown), `{}`},
			{"GET", w.scoped("/conversations"), ""},
			{"POST", "/webhook_deliveries/wbd" + unknown + "/replay", ""},
		}
		for _, c := range calls {
			w.fake.err, w.fake.fault = errors.New("disk /var/lib/x is full"), nil
			w.trouble(t, c.method, c.path, c.body)
			w.fake.err, w.fake.fault = nil, "index 7 of tokens"
			w.trouble(t, c.method, c.path, c.body)
			if !strings.Contains(w.logged.String(), "goroutine") {
				t.Errorf("a panic is logged without its stack: %s", w.logged)
			}
		}
	})
}

// trouble makes a call that ends in a 500, under a key and without one.
func (w *world) trouble(t *testing.T, method, path, body string) {
	t.Helper()
	for _, options := range [][]option{nil, {header("Idempotency-Key", "k")}} {
		w.logged.Reset()
		a := w.refuse(500, "api_error", "internal_error", "", method, path, body, options...)
		if strings.Contains(string(a.body), "disk") || strings.Contains(string(a.body), "tokens") || strings.Contains(string(a.body), ".go") {
			t.Errorf("the client is told: %s", a.body)
		}
		log := w.logged.String()
		if !strings.Contains(log, a.err.RequestID) || (!strings.Contains(log, "is full") && !strings.Contains(log, "index 7")) {
			t.Errorf("the log does not say what was wrong in %s: %s", a.err.RequestID, log)
		}
	}
	if len(w.fake.answers) > 0 {
		t.Errorf("the answer of a call that failed was kept")
	}
}

func TestAClientThatWentAwayIsNoTroubleOfOurs(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	w.fake.err = context.Canceled
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	w.call("GET", "/contacts", "", func(r *http.Request) { *r = *r.WithContext(gone) })
	if log := w.logged.String(); !strings.Contains(log, "level=INFO") || strings.Contains(log, "level=ERROR") {
		t.Errorf("logged: %s", log)
	}
}

func TestAConnectionCanStillBeAborted(t *testing.T) {
	w := newWorld(t, "kckit", nil)
	w.fake.fault = http.ErrAbortHandler
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("got %v; net/http ends the connection only if this panic reaches it", got)
		}
	}()
	w.call("GET", "/contacts", "")
}

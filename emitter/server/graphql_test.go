package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter/api"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// graphAnswer is an answer of the GraphQL door.
type graphAnswer struct {
	status int
	header http.Header
	Data   map[string]any
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct {
			Type, Code, Param string
			RequestID         string `json:"request_id"`
			HTTP              struct{ Status int }
		}
	}
}

func newGraphRig(t *testing.T, edition string, change func(*server.Config)) *rig {
	return newRig(t, edition, func(c *server.Config) {
		c.GraphQL = true
		if change != nil {
			change(c)
		}
	})
}

// ask makes a request of the GraphQL door with the first organisation's key; header lines come as name and value.
func (r *rig) ask(query string, variables map[string]any, header ...string) graphAnswer {
	r.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		r.Fatal(err)
	}
	return r.askRaw(http.MethodPost, body, append([]string{"Authorization", "Bearer " + testKey, "Content-Type", "application/json"}, header...)...)
}

func (r *rig) askRaw(method string, body []byte, header ...string) (a graphAnswer) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.server.URL()+"/graphql", bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		r.Error(err)
	}
	if err != nil {
		r.Fatal(err)
	}
	a.status, a.header = resp.StatusCode, resp.Header
	if err := json.Unmarshal(text, &a); err != nil {
		r.Fatalf("%v: %s", err, text)
	}
	return a
}

// done ends the test where the answer has errors, and returns its only field.
func (a graphAnswer) done(t *testing.T) map[string]any {
	t.Helper()
	if len(a.Errors) > 0 || a.status != http.StatusOK {
		t.Fatalf("status %d, errors %+v", a.status, a.Errors)
	}
	for _, value := range a.Data {
		object, _ := value.(map[string]any)
		return object
	}
	t.Fatal("no data")
	return nil
}

const (
	createQuery = `mutation($input: WebhookSubscriptionCreate!) { create_webhook_subscription(input: $input) {
		id object url description status events secrets { id created_at expires_at } initial_secret created_at updated_at } }`
	readQuery = `query($id: ID!) { webhook_subscription(id: $id) {
		id object url description status events secrets { id created_at expires_at } created_at updated_at } }`
)

// restWords are the words of an answer of GraphQL as REST has them.
func restWords(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			v[name] = restWords(inner)
			if text, ok := inner.(string); ok && name == "event_type" {
				v[name] = strings.Replace(text, "_", ".", 1)
			}
			if list, ok := inner.([]any); ok && name == "events" {
				for i, event := range list {
					list[i] = strings.Replace(event.(string), "_", ".", 1)
				}
			}
		}
	case []any:
		for i := range v {
			v[i] = restWords(v[i])
		}
	}
	return value
}

// What one door made, the other shows, member for member.
func TestBothDoorsShowTheSame(t *testing.T) {
	r := newGraphRig(t, "kckit", nil)
	made := r.ask(createQuery, map[string]any{"input": map[string]any{
		"url": r.sub.URL, "events": []string{"message_received", "contact_created"}, "description": "twice",
	}}).done(t)
	if secret, _ := made["initial_secret"].(string); !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the secret is %q", secret)
	}
	id := made["id"].(string)
	contact := r.ask(`mutation { create_contact(input: {phone_number: "+628111111111", name: "Ayu", metadata: {plan: "gold", n: 1.50}}) { id } }`, nil).done(t)
	r.ask(`mutation { create_contact(input: {phone_number: "+628111111112"}) { id } }`, nil).done(t)
	if err := r.server.Relay().Engine().Settle(t.Context(), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	list := r.ask(`{ webhook_deliveries(limit: 1) { items { id } has_more next_cursor } }`, nil).done(t)
	if list["has_more"] != true || list["next_cursor"] == nil {
		t.Errorf("two deliveries with the limit 1 are %v", list)
	}
	delivery := list["items"].([]any)[0].(map[string]any)["id"].(string)
	for _, c := range []struct{ query, id, path string }{
		{readQuery, id, "/webhook_subscriptions/" + id},
		{`query($id: ID!) { contact(id: $id) { id object phone_number name email metadata whatsapp_account { phone_number } created_at updated_at } }`,
			contact["id"].(string), "/contacts/" + contact["id"].(string)},
		{`query($id: ID!) { webhook_delivery(id: $id) { id object subscription_id event_id event_type source status attempts next_attempt_at
			response_status error replayed_from created_at updated_at
			attempt_log { attempt delivery_id started_at duration_ms response_status error outcome } } }`,
			delivery, "/webhook_deliveries/" + delivery},
		{`{ health { object status edition clock { mode now } } }`, "", "/health"},
	} {
		variables := map[string]any{}
		if c.id != "" {
			variables["id"] = c.id
		}
		graph := restWords(r.ask(c.query, variables).done(t))
		if rest := any(r.call(http.MethodGet, c.path, nil, http.StatusOK)); !reflect.DeepEqual(graph, rest) {
			t.Errorf("%s: GraphQL shows\n%v\nREST shows\n%v", c.path, graph, rest)
		}
	}
	// Cursors lead on in either door.
	next := r.call(http.MethodGet, "/webhook_deliveries?limit=1&cursor="+list["next_cursor"].(string), nil, http.StatusOK)
	if next["has_more"] != false {
		t.Errorf("REST goes on with %v", next)
	}
}

func TestGraphQLRefusesAsRESTDoes(t *testing.T) {
	r := newGraphRig(t, "kckit", nil)
	for name, c := range map[string]struct {
		query         string
		variables     map[string]any
		header        []string
		status        int
		code, param   string
		kind, inQuery string
	}{
		"no key": {query: "{ webhook_subscriptions { has_more } }", header: []string{"Authorization", ""}, status: 401, code: "missing_api_key",
			kind: "authentication_error"},
		"a key that nobody has": {query: "{ webhook_subscriptions { has_more } }", header: []string{"Authorization", "Bearer kdv_live_x"}, status: 401,
			code: "invalid_api_key", kind: "authentication_error"},
		"an id that nobody has": {query: readQuery, variables: map[string]any{"id": "wbs_01HXYZABCDEFGHJKMNPQRSTVWX"}, status: 404,
			code: "resource_not_found", kind: "not_found"},
		"a limit": {query: "{ contacts(limit: 0) { has_more } }", status: 400, code: "invalid_limit", param: "limit", kind: "invalid_request_error"},
		"a cursor": {query: `{ contacts(cursor: "x") { has_more } }`, status: 400, code: "invalid_cursor", param: "cursor",
			kind: "invalid_request_error"},
		"a URL": {query: createQuery, variables: map[string]any{"input": map[string]any{"url": "ftp://a.example", "events": []string{"message_received"}}},
			status: 400, code: "invalid_webhook_url", param: "url", kind: "invalid_request_error"},
		"no events": {query: createQuery, variables: map[string]any{"input": map[string]any{"url": r.sub.URL, "events": []string{}}}, status: 400,
			code: "invalid_field_value", param: "events", kind: "invalid_request_error"},
		"null where the REST API takes none": {
			query: `mutation($id: ID!) { update_webhook_subscription(id: $id, input: {url: null}) { id } }`, variables: map[string]any{"id": "wbs_01HXYZABCDEFGHJKMNPQRSTVWX"},
			status: 400, code: "invalid_field_value", param: "url", kind: "invalid_request_error",
		},
		"a call of another edition": {query: `mutation { send_message(input: {to: "+628111111111", type: "text", text: {body: "a"}}) { id } }`, status: 404,
			code: "resource_not_found", kind: "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			a := r.ask(c.query, c.variables, c.header...)
			if a.status != http.StatusOK || len(a.Errors) != 1 {
				t.Fatalf("status %d, %+v", a.status, a)
			}
			e := a.Errors[0].Extensions
			if e.HTTP.Status != c.status || e.Code != c.code || e.Param != c.param || e.Type != c.kind || a.Errors[0].Message == "" {
				t.Errorf("got %+v", a.Errors[0])
			}
			if e.RequestID == "" || a.header.Get("X-Request-Id") != e.RequestID || len(a.Errors[0].Path) != 1 {
				t.Errorf("request id %q, in the header %q, path %v", e.RequestID, a.header.Get("X-Request-Id"), a.Errors[0].Path)
			}
			newer := r.ask(c.query, c.variables, append(c.header, "Accept", "application/graphql-response+json")...)
			if newer.status != c.status {
				t.Errorf("with the newer media type the status is %d, want %d", newer.status, c.status)
			}
		})
	}
}

func TestGraphQLBoundsWhatItTakes(t *testing.T) {
	r := newGraphRig(t, "kckit", nil)
	auth := []string{"Authorization", "Bearer " + testKey}
	post := append([]string{"Content-Type", "application/json"}, auth...)
	query := func(text string) []byte {
		body, err := json.Marshal(map[string]string{"query": text})
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	deep := "{ __schema { types { " + strings.Repeat("fields { type { ", 12) + "name" + strings.Repeat(" } }", 12) + " } } }"
	for name, c := range map[string]struct {
		method string
		body   []byte
		header []string
		status int
		code   string
	}{
		"GET":              {http.MethodGet, nil, auth, 405, "method_not_allowed"},
		"a form":           {http.MethodPost, []byte("query=a"), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, auth...), 400, "invalid_content_type"},
		"no JSON":          {http.MethodPost, []byte("{"), post, 400, "invalid_json"},
		"no query":         {http.MethodPost, []byte("{}"), post, 400, "missing_required_field"},
		"a large body":     {http.MethodPost, query(strings.Repeat(" ", 2<<20)), post, 413, "request_too_large"},
		"a deep query":     {http.MethodPost, query(deep), post, 422, "GRAPHQL_VALIDATION_FAILED"},
		"a costly query":   {http.MethodPost, query("{" + manyHealth(120) + "}"), post, 200, "COMPLEXITY_LIMIT_EXCEEDED"},
		"a long document":  {http.MethodPost, query("{ health { status " + strings.Repeat("status ", 6000) + "} }"), post, 422, "GRAPHQL_PARSE_FAILED"},
		"an unknown field": {http.MethodPost, query("{ healthy }"), post, 422, "GRAPHQL_VALIDATION_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			a := r.askRaw(c.method, c.body, c.header...)
			if a.status != c.status || len(a.Errors) == 0 || a.Errors[0].Extensions.Code != c.code {
				t.Errorf("status %d, %+v; want %d, %s", a.status, a.Errors, c.status, c.code)
			}
		})
	}
}

func manyHealth(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" h" + strings.Repeat("x", i) + ": health { status edition object clock { now mode } }")
	}
	return b.String()
}

// A mutation under an Idempotency-Key is done once; one that was refused may be put right under the same key.
func TestGraphQLIsIdempotentUnderAKey(t *testing.T) {
	r := newGraphRig(t, "kckit", nil)
	input := func(url string) map[string]any {
		return map[string]any{"input": map[string]any{"url": url, "events": []string{"message_received"}}}
	}
	refused := r.ask(createQuery, input("ftp://a.example"), "Idempotency-Key", "k1")
	if len(refused.Errors) != 1 || refused.header.Get("Idempotent-Replayed") != "false" {
		t.Fatalf("refused: %+v", refused)
	}
	first := r.ask(createQuery, input(r.sub.URL), "Idempotency-Key", "k1")
	again := r.ask(createQuery, input(r.sub.URL), "Idempotency-Key", "k1")
	if !reflect.DeepEqual(first.done(t), again.done(t)) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the first answer\n%v\nand the second, replayed %q,\n%v", first.Data, again.header.Get("Idempotent-Replayed"), again.Data)
	}
	if other := r.ask(createQuery, input(r.sub.URL+"/other"), "Idempotency-Key", "k1"); len(other.Errors) != 1 ||
		other.Errors[0].Extensions.Code != "idempotency_key_reuse" || other.status != 422 {
		t.Errorf("other variables under the same key: status %d, %+v", other.status, other.Errors)
	}
	if list := r.ask("{ webhook_subscriptions { items { id } } }", nil, "Idempotency-Key", "k1").done(t); len(list["items"].([]any)) != 1 {
		t.Errorf("there are %v", list)
	}
}

// Both doors draw from the same buckets.
func TestGraphQLSharesTheRateLimits(t *testing.T) {
	r := newGraphRig(t, "kckit", func(c *server.Config) { c.Limits = &api.Limits{Write: 10, Read: 2} })
	r.call(http.MethodGet, "/webhook_subscriptions", nil, http.StatusOK)
	second := r.ask("{ webhook_subscriptions { has_more } }", nil)
	if second.done(t); second.header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("after two calls %q are left", second.header.Get("X-RateLimit-Remaining"))
	}
	third := r.ask("{ webhook_subscriptions { has_more } }", nil)
	if len(third.Errors) != 1 || third.Errors[0].Extensions.HTTP.Status != 429 || third.header.Get("Retry-After") == "" {
		t.Errorf("the third call: %+v, Retry-After %q", third.Errors, third.header.Get("Retry-After"))
	}
}

func TestWithoutTheFlagThereIsNoGraphQL(t *testing.T) {
	r := newRig(t, "kckit", nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.server.URL()+"/graphql", strings.NewReader(`{"query":"{ health { status } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if resp.StatusCode < 400 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

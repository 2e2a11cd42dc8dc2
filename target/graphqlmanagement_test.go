package target

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/kirimcheck/kirimcheck/schemas"
)

// hooksFile is a target file for the relay of testdata/hooks.graphql.
const hooksFile = `role: relay
url: http://127.0.0.1:1/webhooks/meta
secret: {env: KIRIM_TEST_SECRET}
management:
  graphql:
    url: http://127.0.0.1:1/graphql
    key: {env: KIRIM_TEST_KEY}
    schema: hooks.graphql
    words: {message.received: INBOUND_MESSAGE, disabled: "OFF"}
    errors:
      codes: {GONE: {status: 404, code: resource_not_found}}
    operations:
      create_subscription:
        query: |
          mutation Make($url: String!, $events: [Topic!]!) {
            endpointCreate(input: {target: $url, topics: $events}) {
              endpoint { ...Whole signingKey }
              problems { message code field }
            }
          }
          fragment Whole on Endpoint { id target state topics keys { id until } }
        result:
          at: endpointCreate.endpoint
          url: target
          status: state
          events: topics
          initial_secret: signingKey
          secrets: keys
          secrets.expires_at: until
        user_errors: endpointCreate.problems
      subscription:
        query: "query($id: ID!) { endpoint(id: $id) { id target state topics keys { id until } } }"
        result: {url: target, status: state, events: topics, secrets: keys}
      delete_subscription:
        query: "mutation($id: ID!) { endpointDelete(id: $id) }"
capabilities:
  kirim-events: {absent: it forwards Meta's events alone}
  pausing: {absent: endpoints are on or off}
  pagination: {absent: there is no list}
  subscription-update: {absent: endpoints are made anew}
  secrets-api: {absent: keys are rotated by hand}
  delivery-api: {absent: there is no log}
  replay: {absent: there is no log}
  bulk-replay: {absent: there is no log}
  contacts-api: {absent: it knows no contacts}
  conversations-api: {absent: it knows no conversations}
  messages-api: {absent: it sends none}
`

// writeHooks writes the file, changed, beside the schema.
func writeHooks(t *testing.T, change ...string) string {
	t.Helper()
	path := writeRelay(t, strings.NewReplacer(change...).Replace(hooksFile))
	schema, err := os.ReadFile("testdata/hooks.graphql")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "hooks.graphql"), schema, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hooks returns the management of a relay that answers so, and what it was asked.
func hooks(t *testing.T, status int, answer string, change ...string) (Management, func() map[string]any) {
	t.Helper()
	var mu sync.Mutex
	var asked map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" ||
			r.Header.Get("Accept") != graphQLAccept || r.Header.Get("Authorization") != "Bearer "+testKey {
			t.Errorf("%s with %v: %v", r.Method, r.Header, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if err := json.Unmarshal(body, &asked); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/graphql-response+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	tgt, err := ReadFile(writeHooks(t, append([]string{"http://127.0.0.1:1/graphql", server.URL + "/graphql"}, change...)...))
	if err != nil {
		t.Fatal(err)
	}
	m, err := tgt.NewManagement()
	if err != nil {
		t.Fatal(err)
	}
	return m, func() map[string]any {
		mu.Lock()
		defer mu.Unlock()
		return asked
	}
}

func TestOperationsOfAnotherRelayAreMapped(t *testing.T) {
	m, asked := hooks(t, 200, `{"data":{"endpointCreate":{"problems":[],"endpoint":{"id":"e1","target":"https://a.example/","state":"ACTIVE",
		"topics":["INBOUND_MESSAGE","MESSAGE_STATUS"],"signingKey":"whsec_0123456789","keys":[{"id":"k1","until":null}]}}}}`)
	s, reply, err := m.CreateSubscription(t.Context(), SubscriptionRequest{
		URL: "https://a.example/", Events: []string{"message.received", "message.status"}, Description: "nobody asks for it",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Subscription{
		ID: "e1", Object: "webhook_subscription", URL: "https://a.example/", Status: "active", Events: []string{"message.received", "message.status"},
		Secrets: []SecretID{{ID: "k1"}},
	}
	if s.Secret.Reveal() != "whsec_0123456789" {
		t.Errorf("the secret is %q", s.Secret.Reveal())
	}
	s.Secret = Secret{}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("read\n%+v\nwant\n%+v", s, want)
	}
	variables := map[string]any{"url": "https://a.example/", "events": []any{"INBOUND_MESSAGE", "MESSAGE_STATUS"}}
	if got := asked(); !reflect.DeepEqual(got["variables"], variables) || got["operationName"] != "Make" {
		t.Errorf("asked %v", got)
	}
	for _, text := range []string{reply.Repeat(), string(reply.Envelope())} {
		if strings.Contains(text, testKey) {
			t.Errorf("the key stands in %s", text)
		}
	}
	if !strings.Contains(reply.Repeat(), "Bearer $"+KeyVariable) {
		t.Errorf("the repeat line is %s", reply.Repeat())
	}
	if hidden := m.Secrets(); len(hidden) != 2 {
		t.Errorf("%d secrets are hidden, want the key and the signing secret", len(hidden))
	}
}

// A refusal becomes the error of the REST API that means the same, wherever the relay tells it.
func TestRefusalsOfGraphQL(t *testing.T) {
	create := func(m Management) error {
		_, _, err := m.CreateSubscription(t.Context(), SubscriptionRequest{URL: "https://a.example/", Events: []string{"message.status"}})
		return err
	}
	get := func(m Management) error { _, _, err := m.Subscription(t.Context(), "e1"); return err }
	drop := func(m Management) error { _, err := m.DeleteSubscription(t.Context(), "e1"); return err }
	api := func(status int, kind, code, param, message string) error {
		return &APIError{Status: status, Type: kind, Code: code, Param: param, Message: message}
	}
	for name, c := range map[string]struct {
		call   func(Management) error
		status int
		answer string
		want   error
	}{
		"with a status in its extensions": {get, 200, `{"data":null,"errors":[{"message":"no","path":["endpoint"],"extensions":
			{"code":"invalid_api_key","type":"authentication_error","http":{"status":401}}}]}`,
			api(401, "authentication_error", "invalid_api_key", "", "endpoint: no")},
		"with a code that the file knows": {get, 200, `{"errors":[{"message":"gone","extensions":{"code":"GONE"}}]}`,
			api(404, "not_found", "resource_not_found", "", "gone")},
		"with a usual code": {get, 200, `{"errors":[{"message":"what?","extensions":{"code":"BAD_USER_INPUT","param":"id"}}]}`,
			api(400, "invalid_request_error", "BAD_USER_INPUT", "id", "what?")},
		"with the usual code of what is not there": {get, 200, `{"errors":[{"message":"?","extensions":{"code":"NOT_FOUND"}}]}`,
			api(404, "not_found", "resource_not_found", "", "?")},
		"with the answer's status": {get, 429, `{"errors":[{"message":"slow down"}]}`, api(429, "rate_limit_error", "", "", "slow down")},
		"as null":                  {get, 200, `{"data":{"endpoint":null}}`, api(404, "not_found", "resource_not_found", "", "the answer is null")},
		"in the data": {create, 200, `{"data":{"endpointCreate":{"endpoint":null,"problems":[{"message":"no such topic","code":"BAD_USER_INPUT","param":"topics"}]}}}`,
			api(400, "invalid_request_error", "BAD_USER_INPUT", "topics", "no such topic")},
		"that nobody knows":  {get, 200, `{"errors":[{"message":"odd","extensions":{"code":"ODD"}}]}`, &UnknownRefusalError{Code: "ODD", Message: "odd"}},
		"with a secret":      {get, 200, `{"errors":[{"message":"` + testKey + ` is bad","extensions":{"code":"FORBIDDEN"}}]}`, api(403, "permission_error", "FORBIDDEN", "", "[redacted] is bad")},
		"as no GraphQL":      {get, 502, `<html>`, &EnvelopeError{Status: 502, Problem: `the answer is not a JSON object: "<html>"`}},
		"as something else":  {get, 200, `{"error":"no"}`, &EnvelopeError{Status: 200, Problem: `the answer has neither data nor errors: "{\"error\":\"no\"}"`}},
		"as a false":         {drop, 200, `{"data":{"endpointDelete":false}}`, &EnvelopeError{Status: 200, Problem: `data.endpointDelete is false: "{\"endpointDelete\":false}"`}},
		"as data and 500":    {drop, 500, `{"data":{"endpointDelete":true}}`, &EnvelopeError{Status: 500, Problem: `the answer has data without errors: "{\"data\":{\"endpointDelete\":true}}"`}},
		"as a null mutation": {create, 200, `{"data":{"endpointCreate":{"endpoint":null,"problems":[]}}}`, &EnvelopeError{Status: 200, Problem: `the answer has null where what was done should be: "{\"endpointCreate\":{\"endpoint\":null,\"problems\":[]}}"`}},
		"of another type": {get, 200, `{"data":{"endpoint":{"id":7,"target":"a","state":"ACTIVE","topics":[],"keys":[]}}}`,
			&EnvelopeError{Status: 200, Problem: "data.id is a JSON number, where text is expected"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := hooks(t, c.status, c.answer)
			err := c.call(m)
			switch e := err.(type) {
			case *APIError:
				e.Call = ""
			case *EnvelopeError:
				e.Call = ""
			case *UnknownRefusalError:
				e.Call = ""
			}
			if !reflect.DeepEqual(err, c.want) {
				t.Errorf("got  %#v\nwant %#v", err, c.want)
			}
		})
	}
}

func TestCallsThatARelayLacksAreUnsupported(t *testing.T) {
	m, asked := hooks(t, 200, `{"data":{}}`)
	_, _, err := m.Contacts(t.Context(), ContactFilter{})
	if !errors.Is(err, errors.ErrUnsupported) || err.Error() != "the relay has no operation contacts: unsupported operation" {
		t.Errorf("contacts: %v", err)
	}
	if err := m.Call(t.Context(), Request{Method: "GET", Path: "/health?key=hush"}).Failure(); !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, ErrREST) {
		t.Errorf("a call of REST: %v", err)
	}
	if asked() != nil {
		t.Errorf("the relay was asked %v", asked())
	}
}

// What does not fit is one line with the place in the target file, before anything is sent.
func TestFaultsOfOperationsAreToldWithTheirPlaceInTheFile(t *testing.T) {
	const create = "management.graphql.operations.create_subscription"
	for name, c := range map[string]struct {
		change []string
		want   string
	}{
		"an unknown field in a block": {[]string{"endpoint { ...Whole signingKey }", "endpoint { ...Whole signature }"},
			`:17:35: ` + create + `.query: Cannot query field "signature" on type "Endpoint".`},
		"an unknown field in a quoted line": {[]string{"{ id target state topics keys { id until } } }\"", "{ id target state topics keys { id since } } }\""},
			`:32:88: management.graphql.operations.subscription.query: Cannot query field "since" on type "Key".`},
		"a wrong argument": {[]string{"{target: $url, topics: $events}", "{target: $url, topics: $events, size: 1}"},
			`:16:67: ` + create + `.query: Field "size" is not defined by type "EndpointInput".`},
		"a variable that nothing fills": {[]string{"mutation Make($url: String!, ", "mutation Make($url: String!, $size: Int!, "},
			`:15:40: ` + create + `.query: Variable "$size" is never used in operation "Make".`},
		"a required variable without a value": {[]string{"query($id: ID!) { endpoint(id: $id)", "query($key: ID!) { endpoint(id: $key)"},
			`:32:23: management.graphql.operations.subscription.query: $key has the type ID!, and nothing fills it; add it to variables, there are {id}, {phone_number_id}`},
		"a variable of another type": {[]string{"$events: [Topic!]!) {", "$events: [String!]!) {"},
			`:16:58: ` + create + `.query: Variable "$events" of type "[String!]!" used in position expecting type "[Topic!]!".`},
		"a word that there is not": {[]string{"message.received: INBOUND_MESSAGE", "message.received: INBOUND"},
			`:15:40: ` + create + `.query: $events: the enum Topic has no value INBOUND, which words says for message.received; it has INBOUND_MESSAGE, MESSAGE_STATUS`},
		"a mapping to what is not selected": {[]string{"url: target\n          status", "url: address\n          status"},
			`:24:11: ` + create + `.result.url: the operation does not select address in endpoint; it selects id, target, state, topics, keys, signingKey`},
		"a mapping of a member": {[]string{"secrets.expires_at: until", "secrets.expires_at: till"},
			`:29:11: ` + create + `.result.secrets.expires_at: the operation does not select till in keys; it selects id, until`},
		"a mapping to another type": {[]string{"initial_secret: signingKey", "initial_secret: keys"},
			`:27:11: ` + create + `.result.initial_secret: keys is [Key!]!, where text is expected`},
		"a result that is missing": {[]string{"          status: state\n", ""},
			`:17:15: ` + create + `.query: result.status: is missing, and the operation selects no status in endpoint; it selects id, target, state, topics, keys, signingKey`},
		"a result that there is not": {[]string{"status: state\n", "state: state\n"},
			`:25:11: ` + create + `.result.state: there is no result state; there are at, initial_secret, id, url, status, events, secrets, secrets.created_at, ` +
				`secrets.expires_at, secrets.id, object, description, created_at, updated_at`},
		"errors that are none": {[]string{"user_errors: endpointCreate.problems", "user_errors: endpointCreate.errors"},
			`:30:9: ` + create + `.user_errors: the operation does not select errors in endpointCreate; it selects endpoint, problems`},
		"an operation that there is not": {[]string{"      delete_subscription:", "      remove_subscription:"},
			`:34: management.graphql.operations.remove_subscription: there is no such operation; there are create_subscription, `},
		"an operation that the schema lacks": {[]string{"  replay: {absent: there is no log}\n", ""},
			`:12: management.graphql.operations.replay: the relay's schema does not have what the harness asks for, Cannot query field "replay_webhook_delivery" ` +
				`on type "Mutation".; write the relay's own operation here, or declare the capability replay absent`},
		"a schema that is none": {[]string{"schema: hooks.graphql", "schema: target.yaml"}, `target.yaml:1:1: management.graphql.schema: Unexpected Name "role"`},
		"no schema there":       {[]string{"schema: hooks.graphql", "schema: other.graphql"}, `:8: management.graphql.schema: other.graphql: there is no such file`},
		"no URL":                {[]string{"    url: http://127.0.0.1:1/graphql\n", ""}, `:5: management.graphql.url: is missing; write where operations are posted to, such as http://127.0.0.1:8787/graphql`},
		"no key":                {[]string{"    key: {env: KIRIM_TEST_KEY}\n", ""}, `:5: management.graphql.key: is missing; write {env: NAME} or {file: PATH}`},
		"a query and a file":    {[]string{"        user_errors:", "        file: a.graphql\n        user_errors:"}, `:13: ` + create + `: both query and file are set; keep one`},
		"a code that is no refusal": {[]string{"status: 404", "status: 200"},
			`:11: management.graphql.errors.codes.GONE.status: 200 is no status of a refusal; write one such as 404`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadFile(writeHooks(t, c.change...))
			var config *ConfigError
			if !errors.As(err, &config) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got\n%s\nwant\n%s", err, c.want)
			}
		})
	}
}

// A fault in a file of operations is told with its place in that file.
func TestFaultsInAFileOfOperationsAreToldThere(t *testing.T) {
	path := writeHooks(t, "        query: \"query($id: ID!) { endpoint(id: $id) { id target state topics keys { id until } } }\"\n", "        file: ops.graphql\n        operation: One\n")
	ops := filepath.Join(filepath.Dir(path), "ops.graphql")
	for text, want := range map[string]string{
		"query One($id: ID!) {\n  endpoint(id: $id) {\n    id target state topics keys { since }\n  }\n}": `ops.graphql:3:35: management.graphql.operations.subscription: Cannot query field "since" on type "Key".`,
		"query Two($id: ID!) { endpoint(id: $id) { id } }":                                                `:33:9: management.graphql.operations.subscription.operation: there is no operation One; there is Two`,
		"query One($id: ID!) {\n  endpoint(id: $id) { id target state topics keys { until } }\n}":         `ops.graphql:2:46: management.graphql.operations.subscription.result.secrets.id: is missing, and the operation selects no id in keys; it selects until`,
	} {
		if err := os.WriteFile(ops, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

// A file for all operations has each under its name, in either style of names.
func TestDocumentsHoldOperationsByTheirNames(t *testing.T) {
	text := strings.ReplaceAll(operationsText, "create_subscription", "CreateSubscription")
	path := writeRelay(t, `role: relay
url: http://127.0.0.1:1/webhooks/meta
secret: {env: KIRIM_TEST_SECRET}
management:
  graphql: {url: "http://127.0.0.1:1/graphql", key: {env: KIRIM_TEST_KEY}, schema: kirim.graphql, documents: all.graphql}
`)
	for name, text := range map[string]string{"kirim.graphql": schemas.GraphQL(), "all.graphql": text} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ReadFile(path); err != nil {
		t.Fatal(err)
	}
	misspelt := strings.Replace(text, "query subscription($id", "query subscripton($id", 1)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "all.graphql"), []byte(misspelt), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "target.yaml:5: management.graphql.documents: all.graphql: no operation of the harness is called \"subscripton\", and none in operations names it"
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	broken := strings.Replace(text, "items { id object url", "items { id object address", 1)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "all.graphql"), []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), `all.graphql:17:23: management.graphql.operations.create_subscription: Cannot query field "address" on type "WebhookSubscription".`) {
		t.Errorf("got %v", err)
	}
}

// The specs of secrets that end read when they do; a relay whose operation does not ask must not be blamed for its answer.
func TestSubscriptionThatIsReadTellsWhenItsSecretsEnd(t *testing.T) {
	file := `role: relay
url: http://127.0.0.1:1/webhooks/meta
secret: {env: KIRIM_TEST_SECRET}
management:
  graphql:
    url: http://127.0.0.1:1/graphql
    key: {env: KIRIM_TEST_KEY}
    schema: kirim.graphql
    operations:
      subscription: {query: "query($id: ID!) { webhook_subscription(id: $id) { id url status events secrets { id } } }"}
`
	for text, want := range map[string]string{
		file: "result.secrets.expires_at: is missing",
		file + "capabilities: {secrets-api: {absent: secrets are for ever}}\n": "",
	} {
		path := writeRelay(t, text)
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "kirim.graphql"), []byte(schemas.GraphQL()), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// The harness's own operations fit schemas/kirim.graphql, in every edition that has them.
func TestDefaultOperationsFitTheSchema(t *testing.T) {
	for _, edition := range []string{"kckit", "kirim.chat", "kirimdev"} {
		path := writeRelay(t, "edition: "+edition+`
role: relay
url: http://127.0.0.1:1/webhooks/meta
secret: {env: KIRIM_TEST_SECRET}
management: {graphql: {url: "http://127.0.0.1:1/graphql", key: {env: KIRIM_TEST_KEY}, schema: kirim.graphql}}
`)
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "kirim.graphql"), []byte(schemas.GraphQL()), 0o600); err != nil {
			t.Fatal(err)
		}
		tgt, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := tgt.NewManagement()
		if err != nil {
			t.Fatal(err)
		}
		operations := m.(*GraphQL).learn.operations
		for _, call := range graphQLCalls {
			_, sends := tgt.Contract.Outbound()
			if want := call.name != "send_message" || sends; (operations[call.name] != nil) != want {
				t.Errorf("%s: %s is there: %t", edition, call.name, !want)
			}
		}
	}
	if len(defaultOperations()) != len(graphQLCalls) {
		t.Errorf("there are %d operations for %d calls", len(defaultOperations()), len(graphQLCalls))
	}
}

// introspected is a relay that tells its schema, or does not.
func introspected(t *testing.T, status int, answer string) *Target {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(answerWith(status, answer)))
	t.Cleanup(server.Close)
	return readRelay(t, strings.NewReplacer("    schema: hooks.graphql\n", "", "http://127.0.0.1:1/graphql", server.URL+"/graphql").Replace(hooksFile))
}

func TestFaultsOfIntrospectionAreOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		want   string
	}{
		"it is off": {200, `{"errors":[{"message":"introspection is disabled"}]}`,
			`the server does not tell its schema: "introspection is disabled"; write schema: FILE, with its SDL`},
		"no GraphQL": {404, `<html>`, `introspection: answered 404, but the answer is not a JSON object: "<html>"`},
		"half of it": {200, `{"data":{"__schema":null}}`, `the introspection has no __schema with a queryType`},
		"another schema": {200, `{"data":{"__schema":{"queryType":{"name":"Query"},"types":[{"kind":"OBJECT","name":"Query","fields":[{"name":"a","args":[],"type":{"kind":"SCALAR","name":"Int"}}]}]}}}`,
			`target.yaml:14:40: management.graphql.operations.create_subscription.query: Unknown type "Topic".`},
	} {
		t.Run(name, func(t *testing.T) {
			err := introspected(t, c.status, c.answer).Prepare(t.Context())
			var config *ConfigError
			if !errors.As(err, &config) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got\n%v\nwant\n%s", err, c.want)
			}
		})
	}
	tgt := introspected(t, 200, "")
	tgt.Management.GraphQL.URL = "http://127.0.0.1:1/graphql"
	var none *NoAnswerError
	if err := tgt.Prepare(t.Context()); !errors.As(err, &none) || !none.Unreachable() {
		t.Errorf("a relay that is not there: %v", err)
	}
}

// A relay that knows its clients by another header needs no key.
func TestAHeaderMayStandForTheKey(t *testing.T) {
	t.Setenv("KIRIM_TEST_TOKEN", "hush-hush-token")
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		answerWith(200, `{"data":{"endpointDelete":true}}`)(w, r)
	}))
	t.Cleanup(server.Close)
	tgt, err := ReadFile(writeHooks(t, "http://127.0.0.1:1/graphql", server.URL+"/graphql",
		"    key: {env: KIRIM_TEST_KEY}\n", "    header: {X-Relay-Token: {env: KIRIM_TEST_TOKEN}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := tgt.NewManagement()
	if err != nil {
		t.Fatal(err)
	}
	reply, err := m.DeleteSubscription(t.Context(), "e1")
	if err != nil {
		t.Fatal(err)
	}
	if got.Get("X-Relay-Token") != "hush-hush-token" || got.Values("Authorization") != nil {
		t.Errorf("sent %v", got)
	}
	if line := reply.Repeat(); strings.Contains(line, "hush-hush") || !strings.Contains(line, "X-Relay-Token: $KIRIM_TEST_TOKEN") {
		t.Errorf("the repeat line is %s", line)
	}
	if hidden := m.Secrets(); len(hidden) != 1 || hidden[0] != "hush-hush-token" {
		t.Errorf("hidden are %d secrets", len(hidden))
	}
}

package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

const (
	firstSecret = "whsec_firstfirstfirstfirstfirstfirst00"
	addedSecret = "whsec_addedaddedaddedaddedaddedadded00"
)

// managed returns the management of a relay at the server, whose file ends with more lines of the section rest.
func managed(t *testing.T, server string, more ...string) Management {
	t.Helper()
	file := strings.ReplaceAll(relayFile, "http://127.0.0.1:1", server)
	for _, line := range more {
		file += "    " + line + "\n"
	}
	m, err := readRelay(t, file).NewManagement()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// answers is a fake API that has one answer for each method and path.
func answers(t *testing.T, table map[string]string) *askedServer {
	t.Helper()
	return newAsked(t, func(w http.ResponseWriter, r *http.Request) {
		body, ok := table[r.Method+" "+r.URL.EscapedPath()]
		if !ok {
			answerWith(404, `{"error":{"type":"not_found","code":"resource_not_found","message":"no `+r.URL.Path+`","request_id":"req_404"}}`)(w, r)
			return
		}
		answerWith(200, `{"data":`+body+`,"request_id":"req_1"}`)(w, r)
	})
}

// Every typed call says exactly what the documentation writes, and reads what comes back.
func TestTypedCallSaysWhatIsMeant(t *testing.T) {
	const (
		sub  = `{"id":"wbs_1","object":"webhook_subscription","url":"https://x/","description":null,"status":"active","events":["contact.created"],"secrets":[{"id":"sec_1","created_at":"2026-01-01T00:00:00Z","expires_at":null}],"unknown":[1]`
		log  = `{"attempt":1,"delivery_id":"wbd_9","started_at":"2026-01-01T00:00:00.250Z","duration_ms":12,"response_status":null,"error":"refused","outcome":"retry"}`
		conv = `{"id":"cnv_1","status":"open","contact":{"id":"ctc_1","phone_number":null,"name":"Siti"},"whatsapp_account":{"phone_number":"+62 811"},"assignee":{"id":"usr_1","name":null,"email":null},"unread_count":2,"last_message_at":null}`
		cont = `{"id":"ctc_1","phone_number":"+6281","name":null,"metadata":{"a":1}}`
	)
	at := time.Date(2026, 5, 23, 12, 0, 0, 500e6, time.FixedZone("", 2*3600))
	s := answers(t, map[string]string{
		"POST /v1/webhook_subscriptions":                     sub + `,"initial_secret":"` + firstSecret + `"}`,
		"GET /v1/webhook_subscriptions/wbs_1":                sub + `}`,
		"GET /v1/webhook_subscriptions":                      `[` + sub + `}]`,
		"PATCH /v1/webhook_subscriptions/wbs_1":              sub + `}`,
		"DELETE /v1/webhook_subscriptions/wbs_1":             `{"id":"wbs_1","deleted":true}`,
		"POST /v1/webhook_subscriptions/wbs_1/secrets":       `{"id":"sec_2","object":"webhook_secret","secret":"` + addedSecret + `","expires_at":"2026-01-02T00:00:00Z"}`,
		"DELETE /v1/webhook_subscriptions/wbs_1/secrets/s_2": `{"id":"s_2","deleted":true}`,
		"GET /v1/webhook_deliveries":                         `[{"id":"wbd_1","attempts":3,"next_attempt_at":null,"response_status":503,"error":null,"replayed_from":null}]`,
		"GET /v1/webhook_deliveries/wbd_1":                   `{"id":"wbd_1","status":"dead","attempt_log":[` + log + `]}`,
		"POST /v1/webhook_deliveries/wbd_1/replay":           `{"id":"wbd_2","replayed_from":"wbd_1","status":"pending"}`,
		"POST /v1/webhook_deliveries/bulk_replay":            `{"enqueued":1000,"capped":true}`,
		"POST /v1/contacts":                                  cont, "GET /v1/contacts/ctc_1": cont, "PATCH /v1/contacts/ctc_1": cont,
		"GET /v1/contacts":      `[` + cont + `]`,
		"GET /v1/conversations": `[` + conv + `]`, "GET /v1/conversations/cnv_1": conv, "PATCH /v1/conversations/cnv_1": conv,
		"GET /v1/health": `{"object":"health","status":"ok","edition":"kckit","clock":{"mode":"virtual","now":"2026-01-01T00:00:00Z"}}`,
	})
	m := managed(t, s.URL)
	ctx := t.Context()
	for name, c := range map[string]struct {
		call func() (any, Reply, error)
		want string
		seen func(any) bool
	}{
		"create": {func() (any, Reply, error) {
			return three(m.CreateSubscription(ctx, SubscriptionRequest{URL: "https://x/?a&b", Events: []string{"contact.created"}}))
		}, `POST /v1/webhook_subscriptions {"url":"https://x/?a&b","events":["contact.created"]}`, func(v any) bool {
			s := v.(Subscription)
			return s.ID == "wbs_1" && s.Secret.Reveal() == firstSecret && s.Status == m.Names().Active && s.Secrets[0].ID == "sec_1" && s.Secrets[0].ExpiresAt == ""
		}},
		"read": {func() (any, Reply, error) { return three(m.Subscription(ctx, "wbs_1")) }, "GET /v1/webhook_subscriptions/wbs_1",
			func(v any) bool { return v.(Subscription).Secret.Reveal() == "" && v.(Subscription).Description == nil }},
		"list": {func() (any, Reply, error) { return three(m.Subscriptions(ctx, Page{Limit: 2, Cursor: "a+b"})) },
			"GET /v1/webhook_subscriptions?cursor=a%2Bb&limit=2", func(v any) bool { return len(v.(List[Subscription]).Items) == 1 }},
		"patch": {func() (any, Reply, error) {
			return three(m.UpdateSubscription(ctx, "wbs_1", SubscriptionPatch{Events: To([]string{}), Description: ToNull[string]()}))
		}, `PATCH /v1/webhook_subscriptions/wbs_1 {"events":[],"description":null}`, nil},
		"patch of nothing": {func() (any, Reply, error) { return three(m.UpdateSubscription(ctx, "wbs_1", SubscriptionPatch{})) },
			`PATCH /v1/webhook_subscriptions/wbs_1 {}`, nil},
		"delete": {func() (any, Reply, error) { return two(m.DeleteSubscription(ctx, "wbs_1")) }, "DELETE /v1/webhook_subscriptions/wbs_1", nil},
		"add a secret": {func() (any, Reply, error) { return three(m.AddSecret(ctx, "wbs_1", 24)) },
			`POST /v1/webhook_subscriptions/wbs_1/secrets {"expires_in_hours":24}`, func(v any) bool {
				s := v.(SigningSecret)
				return s.ID == "sec_2" && s.Secret.Reveal() == addedSecret && s.ExpiresAt == "2026-01-02T00:00:00Z"
			}},
		"add a lasting secret": {func() (any, Reply, error) { return three(m.AddSecret(ctx, "wbs_1", 0)) }, `POST /v1/webhook_subscriptions/wbs_1/secrets {}`, nil},
		"delete a secret": {func() (any, Reply, error) { return two(m.DeleteSecret(ctx, "wbs_1", "s_2")) },
			"DELETE /v1/webhook_subscriptions/wbs_1/secrets/s_2", nil},
		"deliveries": {func() (any, Reply, error) {
			return three(m.Deliveries(ctx, DeliveryFilter{
				Subscription: "wbs_1", Status: "dead", EventType: "message.status", EventID: "wamid.a=", CreatedAfter: at, CreatedBefore: at, Page: Page{Limit: 100},
			}))
		}, "GET /v1/webhook_deliveries?created_after=2026-05-23T10%3A00%3A00.5Z&created_before=2026-05-23T10%3A00%3A00.5Z&event_id=wamid.a%3D&event_type=message.status&limit=100&status=dead&subscription_id=wbs_1",
			func(v any) bool {
				d := v.(List[Delivery]).Items[0]
				return d.Attempts == 3 && d.ResponseStatus == 503 && d.NextAttemptAt == "" && d.Log == nil
			}},
		"a delivery": {func() (any, Reply, error) { return three(m.Delivery(ctx, "wbd_1")) }, "GET /v1/webhook_deliveries/wbd_1", func(v any) bool {
			d := v.(Delivery)
			started, err := d.Log[0].StartedAt.Time()
			return err == nil && d.Status == m.Names().Terminal && started.Equal(time.Date(2026, 1, 1, 0, 0, 0, 250e6, time.UTC)) && d.Log[0].ResponseStatus == 0
		}},
		"replay": {func() (any, Reply, error) { return three(m.Replay(ctx, "wbd_1")) }, "POST /v1/webhook_deliveries/wbd_1/replay",
			func(v any) bool { return v.(Delivery).ID == "wbd_2" && v.(Delivery).ReplayedFrom == "wbd_1" }},
		"bulk replay": {func() (any, Reply, error) {
			return three(m.BulkReplay(ctx, BulkReplayRequest{Subscription: "wbs_1", Status: "failed", CreatedAfter: at}))
		}, `POST /v1/webhook_deliveries/bulk_replay {"subscription_id":"wbs_1","status":"failed","created_after":"2026-05-23T10:00:00.5Z"}`,
			func(v any) bool { return v.(BulkReplay) == BulkReplay{1000, true} }},
		"create a contact": {func() (any, Reply, error) {
			return three(m.CreateContact(ctx, ContactRequest{PhoneNumber: "+6281", Metadata: json.RawMessage(`{"a":1}`)}))
		}, `POST /v1/contacts {"phone_number":"+6281","metadata":{"a":1}}`, func(v any) bool {
			c := v.(Contact)
			return *c.PhoneNumber == "+6281" && c.Name == nil && string(c.Metadata) == `{"a":1}` && c.Account.PhoneNumber == nil
		}},
		"a contact": {func() (any, Reply, error) { return three(m.Contact(ctx, "ctc_1")) }, "GET /v1/contacts/ctc_1", nil},
		"contacts": {func() (any, Reply, error) { return three(m.Contacts(ctx, ContactFilter{Phone: "+6281", Search: "s"})) },
			"GET /v1/contacts?phone=%2B6281&search=s", nil},
		"patch a contact": {func() (any, Reply, error) {
			return three(m.UpdateContact(ctx, "ctc_1", ContactPatch{Name: To("Siti"), Email: ToNull[string](), Metadata: To(json.RawMessage(`{}`))}))
		}, `PATCH /v1/contacts/ctc_1 {"name":"Siti","email":null,"metadata":{}}`, nil},
		"a conversation": {func() (any, Reply, error) { return three(m.Conversation(ctx, "cnv_1")) }, "GET /v1/conversations/cnv_1", nil},
		"conversations": {func() (any, Reply, error) {
			return three(m.Conversations(ctx, ConversationFilter{Status: "open", Contact: "ctc_1"}))
		}, "GET /v1/conversations?contact_id=ctc_1&status=open", func(v any) bool {
			c := v.(List[Conversation]).Items[0]
			return c.Assignee.ID == "usr_1" && *c.Contact.Name == "Siti" && c.UnreadCount == 2 && *c.Account.PhoneNumber == "+62 811"
		}},
		"assign": {func() (any, Reply, error) {
			return three(m.UpdateConversation(ctx, "cnv_1", ConversationPatch{Status: To("resolved"), AssignedTo: ToNull[string]()}))
		}, `PATCH /v1/conversations/cnv_1 {"status":"resolved","assigned_to":null}`, nil},
		"health": {func() (any, Reply, error) { return three(m.Health(ctx)) }, "GET /v1/health",
			func(v any) bool { return v.(Health).Status == "ok" && v.(Health).Clock.Mode == "virtual" }},
	} {
		t.Run(name, func(t *testing.T) {
			got, reply, err := c.call()
			if err != nil {
				t.Fatal(err)
			}
			if asked := s.take(); asked != c.want {
				t.Errorf("asked\n%s\nwant\n%s", asked, c.want)
			}
			if c.seen != nil && !c.seen(got) {
				t.Errorf("read %+v", got)
			}
			if reply.RequestID != "req_1" || reply.Status != 200 || reply.Data == nil || reply.Failure() != nil || reply.Exchange.Request.URL == "" {
				t.Errorf("reply %+v", reply)
			}
		})
	}
	if got := m.Secrets(); !slices.Contains(got, testKey) || !slices.Contains(got, firstSecret) || !slices.Contains(got, addedSecret) || len(got) != 3 {
		t.Errorf("secrets %q", got)
	}
}

func three[T any](v T, r Reply, err error) (any, Reply, error) { return v, r, err }

func two(r Reply, err error) (any, Reply, error) { return nil, r, err }

func TestPathsAndNamesOfAnotherRelayAreUsed(t *testing.T) {
	s := answers(t, map[string]string{
		"POST /v1/hooks":                  `{"id":"a/b","token":"tok-en-of-another-form"}`,
		"DELETE /v1/hooks/a%2Fb":          `{}`,
		"POST /v1/hooks/a%2Fb/keys":       `{"id":"k","value":"another-secret"}`,
		"POST /v1/77777777/contacts":      `{"id":"c"}`,
		"POST /v1/77777777/messages":      `{"id":"msg_1","to":"+6281","status":"queued"}`,
		"GET /v1/up":                      `{"status":"fine"}`,
		"POST /v1/deliveries/d/again":     `{"id":"e"}`,
		"POST /v1/deliveries/again_all":   `{"enqueued":0}`,
		"GET /v1/deliveries":              `[]`,
		"GET /v1/77777777/talks/..%3Fa=b": `{"id":"t"}`,
	})
	file := strings.ReplaceAll(relayFile, "http://127.0.0.1:1", s.URL) + `    phone_number_id: "77777777"
    paths: {subscriptions: /hooks, secrets: /keys, health: /up, deliveries: /deliveries, replay: /again, bulk_replay: /again_all, conversations: "/{phone_number_id}/talks"}
    names: {initial_secret: token, secret: value}
edition: kirim.chat
`
	m, err := readRelay(t, file).NewManagement()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	sub, _, err := m.CreateSubscription(ctx, SubscriptionRequest{})
	if err != nil || sub.Secret.Reveal() != "tok-en-of-another-form" {
		t.Errorf("%+v, %v", sub, err)
	}
	key, _, err := m.AddSecret(ctx, sub.ID, 1)
	if err != nil || key.Secret.Reveal() != "another-secret" {
		t.Errorf("%+v, %v", key, err)
	}
	_, err1 := m.DeleteSubscription(ctx, sub.ID)
	_, _, err2 := m.CreateContact(ctx, ContactRequest{})
	message, _, err3 := m.SendMessage(ctx, "+6281", "hi")
	_, _, err4 := m.Health(ctx)
	_, _, err5 := m.Replay(ctx, "d")
	_, _, err6 := m.BulkReplay(ctx, BulkReplayRequest{})
	_, _, err7 := m.Deliveries(ctx, DeliveryFilter{})
	_, _, err8 := m.Conversation(ctx, "..?a=b")
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		t.Error(err)
	}
	if message.ID != "msg_1" || message.Status != "queued" || m.PhoneNumberID() != "77777777" || m.Paths().Messages != "/77777777/messages" {
		t.Errorf("%+v", message)
	}
	if asked := s.take(); !strings.Contains(asked, `{"text":{"body":"hi"},"to":"+6281","type":"text"}`) {
		t.Errorf("asked %s", asked)
	}
	for _, secret := range []string{"tok-en-of-another-form", "another-secret"} {
		if !slices.Contains(m.Secrets(), secret) {
			t.Errorf("%s is not hidden: %q", secret, m.Secrets())
		}
	}
}

func TestEditionWithoutMessagesSendsNone(t *testing.T) {
	s := answers(t, nil)
	_, _, err := managed(t, s.URL).SendMessage(t.Context(), "+6281", "hi")
	if !errors.Is(err, errors.ErrUnsupported) || s.take() != "" {
		t.Errorf("%v", err)
	}
}

// authorised answers with the Authorization header that came.
func authorised(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		data, err := json.Marshal(map[string]any{"header": r.Header, "uri": r.RequestURI, "method": r.Method, "body": body})
		if err != nil {
			t.Error(err)
		}
		answerWith(200, `{"data":`+string(data)+`}`)(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

type echo struct {
	Header http.Header
	URI    string
	Method string
	Body   []byte
}

func TestRawCallSaysWhatItIsGiven(t *testing.T) {
	s := authorised(t)
	m := managed(t, s.URL, "other_key: {env: KIRIM_TEST_OTHER_KEY}", "header: {X-Gate: {env: KIRIM_TEST_SECRET}, X-Team: {text: seven}}")
	for name, c := range map[string]struct {
		request Request
		want    map[string][]string
		repeat  []string
	}{
		"default key": {Request{Method: "GET", Path: "/a?b=c"},
			map[string][]string{"Authorization": {"Bearer " + testKey}, "Content-Type": nil, "X-Gate": {hush}, "X-Team": {"seven"}, "Accept": {"application/json"}},
			[]string{`"Authorization: Bearer $KIRIM_KEY"`, `"X-Gate: $KIRIM_TEST_SECRET"`, `'X-Team: seven'`, "/v1/a?b=c'"}},
		"other key":  {Request{Method: "POST", Path: "/a", Key: OtherKey}, map[string][]string{"Authorization": {"Bearer " + testOtherKey}}, []string{`Bearer $KIRIM_OTHER_KEY"`}},
		"no key":     {Request{Method: "GET", Path: "/a", Key: NoKey}, map[string][]string{"Authorization": nil}, nil},
		"wrong key":  {Request{Method: "GET", Path: "/a", Key: WrongKey}, map[string][]string{"Authorization": {"Bearer " + wrongKey}}, []string{wrongKey}},
		"own header": {Request{Method: "GET", Path: "/a", Header: []wire.Field{{Name: "authorization", Value: "Basic x"}}}, map[string][]string{"Authorization": {"Basic x"}}, []string{"'authorization: Basic x'"}},
		"a body": {Request{Method: "PATCH", Path: "/a", Body: []byte(`{"it's":"$x"}`)}, map[string][]string{"Content-Type": {"application/json"}},
			[]string{`--data-raw '{"it'\''s":"$x"}'`}},
		"odd bytes": {Request{Method: "POST", Path: "/a", Body: []byte("\x00\xff"), Header: []wire.Field{{Name: "Content-Type", Value: "text/plain"}}},
			map[string][]string{"Content-Type": {"text/plain"}}, []string{"base64 -d | curl", "--data-binary @-"}},
		"repeated headers": {Request{Method: "POST", Path: "/a", Header: []wire.Field{{Name: "Idempotency-Key", Value: "1"}, {Name: "Idempotency-Key", Value: "2"}}},
			map[string][]string{"Idempotency-Key": {"1", "2"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			reply := m.Call(t.Context(), c.request)
			got := told(t, reply)
			for name, want := range c.want {
				if !slices.Equal(got.Header[name], want) {
					t.Errorf("%s: %q, want %q", name, got.Header[name], want)
				}
			}
			if got.URI != "/v1"+c.request.Path || got.Method != c.request.Method || string(got.Body) != string(c.request.Body) {
				t.Errorf("%s %s %q", got.Method, got.URI, got.Body)
			}
			line := reply.Repeat()
			for _, part := range c.repeat {
				if !strings.Contains(line, part) {
					t.Errorf("the line lacks %s: %s", part, line)
				}
			}
			for _, secret := range []string{testKey, testOtherKey, hush} {
				if strings.Contains(line, secret) {
					t.Errorf("the line shows a secret: %s", line)
				}
			}
			repeats(t, line, got)
		})
	}
}

func told(t *testing.T, reply Reply) echo {
	t.Helper()
	var e echo
	if err := errors.Join(reply.Failure(), json.Unmarshal(reply.Data, &e)); err != nil {
		t.Fatal(err)
	}
	return e
}

// repeats runs a line in a shell and compares what arrives.
func repeats(t *testing.T, line string, want echo) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Env = append(cmd.Environ(), KeyVariable+"="+testKey, OtherKeyVariable+"="+testOtherKey)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	_, body, _ := strings.Cut(string(out), "\r\n\r\n")
	var envelope struct{ Data echo }
	if err := json.Unmarshal([]byte(body), &envelope); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	got := envelope.Data
	// Go asks for gzip on its own nowhere here, and both sides tell the length where there is a body.
	if got.URI != want.URI || got.Method != want.Method || string(got.Body) != string(want.Body) || fmt.Sprint(got.Header) != fmt.Sprint(want.Header) {
		t.Errorf("repeated as\n%+v\nwant\n%+v", got, want)
	}
}

func TestOtherOrganisationHasTheOtherKey(t *testing.T) {
	s := authorised(t)
	m := managed(t, s.URL, "other_key: {env: KIRIM_TEST_OTHER_KEY}")
	other, ok := m.Other()
	if !ok {
		t.Fatal("there is no other organisation")
	}
	reply := other.Call(t.Context(), Request{Method: "GET", Path: "/"})
	if got := told(t, reply).Header.Get("Authorization"); got != "Bearer "+testOtherKey || !strings.Contains(reply.Repeat(), "$KIRIM_OTHER_KEY") {
		t.Errorf("key %s, line %s", got, reply.Repeat())
	}
	reply = other.Call(t.Context(), Request{Method: "GET", Path: "/", Key: OtherKey})
	if got := told(t, reply).Header.Get("Authorization"); got != "Bearer "+testKey || !strings.Contains(reply.Repeat(), "$KIRIM_KEY") {
		t.Errorf("the other's other key is %s, line %s", got, reply.Repeat())
	}
	lone := managed(t, s.URL)
	if _, ok := lone.Other(); ok {
		t.Error("there is another organisation without a key")
	}
	reply = lone.Call(t.Context(), Request{Method: "GET", Path: "/", Key: OtherKey})
	if !errors.Is(reply.Failure(), errors.ErrUnsupported) || reply.Repeat() != "" {
		t.Errorf("%v, line %q", reply.Failure(), reply.Repeat())
	}
	isError(t, lone.Call(t.Context(), Request{Method: "GET", Path: "health"}).Failure(), "does not begin with a slash")
}

func TestSecretsAreCollectedWhileOthersCall(t *testing.T) {
	s := answers(t, map[string]string{"POST /v1/webhook_subscriptions": `{"id":"wbs_1","initial_secret":"` + firstSecret + `"}`})
	m := managed(t, s.URL, "other_key: {env: KIRIM_TEST_OTHER_KEY}")
	other, _ := m.Other()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, err := other.CreateSubscription(t.Context(), SubscriptionRequest{}); err != nil {
				t.Error(err)
			}
			m.Secrets()
		})
	}
	wg.Wait()
	if got := m.Secrets(); len(got) != 3 || !slices.Contains(got, firstSecret) {
		t.Errorf("secrets %q", got)
	}
}

func TestClientWithoutItsPartsIsNotMade(t *testing.T) {
	tgt := readRelay(t, relayFile)
	client, err := tgt.Client(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	whole := RESTOptions{Config: *tgt.Management.REST, Edition: tgt.Contract, Client: client, Key: tgt.Key}
	if _, err := NewREST(whole); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*RESTOptions){
		"management rest: base: is missing":           func(o *RESTOptions) { o.Config.Base = "" },
		"management rest: the client is missing":      func(o *RESTOptions) { o.Client = nil },
		"management rest: the API key is missing":     func(o *RESTOptions) { o.Key = Secret{} },
		"management rest: paths.health: \"x\" is not": func(o *RESTOptions) { o.Config.Paths.Health = "x" },
	} {
		o := whole
		change(&o)
		_, err := NewREST(o)
		isError(t, err, want)
	}
	if _, err := (&Target{}).NewManagement(); err == nil {
		t.Error("a target without management has one")
	}
}

package target

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/wire"
)

func TestAnswerThatIsNoEnvelopeIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a page":                    {502, "<html>\n  <body>Bad gateway</body></html>", `was answered with 502, but the answer is not a JSON object: "<html> <body>Bad gateway</body></html>"`},
		"nothing":                   {200, "", "but the answer is not a JSON object: nothing"},
		"a list":                    {200, `[{"id":"x"}]`, "but the answer is not a JSON object: "},
		"null":                      {200, "null", "but the answer is not a JSON object: "},
		"no data":                   {200, `{"id":"x"}`, `but the answer has no member data: "{\"id\":\"x\"}"`},
		"an error in a success":     {200, `{"data":{"id":"x"},"error":{"code":"x"}}`, "but the answer has the member error"},
		"a refusal without a word":  {400, `{"data":{"id":"x"}}`, "but the answer has no error with type and code"},
		"a refusal in text":         {400, `{"error":"bad"}`, "but the answer has no error with type and code"},
		"a refusal without a code":  {400, `{"error":{"type":"invalid_request_error"}}`, "but the answer has no error with type and code"},
		"a redirect":                {302, "", "was answered with 302, but "},
		"data of another kind":      {200, `{"data":"x"}`, "but data is a JSON string, where an object is expected"},
		"a list of one":             {200, `{"data":[]}`, "but data is a JSON array, where an object is expected"},
		"a member of another kind":  {200, `{"data":{"id":5}}`, "but data.id is a JSON number, where text is expected"},
		"a count in text":           {200, `{"data":{"id":"x","attempts":"2"}}`, "but data.attempts is a JSON string, where a number is expected"},
		"a log of another kind":     {200, `{"data":{"id":"x","attempt_log":{}}}`, "but data.attempt_log is a JSON object, where a list is expected"},
		"no id":                     {200, `{"data":{}}`, "but data has no id: "},
		"no data where it is asked": {204, "", "but the answer has no body, and data is needed"},
		"a lot":                     {200, strings.Repeat("x ", 1<<18), `but the answer is not a JSON object: "x x x `},
		"too much":                  {200, `{"data":{"id":"` + strings.Repeat("x", 1<<20) + `"}}`, "but the answer is larger than 1048576 bytes"},
		"control characters":        {500, "\x1b[2J\x00", `but the answer is not a JSON object: "\x1b[2J\x00"`},
		"a secret in a page":        {500, "oops " + firstSecret + " and " + testKey, `"oops [redacted] and [redacted]"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAsked(t, answerWith(c.status, c.body))
			_, reply, err := managed(t, s.URL).Delivery(t.Context(), "wbd_1")
			isError(t, err, "GET /webhook_deliveries/wbd_1 ", c.want)
			e, ok := errors.AsType[*EnvelopeError](err)
			if !ok || e.Status != c.status || reply.Status != c.status || reply.Trouble != wire.None {
				t.Errorf("a %T: %v", err, err)
			}
			if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("an error of %d bytes: %.200s", len(err.Error()), err)
			}
		})
	}
}

func TestRefusalIsTypedAndWhole(t *testing.T) {
	const refusal = `{"error":{"type":"invalid_request_error","code":"invalid_webhook_url","message":"must be https:\n%s","param":"url","request_id":"req_9"}}`
	s := newAsked(t, answerWith(400, fmt.Sprintf(refusal, firstSecret)))
	m := managed(t, s.URL)
	_, reply, err := m.CreateSubscription(t.Context(), SubscriptionRequest{})
	e, ok := errors.AsType[*APIError](err)
	if !ok || *e != (APIError{"POST /webhook_subscriptions", 400, "invalid_request_error", "invalid_webhook_url", "must be https:\n[redacted]", "url"}) {
		t.Fatalf("%+v", err)
	}
	if want := `POST /webhook_subscriptions was refused with 400, invalid_request_error, invalid_webhook_url (url): "must be https: [redacted]"`; err.Error() != want {
		t.Errorf("told as %s", err)
	}
	if reply.RequestID != "req_9" || reply.Failure() != err || reply.Data != nil {
		t.Errorf("%+v", reply)
	}
	s = newAsked(t, answerWith(503, `{"error":{"type":"api_error","code":"down"}}`))
	_, err = managed(t, s.URL).DeleteSubscription(t.Context(), "x")
	isError(t, err, "DELETE /webhook_subscriptions/x was refused with 503, api_error, down")
}

func TestDeletionWithoutABodySucceeds(t *testing.T) {
	s := newAsked(t, answerWith(204, ""))
	if reply, err := managed(t, s.URL).DeleteSubscription(t.Context(), "x"); err != nil || reply.Status != 204 {
		t.Error(err)
	}
}

// The secret is shown once; a creation without it leaves nothing that a signature could be held against.
func TestCreationWithoutASecretIsAnError(t *testing.T) {
	for _, data := range []string{`{"id":"wbs_1"}`, `{"id":"wbs_1","initial_secret":null}`, `{"id":"wbs_1","initial_secret":""}`, `{"id":"wbs_1","initial_secret":5}`} {
		s := newAsked(t, answerWith(201, `{"data":`+data+`}`))
		sub, _, err := managed(t, s.URL).CreateSubscription(t.Context(), SubscriptionRequest{})
		isError(t, err, "data.initial_secret is not there, or is not text")
		if sub.ID != "wbs_1" {
			t.Errorf("the subscription cannot be deleted again: %+v", sub)
		}
	}
}

// A relay that shows secrets in its lists is at fault, and our report must not repeat the fault.
func TestSecretsThatAnswersShowAreHidden(t *testing.T) {
	s := newAsked(t, answerWith(200, `{"data":[{"id":"wbs_1","secrets":[{"id":"sec_1","leak":"`+firstSecret+`"}]}]}`))
	m := managed(t, s.URL)
	if _, _, err := m.Subscriptions(t.Context(), Page{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.Secrets(), " "); !strings.Contains(got, firstSecret) {
		t.Errorf("secrets %q", got)
	}
}

func TestCallWithoutAnAnswerSaysWhy(t *testing.T) {
	s := newAsked(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, reply, err := managed(t, s.URL).Subscription(t.Context(), "x")
	e, ok := errors.AsType[*NoAnswerError](err)
	if !ok || e.Trouble != wire.BrokenOff || e.Unreachable() || reply.Trouble != wire.BrokenOff {
		t.Errorf("%v", err)
	}
	m := managed(t, s.URL)
	s.Close()
	_, _, err = m.Health(t.Context())
	if e, ok = errors.AsType[*NoAnswerError](err); !ok || !e.Unreachable() {
		t.Errorf("%v", err)
	}
	isError(t, err, "GET /health has no answer (not-reached): ")

	release := make(chan struct{})
	slow := newAsked(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	_, _, err = managed(t, slow.URL, "timeout: 50ms").Health(t.Context())
	isError(t, err, "(timed-out): no complete answer within 50ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = managed(t, slow.URL).Health(ctx)
	if e, ok = errors.AsType[*NoAnswerError](err); !ok || e.Trouble != wire.Stopped || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestListIsFollowedToItsEnd(t *testing.T) {
	pages := map[string]string{
		"":  `{"data":[{"id":"1"},{"id":"2"}],"has_more":true,"next_cursor":"a"}`,
		"a": `{"data":[{"id":"3"}],"has_more":true,"next_cursor":"b"}`,
		"b": `{"data":[],"has_more":false,"next_cursor":null}`,
	}
	collect := func(t *testing.T, limit int) ([]Delivery, error) {
		s := newAsked(t, func(w http.ResponseWriter, r *http.Request) {
			answerWith(200, pages[r.URL.Query().Get("cursor")])(w, r)
		})
		m := managed(t, s.URL)
		return Collect(t.Context(), limit, func(ctx context.Context, cursor string) (List[Delivery], Reply, error) {
			return m.Deliveries(ctx, DeliveryFilter{Page: Page{Cursor: cursor}})
		})
	}
	if all, err := collect(t, 3); err != nil || len(all) != 3 || all[2].ID != "3" {
		t.Errorf("%+v, %v", all, err)
	}
	_, err := collect(t, 2)
	isError(t, err, "more than 2 items")
	pages["b"] = `{"data":[],"has_more":true,"next_cursor":"a"}`
	_, err = collect(t, 9)
	isError(t, err, "next_cursor is one that came before")
	pages["b"] = `{"data":[],"has_more":true,"next_cursor":null}`
	_, err = collect(t, 9)
	isError(t, err, "GET /webhook_deliveries was answered with 200, but has_more is true without a next_cursor")
	pages["b"] = `oops`
	all, err := collect(t, 9)
	isError(t, err, "not a JSON object")
	if len(all) != 3 {
		t.Errorf("%d items", len(all))
	}
}

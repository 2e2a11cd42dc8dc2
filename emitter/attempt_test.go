package emitter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

const (
	secret = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw"
	url    = "https://example.com/hook?a=b"
)

var now = time.Date(2026, 5, 4, 3, 2, 1, 999, time.UTC)

// contactCreated is an event with everything that a delivery takes from it.
var contactCreated = fixtures.Event{Name: "contact.created", ID: "evt_1", Source: contract.SourceKirim, Body: []byte(`{"id":"evt_1"}`)}

func build(t *testing.T, ed contract.Edition, url string, now time.Time, p emitter.Plan) emitter.Attempt {
	t.Helper()
	a, err := emitter.Build(ed, url, secret, now, p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func edition(t *testing.T, id string) contract.Edition {
	t.Helper()
	ed, err := contract.LoadEdition(id)
	if err != nil {
		t.Fatal(err)
	}
	return ed
}

// The eight headers of a delivery, and no others, in the order of the documentation.
func TestDeliveryHasExactlyItsHeaders(t *testing.T) {
	editions, err := contract.Editions()
	if err != nil {
		t.Fatal(err)
	}
	for _, ed := range editions {
		t.Run(ed.ID, func(t *testing.T) {
			a := build(t, ed, url, now, emitter.Plan{Event: contactCreated, DeliveryID: "wbd_1"})
			want := []wire.Field{
				{Name: "Content-Type", Value: "application/json"},
				{Name: "User-Agent", Value: "Kirim-Webhook/1.0"},
				{Name: "X-Kirim-Source", Value: "kirim"},
				{Name: "X-Kirim-Event", Value: "contact.created"},
				{Name: "X-Kirim-Event-Id", Value: "evt_1"},
				{Name: "X-Kirim-Delivery-Id", Value: "wbd_1"},
				{Name: "X-Kirim-Attempt", Value: "1"},
				{Name: "X-Kirim-Signature", Value: signature.Header(now.Unix(), contactCreated.Body, secret)},
			}
			if a.Method != "POST" || a.URL != url || string(a.Body) != string(contactCreated.Body) || !slices.Equal(a.Header, want) {
				t.Errorf("%s %s %v %s, want POST %s %v %s", a.Method, a.URL, a.Header, a.Body, url, want, contactCreated.Body)
			}
		})
	}
}

func TestPlanChangesWhatItNamesAndNothingElse(t *testing.T) {
	ed := edition(t, contract.DefaultEdition)
	genuine := build(t, ed, url, now, emitter.Plan{Event: contactCreated, DeliveryID: "wbd_1"})
	signed := func(at time.Time, body string) string { return signature.Header(at.Unix(), []byte(body), secret) }
	for name, c := range map[string]struct {
		change func(p *emitter.Plan)
		body   string
		// header is what stands in place of the genuine header of that number; a field without a name means none.
		header map[int]wire.Field
	}{
		"attempt 0": {change: func(p *emitter.Plan) { p.Attempt = 0 }},
		"attempt 1": {change: func(p *emitter.Plan) { p.Attempt = 1 }},
		"attempt 8": {change: func(p *emitter.Plan) { p.Attempt = 8 }, header: map[int]wire.Field{6: {Name: "X-Kirim-Attempt", Value: "8"}}},
		"another body": {
			change: func(p *emitter.Plan) { p.Body = []byte("x") }, body: "x",
			header: map[int]wire.Field{7: {Name: "X-Kirim-Signature", Value: signed(now, "x")}},
		},
		"an empty body": {
			change: func(p *emitter.Plan) { p.Body = []byte{} }, body: "-",
			header: map[int]wire.Field{7: {Name: "X-Kirim-Signature", Value: signed(now, "")}},
		},
		"another signed body": {
			change: func(p *emitter.Plan) { p.SignedBody = []byte("x") },
			header: map[int]wire.Field{7: {Name: "X-Kirim-Signature", Value: signed(now, "x")}},
		},
		"an empty signed body": {
			change: func(p *emitter.Plan) { p.SignedBody = []byte{} },
			header: map[int]wire.Field{7: {Name: "X-Kirim-Signature", Value: signed(now, "")}},
		},
		"signed long ago": {
			change: func(p *emitter.Plan) { p.Age = time.Hour },
			header: map[int]wire.Field{7: {Name: "X-Kirim-Signature", Value: signed(now.Add(-time.Hour), `{"id":"evt_1"}`)}},
		},
		"signed in the future": {
			change: func(p *emitter.Plan) { p.Age = -time.Hour },
			header: map[int]wire.Field{7: {Name: "X-Kirim-Signature", Value: signed(now.Add(time.Hour), `{"id":"evt_1"}`)}},
		},
		"another template": {
			change: func(p *emitter.Plan) { p.Signature = "v1=,t={t}" },
			header: map[int]wire.Field{7: {Name: "X-Kirim-Signature", Value: "v1=,t=1777863721"}},
		},
		"no signature": {change: func(p *emitter.Plan) { p.NoSignature = true }, header: map[int]wire.Field{7: {}}},
		"another signature header": {
			change: func(p *emitter.Plan) { p.SignatureHeader = "X-Hub-Signature-256" },
			header: map[int]wire.Field{7: {Name: "X-Hub-Signature-256", Value: signed(now, `{"id":"evt_1"}`)}},
		},
		"another content type": {
			change: func(p *emitter.Plan) { p.ContentType = "text/plain" },
			header: map[int]wire.Field{0: {Name: "Content-Type", Value: "text/plain"}},
		},
		"another event name": {
			change: func(p *emitter.Plan) { p.EventName = "new" },
			header: map[int]wire.Field{3: {Name: "X-Kirim-Event", Value: "new"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := emitter.Plan{Event: contactCreated, DeliveryID: "wbd_1"}
			c.change(&p)
			a := build(t, ed, url, now, p)
			var want []wire.Field
			for i, f := range genuine.Header {
				if instead, ok := c.header[i]; ok {
					f = instead
				}
				if f.Name != "" {
					want = append(want, f)
				}
			}
			if !slices.Equal(a.Header, want) {
				t.Errorf("headers %v, want %v", a.Header, want)
			}
			body := c.body
			switch body {
			case "":
				body = string(contactCreated.Body)
			case "-":
				body = ""
			}
			if string(a.Body) != body {
				t.Errorf("body %q, want %q", a.Body, body)
			}
		})
	}
}

func TestCaseChangesNamesAndNoValues(t *testing.T) {
	ed := edition(t, contract.DefaultEdition)
	genuine := build(t, ed, url, now, emitter.Plan{Event: contactCreated, DeliveryID: "wbd_1"})
	for as, write := range map[emitter.Case]func(string) string{
		emitter.AsDocumented: strings.Clone, emitter.LowerCase: strings.ToLower, emitter.UpperCase: strings.ToUpper,
	} {
		got := build(t, ed, url, now, emitter.Plan{Event: contactCreated, DeliveryID: "wbd_1", Case: as})
		for i, f := range genuine.Header {
			if want := (wire.Field{Name: write(f.Name), Value: f.Value}); got.Header[i] != want {
				t.Errorf("case %d: %v, want %v", as, got.Header[i], want)
			}
		}
	}
}

func TestTemplateThatCannotBeRenderedIsAnError(t *testing.T) {
	_, err := emitter.Build(edition(t, contract.DefaultEdition), url, secret, now, emitter.Plan{Signature: "{mac key=none}"})
	if err == nil || !strings.Contains(err.Error(), `unknown option "key=none"`) {
		t.Errorf("error %v", err)
	}
}

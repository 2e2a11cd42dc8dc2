package mockmeta_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

func TestPostIsOnTheWireWhatMetaSends(t *testing.T) {
	ev := message(t, everything)
	client := newClient(t, "")
	for name, send := range map[string]mockmeta.Plan{
		"one message": {Event: ev},
		// net/http chunks a body whose length it does not know, and a large one is where that would show.
		"three megabytes": {Body: bytes.Repeat([]byte("x"), 3_000_000)},
		"an empty body":   {Body: []byte{}},
	} {
		t.Run(name, func(t *testing.T) {
			var sent wire.Request
			head, body := overTheWire(t, client, func(callback string) wire.Request {
				sent = build(t, callback, send).Request
				return sent
			})
			host := strings.TrimSuffix(strings.TrimPrefix(sent.URL, "http://"), "/webhooks/meta?tenant=7")
			want := []string{
				"Accept-Encoding: deflate, gzip",
				"Accept: */*",
				"Content-Length: " + strconv.Itoa(len(sent.Body)),
				"Content-Type: application/json",
				"Host: " + host,
				"User-Agent: facebookexternalua",
				"X-Hub-Signature-256: " + signature.MetaHeader(appSecret, sent.Body),
				"X-Hub-Signature: " + signature.MetaHeaderSHA1(appSecret, sent.Body),
			}
			got := lines(head)
			if got[0] != "POST /webhooks/meta?tenant=7 HTTP/1.1" {
				t.Errorf("request line %q", got[0])
			}
			if !slices.Equal(got[1:], want) {
				t.Errorf("headers:\n%s\nwant:\n%s", strings.Join(got[1:], "\n"), strings.Join(want, "\n"))
			}
			if !bytes.Equal(body, sent.Body) {
				t.Errorf("%d bytes of body arrived, %d were to be sent", len(body), len(sent.Body))
			}
		})
	}
}

func TestBodyIsEscapedUnlessToldOtherwise(t *testing.T) {
	ev := message(t, everything)
	escaped := build(t, "http://x", mockmeta.Plan{Event: ev})
	if !bytes.Equal(escaped.Body, fixtures.EscapeMeta(ev.Body)) || bytes.Equal(escaped.Body, ev.Body) {
		t.Errorf("not Meta's form: %s", escaped.Body)
	}
	const form = `a\/b \u003Cc> \u0040d 100\u0025 Ay\u00fa \ud83d\udc4d`
	if !bytes.Contains(escaped.Body, []byte(form)) {
		t.Errorf("the body lacks %s: %s", form, escaped.Body)
	}
	plain := build(t, "http://x", mockmeta.Plan{Event: ev, Unescaped: true})
	if !bytes.Equal(plain.Body, ev.Body) {
		t.Errorf("the body was changed: %s", plain.Body)
	}
	want := []string{signature.MetaHeader(appSecret, ev.Body)}
	if got := header(plain.Request, "X-Hub-Signature-256"); !slices.Equal(got, want) {
		t.Errorf("signed something else: %v", got)
	}
	given := []byte("\xef\xbb\xbf{ \"a\" : \"é/\" }\n")
	if a := build(t, "http://x", mockmeta.Plan{Event: ev, Body: given}); !bytes.Equal(a.Body, given) {
		t.Errorf("a body that was given was changed: %q", a.Body)
	}
}

func TestPlanChangesOneThingAtATime(t *testing.T) {
	body := []byte(`{"object":"whatsapp_business_account"}`)
	other := []byte(`{"object":"page"}`)
	type plan = mockmeta.Plan
	const sha256, sha1 = "X-Hub-Signature-256", "X-Hub-Signature"
	for name, c := range map[string]struct {
		plan         plan
		header, want string
	}{
		"signed over another body": {plan{SignedBody: other}, sha256, signature.MetaHeader(appSecret, other)},
		"old one over another too": {plan{SignedBody: other}, sha1, signature.MetaHeaderSHA1(appSecret, other)},
		"template":                 {plan{Signature: "{sha256 first=4}"}, sha256, signature.MetaHeader(appSecret, body)[7:11]},
		"old template":             {plan{SignatureSHA1: "md5=0"}, sha1, "md5=0"},
		"no signature":             {plan{NoSignature: true}, sha256, ""},
		"no old signature":         {plan{NoSignatureSHA1: true}, sha1, ""},
		"content type":             {plan{ContentType: "text/plain"}, "Content-Type", "text/plain"},
		"further header":           {plan{Extra: []wire.Field{{Name: "X-New", Value: "1"}}}, "X-New", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			c.plan.Body = body
			changed := build(t, "http://x", c.plan).Request
			if got := strings.Join(header(changed, c.header), ","); got != c.want {
				t.Errorf("%s: %q, want %q", c.header, got, c.want)
			}
			usual := build(t, "http://x", mockmeta.Plan{Body: body}).Request
			for _, f := range usual.Header {
				sameKind := c.plan.SignedBody != nil && strings.HasPrefix(f.Name, "X-Hub-Signature")
				if f.Name != c.header && !sameKind && !slices.Contains(changed.Header, f) {
					t.Errorf("%s is no longer %q", f.Name, f.Value)
				}
			}
		})
	}
}

func TestPlansThatMetaCannotSendAreRefused(t *testing.T) {
	kirims := fixtures.Event{Name: "contact.created", Source: contract.SourceKirim, Body: []byte("{}")}
	for name, c := range map[string]struct {
		plan mockmeta.Plan
		want string
	}{
		"neither event nor body": {mockmeta.Plan{}, "event or a body"},
		"an event of Kirim's":    {mockmeta.Plan{Event: kirims}, "contact.created is not an event of Meta's"},
		"unknown placeholder":    {mockmeta.Plan{Body: []byte("{}"), Signature: "{md5}"}, `signature template "{md5}": {md5}`},
		"empty placeholder":      {mockmeta.Plan{Body: []byte("{}"), Signature: "{}"}, "empty placeholder"},
		"unknown option":         {mockmeta.Plan{Body: []byte("{}"), Signature: "{sha256 lower}"}, `"lower"`},
		"unknown key":            {mockmeta.Plan{Body: []byte("{}"), Signature: "{sha256 key=new}"}, `"key=new"`},
		"too many digits":        {mockmeta.Plan{Body: []byte("{}"), SignatureSHA1: "{sha1 first=41}"}, `"41"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mockmeta.Build(loadMeta(t), "http://x", appSecret, c.plan)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a complaint about %s", err, c.want)
			}
		})
	}
	const odd = "secret that is not hex"
	decoded := mockmeta.Plan{Body: []byte("{}"), Signature: "{sha256 key=decoded}"}
	_, err := mockmeta.Build(loadMeta(t), "http://x", odd, decoded)
	if err == nil || strings.Contains(err.Error(), odd) || !strings.Contains(err.Error(), "hexadecimal") {
		t.Errorf("a secret that is not hexadecimal: got %v", err)
	}
}

func TestOnlyStatus200IsASuccess(t *testing.T) {
	meta := loadMeta(t)
	for _, c := range []struct {
		x    wire.Exchange
		want bool
	}{
		{wire.Exchange{Status: 200}, true},
		{wire.Exchange{Status: 200, Body: []byte("no"), BodyCut: true}, true},
		{wire.Exchange{Status: 200, Trouble: wire.TimedOut}, false},
		{wire.Exchange{Status: 200, Trouble: wire.BrokenOff}, false},
		{wire.Exchange{Status: 201}, false},
		{wire.Exchange{Status: 202}, false},
		{wire.Exchange{Status: 204}, false},
		{wire.Exchange{Status: 302}, false},
		{wire.Exchange{Status: 304}, false},
		{wire.Exchange{Status: 400}, false},
		{wire.Exchange{Status: 500}, false},
		{wire.Exchange{Trouble: wire.NotReached}, false},
	} {
		if got := mockmeta.Accepted(meta, c.x); got != c.want {
			t.Errorf("status %d, trouble %q: %v", c.x.Status, c.x.Trouble, got)
		}
	}
}

package reference

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target"
)

func TestHandshakeIsAnsweredForTheRightTokenAlone(t *testing.T) {
	meta, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	right := "?hub.mode=subscribe&hub.verify_token=" + MetaToken + "&hub.challenge=1158201444"
	for name, c := range map[string]struct {
		token, query string
		status       int
		body         string
	}{
		"right":               {MetaToken, right, 200, "1158201444"},
		"an odd challenge":    {MetaToken, strings.Replace(right, "1158201444", "%3Cb%3E%26+x", 1), 200, "<b>& x"},
		"an empty challenge":  {MetaToken, strings.Replace(right, "1158201444", "", 1), 200, ""},
		"no challenge":        {MetaToken, strings.Replace(right, "&hub.challenge=1158201444", "", 1), 403, ""},
		"another mode":        {MetaToken, strings.Replace(right, "subscribe", "unsubscribe", 1), 403, ""},
		"no mode":             {MetaToken, strings.Replace(right, "hub.mode=subscribe&", "", 1), 403, ""},
		"another token":       {MetaToken, strings.Replace(right, MetaToken, MetaToken+"x", 1), 403, ""},
		"half a token":        {MetaToken, strings.Replace(right, MetaToken, MetaToken[:4], 1), 403, ""},
		"no token":            {MetaToken, strings.Replace(right, "hub.verify_token="+MetaToken+"&", "", 1), 403, ""},
		"no query":            {MetaToken, "", 403, ""},
		"an empty token each": {"", strings.Replace(right, MetaToken, "", 1), 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReceiver(CorrectMeta(meta, MetaSecret, c.token))
			w := httptest.NewRecorder()
			r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, WebhookPath+c.query, nil))
			if w.Code != c.status || w.Body.String() != c.body || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
				t.Errorf("answered %d %q as %s, want %d %q as plain text", w.Code, w.Body, w.Header().Get("Content-Type"), c.status, c.body)
			}
		})
	}
}

// Meta's POST names no event and has no event id: an item alone makes an effect.
func TestMetaDeliveryIsKnownByItsItems(t *testing.T) {
	meta, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	r := NewReceiver(CorrectMeta(meta, MetaSecret, MetaToken))
	body := messages("a").Body
	for name, c := range map[string]struct {
		signature string
		want      int
	}{"genuine": {signature.MetaHeader(MetaSecret, body), 200}, "again": {signature.MetaHeader(MetaSecret, body), 200}, "of another secret": {signature.MetaHeader("x", body), 401}} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, WebhookPath, strings.NewReader(string(body)))
		req.Header.Set(meta.Headers.Signature.Value, c.signature)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if w.Code != c.want {
			t.Errorf("%s: answered %d, want %d", name, w.Code, c.want)
		}
	}
	if n := effects(t, r, target.Effect{Event: metaField, ItemID: "a"}); n != 1 {
		t.Errorf("%d effects", n)
	}
}

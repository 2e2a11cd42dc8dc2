package front

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/signature"
)

const (
	appSecret = "0123456789abcdef0123456789abcdef"
	token     = "the-token"
)

// door is the callback URL, and what came through it.
type door struct {
	http.Handler
	meta contract.Meta
	took [][]byte
	// fails is what taking a webhook returns.
	fails error
	log   bytes.Buffer
}

func newDoor(t *testing.T, change func(*Config)) *door {
	t.Helper()
	meta, err := contract.LoadMeta()
	if err != nil {
		t.Fatal(err)
	}
	d := &door{meta: meta}
	c := Config{
		Meta: meta, AppSecret: appSecret, VerifyToken: token, Log: slog.New(slog.NewTextHandler(&d.log, nil)),
		Ingest: func(_ context.Context, body []byte) error {
			if d.fails != nil {
				return d.fails
			}
			d.took = append(d.took, body)
			return nil
		},
	}
	if change != nil {
		change(&c)
	}
	d.Handler = New(c)
	return d
}

func (d *door) serve(req *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, req)
	return w
}

// post sends a body with a signature header; an empty one is left out.
func (d *door) post(body io.Reader, header string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/", body)
	if header != "" {
		req.Header.Set("X-Hub-Signature-256", header)
	}
	return d.serve(req)
}

func TestTheHandshakeEchoesTheChallengeForTheRightTokenAlone(t *testing.T) {
	right := url.Values{"hub.mode": {"subscribe"}, "hub.verify_token": {token}, "hub.challenge": {"1158201444"}}
	with := func(name string, values ...string) url.Values {
		query := url.Values{}
		for k, v := range right {
			query[k] = v
		}
		query[name] = values
		return query
	}
	for name, c := range map[string]struct {
		query  url.Values
		status int
		text   string
	}{
		"right":                    {right, 200, "1158201444"},
		"a challenge of letters":   {with("hub.challenge", "<b>ä &"), 200, "<b>ä &"},
		"an empty challenge":       {with("hub.challenge", ""), 200, ""},
		"no challenge":             {with("hub.challenge"), 403, ""},
		"another token":            {with("hub.verify_token", "the-tokeN"), 403, ""},
		"the token and more":       {with("hub.verify_token", token+"x"), 403, ""},
		"a beginning of the token": {with("hub.verify_token", token[:4]), 403, ""},
		"no token":                 {with("hub.verify_token"), 403, ""},
		"an empty token":           {with("hub.verify_token", ""), 403, ""},
		"the right token second":   {with("hub.verify_token", "x", token), 403, ""},
		"no mode":                  {with("hub.mode"), 403, ""},
		"another mode":             {with("hub.mode", "unsubscribe"), 403, ""},
		"names in other letters":   {url.Values{"hub.Mode": {"subscribe"}, "hub.verify_token": {token}, "hub.challenge": {"1"}}, 403, ""},
		"nothing":                  {nil, 403, ""},
	} {
		d := newDoor(t, nil)
		w := d.serve(httptest.NewRequest(http.MethodGet, "/?"+c.query.Encode(), nil))
		if w.Code != c.status || (c.status == 200 && w.Body.String() != c.text) {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, c.status, c.text)
		}
		if c.status == 403 && strings.Contains(w.Body.String(), token) {
			t.Errorf("%s: the answer tells the token", name)
		}
		if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: a challenge could be taken for %q", name, kind)
		}
	}
	open := newDoor(t, func(c *Config) { c.VerifyToken = "" })
	if w := open.serve(httptest.NewRequest(http.MethodGet, "/?hub.mode=subscribe&hub.verify_token=&hub.challenge=1", nil)); w.Code != 403 {
		t.Errorf("without a token configured an empty one is right: %d", w.Code)
	}
}

func TestOnlyMetasSignatureOpensTheDoor(t *testing.T) {
	body := []byte(`{"object":"whatsapp_business_account","entry":[]}`)
	right := signature.MetaHeader(appSecret, body)
	for name, c := range map[string]struct {
		header string
		status int
	}{
		"right":                {right, 200},
		"none":                 {"", 401},
		"blank":                {" ", 401},
		"another secret":       {signature.MetaHeader("x"+appSecret[1:], body), 401},
		"another body":         {signature.MetaHeader(appSecret, append([]byte(" "), body...)), 401},
		"SHA-1":                {signature.MetaHeaderSHA1(appSecret, body), 401},
		"no prefix":            {strings.TrimPrefix(right, "sha256="), 401},
		"a prefix in capitals": {"SHA256=" + strings.TrimPrefix(right, "sha256="), 401},
		"digits in capitals":   {"sha256=" + strings.ToUpper(strings.TrimPrefix(right, "sha256=")), 401},
		"a beginning":          {right[:40], 401},
		"and more":             {right + "00", 401},
		"no hex":               {"sha256=" + strings.Repeat("z", 64), 401},
		"odd bytes":            {"sha256=\xff\xfe", 401},
	} {
		d := newDoor(t, nil)
		w := d.post(bytes.NewReader(body), c.header)
		if w.Code != c.status {
			t.Errorf("%s: %d %q, want %d", name, w.Code, w.Body, c.status)
		}
		if taken := len(d.took) == 1 && bytes.Equal(d.took[0], body); taken != (c.status == 200) {
			t.Errorf("%s: took %q", name, d.took)
		}
		if strings.Contains(w.Body.String()+d.log.String(), strings.TrimPrefix(right, "sha256=")) {
			t.Errorf("%s: the answer or the log tells the right digest", name)
		}
	}
	without := newDoor(t, func(c *Config) { c.AppSecret = "" })
	if w := without.post(bytes.NewReader(body), signature.MetaHeader("", body)); w.Code != 401 || without.took != nil {
		t.Errorf("without an app secret: %d", w.Code)
	}
}

func TestABodyOfMetasLimitIsTakenAndALargerOneIsNot(t *testing.T) {
	d := newDoor(t, nil)
	for size, status := range map[int]int{0: 200, d.meta.PayloadLimit.Value: 200, d.meta.PayloadLimit.Value + 1: 413} {
		body := bytes.Repeat([]byte("x"), size)
		d.took = nil
		w := d.post(bytes.NewReader(body), signature.MetaHeader(appSecret, body))
		if w.Code != status || (status == 200) != (len(d.took) == 1 && bytes.Equal(d.took[0], body)) {
			t.Errorf("%d bytes: %d, took %d", size, w.Code, len(d.took))
		}
	}
}

func TestWhatCouldNotBeStoredIsNotAcknowledged(t *testing.T) {
	body := []byte("{}")
	header := signature.MetaHeader(appSecret, body)
	d := newDoor(t, nil)
	for _, c := range []struct {
		fails  error
		status int
		says   string
	}{
		{errors.New("the disk of /secret/path is full"), 500, "could not be stored"},
		{relay.Invalid("invalid_field_value", "", "no webhook"), 400, "no webhook"},
		{fmt.Errorf("wrapped: %w", relay.Conflict("x", "later")), 409, "later"},
	} {
		d.fails = c.fails
		w := d.post(bytes.NewReader(body), header)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || strings.Contains(w.Body.String(), "/secret/path") {
			t.Errorf("%v: %d %q", c.fails, w.Code, w.Body)
		}
	}
	if !strings.Contains(d.log.String(), "/secret/path") {
		t.Error("the log does not say what failed")
	}
	d.fails = nil
	if w := d.post(bytes.NewReader(body), header); w.Code != 200 || len(d.took) != 1 {
		t.Errorf("Meta's next attempt: %d", w.Code)
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	d := newDoor(t, nil)
	for method, status := range map[string]int{"PUT": 405, "PATCH": 405, "DELETE": 405, "OPTIONS": 405, "HEAD": 403} {
		w := d.serve(httptest.NewRequest(method, "/", strings.NewReader("{}")))
		if w.Code != status {
			t.Errorf("%s: %d, want %d", method, w.Code, status)
		}
		if status == 405 && !strings.Contains(w.Header().Get("Allow"), "POST") {
			t.Errorf("%s: Allow is %q", method, w.Header().Get("Allow"))
		}
	}
	if d.took != nil {
		t.Errorf("took %q", d.took)
	}
}

func TestABodyThatBreaksOffIsNotTaken(t *testing.T) {
	d := newDoor(t, nil)
	broken := io.MultiReader(strings.NewReader("{"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if w := d.post(broken, signature.MetaHeader(appSecret, []byte("{"))); w.Code != 400 || d.took != nil {
		t.Errorf("%d, took %q", w.Code, d.took)
	}
}

// What has been received is stored, although the caller hangs up meanwhile: a duplicate does less harm than a loss.
func TestACallerWhoHangsUpDoesNotUndoTheStoring(t *testing.T) {
	body := []byte("{}")
	entered, leave, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	d := newDoor(t, func(c *Config) {
		c.Ingest = func(ctx context.Context, _ []byte) error {
			close(entered)
			<-leave
			result <- ctx.Err()
			return ctx.Err()
		}
	})
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		go func() {
			<-req.Context().Done()
			close(gone)
		}()
		d.ServeHTTP(w, req)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: %s\r\nContent-Length: 2\r\n\r\n%s",
		signature.MetaHeader(appSecret, body), body); err != nil {
		t.Fatal(err)
	}
	<-entered
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-gone
	close(leave)
	if err := <-result; err != nil {
		t.Errorf("the storing ended with %v", err)
	}
}

func TestAVerifierCanBeReplaced(t *testing.T) {
	d := newDoor(t, func(c *Config) { c.Verify = func(string, []byte) error { return nil } })
	if w := d.post(strings.NewReader("{}"), ""); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

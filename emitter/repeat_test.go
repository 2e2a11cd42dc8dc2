package emitter_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/wire"
)

// arrival is what a server got of one request.
type arrival struct {
	uri    string
	header http.Header
	body   []byte
	// reason is why the verifier refused it, empty where it was genuine.
	reason signature.Reason
}

// receive starts a server that passes on what it gets, verified under the secret.
func receive(t *testing.T, ed contract.Edition, secret string) (address string, arrivals <-chan arrival) {
	t.Helper()
	got := make(chan arrival, 10)
	verifier := signature.Verifier{Secrets: []string{secret}, Tolerance: ed.Signature.Tolerance}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the body broke off: %v", err)
		}
		a := arrival{uri: r.RequestURI, header: r.Header, body: body}
		var refusal *signature.Refusal
		if errors.As(verifier.Verify(r.Header.Get(ed.Headers.Signature), body, time.Now()), &refusal) {
			a.reason = refusal.Reason
		}
		got <- a
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// shell runs a line as a user would, with the secret in the environment.
func shell(t *testing.T, line, secret string) {
	t.Helper()
	for _, tool := range []string{"sh", "curl", "openssl", "base64", "sed", "cut", "tr", "date"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("repeat lines need %s, and in CI it must be there", tool)
			}
			t.Skipf("repeat lines need %s, which is not installed", tool)
		}
	}
	if strings.Contains(line, secret) {
		t.Errorf("the line holds the secret: %s", line)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	// Neither a proxy nor a .curlrc of this machine.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), emitter.SecretVariable + "=" + secret}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, line, out)
	}
}

// Everything that the suites send, and bodies that a shell could trip over.
func TestRepeatLineSendsTheSameAgain(t *testing.T) {
	ed := edition(t, contract.DefaultEdition)
	address, arrivals := receive(t, ed, secret)
	client, err := wire.NewClient(30*time.Second, "", false)
	if err != nil {
		t.Fatal(err)
	}
	const notHex = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
	type expected struct {
		plan   emitter.Plan
		reason signature.Reason
	}
	body := func(text string) expected { return expected{plan: emitter.Plan{Body: []byte(text)}} }
	signed := func(template emitter.Template, reason signature.Reason) expected {
		return expected{emitter.Plan{Signature: template}, reason}
	}
	for name, c := range map[string]expected{
		"what Kirim sends":           {},
		"single and double quotes":   body(`{"a":"it's 'so' \"so\""}`),
		"newlines":                   body("{\n\r\n}\n\n"),
		"what a shell would expand":  body("$HOME ${T} $(id) `id` \\ \\n * ~ ! # ;&|<>"),
		"a leading @":                body("@/etc/hostname"),
		"a leading dash":             body("-d x"),
		"percent signs":              body("%s%d%%"),
		"a trailing newline":         body("{}\n"),
		"not UTF-8":                  body("{\"note\":\"\xff\xfe\"}"),
		"NUL":                        body("a\x00b"),
		"not UTF-8 with newlines":    body("\xff\n\n"),
		"an empty body":              body(""),
		"beyond the basic plane":     body("\U0001F64F\u2028e\u0301"),
		"signed over something else": {emitter.Plan{Body: []byte("{}"), SignedBody: []byte("{'}\n")}, signature.NoMatch},
		"signed over bytes":          {emitter.Plan{Body: []byte("{}"), SignedBody: []byte("\xff\x00'")}, signature.NoMatch},
		"both bytes":                 {emitter.Plan{Body: []byte("\xfe"), SignedBody: []byte("\xff")}, signature.NoMatch},
		"signed over nothing":        {emitter.Plan{SignedBody: []byte{}}, signature.NoMatch},

		"no header":                      {emitter.Plan{NoSignature: true}, signature.HeaderMissing},
		"an empty header":                signed(emitter.EmptySignature, signature.HeaderMissing),
		"no time":                        signed("v1={mac}", signature.TimestampMissing),
		"no v1":                          signed("t={t}", signature.SignatureMissing),
		"a time that is no number":       signed("t=now,v1={mac}", signature.TimestampNotNumeric),
		"another secret":                 signed("t={t},v1={mac key=wrong}", signature.NoMatch),
		"the empty key":                  signed("t={t},v1={mac key=empty}", signature.NoMatch),
		"another time":                   signed("t={t+1},v1={mac}", signature.NoMatch),
		"a short v1":                     signed("t={t},v1={mac first=32}", signature.NoMatch),
		"a long v1":                      signed("t={t},v1={mac}00", signature.NoMatch),
		"an empty v1":                    signed("t={t},v1=", signature.NoMatch),
		"a v1 of no digits":              signed("t={t},v1={mac first=0}", signature.NoMatch),
		"a v1 that is not hex":           signed("t={t},v1="+notHex, signature.NoMatch),
		"over the body alone":            signed("t={t},v1={mac over=body}", signature.NoMatch),
		"rotation, first":                signed("t={t},v1={mac},v1={mac key=wrong}", ""),
		"rotation, second":               signed("t={t},v1={mac key=wrong},v1={mac}", ""),
		"other schemes":                  signed("t={t},v0={mac key=wrong},v1={mac},v2={mac key=wrong first=43}", ""),
		"blanks":                         signed("t={t}, v1={mac}", ""),
		"order":                          signed("v1={mac},t={t}", ""),
		"unknown parts":                  signed("t={t},kid=2026-05,v1={mac},flag", ""),
		"upper case":                     signed("t={t},v1={mac upper}", signature.NoMatch),
		"not hex beside, first":          signed("t={t},v1="+notHex+",v1={mac}", ""),
		"not hex beside, second":         signed("t={t},v1={mac},v1="+notHex, ""),
		"odd length beside":              signed("t={t},v1={mac},v1=abc", ""),
		"empty beside":                   signed("t={t},v1=,v1={mac}", ""),
		"the key without its prefix":     signed("t={t},v1={mac key=stripped}", signature.NoMatch),
		"the key as base64":              signed("t={t},v1={mac key=base64}", signature.NoMatch),
		"milliseconds":                   signed("t={t*1000},v1={mac over=ms}", signature.TooNew),
		"what a shell would expand in t": signed("t={t},x=$HOME`id`\"'\\,v1={mac}", ""),
		"Meta's header": {
			emitter.Plan{Signature: "sha256={mac over=body}", SignatureHeader: "X-Hub-Signature-256"}, signature.HeaderMissing,
		},

		"too old":                 {emitter.Plan{Age: ed.Signature.Tolerance + 10*time.Second}, signature.TooOld},
		"too new":                 {emitter.Plan{Age: -ed.Signature.Tolerance - 10*time.Second}, signature.TooNew},
		"old and within":          {emitter.Plan{Age: ed.Signature.Tolerance - 10*time.Second}, ""},
		"new and within":          {emitter.Plan{Age: -ed.Signature.Tolerance + 10*time.Second}, ""},
		"lower-case names":        {emitter.Plan{Case: emitter.LowerCase}, ""},
		"upper-case names":        {emitter.Plan{Case: emitter.UpperCase}, ""},
		"attempt 3":               {emitter.Plan{Attempt: 3}, ""},
		"another content type":    {emitter.Plan{ContentType: "application/json; charset=utf-8"}, ""},
		"an event of another day": {emitter.Plan{EventName: "new.it's $HOME"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.plan.Event, c.plan.DeliveryID = contactCreated, "wbd_1"
			a := build(t, ed, address+"/it's?a=1&b=$HOME&c[0]={1,2}", time.Now(), c.plan)
			if x := client.Send(context.Background(), a.Request); x.Trouble != wire.None {
				t.Fatal(x.Err)
			}
			ours := <-arrivals
			line := a.Repeat()
			shell(t, line, secret)
			theirs := <-arrivals
			if ours.reason != c.reason || theirs.reason != c.reason {
				t.Errorf("we were refused with %q, the line with %q, want %q", ours.reason, theirs.reason, c.reason)
			}
			if ours.uri != theirs.uri || !bytes.Equal(ours.body, theirs.body) {
				t.Errorf("the line sent %q to %s, want %q to %s", theirs.body, theirs.uri, ours.body, ours.uri)
			}
			if got, want := slices.Sorted(maps.Keys(theirs.header)), slices.Sorted(maps.Keys(ours.header)); !slices.Equal(got, want) {
				t.Errorf("the line sent the headers %q, want %q", got, want)
			}
			for name, want := range ours.header {
				// The line signs at a time of its own.
				if !strings.Contains(name, "Signature") && !slices.Equal(theirs.header[name], want) {
					t.Errorf("the line sent %s: %q, want %q", name, theirs.header[name], want)
				}
			}
		})
	}
}

// The point of signing afresh: evidence of last week still proves something today.
func TestRepeatLineOfOldEvidenceIsSignedNow(t *testing.T) {
	ed := edition(t, contract.DefaultEdition)
	const rotated = "whsec_cm90YXRlZA"
	address, arrivals := receive(t, ed, rotated)
	for name, plan := range map[string]emitter.Plan{
		"text":  {Event: contactCreated},
		"bytes": {Event: contactCreated, Body: []byte("\xff\x00")},
	} {
		t.Run(name, func(t *testing.T) {
			shell(t, build(t, ed, address, now.AddDate(-1, 0, 0), plan).Repeat(), rotated)
			if got := <-arrivals; got.reason != "" {
				t.Errorf("refused with %s: %s", got.reason, got.header.Get(ed.Headers.Signature))
			}
		})
	}
}

func TestRepeatLineIsLeftOutWhereItWouldBeTooLong(t *testing.T) {
	ed := edition(t, contract.DefaultEdition)
	long := bytes.Repeat([]byte("x"), wire.MaxRepeatBody+1)
	for name, c := range map[string]struct {
		plan emitter.Plan
		line bool
	}{
		"long body":        {emitter.Plan{Body: long}, false},
		"long signed body": {emitter.Plan{Event: contactCreated, SignedBody: long}, false},
		"longest body":     {emitter.Plan{Body: long[1:]}, true},
	} {
		if got := build(t, ed, url, now, c.plan).Repeat(); (got != "") != c.line {
			t.Errorf("%s: a line of %d bytes", name, len(got))
		}
	}
}

// A server of https would else be spoken to in HTTP/2, where the case of header names is lost.
func TestRepeatLineOfHTTPSStaysWithHTTP1(t *testing.T) {
	if line := build(t, edition(t, contract.DefaultEdition), url, now, emitter.Plan{Event: contactCreated}).Repeat(); !strings.Contains(line, "--http1.1") {
		t.Error(line)
	}
}

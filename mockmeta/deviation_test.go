package mockmeta_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/signature"
)

func deviate(t testing.TB, name string, p mockmeta.Plan) (mockmeta.Plan, error) {
	t.Helper()
	for _, d := range mockmeta.Deviations() {
		if d.Name == name {
			return d.Apply(p)
		}
	}
	t.Fatalf("there is no deviation %s", name)
	return mockmeta.Plan{}, nil
}

func TestDeviationsSayTruthfullyWhetherTheyAreAuthentic(t *testing.T) {
	slug := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	plan := mockmeta.Plan{Event: message(t, everything)}
	usual := build(t, "http://x", plan)
	seen := map[string]string{}
	for _, d := range mockmeta.Deviations() {
		t.Run(d.Name, func(t *testing.T) {
			if !slug.MatchString(d.Name) || d.Does == "" {
				t.Errorf("the name is no slug, or nothing is said: %q, %q", d.Name, d.Does)
			}
			changed, err := d.Apply(plan)
			if err != nil {
				t.Fatal(err)
			}
			a := build(t, "http://x", changed)
			// What is on the wire decides, not what the plan says.
			values := header(a.Request, "X-Hub-Signature-256")
			err = signature.MetaVerifier{Secret: appSecret}.Verify(strings.Join(values, ","), a.Body)
			if (err == nil) != d.Authentic {
				t.Errorf("authentic: %v, but the verifier says: %v", d.Authentic, err)
			}
			// A receiver that falls back on the old header must not be right to take a forgery of the new one.
			old := header(a.Request, "X-Hub-Signature")
			oldErr := signature.MetaVerifier{Secret: appSecret}.VerifySHA1(strings.Join(old, ","), a.Body)
			if !d.Authentic && oldErr == nil && d.Name != "sha1-alone" {
				t.Error("the old signature is genuine")
			}
			form := fmt.Sprintf("%q\n%s", a.Header, a.Body)
			if form == fmt.Sprintf("%q\n%s", usual.Header, usual.Body) {
				t.Error("nothing is different")
			}
			if other, ok := seen[form]; ok {
				t.Errorf("it does the same as %s", other)
			}
			seen[form] = d.Name
		})
	}
	if again := build(t, "http://x", plan); !bytes.Equal(again.Body, usual.Body) {
		t.Error("a deviation changed the event itself")
	}
}

func TestDeviationsKeepWhatTheBodySays(t *testing.T) {
	plan := mockmeta.Plan{Event: message(t, everything)}
	genuine := build(t, "http://x", plan).Body
	for name, unwrap := range map[string]func([]byte) []byte{
		"unescaped-body":         nil,
		"reencoded-body":         nil,
		"reserialised-signature": nil,
		"spaced-body":            nil,
		"reversed-members":       nil,
		"trailing-newline":       nil,
		"lower-case-escape":      nil,
		"byte-order-mark":        func(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) },
		"gzip-body": func(b []byte) []byte {
			r, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			out, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return out
		},
	} {
		t.Run(name, func(t *testing.T) {
			changed, err := deviate(t, name, plan)
			if err != nil {
				t.Fatal(err)
			}
			body := build(t, "http://x", changed).Body
			if unwrap != nil {
				body = unwrap(body)
			}
			if canonical(t, body) != canonical(t, genuine) {
				t.Errorf("the body says something else: %s", body)
			}
		})
	}
}

func TestDeviationsOfWhatTheBodySays(t *testing.T) {
	plan := mockmeta.Plan{Event: message(t, everything)}
	genuine := build(t, "http://x", plan).Body
	for name, want := range map[string]string{
		"tampered-body":     `"timestamp":"1779530401"`,
		"number-timestamps": `"timestamp":1779530400`,
		"unknown-member":    `"kirimcheck_new":{"a":[1,null,"\u00e9"]}`,
		"empty-entry":       `"entry":[]`,
		"empty-changes":     `"changes":[]`,
		"unknown-field":     `"field":"kirimcheck_new"`,
		"unknown-object":    `"object":"page"`,
	} {
		t.Run(name, func(t *testing.T) {
			changed, err := deviate(t, name, plan)
			if err != nil {
				t.Fatal(err)
			}
			body := build(t, "http://x", changed).Body
			if !json.Valid(body) {
				t.Errorf("not JSON: %s", body)
			}
			if !bytes.Contains(body, []byte(want)) || bytes.Contains(genuine, []byte(want)) {
				t.Errorf("no %s in %s", want, body)
			}
			acts := bytes.Contains(body, []byte(`"messages":[`))
			if acts != (len(changed.Event.Items) > 0) {
				t.Errorf("%d items are promised, a message in the body: %v", len(changed.Event.Items), acts)
			}
		})
	}
}

func TestDeviationsThatWouldChangeNothingAreErrors(t *testing.T) {
	bare := mockmeta.Plan{Body: []byte(`{"object":"whatsapp_business_account","entry":[]}`)}
	for _, name := range []string{
		"reencoded-body", "reserialised-signature", "unescaped-body",
		"tampered-body", "number-timestamps", "lower-case-escape", "unknown-member",
	} {
		if _, err := deviate(t, name, bare); err == nil || !strings.Contains(err.Error(), "deviation "+name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := deviate(t, "spaced-body", mockmeta.Plan{}); err == nil {
		t.Error("a plan without an event was changed")
	}
}

// Lower case must not touch text that only looks like an escape: a backslash, itself escaped, before u003C.
func TestLowerCaseEscapeLeavesEscapedBackslashesAlone(t *testing.T) {
	changed, err := deviate(t, "lower-case-escape", mockmeta.Plan{Body: []byte(`["\\u003C","\u003C","\\\u003C"]`)})
	if err != nil {
		t.Fatal(err)
	}
	if want := `["\\u003C","\u003c","\\\u003c"]`; string(changed.Body) != want {
		t.Errorf("got %s, want %s", changed.Body, want)
	}
}

// canonical encodes a document with its members sorted.
func canonical(t *testing.T, body []byte) string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

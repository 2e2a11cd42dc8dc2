package suites

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/reports"
	"github.com/kirimcheck/kirimcheck/wire"
)

// everyEvent makes one event of each variant of an edition.
func everyEvent(t *testing.T, ed contract.Edition, now func() time.Time) []fixtures.Event {
	t.Helper()
	generator, err := fixtures.NewGenerator(ed, 1, now)
	if err != nil {
		t.Fatal(err)
	}
	variants, err := fixtures.Variants(ed)
	if err != nil {
		t.Fatal(err)
	}
	var out []fixtures.Event
	for _, v := range variants {
		ev, err := generator.Event(v.Event, v.Name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, ev)
	}
	return out
}

func everyEdition(t *testing.T) []contract.Edition {
	t.Helper()
	editions, err := contract.Editions()
	if err != nil {
		t.Fatal(err)
	}
	return editions
}

// A forgery that changed an id would have its effect looked for in the wrong place, and pass for refused.
func TestTamperingChangesOneDigitAndNoID(t *testing.T) {
	for _, ed := range everyEdition(t) {
		// Every last digit, 9 and the wrap to 0 included.
		for second := range 10 {
			now := func() time.Time { return time.Date(2026, 5, 4, 3, 2, second, second*int(time.Millisecond), time.UTC) }
			for _, ev := range everyEvent(t, ed, now) {
				for form, body := range map[string][]byte{"plain": ev.Body, "as Meta writes": fixtures.EscapeMeta(ev.Body)} {
					got, err := tamper(body)
					if err != nil {
						t.Fatalf("%s %s, %s: %v", ev.Name, ev.Variant, form, err)
					}
					different := 0
					for i := range body {
						if body[i] != got[i] {
							different++
						}
					}
					if len(got) != len(body) || different != 1 || !json.Valid(got) {
						t.Errorf("%s %s, %s: %d of %d bytes are different:\n%s\n%s", ev.Name, ev.Variant, form, different, len(body), body, got)
					}
					if before, after := ids(t, body), ids(t, got); !slices.Equal(before, after) {
						t.Errorf("%s %s, %s: the ids %v became %v", ev.Name, ev.Variant, form, before, after)
					}
				}
			}
		}
	}
	if _, err := tamper([]byte(`{"at":"2026-05-04"}`)); !errors.Is(err, errNoTime) {
		t.Errorf("a body without a time: %v", err)
	}
}

// ids lists every value of a member that is, or ends in, id, in the order of the body.
func ids(t *testing.T, body []byte) []string {
	t.Helper()
	var out []string
	dec := json.NewDecoder(bytes.NewReader(body))
	name := ""
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		text, ok := token.(string)
		if ok && (name == "id" || strings.HasSuffix(name, "_id")) {
			out = append(out, text)
		}
		name = text
	}
}

func TestTwinDiffersInItsIDAlone(t *testing.T) {
	for _, ed := range everyEdition(t) {
		for _, ev := range everyEvent(t, ed, time.Now) {
			const id = "another_id"
			before := ev
			before.Body, before.Items = bytes.Clone(ev.Body), slices.Clone(ev.Items)
			twin := renamed(ev, id)
			if !reflect.DeepEqual(ev, before) {
				t.Errorf("%s %s was changed itself", ev.Name, ev.Variant)
			}
			if twin.ID != id || twin.Name != ev.Name || twin.Source != ev.Source || len(twin.Items) != len(ev.Items) {
				t.Errorf("%s %s: %+v", ev.Name, ev.Variant, twin)
			}
			if back := bytes.ReplaceAll(twin.Body, []byte(id), []byte(ev.ID)); !bytes.Equal(back, ev.Body) || bytes.Contains(twin.Body, []byte(ev.ID)) {
				t.Errorf("%s %s: the body became %s", ev.Name, ev.Variant, twin.Body)
			}
			for i, it := range twin.Items {
				want := ev.Items[i]
				if want.ID == ev.ID {
					want.ID = id
				}
				if it != want {
					t.Errorf("%s %s: item %v, want %v", ev.Name, ev.Variant, it, want)
				}
			}
		}
	}
}

func TestEvidenceKeepsTheBeginningOfABody(t *testing.T) {
	x := strings.Repeat("x", maxEvidence)
	bin := "\xff" + x
	for name, c := range map[string]struct {
		body      string
		cut       bool
		text, bin string
		truncated bool
	}{
		"empty":                    {},
		"short":                    {body: "é\n", text: "é\n"},
		"short, the rest unread":   {body: "é\n", cut: true, text: "é\n", truncated: true},
		"just short enough":        {body: x, text: x},
		"one byte too long":        {body: x + "y", text: x, truncated: true},
		"a character at the limit": {body: x[2:] + "é", text: x[2:] + "é"},
		"cut in two bytes":         {body: x[1:] + "é", text: x[1:], truncated: true},
		"cut in four bytes, 1":     {body: x[1:] + "\U0001F64F", text: x[1:], truncated: true},
		"cut in four bytes, 3":     {body: x[3:] + "\U0001F64F", text: x[3:], truncated: true},
		"not UTF-8":                {body: "a\xffb", bin: "a\xffb"},
		"NUL is text":              {body: "a\x00b", text: "a\x00b"},
		"not UTF-8, just short":    {body: bin[:maxEvidence], bin: bin[:maxEvidence]},
		"not UTF-8, too long":      {body: bin, bin: bin[:maxEvidence], truncated: true},
		"not UTF-8 at its end":     {body: x + "\xff", bin: x, truncated: true},
		"not UTF-8, rest unread":   {body: "\xff", cut: true, bin: "\xff", truncated: true},
	} {
		got := body([]byte(c.body), c.cut)
		sum := sha256.Sum256([]byte(c.body))
		want := reports.Body{
			Size: len(c.body), SHA256: hex.EncodeToString(sum[:]), Text: c.text, Truncated: c.truncated,
			Base64: base64.StdEncoding.EncodeToString([]byte(c.bin)),
		}
		if got != want {
			t.Errorf("%s: size %d, truncated %v, %d bytes of text, %d of base64; want %d, %v, %d and %d", name,
				got.Size, got.Truncated, len(got.Text), len(got.Base64), want.Size, want.Truncated, len(want.Text), len(want.Base64))
		}
		if !utf8.ValidString(got.Text) {
			t.Errorf("%s: the text is not UTF-8", name)
		}
	}
}

func TestEvidenceHasWhatWentOverTheWire(t *testing.T) {
	request := wire.Request{
		Method: "POST", URL: "https://user:hush@example.com:8443/hook?token=hush&a=", Body: []byte("{}"),
		Header: []wire.Field{{Name: "x-b", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "x-b", Value: "3"}},
	}
	started := time.Date(2026, 5, 4, 10, 0, 0, 0, time.FixedZone("WIB", 7*3600))
	got := evidence("label", wire.Exchange{
		Request: request, Started: started, Took: 1500 * time.Microsecond, Status: 418, Proto: "HTTP/1.1",
		Header: http.Header{"X-Z": {"1", "2"}, "A": {"3"}}, Body: []byte("no"), BodyCut: true,
	})
	if got.Label != "label" || got.DurationMS != 1.5 || got.Started.Format(time.RFC3339) != "2026-05-04T03:00:00Z" || got.Error != "" {
		t.Errorf("%+v", got)
	}
	wantHeader := []reports.Header{
		{Name: "Host", Value: "example.com:8443"}, {Name: "x-b", Value: "1"}, {Name: "X-A", Value: "2"}, {Name: "x-b", Value: "3"},
		{Name: "Content-Length", Value: "2"},
	}
	if !slices.Equal(got.Request.Header, wantHeader) || got.Request.Method != "POST" || got.Request.Body.Text != "{}" {
		t.Errorf("request %+v", got.Request)
	}
	if strings.Contains(got.Request.URL, "hush") || !strings.Contains(got.Request.URL, "example.com:8443/hook?token=") {
		t.Errorf("URL %s", got.Request.URL)
	}
	wantAnswer := []reports.Header{{Name: "A", Value: "3"}, {Name: "X-Z", Value: "1"}, {Name: "X-Z", Value: "2"}}
	if r := got.Response; r == nil || r.Status != 418 || r.Proto != "HTTP/1.1" || !slices.Equal(r.Header, wantAnswer) || !r.Body.Truncated {
		t.Errorf("response %+v", got.Response)
	}
	broken := evidence("", wire.Exchange{Request: request, Trouble: wire.BrokenOff, Err: errNoTime})
	if broken.Response != nil || broken.Error != errNoTime.Error() {
		t.Errorf("without an answer: %+v", broken)
	}
	half := evidence("", wire.Exchange{Request: request, Trouble: wire.BrokenOff, Err: errNoTime, Status: 200, Body: []byte("ha")})
	if half.Response == nil || half.Response.Body.Text != "ha" || half.Error == "" {
		t.Errorf("half an answer: %+v", half)
	}
}

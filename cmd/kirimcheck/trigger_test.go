package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/fixtures"
	"github.com/kirimcheck/kirimcheck/schemas"
	"github.com/kirimcheck/kirimcheck/signature"
	"github.com/kirimcheck/kirimcheck/target/reference"
)

// inbox is a subscriber that keeps what comes, and answers with a status.
type inbox struct {
	*httptest.Server
	mu       sync.Mutex
	requests []delivered
}

type delivered struct {
	header http.Header
	body   []byte
	at     time.Time
}

func newInbox(t *testing.T, status int) *inbox {
	t.Helper()
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
		if err != nil {
			t.Error(err)
		}
		in.mu.Lock()
		in.requests = append(in.requests, delivered{r.Header, body, time.Now()})
		in.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) got() []delivered {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.requests
}

func TestTriggerSendsSignedUniqueEventsOfTheirSchema(t *testing.T) {
	set, err := schemas.Load()
	if err != nil {
		t.Fatal(err)
	}
	in := newInbox(t, http.StatusOK)
	r := kirimcheck(t, secretEnv, "trigger", "contact.updated", "--count", "3", "--set", "data.contact.name=Ayu", "--to", in.URL)
	if r.code != exitConformant || strings.Count(r.stdout, "taken with 200") != 3 {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	ids := map[string]bool{}
	verifier := signature.Verifier{Secrets: []string{reference.Secret}, Tolerance: 300 * time.Second}
	for _, d := range in.got() {
		if err := verifier.Verify(d.header.Get("X-Kirim-Signature"), d.body, d.at); err != nil {
			t.Error(err)
		}
		if err := set.ValidateEvent(contract.DefaultEdition, "contact.updated", d.body); err != nil {
			t.Error(err)
		}
		if name := gjson.GetBytes(d.body, "data.contact.name").String(); name != "Ayu" {
			t.Errorf("name %q", name)
		}
		if id := gjson.GetBytes(d.body, "id").String(); id != d.header.Get("X-Kirim-Event-Id") {
			t.Errorf("the body has id %q, the header %q", id, d.header.Get("X-Kirim-Event-Id"))
		}
		ids[d.header.Get("X-Kirim-Event-Id")] = true
	}
	if len(ids) != 3 {
		t.Errorf("%d different events, want 3", len(ids))
	}
}

func TestTriggerAsMetaSendsWhatMetaSends(t *testing.T) {
	for name, args := range map[string][]string{
		"a message":             {"message.received", "--variant", "image"},
		"another webhook field": {"account_update"},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t, http.StatusOK)
			args := append([]string{"trigger", "--as", "meta", "--to", in.URL}, args...)
			r := kirimcheck(t, []string{"META_APP_SECRET=" + reference.MetaSecret}, args...)
			if r.code != exitConformant || len(in.got()) != 1 {
				t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			d := in.got()[0]
			if err := (signature.MetaVerifier{Secret: reference.MetaSecret}).Verify(d.header.Get("X-Hub-Signature-256"), d.body); err != nil {
				t.Error(err)
			}
			if d.header.Get("X-Kirim-Signature") != "" || !json.Valid(d.body) {
				t.Errorf("headers %v, body %s", d.header, d.body)
			}
		})
	}
}

// Meta takes 200 alone for a success, Kirim any 2xx.
func TestTriggerExitCodes(t *testing.T) {
	metaEnv := []string{"META_APP_SECRET=x"}
	for name, c := range map[string]struct {
		status int
		env    []string
		args   []string
		want   int
	}{
		"Kirim takes 204":         {http.StatusNoContent, secretEnv, []string{"contact.created"}, exitConformant},
		"Meta does not":           {http.StatusNoContent, metaEnv, []string{"message.received", "--as", "meta"}, exitNonConformant},
		"refused by the receiver": {http.StatusUnauthorized, secretEnv, []string{"contact.created"}, exitNonConformant},
	} {
		t.Run(name, func(t *testing.T) {
			in := newInbox(t, c.status)
			if r := kirimcheck(t, c.env, append([]string{"trigger", "--to", in.URL}, c.args...)...); r.code != c.want {
				t.Errorf("exit code %d, want %d\n%s%s", r.code, c.want, r.stdout, r.stderr)
			}
		})
	}
	if r := kirimcheck(t, secretEnv, "trigger", "contact.created", "--to", "http://127.0.0.1:1/"); r.code != exitUnreachable {
		t.Errorf("unreachable: exit code %d", r.code)
	}
}

// Every event and variant can be triggered: the printed line, run by a shell, is a valid delivery.
func TestTriggerPrintsLinesThatWork(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed", tool)
			}
			t.Skipf("%s is not installed", tool)
		}
	}
	in := newInbox(t, http.StatusOK)
	for name, args := range map[string][]string{
		"as kirim": {"trigger", "conversation.closed", "--to", in.URL, "--print"},
		"as meta":  {"trigger", "message.status", "--as", "meta", "--to", in.URL, "--print"},
	} {
		r := kirimcheck(t, nil, args...)
		if r.code != exitConformant {
			t.Fatalf("%s: exit code %d\n%s", name, r.code, r.stderr)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", r.stdout)
		cmd.Env = append(os.Environ(), "KIRIM_SECRET="+reference.Secret, "META_APP_SECRET="+reference.MetaSecret)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	verifier := signature.Verifier{Secrets: []string{reference.Secret}, Tolerance: 300 * time.Second}
	for _, d := range in.got() {
		var err error
		if header := d.header.Get("X-Kirim-Signature"); header != "" {
			err = verifier.Verify(header, d.body, d.at)
		} else {
			err = signature.MetaVerifier{Secret: reference.MetaSecret}.Verify(d.header.Get("X-Hub-Signature-256"), d.body)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if len(in.got()) != 2 {
		t.Errorf("%d deliveries, want 2", len(in.got()))
	}
}

func TestTriggerListsTheWholeCatalogue(t *testing.T) {
	for _, edition := range []string{"kirim.chat", "kirimdev"} {
		ed, err := contract.LoadEdition(edition)
		if err != nil {
			t.Fatal(err)
		}
		variants, err := fixtures.Variants(ed)
		if err != nil {
			t.Fatal(err)
		}
		r := kirimcheck(t, nil, "trigger", "--list", "--edition", edition)
		if got := strings.Count(r.stdout, "\n"); got != len(variants) {
			t.Errorf("%s: %d lines, want %d", edition, got, len(variants))
		}
	}
}

// As Kirim, Meta's body comes with the object beside it, and as Meta without; what Meta never sends is not Meta's.
func TestTriggerAnnotatesAsKirimAndNotAsMeta(t *testing.T) {
	for as, want := range map[string]bool{"kirim": true, "meta": false} {
		r := kirimcheck(t, nil, "trigger", "message.received", "--edition", "kirimdev", "--as", as, "--print")
		if got := strings.Contains(r.stdout, `"kirim":{`); got != want || !strings.Contains(r.stdout, "whatsapp_business_account") {
			t.Errorf("as %s: exit code %d\n%s%s", as, r.code, r.stdout, r.stderr)
		}
		r = kirimcheck(t, nil, "trigger", "message.status", "--edition", "kirimdev", "--as", as, "--variant", "failed-before-acceptance", "--print")
		if got := r.code == exitConformant; got != want {
			t.Errorf("as %s: exit code %d\n%s%s", as, r.code, r.stdout, r.stderr)
		}
		r = kirimcheck(t, nil, "trigger", "--list", "--edition", "kirimdev", "--as", as)
		if got := strings.Contains(r.stdout, "failed-before-acceptance"); got != want {
			t.Errorf("as %s: %s", as, r.stdout)
		}
	}
}

func TestHelpNamesTheEditions(t *testing.T) {
	for _, command := range []string{"certify", "list", "listen", "serve", "trigger"} {
		if r := kirimcheck(t, nil, command, "--help"); !strings.Contains(r.stdout, "(kckit, kirim.chat, kirimdev)") {
			t.Errorf("%s: %s", command, r.stdout)
		}
	}
}

func TestTriggerRefusesBadInput(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no event":              {nil, "trigger --list"},
		"unknown event":         {[]string{"contact.create"}, `"contact.create"`},
		"unknown variant":       {[]string{"contact.created", "--variant", "x"}, "organic"},
		"unknown edition":       {[]string{"contact.created", "--edition", "x"}, "kckit"},
		"unknown sender":        {[]string{"contact.created", "--as", "x"}, "kirim or meta"},
		"an event Meta lacks":   {[]string{"contact.created", "--as", "meta"}, "--as meta --list"},
		"no count":              {[]string{"contact.created", "--count", "0"}, "at least 1"},
		"set without a value":   {[]string{"contact.created", "--set", "id"}, "path=value"},
		"set what is not there": {[]string{"contact.created", "--set", "data.x=1"}, "--add"},
		"add what is there":     {[]string{"contact.created", "--add", "id=1"}, "--set"},
		"send without a secret": {[]string{"contact.created", "--to", "http://127.0.0.1:1/"}, "KIRIM_SECRET"},
		"list and an event":     {[]string{"contact.created", "--list"}, "--list"},
	} {
		t.Run(name, func(t *testing.T) {
			r := kirimcheck(t, nil, append([]string{"trigger"}, c.args...)...)
			if r.code != exitUsage {
				t.Errorf("exit code %d\n%s", r.code, r.stdout)
			}
			r.oneLine(t, c.want)
		})
	}
}

func TestEditKeepsTheRestOfTheBody(t *testing.T) {
	body := []byte(`{"id":"a","n":1, "t":"12","o":{"x":null}}`)
	for name, c := range map[string]struct {
		set, add []string
		want     string
	}{
		"text stays text":        {[]string{"t=13"}, nil, `{"id":"a","n":1, "t":"13","o":{"x":null}}`},
		"a number stays one":     {[]string{"n=2"}, nil, `{"id":"a","n":2, "t":"12","o":{"x":null}}`},
		"null on purpose":        {[]string{"t=null"}, nil, `{"id":"a","n":1, "t":null,"o":{"x":null}}`},
		"quoted text":            {[]string{`n="2"`}, nil, `{"id":"a","n":"2", "t":"12","o":{"x":null}}`},
		"an object in its place": {[]string{`o.x={"y":[1]}`}, nil, `{"id":"a","n":1, "t":"12","o":{"x":{"y":[1]}}}`},
		"an equals sign":         {[]string{"id=a=b"}, nil, `{"id":"a=b","n":1, "t":"12","o":{"x":null}}`},
		"a new member":           {nil, []string{"o.y=true"}, `{"id":"a","n":1, "t":"12","o":{"x":null,"y":true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := edit(body, c.set, c.add)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

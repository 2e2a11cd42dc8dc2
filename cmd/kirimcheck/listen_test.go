package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kirimcheck/kirimcheck/emitter"
	"github.com/kirimcheck/kirimcheck/target/reference"
	"github.com/kirimcheck/kirimcheck/target/subscriber"
	"github.com/kirimcheck/kirimcheck/wire"
)

func TestListenTellsEachDeliveryInOneLine(t *testing.T) {
	l := listenTo(t, "whsec_old, "+reference.Secret)
	for name, c := range map[string]struct {
		event  string
		secret string
		change func(*emitter.Plan)
		want   []string
	}{
		"genuine":         {"contact.created", reference.Secret, nil, []string{"contact.created", "evt_", "attempt 1", "kirim", "  verified", "  valid", "answered 200"}},
		"the older":       {"conversation.closed", "whsec_old", func(p *emitter.Plan) { p.Attempt = 3 }, []string{"attempt 3", "  verified"}},
		"of Meta's":       {"message.received", reference.Secret, nil, []string{"wamid.", "meta ", "  verified", "  valid"}},
		"another secret":  {"contact.updated", "whsec_other", nil, []string{"NOT VERIFIED no-match", "answered 200"}},
		"stale":           {"contact.created", reference.Secret, func(p *emitter.Plan) { p.Age = time.Hour }, []string{"NOT VERIFIED too-old"}},
		"not signed":      {"contact.created", reference.Secret, func(p *emitter.Plan) { p.NoSignature = true }, []string{"NOT VERIFIED header-missing"}},
		"against schema":  {"contact.created", reference.Secret, func(p *emitter.Plan) { p.Body = []byte(`{"id":1}`) }, []string{"  verified", "INVALID", "more)"}},
		"not JSON":        {"contact.created", reference.Secret, func(p *emitter.Plan) { p.Body = []byte("\x1b[31m") }, []string{"INVALID"}},
		"unknown event":   {"contact.created", reference.Secret, func(p *emitter.Plan) { p.EventName = "contact.mo\u202eved" }, []string{"contact.mo\uFFFDved", "INVALID no schema"}},
		"the wrong shape": {"message.received", reference.Secret, func(p *emitter.Plan) { p.EventName = "contact.created" }, []string{"INVALID"}},
	} {
		x := deliver(t, l.url, "", c.secret, c.event, c.change)
		line := l.line()
		if x.Status != 200 || x.Err != nil {
			t.Errorf("%s: %d %v", name, x.Status, x.Err)
		}
		for _, want := range c.want {
			if !strings.Contains(line, want) {
				t.Errorf("%s: no %q in %q", name, want, line)
			}
		}
		if strings.Contains(line, "whsec_") || strings.ContainsRune(line, '\x1b') {
			t.Errorf("%s: %q", name, line)
		}
	}
	if last := l.end(); !strings.Contains(last, "10 deliveries") || !strings.Contains(last, "7 verified") {
		t.Error(last)
	}
}

func TestListenWithoutASecretSaysSoOnce(t *testing.T) {
	l := listenTo(t, "")
	if note := l.note(); !strings.Contains(note, "KIRIM_SECRET is not set") || !strings.Contains(note, "not checked") {
		t.Error(note)
	}
	for range 2 {
		deliver(t, l.url, "", "whsec_any", "contact.created", nil)
		if line := l.line(); !strings.Contains(line, "  not checked") {
			t.Error(line)
		}
	}
	if last := l.end(); strings.Contains(last, "verified") || !strings.Contains(last, "2 deliveries, 1 of them repeated") {
		t.Error(last)
	}
}

func TestListenNotesASecretWithoutItsPrefixAndDoesNotShowIt(t *testing.T) {
	l := listenTo(t, reference.Secret+" rahasia")
	if note := l.note(); !strings.Contains(note, "secret 2 of 2") || !strings.Contains(note, "whsec_") || strings.Contains(note, "rahasia") {
		t.Error(note)
	}
	l.end()
}

func TestListenMarksDuplicates(t *testing.T) {
	l := listenTo(t, reference.Secret)
	status := func(word string) func(*emitter.Plan) {
		return func(p *emitter.Plan) {
			p.Body = []byte(`{"entry":[{"changes":[{"value":{"statuses":[{"status":"` + word + `"}]}}]}]}`)
		}
	}
	for _, c := range []struct {
		event  string
		change func(*emitter.Plan)
		want   string
	}{
		{"contact.created", nil, ""},
		{"contact.created", nil, "duplicate of #1"},
		{"message.status", status("sent"), ""},
		{"message.status", status("delivered"), ""},
		{"message.status", status("sent"), "duplicate of #3"},
		{"contact.created", func(p *emitter.Plan) { p.EventName = "contact.updated" }, ""},
		{"contact.created", nil, "duplicate of #1"},
	} {
		deliver(t, l.url, "", reference.Secret, c.event, c.change)
		line := l.line()
		if !strings.Contains(line, c.want) || c.want == "" && strings.Contains(line, "duplicate") {
			t.Errorf("want %q: %q", c.want, line)
		}
	}
	l.end()
}

func TestListenForgetsTheOldestDeliveries(t *testing.T) {
	s := newSeen()
	for n := 1; n <= maxSeen+2; n++ {
		if before := s.first("e", fmt.Sprint(n), "", n); before != 0 {
			t.Fatalf("%d is a duplicate of %d", n, before)
		}
	}
	if len(s.numbers) != maxSeen || s.first("e", "3", "", 0) != 3 || s.first("e", "2", "", 9) != 0 {
		t.Errorf("%d remembered", len(s.numbers))
	}
	if s.first("e", "", "", 1)+s.first("e", "", "", 2) != 0 {
		t.Error("deliveries without an id are taken for one")
	}
}

func TestListenFailsAsToldAndAsOften(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want []int
	}{
		"three times": {[]string{"--status", "500", "--times", "3"}, []int{500, 500, 500, 200, 200}},
		"always":      {[]string{"--status", "410"}, []int{410, 410, 410}},
		"a success":   {[]string{"--status", "202"}, []int{202, 202}},
	} {
		l := listenTo(t, reference.Secret, c.args...)
		for _, want := range c.want {
			x := deliver(t, l.url, "", reference.Secret, "contact.created", nil)
			if line := l.line(); x.Status != want || !strings.Contains(line, fmt.Sprint("answered ", want)) {
				t.Errorf("%s: %d: %q", name, x.Status, line)
			}
		}
		l.end()
	}
	const delay = 80 * time.Millisecond
	l := listenTo(t, reference.Secret, "--delay", delay.String(), "--times", "1")
	for _, late := range []bool{true, false} {
		x := deliver(t, l.url, "", reference.Secret, "contact.created", nil)
		if line := l.line(); x.Status != 200 || late != strings.Contains(line, "after 80ms") || late && x.Took < delay {
			t.Errorf("%d after %s: %q", x.Status, x.Took, line)
		}
	}
	l.end()
}

func TestListenForwardsTheBytesAndTheAnswer(t *testing.T) {
	next, err := subscriber.Listen(t.Context(), subscriber.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	e := next.Endpoint()
	e.Default(subscriber.Answer{Status: 418, Header: []wire.Field{{Name: "X-Teapot", Value: "short"}}, Body: []byte("stout")})
	l := listenTo(t, reference.Secret, "--forward-to", e.URL()+"?token=t", "--status", "503", "--times", "1")
	body := []byte("{\"id\" : \"\\u00e9\xff\"}")
	change := func(p *emitter.Plan) { p.Body, p.Case = body, emitter.UpperCase }
	if x := deliver(t, l.url, "", reference.Secret, "contact.created", change); x.Status != 503 {
		t.Errorf("told to fail: %d", x.Status)
	}
	if n, _ := e.Count(); n != 0 {
		t.Error("what it was told to refuse was forwarded")
	}
	l.line()
	x := deliver(t, l.url+"x/y", "", reference.Secret, "contact.created", change)
	if x.Status != 418 || x.Header.Get("X-Teapot") != "short" || string(x.Body) != "stout" {
		t.Errorf("%d %v %q", x.Status, x.Header, x.Body)
	}
	if line := l.line(); !strings.Contains(line, "answered 418") {
		t.Error(line)
	}
	got := e.Received()
	if len(got) != 1 || !bytes.Equal(got[0].Body, body) || !strings.HasSuffix(got[0].Target, "?token=t") {
		t.Fatalf("%+v", got)
	}
	byName := func(a, b wire.Field) int { return strings.Compare(a.Name, b.Name) }
	want, have := slices.SortedFunc(slices.Values(x.Request.Header), byName), []wire.Field{}
	for _, f := range slices.SortedFunc(slices.Values(got[0].Header), byName) {
		if f.Name != "Host" && f.Name != "Content-Length" {
			have = append(have, f)
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("headers %q, want %q", have, want)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
	x = deliver(t, l.url, "", reference.Secret, "contact.created", nil)
	if line := l.line(); x.Status != http.StatusBadGateway || !strings.Contains(line, "not forwarded: not-reached") || strings.Contains(line, "token") {
		t.Errorf("%d: %q", x.Status, line)
	}
	l.end()
}

func TestListenInJSON(t *testing.T) {
	l := listenTo(t, reference.Secret, "--json")
	deliver(t, l.url, "", reference.Secret, "contact.created", nil)
	deliver(t, l.url, "", "whsec_other", "contact.created", nil)
	var got [2]map[string]any
	for i := range got {
		if err := json.Unmarshal([]byte(l.line()), &got[i]); err != nil {
			t.Fatal(err)
		}
	}
	if a := got[0]; a["event"] != "contact.created" || a["verified"] != true || a["valid"] != true || a["status"] != 200.0 ||
		a["attempt"] != "1" || a["number"] != 1.0 || a["duplicate_of"] != nil {
		t.Errorf("%v", a)
	}
	if b := got[1]; b["verified"] != false || !strings.HasPrefix(fmt.Sprint(b["refusal"]), "no-match") || b["duplicate_of"] != 1.0 {
		t.Errorf("%v", b)
	}
	l.end()
}

func TestListenOnOnePathAndForPOSTAlone(t *testing.T) {
	l := listenTo(t, reference.Secret, "--path", "/hook")
	if !strings.HasSuffix(l.url, "/hook") {
		t.Error(l.url)
	}
	if x := deliver(t, strings.TrimSuffix(l.url, "hook"), "", reference.Secret, "contact.created", nil); x.Status != 404 {
		t.Error(x.Status)
	}
	if line := l.line(); !strings.Contains(line, "the path is /hook") {
		t.Error(line)
	}
	resp, err := http.Get(l.url)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if line := l.line(); resp.StatusCode != 405 || resp.Header.Get("Allow") != "POST" || !strings.Contains(line, "GET /hook: answered 405") {
		t.Errorf("%d: %q", resp.StatusCode, line)
	}
	if x := deliver(t, l.url+"?a=b", "", reference.Secret, "contact.created", nil); x.Status != 200 {
		t.Error(x.Status)
	}
	l.line()
	if last := l.end(); !strings.Contains(last, "1 deliveries") {
		t.Error(last)
	}
}

func TestListenOverTLSWithAnAuthorityToTrust(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	l := listenTo(t, reference.Secret, "--tls", "--ca-out", ca)
	if !strings.HasPrefix(l.url, "https://127.0.0.1:") {
		t.Fatal(l.url)
	}
	if note := l.note(); !strings.Contains(note, ca) {
		t.Error(note)
	}
	if x := deliver(t, l.url, ca, reference.Secret, "contact.created", nil); x.Status != 200 {
		t.Errorf("%d %v", x.Status, x.Err)
	}
	if line := l.line(); !strings.Contains(line, "  verified") {
		t.Error(line)
	}
	l.end()
}

func TestListenTakesAnyTimeWhereItIsToldTo(t *testing.T) {
	l := listenTo(t, reference.Secret, "--any-time")
	for _, age := range []time.Duration{0, 31 * time.Hour, -31 * time.Hour} {
		deliver(t, l.url, "", reference.Secret, "contact.created", func(p *emitter.Plan) { p.Age = age })
		if line := l.line(); !strings.Contains(line, "  verified") {
			t.Error(line)
		}
	}
	deliver(t, l.url, "", "whsec_other", "contact.created", nil)
	if line := l.line(); !strings.Contains(line, "NOT VERIFIED no-match") {
		t.Error(line)
	}
	l.end()
}

func TestListenBadInputIsOneClearLine(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	address := strings.TrimPrefix(taken.URL, "http://")
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"an argument":               {[]string{"x"}, []string{"no arguments"}},
		"a status that is none":     {[]string{"--status", "99"}, []string{"--status 99", "200 to 599"}},
		"an interim status":         {[]string{"--status", "102"}, []string{"--status 102"}},
		"times alone":               {[]string{"--times", "3"}, []string{"--times", "--status or --delay"}},
		"negative times":            {[]string{"--times", "-1"}, []string{"--times -1"}},
		"negative delay":            {[]string{"--delay", "-1s"}, []string{"--delay -1s"}},
		"a path without a slash":    {[]string{"--path", "hook"}, []string{`--path "hook"`, "slash"}},
		"a path with a query":       {[]string{"--path", "/a?b"}, []string{`--path "/a?b"`}},
		"an address without a port": {[]string{"--address", "127.0.0.1"}, []string{`--address "127.0.0.1"`, "host:port"}},
		"an address that is taken":  {[]string{"--address", address}, []string{address, "in use"}},
		"forwarding to no URL":      {[]string{"--forward-to", "127.0.0.1:3000"}, []string{"--forward-to", "http://"}},
		"forwarding with password":  {[]string{"--forward-to", "http://a:rahasia@x/"}, []string{"--forward-to", "password"}},
		"forwarding to itself":      {[]string{"--address", "127.0.0.1:9876", "--forward-to", "http://127.0.0.1:9876/x"}, []string{"itself"}},
		"forwarding and a status":   {[]string{"--forward-to", "http://x/", "--status", "500"}, []string{"--forward-to", "--times"}},
		"an unknown edition":        {[]string{"--edition", "x"}, []string{`"x"`, "kckit"}},
		"a variable that is empty":  {[]string{"--secret-env", "KIRIMCHECK_NOT_SET"}, []string{"KIRIMCHECK_NOT_SET", "empty or not set"}},
		"two certificates":          {[]string{"--tls", "--tls-cert", "a", "--tls-key", "b"}, []string{"--tls"}},
		"half a certificate":        {[]string{"--tls-cert", "a"}, []string{"belong together"}},
		"a certificate not there":   {[]string{"--tls-cert", "a.pem", "--tls-key", "b.pem"}, []string{"a.pem", "no such file"}},
		"a place it cannot write":   {[]string{"--tls", "--ca-out", "/nowhere/ca.pem"}, []string{"--ca-out", "/nowhere/ca.pem"}},
	} {
		t.Run(name, func(t *testing.T) {
			code := -1
			var out bytes.Buffer
			cmd := newListen(&code)
			cmd.SilenceUsage, cmd.SilenceErrors = true, true
			cmd.SetArgs(c.args)
			cmd.SetOut(&out)
			cmd.SetErr(&out)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := cmd.ExecuteContext(ctx)
			if err == nil || errorCode(err) != exitUsage || out.Len() > 0 {
				t.Fatalf("%v: %q", err, out.String())
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %q", want, err)
				}
			}
			if strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "rahasia") {
				t.Errorf("%q", err)
			}
		})
	}
}

func TestListenEndsWhenNobodyTakesItsLines(t *testing.T) {
	// A file that is open for reading alone refuses every write.
	out, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	t.Setenv(secretVar, reference.Secret)
	var code int
	notes, stderr := io.Pipe()
	cmd := newListen(&code)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs([]string{"--address", "127.0.0.1:0"})
	cmd.SetOut(out)
	cmd.SetErr(stderr)
	done := make(chan error, 1)
	go func() {
		done <- cmd.ExecuteContext(t.Context())
		_ = stderr.Close()
	}()
	// The answer may or may not come before the end.
	deliver(t, address(<-lines(notes)), "", reference.Secret, "contact.created", nil)
	if err := <-done; err == nil || errorCode(err) != exitIncomplete {
		t.Errorf("%v", err)
	}
}

func TestListenColoursOnlyTheVerdicts(t *testing.T) {
	good := true
	r := receipt{Verified: &good, Status: 500, Problem: "wrong"}
	if line := r.line(true); strings.Count(line, "\x1b[0m") != 3 || !strings.Contains(line, "\x1b[31mINVALID wrong") {
		t.Errorf("%q", line)
	}
	if line := r.line(false); strings.Contains(line, "\x1b") {
		t.Errorf("%q", line)
	}
}

func TestListenOnAnAddressOfEveryInterface(t *testing.T) {
	l := listenTo(t, reference.Secret, "--address", ":0")
	_, port, err := net.SplitHostPort(strings.Trim(strings.TrimPrefix(l.url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	if x := deliver(t, "http://127.0.0.1:"+port+"/", "", reference.Secret, "contact.created", nil); x.Status != 200 {
		t.Errorf("%d %v", x.Status, x.Err)
	}
	l.line()
	l.end()
}

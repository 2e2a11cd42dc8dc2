package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestListenSubscribesVerifiesAndLeavesNothingBehind(t *testing.T) {
	p := startServe(t, "--dev")
	_, key, _ := strings.Cut(serveEnv[0], "=")
	t.Setenv(keyVariable, key)
	l := listenTo(t, "", "--subscribe", p.url+"/v1", "--events", "contact.created")
	p.api(t, http.MethodPost, "/v1/contacts", map[string]any{"phone_number": "+628111111111"})
	line := l.line()
	for _, part := range []string{"contact.created", "attempt 1", "verified", "valid", "answered 200"} {
		if !strings.Contains(line, part) {
			t.Errorf("%q lacks %q", line, part)
		}
	}
	if strings.Contains(line, "NOT VERIFIED") {
		t.Error(line)
	}
	l.end()
	if left := p.list(t, "/v1/webhook_subscriptions"); len(left) != 0 {
		t.Errorf("subscriptions that are left over: %v", left)
	}
}

func TestListenSubscribesNowhereInOneLine(t *testing.T) {
	p := startServe(t) // without --dev, so that it refuses http
	for _, c := range []struct {
		name, key, base string
		code            int
		want            string
	}{
		{"no key", "", p.url + "/v1", exitUsage, "KIRIM_KEY"},
		{"another key", "kdv_live_CCCCCCCCCCCCCCCCCCCCCCCC", p.url + "/v1", exitUsage, "401"},
		{"an address that is refused", strings.TrimPrefix(serveEnv[0], "KIRIM_KEY="), p.url + "/v1", exitUsage, "only https"},
		{"nobody there", "kdv_live_CCCCCCCCCCCCCCCCCCCCCCCC", "http://127.0.0.1:1/v1", exitIncomplete, "127.0.0.1:1"},
		{"no URL", "kdv_live_CCCCCCCCCCCCCCCCCCCCCCCC", "nowhere", exitUsage, "--subscribe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := kirimcheck(t, []string{"KIRIM_KEY=" + c.key}, "listen", "--address", "127.0.0.1:0", "--subscribe", c.base)
			if r.code != c.code {
				t.Errorf("exit %d, want %d", r.code, c.code)
			}
			r.oneLine(t, c.want)
			if c.key != "" && strings.Contains(r.stderr, c.key) {
				t.Errorf("the key is shown: %s", r.stderr)
			}
		})
	}
}

package mockmeta_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kirimcheck/kirimcheck/mockmeta"
	"github.com/kirimcheck/kirimcheck/wire"
)

func TestHandshakeIsOnTheWireWhatMetaSends(t *testing.T) {
	head, body := overTheWire(t, newClient(t, ""), func(callback string) wire.Request {
		v, err := mockmeta.BuildHandshake(loadMeta(t), callback, "meatyhamhock", mockmeta.Handshake{Challenge: "1158201444"})
		if err != nil {
			t.Fatal(err)
		}
		return v.Request
	})
	got := lines(head)
	const want = "GET /webhooks/meta?tenant=7&hub.mode=subscribe&hub.challenge=1158201444" +
		"&hub.verify_token=meatyhamhock HTTP/1.1"
	if got[0] != want {
		t.Errorf("request line\n%s, want\n%s", got[0], want)
	}
	got = slices.DeleteFunc(got[1:], func(line string) bool { return strings.HasPrefix(line, "Host: ") })
	headers := []string{"Accept-Encoding: deflate, gzip", "Accept: */*", "User-Agent: facebookexternalua"}
	if !slices.Equal(got, headers) {
		t.Errorf("headers %q, want %q", got, headers)
	}
	if len(body) != 0 {
		t.Errorf("a body: %q", body)
	}
}

func TestHandshakeQuery(t *testing.T) {
	type hs = mockmeta.Handshake
	const own = "hub.mode=subscribe&hub.challenge=c&hub.verify_token=t"
	for name, c := range map[string]struct {
		callback  string
		handshake hs
		want      string
	}{
		"no query":        {"https://x/y", hs{}, "https://x/y?" + own},
		"no path":         {"https://x", hs{}, "https://x?" + own},
		"an empty query":  {"https://x/y?", hs{}, "https://x/y?" + own},
		"its own query":   {"https://x/y?b=2&a=%2F+1", hs{}, "https://x/y?b=2&a=%2F+1&" + own},
		"an escaped path": {"https://x/a%2Fb", hs{}, "https://x/a%2Fb?" + own},
		"other mode": {"https://x", hs{Mode: "unsubscribe"},
			"https://x?hub.mode=unsubscribe&hub.challenge=c&hub.verify_token=t"},
		"a blank in the mode": {"https://x", hs{Mode: "a b"},
			"https://x?hub.mode=a+b&hub.challenge=c&hub.verify_token=t"},
		"other token": {"https://x", hs{VerifyToken: "a&b"},
			"https://x?hub.mode=subscribe&hub.challenge=c&hub.verify_token=a%26b"},
		"token outside ASCII": {"https://x", hs{VerifyToken: "é"},
			"https://x?hub.mode=subscribe&hub.challenge=c&hub.verify_token=%C3%A9"},
		"no mode": {"https://x", hs{Omit: []string{"hub.mode"}},
			"https://x?hub.challenge=c&hub.verify_token=t"},
		"no challenge": {"https://x", hs{Omit: []string{"hub.challenge"}},
			"https://x?hub.mode=subscribe&hub.verify_token=t"},
		"no token": {"https://x", hs{Omit: []string{"hub.verify_token"}},
			"https://x?hub.mode=subscribe&hub.challenge=c"},
		"nothing at all": {"https://x/y", hs{Omit: []string{"hub.verify_token", "hub.mode", "hub.challenge"}},
			"https://x/y"},
		"an empty token": {"https://x", hs{Blank: []string{"hub.verify_token"}},
			"https://x?hub.mode=subscribe&hub.challenge=c&hub.verify_token="},
		"omitted and blank both": {"https://x", hs{Omit: []string{"hub.mode"}, Blank: []string{"hub.mode"}},
			"https://x?hub.challenge=c&hub.verify_token=t"},
	} {
		t.Run(name, func(t *testing.T) {
			c.handshake.Challenge = "c"
			v, err := mockmeta.BuildHandshake(loadMeta(t), c.callback, "t", c.handshake)
			if err != nil {
				t.Fatal(err)
			}
			if v.URL != c.want {
				t.Errorf("got\n%s, want\n%s", v.URL, c.want)
			}
			for _, f := range v.Header {
				if strings.HasPrefix(f.Name, "X-Hub") {
					t.Errorf("a handshake has no signature, this one has %s", f.Name)
				}
			}
		})
	}
}

func TestHandshakeWithAnUnknownParameterIsRefused(t *testing.T) {
	for _, h := range []mockmeta.Handshake{{Omit: []string{"hub_mode"}}, {Blank: []string{"token"}}} {
		_, err := mockmeta.BuildHandshake(loadMeta(t), "https://x", "t", h)
		if err == nil || !strings.Contains(err.Error(), "hub.mode, hub.challenge, hub.verify_token") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := mockmeta.BuildHandshake(loadMeta(t), "https://x\x7f", "t", mockmeta.Handshake{}); err == nil {
		t.Error("a callback that is not a URL was taken")
	}
}

func TestChallengesHaveTheirForm(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for kind, form := range map[mockmeta.ChallengeKind]string{
		mockmeta.Digits:  `^[1-9][0-9]{9}$`,
		mockmeta.Letters: `^[A-Za-z0-9]{32}$`,
		mockmeta.Awkward: `^[A-Za-z0-9].*[A-Za-z0-9]$`,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			seen := map[string]bool{}
			for range 200 {
				c := mockmeta.NewChallenge(kind, random)
				if !regexp.MustCompile(form).MatchString(c) {
					t.Errorf("%q is not of the form %s", c, form)
				}
				if kind == mockmeta.Awkward {
					for _, part := range []string{" ", "+", "&", "=", "#", "?", "/", ";", "%", "%41", "%2B"} {
						if !strings.Contains(c, part) {
							t.Errorf("%q has no %q", c, part)
						}
					}
					if url.QueryEscape(c) == c {
						t.Errorf("%q needs no escaping", c)
					}
				}
				seen[c] = true
			}
			if len(seen) < 199 {
				t.Errorf("only %d different ones of 200", len(seen))
			}
		})
	}
}

// answers are receivers' ways to answer a handshake.
var answers = map[string]struct {
	answer http.HandlerFunc
	want   bool
}{
	"the challenge": {func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
	}, true},
	"the challenge as HTML": {func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
	}, true},
	"the challenge in JSON": {func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `"`+r.URL.Query().Get("hub.challenge")+`"`)
	}, false},
	"a newline behind it": {func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge")+"\n")
	}, false},
	"status 201": {func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
	}, false},
	"nothing": {func(http.ResponseWriter, *http.Request) {}, false},
	"the token": {func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.verify_token"))
	}, false},
	"403 with the challenge": {func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
	}, false},
	"the connection closed": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
}

func TestChallengeEchoedTellsTheRightAnswerFromOthers(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			for _, kind := range []mockmeta.ChallengeKind{mockmeta.Digits, mockmeta.Letters, mockmeta.Awkward} {
				sender, err := mockmeta.NewSender(mockmeta.Config{
					Meta: loadMeta(t), URL: server.URL, Secret: appSecret, VerifyToken: verifyToken, Send: newClient(t, "").Send,
				})
				if err != nil {
					t.Fatal(err)
				}
				challenge := mockmeta.NewChallenge(kind, random)
				x, err := sender.Verify(context.Background(), mockmeta.Handshake{Challenge: challenge})
				if err != nil {
					t.Fatal(err)
				}
				if got := mockmeta.ChallengeEchoed(x, challenge); got != c.want {
					t.Errorf("%s: %v (status %d, body %q, challenge %q)", kind, got, x.Status, x.Body, challenge)
				}
			}
		})
	}
}

// A receiver that leaves the query escaped, or unescapes it twice, is what the awkward kind is for.
func TestAwkwardChallengeFindsReceiversThatDecodeWrongly(t *testing.T) {
	raw := func(r *http.Request) string {
		_, after, _ := strings.Cut(r.URL.RawQuery, "hub.challenge=")
		value, _, _ := strings.Cut(after, "&")
		return value
	}
	for name, echo := range map[string]func(*http.Request) string{
		"not decoded": raw,
		"decoded twice": func(r *http.Request) string {
			twice, _ := url.PathUnescape(r.URL.Query().Get("hub.challenge"))
			return twice
		},
		"plus left alone": func(r *http.Request) string {
			value, _ := url.PathUnescape(raw(r))
			return value
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, echo(r))
			}))
			defer server.Close()
			for kind, want := range map[mockmeta.ChallengeKind]bool{mockmeta.Letters: true, mockmeta.Awkward: false} {
				challenge := mockmeta.NewChallenge(kind, rand.New(rand.NewPCG(5, 6)))
				v, err := mockmeta.BuildHandshake(loadMeta(t), server.URL, verifyToken, mockmeta.Handshake{Challenge: challenge})
				if err != nil {
					t.Fatal(err)
				}
				x := newClient(t, "").Send(context.Background(), v.Request)
				if got := mockmeta.ChallengeEchoed(x, challenge); got != want {
					t.Errorf("%s: %v (%q for %q)", kind, got, x.Body, challenge)
				}
			}
		})
	}
}

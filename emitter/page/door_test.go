package page

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestAFormOfAnotherWebsiteDoesNothing(t *testing.T) {
	e := newEmitter(t, "", 1, false)
	e.subscribe(hook, "contact.created")
	own := e.url
	for name, c := range map[string]struct {
		headers map[string]string
		want    int
	}{
		"our own form":                     {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": own}, http.StatusSeeOther},
		"our own, from an older browser":   {map[string]string{"Origin": own}, http.StatusSeeOther},
		"no browser":                       {nil, http.StatusSeeOther},
		"another website":                  {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, http.StatusForbidden},
		"another port of this machine":     {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"}, http.StatusForbidden},
		"another website, older browser":   {map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		"a sandboxed frame, older browser": {map[string]string{"Origin": "null"}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			before := len(e.deliveries())
			status, _, _ := e.do(http.MethodPost, "/events/contact.created/trigger", url.Values{}, func(req *http.Request) {
				for name, value := range c.headers {
					req.Header.Set(name, value)
				}
			})
			g.Expect(status).To(Equal(c.want))
			made := 0
			if c.want == http.StatusSeeOther {
				made = 1
			}
			g.Expect(e.deliveries()).To(HaveLen(before + made))
		})
	}
}

func TestAGetChangesNothing(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	s := e.subscribe(hook, "contact.created")
	d := e.happens("contact.created")
	for _, path := range []string{"/events/contact.created/trigger", "/deliveries/" + d.ID + "/replay",
		"/subscriptions/" + s.ID + "/state?status=paused", "/clock/advance?by=1h"} {
		status, _, _ := e.do(http.MethodGet, path, nil, nil)
		g.Expect(status).To(Equal(http.StatusNotFound), path)
	}
	g.Expect(e.deliveries()).To(HaveLen(1))
	g.Expect(e.clock.Now()).To(Equal(noon))
}

func TestOnlyNamesOfThisMachineAreAnswered(t *testing.T) {
	e := newEmitter(t, "", 1, false)
	for host, own := range map[string]bool{
		"localhost":                    true,
		"LOCALHOST:8787":               true,
		"localhost.:8787":              true,
		"kirim.localhost:8787":         true,
		"127.0.0.1":                    true,
		"127.8.9.10:80":                true,
		"[::1]:8787":                   true,
		"[::1]":                        true,
		"[::ffff:127.0.0.1]:80":        true,
		"evil.example":                 false,
		"evil.example:8787":            false,
		"127.0.0.1.nip.io":             false,
		"localhost.evil.example":       false,
		"notlocalhost":                 false,
		"192.168.1.10":                 false,
		"0.0.0.0:8787":                 false,
		"[2001:db8::1]:8787":           false,
		"2130706433":                   false,
		"127.1":                        false,
		"xn--lcalhost-54a.example:443": false,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			g := NewWithT(t)
			status, _, body := e.do(method, "/clock/advance", url.Values{}, func(req *http.Request) { req.Host = host })
			if own {
				g.Expect(status).NotTo(Equal(http.StatusMisdirectedRequest), host)
			} else {
				g.Expect(status).To(Equal(http.StatusMisdirectedRequest), host)
				g.Expect(body).NotTo(ContainSubstring("<html"))
			}
		}
	}
}

func TestAPublicPageIsForThoseWithAKey(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 2, true)
	e.subscribe(hook, "contact.created")
	d := e.happens("contact.created")
	with := func(key string) func(*http.Request) {
		return func(req *http.Request) {
			req.Host = "emitter.example.com"
			if key != "" {
				req.SetBasicAuth("anybody", key)
			}
		}
	}
	for _, key := range []string{"", "kdv_live_wrong"} {
		for _, path := range []string{"/", "/deliveries/" + d.ID, "/nothing", "/?org=" + e.org.ID} {
			status, header, body := e.do(http.MethodGet, path, nil, with(key))
			g.Expect(status).To(Equal(http.StatusUnauthorized), path)
			g.Expect(header.Get("WWW-Authenticate")).To(HavePrefix("Basic "))
			g.Expect(body).NotTo(ContainSubstring(hook))
			g.Expect(body).NotTo(ContainSubstring(e.org.ID))
		}
		status, _, _ := e.do(http.MethodPost, "/events/contact.created/trigger", url.Values{}, with(key))
		g.Expect(status).To(Equal(http.StatusUnauthorized))
	}
	g.Expect(e.deliveries()).To(HaveLen(1))

	status, _, body := e.do(http.MethodGet, "/", nil, with(e.keys[0]))
	g.Expect(status).To(Equal(http.StatusOK))
	g.Expect(body).To(ContainSubstring(hook))
	g.Expect(body).NotTo(ContainSubstring("Warung Budi"), "no other organisation is offered")
	g.Expect(body).NotTo(ContainSubstring(e.keys[0]))

	status, _, body = e.do(http.MethodGet, "/?org="+e.org.ID, nil, with(e.keys[1]))
	g.Expect(status).To(Equal(http.StatusOK))
	g.Expect(body).To(ContainSubstring("Warung Budi"))
	g.Expect(body).NotTo(ContainSubstring(hook), "the key decides, not the parameter")
	status, _, _ = e.do(http.MethodGet, "/deliveries/"+d.ID+"?org="+e.org.ID, nil, with(e.keys[1]))
	g.Expect(status).To(Equal(http.StatusNotFound))
	status, _, _ = e.do(http.MethodPost, "/deliveries/"+d.ID+"/replay", url.Values{"org": {e.org.ID}}, with(e.keys[1]))
	g.Expect(status).To(Equal(http.StatusSeeOther))
	g.Expect(e.deliveries()).To(HaveLen(1), "another organisation's delivery is not there to be replayed")
}

func TestEveryAnswerSaysWhatABrowserMayDoWithIt(t *testing.T) {
	e := newEmitter(t, "", 1, false)
	for path, host := range map[string]string{"/": "localhost", "/nothing": "localhost", "/#": "evil.example"} {
		g := NewWithT(t)
		_, header, _ := e.do(http.MethodGet, path, nil, func(req *http.Request) { req.Host = host })
		g.Expect(header.Get("X-Content-Type-Options")).To(Equal("nosniff"))
		g.Expect(header.Get("Cache-Control")).To(Equal("no-store"))
		csp := header.Get("Content-Security-Policy")
		g.Expect(csp).To(ContainSubstring("default-src 'none'"))
		g.Expect(csp).To(ContainSubstring("frame-ancestors 'none'"))
		g.Expect(csp).NotTo(ContainSubstring("unsafe"))
	}
}

func TestAFormIsBounded(t *testing.T) {
	g := NewWithT(t)
	e := newEmitter(t, "", 1, false)
	status, _, _ := e.do(http.MethodPost, "/events/contact.created/trigger",
		url.Values{"back": {strings.Repeat("x", maxForm)}}, nil)
	g.Expect(status).To(Equal(http.StatusBadRequest))
}

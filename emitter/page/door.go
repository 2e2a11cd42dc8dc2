package page

import (
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/kirimcheck/kirimcheck/emitter/relay"
)

// policy lets the page load and do nothing but what it brings itself. Its style and its script are named by their
// hashes, so that no text from outside can become either.
var policy = strings.Join([]string{
	"default-src 'none'", "style-src " + hashSource(pageStyle), "script-src " + hashSource(pageScript), "img-src data:",
	"connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}, "; ")

func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// door refuses what no visitor of the page sends, before anything is read.
func (p *page) door(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Error(w, "the form was sent by another website, so nothing was done", http.StatusForbidden)
	}))
	inside := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		// Not no-referrer: browsers would send forms with "Origin: null", which looks like another website.
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !p.public && !ownHost(req) {
			http.Error(w, "this page is for the machine that it runs on: open it as localhost or 127.0.0.1",
				http.StatusMisdirectedRequest)
			return
		}
		inside.ServeHTTP(w, req)
	})
}

// ownHost reports whether the Host header names this machine or the address that was connected to. A website that has
// its own name resolve to 127.0.0.1 sends that name, and would read and press everything here otherwise (DNS
// rebinding).
func ownHost(req *http.Request) bool {
	host := strings.ToLower(strings.TrimSuffix(hostname(req.Host), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return true
	}
	local, ok := req.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.AddrPort().Addr().Unmap().WithZone("") == addr
}

// hostname is a Host header without its port and without the brackets of an IPv6 address.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// organisation is the one that a request is about: that of the key where the page is public, and otherwise the one
// that the parameter org names, or the first.
func (p *page) organisation(req *http.Request) (relay.Org, error) {
	if p.public {
		_, key, _ := req.BasicAuth()
		return p.relay.Authenticate(req.Context(), key)
	}
	organisations := p.relay.Organisations()
	id := req.Form.Get("org")
	if id == "" {
		return organisations[0], nil
	}
	for _, org := range organisations {
		if org.ID == id {
			return org, nil
		}
	}
	return relay.Org{}, relay.NotFound("organisation")
}

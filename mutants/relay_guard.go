package mutants

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
	"github.com/kirimcheck/kirimcheck/emitter/outbound"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/relay"
	"github.com/kirimcheck/kirimcheck/emitter/server"
)

// lenient is a guard that lets some URLs through.
type lenient struct {
	relay.Guard
	open func(ctx context.Context, u *url.URL) bool
}

func (l lenient) CheckURL(ctx context.Context, raw string) error {
	// A fragment, even an empty one, and credentials are other mutants' affair.
	if u, err := url.Parse(raw); err == nil && u.Scheme == "https" && u.User == nil && !strings.Contains(raw, "#") && l.open(ctx, u) {
		return nil
	}
	return l.Guard.CheckURL(ctx, raw)
}

// letAddress lets the URLs through whose host is an address that is open.
func letAddress(open func(addr netip.Addr) bool) func(*server.Parts) {
	return letHost(func(host string) bool {
		addr, err := netip.ParseAddr(host)
		return err == nil && open(addr)
	})
}

// letHost lets the URLs through whose host, without brackets, is open.
func letHost(open func(host string) bool) func(*server.Parts) {
	return func(p *server.Parts) {
		p.Relay.Guard = lenient{p.Relay.Guard, func(_ context.Context, u *url.URL) bool { return open(u.Hostname()) }}
	}
}

// asAnother is a guard that looks at another URL than the one that is asked for.
type asAnother struct {
	relay.Guard
	change func(raw string) string
}

func (a asAnother) CheckURL(ctx context.Context, raw string) error {
	return a.Guard.CheckURL(ctx, a.change(raw))
}

// checkedAs checks a changed URL in the place of the one that is asked for.
func checkedAs(change func(raw string) string) func(*server.Parts) {
	return func(p *server.Parts) { p.Relay.Guard = asAnother{p.Relay.Guard, change} }
}

// connectsAnywhere lets every connection through.
func connectsAnywhere(p *server.Parts) {
	p.Outbound.Control = func(string, string, syscall.RawConn) error { return nil }
}

// also makes a relay wrong in two places.
func also(one, other func(*server.Parts)) func(*server.Parts) {
	return func(p *server.Parts) { one(p); other(p) }
}

var (
	userinfo = regexp.MustCompile(`://[^/@]*@`)
	// numeric matches hosts that are numbers in a notation that no URL needs.
	numeric = regexp.MustCompile(`^[0-9][0-9a-fA-FxX.]*$`)
)

// isLocalhost reports whether a name means this machine itself (RFC 6761, section 6.3).
func isLocalhost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// resolvesLocalhost connects to such names as the system's resolver does, and to every address.
func resolvesLocalhost(p *server.Parts) {
	p.Guard.Resolver = hostsFile{p.Guard.Resolver}
	connectsAnywhere(p)
}

// hostsFile is a resolver that knows this machine.
type hostsFile struct{ guard.Resolver }

func (h hostsFile) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if isLocalhost(host) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	return h.Resolver.LookupNetIP(ctx, network, host)
}

func relayGuardMutants() []Mutant {
	isName := func(host string) bool {
		_, err := netip.ParseAddr(host)
		return err != nil && !numeric.MatchString(host) && !strings.Contains(host, ":")
	}
	loopback, linkLocal := netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16")
	return []Mutant{
		managed("ssrf-open", "takes any https URL and connects to whatever it leads to",
			also(letHost(func(string) bool { return true }), connectsAnywhere),
			"ssrf.loopback", "ssrf.private", "ssrf.link-local", "ssrf.ipv6", "ssrf.ipv6-embedded", "ssrf.notations",
			"ssrf.names", "ssrf.rebinding", "ssrf.patch"),
		managed("dns-rebinding-open", "checks what a name leads to when the subscription is made, and never again",
			connectsAnywhere, "ssrf.rebinding"),
		managed("ssrf-literals-only", "checks addresses in URLs, and resolves no name", also(letHost(isName), connectsAnywhere),
			"ssrf.names", "ssrf.rebinding"),
		managed("localhost-by-name", "checks addresses, and lets the names through that mean this machine itself",
			also(letHost(isLocalhost), resolvesLocalhost), "ssrf.names", "ssrf.rebinding"),
		managed("http-accepted", "takes http as it takes https",
			checkedAs(func(raw string) string { return strings.Replace(raw, "http://", "https://", 1) }), "ssrf.http", "ssrf.patch"),
		managed("scheme-case", "compares the scheme with http in lower case alone",
			checkedAs(func(raw string) string { return strings.Replace(raw, "HTTP://", "https://", 1) }), "ssrf.http"),
		managed("one-loopback-address", "refuses 127.0.0.1 and no other address of loopback",
			letAddress(func(a netip.Addr) bool { return loopback.Contains(a) && a != netip.MustParseAddr("127.0.0.1") }), "ssrf.loopback"),
		managed("private-172-16-only", "takes the private block from 172.16 to 172.31 for 172.16 alone",
			letAddress(func(a netip.Addr) bool { return netip.MustParsePrefix("172.24.0.0/13").Contains(a) }), "ssrf.private"),
		managed("metadata-by-exact-address", "refuses the best known metadata address and no other link-local one",
			letAddress(func(a netip.Addr) bool {
				return linkLocal.Contains(a) && a != netip.MustParseAddr("169.254.169.254")
			}), "ssrf.link-local"),
		managed("ssrf-v4-only", "checks addresses of IPv4 alone", letAddress(netip.Addr.Is6),
			"ssrf.ipv6", "ssrf.ipv6-embedded", "ssrf.patch"),
		managed("mapped-accepted", "takes IPv4 addresses in their IPv6 form",
			letAddress(netip.Addr.Is4In6), "ssrf.ipv6-embedded"),
		managed("ssrf-by-text", "compares hosts with texts such as 127.0.0.1, so that other notations pass",
			letHost(func(host string) bool {
				_, err := netip.ParseAddr(host)
				return err != nil && numeric.MatchString(host)
			}), "ssrf.notations", "ssrf.patch"),
		managed("userinfo-accepted", "takes a URL with a user name or a password",
			checkedAs(func(raw string) string { return userinfo.ReplaceAllString(raw, "://") }), "ssrf.url-parts"),
		managed("fragment-accepted", "takes a URL with a fragment",
			checkedAs(func(raw string) string { before, _, _ := strings.Cut(raw, "#"); return before }), "ssrf.url-parts"),
		managed("ssrf-open-on-patch", "checks the URL of a new subscription, and not a changed one", openOnPatch, "ssrf.patch"),
		managed("redirect-unchecked", "checks the URL of a subscription, and follows redirects from there wherever they lead",
			followsUnchecked, "ssrf.redirect"),
		managed("redirect-looked-at", "follows no redirect, and asks the place that it names with HEAD whether it is there",
			looksWhereto, "ssrf.redirect"),
	}
}

// patching marks the context of a PATCH.
type patching struct{}

func openOnPatch(p *server.Parts) {
	apiDoor(func(_ *server.Parts, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch {
				r = r.WithContext(context.WithValue(r.Context(), patching{}, true))
			}
			next.ServeHTTP(w, r)
		})
	})(p)
	p.Relay.Guard = lenient{p.Relay.Guard, func(ctx context.Context, _ *url.URL) bool { return ctx.Value(patching{}) != nil }}
}

// follower makes one more request where an answer is a redirect, with a client that checks nothing.
type follower struct {
	pipeline.Sender
	client *http.Client
}

func (f follower) Send(ctx context.Context, r pipeline.Request) pipeline.Response {
	response := f.Sender.Send(ctx, r)
	if response.Status < 300 || response.Status > 399 || response.Header.Get("Location") == "" {
		return response
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, response.Header.Get("Location"), bytes.NewReader(r.Body))
	if err != nil {
		return response
	}
	if again, err := f.client.Do(req); err == nil {
		response.Status = again.StatusCode
		// What closing says changes nothing.
		_ = again.Body.Close()
	}
	return response
}

func followsUnchecked(p *server.Parts) {
	unchecked := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	p.Relay.Sender = follower{outbound.New(*p.Outbound), &http.Client{Transport: &http.Transport{TLSClientConfig: unchecked}}}
}

// Package guard decides where a subscription may point to: by its URL when it is created, and by the address really
// connected to when it is delivered to. What is sent there, and when, belongs elsewhere.
//
// Kirim documents that only https is taken (documentation: getting started) and says nothing of addresses; refusing
// every address that is not public, at creation and at connect, is reading Q25, refusing userinfo and fragments Q26.
package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Rule names why a URL or an address is refused. The names are stable.
type Rule string

// The rules about the URL's text. Those about addresses stand in networks.go.
const (
	NotURL       Rule = "not-a-url"
	Scheme       Rule = "scheme"
	NoHost       Rule = "no-host"
	Userinfo     Rule = "userinfo"
	Fragment     Rule = "fragment"
	Port         Rule = "port"
	HostForm     Rule = "host-form"
	NumericForm  Rule = "numeric-form"
	Zone         Rule = "zone"
	Unresolvable Rule = "unresolvable"
)

// Refused is the error of a URL or an address that is not allowed.
type Refused struct {
	Rule Rule
	// Detail says on one line what is wrong and, where that is not plain, what would be right.
	Detail string
}

// Error returns the detail.
func (r *Refused) Error() string { return r.Detail }

func refuse(rule Rule, format string, args ...any) *Refused {
	return &Refused{rule, fmt.Sprintf(format, args...)}
}

// Resolver looks up the addresses of a host; *net.Resolver is one. network is "ip".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Policy says what is allowed. The zero value is what Kirim allows.
type Policy struct {
	// Dev also allows http, and the loopback addresses 127.0.0.0/8 and ::1 with the names that mean them. Nothing else.
	Dev bool
	// Resolver looks names up; nil is the system's.
	Resolver Resolver
}

// lookupTimeout bounds the lookup of a name when a subscription is created.
const lookupTimeout = 5 * time.Second

// CheckURL reports whether a subscription may be created with this URL. The error is a *Refused, or the context's.
func (p *Policy) CheckURL(ctx context.Context, raw string) error {
	host, err := p.checkText(raw)
	if err != nil {
		return err
	}
	literal, name, err := parseHost(host)
	if err != nil {
		return err
	}
	if literal.IsValid() {
		if r := p.CheckAddr(literal); r != nil {
			return refuse(r.Rule, "the url's address %s", r.Detail)
		}
		return nil
	}
	if isLocalhost(name) && !p.Dev {
		return refuse(Loopback, "the host %s means this machine itself (RFC 6761)", name)
	}
	return p.checkName(ctx, name)
}

// checkText holds the URL to the rules that need no address, and returns its host.
func (p *Policy) checkText(raw string) (host string, err error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		// The cause without the URL, which may hold credentials.
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err
		}
		return "", refuse(NotURL, "the url cannot be read: %v", err)
	case u.Scheme == "":
		return "", refuse(NotURL, "the url is not absolute; it begins with https://")
	case !p.AllowsScheme(u.Scheme) && u.Scheme == "http":
		return "", refuse(Scheme, "the url's scheme is http; only https is allowed")
	case !p.AllowsScheme(u.Scheme):
		return "", refuse(Scheme, "the url's scheme %q is not https", u.Scheme)
	case u.User != nil:
		return "", refuse(Userinfo, "the url holds a user name or password; credentials do not belong in it")
	case strings.Contains(raw, "#"):
		// Also an empty fragment, which url.URL does not tell from none.
		return "", refuse(Fragment, "the url has a fragment (#); it would never be sent")
	case u.Hostname() == "":
		return "", refuse(NoHost, "the url has no host")
	}
	if err := checkPort(u); err != nil {
		return "", err
	}
	return u.Hostname(), nil
}

// AllowsScheme reports whether deliveries may go over this scheme, in lower case: https, and in development http.
func (p *Policy) AllowsScheme(scheme string) bool {
	return scheme == "https" || p.Dev && scheme == "http"
}

func checkPort(u *url.URL) error {
	if strings.HasSuffix(u.Host, ":") {
		return refuse(Port, "the url has a colon and no port")
	}
	if u.Port() == "" {
		return nil
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
		return refuse(Port, "the url's port %s is not between 1 and 65535", u.Port())
	}
	return nil
}

// checkName resolves a name and holds every address to the policy: a connection may be made to any of them.
func (p *Policy) checkName(ctx context.Context, name string) error {
	limited, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addrs, err := p.resolver().LookupNetIP(limited, "ip", name)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || len(addrs) == 0 {
		return refuse(Unresolvable, "the host %s cannot be resolved", name)
	}
	for _, addr := range addrs {
		// Unmapped, because net.Resolver gives some IPv4 addresses in the mapped form, and they are dialled as IPv4.
		if r := p.CheckAddr(addr.Unmap()); r != nil {
			return refuse(r.Rule, "the host %s resolves to an address that is not allowed: %s", name, r.Detail)
		}
	}
	return nil
}

func (p *Policy) resolver() Resolver {
	if p.Resolver != nil {
		return p.Resolver
	}
	return net.DefaultResolver
}

// CheckAddr reports why no connection to the address may be made, or nil where it may.
func (p *Policy) CheckAddr(addr netip.Addr) *Refused {
	if addr.Zone() != "" {
		return refuse(Zone, "%s has a zone, which means a link of this machine", addr)
	}
	n, special := find(addr)
	switch {
	case !special:
		return nil
	case n.embeds != nil:
		inner := n.embeds(addr)
		// Loopback inside is no loopback on the way there, so Dev does not lift it.
		if r := (&Policy{}).CheckAddr(inner); r != nil {
			return refuse(r.Rule, "%s stands for %s", addr, r.Detail)
		}
		return nil
	case n.rule == Loopback && p.Dev:
		return nil
	}
	return refuse(n.rule, "%s is not public: %s (%s)", addr, n.reason, n.prefix)
}

// Control is for net.Dialer: it refuses the connection to an address that is not allowed, whatever the name resolved
// to when the subscription was created.
func (p *Policy) Control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return refuse(NotURL, "the network %s is not TCP", network)
	}
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse(NotURL, "the address %q cannot be read", address)
	}
	if r := p.CheckAddr(addr.Addr()); r != nil {
		return refuse(r.Rule, "the connection is not allowed: %s", r.Detail)
	}
	return nil
}

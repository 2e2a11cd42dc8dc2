package guard_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
)

// asked resolves every name to a public address, so that only forms are refused, and keeps what it was asked for.
type asked []string

func (a *asked) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	*a = append(*a, host)
	return []netip.Addr{netip.MustParseAddr(public)}, nil
}

// errNoDial ends every dial before a packet leaves.
var errNoDial = errors.New("not in this test")

// FuzzNoFormReachesARefusedAddress compares the check of the text with what Go's dialer would really connect to, and with
// what a C library would read as an address.
func FuzzNoFormReachesARefusedAddress(f *testing.F) {
	for _, host := range []string{
		"127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.1.", "[::1]", "[::ffff:10.0.0.1]", "[::ffff:a00:1]",
		"[64:ff9b::a00:1]", "[64:ff9b::808:808]", "[fe80::1%25lo]", "localhost", "LOCALHOST.", "8.8.8.8", "[2606::1]", "１２７.０.０.１",
		"0x", "1e1", "127.0.0.1%00", "a@127.0.0.1", "127.0.0.1:80", "0", "00", "0x0.0", "4294967295", "[::]", "::1", "[::1].", "0b1",
		"1_0.0.0.1", "+10.0.0.1", "hooks.example.com:8443", "1.0x2.03.4",
	} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		var names asked
		policy := &guard.Policy{Resolver: &names}
		raw := "https://" + host + "/"
		if policy.CheckURL(t.Context(), raw) != nil {
			return
		}
		for _, name := range names {
			if numeric(name) || strings.HasSuffix("."+name, ".localhost") {
				t.Errorf("%q: a resolver was asked for %q", raw, name)
			}
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q was allowed and is no URL: %v", raw, err)
		}
		if _, err := netip.ParseAddr(u.Hostname()); err != nil {
			// The dialer asks a resolver as well, and Control checks what comes of that.
			return
		}
		dialled := false
		dialer := net.Dialer{Control: func(network, address string, c syscall.RawConn) error {
			dialled = true
			if err := policy.Control(network, address, c); err != nil {
				t.Errorf("%q was allowed and leads to %s: %v", raw, address, err)
			}
			return errNoDial
		}}
		conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(u.Hostname(), "443"))
		if err == nil {
			_ = conn.Close()
		}
		if !dialled && !errors.Is(err, syscall.EAFNOSUPPORT) {
			t.Errorf("%q was not dialled: %v", raw, err)
		}
	})
}

// numeric reports whether every label is a number in any notation that anybody could read as one.
func numeric(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if _, err := strconv.ParseUint(label, 0, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
			return false
		}
	}
	return true
}

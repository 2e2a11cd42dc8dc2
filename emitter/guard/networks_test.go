package guard_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/kirimcheck/kirimcheck/emitter/guard"
)

// Both ends of every block, and the addresses right outside.
func TestBlocksBeginAndEndWhereTheyShould(t *testing.T) {
	for _, c := range []struct {
		rule        guard.Rule
		first, last string
		// before and after say whether the neighbours are public.
		before, after bool
	}{
		{guard.Unspecified, "0.0.0.0", "0.255.255.255", false, true},
		{guard.Private, "10.0.0.0", "10.255.255.255", true, true},
		{guard.Shared, "100.64.0.0", "100.127.255.255", true, true},
		{guard.Loopback, "127.0.0.0", "127.255.255.255", true, true},
		{guard.CloudHost, "168.63.129.16", "168.63.129.16", true, true},
		{guard.LinkLocal, "169.254.0.0", "169.254.255.255", true, true},
		{guard.Private, "172.16.0.0", "172.31.255.255", true, true},
		{guard.Reserved, "192.0.0.0", "192.0.0.255", true, true},
		{guard.Documentation, "192.0.2.0", "192.0.2.255", true, true},
		{guard.Reserved, "192.88.99.0", "192.88.99.255", true, true},
		{guard.Private, "192.168.0.0", "192.168.255.255", true, true},
		{guard.Benchmark, "198.18.0.0", "198.19.255.255", true, true},
		{guard.Documentation, "198.51.100.0", "198.51.100.255", true, true},
		{guard.Documentation, "203.0.113.0", "203.0.113.255", true, true},
		{guard.Multicast, "224.0.0.0", "239.255.255.255", true, false},
		{guard.Reserved, "240.0.0.0", "255.255.255.255", false, false},
		{guard.Unspecified, "::", "::", false, false},
		{guard.Loopback, "::1", "::1", false, false},
		{guard.Embedded, "::ffff:0:0", "::ffff:ffff:ffff", false, false},
		{guard.Embedded, "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", false, false},
		{guard.Reserved, "100::", "100::ffff:ffff:ffff:ffff", false, false},
		{guard.Reserved, "1fff::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, true},
		{guard.Embedded, "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", true, false},
		{guard.Reserved, "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false, true},
		{guard.Documentation, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true, true},
		{guard.Embedded, "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, true},
		{guard.Documentation, "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", true, true},
		{guard.Reserved, "4000::", "4000::", true, false},
		{guard.Reserved, "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
		{guard.Private, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
		{guard.LinkLocal, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
		{guard.Private, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
		{guard.Multicast, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, false},
	} {
		policy := new(guard.Policy)
		first, last := netip.MustParseAddr(c.first), netip.MustParseAddr(c.last)
		for _, addr := range []netip.Addr{first, last} {
			if r := policy.CheckAddr(addr); r == nil || r.Rule != c.rule {
				t.Errorf("%s: %v, want %s", addr, r, c.rule)
			}
		}
		for addr, public := range map[netip.Addr]bool{first.Prev(): c.before, last.Next(): c.after} {
			if addr.IsValid() && (policy.CheckAddr(addr) == nil) != public {
				t.Errorf("%s, beside %s: %v", addr, c.first, policy.CheckAddr(addr))
			}
		}
	}
}

// The table against what the standard library knows by itself.
func TestNothingSpecialToTheLibraryIsPublic(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	strict, dev := new(guard.Policy), &guard.Policy{Dev: true}
	public := 0
	for range 40_000 {
		var addr netip.Addr
		if b := [4]byte{}; random.IntN(2) == 0 {
			binary.BigEndian.PutUint32(b[:], random.Uint32())
			addr = netip.AddrFrom4(b)
		} else {
			var b [16]byte
			binary.BigEndian.PutUint64(b[:], random.Uint64()>>random.IntN(64))
			binary.BigEndian.PutUint64(b[8:], random.Uint64()>>random.IntN(64))
			addr = netip.AddrFrom16(b)
		}
		special := !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6()
		r := strict.CheckAddr(addr)
		if special && r == nil {
			t.Fatalf("%s is taken for public", addr)
		}
		if r == nil {
			public++
		}
		if inDev := dev.CheckAddr(addr); (inDev == nil) != (r == nil || addr.IsLoopback() && !addr.Is4In6()) {
			t.Fatalf("%s in development: %v, otherwise %v", addr, inDev, r)
		}
	}
	if public == 0 {
		t.Error("no address was public")
	}
}

func TestAnAddressWithAZoneOrNoneAtAllIsRefused(t *testing.T) {
	for _, addr := range []netip.Addr{{}, netip.MustParseAddr("2606:2800:220:1::1").WithZone("eth0")} {
		if (&guard.Policy{Dev: true}).CheckAddr(addr) == nil {
			t.Errorf("%s is allowed", addr)
		}
	}
}

func TestControlChecksWhatIsConnectedTo(t *testing.T) {
	for address, want := range map[string]struct{ strict, dev guard.Rule }{
		public + ":443":            {},
		"[2606:2800:220:1::1]:443": {},
		"127.0.0.1:443":            {guard.Loopback, ""},
		"[::1]:443":                {guard.Loopback, ""},
		"10.0.0.1:443":             {guard.Private, guard.Private},
		"[::ffff:127.0.0.1]:443":   {guard.Embedded, guard.Embedded},
		"[fe80::1%eth0]:443":       {guard.Zone, guard.Zone},
		"[64:ff9b::a9fe:a9fe]:443": {guard.LinkLocal, guard.LinkLocal},
		"hooks.example.com:443":    {guard.NotURL, guard.NotURL},
		"/run/kirim.sock":          {guard.NotURL, guard.NotURL},
	} {
		if got := rule(t, new(guard.Policy).Control("tcp4", address, nil)); got != want.strict {
			t.Errorf("%s: %q", address, got)
		}
		if got := rule(t, (&guard.Policy{Dev: true}).Control("tcp6", address, nil)); got != want.dev {
			t.Errorf("%s in development: %q", address, got)
		}
	}
	for _, network := range []string{"unix", "udp4", "ip4:icmp"} {
		if new(guard.Policy).Control(network, public+":443", nil) == nil {
			t.Errorf("%s is allowed", network)
		}
	}
}

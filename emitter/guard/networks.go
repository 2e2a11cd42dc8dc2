package guard

import "net/netip"

// The rules about addresses.
const (
	Private       Rule = "private"
	Loopback      Rule = "loopback"
	LinkLocal     Rule = "link-local"
	Unspecified   Rule = "unspecified"
	Multicast     Rule = "multicast"
	Shared        Rule = "shared"
	Documentation Rule = "documentation"
	Benchmark     Rule = "benchmark"
	Reserved      Rule = "reserved"
	CloudHost     Rule = "cloud-host"
	Embedded      Rule = "embedded-ipv4"
)

// network is a block of addresses that are not for the public, or not for every one of it.
type network struct {
	prefix netip.Prefix
	rule   Rule
	// reason says what the block is for, with its source.
	reason string
	// embeds, where it is set, takes the IPv4 address out that such an address stands for; that one decides.
	embeds func(netip.Addr) netip.Addr
}

// networks are the blocks of the IANA IPv4 and IPv6 Special-Purpose Address Registries that are not globally reachable,
// and those that other registries of IANA set apart. The longest prefix decides.
//
// For IPv6 the last rows turn the table around: only 2000::/3 is handed out for global unicast (IANA, IPv6 address
// space), so everything else is refused, and what is special inside of it is listed.
var networks = []network{
	block("0.0.0.0/8", Unspecified, "\"this network\", RFC 791"),
	block("10.0.0.0/8", Private, "private use, RFC 1918"),
	block("100.64.0.0/10", Shared, "shared address space of carriers, RFC 6598"),
	block("127.0.0.0/8", Loopback, "loopback, RFC 1122"),
	block("168.63.129.16/32", CloudHost, "the host of a virtual machine in Azure"),
	block("169.254.0.0/16", LinkLocal, "link-local, where clouds keep their metadata, RFC 3927"),
	block("172.16.0.0/12", Private, "private use, RFC 1918"),
	block("192.0.0.0/24", Reserved, "IETF protocol assignments, RFC 6890"),
	block("192.0.2.0/24", Documentation, "documentation, RFC 5737"),
	block("192.88.99.0/24", Reserved, "former 6to4 relays, RFC 7526"),
	block("192.168.0.0/16", Private, "private use, RFC 1918"),
	block("198.18.0.0/15", Benchmark, "benchmarks, RFC 2544"),
	block("198.51.100.0/24", Documentation, "documentation, RFC 5737"),
	block("203.0.113.0/24", Documentation, "documentation, RFC 5737"),
	block("224.0.0.0/4", Multicast, "multicast, RFC 5771"),
	block("240.0.0.0/4", Reserved, "reserved, RFC 1112"),
	block("255.255.255.255/32", Reserved, "limited broadcast, RFC 919"),

	block("::/128", Unspecified, "unspecified, RFC 4291"),
	block("::1/128", Loopback, "loopback, RFC 4291"),
	block("::/96", Embedded, "IPv4-compatible, RFC 4291"),
	block("::ffff:0:0/96", Embedded, "IPv4-mapped, RFC 4291"),
	block("::ffff:0:0:0/96", Embedded, "IPv4-translated, RFC 2765"),
	// In a network with IPv6 alone, DNS64 gives every IPv4 host such an address (RFC 6147).
	{netip.MustParsePrefix("64:ff9b::/96"), Embedded, "IPv4 through NAT64, RFC 6052", lastFour},
	block("64:ff9b:1::/48", Embedded, "IPv4 through a local NAT64, RFC 8215"),
	block("100::/64", Reserved, "discarded, RFC 6666"),
	block("100:0:0:1::/64", Reserved, "dummy prefix, RFC 9780"),
	block("2001::/32", Embedded, "IPv4 through Teredo, RFC 4380"),
	block("2001::/23", Reserved, "IETF protocol assignments, RFC 2928"),
	block("2001:db8::/32", Documentation, "documentation, RFC 3849"),
	block("2002::/16", Embedded, "IPv4 through 6to4, RFC 3056"),
	block("3fff::/20", Documentation, "documentation, RFC 9637"),
	block("5f00::/16", Reserved, "segment routing, RFC 9602"),
	block("fc00::/7", Private, "unique local, RFC 4193"),
	block("fe80::/10", LinkLocal, "link-local, RFC 4291"),
	block("fec0::/10", Private, "site-local, RFC 3879"),
	block("ff00::/8", Multicast, "multicast, RFC 4291"),
	block("::/3", Reserved, "not handed out, IANA"),
	block("4000::/2", Reserved, "not handed out, IANA"),
	block("8000::/1", Reserved, "not handed out, IANA"),
}

func block(prefix string, rule Rule, reason string) network {
	return network{prefix: netip.MustParsePrefix(prefix), rule: rule, reason: reason}
}

// lastFour returns the IPv4 address in the last 32 bits (RFC 6052, section 2.2, for a prefix of 96 bits).
func lastFour(addr netip.Addr) netip.Addr {
	b := addr.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// find returns the block that decides about the address; ok is false for a public one.
func find(addr netip.Addr) (n network, ok bool) {
	if !addr.IsValid() {
		return network{rule: Unspecified, reason: "no address at all"}, true
	}
	for _, candidate := range networks {
		if candidate.prefix.Contains(addr.WithZone("")) && (!ok || candidate.prefix.Bits() > n.prefix.Bits()) {
			n, ok = candidate, true
		}
	}
	return n, ok
}

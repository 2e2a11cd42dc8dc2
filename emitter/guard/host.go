package guard

import (
	"net/netip"
	"strconv"
	"strings"
)

// maxName and maxLabel are the longest domain name and label in text (RFC 1035, section 2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// parseHost takes a URL's host apart: it is an address written the usual way, or a name. Whatever a resolver or the
// system's parser could read as an address in some other way (127.1, 0x7f.1, 2130706433) is refused here, so that no
// two parsers have to agree on it.
func parseHost(host string) (literal netip.Addr, name string, err error) {
	if strings.Contains(host, "%") {
		return netip.Addr{}, "", refuse(Zone, "the url's host has a zone (%%), which means a link of this machine")
	}
	if strings.Contains(host, ":") {
		literal, err := parseIPv6(host)
		return literal, "", err
	}
	// A name may end in the root's dot (RFC 1034, section 3.1); it means the same without.
	name = strings.ToLower(strings.TrimSuffix(host, "."))
	if err := checkLabels(name); err != nil {
		return netip.Addr{}, "", err
	}
	if !endsInNumber(name) {
		return netip.Addr{}, name, nil
	}
	literal, ok := inetAton(name)
	if !ok {
		return netip.Addr{}, "", refuse(NumericForm, "the url's host %s ends like a number and is no IPv4 address", host)
	}
	if literal.String() != host {
		// Where it leads is said first: that is the graver reason.
		if n, special := find(literal); special {
			return netip.Addr{}, "", refuse(n.rule, "the url's host %s is another way to write %s, which is not public: %s", host, literal, n.reason)
		}
		return netip.Addr{}, "", refuse(NumericForm, "the url's host %s is an unusual way to write %s", host, literal)
	}
	return literal, "", nil
}

// parseIPv6 reads what stood between brackets.
func parseIPv6(host string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Is6() {
		return netip.Addr{}, refuse(HostForm, "the url's host [%s] is no IPv6 address", host)
	}
	if addr.Is4In6() {
		return netip.Addr{}, refuse(Embedded, "the url's host [%s] is an IPv4 address in an IPv6 form", host)
	}
	return addr, nil
}

// checkLabels holds a name to what DNS carries for hosts: letters, digits, hyphens, and the underscores seen in
// practice. Everything else a resolver might map to something else; internationalised names have an ASCII form.
func checkLabels(name string) error {
	if name == "" || len(name) > maxName {
		return refuse(HostForm, "the url's host is empty or longer than %d characters", maxName)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel {
			return refuse(HostForm, "the url's host has an empty label or one longer than %d characters", maxLabel)
		}
		for _, c := range []byte(label) {
			if c >= 0x80 {
				return refuse(HostForm, "the url's host is not ASCII; write its xn-- form")
			}
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return refuse(HostForm, "the url's host holds %q, which no host name does", c)
			}
		}
	}
	return nil
}

// isLocalhost reports whether the name means this machine by its text (RFC 6761, section 6.3).
func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost") ||
		name == "localhost.localdomain" || name == "ip6-localhost" || name == "ip6-loopback"
}

// endsInNumber reports whether any parser might take the host for an IPv4 address: its last label begins with a digit,
// which no top-level domain does (RFC 1123, section 2.1).
func endsInNumber(name string) bool {
	c := name[strings.LastIndexByte(name, '.')+1]
	return c >= '0' && c <= '9'
}

// inetAton reads an IPv4 address as inet_aton(3) does: one to four parts, each decimal, octal (0...) or hexadecimal
// (0x...), the last one filling what is left.
func inetAton(name string) (netip.Addr, bool) {
	parts := strings.Split(name, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, part := range parts {
		n, ok := atonNumber(part)
		if !ok {
			return netip.Addr{}, false
		}
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (4 - i)
		}
		if n >= 1<<bits {
			return netip.Addr{}, false
		}
		value = value<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

func atonNumber(s string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"):
		s, base = s[2:], 16
		if s == "" {
			// Some parsers read 0x alone as zero.
			s = "0"
		}
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil
}

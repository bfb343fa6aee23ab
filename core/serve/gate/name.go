package gate

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// name is a pattern of host names, in small letters: in each label one * stands for any
// run of characters, and as the whole first label for one or more labels.
type name []string

// parseName reads a host name or a pattern, or an IPv4 address.
func parseName(text string) (name, error) {
	labels := strings.Split(strings.ToLower(text), ".")
	for i, label := range labels {
		if strings.ContainsFunc(label, func(c rune) bool { return c >= 0x80 }) {
			labels[i], _ = idna.Lookup.ToASCII(label) // "" where it cannot be one
		}
		if label = labels[i]; label == "" || len(label) > 63 || strings.Count(label, "*") > 1 || strings.ContainsFunc(label, func(c rune) bool {
			return c != '-' && c != '_' && c != '*' && (c < '0' || c > '9') && (c < 'a' || c > 'z')
		}) {
			return nil, fmt.Errorf("no host has the name %q", text)
		}
	}
	return labels, nil
}

// match reports whether host, in any case, fits.
func (n name) match(host string) bool {
	for i := len(n) - 1; i >= 0; i-- {
		if i == 0 && n[0] == "*" {
			return host != ""
		}
		at := strings.LastIndexByte(host, '.')
		if !matchLabel(n[i], host[at+1:]) || (at < 0) != (i == 0) {
			return false
		}
		if at >= 0 {
			host = host[:at]
		}
	}
	return true
}

func matchLabel(pattern, label string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return equalFold(pattern, label)
	}
	return len(label) > len(before)+len(after)-1 && label != "" &&
		equalFold(before, label[:len(before)]) && equalFold(after, label[len(label)-len(after):])
}

// Hosts are names of a server.
type Hosts []name

// ParseHosts reads names like box.lan and *.lan, which is what lies below, and * for
// all. An error begins with the value in quotes.
func ParseHosts(values []string) (Hosts, error) {
	var hosts Hosts
	for _, value := range values {
		text := strings.TrimSuffix(value, ".")
		if host, _, ok := splitHost(text); ok && isAddress(host) {
			return nil, fmt.Errorf("%q: addresses are let in always; want a name, like box.lan or *.lan", value)
		}
		n, err := parseName(text)
		if err != nil {
			return nil, fmt.Errorf("%q: want a name without a port, like box.lan or *.lan", value)
		}
		hosts = append(hosts, n)
	}
	return hosts, nil
}

func (h Hosts) match(host string) bool {
	for _, n := range h {
		if n.match(host) {
			return true
		}
	}
	return false
}

// splitHost cuts a Host into name, without the dot that may end it, and port, 0 where it
// has none. An address of IPv6 keeps its brackets.
func splitHost(host string) (name string, port int, ok bool) {
	name = host
	end := strings.LastIndexByte(host, ':')
	if i := strings.LastIndexByte(host, ']'); i >= 0 && end < i {
		end = -1
	}
	if end >= 0 {
		name = host[:end]
		if port, ok = parsePort(host[end+1:]); !ok {
			return "", 0, false
		}
	}
	if !strings.HasPrefix(name, "[") {
		name = strings.TrimSuffix(name, ".")
		return name, port, name != "" && strings.IndexByte(name, ':') < 0
	}
	_, ok = parseIPv6(name)
	return name, port, ok
}

// parsePort reads a port; "" is 0.
func parsePort(text string) (port int, ok bool) {
	if text == "" {
		return 0, true
	}
	if text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && n > 0
}

// parseIPv6 reads an address in brackets.
func parseIPv6(name string) (netip.Addr, bool) {
	if len(name) < 2 || name[0] != '[' || name[len(name)-1] != ']' {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(name[1 : len(name)-1])
	return addr, err == nil && addr.Is6()
}

// isAddress reports whether name is an address: nobody else's name can be one.
func isAddress(name string) bool {
	switch {
	case name == "":
		return false
	case name[0] == '[':
		_, ok := parseIPv6(name)
		return ok
	case name[0] < '0' || name[0] > '9':
		return false
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// isLocalhost is true of localhost and what lies below: it leads to the client's own machine (RFC 6761, section 6.3).
func isLocalhost(name string) bool {
	const localhost = "localhost"
	if len(name) > len(localhost) {
		at := len(name) - len(localhost)
		return name[at-1] == '.' && equalFold(name[at:], localhost)
	}
	return equalFold(name, localhost)
}

func sameName(a, b string) bool {
	if equalFold(a, b) {
		return true
	}
	x, ok := parseIPv6(a)
	if !ok {
		return false
	}
	y, ok := parseIPv6(b)
	return ok && x == y
}

func bare(name string) string { return strings.TrimSuffix(strings.TrimPrefix(name, "["), "]") }

// Last returns the last entry of a list, which is the one that the nearest proxy added.
func Last(list string) string { return trim(list[strings.LastIndexByte(list, ',')+1:]) }

func trim(s string) string {
	if s == "" || s[0] > ' ' && s[len(s)-1] > ' ' { // almost always
		return s
	}
	return strings.Trim(s, " \t")
}

// equalFold compares in any case of ASCII, and only there.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// quote shows what a client sent, shortened.
func quote(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%q…", s[:100])
	}
	return strconv.Quote(s)
}

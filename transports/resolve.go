package transports

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Resolve gives addresses for "host:port" pairs, as curl's --resolve does. The host "*" stands for every host that has
// no entry of its own at that port. Fill it with Add; it must not be changed while a transport uses it.
type Resolve map[string][]netip.Addr

// Add takes an entry in curl's form HOST:PORT:ADDR[,ADDR]…. IPv6 addresses may stand in brackets, and must where HOST
// is one. A leading "+" is accepted and changes nothing, as no entry ever expires. An entry given again replaces the
// earlier one.
func (r Resolve) Add(entry string) error {
	bad := func(what string) error {
		return fmt.Errorf("address entry %q: %s; it is HOST:PORT:ADDR[,ADDR], like device.example:80:192.0.2.7", entry, what)
	}
	rest := strings.TrimPrefix(entry, "+")
	var host string
	if strings.HasPrefix(rest, "[") {
		end := strings.Index(rest, "]:")
		if end < 0 {
			return bad("no ]: after the host")
		}
		host, rest = rest[1:end], rest[end+2:]
	} else {
		var ok bool
		if host, rest, ok = strings.Cut(rest, ":"); !ok {
			return bad("no port")
		}
	}
	if host == "" || strings.ContainsAny(host, "[]") {
		return bad("no host")
	}
	port, list, ok := strings.Cut(rest, ":")
	if !ok {
		return bad("no address")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return bad(fmt.Sprintf("port %q is no number from 1 to 65535", port))
	}
	var addrs []netip.Addr
	for text := range strings.SplitSeq(list, ",") {
		bare := text
		if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
			bare = text[1 : len(text)-1]
		}
		addr, err := netip.ParseAddr(bare)
		if err != nil {
			return bad(fmt.Sprintf("%q is no IP address", text))
		}
		addrs = append(addrs, addr)
	}
	r[resolveKey(host, port)] = addrs
	return nil
}

// Lookup returns the addresses to dial for addr, "host:port"; ok is false where no entry says anything about it.
func (r Resolve) Lookup(addr string) (addrs []netip.Addr, ok bool) {
	if len(r) == 0 {
		return nil, false
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, false
	}
	if addrs, ok = r[resolveKey(host, port)]; !ok {
		addrs, ok = r[resolveKey("*", port)]
	}
	return addrs, ok
}

// resolveKey is the form of a host and port in the map: names in any case and with or without the dot of the root are
// the same name, as are an international one and its ASCII form, and so are the spellings of an IPv6 address.
func resolveKey(host, port string) string {
	host = strings.TrimRight(host, ".")
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	host = strings.ToLower(host)
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.String()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		port = strconv.FormatUint(n, 10)
	}
	return net.JoinHostPort(host, port)
}

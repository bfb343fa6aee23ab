package dashboard

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// CheckSite refuses a request that a page of another site makes in a visitor's
// name: its Origin is of another host than it was sent to, or Sec-Fetch-Site
// says so. Programs send neither and pass.
func CheckSite(r *http.Request) error {
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "same-origin", "none":
	default:
		return fmt.Errorf("this was asked for by another site (Sec-Fetch-Site: %q)", site)
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if !SameHost(origin, r.Host) {
		return fmt.Errorf("this was asked for by a page of %q, and is for pages of %q only", origin, r.Host)
	}
	return nil
}

// SameHost tells whether a page of an Origin was asked for under a Host, whatever
// the scheme: where something else ends TLS, the server knows only one of them.
func SameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// checkHost refuses names that have no business with a loopback address: a site
// whose name was made to point here would be of the same origin as this page.
func (h *Handler) checkHost(r *http.Request) error {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || !isLoopback(local) {
		return nil
	}
	if KnownHost(r.Host, h.options.Hosts) {
		return nil
	}
	return fmt.Errorf("the dashboard is not for the name %q here: use localhost or the address, or tell the server the name with --public-url", hostname(r.Host))
}

// KnownHost tells whether a Host can be nobody else's name for this server: an
// address, localhost, or one of known, in which "*" stands for any.
func KnownHost(host string, known []string) bool {
	host = hostname(host)
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	return slices.ContainsFunc(known, func(name string) bool {
		return name == "*" || strings.EqualFold(hostname(name), host)
	})
}

// isLoopback is true of unix sockets too: something on this machine stands before them.
func isLoopback(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

// hostname returns a Host field without port and brackets, in small letters.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isHost tells whether a Host field can be quoted in a policy: a name or an
// address with or without a port, and nothing that would begin another directive.
func isHost(host string) bool {
	return host != "" && !slices.ContainsFunc([]byte(host), func(c byte) bool {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		return !letter && (c < '0' || c > '9') && !strings.ContainsRune(".-_:[]", rune(c))
	})
}

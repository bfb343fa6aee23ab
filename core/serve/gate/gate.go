// Package gate decides who may come in. Every way into a server asks it first, and gets one answer: a WebSocket of any
// dialect, a message or a stream over HTTP, a page, a file, metrics.
//
// It looks at three things. The name that the server was asked for must be one of its
// own, since whoever has a name can have it lead here. A page must be of the same site,
// or of one that is listed. And who asks must be a user, where there are users.
package gate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/auth"
)

// Gate says whom it lets in. The zero value lets in, under an address or localhost, programs and pages of the same
// site, and of drafts 75 and 76, which no browser of today speaks, pages of all. It must not be changed while it is
// asked; asking is safe for concurrent use.
type Gate struct {
	// Hosts are the names of this server, beside addresses and localhost.
	Hosts Hosts
	// Origins are the pages of other sites that are let in. Where there are any, those of the same site are let in
	// still, but no others, whatever the dialect, and what sends no Origin neither reads nor writes messages.
	Origins Origins
	// Public is where clients find the server, ws or wss; nil: where they say. Its host
	// is a name of the server, and its pages are of the same site.
	Public *core.Target
	// Forwarded believes X-Forwarded-Host, too.
	Forwarded bool
	// Users are those who are let in; nil: everybody.
	Users *auth.Guard
	// Client names who a request comes from, to Users; nil: its address does.
	Client func(net.Addr, hixie.Fields) string
	// Messages reports whether a path, with its query, is for messages where plain HTTP asks for it; nil: all are.
	Messages func(resource string) bool
	// Everybody is a path, without a query, that whoever asks may read; "": none.
	Everybody string
	// Option is how Hosts and Origins are written, for who is told what would help: a format
	// of a name and a value; "": as flags.
	Option string
}

// Request is what a Gate is asked about; nothing of it is kept.
type Request struct {
	Head    *hixie.Request
	Dialect core.Dialect // "": it asks for no WebSocket
	Secure  bool         // came in over TLS
	// Transport names what it came over, "tcp" for one: no page reaches a serial line.
	Transport string
	Peer      interface{ RemoteAddr() net.Addr }
	// Waiting gives the context for who has to wait: it ends when the peer hangs up.
	Waiting interface {
		Context() (ctx context.Context, stop func())
	}
}

// Admit decides. Where there are users, the grant is that of one of them, and Admit may wait if auth.Guard.Waits says
// so. A refusal has the status 400, 401, 403, 421, 429 or 503, and a text that says what would help. To let in who
// needs no login allocates nothing.
func (g *Gate) Admit(r *Request) (*auth.Grant, *core.Refusal) {
	if r.Dialect == "" && g.Everybody != "" && r.Head.Resource == g.Everybody && reads(r.Head) {
		return nil, nil
	}
	f := factsOf(r.Head)
	if refusal := g.checkSite(r, &f); refusal != nil {
		return nil, refusal
	}
	if g.Users == nil {
		return nil, nil
	}
	return g.login(r, f.authorization.value)
}

// Over is Admit where there are no users, of what comes in over a transport: a core.AcceptOptions.Check.
func (g *Gate) Over(transport string) func(*hixie.Request, core.Dialect) *core.Refusal {
	return func(head *hixie.Request, dialect core.Dialect) *core.Refusal {
		f := factsOf(head)
		return g.checkSite(&Request{Head: head, Dialect: dialect, Transport: transport}, &f)
	}
}

// option is what would let somebody in.
func (g *Gate) option(name, value string) string {
	if g.Option == "" {
		return "--" + name + " " + value
	}
	return fmt.Sprintf(g.Option, name, value)
}

// fact is a field of a request: its last value, and how often it is there.
type fact struct {
	value string
	n     int
}

// facts are the fields that count.
type facts struct {
	host, forwarded, origin, olderOrigin, authorization fact
	site, mode, dest                                    fact // Sec-Fetch, of W3C's Fetch Metadata
}

func factsOf(r *hixie.Request) (f facts) {
	for i := range r.Fields {
		field := &r.Fields[i]
		if at := f.at(field.Name); at != nil {
			at.value = trim(field.Value)
			at.n++
		}
	}
	return f
}

func (f *facts) at(name string) *fact {
	switch len(name) {
	case 4:
		return match(name, "Host", &f.host)
	case 6:
		return match(name, "Origin", &f.origin)
	case 13:
		return match(name, "Authorization", &f.authorization)
	case 14:
		for _, is := range [...]struct {
			name string
			at   *fact
		}{{"Sec-Fetch-Site", &f.site}, {"Sec-Fetch-Mode", &f.mode}, {"Sec-Fetch-Dest", &f.dest}} {
			if at := match(name, is.name, is.at); at != nil {
				return at
			}
		}
	case 16:
		return match(name, "X-Forwarded-Host", &f.forwarded)
	case 20:
		return match(name, "Sec-WebSocket-Origin", &f.olderOrigin) // until hybi-11
	}
	return nil
}

func match(name, want string, at *fact) *fact {
	if equalFold(name, want) { // of one length
		return at
	}
	return nil
}

// reads is true of methods that change nothing.
func reads(r *hixie.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func refuse(status int, format string, args ...any) *core.Refusal {
	return &core.Refusal{Status: status, Reason: http.StatusText(status), Text: fmt.Sprintf(format, args...)}
}

// unreachable are transports over which no page of a browser comes, and whose clients may know this server by any name.
func unreachable(transport string) bool {
	switch transport {
	case "serial", "pipe", "stdio", "exec":
		return true
	}
	return false
}

// checkSite refuses what names another server, or is another site's.
func (g *Gate) checkSite(r *Request, f *facts) *core.Refusal {
	origin := f.origin
	if origin.n == 0 {
		origin = f.olderOrigin
	}
	switch {
	case len(r.Head.Resource) == 0 || r.Head.Resource[0] != '/':
		return refuse(http.StatusBadRequest, "the target is %s, want a path that begins with a slash", quote(r.Head.Resource))
	case f.host.n != 1 || f.host.value == "":
		return refuse(http.StatusBadRequest, "%d fields Host, want one that names the server", f.host.n)
	case origin.n > 1:
		return refuse(http.StatusBadRequest, "%d fields Origin, want one at most", origin.n)
	case f.authorization.n > 1:
		return refuse(http.StatusBadRequest, "%d fields Authorization, want one at most", f.authorization.n)
	case unreachable(r.Transport):
		return nil
	}
	asked := f.host.value
	if refusal := g.checkHost(asked); refusal != nil {
		return refusal
	}
	if g.Forwarded && f.forwarded.n > 0 {
		asked = Last(f.forwarded.value)
		if refusal := g.checkHost(asked); refusal != nil {
			return refusal
		}
	}
	switch {
	case origin.n > 0:
		return g.checkOrigin(r, f, origin.value, asked)
	case f.site.n == 0:
		return g.checkNone(r)
	}
	return g.checkFetch(r, f)
}

// checkHost refuses a name that may be somebody else's.
func (g *Gate) checkHost(host string) *core.Refusal {
	name, _, ok := splitHost(host)
	if ok && (isAddress(name) || isLocalhost(name) || g.Hosts.match(name) || g.Public != nil && equalFold(g.Public.Name, name)) {
		return nil
	}
	help := ""
	if _, err := ParseHosts([]string{name}); ok && err == nil && !strings.Contains(name, "*") {
		help = fmt.Sprintf("; if that is a name of this server, %s lets it in", g.option("host", name))
	}
	return refuse(http.StatusMisdirectedRequest, "this server is not known as %s%s", quote(host), help)
}

// checkOrigin refuses a page of another site that is not listed.
func (g *Gate) checkOrigin(r *Request, f *facts, origin, asked string) *core.Refusal {
	if len(g.Origins) == 0 && r.Dialect.Lacks().Browsers {
		return nil // no browser of today speaks them
	}
	o, isOrigin := splitOrigin(origin)
	switch {
	case g.Origins.allow(origin, &o, isOrigin):
	case isOrigin && f.own() && g.sameSite(r, &o, asked):
	default:
		if _, err := ParseOrigins([]string{origin}); err != nil || strings.Contains(origin, "*") || equalFold(origin, "none") {
			return refuse(http.StatusForbidden, "Origin: %s is no origin, so nothing can allow it", quote(origin))
		}
		return refuse(http.StatusForbidden, "pages of origin %s are not allowed here; %s lets them in", quote(origin), g.option("origin", origin))
	}
	return nil
}

// own is false where a browser says that the page is of another site.
func (f *facts) own() bool { return f.site.n == 0 || equalFold(f.site.value, "same-origin") }

// sameSite reports whether a page comes from where it asks. What ends TLS before this
// server may be unknown to it: then the default port is that of the page.
func (g *Gate) sameSite(r *Request, o *origin, asked string) bool {
	if g.Public != nil {
		scheme := "http"
		if g.Public.Secure {
			scheme = "https"
		}
		if equalFold(o.scheme, scheme) && sameHost(o.host, g.Public.Host, o.port, defaultPort(scheme)) {
			return true
		}
	}
	scheme := o.scheme
	if r.Secure {
		scheme = "https"
	}
	return (equalFold(o.scheme, "http") || equalFold(o.scheme, "https")) && sameHost(o.host, asked, o.port, defaultPort(scheme))
}

// sameHost compares a page's host and port with a Host.
func sameHost(name, asked string, port, otherwise int) bool {
	host, askedPort, ok := splitHost(asked)
	if !ok {
		return false
	}
	if askedPort == 0 {
		askedPort = otherwise
	}
	return port == askedPort && sameName(name, host)
}

// checkNone is about what sends no Origin, and nothing else of a browser. Browsers do so
// where a page is opened; with messages programs do.
func (g *Gate) checkNone(r *Request) *core.Refusal {
	if len(g.Origins) == 0 || g.Origins.none() || !g.messages(r) {
		return nil
	}
	return refuse(http.StatusForbidden, "clients that send no Origin are not allowed here; %s lets them in", g.option("origin", "none"))
}

func (g *Gate) messages(r *Request) bool {
	return r.Dialect != "" || !reads(r.Head) || g.Messages == nil || g.Messages(r.Head.Resource)
}

// checkFetch is about what sends no Origin from a browser. One that follows a link to
// here shows what comes to nobody but who sits before it.
func (g *Gate) checkFetch(r *Request, f *facts) *core.Refusal {
	link := reads(r.Head) && r.Dialect == "" && equalFold(f.mode.value, "navigate") && equalFold(f.dest.value, "document")
	if f.own() || equalFold(f.site.value, "none") || link || g.Origins.any() {
		return nil
	}
	return refuse(http.StatusForbidden, "a page of another site asked for this (Sec-Fetch-Site: %s) and does not say which; those that send an Origin can be allowed", quote(f.site.value))
}

// login lets in users.
func (g *Gate) login(r *Request, field string) (*auth.Grant, *core.Refusal) {
	ctx := context.Background()
	if g.Users.Waits() {
		var stop func()
		ctx, stop = r.Waiting.Context()
		defer stop()
	}
	from := ""
	switch addr := r.Peer.RemoteAddr(); {
	case g.Client != nil:
		from = g.Client(addr, r.Head.Fields)
	case addr != nil:
		from = addr.String()
	}
	grant, err := g.Users.Check(ctx, networkOf(from), field)
	var busy *auth.BusyError
	switch {
	case err == nil:
		return grant, nil
	case errors.Is(err, auth.ErrWrong):
		refusal := refuse(http.StatusUnauthorized, "%v", err)
		refusal.Fields = hixie.Fields{{Name: "WWW-Authenticate", Value: auth.Challenge}}
		return nil, refusal
	case errors.As(err, &busy):
		refusal := refuse(http.StatusServiceUnavailable, "%v", err)
		if busy.Address {
			refusal = refuse(http.StatusTooManyRequests, "%v", err)
		}
		refusal.Fields = hixie.Fields{{Name: "Retry-After", Value: strconv.Itoa(max(1, int(busy.Retry/time.Second)))}}
		return nil, refusal
	}
	return nil, refuse(http.StatusServiceUnavailable, "%v", err)
}

// networkOf is what attempts are counted by: an address, of IPv6 a network of 64 bits,
// which one client may have for itself.
func networkOf(name string) string {
	addr, err := netip.ParseAddr(name)
	if err != nil {
		port, err := netip.ParseAddrPort(name)
		if err != nil {
			return name
		}
		addr = port.Addr()
	}
	if addr = addr.Unmap(); addr.Is6() {
		if network, err := addr.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return addr.String()
}

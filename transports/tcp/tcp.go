// Package tcp is the transport that most connections use: TCP over IPv4 and IPv6, dialled by Happy Eyeballs, with
// TCP_NODELAY and keep-alive probes on, and dead peers noticed.
package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/ws76/ws76/internal/tcplimit"
	"github.com/ws76/ws76/transports"
)

// Entry is what the registry knows of this transport.
var Entry = transports.Entry{
	Scheme:  "tcp",
	Summary: "TCP to the address asked for, or always to HOST:PORT in tcp://HOST:PORT",
	Example: "tcp:",
	Open: func(u *url.URL, o transports.Options) (transports.Transport, error) {
		return Open(u, o)
	},
}

// Transport dials TCP addresses and listens on them. It implements transports.Transport and transports.Listener, and
// may be used from several goroutines.
type Transport struct {
	network   string // "tcp", "tcp4" or "tcp6"
	fixed     string // address of the URL, which wins over the one asked for; or ""
	resolve   transports.Resolve
	keepAlive time.Duration
	watch     *tcplimit.Watch
}

// Open makes the transport of a tcp: URL. With tcp://HOST:PORT that address is used whatever is asked for later. The
// parameter keepalive=DURATION, or keepalive=off, wins over o.KeepAlive.
func Open(u *url.URL, o transports.Options) (*Transport, error) {
	if err := transports.CheckQuery(u, "keepalive"); err != nil {
		return nil, err
	}
	if u.Opaque != "" || u.User != nil || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("nothing but //HOST:PORT may follow the scheme %s", u.Scheme)
	}
	t := &Transport{network: o.Network, fixed: u.Host, resolve: o.Resolve, keepAlive: o.KeepAlive, watch: tcplimit.New(o.DeadAfter)}
	switch t.network {
	case "":
		t.network = "tcp"
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("network %q is none of tcp, tcp4, tcp6", o.Network)
	}
	if t.fixed != "" {
		if _, _, err := net.SplitHostPort(t.fixed); err != nil {
			return nil, fmt.Errorf("%q is no HOST:PORT: %w", t.fixed, err)
		}
	}
	if text := u.Query().Get("keepalive"); text == "off" {
		t.keepAlive = -1
	} else if u.Query().Has("keepalive") {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("keepalive %q is no time like 30s, nor off", text)
		}
		t.keepAlive = d
	}
	return t, nil
}

// Target returns the address that is dialled when addr is asked for: that of the URL where it has one.
func (t *Transport) Target(addr string) string {
	if t.fixed != "" {
		return t.fixed
	}
	return addr
}

// Dial connects to addr, "host:port". Where a name has several addresses they are tried by net.Dialer's Happy Eyeballs;
// those of a resolve entry one after the other. The error is a *transports.DialError that lists them.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	addr = t.Target(addr)
	fail := func(err error, tried []string) error {
		return &transports.DialError{Transport: "tcp", Addr: addr, Tried: tried, Hint: t.hint(err), Err: err}
	}
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host == "" {
		err = errors.New("no host before the port") // net would dial this machine
	}
	if err != nil {
		return nil, fail(err, nil)
	}
	if addrs, ok := t.resolve.Lookup(addr); ok {
		conn, tried, err := t.dialEach(ctx, addrs, port)
		if err != nil {
			return nil, fail(err, tried)
		}
		return conn, nil
	}
	conn, tried, err := t.dial(ctx, addr)
	if err != nil {
		return nil, fail(err, tried)
	}
	return conn, nil
}

// dial connects to one name or address and returns what was tried.
func (t *Transport) dial(ctx context.Context, addr string) (net.Conn, []string, error) {
	var mu sync.Mutex
	var tried []string
	dialer := net.Dialer{
		KeepAlive: t.keepAlive,
		// Called once for each address, from two goroutines where there are both families.
		Control: func(_, address string, _ syscall.RawConn) error {
			mu.Lock()
			defer mu.Unlock()
			tried = append(tried, address)
			return nil
		},
	}
	conn, err := dialer.DialContext(ctx, t.network, addr)
	if err == nil {
		t.watch.Add(conn)
	}
	// The deadline of ctx is also set on the socket, and may pass there first.
	var op *net.OpError
	if errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &op) {
		op.Err = context.DeadlineExceeded
	}
	mu.Lock()
	defer mu.Unlock()
	return conn, append([]string(nil), tried...), err
}

// dialEach tries addresses in order until one connects. Each may use an equal part
// of the time that is left, so that a dead first one leaves some to the next.
func (t *Transport) dialEach(ctx context.Context, addrs []netip.Addr, port string) (net.Conn, []string, error) {
	var tried []string
	var errs []error
	for i, addr := range addrs {
		if is4 := addr.Unmap().Is4(); t.network == "tcp4" && !is4 || t.network == "tcp6" && is4 {
			continue
		}
		part, cancel := ctx, context.CancelFunc(func() {})
		if end, ok := ctx.Deadline(); ok && i < len(addrs)-1 {
			part, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(len(addrs)-i))
		}
		conn, one, err := t.dial(part, net.JoinHostPort(addr.String(), port))
		cancel()
		if err == nil {
			return conn, nil, nil
		}
		tried = append(tried, one...)
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	switch len(errs) {
	case 0:
		return nil, nil, fmt.Errorf("none of the addresses given for it is of the family asked for (%s)", t.network)
	case 1:
		return nil, tried, errs[0]
	}
	return nil, tried, errors.Join(errs...)
}

// Listen waits for TCP connections at addr, "host:port"; an empty host is every
// interface, as is 0.0.0.0 with IPv4 alone; port 0 is a free one. The error is a *transports.ListenError.
func (t *Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	addr = t.Target(addr)
	network := t.network
	// Go listens for both families at 0.0.0.0, too.
	if ip, err := netip.ParseAddrPort(addr); err == nil && ip.Addr().Is4() && network == "tcp" {
		network = "tcp4"
	}
	config := net.ListenConfig{KeepAlive: t.keepAlive}
	l, err := config.Listen(ctx, network, addr)
	if err != nil {
		return nil, &transports.ListenError{Transport: "tcp", Addr: addr, Hint: listenHint(err), Err: err}
	}
	return t.watch.Listen(l, t.keepAlive), nil
}

// hint says what would help against an error of Dial.
func (t *Transport) hint(err error) string {
	var dns *net.DNSError
	var addr *net.AddrError
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case transports.Refused(err):
		return "nothing listens there: is the port right, is the server running?"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "is the name spelt right, and known on this network?"
	case errors.As(err, &dns):
		return "the name server did not answer"
	case errors.As(err, &addr) && t.network != "tcp" && addr.Err == "no suitable address found":
		return "the name has no address of the family asked for (" + t.network + ")"
	case errors.As(err, &addr) && addr.Err == "missing port in address":
		return "write HOST:PORT"
	case transports.Timeout(err):
		return "no answer: is the address right, does a firewall drop the packets?"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "this machine has no way there: is the network up?"
	}
	return ""
}

// listenHint says what would help against an error of Listen.
func listenHint(err error) string {
	var dns *net.DNSError
	switch {
	case transports.InUse(err):
		return "another process listens there"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "ports below 1024 need a privilege; choose a higher one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address"
	case errors.As(err, &dns):
		return "give an address of this machine, or a name that leads to one"
	}
	return ""
}

// Reaches is for transports.Reacher.
func (t *Transport) Reaches(addr string, listen bool) []transports.Reach {
	return transports.ReachesAddr(t.Target(addr), "tcp", listen)
}

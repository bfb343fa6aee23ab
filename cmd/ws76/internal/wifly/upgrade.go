package wifly

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/cmd/ws76/internal/softmodule"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/serve/gate"
	"github.com/ws76/ws76/internal/outq"
)

// upgrader opens the connections of a module and makes those of drafts 75 and 76
// into ones of RFC 6455. What is no WebSocket passes as it is.
type upgrader struct {
	e       *reach.Env
	ctx     context.Context
	tcp     core.Dialer
	urls    map[string]core.Target // by HOST:PORT that the device asks for
	bases   map[string]string      // the same as URLs, without a slash at the end
	running sync.WaitGroup

	mu    sync.Mutex
	names map[netip.Addr]string // addresses that lookup made up
}

func newUpgrader(ctx context.Context, e *reach.Env, tcp core.Dialer, maps []string) (*upgrader, error) {
	u := &upgrader{e: e, ctx: ctx, tcp: tcp, urls: map[string]core.Target{}, bases: map[string]string{}, names: map[netip.Addr]string{}}
	for _, m := range maps {
		addr, base, ok := strings.Cut(m, "=")
		if _, _, err := net.SplitHostPort(addr); !ok || err != nil {
			return nil, app.Usagef("--map %q: want HOST:PORT=URL", m)
		}
		target, err := core.ParseURL(base)
		if err != nil || strings.Contains(base, "?") {
			return nil, app.Usagef("--map %q: want a URL like wss://HOST[:PORT][/PATH] behind the =", m)
		}
		addr = strings.ToLower(addr)
		u.urls[addr], u.bases[addr] = target, strings.TrimSuffix(base, "/")
	}
	return u, nil
}

func (u *upgrader) wait() { u.running.Wait() }

// lookup gives names that are mapped an address of their own, from those set aside
// for measurements: the name need not exist any more, and dial knows it again.
func (u *upgrader) lookup(ctx context.Context, name string) (netip.Addr, error) {
	name = strings.ToLower(name)
	for addr := range u.urls {
		if host, _, _ := net.SplitHostPort(addr); host == name {
			u.mu.Lock()
			defer u.mu.Unlock()
			for a, n := range u.names {
				if n == name {
					return a, nil
				}
			}
			n := len(u.names) + 1
			a := netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)})
			u.names[a] = name
			return a, nil
		}
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil
}

// dial reaches the server at once, so that the device is told if it cannot be, and
// returns the end of a pipe whose other end speaks to it.
func (u *upgrader) dial(ctx context.Context, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if a, err := netip.ParseAddr(host); err == nil {
		u.mu.Lock()
		if name, ok := u.names[a]; ok {
			addr = net.JoinHostPort(name, port)
		}
		u.mu.Unlock()
	}
	there := addr
	target, mapped := u.urls[addr]
	if mapped {
		there = target.Addr
	}
	server, err := u.tcp.Dial(ctx, there)
	if err != nil {
		return nil, err
	}
	device, ours := net.Pipe()
	u.running.Go(func() {
		err := u.carry(ours, server, addr)
		u.e.Log.Infof("%s: %v", addr, outcome.End(err))
	})
	return device, nil
}

// opened is a Dialer of a stream that is open already.
type opened struct{ net.Conn }

func (o opened) Dial(context.Context, string) (net.Conn, error) { return o.Conn, nil }

// carry serves one connection of the device and closes both ends.
func (u *upgrader) carry(device, server net.Conn, addr string) error {
	defer server.Close()
	said, heard := u.begins(device, server)
	if len(heard) > 0 || string(said) != requestStart {
		return u.pass(device, server, addr, said, heard)
	}
	var upstream *core.Conn
	admits := (&gate.Gate{}).Over(device.LocalAddr().Network())
	conn, err := core.Accept(u.ctx, device, &core.AcceptOptions{
		HandshakeTimeout: softmodule.HandshakeTimeout,
		Early:            said,
		Check: func(r *hixie.Request, d core.Dialect) *core.Refusal {
			if refusal := admits(r, d); refusal != nil {
				return refusal
			}
			var err error
			if upstream, err = u.open(r, server, addr); err != nil {
				u.e.Log.Warnf("%s: %v", addr, err)
				return &core.Refusal{Status: 502, Reason: "Bad Gateway", Text: err.Error()}
			}
			u.e.Log.Infof("%s: %s becomes %s", addr, d, upstream.Dialect())
			return nil
		},
		Trace: u.e.Trace("server"),
	})
	var plain *core.NotWebSocketError
	switch {
	case errors.As(err, &plain):
		return u.pass(device, server, addr, plain.Read, nil)
	case err != nil:
		if upstream != nil {
			upstream.Close(u.ctx)
		}
		return err
	}
	link := &bridge.Link{}
	err = relay.Join(u.ctx, link.Conn(relay.A, conn, nil), link.Conn(relay.B, upstream, nil), &relay.Options{Hooks: []relay.Hook{link.Hook()}})
	if s := link.Session(); s != nil {
		to, back := s.Stats(relay.AToB), s.Stats(relay.BToA)
		u.lost(addr, "messages", to.Lost(conn.Stats().MessagesIn), uint64(to.NotKnown), back.Lost(upstream.Stats().MessagesIn))
	}
	return err
}

// lost says how much the device had for the server, and the server for it, when they were parted.
func (u *upgrader) lost(addr, what string, unsent, notKnown, undelivered uint64) {
	if unsent > 0 {
		u.e.Log.Warnf("%s: %d %s of the device were not sent", addr, unsent, what)
	}
	if notKnown > 0 {
		u.e.Log.Warnf("%s: of %d %s of the device it is not known whether they arrived", addr, notKnown, what)
	}
	if undelivered > 0 {
		u.e.Log.Warnf("%s: %d %s of the server were not handed to the device", addr, undelivered, what)
	}
}

// requestStart is how the request for a WebSocket begins.
const requestStart = "GET "

// begins reads what the device says first, as far as that may be the request for a
// WebSocket, and what the server has said before it. Both may be empty at the end.
func (u *upgrader) begins(device, server net.Conn) (said, heard []byte) {
	past := time.Unix(1, 0)
	stop := context.AfterFunc(u.ctx, func() { device.SetReadDeadline(past) })
	defer stop()
	heard = make([]byte, 1)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		n, _ := server.Read(heard)
		heard = heard[:n]
		device.SetReadDeadline(past)
	})
	said = make([]byte, 0, len(requestStart))
	for len(said) < len(requestStart) && strings.HasPrefix(requestStart, string(said)) {
		n, err := device.Read(said[len(said):cap(said)])
		said = said[:len(said)+n]
		if err != nil {
			break
		}
	}
	server.SetReadDeadline(past)
	waiting.Wait()
	server.SetReadDeadline(time.Time{})
	device.SetReadDeadline(time.Time{})
	return said, heard
}

// open does the handshake with the server that the request of a device asks for.
func (u *upgrader) open(r *hixie.Request, server net.Conn, addr string) (*core.Conn, error) {
	base, ok := u.bases[addr]
	if !ok {
		host, has := r.Fields.Get("Host")
		if !has {
			host = addr
		}
		base = "ws://" + host
	}
	o := &core.DialOptions{Dialect: core.RFC6455, Dialer: opened{server}, Compress: true, Trace: u.e.Trace("client")}
	o.Origin, _ = r.Fields.Get("Origin")
	for _, name := range []string{"Sec-WebSocket-Protocol", "WebSocket-Protocol"} {
		if p, ok := r.Fields.Get(name); ok {
			o.Protocols = []string{p}
		}
	}
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, "Cookie") || strings.EqualFold(f.Name, "Authorization") {
			o.Header = append(o.Header, f)
		}
	}
	ctx, cancel := context.WithTimeout(u.ctx, core.DefaultHandshakeTimeout)
	defer cancel()
	return core.Dial(ctx, base+r.Resource, o)
}

// pass carries bytes as they are; those that device and server have said are read already.
func (u *upgrader) pass(device, server net.Conn, addr string, said, heard []byte) error {
	if target := u.urls[addr]; target.Secure {
		server = tls.Client(server, &tls.Config{ServerName: target.Name})
	}
	var waiting outq.State
	leave := sync.OnceFunc(func() {
		waiting, _ = outq.AskStream(server)
		server.Close()
	})
	stop := context.AfterFunc(u.ctx, func() { leave(); device.Close() })
	defer stop()
	to, from := tally{Reader: io.MultiReader(bytes.NewReader(said), device)}, tally{Reader: io.MultiReader(bytes.NewReader(heard), server)}
	var delivered int64
	var back sync.WaitGroup
	back.Go(func() {
		delivered, _ = io.Copy(device, &from)
		device.Close()
	})
	sent, err := io.Copy(server, &to)
	leave()
	back.Wait()
	u.lost(addr, "bytes", uint64(to.n-sent), uint64(waiting.Waiting), uint64(from.n-delivered))
	if errors.Is(err, io.ErrClosedPipe) { // the device's side of it, at the end
		return nil
	}
	return err
}

// tally counts what was read.
type tally struct {
	io.Reader
	n int64
}

func (t *tally) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	t.n += int64(n)
	return n, err
}

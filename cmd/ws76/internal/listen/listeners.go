// Package listen reads where a command listens, who may come in, and what a client may hold.
package listen

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/all"
)

// DefaultAddr is where is listened where nothing else is said.
const DefaultAddr = "127.0.0.1:8076"

// OnAll listens on addresses. After an error none is open.
func OnAll(ctx context.Context, e *reach.Env, addrs []string) (_ []net.Listener, err error) {
	var open []net.Listener
	defer func() {
		if err != nil {
			for _, l := range open {
				l.Close()
			}
		}
	}()
	for _, addr := range addrs {
		l, err := On(ctx, addr, e.OpenTransport)
		if err != nil {
			return nil, err
		}
		open = append(open, l)
	}
	return open, nil
}

// OnGuarded is ws76.listen.
func OnGuarded(ctx context.Context, e *reach.Env, addr string) (net.Listener, error) {
	return On(ctx, addr, e.OpenGuarded)
}

// On listens on an address, over a transport that open opens.
func On(ctx context.Context, addr string, open func(string, transports.Options) (transports.Transport, error)) (net.Listener, error) {
	// A transport is told by its URL where it is; TCP alone has many places.
	via, place, shown := addr, "", transports.Redact(addr)
	if scheme, rest, ok := cutScheme(addr); !ok || scheme == "tcp" {
		if !strings.Contains(addr, ":") {
			return nil, app.Usagef("listening on %q: want HOST:PORT, :PORT or a URL like unix:///run/ws76.sock", shown)
		}
		via, place = "tcp:", addr
		if ok {
			via, place = reach.SplitPlace("tcp", rest)
		}
		if strings.Contains(place, "@") {
			return nil, app.Usagef("listening on %q: a listener has no user", shown)
		}
	}
	t, err := open(via, transports.Options{})
	if err != nil {
		return nil, app.Usagef("listening on %q: %w", shown, err)
	}
	listener, ok := t.(transports.Listener)
	if !ok {
		return nil, app.Usagef("listening on %q: this transport can only dial", shown)
	}
	return listener.Listen(ctx, place)
}

// cutScheme tells a URL, like unix:///path, fd:3 or stdio:, from HOST:PORT.
func cutScheme(addr string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(addr, ":")
	if strings.HasPrefix(rest, "//") {
		return scheme, rest, ok && scheme != ""
	}
	if _, err := strconv.ParseUint(rest, 10, 16); err == nil && scheme != "fd" {
		return "", "", false
	}
	known := slices.ContainsFunc(all.Transports().Entries(), func(e transports.Entry) bool { return e.Scheme == scheme })
	return scheme, rest, known
}

// Describe says for the log what can be connected to.
func Describe(addr net.Addr, secure bool) string {
	switch addr.Network() {
	case "tcp", "tcp4", "tcp6":
		if secure {
			return fmt.Sprintf("ws://%s/ and wss://%[1]s/", addr)
		}
		return fmt.Sprintf("ws://%s/", addr)
	case "unix":
		return "unix://" + addr.String()
	}
	if text := addr.String(); strings.HasPrefix(text, addr.Network()+":") {
		return text
	}
	return addr.Network() + ":" + addr.String()
}

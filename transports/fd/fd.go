// Package fd is the transport of descriptors that another process has opened and
// handed down: a listening socket, as of systemd or a supervisor, or a stream.
package fd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/ws76/ws76/internal/tcplimit"
	"github.com/ws76/ws76/transports"
)

// Entry is what the registry knows of this transport.
var Entry = transports.Entry{
	Scheme:  "fd",
	Summary: "an inherited descriptor, by its number: a listening socket to listen on, or an open stream",
	Example: "fd:3",
	Open: func(u *url.URL, o transports.Options) (transports.Transport, error) {
		return Open(u, o)
	},
}

// Transport is one descriptor. It implements transports.Transport and transports.Listener.
type Transport struct {
	number    int
	keepAlive time.Duration
	watch     *tcplimit.Watch // of TCP sockets
}

// Open makes the transport of an fd:NUMBER URL.
func Open(u *url.URL, o transports.Options) (*Transport, error) {
	if err := transports.CheckQuery(u); err != nil {
		return nil, err
	}
	if u.Host != "" || u.Path != "" || u.User != nil {
		return nil, errors.New("want fd:NUMBER")
	}
	n, err := strconv.ParseUint(u.Opaque, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of a descriptor", u.Opaque)
	}
	return &Transport{int(n), o.KeepAlive, tcplimit.New(o.DeadAfter)}, nil
}

func (t *Transport) name() string { return "fd:" + strconv.Itoa(t.number) }

// Dial returns the stream that the descriptor is: a socket, or a pipe or terminal
// that is open for what is done with it. addr is ignored. The stream takes the
// descriptor over, so there is only one. The error is a *transports.DialError.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	err := ctx.Err()
	if err == nil {
		var conn net.Conn
		if conn, err = t.stream(); err == nil {
			t.watch.Add(conn)
			return conn, nil
		}
	}
	return nil, &transports.DialError{Transport: "fd", Addr: t.name(), Local: true, Hint: hint(err), Err: err}
}

// Listen returns the listening socket that the descriptor is, and takes it over;
// addr is ignored. The error is a *transports.ListenError.
func (t *Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := t.listener()
	if err != nil {
		return nil, &transports.ListenError{Transport: "fd", Addr: t.name(), Hint: hint(err), Err: err}
	}
	return t.watch.Listen(l, t.keepAlive), nil
}

// Reaches is for transports.Reacher.
func (t *Transport) Reaches(string, bool) []transports.Reach {
	return []transports.Reach{{Kind: "fd", Target: strconv.Itoa(t.number)}}
}

// Package transports is how bytes reach the other side: the contract of a transport, the registry that opens one from a
// URL, and the options that all of them share.
//
// A transport is opened from a URL that says how to reach things, and then dials an address that says what to reach:
//
//	t, err := all.Transports().Open("tcp:", transports.Options{})
//	conn, err := t.Dial(ctx, "device.example:80")
//
// Where the URL already says what, the address is ignored: unix:///run/x.sock
// leads to one socket whatever is asked for.
//
// The packages below this one are the transports themselves. They know bytes
// and addresses; they know nothing of WebSocket, of messages or of flags.
package transports

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Transport dials addresses.
type Transport interface {
	// Dial opens a connection to addr, in the form that the transport documents ("host:port" for most). It returns soon
	// after ctx is done, and ctx has no influence on the connection once Dial has returned. Errors are *DialError. Dial
	// may be called from several goroutines at once.
	//
	// The connection keeps the contract of net.Conn: Close ends a waiting Read or Write, a deadline that passes gives
	// os.ErrDeadlineExceeded, a peer that has closed gives io.EOF. An error of Close with a method Local() bool that
	// says true means that the device under the connection has failed, and that what was written may not have left.
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// Listener is a second interface for a Transport that can also be waited on.
type Listener interface {
	// Listen waits for connections at addr. ctx bounds the setting up alone;
	// the net.Listener lives until it is closed. Errors are *ListenError.
	Listen(ctx context.Context, addr string) (net.Listener, error)
}

// Reach is one thing that a transport touches on its way to an address.
type Reach struct {
	// Kind is "net" for an address that is dialled, "listen" for one that is listened on, "unix" for a socket, "serial" for
	// a port, "exec" for a program, "stdio" for the process's own streams, "fd" for a descriptor.
	Kind string
	// Target is the address, path, program ("sh" for a line of the shell) or number.
	Target string
	// By is the scheme of the transport that dials an address.
	By string
}

// Reacher is a third interface: a transport that says what it touches. Only such ones are open to whom not all is allowed.
type Reacher interface {
	// Reaches returns what Dial, or Listen, with addr would touch. With "" it is what the transport touches whatever it is
	// asked for.
	Reaches(addr string, listen bool) []Reach
}

// Reaches is what t touches, as Reacher has it; nil where it does not say.
func Reaches(t Transport, addr string, listen bool) []Reach {
	if r, ok := t.(Reacher); ok {
		return r.Reaches(addr, listen)
	}
	return nil
}

// ReachesAddr is what a transport touches that takes an address further: it is dialled from somewhere, or listened on.
func ReachesAddr(addr, by string, listen bool) []Reach {
	switch {
	case addr == "":
		return nil
	case listen:
		return []Reach{{Kind: "listen", Target: addr, By: by}}
	}
	return []Reach{{Kind: "net", Target: addr, By: by}}
}

// Options are what a command line can say about reaching things apart from the transport's URL. The zero value is ready
// to use. A transport ignores what has no meaning for it.
type Options struct {
	// Network is "tcp", "tcp4" or "tcp6"; "" is "tcp", both families.
	Network string

	// Resolve gives addresses to dial in place of those the name service would give. Nil changes nothing.
	Resolve Resolve

	// KeepAlive is the time between TCP keep-alive probes. 0 is 15 seconds, a negative value sends none.
	KeepAlive time.Duration

	// DeadAfter is how long a TCP peer may acknowledge nothing of what is sent to it before it counts as gone; quiet
	// peers are found by the probes then. 0 is a minute, a negative value leaves it to the system. A peer that answers
	// but reads nothing is not meant.
	DeadAfter time.Duration

	// TLS configures transports that encrypt; see tls.ClientConfig and tls.ServerConfig of the package transports/tls.
	// It is cloned before it is changed. Nil is a client with the system's authorities.
	TLS *tls.Config

	// Stdin and Stdout are what stdio: carries; nil where there are none.
	Stdin, Stdout *os.File

	// Environ is what child processes get of the environment, NAME=VALUE; nil is
	// nothing. Contained ends with a child also what has left its process group.
	Environ   func() []string
	Contained bool

	// Stderr is called with the lines of the standard error of child processes, without their ends; from several
	// goroutines, if there are several children. nil discards them.
	Stderr func(line string)
}

// CheckQuery returns an error when the query of a transport's URL cannot be read, or has a parameter twice or one that
// is not among known: a misspelt parameter must not be ignored in silence.
func CheckQuery(u *url.URL, known ...string) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("parameters %q: %w", u.RawQuery, err)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(known, name) {
			if len(known) == 0 {
				return fmt.Errorf("unknown parameter %q; %s: has none", name, u.Scheme)
			}
			return fmt.Errorf("unknown parameter %q; %s: has %s", name, u.Scheme, strings.Join(known, ", "))
		}
		if n := len(query[name]); n > 1 {
			return fmt.Errorf("parameter %q is given %d times", name, n)
		}
	}
	return nil
}

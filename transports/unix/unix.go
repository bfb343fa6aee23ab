// Package unix is the transport of unix sockets: files in the file system and, on Linux, abstract names.
package unix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"runtime"
	"strings"
	"syscall"

	"github.com/ws76/ws76/transports"
)

// Entry is what the registry knows of this transport.
var Entry = transports.Entry{
	Scheme:  "unix",
	Summary: "a unix socket, whatever the address asked for; unix:@NAME is an abstract one (Linux)",
	Example: "unix:///run/ws76.sock",
	Open: func(u *url.URL, _ transports.Options) (transports.Transport, error) {
		return Open(u)
	},
}

// Transport dials one unix socket, or listens on it. It implements transports.Transport and transports.Listener, and
// may be used from several goroutines.
type Transport struct {
	name string // path, or "@" and an abstract name
}

// Open makes the transport of a unix: URL: unix:///ABSOLUTE/PATH, unix:RELATIVE/PATH, or unix:@NAME for the abstract
// NAME of Linux. %XX stands for a byte of the path, as in every URL.
func Open(u *url.URL) (*Transport, error) {
	if err := transports.CheckQuery(u); err != nil {
		return nil, err
	}
	if u.Host != "" || u.User != nil {
		at := ""
		if u.User != nil {
			at = "@"
		}
		return nil, fmt.Errorf("%q is where a host stands in a URL; write unix://%s for a path from the root, unix:%s%s%s for another",
			at+u.Host, "/"+u.Host+u.Path, at, u.Host, u.Path)
	}
	name := u.Path
	if u.Opaque != "" {
		var err error
		if name, err = url.PathUnescape(u.Opaque); err != nil {
			return nil, err
		}
	}
	return New(name)
}

// New returns the transport of the socket at a path, or of the abstract socket whose name follows "@".
func New(name string) (*Transport, error) {
	switch abstract := strings.HasPrefix(name, "@"); {
	case name == "" || name == "@":
		return nil, errors.New("no path of a socket")
	case strings.ContainsRune(name, 0):
		return nil, fmt.Errorf("socket %q: a NUL in the path", name)
	case abstract && runtime.GOOS != "linux":
		return nil, fmt.Errorf("socket %q: abstract sockets exist on Linux only; write ./%s for a file of that name", name, name)
	}
	// A path in a file system ends with a NUL; an abstract name does not.
	most := len(syscall.RawSockaddrUnix{}.Path)
	if !strings.HasPrefix(name, "@") {
		most--
	}
	if len(name) > most {
		return nil, fmt.Errorf("socket %q: %d bytes are too long for a unix socket, which holds %d; use a shorter or relative path", name, len(name), most)
	}
	return &Transport{name: name}, nil
}

// Dial connects to the socket; addr, which says what to ask for over it, is
// ignored. The error is a *transports.DialError.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", t.name)
	if err != nil {
		return nil, &transports.DialError{Transport: "unix", Addr: t.name, Hint: hint(err), Err: err}
	}
	return conn, nil
}

// Listen waits for connections at the socket; addr is ignored. A socket file that a dead process left there is
// replaced; one that a live process listens on, or that cannot be told to be dead, never is, and nor is any other kind
// of file. The file is removed when the listener is closed, unless another one has taken its place. The error is a
// *transports.ListenError.
func (t *Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	var l net.Listener
	var err error
	if strings.HasPrefix(t.name, "@") {
		var config net.ListenConfig
		l, err = config.Listen(ctx, "unix", t.name)
	} else {
		l, err = listenFile(ctx, t.name)
	}
	if err != nil {
		return nil, &transports.ListenError{Transport: "unix", Addr: t.name, Hint: hint(err), Err: err}
	}
	return l, nil
}

// hint says what would help against an error of Dial or Listen.
func hint(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case transports.Refused(err):
		return "nothing listens there: the socket file is a left-over, or the server listens no more"
	case errors.Is(err, fs.ErrNotExist):
		return "is the path right, is the server running?"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not; look at the permissions of the socket and its directory"
	case errors.Is(err, syscall.EAGAIN):
		return "the server does not accept connections fast enough"
	case errors.Is(err, syscall.EPROTOTYPE):
		return "the socket there is not a stream socket"
	case transports.InUse(err):
		return "another process listens there"
	}
	return ""
}

// Reaches is for transports.Reacher.
func (t *Transport) Reaches(string, bool) []transports.Reach {
	return []transports.Reach{{Kind: "unix", Target: t.name}}
}

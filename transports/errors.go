package transports

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// DialError reports that a transport did not reach an address: the name was not found, nobody answered, or the TLS
// handshake failed. Err is the cause and takes part in errors.Is and errors.As.
type DialError struct {
	Transport string   // scheme of the transport: "tcp"
	Addr      string   // address that was asked for
	Tried     []string // addresses behind Addr that were tried, in order; may be nil
	Hint      string   // what would help; may be ""
	Local     bool     // a device, program or descriptor of this machine failed, nothing was asked yet
	Err       error
}

func (e *DialError) Error() string {
	text := fmt.Sprintf("connect to %s: %s", e.Addr, cause(e.Err, e.Tried))
	if len(e.Tried) > 1 || len(e.Tried) == 1 && e.Tried[0] != e.Addr {
		text += " (tried " + strings.Join(e.Tried, ", ") + ")"
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// ErrGone says that the device under a connection is there no more: a serial
// adapter was unplugged, the other end of a pseudo-terminal closed.
var ErrGone = errors.New("the device is gone: unplugged, or its other end was closed")

// ListenError reports that a transport could not wait for connections. Err is
// the cause and takes part in errors.Is and errors.As.
type ListenError struct {
	Transport string // scheme of the transport: "tcp"
	Addr      string // address that was asked for
	Hint      string // what would help; may be ""
	Err       error
}

func (e *ListenError) Error() string {
	text := fmt.Sprintf("listen on %s: %s", e.Addr, cause(e.Err, nil))
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

// cause is the text of err without the "dial tcp 192.0.2.1:80:" that package
// net puts in front of it: the error around it says so already.
func cause(err error, tried []string) string {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, one := range list.Unwrap() {
			texts = append(texts, cause(one, tried))
		}
		return strings.Join(texts, "; ")
	}
	op, ok := err.(*net.OpError)
	if !ok {
		return err.Error()
	}
	// With several addresses each failure must say whose it is.
	if op.Addr != nil && len(tried) > 1 {
		return op.Addr.String() + ": " + op.Err.Error()
	}
	return op.Err.Error()
}

// Refused reports whether err says that nothing listens at the address.
func Refused(err error) bool {
	const wsaeconnrefused = syscall.Errno(10061) // what Windows calls it
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, wsaeconnrefused)
}

// InUse reports whether err says that the address to listen on is taken.
func InUse(err error) bool {
	const wsaeaddrinuse = syscall.Errno(10048)
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaeaddrinuse)
}

// Timeout reports whether err says that time ran out: a deadline, or a peer that never answered.
func Timeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

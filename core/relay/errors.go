package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"

	"github.com/ws76/ws76/core"
)

// ErrClosed is returned by calls on a session that has ended without an error.
var ErrClosed = errors.New("relay: session is closed")

// errAbandoned is what is left to say of a message that a peer never took.
var errAbandoned = errors.New("not taken within the time for closing")

// Ops of a [SideError].
const (
	OpReceive = "receive"
	OpSend    = "send"
	OpClose   = "close"
)

// SideError says which endpoint failed a session, and in what.
type SideError struct {
	Side Side
	Op   string // OpReceive, OpSend, OpClose
	Err  error
}

func (e *SideError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Side, e.Op, e.Err) }

// Unwrap returns the endpoint's error.
func (e *SideError) Unwrap() error { return e.Err }

// HookError is an error that a hook returned for a message of Direction.
type HookError struct {
	Direction Direction
	Err       error
}

func (e *HookError) Error() string {
	return fmt.Sprintf("hook, at a message from %s: %v", e.Direction, e.Err)
}

// Unwrap returns the hook's error.
func (e *HookError) Unwrap() error { return e.Err }

// NameDirection puts words in place of the direction of a message that a hook has failed at: forth is
// from a to b, and back from b to a.
func NameDirection(err error, forth, back string) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var placed []error
		for _, err := range several.Unwrap() {
			placed = append(placed, NameDirection(err, forth, back))
		}
		return errors.Join(placed...)
	}
	hook, ok := err.(*HookError)
	switch {
	case !ok:
		return err
	case hook.Direction == AToB:
		return fmt.Errorf("at a message %s: %w", forth, hook.Err)
	}
	return fmt.Errorf("at a message %s: %w", back, hook.Err)
}

// OutboxError says that hooks made more messages for a side than it took and
// than the session may keep. The session ends with it.
type OutboxError struct {
	Side     Side  // that does not read
	Messages int   // waiting, without the one that did not fit
	Bytes    int64 // of those
	Size     int   // bytes of the one that did not fit
}

func (e *OutboxError) Error() string {
	return fmt.Sprintf("%s does not read what hooks send to it: %d messages of %d bytes are waiting, no room for one of %d more",
		e.Side, e.Messages, e.Bytes, e.Size)
}

// isClosed reports whether err is a clean close of the whole endpoint.
func isClosed(err error) bool {
	var c *core.CloseError
	return errors.As(err, &c) && c.Clean
}

// isEcho reports whether err says no more than that the endpoint was closed or
// the call given up: after the session began to end, that is its own doing.
func isEcho(err error) bool {
	return err == io.EOF || isClosed(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, fs.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

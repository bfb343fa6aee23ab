package relay

import (
	"errors"

	"github.com/ws76/ws76/core"
)

// Sink takes one message that travels in direction d. m.Data may be read until
// the sink returns and is never written to: a hook that changes a message makes
// a new one. What a hook gives to the next sink it may overwrite as soon as that
// returns.
//
// A sink that is given an error by the next one returns it: the session has
// ended then.
type Sink func(d Direction, m core.Message) error

// Hook is a part of a session's chain, in the manner of middleware.
type Hook interface {
	// Attach is called once per session, before its first message, and
	// returns the sink that is called with each. next is the rest of the
	// chain; at its end messages are put in line for delivery. Sinks of a
	// session run one at a time and must not wait: next never does.
	//
	// next may be called while Attach or a sink of this chain runs, or from
	// [Session.Do], and at no other time. A hook with nothing to do returns
	// next itself and costs nothing.
	//
	// What the sink returns other than nil ends the session, after the
	// messages emitted so far are delivered: [ErrStop] properly, any other
	// error as a [HookError].
	Attach(s *Session, next Sink) (Sink, error)
}

// HookFunc is a function that is a [Hook].
type HookFunc func(s *Session, next Sink) (Sink, error)

// Attach calls f.
func (f HookFunc) Attach(s *Session, next Sink) (Sink, error) { return f(s, next) }

// Note is a hook that costs nothing and puts the session into s.
func Note(s **Session) Hook {
	return HookFunc(func(joined *Session, _ Sink) (Sink, error) {
		*s = joined
		return nil, nil
	})
}

// ErrStop is returned by a hook that has seen enough: what was emitted is
// delivered, both sides are closed and the session ends without an error.
var ErrStop = errors.New("relay: stopped by a hook")

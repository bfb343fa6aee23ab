package scripts

import (
	"context"
	"errors"
	"slices"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// Set is a chain of scripts, first to last. The empty one costs nothing.
type Set []*Script

// Start starts all scripts, up to the first that must not do without.
func (set Set) Start() error {
	for _, s := range set {
		if err := s.Start(); err != nil {
			return err
		}
	}
	return nil
}

// Stop stops all scripts, last to first.
func (set Set) Stop(ctx context.Context, reason string) error {
	var errs []error
	for i := len(set) - 1; i >= 0; i-- {
		errs = append(errs, set[i].Stop(ctx, reason))
	}
	return errors.Join(errs...)
}

// Reload loads all scripts anew, as Script.Reload does.
func (set Set) Reload() error {
	var errs []error
	for _, s := range set {
		errs = append(errs, s.Reload())
	}
	return errors.Join(errs...)
}

// WantsSend reports whether a script has a function for messages that go to peers
// (on_send) now: without one, a caller that has but one side may send them itself.
func (set Set) WantsSend() bool { return set.wants(onSend) }

// WantsFrames reports whether a script has on_frame now. To have frames seen can cost
// much, so one that a reload adds is called for connections that come later only.
func (set Set) WantsFrames() bool { return set.wants(onFrame) }

func (set Set) wants(e event) bool {
	for _, s := range set {
		if s.wants.Load()&e.bit() != 0 {
			return true
		}
	}
	return false
}

// Session is one session as the scripts of a Set see it.
type Session struct {
	links []*link
	peers [2]*Peer // by relay.Side
	own   sync.Mutex
	once  sync.Once
	ended bool // by the policy of a script that has failed; of whoever calls the sinks
}

// Session attaches the scripts to a session between two sides. a and b are the connections there; nil stands for what
// is none, such as the terminal. With lines the messages of a go through on_line.
//
// The session is used in one of two ways: by Hooks, or by Bind.
func (set Set) Session(a, b *Peer, lines bool) *Session {
	s := &Session{peers: [2]*Peer{a, b}}
	for _, p := range s.peers {
		if p != nil && p.ID == 0 {
			p.ID = lastID.Add(1)
		}
	}
	for _, script := range set {
		l := &link{script: script, session: s, lines: lines}
		for side, p := range s.peers {
			if p != nil {
				l.conns[side] = &conn{link: l, script: script, peer: p, side: relay.Side(side)}
			}
		}
		if l.conns[0] != nil && l.conns[1] != nil {
			l.conns[0].other, l.conns[1].other = l.conns[1], l.conns[0]
		}
		s.links = append(s.links, l)
	}
	return s
}

// Hooks are the scripts as hooks of one relay.Session.
func (s *Session) Hooks() []relay.Hook {
	var hooks []relay.Hook
	for _, l := range s.links {
		hooks = append(hooks, relay.HookFunc(func(rs *relay.Session, next relay.Sink) (relay.Sink, error) {
			return l.bind(next, rs.Do, rs.End)
		}))
	}
	return hooks
}

// Bind is for those who have no relay.Session. It calls on_open and returns what is to be called with each message, one
// at a time; next gets what the scripts let pass or make, from within the returned sink, from do, or from Bind itself.
//
// do runs a function alone with respect to the sink; nil: a lock that the returned
// sink takes as well. end ends the connection, for the reason given.
func (s *Session) Bind(next relay.Sink, do func(func() error) error, end func(error)) (relay.Sink, error) {
	if len(s.links) == 0 {
		return next, nil
	}
	locked := do == nil
	if locked {
		do = func(f func() error) error {
			s.own.Lock()
			defer s.own.Unlock()
			return f()
		}
		s.own.Lock()
		defer s.own.Unlock()
	}
	sink := next
	for i := len(s.links) - 1; i >= 0; i-- {
		var err error
		if sink, err = s.links[i].bind(sink, do, end); err != nil {
			return nil, err
		}
	}
	if !locked {
		return sink, nil
	}
	inner := sink
	return func(d relay.Direction, m core.Message) error {
		s.own.Lock()
		defer s.own.Unlock()
		return inner(d, m)
	}, nil
}

// Closed says that the session is over and why: on_error, where err is more than a
// clean close, and on_close are called. Further calls do nothing.
func (s *Session) Closed(err error) {
	s.once.Do(func() {
		for _, l := range s.links {
			l.closed(err)
		}
	})
}

// Unsent returns how many messages the scripts have held back until it was too late to
// send them. They say so when the session is closed: on_close returns the number.
func (s *Session) Unsent() int {
	n := 0
	for _, l := range s.links {
		l.script.mu.Lock()
		n += l.unsent
		l.script.mu.Unlock()
	}
	return n
}

// Frame calls on_frame for a frame that was sent or received on side. The payload is copied.
func (s *Session) Frame(side relay.Side, sent bool, typ byte, payload []byte) {
	for _, l := range s.links {
		l.frame(side, sent, typ, payload)
	}
}

// Value returns the object of the connection on side as the code of L knows it, or
// nil where L's script is none of the session's.
func (s *Session) Value(L *lua.LState, side relay.Side) lua.LValue {
	st := stateOf(L)
	for _, l := range s.links {
		if c := l.conns[side]; l.script == st.script && c != nil {
			return st.userdata(c)
		}
	}
	return lua.LNil
}

// Closing reports whether a script has closed a connection of the session (conn:close).
func (s *Session) Closing() bool {
	return slices.ContainsFunc(s.links, func(l *link) bool {
		l.script.mu.Lock()
		defer l.script.mu.Unlock()
		return slices.ContainsFunc(l.conns[:], func(c *conn) bool { return c != nil && c.closing })
	})
}

// closeError finds the end of a connection in an error.
func closeError(err error) *core.CloseError {
	var c *core.CloseError
	errors.As(err, &c)
	return c
}

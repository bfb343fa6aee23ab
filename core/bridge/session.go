package bridge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/internal/silence"
)

// ErrIdle is why a session ends in which nothing has passed for Options.Idle.
var ErrIdle = errors.New("nothing has passed for too long")

// Session is a client that is joined to the other side. What it tells of how that went is
// for Options.Closed.
type Session struct {
	*Client
	// From and To are the sides as they were opened. To is nil where a Buffer opens it.
	From, To relay.Endpoint
	// Joined is what relay.Join has returned, with sides a and b.
	Joined error

	bridge *Bridge
	link   Link
	buffer *Buffer // nil: none

	dropped, uncertain uint64 // of the buffer, said so far
	again              int    // said of this loss

	now, last relay.Endpoint // To now, and the one before it
	earlier   uint64         // messages that came from those before them
}

// join joins two sides until one of them ends, and tells how that went. to is nil where a
// buffer is to open it.
func (b *Bridge) join(ctx context.Context, c *Client, from, to relay.Endpoint) error {
	s := &Session{Client: c, From: from, To: to, bridge: b}
	j := s.open()
	return s.closed(relay.Join(ctx, j.a, j.b, &j.options))
}

// sides is what relay.Join is given.
type sides struct {
	a, b    relay.Endpoint
	options relay.Options
}

// open prepares a session. What that takes of the stack is free again while the session
// lasts, which may be long.
//
//go:noinline
func (s *Session) open() (j sides) {
	b := s.bridge
	if b.Opened != nil {
		b.Opened(s)
	}
	s.opens(s.To)
	j.a = s.side(relay.A, s.From, s.To)
	if b.Buffer > 0 {
		s.buffer = s.newBuffer()
		j.b = s.link.Buffer(relay.B, s.buffer)
	} else {
		j.b = s.side(relay.B, s.To, s.From)
	}
	hooks := []relay.Hook{s.link.Hook()}
	if !s.accepted && b.Idle > 0 { // the server sees to the others
		hooks = append(hooks, s.idleHook())
	}
	if b.Hooks != nil {
		hooks = append(hooks, b.Hooks(s)...)
	}
	j.options = relay.Options{Hooks: hooks, CloseTimeout: b.CloseTimeout, Until: b.until}
	if connOf(s.From) == nil { // a closing frame says more than the end of a stream: it is carried over at once
		j.options.LingerA = b.Linger
	}
	for _, side := range []relay.Endpoint{s.From, s.To} {
		if conn := connOf(side); conn != nil {
			conn.ForgetRequest() // which is as long as the connection's memory otherwise
		}
	}
	return j
}

// closed tells of a session, which ended with err.
//
//go:noinline
func (s *Session) closed(err error) error {
	s.Joined = err
	if err = s.sideNames(err); core.OnlyUnanswered(err) {
		err = nil
	}
	if s.bridge.Closed == nil {
		return err
	}
	return s.bridge.Closed(s, err)
}

// side is the endpoint of a side, closed as the link says.
func (s *Session) side(side relay.Side, of, other relay.Endpoint) relay.Endpoint {
	if conn := connOf(of); conn != nil {
		return s.link.Conn(side, conn, s.textFor(conn, other))
	}
	return of
}

// textFor returns how binary messages become text on their way to a side; nil: they are
// not there, or refused.
func (s *Session) textFor(to *core.Conn, from relay.Endpoint) func(dst, data []byte) []byte {
	if conn := connOf(from); !to.Dialect().Lacks().Binary || conn != nil && conn.Dialect().Lacks().Binary {
		return nil
	}
	return s.bridge.Binary
}

// newBuffer returns the buffer over To, which may be nil.
func (s *Session) newBuffer() *Buffer {
	endpoint := func(to relay.Endpoint) relay.Endpoint {
		if conn := connOf(to); conn != nil {
			if as := s.textFor(conn, s.From); as != nil {
				return Text(conn, as)
			}
		}
		return to
	}
	b := s.bridge
	o := BufferOptions{
		Size: b.Buffer, Redeliver: b.Redeliver, Retries: b.Retries, CloseTimeout: b.CloseTimeout, Note: s.lost,
		Dial: func(ctx context.Context) (relay.Endpoint, error) {
			to, err := b.To(ctx, s.Client)
			if err != nil {
				return nil, err
			}
			s.opens(to)
			return endpoint(to), nil
		},
	}
	if s.To == nil {
		return NewBuffer(nil, o)
	}
	return NewBuffer(endpoint(s.To), o)
}

// idleHook ends a session when nothing has passed for so long: no message, and of what is
// a WebSocket not a byte.
func (s *Session) idleHook() relay.Hook {
	idle, cause := s.bridge.Idle, s.bridge.IdleCause
	if cause == nil {
		cause = ErrIdle
	}
	sides := []relay.Endpoint{s.From, s.To}
	return relay.HookFunc(func(s *relay.Session, next relay.Sink) (relay.Sink, error) {
		var messages atomic.Uint64
		passed := func() uint64 {
			n := messages.Load()
			for _, side := range sides {
				if conn := connOf(side); conn != nil {
					n += conn.Stats().BytesIn
				}
			}
			return n
		}
		waiting := func() bool { return slices.ContainsFunc(sides, unread) }
		w := silence.New(idle, passed, waiting, func() { s.End(cause) })
		context.AfterFunc(s.Context(), w.Stop)
		return func(d relay.Direction, m core.Message) error {
			messages.Add(1)
			return next(d, m)
		}, nil
	})
}

// unread reports whether there is something to read from a side that nobody has.
func unread(side relay.Endpoint) bool {
	e, ok := side.(interface{ Unread() bool })
	return ok && e.Unread()
}

// arrived is how many messages have come from a side that has ended, taken or not, and 0
// where nobody counts them.
func arrived(side relay.Endpoint) uint64 {
	switch side := side.(type) {
	case *core.Conn:
		return side.Stats().MessagesIn
	case interface{ Arrived() uint64 }:
		return side.Arrived()
	}
	return 0
}

// sideNames puts FROM and TO in place of a session's sides. That a side which had closed
// did not take what was still sent to it is no error.
func (s *Session) sideNames(err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var named []error
		for _, err := range several.Unwrap() {
			named = append(named, s.sideNames(err))
		}
		return errors.Join(named...)
	}
	side, ok := err.(*relay.SideError)
	if !ok {
		return relay.NameDirection(err, "from FROM to TO", "from TO to FROM")
	}
	name, of := "FROM", s.From
	if side.Side == relay.B {
		name, of = "TO", s.To
	}
	var op *net.OpError
	if conn := connOf(of); side.Op != relay.OpReceive && conn != nil && conn.PeerClose() != nil && errors.As(side, &op) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, side.Err)
}

// opens notes that to is To now. The one before it is closed, and the one before that is
// received from no more, either.
func (s *Session) opens(to relay.Endpoint) {
	s.earlier += arrived(s.last)
	s.last, s.now = s.now, to
}

// lost says what happened to a To that is opened again when it is lost.
func (s *Session) lost(e BufferEvent) {
	if e.Err != nil {
		fate := ""
		if n := e.Stats.Uncertain - s.uncertain; n > 0 {
			fate = fmt.Sprintf("; of %d more it is not known whether they arrived", n)
		} else if e.Again > s.again {
			fate = fmt.Sprintf(", %d of them may have arrived and are sent again", e.Again)
		}
		s.uncertain, s.again = e.Stats.Uncertain, e.Again
		s.bridge.note(s.Remote, "TO: %v; opening it again in %v, %d messages waiting%s", e.Err, e.Pause.Round(time.Millisecond), e.Waiting, fate)
		return
	}
	dropped := ""
	if n := e.Stats.Dropped - s.dropped; n > 0 {
		dropped = fmt.Sprintf("; %d messages dropped meanwhile, the oldest", n)
	}
	s.dropped, s.again = e.Stats.Dropped, 0
	if e.Stats.Opened > 1 || dropped != "" {
		s.bridge.note(s.Remote, "TO is open again, %d messages waiting%s", e.Waiting, dropped)
	}
}

// Delivered returns how many messages were delivered to TO and back to FROM, as far as is
// known; ok is false where the sides were never joined.
func (s *Session) Delivered() (to, from uint64, ok bool) {
	session := s.link.Session()
	if session == nil {
		return 0, 0, false
	}
	to = uint64(session.Stats(relay.AToB).Delivered)
	if s.buffer != nil {
		to = s.buffer.Stats().Sent
	}
	return to, uint64(session.Stats(relay.BToA).Delivered), true
}

// Losses says what became of messages that were not delivered, or may not have been, or
// may have been twice, a sentence each. lost is false where they came twice at worst.
func (s *Session) Losses() (said []string, lost bool) {
	var kept BufferStats
	if s.buffer != nil {
		kept = s.buffer.Stats()
	}
	if kept.Lost()+kept.Uncertain+kept.Again > 0 {
		again := ""
		if kept.Again > 0 {
			again = fmt.Sprintf("; %d were sent again, and may have arrived twice", kept.Again)
		}
		said = append(said, fmt.Sprintf("of %d messages to TO %d were dropped and %d not sent; of %d it is not known whether they arrived%s",
			kept.Sent+kept.Lost()+kept.Uncertain, kept.Dropped, kept.Unsent, kept.Uncertain, again))
	}
	lost = kept.Lost()+kept.Uncertain > 0 // what only came twice is not
	if session := s.link.Session(); session != nil {
		more := undelivered(session.Stats(relay.AToB), arrived(s.From), "TO")
		more = append(more, undelivered(session.Stats(relay.BToA), s.earlier+arrived(s.last)+arrived(s.now), "FROM")...)
		said, lost = append(said, more...), lost || len(more) > 0
	}
	return said, lost
}

// undelivered says what one direction of a session has lost of the messages that have
// arrived, see relay.Stats.Lost.
func undelivered(s relay.Stats, arrived uint64, name string) (losses []string) {
	if lost := s.Lost(arrived); lost > 0 {
		losses = append(losses, fmt.Sprintf("%d messages to %s were dropped: it is closed, or did not take them", lost, name))
	}
	if s.NotKnown > 0 {
		losses = append(losses, fmt.Sprintf("of %d messages to %s it is not known whether they arrived", s.NotKnown, name))
	}
	return losses
}

// Ended is what the side that closed first has said; nil: neither has, as a WebSocket does.
func (s *Session) Ended() error {
	for i, side := range []relay.Endpoint{s.From, s.To} {
		conn := connOf(side)
		if conn == nil {
			continue
		}
		if end := conn.Ended(); end != nil && end.ByPeer {
			return fmt.Errorf("%s %w", [...]string{"FROM", "TO"}[i], end)
		}
	}
	return nil
}

package bridge

import (
	"context"
	"errors"
	"sync"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/rfc6455"
)

// Link carries the end of one side of a session over to the other: it decides with
// which code and reason each is closed. Its [Link.Hook] goes first among the hooks of
// the session, sees no message and costs nothing. A Link is for one session.
//
// A connection's closing frame is not answered at once: the other side is closed first,
// and what that says until it has closed still goes to the connection.
type Link struct {
	session *relay.Session
	sides   [2]ender // by relay.Side; nil: no connection

	mu     sync.Mutex
	closes [2]*closing // decided
}

type closing struct {
	code   int
	reason string
}

// ender is a side that can say how it ended: a core.Conn, a Buffer.
type ender interface{ Ended() *core.CloseError }

// Hook lets the link see why the session ends.
func (l *Link) Hook() relay.Hook {
	return relay.Note(&l.session)
}

// Session returns the session, nil before it has begun.
func (l *Link) Session() *relay.Session { return l.session }

// Conn returns the endpoint of side s for a connection. as, if any, makes text of
// binary messages that are sent to it.
func (l *Link) Conn(s relay.Side, c *core.Conn, as func(dst, data []byte) []byte) relay.Endpoint {
	l.sides[s] = c
	c.HoldClose()
	if as != nil {
		return linkedText{&textConn{Conn: c, batch: c.Batch(), as: as}, l, s}
	}
	return streamConn{c, l, s}
}

// Buffer returns the endpoint of side s for a buffer.
func (l *Link) Buffer(s relay.Side, b *Buffer) relay.Endpoint {
	l.sides[s] = b
	return linkedBuffer{b, l, s}
}

// Close returns the code and the reason that side s is to be closed with. The first
// call for a side decides.
func (l *Link) Close(s relay.Side) (code int, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closes[s] == nil {
		l.closes[s] = l.decide(s)
	}
	return l.closes[s].code, l.closes[s].reason
}

func (l *Link) decide(s relay.Side) *closing {
	own, other := l.said(s), l.said(s.Other())
	switch {
	case other != nil && (own == nil || hasCode(other)):
		return carried(s.Other(), other)
	case own != nil:
		return &closing{own.Code, ""} // RFC 6455, section 5.5.1: its own code comes back
	}
	var cause error
	if l.session != nil {
		cause = context.Cause(l.session.Context())
	}
	code, reason := Code(cause)
	var side *relay.SideError
	if s == relay.B && errors.As(cause, &side) && side.Side == relay.A && code == rfc6455.CodeInternalError {
		code, reason = rfc6455.CodeGoingAway, "the other side is gone"
	}
	return &closing{code, reason}
}

// said returns how side s has ended, or has asked to; nil: it has not.
func (l *Link) said(s relay.Side) *core.CloseError {
	if l.sides[s] == nil {
		return nil
	}
	if end := l.sides[s].Ended(); end != nil {
		return end
	}
	if c, ok := l.sides[s].(*core.Conn); ok {
		return c.PeerClose()
	}
	return nil
}

// hasCode reports whether end says why, as only RFC 6455 can.
func hasCode(end *core.CloseError) bool {
	return end.Clean && end.Code != rfc6455.CodeNoStatus && end.Code != rfc6455.CodeAbnormal
}

// carried returns how the other side is told that side s has ended with end.
func carried(s relay.Side, end *core.CloseError) *closing {
	switch {
	case hasCode(end):
		return &closing{end.Code, end.Reason}
	case end.Clean:
		// The drafts have no codes: their closing frame is all that can be said.
		return &closing{rfc6455.CodeNormal, ""}
	case s == relay.A:
		return &closing{rfc6455.CodeGoingAway, "the other side is gone"}
	}
	return &closing{rfc6455.CodeInternalError, "the other side is gone"}
}

// Code returns the close code of RFC 6455, section 7.4.1, and a reason, for a session
// that ended because of err.
func Code(err error) (code int, reason string) {
	var (
		invalid  *core.InvalidUTF8Error
		invalid2 *format.InvalidUTF8Error
		large    *format.TooLargeError
		end      *core.CloseError
	)
	switch {
	case err == nil, err == relay.ErrClosed, errors.Is(err, relay.ErrStop), errors.As(err, &end) && end.Clean:
		return rfc6455.CodeNormal, ""
	case errors.Is(err, core.ErrBinary):
		return rfc6455.CodeUnsupportedData, "binary messages cannot be carried to drafts 75 and 76"
	case errors.Is(err, core.ErrMessageTooLarge), errors.As(err, &large):
		return rfc6455.CodeMessageTooLarge, "message too large"
	case errors.As(err, &invalid), errors.As(err, &invalid2):
		return rfc6455.CodeInvalidPayload, "text that is not UTF-8"
	case errors.Is(err, context.Canceled):
		return rfc6455.CodeGoingAway, ""
	}
	return rfc6455.CodeInternalError, "the other side failed"
}

// streamConn is a connection that is closed as the link says, and whose messages
// relay may carry by itself.
type streamConn struct {
	*core.Conn
	link *Link
	side relay.Side
}

func (c streamConn) Stream() *core.Conn { return c.Conn }

func (c streamConn) Close(ctx context.Context) error {
	code, reason := c.link.Close(c.side)
	return c.CloseWith(ctx, code, reason)
}

func (c streamConn) SendClose(ctx context.Context, _ int, _ string) error {
	code, reason := c.link.Close(c.side)
	return c.Conn.SendClose(ctx, code, reason)
}

// linkedText is a textConn that is closed as the link says.
type linkedText struct {
	*textConn
	link *Link
	side relay.Side
}

func (c linkedText) Close(ctx context.Context) error {
	code, reason := c.link.Close(c.side)
	return c.CloseWith(ctx, code, reason)
}

func (c linkedText) SendClose(ctx context.Context, _ int, _ string) error {
	code, reason := c.link.Close(c.side)
	return c.textConn.SendClose(ctx, code, reason)
}

// textConn is a connection that is sent text only.
type textConn struct {
	*core.Conn
	batch *core.Batch
	as    func(dst, data []byte) []byte
	text  []byte
}

// Text returns an endpoint for a connection that makes text of binary messages that
// are sent to it, by as.
func Text(c *core.Conn, as func(dst, data []byte) []byte) relay.Endpoint {
	return &textConn{Conn: c, batch: c.Batch(), as: as}
}

func (c *textConn) Queue(ctx context.Context, m core.Message) error {
	if m.Kind == core.Binary {
		c.text = c.as(c.text[:0], m.Data)
		m = core.Message{Data: c.text}
	}
	err := c.batch.Queue(ctx, m)
	if cap(c.text) > maxIdleText {
		c.text = nil
	}
	return err
}

// maxIdleText bounds what a textConn keeps between messages.
const maxIdleText = 64 << 10

func (c *textConn) Flush(ctx context.Context) error { return c.batch.Flush(ctx) }

func (c *textConn) Send(ctx context.Context, m core.Message) error {
	err := c.Queue(ctx, m)
	if failed := c.Flush(ctx); err == nil {
		err = failed
	}
	return err
}

// linkedBuffer is a buffer that is closed as the link says.
type linkedBuffer struct {
	*Buffer
	link *Link
	side relay.Side
}

func (b linkedBuffer) Close(ctx context.Context) error {
	code, reason := b.link.Close(b.side)
	return b.CloseWith(ctx, code, reason)
}

func (b linkedBuffer) SendClose(ctx context.Context, _ int, _ string) error {
	code, reason := b.link.Close(b.side)
	return b.Buffer.SendClose(ctx, code, reason)
}

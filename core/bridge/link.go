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
type Link struct {
	once    sync.Once
	session *relay.Session
	sides   [2]ender // by relay.Side; nil: no connection
	codes   [2]int
	reasons [2]string
}

// ender is a side that can say how it ended: a core.Conn, a Buffer.
type ender interface{ Ended() *core.CloseError }

// Hook lets the link see why the session ends.
func (l *Link) Hook() relay.Hook {
	return relay.HookFunc(func(s *relay.Session, _ relay.Sink) (relay.Sink, error) {
		l.session = s
		return nil, nil
	})
}

// Session returns the session, nil before it has begun.
func (l *Link) Session() *relay.Session { return l.session }

// Conn returns the endpoint of side s for a connection. as, if any, makes text of
// binary messages that are sent to it.
func (l *Link) Conn(s relay.Side, c *core.Conn, as func(dst, data []byte) []byte) relay.Endpoint {
	l.sides[s] = c
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
// call decides.
func (l *Link) Close(s relay.Side) (code int, reason string) {
	l.once.Do(l.decide)
	return l.codes[s], l.reasons[s]
}

func (l *Link) decide() {
	for _, s := range []relay.Side{relay.A, relay.B} {
		if l.sides[s] == nil {
			continue
		}
		if end := l.sides[s].Ended(); end != nil {
			l.codes[s] = rfc6455.CodeNormal
			l.codes[s.Other()], l.reasons[s.Other()] = carried(s, end)
			return
		}
	}
	var cause error
	if l.session != nil {
		cause = context.Cause(l.session.Context())
	}
	code, reason := Code(cause)
	l.codes, l.reasons = [2]int{code, code}, [2]string{reason, reason}
	var side *relay.SideError
	if errors.As(cause, &side) && side.Side == relay.A && code == rfc6455.CodeInternalError {
		l.codes[relay.B], l.reasons[relay.B] = rfc6455.CodeGoingAway, "the other side is gone"
	}
}

// carried returns how the other side is told that side s has ended with end.
func carried(s relay.Side, end *core.CloseError) (code int, reason string) {
	switch {
	case end.Clean && end.Code != rfc6455.CodeNoStatus && end.Code != rfc6455.CodeAbnormal:
		return end.Code, end.Reason
	case end.Clean:
		// The drafts have no codes: their closing frame is all that can be said.
		return rfc6455.CodeNormal, ""
	case s == relay.A:
		return rfc6455.CodeGoingAway, "the other side is gone"
	}
	return rfc6455.CodeInternalError, "the other side is gone"
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

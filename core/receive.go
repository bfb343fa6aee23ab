package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// Receive returns the next message. Its data is valid until the next Receive or
// Close: the buffer then serves another connection. Once the connection has ended and
// all messages are delivered it returns a *CloseError, and all that is left to do is
// Close. When ctx ends first it returns ctx's cause
// and nothing is lost: a later Receive goes on. Pings are answered here.
func (c *Conn) Receive(ctx context.Context) (Message, error) {
	if err := c.reading.take(ctx); err != nil {
		return Message{}, err
	}
	err := c.receive(ctx)
	m := c.ev.msg
	c.reading.leave()
	if err != nil {
		return Message{}, err
	}
	return m, nil
}

// Pump receives until the connection or ctx ends, or a function returns an error, and returns that. It calls each with
// every message, whose data is valid until each returns, and wait, which may be nil, each time before it waits for the
// peer: there answers that were put in a Batch are flushed, so that all answers to what one read brought leave in one
// write.
//
// Pump is Receive in a loop for less. Neither function may receive from, or Close, the connection; to close it, return
// an error, or call SendClose with no Batch of it waiting to be flushed.
func (c *Conn) Pump(ctx context.Context, each func(Message) error, wait func() error) error {
	if err := c.reading.take(ctx); err != nil {
		return err
	}
	defer c.reading.leave()
	if err := c.over(); err != nil {
		return err
	}
	for {
		n, err, eachErr := c.framing.messages(&c.ev, each)
		c.messagesIn += n
		if eachErr != nil {
			return eachErr
		}
		err = c.other(err, wait)
		if err == errIncomplete {
			err = c.fill(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// receive goes on to the next message and leaves it in c.ev.
func (c *Conn) receive(ctx context.Context) error {
	if err := c.over(); err != nil {
		return err
	}
	for {
		err := c.framing.next(&c.ev)
		if err == nil && c.ev.kind == eventMessage {
			c.messagesIn++
			return nil
		}
		err = c.other(err, nil)
		if err == errIncomplete {
			err = c.fill(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// other does what is due when framing gave no message but err, or what is in c.ev.
// It hands errIncomplete on; its other errors end the connection.
func (c *Conn) other(err error, wait func() error) error {
	c.countIn.publish(c.messagesIn, c.bytesIn)
	if err == nil && c.ev.kind != eventClosing {
		switch c.ev.kind {
		case eventPing:
			c.sendPong(c.ev.msg.Data)
		case eventPong:
			c.sawPong(c.ev.msg.Data)
		}
		return nil
	}
	// What follows waits, or sends the last words: answers go out before.
	if wait != nil {
		if err := wait(); err != nil {
			return err
		}
	}
	switch {
	case err == errPaused:
		return c.paused()
	case err == errIncomplete:
		return err
	case err != nil:
		return c.violated(err)
	}
	return c.peerClosed(c.ev.code, c.ev.reason)
}

// paused lets others take their turn.
func (c *Conn) paused() error {
	c.pending.Set(&c.holding, c, int64(c.framing.held()))
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	if c.reads.GivenUp() {
		return c.doGiveUp()
	}
	runtime.Gosched()
	return nil
}

// fill reads once. Its error is final (a *CloseError) unless ctx ended.
func (c *Conn) fill(ctx context.Context) error {
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	if c.pending != nil {
		c.pending.Set(&c.holding, c, int64(c.framing.held()))
	}
	if c.reads.Timeout > 0 {
		c.reads.Begin(c.messagesIn, !c.framing.between())
	}
	if c.reads.GivenUp() {
		if err := c.doGiveUp(); err != nil {
			return err
		}
	}
	if c.closing.Load() {
		c.reads.Until(time.Now().Add(c.closeTimeout))
	}
	if err := c.reads.Enter(ctx); err != nil {
		return err
	}
	c.ev.msg.Data = nil // it may lie in memory that others get now
	var n int
	var err error
	if room := c.framing.room(); room != nil {
		if n, err = c.stream.Read(room); n > 0 {
			c.framing.advance(n)
		}
	} else {
		var p []byte
		if p, err = c.source.Read(); len(p) > 0 {
			c.framing.feed(p)
		}
		n = len(p)
	}
	c.bytesIn += uint64(n)
	if n > 0 || err == nil {
		return nil // an error comes again at the next read
	}
	return c.readFailed(ctx, err)
}

// GiveUp is a Holder's: the next wait for the peer, or the one under way, gives up the
// unfinished message, and the connection with it. It is for a Budget.
func (c *Conn) GiveUp() { c.reads.GiveUp() }

// doGiveUp ends the connection, unless nothing is unfinished and there is only memory to be given up.
func (c *Conn) doGiveUp() error {
	c.reads.Forgive()
	if !c.framing.between() {
		return c.violated(ErrPendingFull)
	}
	c.framing.release()
	c.pending.Set(&c.holding, c, 0)
	c.pending.Set(&c.holding, c, int64(c.framing.held()))
	c.reads.Lift()
	return nil
}

func (c *Conn) readFailed(ctx context.Context, err error) error {
	timeout := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case timeout && ctx.Err() != nil:
		return context.Cause(ctx)
	case c.ended.Load() != nil:
		return c.ended.Load()
	case errors.Is(err, io.EOF):
		return c.eof()
	case timeout && c.reads.GivenUp() && !c.closing.Load():
		return c.doGiveUp()
	case timeout && c.reads.Missed():
		return nil
	case c.closing.Load():
		// Time is up, or the peer dropped the connection instead of answering.
		c.noteReset(err)
		return c.end(c.unanswered(err))
	}
	if timeout && c.reads.Bounded() {
		return c.violated(fmt.Errorf("%w: not whole after %v", ErrMessageSlow, c.reads.Timeout))
	}
	return c.end(&CloseError{Code: codeAbnormal, ByPeer: true, Err: err})
}

// eof ends a connection whose stream came to its end.
func (c *Conn) eof() error {
	if ce := eofError(c.framing, c.closing.Load()); ce != nil {
		// The end of TLS says nothing of what has been read.
		c.proper.Store(ce.Unanswered || ce.Clean && (c.vectored || c.closing.Load()))
		if ce.Clean && ce.ByPeer && c.holds.Load() {
			return c.hold(ce)
		}
		return c.end(ce)
	}
	c.trace.note("a bare FF at the end of the stream counts as the closing frame")
	return c.peerClosed(codeNone, "")
}

// violated ends a connection whose peer broke the protocol.
func (c *Conn) violated(err error) error {
	c.framing.forget() // the peer may take its time to end
	c.pending.Set(&c.holding, c, 0)
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	ce := &CloseError{Code: codeAbnormal, Err: err}
	if code, reason, tell := c.framing.violation(err); tell {
		ce.Code = code
		// RFC 6455, section 7.1.7: say why, then fail the connection.
		c.sendClosing(c.closeTimeout, code, reason)
	}
	return c.endAfterReply(ce)
}

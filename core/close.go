package core

import (
	"context"
	"io"
	"time"
)

// Close ends the connection properly: the closing frame, the peer's answer (for
// which it waits at most CloseTimeout, or until ctx ends), then the stream.
// Messages that arrive meanwhile go to a Receive that is under way; with none,
// Close reads and drops them. To be given them all, call SendClose and receive
// until a *CloseError. Close returns nil after a clean close, else the
// *CloseError; the stream is closed in every case. Further calls return the same.
// Call it in the end also after a *CloseError: the stream may be open still.
func (c *Conn) Close(ctx context.Context) error { return c.CloseWith(ctx, codeNormal, "") }

// CloseWith is Close with a code and a reason, which RFC 6455 sends and the drafts have no place for.
func (c *Conn) CloseWith(ctx context.Context, code int, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, c.closeTimeout)
	defer cancel()
	if c.ended.Load() == nil {
		if err := c.SendClose(ctx, code, reason); err != nil {
			c.end(&CloseError{Code: codeAbnormal, Err: err})
		}
	}
	if c.reading.take(ctx) == nil {
		for c.ended.Load() == nil {
			if c.receive(ctx) != nil {
				break
			}
		}
		if c.lingering {
			drain(c.stream, c.closeTimeout)
		}
		c.reading.leave()
	}
	ended := c.end(&CloseError{Unanswered: c.framing.hasClosing(), Clean: !c.framing.hasClosing(), Code: codeAbnormal})
	c.stream.Close()
	if ended.Clean {
		return nil
	}
	return ended
}

// SendClose sends the closing frame, after which nothing can be sent, and leaves
// the receiving side open: Receive goes on until the peer has answered, or has
// been silent for CloseTimeout. In hixie-75, which has no closing frame, the
// sending side of the stream is shut. Code and reason as in CloseWith.
func (c *Conn) SendClose(ctx context.Context, code int, reason string) error {
	if err := c.writing.take(ctx); err != nil {
		return err
	}
	defer c.leaveWriting()
	if c.closing.Load() {
		return nil
	}
	c.out = c.framing.appendClosing(c.out, code, reason)
	c.closing.Store(true) // before the write: the answer may come before it returns
	if err := c.flush(ctx); err != nil {
		return err
	}
	if !c.framing.hasClosing() {
		c.shutWriting()
	}
	// A Receive that waits already gets the bound too.
	c.readLimit.until(time.Now().Add(c.closeTimeout))
	return nil
}

// sendClosing answers a closing frame or reports a violation, within timeout.
func (c *Conn) sendClosing(timeout time.Duration, code int, reason string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return c.SendClose(ctx, code, reason)
}

// peerClosed ends the connection after the peer's closing frame.
func (c *Conn) peerClosed(code int, reason string) error {
	if n := c.framing.rest(); n > 0 {
		c.countIn.afterClosing.Store(uint64(n))
		c.trace.note("%d bytes behind the closing frame ignored", n)
	}
	ce := &CloseError{Clean: true, Code: code, Reason: reason}
	if c.closing.Load() {
		return c.end(ce)
	}
	ce.ByPeer = true
	// Draft 76, section 5.3; RFC 6455, section 5.5.1: answer with our own.
	if err := c.sendClosing(c.closeTimeout, code, ""); err != nil {
		ce.Clean, ce.Err = false, err
	}
	return c.endAfterReply(ce)
}

// endAfterReply ends a connection whose last words are ours. Closing a TCP socket
// that still has unread bytes resets it, which can destroy those words on their
// way; so only the sending side is shut here, and Close reads until the peer closes.
func (c *Conn) endAfterReply(ce *CloseError) *CloseError {
	if c.shutWriting() && c.ended.CompareAndSwap(nil, ce) {
		c.lingering = true
		return ce
	}
	return c.end(ce)
}

// shutWriting closes the sending side of the stream where it can be closed alone.
func (c *Conn) shutWriting() bool {
	half, ok := c.stream.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// drain reads and drops until the stream ends, at most for d and 1 MiB.
func drain(stream interface {
	io.Reader
	SetReadDeadline(time.Time) error
}, d time.Duration) {
	stream.SetReadDeadline(time.Now().Add(d))
	io.CopyN(io.Discard, stream, 1<<20)
}

// Ended returns how the connection has ended, nil while it has not.
func (c *Conn) Ended() *CloseError { return c.ended.Load() }

// end closes the stream and fixes how the connection ended, unless that is fixed
// already; it returns what holds.
func (c *Conn) end(ce *CloseError) *CloseError {
	if c.ended.CompareAndSwap(nil, ce) {
		c.stream.Close()
	}
	return c.ended.Load()
}

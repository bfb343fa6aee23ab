package core

import (
	"context"
	"errors"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/internal/deadline"
	"github.com/ws76/ws76/internal/outq"
)

// Close ends the connection properly: the closing frame, the peer's answer (for which it waits at most CloseTimeout, or
// until ctx ends), then the stream. Messages that arrive meanwhile go to a Receive that is under way; with none, Close
// reads and drops them. To be given them all, call SendClose and receive until a *CloseError. Close returns nil after a
// clean close, else the *CloseError; the stream is closed in every case. Further calls return the same. Call it in the
// end also after a *CloseError: the stream may be open still.
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
	over := &CloseError{Unanswered: c.framing.hasClosing(), Clean: !c.framing.hasClosing(), Code: codeAbnormal}
	if c.reading.take(ctx) == nil {
		begun := time.Now()
		last := begun // message
		for c.ended.Load() == nil && c.receive(ctx) == nil {
			last = time.Now()
		}
		// A peer that sends on and on is cut off by us: that frame says nothing of it.
		if 2*time.Since(last) > time.Since(begun) {
			over = c.unanswered(nil)
		}
		if c.lingering.Load() {
			c.reads.Enter(context.Background()) // the last Receive's may be about to interrupt
			err := drain(c.stream, c.closeTimeout)
			under, secure := outq.Under(c.stream)
			if secure && err == io.EOF { // of TLS; the reset comes behind it
				err = drain(under, c.closeTimeout)
			}
			switch {
			case err == io.EOF && c.ended.Load().Clean && c.framing.hasClosing() && c.vectored:
				c.proper.Store(true)
			default:
				c.noteReset(err)
			}
		}
		c.pending.Set(&c.holding, c, 0)
		c.countIn.publish(c.messagesIn, c.bytesIn)
		c.reading.leave()
	}
	ended := c.finish(over)
	if ended.Clean {
		return nil
	}
	return ended
}

// noteReset takes notice of a reset, which was read in place of the end of the stream, that Linux would tell first: the
// peer had something unread when it closed (RFC 1122, section 4.2.2.13).
func (c *Conn) noteReset(err error) {
	if runtime.GOOS == "linux" && errors.Is(err, syscall.ECONNRESET) {
		c.reset.Store(true)
	}
}

// SendClose sends the closing frame, after which nothing can be sent, and leaves the receiving side open: Receive goes
// on until the peer has answered, or has been silent for CloseTimeout. In hixie-75, which has no closing frame, the
// sending side of the stream is shut. Code and reason as in CloseWith.
//
// Draft 76 has no codes, but a stream that ends without a closing frame says that
// something failed: so it does for code 1011, where the sending side can be shut alone.
func (c *Conn) SendClose(ctx context.Context, code int, reason string) error {
	if err := c.writing.take(ctx); err != nil {
		return err
	}
	defer c.leaveWriting()
	if c.closing.Load() {
		return nil
	}
	cut := CutsOff(c.dialect, code) && c.held.Load() == nil && c.canShut()
	if !cut {
		c.out = c.framing.appendClosing(c.out, code, reason)
	}
	c.closeCode.Store(int32(rfc6455.SendCode(code)))
	c.closing.Store(true) // before the write: the answer may come before it returns
	if err := c.flush(ctx); err != nil {
		return err
	}
	if held := c.held.Load(); held != nil {
		c.endAfterReply(held)
		return nil
	}
	if cut || !c.framing.hasClosing() {
		c.shutWriting()
	}
	// A Receive that waits already gets the bound too.
	c.reads.Until(time.Now().Add(c.closeTimeout))
	return nil
}

// HoldClose leaves the answer to the peer's closing frame to SendClose or Close. Until then what is sent still reaches
// the peer, and Receive returns io.EOF once all messages are delivered. In hixie-75 the end of the stream is the
// closing frame. Call HoldClose before the first Receive.
func (c *Conn) HoldClose() { c.holds.Store(true) }

// PeerClose returns the closing frame that HoldClose has held, answered or not; nil: none.
func (c *Conn) PeerClose() *CloseError { return c.held.Load() }

// hold keeps ce, what the peer has closed with, until SendClose answers it.
func (c *Conn) hold(ce *CloseError) error {
	c.held.Store(ce)
	if c.closing.Load() { // it has not seen that
		return c.end(ce)
	}
	return io.EOF
}

// over returns why there is nothing more to receive, nil while there may be.
func (c *Conn) over() error {
	if c.held.Load() == nil {
		return nil // what came before the end is still to be delivered
	}
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	return io.EOF
}

// sendClosing answers a closing frame or reports a violation, within timeout.
func (c *Conn) sendClosing(timeout time.Duration, code int, reason string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return c.SendClose(ctx, code, reason)
}

// peerClosed ends the connection after the peer's closing frame.
func (c *Conn) peerClosed(code int, reason string) error {
	if n := len(c.framing.rest()); n > 0 {
		c.countIn.afterClosing.Store(uint64(n))
		c.trace.note("%d bytes behind the closing frame ignored", n)
	}
	ce := &CloseError{Clean: true, Code: code, Reason: reason}
	if c.closing.Load() {
		if c.tellsByEnd() {
			return c.endAfterReply(ce)
		}
		c.answered.Store(!c.crossed(code))
		return c.end(ce)
	}
	ce.ByPeer = true
	if c.holds.Load() {
		return c.hold(ce)
	}
	// Draft 76, section 5.3; RFC 6455, section 5.5.1: answer with our own.
	if err := c.sendClosing(c.closeTimeout, code, ""); err != nil {
		ce.Clean, ce.Err = false, err
	}
	return c.endAfterReply(ce)
}

// tellsByEnd reports whether a closing frame behind ours is not all that can be known. It
// may have been sent before ours was read, and says nothing of what the peer has read then:
// neither draft 76 (section 5.3) nor RFC 6455 (section 5.5.1) marks an answer. The end of a
// TCP stream does: a peer that has left something unread resets it.
func (c *Conn) tellsByEnd() bool {
	if !c.vectored || c.messagesWritten() == 0 {
		return false
	}
	st, _ := outq.AskStream(c.stream)
	return st.Lasts
}

func (c *Conn) messagesWritten() uint64 {
	if l := c.ledger.Load(); l != nil {
		return l.Written().Messages
	}
	return 0
}

// crossed reports whether the peer's closing frame is known to be no answer to ours, over
// anything but plain TCP: ours is still on its way, or it does not have the code of ours,
// which RFC 6455 has an answer repeat (section 5.5.1).
func (c *Conn) crossed(code int) bool {
	st, _ := outq.AskStream(c.stream)
	return st.Known && st.Waiting > 0 || code != codeNone && code != int(c.closeCode.Load())
}

// unanswered is how a connection ends whose peer has not answered in time, or has failed with err instead. A frame that
// it left unfinished is an error of its own. The caller holds reading.
func (c *Conn) unanswered(err error) *CloseError {
	switch cut := c.framing.end(); {
	case cut != nil && !errors.Is(cut, hixie.ErrBareFF):
		return &CloseError{Code: codeAbnormal, Err: cut}
	case c.framing.hasClosing():
		return &CloseError{Unanswered: true, Code: codeAbnormal, Err: err}
	}
	return &CloseError{Clean: true, Code: codeNone}
}

// endAfterReply ends a connection whose last words are ours. Closing a TCP socket
// that still has unread bytes resets it, which can destroy those words on their
// way; so only the sending side is shut here, and Close reads until the peer closes.
func (c *Conn) endAfterReply(ce *CloseError) *CloseError {
	free := c.writing.tryTake()
	if free { // the context of the last write, which is over, is not to end this one
		c.writes.Enter(context.Background())
	}
	shut := c.shutWriting()
	if free {
		c.leaveWriting()
	}
	if shut {
		c.lingering.Store(true) // before ended, which Close looks at first
		if c.ended.CompareAndSwap(nil, ce) {
			return ce
		}
	}
	return c.end(ce)
}

// canShut reports whether the sending side of the stream can be closed alone.
func (c *Conn) canShut() bool {
	_, ok := c.stream.(interface{ CloseWrite() error })
	return ok
}

func (c *Conn) shutWriting() bool { return deadline.CloseWrite(c.stream) }

// drain reads and drops until the stream ends, at most for d and 1 MiB. The error is io.EOF
// where it has ended properly, and nil after 1 MiB.
func drain(stream interface {
	io.Reader
	SetReadDeadline(time.Time) error
}, d time.Duration) error {
	stream.SetReadDeadline(time.Now().Add(d))
	_, err := io.CopyN(io.Discard, stream, 1<<20)
	return err
}

// Ended returns how the connection has ended, nil while it has not.
func (c *Conn) Ended() *CloseError { return c.ended.Load() }

// end closes the stream and fixes how the connection ended, unless that is fixed already; it returns what holds.
func (c *Conn) end(ce *CloseError) *CloseError {
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	return c.finish(ce)
}

// finish is end, also where the stream is open still for our last words.
func (c *Conn) finish(ce *CloseError) *CloseError {
	if !c.ending.CompareAndSwap(false, true) {
		c.closed.Wait()
		return c.ended.Load()
	}
	defer c.closed.Done()
	c.settle()
	err := closeStream(c.stream)
	if err != nil && !deviceFailed(ce.Err) {
		ce = &CloseError{Code: codeAbnormal, Err: err}
	}
	ce = c.explain(ce)
	if !c.ended.CompareAndSwap(nil, ce) && err != nil {
		c.ended.Store(ce) // our last words were thought to be out
	}
	return c.ended.Load()
}

// closeStream closes a stream. The error is nil unless the device under it has failed:
// what was sent may never have left then, whatever is known of the peer.
func closeStream(stream io.Closer) error {
	if err := deadline.Close(stream); deviceFailed(err) {
		return err
	}
	return nil
}

// deviceFailed reports whether err says of itself that a device of this side is to blame.
func deviceFailed(err error) bool {
	var device interface{ Local() bool }
	return errors.As(err, &device) && device.Local()
}

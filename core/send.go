package core

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/ws76/ws76/internal/deadline"
)

// Send sends one message and returns once it is handed to the stream. m.Data is not kept. When ctx ends in the middle
// of a write, or the write fails, the frame is cut and nothing can be sent any more. Errors that send nothing and leave
// the connection as it was: *InvalidUTF8Error, ErrBinary.
func (c *Conn) Send(ctx context.Context, m Message) error {
	if err := c.writing.take(ctx); err != nil {
		return err
	}
	err := c.queue(ctx, m)
	if err == nil {
		err = c.flush(ctx)
	}
	c.leaveWriting()
	return err
}

// Batch sends several messages in few writes. It belongs to one goroutine.
type Batch struct {
	c    *Conn
	held bool // the batch has the sending side of c
}

// Batch returns an empty batch. A connection may have any number of them.
func (c *Conn) Batch() *Batch { return &Batch{c: c} }

// Queue is Send without the hurry: m is copied and leaves with Flush, or once 64 KiB are waiting. From the first Queue
// to the Flush the batch keeps the sending side, and others that send wait; so do not wait in between.
func (b *Batch) Queue(ctx context.Context, m Message) error {
	if err := b.take(ctx); err != nil {
		return err
	}
	return b.c.queue(ctx, m)
}

// take takes the sending side, unless the batch has it.
func (b *Batch) take(ctx context.Context) error {
	if b.held {
		return nil
	}
	err := b.c.writing.take(ctx)
	b.held = err == nil
	return err
}

// Flush hands to the stream what is queued and lets the sending side go.
func (b *Batch) Flush(ctx context.Context) error {
	if !b.held {
		return nil
	}
	b.held = false
	err := b.c.flush(ctx)
	b.c.leaveWriting()
	return err
}

func (c *Conn) queue(ctx context.Context, m Message) error {
	if err := c.sendable(); err != nil {
		return err
	}
	c.fold()
	if len(m.Data) >= sendInPlace && c.vectored && c.framing.inPlace() {
		return c.sendInPlace(ctx, m)
	}
	c.borrowOut()
	out, err := c.framing.appendMessage(c.out, m)
	if err != nil {
		return err
	}
	c.out = out
	c.messagesOut++
	if len(out) >= queueMost {
		return c.flush(ctx)
	}
	return nil
}

// borrowOut sees to a buffer for what is queued. It goes back with the write, so
// that a connection with nothing to send owns none.
func (c *Conn) borrowOut() {
	if c.outBuf == nil {
		c.outBuf = writeBuffers.Get().(*[]byte)
		c.out = (*c.outBuf)[:0]
	}
}

func (c *Conn) returnOut() {
	if c.outBuf != nil && cap(c.out) <= 2*queueMost {
		*c.outBuf = c.out
		writeBuffers.Put(c.outBuf)
	}
	c.out, c.outBuf = nil, nil
}

// sendInPlace sends what is queued and m, whose payload is not copied.
func (c *Conn) sendInPlace(ctx context.Context, m Message) error {
	if err := c.framing.check(m); err != nil {
		return err
	}
	c.messagesOut++
	c.trace.sawFrame(true, dataOp(m.Kind), m.Data)
	c.borrowOut()
	c.out = c.framing.appendHeader(c.out, m)
	head := len(c.out)
	c.out = c.framing.appendTrailer(c.out)
	c.vector = vectors.Get().(*vector)
	c.vector.slices = [3][]byte{c.out[:head], m.Data, c.out[head:]}
	return c.write(ctx)
}

// SendFrames sends frames of the connection's own dialect, as Send does messages.
// Only a server's side can: a client masks each frame by itself.
func (c *Conn) SendFrames(ctx context.Context, f *Frames) error {
	if err := c.writing.take(ctx); err != nil {
		return err
	}
	defer c.leaveWriting()
	if err := c.sendable(); err != nil {
		return err
	}
	if err := c.flush(ctx); err != nil || len(f.Bytes) == 0 {
		return err
	}
	c.messagesOut += uint64(len(f.Ends))
	c.run = f.Bytes
	return c.write(ctx)
}

// sendable returns why nothing can be sent any more.
func (c *Conn) sendable() error {
	switch {
	case c.writeErr != nil:
		return c.writeErr
	case !c.closing.Load():
		return nil
	}
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	return ErrClosing
}

// fold moves the run to the end of the other queued bytes.
func (c *Conn) fold() {
	if len(c.run) > 0 {
		c.borrowOut()
		c.out, c.run = append(c.out, c.run...), nil
	}
}

func (c *Conn) flush(ctx context.Context) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if len(c.out) == 0 && len(c.run) == 0 {
		return nil
	}
	return c.write(ctx)
}

// write sends c.vector if set, else c.out and c.run, and empties all of them.
func (c *Conn) write(ctx context.Context) error {
	err := c.writes.Enter(ctx)
	before := c.bytesOut
	var p []byte // frames to be written, all of them or those before the vector's
	if err == nil {
		if c.proving.Load() {
			c.ask()
		}
		if v := c.vector; v != nil {
			p = v.slices[0]
			v.rest = v.slices[:]
			err = c.writeAll(func() (int, bool, error) {
				n, err := v.rest.WriteTo(c.stream)
				c.bytesOut += uint64(n)
				return int(n), len(v.rest) == 0, err
			})
		} else {
			p = c.run
			if len(c.out) > 0 {
				c.fold()
				p = c.out
			}
			err = c.writeBytes(p)
		}
	}
	if c.bytesOut > before {
		messages := 0
		if err != nil {
			n := min(c.bytesOut-before, uint64(len(p)))
			messages = len(FrameEnds(c.dialect, p[:n]))
		}
		c.wrote(err == nil, messages)
		if c.proving.Load() && !c.asking.Load() {
			c.askDue.Store(true) // the pong has come before this was in the books
		}
	}
	if c.vector != nil {
		*c.vector = vector{}
		vectors.Put(c.vector)
	}
	c.vector, c.run = nil, nil
	c.returnOut()
	c.countOut.publish(c.messagesOut, c.bytesOut)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.broken.Store(true)
	}
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, net.ErrClosed) && c.ending.Load():
		c.closed.Wait() // it says why soon
	}
	if ended := c.ended.Load(); ended != nil {
		c.writeErr = ended // which is no news of sending
		return ended
	}
	c.writeErr = fmt.Errorf("sending: %w", err)
	return c.writeErr
}

func (c *Conn) writeBytes(p []byte) error {
	if c.writes.Timeout == 0 {
		n, err := c.stream.Write(p)
		c.bytesOut += uint64(n)
		return err
	}
	return c.writeAll(func() (int, bool, error) {
		piece := p
		if !c.vectored {
			piece = p[:min(len(p), deadline.Piece)]
		}
		n, err := c.stream.Write(piece)
		c.bytesOut += uint64(n)
		p = p[n:]
		return n, len(p) == 0, err
	})
}

// writeAll calls write, which counts what has left, until all is written, or the peer has taken nothing for too long.
func (c *Conn) writeAll(write func() (n int, done bool, err error)) error {
	err := c.writes.Do(write)
	if err == deadline.ErrNotTaken {
		err = fmt.Errorf("%w: nothing within %v", ErrNotRead, c.writes.Timeout)
	}
	return err
}

// leaveWriting lets go of the sending side, after a pong or a ping that became due meanwhile.
func (c *Conn) leaveWriting() {
	for {
		if c.pong.Load() != nil {
			c.writePong(*c.pong.Swap(nil))
		}
		if c.askDue.Load() && c.askDue.Swap(false) {
			c.askNow()
		}
		c.writing.leave()
		if c.pong.Load() == nil && !c.askDue.Load() || !c.writing.tryTake() {
			return
		}
	}
}

// sendPong answers a ping without ever waiting for another sender: one that is
// stuck because the peer does not read must not stop the receiving side.
func (c *Conn) sendPong(data []byte) {
	p := append([]byte(nil), data...)
	c.pong.Store(&p) // section 5.5.3: only the latest ping need be answered
	if c.writing.tryTake() {
		c.leaveWriting()
	}
}

func (c *Conn) writePong(data []byte) {
	if c.closing.Load() || c.writeErr != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.closeTimeout)
	defer cancel()
	c.out = c.framing.appendPong(c.out, data)
	c.flush(ctx) // its error is kept in writeErr
}

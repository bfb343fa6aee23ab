package core

import "context"

// Copy sends every message that src receives to dst, which may be the same connection, until one of them or ctx ends,
// and returns why: what Receive of src or Send of dst does. What one read brought leaves in one write; between
// connections of drafts 75 and 76 whole frames leave from where they were read, without a copy. Meanwhile nobody else
// may receive from src, or Close it.
func Copy(ctx context.Context, dst, src *Conn) error {
	recv, send := CopyCounted(ctx, ctx, dst, src, nil)
	if send != nil {
		return send
	}
	return recv
}

// CopyCounted is Copy that says which side has ended it, and lets what was received be sent as long as sends lasts,
// which may be longer than ctx. count, if any, is told of messages and the bytes of their data, a read at a time: with
// sent false once they have come, and with true once dst has taken them.
func CopyCounted(ctx, sends context.Context, dst, src *Conn, count func(messages int, bytes int64, sent bool)) (recv, send error) {
	if err := src.reading.take(ctx); err != nil {
		return err, nil
	}
	defer src.reading.leave()
	if err := src.over(); err != nil {
		return err, nil
	}
	c := copying{out: dst.Batch(), sends: sends, count: count}
	flush := c.flush // bound once
	runs := protocolOf(src.dialect).frames() == protocolOf(dst.dialect).frames() && src.trace == nil && dst.trace == nil
	for {
		if runs {
			run, n := src.framing.nextRun()
			src.messagesIn += uint64(n)
			if err := c.queueRun(run, n); err != nil {
				return nil, c.end(err)
			}
		}
		err := src.framing.next(&src.ev)
		if err == nil && src.ev.kind == eventMessage {
			src.messagesIn++
			if err := c.queue(src.ev.msg); err != nil {
				return nil, c.end(err)
			}
			continue
		}
		err = src.other(err, flush)
		if c.failed != nil {
			return nil, c.end(c.failed)
		}
		if err == errIncomplete {
			err = src.fill(ctx)
		}
		if err != nil {
			return err, c.end(nil)
		}
	}
}

// copying is the sending half of CopyCounted.
type copying struct {
	out    *Batch
	sends  context.Context
	count  func(messages int, bytes int64, sent bool)
	failed error // of flush

	// Queued and not counted yet.
	messages int
	bytes    int64
}

func (c *copying) queue(m Message) error {
	if err := c.out.Queue(c.sends, m); err != nil {
		return c.refused(1, int64(len(m.Data)), err)
	}
	c.messages++
	c.bytes += int64(len(m.Data))
	return nil
}

// queueRun is queue for n whole frames, which stay where they are until the flush.
func (c *copying) queueRun(run []byte, n int) error {
	bytes := int64(len(run) - 2*n) // a frame is its text between two bytes
	if err := c.out.queueRun(c.sends, run, n); err != nil {
		return c.refused(n, bytes, err)
	}
	c.messages += n
	c.bytes += bytes
	return nil
}

func (c *copying) refused(messages int, bytes int64, err error) error {
	if c.count != nil {
		c.count(messages, bytes, false)
	}
	return err
}

func (c *copying) flush() error {
	n, bytes := c.messages, c.bytes
	if n == 0 {
		return nil
	}
	c.messages, c.bytes = 0, 0
	if c.count != nil {
		c.count(n, bytes, false)
	}
	if c.failed = c.out.Flush(c.sends); c.failed == nil && c.count != nil {
		c.count(n, bytes, true)
	}
	return c.failed
}

// end sends what is queued, lets the sending side go and returns err, or else why that could not be sent.
func (c *copying) end(err error) error {
	if failed := c.flush(); err == nil {
		err = failed
	}
	c.out.Flush(c.sends) // which may still hold it, with nothing in it
	return err
}

// queueRun is Queue for n whole frames that stay where they are until the Flush.
func (b *Batch) queueRun(ctx context.Context, run []byte, n int) error {
	if n == 0 {
		return nil
	}
	c := b.c
	if err := b.take(ctx); err != nil {
		return err
	}
	if err := c.sendable(); err != nil {
		return err
	}
	c.fold()
	c.run = run
	c.messagesOut += uint64(n)
	return nil
}

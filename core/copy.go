package core

import "context"

// Copy sends every message that src receives to dst, which may be the same
// connection, until one of them or ctx ends, and returns why: what Receive of src or
// Send of dst does. What one read brought leaves in one write; between connections of
// drafts 75 and 76 whole frames leave from where they were read, without a copy.
// Meanwhile nobody else may receive from src, or Close it.
func Copy(ctx context.Context, dst, src *Conn) error {
	if err := src.reading.take(ctx); err != nil {
		return err
	}
	defer src.reading.leave()
	out := dst.Batch()
	flush := func() error { return out.Flush(ctx) }
	runs := src.hixie != nil && dst.hixie != nil && src.trace == nil && dst.trace == nil
	for {
		if runs {
			run, n := src.hixie.d.NextRun()
			src.messagesIn += uint64(n)
			if err := out.queueRun(ctx, run, n); err != nil {
				return err
			}
		}
		err := src.framing.next(&src.ev)
		if err == nil && src.ev.kind == eventMessage {
			src.messagesIn++
			err = out.Queue(ctx, src.ev.msg)
		} else if err = src.other(err, flush); err == errIncomplete {
			err = src.fill(ctx)
		}
		if err != nil {
			out.Flush(ctx)
			return err
		}
	}
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

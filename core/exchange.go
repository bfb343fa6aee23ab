package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/deadline"
)

// exchange reads and writes an opening handshake. It reads no further than the
// stream gives, and keeps what it has read beyond the head for the decoder.
type exchange struct {
	stream net.Conn
	reads  deadline.Limit
	writes deadline.Limit
	buf    []byte // read and not used yet
	trace  *Trace
}

func newExchange(stream net.Conn, trace *Trace) exchange {
	return exchange{
		stream: stream, trace: trace,
		reads:  deadline.Limit{Set: stream.SetReadDeadline},
		writes: deadline.Limit{Set: stream.SetWriteDeadline},
	}
}

// more reads once, waiting until ctx ends. An end of the stream is io.ErrUnexpectedEOF.
func (x *exchange) more(ctx context.Context) error {
	if err := x.reads.Enter(ctx); err != nil {
		return err
	}
	n, err := x.stream.Read(x.free())
	x.buf = x.buf[:len(x.buf)+n]
	switch {
	case n > 0 || err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil:
		return context.Cause(ctx)
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// free returns room to read into. A head ends within hixie.MaxHead, and whoever
// parses refuses a larger one, so the buffer stays below twice that.
func (x *exchange) free() []byte {
	if len(x.buf) == cap(x.buf) {
		grown := make([]byte, len(x.buf), max(1024, 2*cap(x.buf)))
		copy(grown, x.buf)
		x.buf = grown
	}
	return x.buf[len(x.buf):cap(x.buf)]
}

func (x *exchange) write(ctx context.Context, b []byte) error {
	if err := x.writes.Enter(ctx); err != nil {
		return err
	}
	_, err := x.stream.Write(b)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// bytes reads until n bytes are there and takes them.
func (x *exchange) bytes(ctx context.Context, n int) ([]byte, error) {
	for len(x.buf) < n {
		if err := x.more(ctx); err != nil {
			return nil, fmt.Errorf("got %d of %d bytes: %w", len(x.buf), n, err)
		}
	}
	b := x.buf[:n]
	x.buf = x.buf[n:]
	return b, nil
}

// head reads until parse has a whole head. The bytes stay in buf.
func head[T any](ctx context.Context, x *exchange, parse func([]byte) (T, int, error)) (T, int, error) {
	for {
		if len(x.buf) > 0 {
			h, n, err := parse(x.buf)
			if err != hixie.ErrIncomplete {
				return h, n, err
			}
		}
		if err := x.more(ctx); err != nil {
			var none T
			return none, 0, fmt.Errorf("got %d bytes of a head: %w", len(x.buf), err)
		}
	}
}

// done lifts the bounds, so that the connection starts without any.
func (x *exchange) done() {
	x.reads.Enter(context.Background())
	x.writes.Enter(context.Background())
}

package bridge

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/internal/deadline"
	"github.com/ws76/ws76/internal/outq"
)

// Stream is an endpoint of messages on a byte stream that can end its sending half
// alone. Over a socket it knows what has become of its messages as far as the system
// does, see Fate.
type Stream struct {
	*format.Endpoint
	books *books
	rest  atomic.Pointer[format.Tally] // of what came while it was closed
}

// NewStream returns the endpoint over conn, which its Close closes. The times of bounds are
// for sockets only.
func NewStream(conn net.Conn, in, out format.Options, bounds Bounds) *Stream {
	b := &books{Conn: conn, setReadDeadline: conn.SetReadDeadline}
	under, _ := outq.Under(conn)
	_, b.socket = under.(syscall.Conn)
	if network := conn.RemoteAddr().Network(); network != "unix" && network != "tcp" {
		b.socket = false // a child, a serial line
	}
	s := &Stream{books: b}
	if bounds == (Bounds{}) {
		s.Endpoint = format.NewEndpoint(b, b, format.EndpointOptions{In: in, Out: out, Close: s.close})
		return s
	}
	g := newGuard(b, bounds)
	b.setReadDeadline = g.SetReadDeadline // or a bound would take the place of that of await
	g.endpoint = format.NewEndpoint(g, g, format.EndpointOptions{In: in, Out: out, Close: func() error { return g.close(s.close) }})
	s.Endpoint = g.endpoint
	return s
}

// Arrived is how many messages have come, those among them that no Receive has returned
// and those that came while the stream was closed. It is not to be called while Receive
// runs.
func (s *Stream) Arrived() uint64 {
	if t := s.rest.Load(); t != nil {
		return s.Received() + t.Messages(s.books.eof.Load())
	}
	return s.Received() + s.Left()
}

// Send is Queue and Flush.
func (s *Stream) Send(ctx context.Context, m core.Message) error {
	before := s.books.bytes.Load()
	err := s.Endpoint.Send(ctx, m)
	s.books.took(1, before, true, err)
	return err
}

// Queue has m written with the next Flush, or before when there is much.
func (s *Stream) Queue(ctx context.Context, m core.Message) error {
	before := s.books.bytes.Load()
	err := s.Endpoint.Queue(ctx, m)
	s.books.took(1, before, false, err)
	return err
}

// Flush writes what was queued.
func (s *Stream) Flush(ctx context.Context) error {
	before := s.books.bytes.Load()
	err := s.Endpoint.Flush(ctx)
	s.books.took(0, before, true, err)
	return err
}

// SendClose tells the peer that nothing more comes.
func (s *Stream) SendClose(ctx context.Context, _ int, _ string) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	if s.books.shut.Load() || s.books.shutWriting() {
		return nil
	}
	return s.Close(ctx)
}

// Close lets the peer read what was sent, as long as ctx lasts: a peer that ends its half
// behind ours has read all.
func (s *Stream) Close(ctx context.Context) error {
	err := s.Flush(ctx)
	if deadline, ok := ctx.Deadline(); ok && err == nil {
		s.books.until.Store(&deadline)
	}
	if closed := s.Endpoint.Close(ctx); closed != nil && err == nil {
		err = closed
	}
	return err
}

// Fate is that of a core.Conn, where the end of the peer's stream is its closing frame.
// What is no socket is taken at its word.
func (s *Stream) Fate() core.Fate { return s.books.fate() }

// Unread reports whether there is something to read that nobody has.
func (s *Stream) Unread() bool { return outq.UnreadStream(s.books.Conn) }

// books follow what is written to a stream.
type books struct {
	net.Conn
	socket bool
	// setReadDeadline is where who reads has it from.
	setReadDeadline func(time.Time) error
	ledger          outq.Ledger
	bytes           atomic.Uint64 // written
	given           atomic.Uint64 // messages
	wrote           atomic.Uint64 // of those, before the last flush
	broken          atomic.Bool   // the system has refused a read or a write
	eof             atomic.Bool   // the peer's stream has ended properly
	shut            atomic.Bool
	reset           atomic.Bool               // the peer has been given up
	until           atomic.Pointer[time.Time] // how long the peer is waited for in the end; nil: not at all
	state           atomic.Pointer[outq.State]
}

func (b *books) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if err == io.EOF {
		b.eof.Store(true)
	} else {
		b.failed(err)
	}
	return n, err
}

func (b *books) failed(err error) {
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		b.broken.Store(true)
	}
}

func (b *books) Write(p []byte) (int, error) {
	n, err := b.Conn.Write(p)
	b.bytes.Add(uint64(n))
	b.failed(err)
	return n, err
}

func (b *books) shutWriting() bool {
	return deadline.CloseWrite(b.Conn) && !b.shut.Swap(true)
}

// took notes n messages that were taken, or failed with err, and with flushed that all
// is written. So many bytes were before.
func (b *books) took(n, before uint64, flushed bool, err error) {
	now := b.bytes.Load()
	if err == nil || now > before {
		b.given.Add(n)
	}
	given := b.given.Load()
	if err == nil && flushed {
		b.wrote.Store(given)
	}
	if !b.socket || now == b.ledger.Written().Bytes || err == nil && !flushed {
		return
	}
	if err != nil {
		now++ // the last of them is not whole
	}
	if written := (outq.Mark{Bytes: now, Messages: given}); b.ledger.Wrote(written) {
		st, _ := outq.AskStream(b.Conn)
		b.ledger.Look(written, st)
	}
}

// Bounds of await beside the time for closing: for a peer that was told before that we
// have ended, and for what is said of one whose system has nothing left that it has not read.
const (
	awaitTold = 200 * time.Millisecond
	awaitRead = 10 * time.Millisecond
)

// await waits for the end of the peer, if anything depends on that. What comes until then
// is dropped and given to tally.
func (b *books) await(tally io.Writer) {
	until := b.until.Load()
	if f := b.fate(); until == nil || !b.socket || b.reset.Load() || b.eof.Load() || b.broken.Load() || f.Proven == f.Sent {
		return
	}
	last := *until
	soon := func(d time.Duration) {
		if t := time.Now().Add(d); t.Before(last) {
			last = t
		}
	}
	if !b.shutWriting() {
		soon(awaitTold)
	}
	if st, _ := outq.AskStream(b.Conn); !st.Lasts && st.Waiting == 0 {
		soon(awaitRead)
	}
	b.setReadDeadline(last)
	io.CopyN(tally, struct{ io.Reader }{b}, awaitMost)
}

// awaitMost bounds what is read and dropped meanwhile.
const awaitMost = 1 << 20

// close notes what can be known only while the stream is not closed yet.
func (s *Stream) close() error {
	b := s.books
	rest, _ := s.Rest()
	b.await(rest)
	s.rest.Store(rest)
	st, secure := outq.AskStream(b.Conn)
	if secure {
		st.Unsent = 0 // of what it holds nobody knows which messages that is
	}
	b.state.CompareAndSwap(nil, &st)
	return b.end()
}

// end closes the connection. A peer that was given up is not to take the end of what it has for
// a proper one: half a record would be a whole one.
func (b *books) end() error {
	under, secure := outq.Under(b.Conn)
	if tcp, ok := under.(*net.TCPConn); ok && b.reset.Load() {
		tcp.SetLinger(0)
		if secure { // or it would say its own goodbye
			tcp.Close()
		}
	}
	return deadline.Close(b.Conn)
}

func (b *books) fate() core.Fate {
	end := b.state.Load()
	f := core.Fate{Given: b.given.Load(), Final: end != nil}
	if !b.socket {
		f.Sent, f.Proven = f.Given, b.wrote.Load()
		return f
	}
	f.Sent, f.Proven = b.ledger.Written().Messages, b.ledger.Safe().Messages
	f.Given = max(f.Given, f.Sent)
	if end == nil {
		return f
	}
	// What waits in a unix socket has not been read.
	over := b.eof.Load() || end.Known && !end.Lasts && end.Waiting == 0
	proper := over && !b.broken.Load()
	if f.Sent, f.Proven = b.ledger.Ended(*end, proper); !end.Known && proper {
		f.Proven = f.Sent
	}
	return f
}

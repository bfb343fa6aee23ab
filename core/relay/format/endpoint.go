package format

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/deadline"
)

// EndpointOptions of an Endpoint.
type EndpointOptions struct {
	In  Options // of what is received
	Out Options // of what is sent

	// Meta is given with every message that is sent; its Time is set to what
	// Now returns, where Out shows it. Now nil is time.Now.
	Meta Meta
	Now  func() time.Time

	// Close ends the streams, and with that a read or a write that waits. nil
	// leaves them open, as befits the standard ones.
	Close func() error
}

// Endpoint is messages over a byte stream, or two: it receives what it reads and
// writes what it is sent. It is an endpoint of a relay session, with batches.
//
// Receive returns when its context ends, whatever the stream does; a message
// that comes in later is what the next Receive returns, so an endpoint can be
// given to one session after the other. For that it reads from a goroutine, at
// most one, started when needed. Close waits for it where the read can be ended:
// on streams with deadlines, such as a net.Conn, on files of Unix systems, and
// where EndpointOptions.Close ends it. Elsewhere (a console or a pipe as the
// standard input on Windows, an io.Reader of unknown kind) the goroutine lasts
// until the read at hand returns, and Close does not wait for it.
//
// Send returns when its context ends on streams with write deadlines, and may
// have written part of a message then: every later Send fails. On others, the
// standard output for one, it waits until the bytes are taken.
//
// Receive is for one goroutine at a time, Send, Queue and Flush for any number.
type Endpoint struct {
	o EndpointOptions
	r *Reader
	w *Writer

	in       input
	alone    sync.Mutex    // held by whoever reads without the goroutine
	received uint64        // messages that were returned; of Receive
	pending  bool          // the goroutine was asked for a message; of Receive
	ask      chan struct{} // for a message
	got      chan result

	out     output
	writing chan struct{} // holds a token while somebody writes

	mu      sync.Mutex
	started bool
	reading bool // the goroutine was asked and has not read yet
	closed  bool
	done    chan struct{} // closed by Close
	exited  chan struct{} // closed by the goroutine
}

// result is what a Read of the goroutine returned.
type result struct {
	m   core.Message
	err error
}

// NewEndpoint returns an Endpoint over r and w, which may be one and the same.
func NewEndpoint(r io.Reader, w io.Writer, o EndpointOptions) *Endpoint {
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Endpoint{
		o:       o,
		ask:     make(chan struct{}, 1),
		got:     make(chan result, 1),
		writing: make(chan struct{}, 1),
		done:    make(chan struct{}),
		exited:  make(chan struct{}),
	}
	e.in = newInput(r)
	e.r = NewReader(e.in.Reader, o.In)
	e.out = newOutput(w)
	e.w = NewWriter(&e.out, o.Out)
	return e
}

// Receive returns the next message, as [Reader.Read] does, or the cause of ctx,
// or fs.ErrClosed after Close. Data is valid until the next Receive.
func (e *Endpoint) Receive(ctx context.Context) (core.Message, error) {
	if ctx.Err() != nil {
		return core.Message{}, context.Cause(ctx)
	}
	if e.isClosed() {
		return core.Message{}, fs.ErrClosed
	}
	if !e.pending {
		if e.in.immediate || e.r.Ready() {
			e.alone.Lock()
			m, err := e.r.Read()
			e.alone.Unlock()
			return e.arrive(m, err)
		}
		if !e.askForMore() {
			return core.Message{}, fs.ErrClosed
		}
		e.pending = true
	}
	select {
	case res := <-e.got:
		e.pending = false
		return e.arrive(res.m, res.err)
	case <-ctx.Done():
		return core.Message{}, context.Cause(ctx)
	case <-e.done:
		return core.Message{}, fs.ErrClosed
	}
}

func (e *Endpoint) arrive(m core.Message, err error) (core.Message, error) {
	if err == nil {
		e.received++
	}
	return m, err
}

// Rest tallies what was read off the stream and returned by no Receive, and reports
// whether the stream has ended behind that. While a read waits, which Close ends if it can,
// no message is whole.
func (e *Endpoint) Rest() (t *Tally, ended bool) {
	e.mu.Lock()
	reading := e.reading
	e.mu.Unlock()
	if reading {
		return NewTally(e.r.o), false
	}
	e.alone.Lock()
	t, ended = e.r.rest()
	e.alone.Unlock()
	select {
	case res := <-e.got: // nobody has waited for it
		if e.got <- res; res.err == nil {
			t.whole++
		}
	default:
	}
	return t, ended
}

// Received is how many messages Receive has returned. Like Left, it is not to be called
// while Receive runs.
func (e *Endpoint) Received() uint64 { return e.received }

// Left is how many messages were read and returned by no Receive: after Close, those that
// are lost.
func (e *Endpoint) Left() uint64 {
	t, ended := e.Rest()
	return t.Messages(ended)
}

// Position is where the message that Receive has returned last begins. It is not to
// be called while Receive runs, nor when that has returned because ctx ended.
func (e *Endpoint) Position() Position { return e.r.Position() }

// Holds says how many bytes of memory are kept for messages that are received, 0 where it
// is no more than what any stream needs, the number of the record that is read, and whether that has begun. It is for the stream's own Read,
// which may return ErrRelease.
func (e *Endpoint) Holds() (bytes, record int64, begun bool) { return e.r.holds() }

// Ready reports whether the next Receive does not wait. It is not to be called
// while Receive runs.
func (e *Endpoint) Ready() bool {
	if e.pending {
		return len(e.got) > 0
	}
	return e.in.immediate || e.r.Ready()
}

// askForMore has the goroutine read, and reports whether e is open.
func (e *Endpoint) askForMore() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	if !e.started {
		e.started = true
		go e.read()
	}
	e.reading = true
	e.ask <- struct{}{} // has room: the last answer was taken
	return true
}

func (e *Endpoint) read() {
	defer close(e.exited)
	for {
		select {
		case <-e.ask:
		case <-e.done:
			return
		}
		m, err := e.r.Read()
		e.mu.Lock()
		e.reading = false
		e.mu.Unlock()
		e.got <- result{m, err} // has room: one is asked for at a time
	}
}

// interruptTime bounds how long Close waits for a read that it has ended.
const interruptTime = time.Second

func (e *Endpoint) isClosed() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// Send writes m.
func (e *Endpoint) Send(ctx context.Context, m core.Message) error {
	return e.write(ctx, &m, true)
}

// Queue has m written with the next Flush, or before when there is much.
func (e *Endpoint) Queue(ctx context.Context, m core.Message) error {
	return e.write(ctx, &m, false)
}

// Flush writes what was queued.
func (e *Endpoint) Flush(ctx context.Context) error {
	return e.write(ctx, nil, true)
}

func (e *Endpoint) write(ctx context.Context, m *core.Message, flush bool) error {
	select {
	case e.writing <- struct{}{}:
	default:
		select {
		case e.writing <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	defer func() { <-e.writing }()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e.isClosed() {
		return fs.ErrClosed
	}
	return e.writeAlone(ctx, m, flush)
}

// writeAlone is write for who holds e.writing.
func (e *Endpoint) writeAlone(ctx context.Context, m *core.Message, flush bool) error {
	e.out.ctx = ctx
	defer func() { e.out.ctx = nil }()
	if m != nil {
		meta := e.o.Meta
		if e.w.NeedsTime() {
			meta.Time = e.o.Now()
		}
		if err := e.w.Write(*m, meta); err != nil {
			return err
		}
	}
	if flush {
		return e.w.Flush()
	}
	return nil
}

// Close writes what was queued, ends the read at hand and, with
// EndpointOptions.Close, the streams. It waits no longer than ctx. Further calls
// do nothing.
func (e *Endpoint) Close(ctx context.Context) error {
	var errs []error
	select {
	case e.writing <- struct{}{}:
		if !e.isClosed() {
			errs = append(errs, e.writeAlone(ctx, nil, true))
		}
		<-e.writing
	case <-ctx.Done():
		errs = append(errs, context.Cause(ctx)) // a write that does not end
	}

	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	close(e.done)
	started, reading := e.started, e.reading
	e.mu.Unlock()

	ends := e.in.interrupt()
	if ends && reading {
		select {
		case <-e.exited: // who closes may want to read
		case <-time.After(interruptTime):
		case <-ctx.Done():
		}
	}
	if e.o.Close != nil {
		errs = append(errs, e.o.Close())
		ends = true
	}
	switch {
	case !started:
		e.in.release()
	case ends || !reading:
		select {
		case <-e.exited:
			e.in.release()
		case <-ctx.Done():
			errs = append(errs, context.Cause(ctx)) // a read that does not end
		}
	}
	return errors.Join(errs...)
}

// output is a writer whose writes end with ctx, where it has deadlines.
type output struct {
	w           io.Writer
	setDeadline func(time.Time) error // nil: it has none
	ctx         context.Context       // of the write at hand
}

func newOutput(w io.Writer) output {
	o := output{w: w}
	if d, ok := w.(interface{ SetWriteDeadline(time.Time) error }); ok && d.SetWriteDeadline(time.Time{}) == nil {
		o.setDeadline = d.SetWriteDeadline
	}
	return o
}

func (o *output) Write(p []byte) (int, error) {
	if o.setDeadline == nil || o.ctx.Done() == nil {
		return o.w.Write(p)
	}
	stop := deadline.Interrupt(o.ctx, o.setDeadline)
	n, err := o.w.Write(p)
	stop()
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && o.ctx.Err() != nil {
		err = context.Cause(o.ctx)
	}
	return n, err
}

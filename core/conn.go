package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

const (
	codeNormal   = rfc6455.CodeNormal
	codeNone     = rfc6455.CodeNoStatus
	codeAbnormal = rfc6455.CodeAbnormal
)

const (
	// DefaultMaxMessage is the largest message in bytes where an option says nothing.
	DefaultMaxMessage = 16 << 20
	// DefaultCloseTimeout bounds the closing handshake where an option says nothing.
	DefaultCloseTimeout = 2 * time.Second

	readSmall = 4 << 10  // first read buffer of a connection
	readLarge = 64 << 10 // grown to this while reads fill it
	// From this size on a payload is sent from where it lies, in one writev with its frame.
	sendInPlace = 16 << 10
	// Queued bytes above this are written at once.
	queueMost = 64 << 10
)

var (
	readBuffers  = sync.Pool{New: func() any { return new([readLarge]byte) }}
	writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, readSmall); return &b }}
)

// Conn is one WebSocket connection of any dialect over any stream. One goroutine
// may receive while any number send and close.
type Conn struct {
	stream       net.Conn
	dialect      Dialect
	client       bool
	protocol     string
	request      hixie.Request
	trace        *Trace
	closeTimeout time.Duration

	framing framing
	ended   atomic.Pointer[CloseError] // once set, what every call returns

	// The receiving side belongs to whoever holds reading.
	reading    lock
	readLimit  deadline
	lender     *lender // nil: read into in
	in         []byte  // lent to framing until it asks for more
	filled     bool    // the last read filled it, or there is none
	ev         event
	messagesIn uint64
	bytesIn    uint64
	countIn    counters
	lingering  bool // ended, but the peer may still be reading our last words

	// The sending side belongs to whoever holds writing.
	writing     lock
	writeLimit  deadline
	vectored    bool    // the stream takes many slices in one system call
	outBuf      *[]byte // of the pool; nil: none borrowed
	out         []byte  // queued bytes, in outBuf where there is one
	vector      [3][]byte
	buffers     net.Buffers
	messagesOut uint64
	bytesOut    uint64
	countOut    counters
	writeErr    error
	closing     atomic.Bool            // the closing frame has been sent
	pong        atomic.Pointer[[]byte] // owed to the peer; whoever leaves writing sends it
}

// connConfig is what both openings give to newConn.
type connConfig struct {
	dialect      Dialect
	client       bool
	protocol     string
	request      hixie.Request
	maxMessage   int64
	closeTimeout time.Duration
	trace        *Trace
	flate        *rfc6455.Flate
	mask         func() *[4]byte
	early        []byte // bytes behind the handshake
}

func newConn(stream net.Conn, o connConfig) *Conn {
	c := &Conn{
		stream: stream, dialect: o.dialect, client: o.client, protocol: o.protocol, request: o.request,
		trace: o.trace, closeTimeout: o.closeTimeout, filled: true,
	}
	c.reading.init()
	c.writing.init()
	switch stream.(type) {
	case *net.TCPConn, *net.UnixConn: // for TLS one larger write is better: a record each
		c.vectored = true
	}
	c.lender = newLender(stream)
	c.readLimit.set, c.writeLimit.set = stream.SetReadDeadline, stream.SetWriteDeadline
	switch o.dialect {
	case RFC6455:
		f := &rfcFraming{flate: o.flate, mask: o.mask, trace: o.trace}
		f.d.MaxMessage, f.d.Masked, f.d.Inflate = o.maxMessage, !o.client, o.flate
		c.framing = f
	case Hixie75:
		c.framing = newHixieFraming(hixie.Draft75, o.maxMessage, &c.countIn, o.trace)
	default:
		c.framing = newHixieFraming(hixie.Draft76, o.maxMessage, &c.countIn, o.trace)
	}
	if len(o.early) > 0 {
		c.bytesIn = uint64(len(o.early))
		c.framing.feed(o.early)
	}
	return c
}

// Dialect returns the protocol that the two sides agreed on.
func (c *Conn) Dialect() Dialect { return c.dialect }

// Protocol returns the sub-protocol that was agreed on, "" for none.
func (c *Conn) Protocol() string { return c.protocol }

// Request returns the head of the opening request. It must not be modified.
func (c *Conn) Request() *hixie.Request { return &c.request }

// RemoteAddr returns the peer's address as the stream knows it.
func (c *Conn) RemoteAddr() net.Addr { return c.stream.RemoteAddr() }

// Receive returns the next message. Its data is valid until the next Receive. Once
// the connection has ended and all messages are delivered it returns a *CloseError,
// and all that is left to do is Close. When ctx ends first it returns ctx's cause
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

// Pump receives until the connection or ctx ends, or a function returns an error,
// and returns that. It calls each with every message, whose data is valid until
// each returns, and wait, which may be nil, each time before it waits for the
// peer: there answers that were put in a Batch are flushed, so that all answers to
// what one read brought leave in one write.
//
// Pump is Receive in a loop for less. Neither function may receive from, or Close,
// the connection; to close it, call SendClose or return an error.
func (c *Conn) Pump(ctx context.Context, each func(Message) error, wait func() error) error {
	if err := c.reading.take(ctx); err != nil {
		return err
	}
	defer c.reading.leave()
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
		if c.ev.kind == eventPing {
			c.sendPong(c.ev.msg.Data)
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
	case err == errIncomplete:
		return err
	case err != nil:
		return c.violated(err)
	}
	return c.peerClosed(c.ev.code, c.ev.reason)
}

// fill reads once. Its error is final (a *CloseError) unless ctx ended.
func (c *Conn) fill(ctx context.Context) error {
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	if c.closing.Load() {
		c.readLimit.until(time.Now().Add(c.closeTimeout))
	}
	if err := c.readLimit.enter(ctx); err != nil {
		return err
	}
	var n int
	var err error
	if room := c.framing.room(); room != nil {
		if n, err = c.stream.Read(room); n > 0 {
			c.framing.advance(n)
		}
	} else {
		var p []byte
		if c.lender != nil {
			p, err = c.lender.Read()
		} else {
			p, err = c.readOwn()
		}
		if n = len(p); n > 0 {
			c.framing.feed(p)
		}
	}
	c.bytesIn += uint64(n)
	if n > 0 || err == nil {
		return nil // an error comes again at the next read
	}
	return c.readFailed(ctx, err)
}

// readOwn reads into a buffer of the connection's own, which grows while reads
// fill it.
func (c *Conn) readOwn() ([]byte, error) {
	if c.filled && len(c.in) < readLarge {
		c.in = make([]byte, max(readSmall, 4*len(c.in)))
	}
	n, err := c.stream.Read(c.in)
	c.filled = n == len(c.in)
	return c.in[:n], err
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
	case c.closing.Load() && c.framing.hasClosing():
		// Time is up, or the peer dropped the connection instead of answering.
		return c.end(&CloseError{Unanswered: true, Code: codeAbnormal, Err: err})
	case c.closing.Load():
		return c.end(&CloseError{Clean: true, Code: codeNone})
	}
	return c.end(&CloseError{Code: codeAbnormal, ByPeer: true, Err: err})
}

// eof ends a connection whose stream came to its end.
func (c *Conn) eof() error {
	err := c.framing.end()
	switch {
	case err == errBareFF:
		return c.peerClosed(codeNone, "")
	case err != nil:
		return c.end(&CloseError{Code: codeAbnormal, ByPeer: !c.closing.Load(), Err: err})
	case !c.framing.hasClosing():
		return c.end(&CloseError{Clean: true, ByPeer: !c.closing.Load(), Code: codeNone})
	case c.closing.Load():
		return c.end(&CloseError{Unanswered: true, Code: codeAbnormal})
	}
	return c.end(&CloseError{Code: codeAbnormal, ByPeer: true,
		Err: fmt.Errorf("the peer closed the stream without a closing frame: %w", io.ErrUnexpectedEOF)})
}

// violated ends a connection whose peer broke the protocol.
func (c *Conn) violated(err error) error {
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	ce := &CloseError{Code: codeAbnormal, Err: err}
	var syntax *rfc6455.SyntaxError
	if errors.As(err, &syntax) {
		ce.Code = syntax.Code
		// RFC 6455, section 7.1.7: say why, then fail the connection.
		c.sendClosing(c.closeTimeout, syntax.Code, syntax.Reason)
	}
	return c.endAfterReply(ce)
}

// Send sends one message and returns once it is handed to the stream. m.Data is
// not kept. When ctx ends in the middle of a write, or the write fails, the frame
// is cut and nothing can be sent any more. Errors that send nothing and leave the
// connection as it was: *InvalidUTF8Error, ErrBinary.
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

// Queue is Send without the hurry: m is copied and leaves with Flush, or once
// 64 KiB are waiting. From the first Queue to the Flush the batch keeps the
// sending side, and others that send wait; so do not wait in between.
func (b *Batch) Queue(ctx context.Context, m Message) error {
	if !b.held {
		if err := b.c.writing.take(ctx); err != nil {
			return err
		}
		b.held = true
	}
	return b.c.queue(ctx, m)
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
	if c.writeErr != nil {
		return c.writeErr
	}
	if c.closing.Load() {
		return c.sendRefused()
	}
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
	c.vector = [3][]byte{c.out[:head], m.Data, c.out[head:]}
	c.buffers = c.vector[:]
	return c.write(ctx)
}

func (c *Conn) sendRefused() error {
	if ended := c.ended.Load(); ended != nil {
		return ended
	}
	return ErrClosing
}

func (c *Conn) flush(ctx context.Context) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if len(c.out) == 0 {
		return nil
	}
	return c.write(ctx)
}

// write sends c.buffers if set, else c.out, and empties both.
func (c *Conn) write(ctx context.Context) error {
	err := c.writeLimit.enter(ctx)
	if err == nil {
		var n int64
		if c.buffers != nil {
			n, err = c.buffers.WriteTo(c.stream)
		} else {
			var k int
			k, err = c.stream.Write(c.out)
			n = int64(k)
		}
		c.bytesOut += uint64(n)
	}
	c.buffers, c.vector = nil, [3][]byte{}
	c.returnOut()
	c.countOut.publish(c.messagesOut, c.bytesOut)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if ended := c.ended.Load(); ended != nil {
		err = ended
	}
	c.writeErr = fmt.Errorf("sending: %w", err)
	return c.writeErr
}

// leaveWriting lets go of the sending side, after a pong that became due meanwhile.
func (c *Conn) leaveWriting() {
	for {
		if c.pong.Load() != nil {
			c.writePong(*c.pong.Swap(nil))
		}
		c.writing.leave()
		if c.pong.Load() == nil || !c.writing.tryTake() {
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

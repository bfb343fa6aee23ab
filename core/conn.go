package core

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/internal/deadline"
	"github.com/ws76/ws76/internal/outq"
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
	// DefaultMessageTimeout and DefaultWriteTimeout are those of a server, see AcceptOptions.
	DefaultMessageTimeout = 2 * time.Minute
	DefaultWriteTimeout   = 2 * time.Minute

	readSmall = 4 << 10  // first read buffer of a connection
	readLarge = 80 << 10 // grown to this while reads fill it; a frame of 64 KiB lies whole in it
	// From this size on a payload is sent from where it lies, in one writev with its frame.
	sendInPlace = 16 << 10
	// Queued bytes above this are written at once.
	queueMost = 64 << 10
)

var (
	writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, readSmall); return &b }}
	vectors      = sync.Pool{New: func() any { return new(vector) }}
)

// vector is slices that leave in one system call.
type vector struct {
	slices [3][]byte
	rest   net.Buffers
}

// Conn is one WebSocket connection of any dialect over any stream. One goroutine
// may receive while any number send and close.
type Conn struct {
	stream       net.Conn
	dialect      Dialect
	protocol     string
	request      *hixie.Request
	trace        *Trace
	closeTimeout time.Duration
	// Of a server, 0 is no bound.
	pending *Budget // nil: none

	framing framing
	ended   atomic.Pointer[CloseError] // once set, what every call returns
	ending  atomic.Bool                // the stream is being closed, or is
	closed  sync.WaitGroup             // it is

	// The receiving side belongs to whoever holds reading.
	reading    lock
	reads      deadline.Reads
	source     source
	ev         event
	messagesIn uint64
	bytesIn    uint64
	countIn    counters
	holding    Holding

	// The sending side belongs to whoever holds writing.
	writing     lock
	writes      deadline.Writes
	outBuf      *[]byte // of the pool; nil: none borrowed
	out         []byte  // queued bytes, in outBuf where there is one
	run         []byte  // frames queued behind those, in the read buffer of the connection they came from
	vector      *vector // of the pool: what is sent from where it lies; usually nil
	messagesOut uint64
	bytesOut    uint64
	countOut    counters
	writeErr    error
	ledger      atomic.Pointer[outq.Ledger] // from the first write on
	outcome     atomic.Pointer[outcome]     // once the connection has ended
	proving     atomic.Bool                 // see SeekProof
	asking      atomic.Bool                 // a ping of ours is under way
	askDue      atomic.Bool                 // whoever leaves writing sees to one
	broken      atomic.Bool                 // a write was refused by the system
	// Of the peer's end, see outcome.
	proper, answered atomic.Bool
	closeCode        atomic.Int32 // of our closing frame
	reset            atomic.Bool  // the peer has closed its stream with something unread
	closing          atomic.Bool  // the closing frame has been sent
	lingering        atomic.Bool  // ended, but the peer may still be reading our last words
	holds            atomic.Bool  // see HoldClose
	vectored         bool         // the stream takes many slices in one system call
	held             atomic.Pointer[CloseError]
	pong             atomic.Pointer[[]byte] // owed to the peer; whoever leaves writing sends it
}

// connConfig is what both openings give to newConn.
type connConfig struct {
	dialect      Dialect
	client       bool
	protocol     string
	request      hixie.Request
	compressed   bool
	maxMessage   int64
	closeTimeout time.Duration

	messageTimeout, writeTimeout time.Duration
	pending                      *Budget

	trace *Trace
	mask  func() *[4]byte
	early []byte // bytes behind the handshake
}

func newConn(stream net.Conn, o connConfig) *Conn {
	request := o.request // which may be forgotten
	c := &Conn{
		stream: stream, dialect: o.dialect, protocol: o.protocol, request: &request,
		trace: o.trace, closeTimeout: o.closeTimeout, pending: o.pending,
	}
	c.closed.Add(1)
	switch stream.(type) {
	case *net.TCPConn, *net.UnixConn: // for TLS one larger write is better: a record each
		c.vectored = true
	}
	c.source = newSource(stream)
	c.reads.Set, c.reads.Timeout = stream.SetReadDeadline, o.messageTimeout
	c.writes.Set, c.writes.Timeout, c.writes.Once = stream.SetWriteDeadline, o.writeTimeout, !c.vectored
	c.framing = protocolOf(o.dialect).newFraming(framingOptions{
		client: o.client, maxMessage: o.maxMessage, compressed: o.compressed, mask: o.mask, count: &c.countIn, trace: o.trace,
	})
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
func (c *Conn) Request() *hixie.Request { return c.request }

// ForgetRequest gives up the memory of the opening request where nobody needs it any
// more: Request, which may not be called meanwhile, returns an empty one from then on.
func (c *Conn) ForgetRequest() { c.request = &noRequest }

var noRequest hixie.Request

// RemoteAddr returns the peer's address as the stream knows it.
func (c *Conn) RemoteAddr() net.Addr { return c.stream.RemoteAddr() }

// LocalAddr returns the stream's address on this side.
func (c *Conn) LocalAddr() net.Addr { return c.stream.LocalAddr() }

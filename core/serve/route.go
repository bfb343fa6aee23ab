package serve

import (
	"context"
	"errors"
	"net"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/auth"
)

// Defaults of Settings.
const (
	DefaultSendBytes  = 1 << 20
	DefaultQueue      = 256
	DefaultQueueBytes = 16 << 20
)

// ErrFull is returned by Peer.Send when as much as may be is waiting for the peer to read.
var ErrFull = errors.New("the peer does not read: what may wait for it is waiting")

// Events is how a connection is served without a goroutine of its own. Its methods
// are called one at a time for a connection and must not block: an event loop
// serves many connections in turn. One Events may serve any number of connections.
type Events interface {
	// Open is called first, before the peer has been heard.
	Open(p *Peer)
	// Message is called with each message. m.Data is valid until it returns.
	Message(p *Peer, m core.Message)
	// Closed is called last, once, with what Receive of a core.Conn would have returned. Nothing can be sent any more.
	Closed(p *Peer, err error)
}

// Flusher is an optional part of an Events. Flush is called when all that one read brought has been handed over.
type Flusher interface {
	Flush(p *Peer)
}

// Runner is an optional part of an Events that hands messages on unchanged. Run is called in place of Message where the
// frames of n messages can be sent on as they came, to peers of drafts 75 and 76; Message is still called for all
// others. frames is valid until Run returns.
type Runner interface {
	Run(p *Peer, frames []byte, n int)
}

// Opening is an opening request that is about to be accepted. It is valid, with all it points to, until Route returns.
type Opening struct {
	Request *hixie.Request
	Dialect core.Dialect
	Secure  bool // came in over TLS
	// Grant is that of the user who was let in; nil: everybody is.
	Grant *auth.Grant

	conn      interface{ RemoteAddr() net.Addr }
	transport string
	handshake *core.Handshake
}

// RemoteAddr returns the peer's address.
func (o *Opening) RemoteAddr() net.Addr { return o.conn.RemoteAddr() }

// Transport names what the connection came over: "tcp", "tls", "unix", …
func (o *Opening) Transport() string { return o.transport }

// Service says how a connection is served: by Events, or by Handler where that is set.
type Service struct {
	Events Events
	// Handler serves the connection in a goroutine of its own, for what blocks. It
	// is closed when Handler returns; Server says more.
	Handler func(ctx context.Context, conn *core.Conn) error
	// Abandoned is called in place of Handler when the connection does not open after
	// all; nil is fine. It is for what Route has made ready.
	Abandoned func(err error)
	// Until ends when the connection is to be closed; nil: never.
	Until context.Context
	// Data is what Peer.Data returns at first.
	Data any
	// Settings of the connection; nil for those of the Server. They are kept: connections should share them.
	Settings *Settings
	// Header is added to the response.
	Header hixie.Fields
	// Trace shows this connection, from the response on, in place of the Server's;
	// nil for that one. A connection with one is served by goroutines.
	Trace *core.Trace
}

// Settings of a connection. The zero value of each field is its default.
type Settings struct {
	// MaxMessage is the largest message to take, in bytes.
	MaxMessage int64
	// Protocols are the sub-protocols spoken; nil: those of Server.Accept.
	Protocols []string

	// The rest concerns connections served by Events.

	// SendBytes bounds what waits for a peer that does not read. From there on Send fails, and the peer is not read
	// from, so that who only answers never sees that.
	SendBytes int
	// Queue and QueueBytes bound what SendShared leaves waiting, in messages and
	// bytes, and Slow says what happens to more.
	Queue      int
	QueueBytes int
	Slow       core.Slow
	// Rate is how many messages a second are taken from the peer; one that sends faster is made to wait. 0: any number.
	Rate float64
}

func (s *Settings) sendBytes() int  { return orDefault(s.SendBytes, DefaultSendBytes) }
func (s *Settings) queue() int      { return orDefault(s.Queue, DefaultQueue) }
func (s *Settings) queueBytes() int { return orDefault(s.QueueBytes, DefaultQueueBytes) }

func orDefault(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// Echo is Events that send every message back.
type Echo struct{}

// Open does nothing.
func (Echo) Open(*Peer) {}

// Message sends m back. An error is of no interest: a peer that does not read is
// not read from, and one that is closing wants no answer.
func (Echo) Message(p *Peer, m core.Message) { p.Reply(m) }

// Run sends frames back from where they lie.
func (Echo) Run(p *Peer, frames []byte, n int) { p.ReplyRun(frames, n) }

// Closed does nothing.
func (Echo) Closed(*Peer, error) {}

// Package relay joins two endpoints of messages, with hooks in between.
//
// An [Endpoint] gives and takes messages: a WebSocket connection, the terminal,
// a framed byte stream, a channel. A [Session] is two of them, a and b, and the
// hooks that see each message on its way:
//
//	a --Receive--> hook 1 -> hook 2 -> … -> hook n --Send--> b
//	b --Receive--> hook 1 -> hook 2 -> … -> hook n --Send--> a
//
// There is one chain of hooks, run first to last in both directions. A hook
// drops a message by not calling the next one, splits it by calling it twice,
// and answers it by calling it with the direction turned: the answer then goes
// on through the rest of the chain, in its new direction. So a hook sees all
// that the hooks before it let pass or made, and nothing made by those behind.
//
// A session is pushed, not polled. Whoever has a message hands it to
// [Session.Push]: an HTTP handler, or [Join], which is the pump
// for endpoints that block in Receive:
//
//	err := relay.Join(ctx, terminal, conn, &relay.Options{Hooks: hooks})
//
// The hooks of a session run one at a time. Messages are delivered outside of
// that, so a peer that does not read holds up whoever sends to it and nobody
// else. The package knows messages only: no bytes, no addresses, no clock but
// the one that bounds a close.
package relay

import (
	"context"

	"github.com/ws76/ws76/core"
)

// Side names one of the two endpoints of a session.
type Side uint8

const (
	A Side = iota
	B
)

// Other returns the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// String returns "a" or "b".
func (s Side) String() string {
	if s == A {
		return "a"
	}
	return "b"
}

// Direction is the way of a message through a session.
type Direction uint8

const (
	AToB Direction = iota
	BToA
)

// Towards returns the direction of messages that go to side s.
func Towards(s Side) Direction { return Direction(s.Other()) }

// From returns the side that messages of this direction come from.
func (d Direction) From() Side { return Side(d) }

// To returns the side that messages of this direction go to.
func (d Direction) To() Side { return Side(d).Other() }

// Reverse returns the opposite direction, the one of an answer.
func (d Direction) Reverse() Direction { return d ^ 1 }

// String returns "a to b" or "b to a".
func (d Direction) String() string {
	if d == AToB {
		return "a to b"
	}
	return "b to a"
}

// Endpoint gives and takes messages. A session calls Receive from one goroutine,
// and Send (with Queue and Flush, see [Batcher]) from one at a time; the three
// methods of an endpoint may run at the same time as each other.
type Endpoint interface {
	// Receive returns the next message, or an error when there is none or
	// when ctx ends, soon after it does. Data is valid until the next
	// Receive. io.EOF means that this endpoint has no more messages and can
	// still be sent to; a clean [core.CloseError], that it is closed
	// altogether. Any other error is a failure.
	Receive(ctx context.Context) (core.Message, error)
	// Send delivers m, or returns an error, soon after ctx ends. It keeps
	// nothing of m.Data.
	Send(ctx context.Context, m core.Message) error
	// Close ends the endpoint properly, with whatever handshake it has,
	// waiting no longer than ctx. It may be called while Receive waits:
	// messages that come in before the peer's close are still received,
	// then Receive returns io.EOF, a clean [core.CloseError] or an error
	// that wraps net.ErrClosed or fs.ErrClosed.
	Close(ctx context.Context) error
}

// Batcher is an optional part of an [Endpoint] that saves writes: a message that
// was queued is on its way only after Flush. Queue may flush by itself when it
// holds much already. Send is Queue and Flush. An endpoint with a method Batch
// that returns a [*core.Batch], as [core.Conn] has, is served the same way.
type Batcher interface {
	Queue(ctx context.Context, m core.Message) error
	Flush(ctx context.Context) error
}

// Readier is an optional part of an [Endpoint]. Ready reports whether the next
// Receive returns without waiting, be it an error. It is called between two
// calls of Receive and may not touch the data of the last message.
//
// While the source is ready, [Join] queues for a destination that is a
// [Batcher], and flushes before it waits: the answers to one read leave in one
// write.
type Readier interface {
	Ready() bool
}

// Pumper is an optional part of an [Endpoint], which [Join] uses in place of
// Receive: Pump calls each with every message, whose data is valid until each
// returns, and wait every time before it waits, which is when what was queued is
// flushed. It returns what Receive would, or the error of each or wait.
type Pumper interface {
	Pump(ctx context.Context, each func(core.Message) error, wait func() error) error
}

// HalfCloser is an optional part of an [Endpoint]. SendClose tells the peer that
// nothing more will be sent to it and leaves the receiving side open until the
// peer has closed, too; Close is called in the end all the same. code and reason
// are those of RFC 6455. [Join] uses it to close a side that may still have
// something to say.
type HalfCloser interface {
	SendClose(ctx context.Context, code int, reason string) error
}

// Nonblocker is an optional part of an [Endpoint]. Nonblocking reports whether
// Send, Queue and Flush never wait, as those of an event loop do not. Answers of
// hooks to such an endpoint are sent by the goroutine that ran the hook, instead
// of one that the session starts for them. It is asked once.
type Nonblocker interface {
	Nonblocking() bool
}

// Streamer is an optional part of an [Endpoint] that is a core.Conn behind a few
// methods of its own: Stream returns that. Where no hook is attached and both sides are
// connections, [Join] has [core.CopyCounted] carry the messages, with none of the
// methods of the endpoints but Close.
type Streamer interface {
	Stream() *core.Conn
}

// Prover is an optional part of an [Endpoint], as of [core.Conn]. Prove waits until the
// peer is known to have what was sent before.
type Prover interface {
	Prove(ctx context.Context) error
}

// Accountable is an optional part of a [Pumper]. Where SeeksProof, which is asked once,
// says so, wait returns only once the other side, if it is a [Prover], has proven
// everything that came of the messages so far. So what was handed out before can be
// acknowledged after wait, and after an error must not be.
type Accountable interface {
	SeeksProof() bool
}

// end is an endpoint with its optional parts looked up once.
type end struct {
	Endpoint
	batch       Batcher // nil: no batches
	ready       Readier // nil: never ready
	pumper      Pumper  // nil: Receive in a loop
	prover      Prover  // nil: it can prove nothing
	seeksProof  bool
	fate        interface{ Fate() core.Fate } // nil: not known
	before      uint64                        // of its messages were sent before the session
	stream      *core.Conn                    // nil: it is none
	nonblocking bool
}

// bytesIn is how many bytes have come from the peer, messages or not.
func (e *end) bytesIn() int64 {
	if e.stream == nil {
		return 0
	}
	return int64(e.stream.Stats().BytesIn)
}

func newEnd(e Endpoint) end {
	x := end{Endpoint: e}
	x.batch, _ = e.(Batcher)
	if b, ok := e.(interface{ Batch() *core.Batch }); ok && x.batch == nil {
		x.batch = b.Batch()
	}
	x.ready, _ = e.(Readier)
	x.pumper, _ = e.(Pumper)
	x.prover, _ = e.(Prover)
	if a, ok := e.(Accountable); ok {
		x.seeksProof = a.SeeksProof()
	}
	if f, ok := e.(interface{ Fate() core.Fate }); ok {
		x.fate, x.before = f, f.Fate().Given
	}
	switch e := e.(type) {
	case *core.Conn:
		x.stream = e
	case Streamer:
		x.stream = e.Stream()
	}
	if n, ok := e.(Nonblocker); ok {
		x.nonblocking = n.Nonblocking()
	}
	return x
}

// isReady reports whether the next Receive is known not to wait.
func (x *end) isReady() bool { return x.ready != nil && x.ready.Ready() }

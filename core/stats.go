package core

import "sync/atomic"

// Stats counts what has passed over a connection.
type Stats struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64 // on the wire, after the opening handshake
	// Skipped counts frames of drafts 75 and 76 that are no messages.
	Skipped uint64
	// Repaired counts texts in which invalid UTF-8 became U+FFFD.
	Repaired uint64
	// AfterClosing counts bytes that came behind the peer's closing frame.
	AfterClosing uint64
}

// Add adds what has passed over another connection.
func (s *Stats) Add(o Stats) {
	s.MessagesIn += o.MessagesIn
	s.MessagesOut += o.MessagesOut
	s.BytesIn += o.BytesIn
	s.BytesOut += o.BytesOut
	s.Skipped += o.Skipped
	s.Repaired += o.Repaired
	s.AfterClosing += o.AfterClosing
}

// counters is a Stats that one goroutine writes, a batch at a time, and any may read.
type counters struct {
	messages, bytes, skipped, repaired, afterClosing atomic.Uint64
}

func (c *counters) publish(messages, bytes uint64) {
	c.messages.Store(messages)
	c.bytes.Store(bytes)
}

// Stats returns what has passed so far. It may lag by the messages of one read or one write that is under way.
func (c *Conn) Stats() Stats {
	return Stats{
		MessagesIn: c.countIn.messages.Load(), BytesIn: c.countIn.bytes.Load(),
		MessagesOut: c.countOut.messages.Load(), BytesOut: c.countOut.bytes.Load(),
		Skipped: c.countIn.skipped.Load(), Repaired: c.countIn.repaired.Load(),
		AfterClosing: c.countIn.afterClosing.Load(),
	}
}

// BytesRead is BytesIn without a lag, for the goroutine that is in Receive or Pump, or between two calls of Receive.
func (c *Conn) BytesRead() uint64 { return c.bytesIn }

package serve

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ws76/ws76/core"
)

// connPeer serves a Peer by goroutines: one that receives, and while something waits to be sent one that writes.
type connPeer struct {
	host
	peer    *Peer
	conn    *core.Conn
	ctx     context.Context
	batch   *core.Batch // of replies
	writers sync.WaitGroup
	// turn is whose it is to write: from the first reply to the flush that of the pump, otherwise that of the writer.
	// Unlike the lock of conn it is fair, so a flood of messages does not keep others from sending.
	turn    sync.Mutex
	replied bool   // the pump has it
	given   uint64 // messages that conn was given, of whoever has the turn

	// With peer.mu held.
	gone      bool          // nothing can be written any more
	room      chan struct{} // closed once the writer has sent enough; nil: nobody waits
	closeSent bool          // the closing frame is due behind what waits
	over      chan struct{} // closed once the pump has ended; nil: nobody waits
	code      int
	reason    string
}

// serveEvents serves conn by service.Events until it has ended.
func (s *Server) serveEvents(serving serving, conn *core.Conn, service *Service, transport string) {
	c := &connPeer{conn: conn, ctx: serving.work, batch: conn.Batch()}
	c.host = host{engine: c, server: s, codecs: &s.codecs, waits: true}
	p := &Peer{by: &c.host, events: service.Events, data: service.Data, set: service.Settings, fd: -1, kind: kindOf(conn.Dialect(), false)}
	if p.set == nil {
		p.set = &s.Settings
	}
	c.peer = p
	trace := s.Accept.Trace
	if service.Trace != nil {
		trace = service.Trace
		c.codecs = new([kinds]*core.Codec)
		c.codecs[p.kind] = p.kind.newCodec(trace)
	}
	c.traced = trace != nil && trace.Frame != nil
	p.more.Store(&more{protocol: conn.Protocol(), remote: conn.RemoteAddr(), secure: transport == "tls", transport: transport})
	p.id = s.opened(p)
	s.mu.Lock()
	if s.peers == nil {
		s.peers = make(map[*Peer]bool)
	}
	s.peers[p] = true
	s.mu.Unlock()

	if s.Idle > 0 {
		defer closeWhenIdle(serving.work, conn, s.Idle)()
	}
	if serving.ctx.Err() != nil { // closeAll may have missed it
		p.Close(codeGoingAway, "")
	}
	if service.Until != nil {
		defer p.closeWhen(service.Until)()
	}
	err := c.pump()
	p.mu.Lock()
	p.closing, c.gone = true, true
	if c.over != nil {
		close(c.over)
	}
	p.mu.Unlock()
	conn.Close(c.ctx)
	c.writers.Wait()
	c.count(p)
	f := conn.Fate()
	p.mu.Lock()
	p.abandon()
	p.unsent(int(c.given - min(f.Sent, c.given)))
	p.unknown(f.NotKnown())
	p.mu.Unlock()
	s.mu.Lock()
	delete(s.peers, p)
	s.mu.Unlock()
	p.events.Closed(p, err)
	s.closed(p)
}

// pump hands over what comes until the connection ends.
func (c *connPeer) pump() error {
	p := c.peer
	flusher, _ := p.events.(Flusher)
	var limit func() error
	if p.set.Rate > 0 {
		l := newLimiter(p.set.Rate)
		limit = func() error { return l.Wait(c.ctx) }
	}
	p.events.Open(p)
	if err := c.sendBatch(); err != nil {
		return err
	}
	dirty := false
	flush := func() error {
		if dirty && flusher != nil {
			flusher.Flush(p)
		}
		dirty = false
		c.count(p)
		return c.sendBatch()
	}
	err := c.conn.Pump(c.ctx, func(m core.Message) error {
		dirty = true
		p.events.Message(p, m)
		if p.flags.Load()&held != 0 {
			if err := flush(); err != nil {
				return err
			}
			if err := c.waitForRoom(); err != nil {
				return err
			}
		}
		if limit == nil {
			return nil
		}
		if err := flush(); err != nil {
			return err
		}
		return limit()
	}, flush)
	if dirty && flusher != nil {
		flusher.Flush(p)
	}
	c.sendBatch()
	return err
}

func (c *connPeer) reply(_ *Peer, m core.Message) error {
	if !c.replied {
		c.turn.Lock()
		c.replied = true
	}
	err := c.batch.Queue(c.ctx, m)
	if err == nil {
		c.given++
	}
	return err
}

// sendBatch sends the replies.
func (c *connPeer) sendBatch() error {
	if !c.replied {
		return nil
	}
	c.replied = false
	defer c.turn.Unlock()
	return c.batch.Flush(c.ctx)
}

// waitForRoom waits until the peer has read of what waits for it.
func (c *connPeer) waitForRoom() error {
	p := c.peer
	p.mu.Lock()
	p.flags.And(^held)
	if !p.waits(2) {
		p.mu.Unlock()
		return nil
	}
	room := make(chan struct{})
	c.room = room
	p.mu.Unlock()
	select {
	case <-room:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

// Only the pump may wait, so what others send goes to the writer, and replies have left before anybody else looks.
func (c *connPeer) write(*Peer, []byte) int     { return 0 }
func (c *connPeer) flush(*Peer)                 {}
func (c *connPeer) sendReplies(*Peer)           {}
func (c *connPeer) replyRun(*Peer, []byte, int) {}

func (c *connPeer) watch(p *Peer) {
	if p.out != nil {
		c.startWriting()
	}
}

func (c *connPeer) closeSoon(_ *Peer, code int, reason string) {
	c.closeSent, c.code, c.reason = true, code, reason
	c.startWriting()
	c.over = make(chan struct{})
	c.writers.Go(c.cutOff)
}

// land says that what was being written is held no more. The caller holds peer.mu.
func (c *connPeer) land() {
	m := c.peer.rare()
	m.flying.Release()
	m.flying = nil
}

func (c *connPeer) giveUp(*Peer) {
	c.land()
	if c.gone {
		return
	}
	c.gone = true
	c.writers.Go(func() {
		ctx, cancel := context.WithCancelCause(c.ctx)
		cancel(errTooMuch)
		c.conn.Close(ctx)
	})
}

var errCutOff = errors.New("the connection was to be closed, and the peer did not read what was waiting for it")

// cutOff ends the connection of a peer that does not read, or goes on sending, for too long after it was to be closed.
func (c *connPeer) cutOff() {
	timer := time.NewTimer(c.server.closeTimeout())
	defer timer.Stop()
	select {
	case <-timer.C:
		ctx, cancel := context.WithCancelCause(c.ctx)
		cancel(errCutOff)
		c.conn.Close(ctx)
	case <-c.over:
	}
}

// startWriting sees to a writer. The caller holds peer.mu.
func (c *connPeer) startWriting() {
	if m := c.peer.rare(); !m.writing && !c.gone {
		m.writing = true
		c.writers.Go(c.sendWaiting)
	}
}

// sendWaiting sends what waits, until there is nothing.
func (c *connPeer) sendWaiting() {
	p := c.peer
	m := p.rare()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if c.room != nil && (c.gone || !p.waits(2)) {
			close(c.room)
			c.room = nil
		}
		var err error
		switch {
		case c.gone:
		case p.out != nil && p.out.bytes > 0:
			it := *p.out.front()
			f := core.Frames{Bytes: it.b[it.off:], Ends: it.ends[it.next:]}
			n := len(f.Bytes)
			m.flying = it.of
			it.of.Hold()
			// It has left as far as the policy for slow peers is concerned.
			p.out.left(n)
			p.mu.Unlock()
			c.turn.Lock()
			err = c.conn.SendFrames(c.ctx, &f)
			c.given += uint64(len(f.Ends))
			c.turn.Unlock()
			p.mu.Lock()
			c.land()
		case c.closeSent:
			c.closeSent = false
			p.mu.Unlock()
			c.turn.Lock()
			err = c.conn.SendClose(c.ctx, c.code, c.reason)
			c.turn.Unlock()
			p.mu.Lock()
		default:
			m.writing = false
			p.flushed()
			return
		}
		c.gone = c.gone || err != nil
		if c.gone && c.room == nil {
			m.writing = false
			return
		}
	}
}

// count takes over the numbers of conn.
func (c *connPeer) count(p *Peer) {
	s := c.conn.Stats()
	p.messagesIn.Store(s.MessagesIn)
	p.bytesIn.Store(s.BytesIn)
	p.messagesOut.Store(s.MessagesOut)
	if f := c.conn.Fate(); f.Final {
		p.messagesOut.Store(f.Sent)
	}
	p.bytesOut.Store(s.BytesOut)
	if s.Skipped|s.Repaired != 0 {
		m := p.rare()
		m.skipped.Store(s.Skipped)
		m.repaired.Store(s.Repaired)
	}
}

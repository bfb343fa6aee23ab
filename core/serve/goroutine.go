package serve

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ws76/ws76/core"
)

// connPeer serves a Peer by goroutines: one that receives, and while something
// waits to be sent one that writes.
type connPeer struct {
	server  *Server
	peer    *Peer
	conn    *core.Conn
	ctx     context.Context
	codec   *core.Codec // encodes what others send
	trace   *core.Trace // nil: none
	batch   *core.Batch // of replies
	writers sync.WaitGroup
	// turn is whose it is to write: from the first reply to the flush that of the
	// pump, otherwise that of the writer. Unlike the lock of conn it is fair, so a
	// flood of messages does not keep others from sending.
	turn    sync.Mutex
	replied bool   // the pump has it
	given   uint64 // messages that conn was given, of whoever has the turn

	// With peer.mu held.
	writing   bool          // there is a writer
	gone      bool          // nothing can be written any more
	room      chan struct{} // closed once the writer has sent enough; nil: nobody waits
	closeSent bool          // the closing frame is due behind what waits
	over      chan struct{} // closed once the pump has ended; nil: nobody waits
	code      int
	reason    string
	flying    *core.Shared // is being written, and held
}

// serveEvents serves conn by service.Events until it has ended.
func (s *Server) serveEvents(serving serving, conn *core.Conn, service *Service, transport string) {
	c := &connPeer{server: s, conn: conn, ctx: serving.work, batch: conn.Batch()}
	p := &Peer{events: service.Events, data: service.Data, set: service.Settings, fd: -1, kind: kindOf(conn.Dialect(), false)}
	if p.set == nil {
		p.set = &s.Settings
	}
	c.peer = p
	c.codec, c.trace = s.codecs[p.kind], s.Accept.Trace
	if service.Trace != nil {
		c.codec, c.trace = p.kind.newCodec(service.Trace), service.Trace
	}
	p.more.Store(&more{conn: c, protocol: conn.Protocol(), secure: transport == "tls", transport: transport})
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
	c.count()
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
	if err := c.flush(); err != nil {
		return err
	}
	dirty := false
	flush := func() error {
		if dirty && flusher != nil {
			flusher.Flush(p)
		}
		dirty = false
		c.count()
		return c.flush()
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
	c.flush()
	return err
}

func (c *connPeer) reply(m core.Message) error {
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

// flush sends the replies.
func (c *connPeer) flush() error {
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
	if p.out == nil || p.out.bytes <= p.set.sendBytes()/2 {
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

// startClose sends the closing frame behind what waits. The caller holds peer.mu.
func (c *connPeer) startClose(code int, reason string) {
	c.closeSent, c.code, c.reason = true, code, reason
	c.startWriting()
	c.over = make(chan struct{})
	c.writers.Go(c.cutOff)
}

// land says that what was being written is held no more. The caller holds peer.mu.
func (c *connPeer) land() {
	c.flying.Release()
	c.flying = nil
}

// giveUp ends the connection. The caller holds peer.mu.
func (c *connPeer) giveUp() {
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

// cutOff ends the connection of a peer that does not read, or goes on sending, for
// too long after it was to be closed.
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
	if !c.writing && !c.gone {
		c.writing = true
		c.writers.Go(c.write)
	}
}

// write sends what waits, until there is nothing.
func (c *connPeer) write() {
	p := c.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if c.room != nil && (c.gone || p.out == nil || p.out.bytes <= p.set.sendBytes()/2) {
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
			c.flying = it.of
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
			c.writing = false
			p.flushed()
			return
		}
		c.gone = c.gone || err != nil
		if c.gone && c.room == nil {
			c.writing = false
			return
		}
	}
}

// count takes over the numbers of conn.
func (c *connPeer) count() {
	s := c.conn.Stats()
	p := c.peer
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

package serve

import (
	"sync/atomic"

	"github.com/ws76/ws76/core"
)

// Stats counts what has passed over the connections that are, or were, served by Events.
type Stats struct {
	Conns  int64                  // connections of all kinds that are open, plain HTTP among them
	Open   map[core.Dialect]int64 // of Events
	Opened map[core.Dialect]uint64

	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64 // on the wire, after the opening handshakes
	Dropped                 uint64 // see PeerStats
	Unsent                  uint64
	NotKnown                uint64
}

// counters are of connections that have ended, but for dropped, unsent and notKnown.
type counters struct {
	opened, ended                              [kinds]atomic.Uint64
	messagesIn, messagesOut, bytesIn, bytesOut atomic.Uint64
	dropped, unsent, notKnown                  atomic.Uint64
}

// opened gives a connection its number and counts it.
func (s *Server) opened(p *Peer) uint64 {
	s.count.opened[p.kind].Add(1)
	return s.ids.Add(1)
}

// closed counts what has passed over a connection that has ended.
func (s *Server) closed(p *Peer) {
	st := p.Stats()
	s.count.messagesIn.Add(st.MessagesIn)
	s.count.messagesOut.Add(st.MessagesOut)
	s.count.bytesIn.Add(st.BytesIn)
	s.count.bytesOut.Add(st.BytesOut)
	s.count.ended[p.kind].Add(1)
}

// Stats returns the counters as they are now. It looks at every open connection.
func (s *Server) Stats() Stats {
	st := Stats{
		Conns: s.taken.Load(),
		Open:  map[core.Dialect]int64{}, Opened: map[core.Dialect]uint64{},
		MessagesIn: s.count.messagesIn.Load(), MessagesOut: s.count.messagesOut.Load(),
		BytesIn: s.count.bytesIn.Load(), BytesOut: s.count.bytesOut.Load(),
		Dropped: s.count.dropped.Load(), Unsent: s.count.unsent.Load(), NotKnown: s.count.notKnown.Load(),
	}
	for k := range kinds {
		ended := s.count.ended[k].Load()
		opened := s.count.opened[k].Load()
		st.Opened[k.dialect()] += opened
		st.Open[k.dialect()] += int64(opened - ended)
	}
	s.Peers(func(p *Peer) bool {
		st.MessagesIn += p.messagesIn.Load()
		st.BytesIn += p.bytesIn.Load()
		st.MessagesOut += p.messagesOut.Load()
		st.BytesOut += p.bytesOut.Load()
		return true
	})
	return st
}

// Open returns how many connections of Events are open now.
func (s *Server) Open() (n int64) {
	for k := range kinds {
		n += int64(s.count.opened[k].Load() - s.count.ended[k].Load())
	}
	return n
}

// Peers calls f with the connections that are open now, until f returns false.
// They may end meanwhile. Any goroutine may call it, once Serve runs.
func (s *Server) Peers(f func(*Peer) bool) {
	s.mu.Lock()
	loops := s.loops
	var open []*Peer
	for p := range s.peers {
		open = append(open, p)
	}
	s.mu.Unlock()
	for _, l := range loops {
		if !l.all(f) {
			return
		}
	}
	for _, p := range open {
		if !f(p) {
			return
		}
	}
}

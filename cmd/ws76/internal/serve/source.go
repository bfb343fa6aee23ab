package serve

import (
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/dashboard"
	"github.com/ws76/ws76/core/serve/metrics"
)

// handler is a connection that has a goroutine of its own.
type handler struct {
	id     uint64
	visit  *visit
	opened time.Time
}

// handlerIDs are apart from those of serve.Peer, which count from 1.
const handlerIDs = 1 << 32

// handlers is the connections of Handlers, and what has passed over those that have ended.
type handlers struct {
	open   map[*core.Conn]handler
	last   uint64
	opened map[core.Dialect]uint64
	ended  core.Stats

	undelivered // of those that have ended
}

// enter makes a connection with a goroutine of its own known.
func (s *service) enter(conn *core.Conn, v *visit) {
	s.mu.Lock()
	h := &s.handlers
	if h.open == nil {
		h.open, h.opened = make(map[*core.Conn]handler), make(map[core.Dialect]uint64)
	}
	h.last++
	h.opened[conn.Dialect()]++
	h.open[conn] = handler{handlerIDs + h.last, v, time.Now()}
	s.mu.Unlock()
	s.Log.Infof("%s: open, %s, %s", v.remote, conn.Dialect(), conn.Request().Resource)
}

// leave is told of each of them when it has ended.
func (s *service) leave(conn *core.Conn, err error) {
	stats := serve.PeerStats{Stats: conn.Stats()}
	if f := conn.Fate(); f.Final {
		stats.MessagesOut, stats.Unsent, stats.NotKnown = f.Sent, f.NotSent(), f.NotKnown()
	}
	s.mu.Lock()
	h, known := s.handlers.open[conn]
	delete(s.handlers.open, conn)
	s.handlers.ended.Add(stats.Stats)
	var lost undelivered
	if known {
		lost = h.visit.lost
	}
	stats.Unsent = max(stats.Unsent, lost.unsent)
	s.handlers.add(undelivered{stats.Unsent, lost.untaken, stats.NotKnown + lost.notKnown})
	s.mu.Unlock()
	if known {
		s.logClosed(h.visit, err, stats)
	}
}

// totals returns the counters of all connections, and how many are open and were opened in each dialect.
func (s *service) totals() (sum core.Stats, of serve.Stats) {
	of = s.server.Stats()
	sum = core.Stats{MessagesIn: of.MessagesIn, MessagesOut: of.MessagesOut, BytesIn: of.BytesIn, BytesOut: of.BytesOut}
	s.mu.Lock()
	defer s.mu.Unlock()
	sum.Add(s.handlers.ended)
	for conn := range s.handlers.open {
		sum.Add(conn.Stats())
		of.Open[conn.Dialect()]++
	}
	of.NotKnown += s.handlers.notKnown
	of.Unsent += s.handlers.unsent + s.handlers.untaken
	for dialect, n := range s.handlers.opened {
		of.Opened[dialect] += n
	}
	return sum, of
}

// dropped returns by policy what was accepted and not delivered.
func (s *service) dropped(of *serve.Stats) map[string]uint64 {
	byPolicy := map[string]uint64{
		s.slow.String(): of.Dropped + s.slowDropped.Load(),
		"closed":        of.Unsent,
		"binary":        s.binaryDropped.Load(),
		"backplane":     s.hub.Stats().Lost,
	}
	if s.plane != nil {
		byPolicy["backplane"] += s.plane.Lost()
	}
	if s.shared != nil {
		byPolicy[s.slow.String()] += s.shared.in.Dropped()
		byPolicy["closed"] += s.shared.lost.Load()
	}
	return byPolicy
}

// Status is the dashboard.Source's.
func (s *service) Status() dashboard.Status {
	sum, of := s.totals()
	status := dashboard.Status{
		Started: s.started, MessagesIn: sum.MessagesIn, MessagesOut: sum.MessagesOut,
		BytesIn: sum.BytesIn, BytesOut: sum.BytesOut, Refused: s.refusals.Load(),
	}
	for _, n := range s.dropped(&of) {
		status.Dropped += n
	}
	return status
}

// Channels is the dashboard.Source's.
func (s *service) Channels(yield func(dashboard.Channel) bool) {
	dropped := map[string]uint64{}
	s.server.Peers(func(p *serve.Peer) bool {
		if v := visitOf(p); v != nil && v.Path.Channel != "" {
			if n := p.Stats().Dropped; n > 0 {
				dropped[v.Path.Channel] += n
			}
		}
		return true
	})
	for _, ch := range s.hub.Channels() {
		if !yield(dashboard.Channel{
			Name: ch.Name, Publishers: ch.Publishers, Subscribers: ch.Subscribers,
			Messages: ch.Messages, Bytes: ch.Bytes, Dropped: dropped[ch.Name],
		}) {
			return
		}
	}
}

// Conns is the dashboard.Source's.
func (s *service) Conns(yield func(dashboard.Conn) bool) {
	more := true
	s.server.Peers(func(p *serve.Peer) bool {
		stats := p.Stats()
		queued, _ := p.Queued()
		c := dashboard.Conn{
			ID: p.ID(), Dialect: string(p.Dialect()), Transport: p.Transport(), Secure: p.Secure(),
			MessagesIn: stats.MessagesIn, MessagesOut: stats.MessagesOut, BytesIn: stats.BytesIn, BytesOut: stats.BytesOut,
			Dropped: stats.Dropped, Queued: queued,
		}
		if v := visitOf(p); v != nil {
			c.Channel, c.Mode, c.Address, c.Opened = v.Path.Channel, string(v.Path.Mode), v.remote, v.opened
		} else {
			c.Address = front.PeerName(p.RemoteAddr())
		}
		more = yield(c)
		return more
	})
	if !more {
		return
	}
	for _, c := range s.handlerConns() {
		if !yield(c) {
			return
		}
	}
}

func (s *service) handlerConns() []dashboard.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]dashboard.Conn, 0, len(s.handlers.open))
	for conn, h := range s.handlers.open {
		stats := conn.Stats()
		conns = append(conns, dashboard.Conn{
			ID: h.id, Channel: h.visit.Path.Channel, Mode: string(h.visit.Path.Mode), Dialect: string(conn.Dialect()),
			Transport: h.visit.transport, Secure: h.visit.transport == "tls", Address: h.visit.remote, Opened: h.opened,
			MessagesIn: stats.MessagesIn, MessagesOut: stats.MessagesOut, BytesIn: stats.BytesIn, BytesOut: stats.BytesOut,
		})
	}
	return conns
}

// health is what anybody may ask for.
func (s *service) health() (conns, channels uint64) {
	open := s.server.Open()
	s.mu.Lock()
	open += int64(len(s.handlers.open))
	s.mu.Unlock()
	return uint64(max(open, 0)), uint64(s.hub.Stats().Channels)
}

// fillMetrics is what a scrape reads.
func (s *service) fillMetrics(m *metrics.Stats) {
	sum, of := s.totals()
	for _, d := range core.Dialects {
		m.Conns[string(d)] = uint64(max(of.Open[d], 0))
		m.Opened[string(d)] = of.Opened[d]
		m.Closed[string(d)] = of.Opened[d] - m.Conns[string(d)]
	}
	m.MessagesIn, m.MessagesOut, m.BytesIn, m.BytesOut = sum.MessagesIn, sum.MessagesOut, sum.BytesIn, sum.BytesOut
	m.Dropped, m.NotKnown = s.dropped(&of), of.NotKnown
	if s.shared != nil {
		m.NotKnown += s.shared.notKnown.Load()
	}
	pending, givenUp := s.server.Accept.Pending.Held()
	waiting, slow := s.hub.Waiting()
	m.Pending, m.QueueBytes, m.GivenUp = uint64(pending), uint64(waiting), givenUp+slow
	for _, ch := range s.hub.Channels() {
		m.Channels++
		m.Subscribers += uint64(ch.Subscribers)
	}
	s.server.Peers(func(p *serve.Peer) bool {
		n, _ := p.Queued()
		m.Queued += uint64(n)
		m.QueueMax = max(m.QueueMax, uint64(n))
		return true
	})
}

package channels

import (
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/core/serve"
)

// Seat is the place of a connection in a channel. Service.Data of a connection that
// Events serve is a Seat, or something that embeds one.
type Seat struct {
	Path   Path
	member *hub.Member
	muted  bool // it has been told that it publishes in vain
}

func (s *Seat) seat() *Seat { return s }

// Events serve connections in their channels, see serve.Events. What a client that
// only gets messages sends is left out.
type Events struct {
	Hub *hub.Hub
	// Muted is told of a message from a client that may not publish, once per connection; nil: nobody is.
	Muted func(p *serve.Peer)
	// Skipped is told of binary messages that the dialect of a subscriber has no frames for, see hub.Binary. It must
	// not wait, nor call the hub; nil: nobody is.
	Skipped func(p *serve.Peer, n int)
}

// Open joins the channel.
func (e *Events) Open(p *serve.Peer) {
	s := seatOf(p)
	var sub hub.Subscriber
	if s.Path.gets() {
		sub = subscriber{p, e}
	}
	var err error
	s.member, err = e.Hub.Join(s.Path.Channel, sub, hub.JoinOptions{Publish: s.Path.publishes(), Echo: s.Path.Echo})
	if err != nil {
		p.Close(rfc6455.CodeTryAgainLater, "no channel now")
	}
}

// flushAt is how many bytes wait for the end of a read, about: what was compressed may be a
// thousand times as much as was read.
const flushAt = 1 << 20

func (s *Seat) publish(m core.Message) error {
	err := s.member.Queue(m)
	if s.member.Queued() >= flushAt {
		s.member.Flush()
	}
	return err
}

// Message queues m for the others.
func (e *Events) Message(p *serve.Peer, m core.Message) { e.Publish(p, m) }

// Publish is Message for who holds messages back and lets them go later. Like that it is for one goroutine at a time.
func (e *Events) Publish(p *serve.Peer, m core.Message) {
	s := seatOf(p)
	if s.member == nil {
		return
	}
	if s.publish(m) == hub.ErrReadOnly && !s.muted {
		s.muted = true
		if e.Muted != nil {
			e.Muted(p)
		}
	}
}

// Flush publishes what one read brought.
func (e *Events) Flush(p *serve.Peer) {
	if s := seatOf(p); s.member != nil {
		s.member.Flush()
	}
}

// Closed leaves the channel.
func (e *Events) Closed(p *serve.Peer, _ error) {
	if s := seatOf(p); s.member != nil {
		s.member.Leave()
		s.member = nil
	}
}

func seatOf(p *serve.Peer) *Seat { return p.Data().(interface{ seat() *Seat }).seat() }

// subscriber is a connection as a channel sees it.
type subscriber struct {
	*serve.Peer
	e *Events
}

func (s subscriber) Deliver(m *core.Shared) {
	if d := s.Dialect(); d.Lacks().Binary && s.e.Skipped != nil {
		if n := m.Frames(d).Skipped; n > 0 {
			s.e.Skipped(s.Peer, n)
		}
	}
	s.SendShared(m)
}

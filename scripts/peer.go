package scripts

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// Peer is what scripts know of a connection, and what they may do with it. Its
// fields are not changed once a Session has it.
type Peer struct {
	ID        uint64 // 0: the next one is taken
	Dialect   core.Dialect
	Transport string
	Remote    string
	Path      string // and query
	Origin    string
	Protocol  string // that was agreed on
	Role      string // "server" or "client": this side's
	Headers   hixie.Fields

	// Stats counts what has passed; nil is nothing.
	Stats func() core.Stats
	// Close closes the connection properly; it is called on a goroutine of its own. nil: its session is ended.
	Close func(code int, reason string)
	// Join and Leave are conn:join and conn:leave; nil: there are no channels. They
	// are called on one goroutine of the script, in order, with no lock held.
	Join, Leave func(channel string) error
	// Ended returns how the connection ended, once it has; nil: what is given to Session.Closed says it.
	Ended func() error
}

var lastID atomic.Uint64

// NewPeer describes a connection that is open; role is this side's, "server" or "client".
func NewPeer(c *core.Conn, role string) *Peer {
	p := peerOf(c.Request())
	p.Dialect, p.Protocol, p.Role = c.Dialect(), c.Protocol(), role
	p.Stats = c.Stats
	p.Close = func(code int, reason string) {
		c.CloseWith(context.Background(), code, reason) // bounded by its CloseTimeout
	}
	p.Ended = func() error {
		_, err := c.Receive(context.Background()) // returns at once, since the connection has ended
		return err
	}
	if addr := c.RemoteAddr(); addr != nil {
		p.Remote, p.Transport = addr.String(), addr.Network()
	}
	return p
}

// peerOf describes who sent a request.
func peerOf(r *hixie.Request) *Peer {
	p := &Peer{Path: r.Resource, Headers: r.Fields}
	p.Origin, _ = r.Fields.Get("Origin")
	return p
}

// RequestPeer describes who asks for a connection, for Set.Handshake.
func RequestPeer(r *hixie.Request, d core.Dialect, remote, transport string) *Peer {
	p := peerOf(r)
	p.Dialect, p.Remote, p.Transport, p.Role = d, remote, transport, "server"
	if offered, ok := r.Fields.Get("Sec-WebSocket-Protocol"); ok {
		p.Protocol = strings.TrimSpace(offered)
	}
	return p
}

func (p *Peer) stats() core.Stats {
	if p.Stats == nil {
		return core.Stats{}
	}
	return p.Stats()
}

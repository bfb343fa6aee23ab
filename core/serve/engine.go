package serve

import (
	"github.com/ws76/ws76/core"
)

// host is what serves Peers, and what it needs for each.
type host struct {
	engine
	server *Server
	codecs *[kinds]*core.Codec // encode what is sent
	traced bool                // the frames of each are to be seen
	waits  bool                // see Peer.ReplyWaits
}

// engine moves the bytes of Peers: an event loop those of many, by system calls that do
// not wait, and connPeer those of one, by goroutines.
type engine interface {
	// These are for the goroutine that runs the Peer's Events.

	// reply does Peer.Reply.
	reply(p *Peer, m core.Message) error
	// replyRun does Peer.ReplyRun.
	replyRun(p *Peer, frames []byte, n int)

	// With these the caller holds Peer.mu.

	// write hands b to the system as far as it takes it at once, and returns how far.
	write(p *Peer, b []byte) int
	// flush sends of what waits what the system takes at once.
	flush(p *Peer)
	// sendReplies does Peer.FlushReplies.
	sendReplies(p *Peer)
	// watch sees to it that what waits leaves.
	watch(p *Peer)
	// closeSoon sends the closing frame behind what waits.
	closeSoon(p *Peer, code int, reason string)
	// giveUp sees to it that nothing more leaves for p, and ends it.
	giveUp(p *Peer)

	// count brings the numbers of p up to date, in any goroutine.
	count(p *Peer)
}

// opening is what a connection of a loop keeps whose head, or key3, has not come whole.
type opening struct {
	head      []byte // read and not used
	handshake *core.Handshake
	service   Service
}

package serve

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/internal/outq"
)

// Peer is an open connection that is served by Events. Its methods may be called
// from any goroutine unless they say otherwise; none of them blocks.
type Peer struct {
	// There may be very many that do nothing, so every byte here counts. What sending looks at comes first.

	mu       sync.Mutex
	by       *host   // what serves it
	out      *outbox // what waits for the peer to read; usually nil
	flags    atomic.Uint32
	fd       int32
	kind     kind
	state    state  // of a loop
	armed    uint8  // of a loop: what epoll watches for
	closing  bool   // nothing may be sent any more; guarded by mu
	reading  bool   // of a loop: wants to be told of input
	moved    bool   // of a loop: something passed since the last look, or may have
	port     uint16 // of the remote address, where that is IPv4; 0: see more.remote
	bytesOut atomic.Uint64

	messagesOut atomic.Uint64
	more        atomic.Pointer[more]

	bytesIn, messagesIn atomic.Uint64

	events   Events
	set      *Settings
	in       *core.Codec // of a loop: has the unfinished message; usually nil
	data     any
	id       uint64
	deadline uint32 // of a loop, see loop.expire; 0: none
	ip       [4]byte
}

// more is what few connections need.
type more struct {
	protocol  string
	opening   *opening // of a loop: not open yet
	ended     *core.CloseError
	until     func() bool // forgets Service.Until; nil: none
	dropped   atomic.Uint64
	unsent    atomic.Uint64
	notKnown  atomic.Uint64
	ledger    *outq.Ledger // of a loop, guarded by Peer.mu; usually nil
	skipped   atomic.Uint64
	repaired  atomic.Uint64
	remote    net.Addr
	limit     *rate.Limiter
	resume    int64 // of a loop: when reading goes on after a hold by limit
	limited   bool  // it is in loop.limited
	unread    core.Holding
	charged   int          // of a loop, guarded by Peer.mu: what unread says
	drained   int          // of a loop: bytes dropped behind the end
	flying    *core.Shared // of a goroutine, guarded by Peer.mu: is being written, and held
	writing   bool         // of a goroutine, guarded by Peer.mu: something is being written
	secure    bool
	transport string
}

// flags of a Peer.
const (
	batching uint32 = 1 << iota // a read is being handled: what is sent leaves with its end
	held                        // the peer must read before more is taken from it
	tooSlow                     // it is being closed because it reads too slowly
	sent                        // of a loop: something left since the last look
	runs                        // its Events are a Runner that can be used
	proper                      // of a loop: the peer's stream, or its closing frame, has ended it
	busy                        // of a loop: it sends much
	bareEnd                     // of a loop: our end of the stream is our closing frame, in draft 76 too
)

// kind is a dialect, and whether compression was agreed on: an index.
type kind uint8

const kinds = 2 * kind(len(core.Dialects))

func kindOf(d core.Dialect, compressed bool) kind {
	k := kind(d.Index())
	if compressed {
		k += kinds / 2
	}
	return k
}

func (k kind) dialect() core.Dialect { return core.Dialects[k%(kinds/2)] }

func (k kind) newCodec(t *core.Trace) *core.Codec {
	return core.NewCodec(k.dialect(), k >= kinds/2, t)
}

// ID tells the connections of a Server apart; it counts from 1.
func (p *Peer) ID() uint64 { return p.id }

// Dialect returns the protocol that the two sides agreed on.
func (p *Peer) Dialect() core.Dialect { return p.kind.dialect() }

// Protocol returns the sub-protocol that was agreed on, "" for none.
func (p *Peer) Protocol() string { return p.rare().protocol }

// Data returns Service.Data.
func (p *Peer) Data() any { return p.data }

// Secure reports whether the connection came in over TLS.
func (p *Peer) Secure() bool { return p.rare().secure }

// Transport names what the connection came over: "tcp", "tls", "unix", …
func (p *Peer) Transport() string {
	if t := p.rare().transport; t != "" {
		return t
	}
	return "tcp"
}

// RemoteAddr returns the peer's address, also after the end.
func (p *Peer) RemoteAddr() net.Addr {
	if p.port != 0 {
		return &net.TCPAddr{IP: net.IPv4(p.ip[0], p.ip[1], p.ip[2], p.ip[3]), Port: int(p.port)}
	}
	return p.rare().remote
}

var nothingMore more

func (p *Peer) rare() *more {
	if m := p.more.Load(); m != nil {
		return m
	}
	return &nothingMore
}

func (p *Peer) ensureMore() *more {
	if p.more.Load() == nil {
		p.more.CompareAndSwap(nil, new(more))
	}
	return p.more.Load()
}

// PeerStats counts what has passed over a connection served by Events.
type PeerStats struct {
	core.Stats
	// Dropped counts shared messages that the policy for slow peers dropped; where that
	// closed the connection, those that were waiting still when it ended.
	Dropped uint64
	// Unsent counts messages that were taken to be sent and were waiting still
	// when the connection ended, and shared ones that came once it was closing.
	Unsent uint64
	// NotKnown counts messages of MessagesOut that the peer of a connection which has
	// ended by now may have read or not, see core.Fate.
	NotKnown uint64
}

// Stats returns what has passed so far; MessagesOut are those that were handed to the system.
func (p *Peer) Stats() PeerStats {
	p.by.count(p)
	m := p.rare()
	s := PeerStats{Stats: core.Stats{
		MessagesIn: p.messagesIn.Load(), BytesIn: p.bytesIn.Load(),
		MessagesOut: p.messagesOut.Load(), BytesOut: p.bytesOut.Load(),
	}}
	s.Dropped, s.Unsent, s.NotKnown = m.dropped.Load(), m.unsent.Load(), m.notKnown.Load()
	s.Skipped, s.Repaired = m.skipped.Load(), m.repaired.Load()
	return s
}

// Queued returns how much waits for the peer to read.
func (p *Peer) Queued() (messages, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return 0, 0
	}
	return p.out.waiting(), p.out.bytes
}

// Send sends m, which is copied where it has to wait. What is sent while a read is handled leaves in one write at its
// end. Errors: ErrFull; core.ErrClosing; core.ErrBinary and *core.InvalidUTF8Error, which change nothing.
func (p *Peer) Send(m core.Message) error {
	k := p.codec()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return core.ErrClosing
	}
	if p.out != nil && p.out.bytes >= p.set.sendBytes() {
		if p.flags.Load()&batching != 0 {
			p.by.flush(p)
		}
		if p.out != nil && p.out.bytes >= p.set.sendBytes() {
			p.flags.Or(held)
			return ErrFull
		}
	}
	buf := frameBuffers.Get().(*[]byte)
	defer putFrameBuffer(buf)
	b, err := k.Append((*buf)[:0], m)
	if err != nil {
		return err
	}
	*buf = b
	p.put(item{b: b, ends: []uint32{uint32(len(b))}})
	if p.waits(1) {
		p.flags.Or(held)
	}
	return nil
}

// unreadMost is how many bytes may wait for a peer, and for nobody else, while it is read
// from: one that asks on and on and does not read would have all that it may have.
const unreadMost = 64 << 10

// waits reports whether so much waits for p that it has to read before it is read from, or
// the nth part of that. The caller holds p.mu.
func (p *Peer) waits(part int) bool {
	return p.out != nil && (p.out.bytes >= p.set.sendBytes()/part || p.ownBytes() >= unreadMost/part)
}

// ownBytes is what waits for p and for nobody else. The caller holds p.mu.
func (p *Peer) ownBytes() int {
	if p.out == nil {
		return 0
	}
	return p.out.bytes - p.out.sharedBytes
}

// frameBuffers are for frames on their way into a write or an outbox.
var frameBuffers = sync.Pool{New: func() any { return new([]byte) }}

func putFrameBuffer(b *[]byte) {
	if cap(*b) <= 64<<10 {
		frameBuffers.Put(b)
	}
}

// put sends an item now, or puts it in line; what is not shared is copied there.
func (p *Peer) put(it item) {
	if p.out == nil && p.flags.Load()&batching == 0 {
		if it.off = p.by.write(p, it.b); it.off == len(it.b) {
			p.messagesOut.Add(uint64(len(it.ends)))
			return
		}
	}
	p.putRest(it)
	p.by.watch(p)
}

// putRest puts in line what of an item has not left. The caller holds mu.
func (p *Peer) putRest(it item) {
	for it.next < len(it.ends) && int(it.ends[it.next]) <= it.off {
		it.next++
	}
	p.messagesOut.Add(uint64(it.next))
	if p.out == nil {
		p.out = outboxes.Get().(*outbox)
	}
	switch {
	case it.shared:
		p.out.push(it)
	case it.off == 0:
		p.out.append(it.b, it.ends...)
	default:
		it.b = append([]byte(nil), it.b[it.off:]...)
		ends := make([]uint32, 0, it.messages())
		for _, end := range it.ends[it.next:] {
			ends = append(ends, end-uint32(it.off))
		}
		it.ends, it.off, it.next = ends, 0, 0
		p.out.push(it)
	}
}

// SendShared sends messages that others get too. They wait by reference, within Settings.Queue; what is over that the
// policy decides. A peer that is closing gets nothing, which is counted.
func (p *Peer) SendShared(s *core.Shared) {
	f := p.frames(s)
	if len(f.Ends) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		p.unsent(len(f.Ends))
		return
	}
	p.put(item{b: f.Bytes, ends: f.Ends, shared: true, of: s})
	if p.out == nil {
		return
	}
	if over := p.over(); over && p.flags.Load()&batching != 0 {
		p.by.flush(p)
	}
	for p.over() {
		switch p.set.Slow {
		case core.CloseSlow:
			p.flags.Or(tooSlow)
			p.startClose(rfc6455.CodePolicyViolation, "reads too slowly")
			return
		case core.DropNewest:
			if !p.out.dropNewest() {
				return
			}
		default:
			if !p.out.dropOldest() {
				return
			}
		}
		p.ensureMore().dropped.Add(1)
		p.by.server.count.dropped.Add(1)
	}
	p.flushed()
}

// Waits returns how many bytes of shared messages wait for p.
func (p *Peer) Waits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	if p.out != nil {
		n = p.out.sharedBytes
	}
	if f := p.rare().flying; f != nil {
		n += f.Size()
	}
	return n
}

// GiveUp ends p because too much waits for all. What waits for it is let go of at once.
func (p *Peer) GiveUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.abandon()
	p.by.giveUp(p)
}

var errTooMuch = fmt.Errorf("%w, and too much waits for all", core.ErrNotRead)

// over reports whether more shared messages wait than may.
func (p *Peer) over() bool {
	return p.out != nil && (p.out.shared > p.set.queue() || p.out.shared > 1 && p.out.sharedBytes > p.set.queueBytes())
}

// frames returns s as p's dialect has it.
func (p *Peer) frames(s *core.Shared) *core.Frames {
	if !p.by.traced {
		return s.Frames(p.Dialect())
	}
	// Each connection's frames are to be seen.
	f := new(core.Frames)
	for i := range s.Len() {
		b, err := p.codec().Append(f.Bytes, s.Message(i))
		if err != nil {
			f.Skipped++
			continue
		}
		f.Bytes = b
		f.Ends = append(f.Ends, uint32(len(b)))
	}
	return f
}

// Reply is Send for less. It may be called from within Open, Message and Flush of this peer's Events only, by the
// goroutine that runs them. Replies are in order among themselves, not with what Send is given during the same read.
func (p *Peer) Reply(m core.Message) error { return p.by.reply(p, m) }

// ReplyWaits reports whether Reply may wait for the peer to read: where a goroutine serves the connection.
func (p *Peer) ReplyWaits() bool { return p.by.waits }

// FlushReplies sends what Reply was given, or puts it in line before what Send is
// given from then on. It is for the end of Flush, and does nothing where ReplyWaits.
func (p *Peer) FlushReplies() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by.sendReplies(p)
}

// ReplyRun is Reply for frames that Runner.Run was given for this very peer; they
// are copied only where they have to wait.
func (p *Peer) ReplyRun(frames []byte, n int) { p.by.replyRun(p, frames, n) }

// Close starts the closing handshake: what was sent before goes out first, then the closing frame with code and reason,
// for which only RFC 6455 has a place. It is bounded by Server.Accept.CloseTimeout; the end is told by Events.Closed.
// Messages that come meanwhile are handed over still.
func (p *Peer) Close(code int, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.startClose(code, reason)
}

// startClose does Close. The caller holds mu.
func (p *Peer) startClose(code int, reason string) {
	if p.closing {
		return
	}
	p.closing = true
	p.by.closeSoon(p, code, reason)
}

// closeWhen closes p when until ends. The function that it returns forgets that.
func (p *Peer) closeWhen(until context.Context) (forget func() bool) {
	return context.AfterFunc(until, func() { p.Close(codeNotAllowed, context.Cause(until).Error()) })
}

func (p *Peer) codec() *core.Codec { return p.by.codecs[p.kind] }

// left counts n bytes that the system has taken. The caller holds mu.
func (p *Peer) left(n int) {
	p.wrote(n)
	if n > 0 && p.flags.Load()&sent == 0 {
		p.flags.Or(sent)
	}
}

// wrote adds n bytes to bytesOut; messagesOut follows. The caller holds mu.
func (p *Peer) wrote(n int) {
	now := p.bytesOut.Add(uint64(n))
	if before := now - uint64(n); before/bookEvery != now/bookEvery {
		p.book(before, now)
	}
}

// flushed lets go of an outbox that has become empty. The caller holds mu.
func (p *Peer) flushed() {
	if p.out != nil && p.out.bytes == 0 && !p.rare().writing {
		p.out.release()
		p.out = nil
		p.by.watch(p)
	}
}

// abandon counts what will never be sent. The caller holds mu.
func (p *Peer) abandon() {
	p.closing = true
	p.unsent(p.out.waiting())
	if p.out != nil {
		p.out.drop()
	}
	p.out = nil
}

// unsent counts n messages.
func (p *Peer) unsent(n int) {
	if n > 0 && p.flags.Load()&tooSlow != 0 { // which is the policy's doing
		p.ensureMore().dropped.Add(uint64(n))
		p.by.server.count.dropped.Add(uint64(n))
	} else if n > 0 {
		p.ensureMore().unsent.Add(uint64(n))
		p.by.server.count.unsent.Add(uint64(n))
	}
}

// state is where a connection is in its life, as a loop sees it.
type state uint8

const (
	stateOpening   state = iota
	stateOpen            // messages pass
	stateClosing         // our closing frame is on its way, the peer's is awaited
	stateLingering       // our last words are on their way, what comes is dropped
	stateFlushing        // the peer has ended, what waits for it is sent still
	stateTurned          // one too many: lingering, but not counted
	stateEnded
)

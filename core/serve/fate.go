package serve

import "github.com/ws76/ws76/internal/outq"

// bookEvery is after how many bytes, a power of two, the ledger of a connection of a loop
// notes where it is. One that never writes so much has none.
const bookEvery = 64 << 10

// book notes what had been written before the write that has brought bytesOut to now. The caller holds mu.
func (p *Peer) book(before, now uint64) {
	m := p.ensureMore()
	if m.ledger == nil {
		m.ledger = new(outq.Ledger)
	}
	if m.ledger.Wrote(outq.Mark{Bytes: before, Messages: p.messagesOut.Load()}) {
		m.ledger.Look(outq.Mark{Bytes: now}, outq.AskFD(int(p.fd)))
	}
}

// settle takes stock of a connection of a loop whose descriptor is open still: what has never left this machine was not
// sent, and of the rest that is not proven to have been read that is not known, see core.Fate. The caller holds mu.
func (p *Peer) settle() {
	written := outq.Mark{Bytes: p.bytesOut.Load(), Messages: p.messagesOut.Load()}
	if written.Messages == 0 {
		return
	}
	st := outq.AskFD(int(p.fd))
	l := p.rare().ledger
	if l == nil {
		l = new(outq.Ledger)
	}
	l.Wrote(written)
	sent, proven := l.Ended(st, p.flags.Load()&proper != 0)
	p.messagesOut.Store(sent)
	p.unsent(int(written.Messages - sent))
	p.unknown(sent - proven)
}

// unknown counts n messages.
func (p *Peer) unknown(n uint64) {
	if n > 0 {
		p.ensureMore().notKnown.Add(n)
		p.by.server.count.notKnown.Add(n)
	}
}

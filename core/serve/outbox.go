package serve

import (
	"sync"

	"github.com/ws76/ws76/core"
)

// outbox is what waits for a peer to read: frames in order, some of them shared with other peers. It belongs to whoever
// holds the peer's lock. Nothing it does takes longer where much waits.
type outbox struct {
	// part is the rest of a message that was begun, apart from what stood behind it in its item. It goes first.
	part item
	// items from head on wait. Of gone of them nothing is left, and those before first have nothing to drop.
	items       []item
	head, first int
	gone        int

	bytes int // that wait
	own   int // messages that wait, and may not be dropped
	// shared messages, and their bytes, may be dropped while nothing of them has left.
	shared, sharedBytes int

	mark  uint64 // see stalled
	looks uint8
}

// item is frames that lie together.
type item struct {
	b      []byte
	ends   []uint32 // where each message ends in b
	off    int      // b[off:] has not left
	next   int      // message that off is in
	shared bool
	of     *core.Shared // held as long as something of b is left; nil: b is nobody else's
}

// clear lets go of what it has.
func (it *item) clear() {
	it.of.Release()
	*it = item{}
}

func (it *item) messages() int { return len(it.ends) - it.next }

// begun reports whether a part of the item's next message has left.
func (it *item) begun() bool {
	if it.next == 0 {
		return it.off > 0
	}
	return it.off > int(it.ends[it.next-1])
}

const (
	joinBelow = 16 << 10 // own items up to this size take more frames
	keepItems = 16       // slots that a spare outbox keeps
)

var outboxes = sync.Pool{New: func() any { return new(outbox) }}

// release gives an empty outbox back.
func (o *outbox) release() {
	items := o.items[:0]
	if cap(items) > keepItems {
		items = nil
	}
	*o = outbox{items: items}
	outboxes.Put(o)
}

// stallLooks is how often a peer is looked at while it takes nothing, before it is given up.
const stallLooks = 8

// stalled is for who looks from time to time, and gives how many bytes the peer has
// taken so far. It reports whether nothing was taken since many looks.
func (o *outbox) stalled(taken uint64) bool {
	if o.looks == 0 || o.mark != taken {
		o.mark, o.looks = taken, 0
	}
	o.looks++
	return o.looks > stallLooks
}

// push adds what of it has not left yet.
func (o *outbox) push(it item) {
	it.of.Hold()
	o.items = append(o.items, it)
	n := len(it.b) - it.off
	o.bytes += n
	if it.shared {
		o.shared += it.messages()
		o.sharedBytes += n
	} else {
		o.own += it.messages()
	}
}

// append copies own frames; ends are relative to b.
func (o *outbox) append(b []byte, ends ...uint32) {
	if n := len(o.items); n > o.head {
		if last := &o.items[n-1]; !last.shared && len(last.b) > 0 && len(last.b)+len(b) <= joinBelow {
			base := uint32(len(last.b))
			last.b = append(last.b, b...)
			for _, end := range ends {
				last.ends = append(last.ends, base+end)
			}
			o.bytes += len(b)
			o.own += len(ends)
			return
		}
	}
	o.push(item{b: append([]byte(nil), b...), ends: append([]uint32(nil), ends...)})
}

// front is what leaves first. There is something.
func (o *outbox) front() *item {
	if len(o.part.b) > 0 {
		return &o.part
	}
	for len(o.items[o.head].b) == 0 {
		o.head++
		o.gone--
	}
	return &o.items[o.head]
}

// gather puts into parts what leaves first, and returns how many it has filled, and with how many bytes.
func (o *outbox) gather(parts [][]byte) (k, size int) {
	add := func(it *item) {
		if rest := it.b[it.off:]; len(rest) > 0 && k < len(parts) {
			parts[k] = rest
			size += len(rest)
			k++
		}
	}
	if o.bytes == 0 {
		return 0, 0
	}
	o.front()
	add(&o.part)
	// Of what was dropped in between there may be much.
	for i := o.head; i < min(len(o.items), o.head+8*len(parts)) && k < len(parts); i++ {
		add(&o.items[i])
	}
	return k, size
}

// left says that n bytes have left, and returns how many messages that finished.
func (o *outbox) left(n int) (messages uint64) {
	o.bytes -= n
	for n > 0 {
		it := o.front()
		k := min(n, len(it.b)-it.off)
		it.off += k
		n -= k
		done := 0
		for it.next < len(it.ends) && int(it.ends[it.next]) <= it.off {
			it.next++
			done++
		}
		messages += uint64(done)
		if it.shared {
			o.shared -= done
			o.sharedBytes -= k
		} else {
			o.own -= done
		}
		if it.off == len(it.b) {
			if it != &o.part {
				o.head++
			}
			it.clear()
		}
	}
	o.tidy()
	return messages
}

// tidy gives up the room of what has gone, once that is most of it.
func (o *outbox) tidy() {
	if free := o.head + o.gone; free < keepItems && free < len(o.items) || 2*free < len(o.items) {
		return
	}
	kept, first := o.items[:0], o.first
	for i := o.head; i < len(o.items); i++ {
		if i == first {
			o.first = len(kept)
		}
		if len(o.items[i].b) > 0 {
			kept = append(kept, o.items[i])
		}
	}
	o.first = min(o.first, len(kept))
	if first <= o.head {
		o.first = 0
	}
	clear(o.items[len(kept):])
	o.items, o.head, o.gone = kept, 0, 0
}

// dropOldest drops the shared message that has waited longest, if there is one of which nothing has left.
func (o *outbox) dropOldest() bool {
	for i := max(o.first, o.head); i < len(o.items); i++ {
		o.first = i
		it := &o.items[i]
		if !it.shared || len(it.b) == 0 {
			continue
		}
		if it.begun() { // it is at the front, and there is no part
			if it.messages() < 2 {
				continue
			}
			end := int(it.ends[it.next])
			o.part = item{b: it.b[:end], ends: it.ends[:it.next+1], off: it.off, next: it.next, shared: true, of: it.of}
			it.of.Hold()
			it.off = end
			it.next++
		}
		end := int(it.ends[it.next])
		o.dropped(end - it.off)
		it.off = end
		if it.next++; it.messages() == 0 {
			o.empty(i)
		}
		return true
	}
	o.first = len(o.items)
	return false
}

// dropNewest drops the shared message that was added last, if nothing of it has left.
func (o *outbox) dropNewest() bool {
	for i := len(o.items) - 1; i >= o.head; i-- {
		it := &o.items[i]
		if !it.shared || len(it.b) == 0 {
			continue
		}
		last := len(it.ends) - 1
		if last == it.next && it.begun() {
			return false
		}
		start := 0
		if last > 0 {
			start = int(it.ends[last-1])
		}
		o.dropped(len(it.b) - start)
		it.b, it.ends = it.b[:start], it.ends[:last]
		if it.messages() == 0 {
			o.empty(i)
		}
		return true
	}
	return false
}

// empty says that nothing is left of item i.
func (o *outbox) empty(i int) {
	o.items[i].clear()
	if i == len(o.items)-1 {
		o.items = o.items[:i]
		o.first = min(o.first, i)
	} else {
		o.gone++
	}
	o.tidy()
}

func (o *outbox) dropped(bytes int) {
	o.shared--
	o.sharedBytes -= bytes
	o.bytes -= bytes
}

// drop lets go of all.
func (o *outbox) drop() {
	o.part.clear()
	for i := range o.items {
		o.items[i].clear()
	}
}

// waiting is how many messages there are.
func (o *outbox) waiting() int {
	if o == nil {
		return 0
	}
	return o.own + o.shared
}

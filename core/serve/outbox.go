package serve

import (
	"bytes"
	"encoding/binary"
	"sync"
)

// outbox is what waits for a peer to read: frames in order, some of them shared
// with other peers. It belongs to whoever holds the peer's lock.
type outbox struct {
	items []item
	bytes int // that wait
	own   int // messages that wait, and may not be dropped
	// shared messages, and their bytes, may be dropped while nothing of them has left.
	shared, sharedBytes int
}

// item is frames that lie together.
type item struct {
	b      []byte
	ends   []uint32 // where each message ends in b
	off    int      // b[off:] has not left
	next   int      // message that off is in
	shared bool
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
	if cap(o.items) > keepItems {
		o.items = nil
	}
	outboxes.Put(o)
}

// push adds what of it has not left yet.
func (o *outbox) push(it item) {
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
	if n := len(o.items); n > 0 {
		if last := &o.items[n-1]; !last.shared && len(last.b)+len(b) <= joinBelow {
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

// left says that n bytes have left, and returns how many messages that finished.
func (o *outbox) left(n int) (messages uint64) {
	o.bytes -= n
	for n > 0 {
		it := &o.items[0]
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
			o.remove(0)
		}
	}
	return messages
}

func (o *outbox) remove(i int) {
	copy(o.items[i:], o.items[i+1:])
	o.items[len(o.items)-1] = item{}
	o.items = o.items[:len(o.items)-1]
}

// dropOldest drops the shared message that has waited longest, if there is one of
// which nothing has left.
func (o *outbox) dropOldest() bool {
	for i := range o.items {
		it := &o.items[i]
		if !it.shared {
			continue
		}
		if it.begun() {
			if it.messages() < 2 {
				continue
			}
			// The rest of the message that was begun becomes an item of its own.
			end := int(it.ends[it.next])
			rest := item{b: it.b, ends: it.ends, off: end, next: it.next + 1, shared: true}
			it.b, it.ends = it.b[:end], it.ends[:it.next+1]
			o.items = append(o.items, item{})
			copy(o.items[i+2:], o.items[i+1:])
			o.items[i+1] = rest
			i++
			it = &o.items[i]
		}
		end := int(it.ends[it.next])
		o.dropped(end - it.off)
		it.off = end
		if it.next++; it.messages() == 0 {
			o.remove(i)
		}
		return true
	}
	return false
}

// dropNewest drops the shared message that was added last, if nothing of it has left.
func (o *outbox) dropNewest() bool {
	for i := len(o.items) - 1; i >= 0; i-- {
		it := &o.items[i]
		if !it.shared {
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
			o.remove(i)
		}
		return true
	}
	return false
}

func (o *outbox) dropped(bytes int) {
	o.shared--
	o.sharedBytes -= bytes
	o.bytes -= bytes
}

// waiting is how many messages there are.
func (o *outbox) waiting() int {
	if o == nil {
		return 0
	}
	return o.own + o.shared
}

// frameEnds returns where each message ends in b, which are frames of the server's
// side, the first of them whole.
func frameEnds(k kind, b []byte) (ends []int) {
	at := 0
	for at < len(b) {
		message := true
		if k <= kindHixie76 {
			n := bytes.IndexByte(b[at:], 0xFF)
			if n <= 0 { // a closing frame, or none
				return ends
			}
			at += n + 1
		} else {
			if len(b)-at < 2 {
				return ends
			}
			size, head := int(b[at+1]&0x7F), 2
			switch {
			case size == 126 && len(b)-at >= 4:
				size, head = int(binary.BigEndian.Uint16(b[at+2:])), 4
			case size == 127 && len(b)-at >= 10:
				size, head = int(binary.BigEndian.Uint64(b[at+2:])), 10
			}
			if size < 0 || size > len(b)-at-head {
				return ends
			}
			message = b[at]&0x0F < 8
			at += head + size
		}
		if message {
			ends = append(ends, at)
		}
	}
	return ends
}

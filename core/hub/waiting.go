package hub

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ws76/ws76/core"
)

// batch returns an empty one.
func (h *Hub) batch() *core.Shared {
	return &core.Shared{BinaryAs: h.o.Binary.As(), Waiting: &h.waiting}
}

// deliverTo gives b to the subscribers of ch but the one of except.
func (h *Hub) deliverTo(ch *channel, b *core.Shared, except *Member) {
	h.totals.add(b, ch.deliver(b, except, h.now()))
	if h.o.MaxWaiting > 0 && h.waiting.Load() > h.o.MaxWaiting {
		h.relieve()
	}
}

// relieve gives up those for whom most waits, until an eighth of what may wait is free.
func (h *Hub) relieve() {
	if !h.relieving.TryLock() {
		return
	}
	defer h.relieving.Unlock()
	h.mu.RLock()
	channels := slices.Collect(maps.Values(h.channels))
	h.mu.RUnlock()
	type waiter struct {
		Waiter
		n int
	}
	var all []waiter
	for _, ch := range channels {
		ch.mu.Lock()
		for _, s := range ch.subs {
			if w, ok := s.sub.(Waiter); ok {
				if n := w.Waits(); n > 0 {
					all = append(all, waiter{w, n})
				}
			}
		}
		ch.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b waiter) int { return cmp.Compare(b.n, a.n) })
	for _, w := range all {
		if h.waiting.Load() <= h.o.MaxWaiting/8*7 {
			break
		}
		h.givenUp.Add(1)
		w.GiveUp()
	}
}

// Waiting returns the memory of messages that wait for subscribers, each counted once, and
// how many subscribers were given up because it was too much.
func (h *Hub) Waiting() (bytes int64, givenUp uint64) { return h.waiting.Load(), h.givenUp.Load() }

package core

import (
	"container/heap"
	"errors"
	"sync"
	"sync/atomic"
)

// ErrPendingFull is wrapped where a connection is given up because of its unfinished message; see Budget.
var ErrPendingFull = errors.New("too much is taken by unfinished messages")

// Budget bounds what unfinished messages, or others that are held for a peer, take over many connections. When it is
// spent the largest is given up. Its methods may be called from any goroutine; a nil *Budget has no bound.
type Budget struct {
	max   int64
	given atomic.Uint64

	mu   sync.Mutex
	held int64
	all  holdings // of which something is held, the largest first
}

// NewBudget returns a Budget of max bytes. A read is counted once it has been made, so
// what is held may be above that by what one read, and the growth of one message, brings.
func NewBudget(max int64) *Budget { return &Budget{max: max} }

// Held returns how many bytes are held now, and how many messages were given up so far.
func (b *Budget) Held() (bytes int64, givenUp uint64) {
	if b == nil {
		return 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held, b.given.Load()
}

// Holder holds an unfinished message, or what waits for a peer.
type Holder interface {
	// GiveUp asks for the message to be given up. It must not wait. What is held is told by Set, as before.
	GiveUp()
}

// Holding is what one Holder takes of a Budget. Its zero value is ready.
type Holding struct {
	n       atomic.Int64
	givenUp atomic.Bool // since the last Set of 0
	// Guarded by Budget.mu.
	owner Holder
	at    int // in Budget.all, where n is not 0
}

// holdings are a heap, so that to find the largest of very many costs little.
type holdings []*Holding

func (h holdings) Len() int           { return len(h) }
func (h holdings) Less(i, j int) bool { return h[i].n.Load() > h[j].n.Load() }
func (h holdings) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}
func (h *holdings) Push(x any) {
	x.(*Holding).at = len(*h)
	*h = append(*h, x.(*Holding))
}
func (h *holdings) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return x
}

// Set says that h, which is of owner, holds n bytes now. What was given up counts as nothing
// until its owner has seen to that, and says 0. It is for one goroutine at a time.
func (b *Budget) Set(h *Holding, owner Holder, n int64) {
	if b == nil || h.n.Load() == n && !h.givenUp.Load() {
		return
	}
	b.mu.Lock()
	if h.givenUp.Load() {
		h.givenUp.Store(n != 0)
		b.mu.Unlock()
		return
	}
	was := h.n.Swap(n)
	b.held += n - was
	switch {
	case was == 0: // it may have been given up since the look above
		if n != 0 {
			h.owner = owner
			heap.Push(&b.all, h)
		}
	case n == 0:
		heap.Remove(&b.all, h.at)
		h.owner = nil
	default:
		heap.Fix(&b.all, h.at)
	}
	var victims []Holder
	for b.held > b.max && len(b.all) > 0 {
		victims = append(victims, b.giveUpLargest())
	}
	b.mu.Unlock()
	for _, v := range victims {
		v.GiveUp()
	}
}

// giveUpLargest takes what is held most as given back. The caller has the lock.
func (b *Budget) giveUpLargest() Holder {
	largest := heap.Pop(&b.all).(*Holding)
	b.held -= largest.n.Swap(0)
	largest.givenUp.Store(true)
	b.given.Add(1)
	return largest.owner
}

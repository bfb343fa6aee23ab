package serve

import "sync"

// turns are who may work on a plain request at the same time. Goroutines take the processors in turn, so that a
// thousand of them with requests that cost little would let the event loops, and each other, wait for seconds. The
// first request of a connection goes before those behind another: who asks once does not wait for who asks on and on.
type turns struct {
	mu          sync.Mutex
	free        int
	first, next []chan struct{}
	served      uint
}

// laterEach is how often one of those behind others goes before a first one.
const laterEach = 4

// take waits for a turn.
func (t *turns) take(first bool) {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return
	}
	mine := make(chan struct{})
	if first {
		t.first = append(t.first, mine)
	} else {
		t.next = append(t.next, mine)
	}
	t.mu.Unlock()
	<-mine
}

// give hands a turn on.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := &t.first
	if t.served++; len(t.first) == 0 || len(t.next) > 0 && t.served%laterEach == 0 {
		from = &t.next
	}
	if len(*from) == 0 {
		t.free++
		return
	}
	close((*from)[0])
	if *from = (*from)[1:]; len(*from) == 0 {
		*from = nil
	}
}

package front

import (
	"sync"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
)

// dropLog says how many messages were lost where, at most once a second for each
// place, so that a flood of losses is not one of lines as well.
type dropLog struct {
	log *app.Logger
	summary
	pending map[string]*losses
}

// summary is of what is said now and then, and at the end.
type summary struct {
	mu     sync.Mutex
	timer  *time.Timer
	closed bool
}

// after has flush called in a while, where it is not to be called already. The lock is held.
func (s *summary) after(d time.Duration, flush func()) {
	if s.timer == nil && !s.closed {
		s.timer = time.AfterFunc(d, flush)
	}
}

// end calls flush for the last time.
func (s *summary) end(flush func()) {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	flush()
}

type losses struct {
	n   uint64
	why string
}

// maxPlaces bounds the places that are told apart within a second.
const maxPlaces = 100

// Add counts n messages that were lost somewhere.
func (d *dropLog) Add(where string, n uint64, why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pending == nil {
		d.pending = make(map[string]*losses)
	}
	l := d.pending[where]
	if l == nil {
		if len(d.pending) >= maxPlaces {
			where = "other channels"
		}
		if l = d.pending[where]; l == nil {
			l = &losses{}
			d.pending[where] = l
		}
	}
	l.n += n
	l.why = why
	d.after(time.Second, d.flush)
}

func (d *dropLog) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for where, l := range d.pending {
		d.log.Warnf("%s: %d messages lost: %s", where, l.n, l.why)
	}
	clear(d.pending)
	d.timer = nil
}

// close says what is left to say.
func (d *dropLog) close() { d.end(d.flush) }

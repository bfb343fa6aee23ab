package core

import (
	"syscall"
	"time"

	"github.com/ws76/ws76/internal/outq"
)

// Intake follows, for whoever waits for the peer to have something to say, whether it
// has read what was sent to it. Its methods are for one goroutine.
type Intake struct {
	conn   *Conn
	probed bool
	intake outq.Intake
}

// Intake returns an Intake that is to be made before much is sent: how far the peer's
// system opens its window at first is what later ones are compared with.
func (c *Conn) Intake() *Intake {
	c.look(c.theLedger())
	return &Intake{conn: c}
}

// LookEvery is how often it is worth to Look.
const LookEvery = 20 * time.Millisecond

// Look returns when the peer was last known to have something left to take, at the first Look at the earliest, and
// whether it may have, still. Over TCP what was acknowledged lies with the peer's system, whose window tells whether
// the peer reads it; from the first Look on it is asked for that each second. A peer whose window is small, and stays
// so, is not busy after some seconds: Fate tells of it in the end.
func (i *Intake) Look() (last time.Time, busy bool) {
	c, now := i.conn, time.Now()
	st, _ := outq.AskStream(c.stream)
	if !st.Lasts { // no TCP: what has left was taken
		st = outq.State{Waiting: c.Unsent()}
		return i.intake.Look(now, st, 0, 0)
	}
	if !i.probed {
		i.probed = true
		under, _ := outq.Under(c.stream)
		if s, ok := under.(syscall.Conn); ok {
			outq.Probe(s)
		}
	}
	l := c.theLedger()
	sent := l.Written()
	l.Look(sent, st)
	return i.intake.Look(now, st, l.Largest(), sent.Bytes)
}

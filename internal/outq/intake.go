package outq

import "time"

// twoProbes is how long the window of a peer that is asked each second stays as it is,
// at least, before that says something.
const twoProbes = 2500 * time.Millisecond

// Small reports whether a window of st says that the peer's system holds something
// which the peer has not read, where the largest one was so large. A system may keep
// less than half to itself although all was read (RFC 1122, 4.2.3.3), or a quarter.
func (st State) Small(largest int) bool { return st.Window < largest/2 }

// Intake follows whether a peer reads what its system has acknowledged, by the window: that grows as the peer reads.
// Systems tell of it in large steps, or when asked: see Probe. Some, Linux among them, hold about as much again as a
// window that is open. Its zero value is ready.
type Intake struct {
	window      int
	waiting     int       // at the first look
	begun, last time.Time // when the peer was reading, as far as is known
}

// Look takes in what the system says now. Largest is the largest window that was seen, and sent how many bytes were
// sent in all. It returns when the peer was last known to have something left to take, and whether it may have, still.
func (i *Intake) Look(now time.Time, st State, largest int, sent uint64) (last time.Time, busy bool) {
	if i.begun.IsZero() {
		i.begun, i.last, i.waiting = now, now, st.Waiting
	} else if st.Waiting > 0 || st.Window != i.window {
		i.last = now
	}
	i.window = st.Window
	// Where more was sent than ever fitted, the largest may have been too small.
	doubt := st.Window < largest-largest/4 || sent > uint64(largest)
	patience := twoProbes
	if i.waiting > 0 { // what is held takes the peer as long as so much took it before
		share := min(1, 2*float64(largest)/float64(i.waiting))
		patience = max(patience, time.Duration(share*float64(i.last.Sub(i.begun))))
	}
	return i.last, st.Waiting > 0 || doubt && now.Sub(i.last) < patience
}

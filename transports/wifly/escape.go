package wifly

import "time"

// An escapeGuard keeps a stream from bringing the module into command mode. The module takes "$$$" for that if it
// stands alone: nothing else for 250 ms before and behind it. A frame begins with 0x00 and is written at once, so it
// never does, but other streams may consist of dollars.
//
// Of a burst that would be nothing but three dollars the guard has the third one sent later, by itself.
type escapeGuard struct {
	last    time.Time // when the last byte was written
	dollars int       // so many are the whole burst that ended then; -1: it has other bytes
}

const (
	// Bytes that follow others within burstGap certainly belong to their burst;
	// after a pause of guard they certainly begin another.
	burstGap = 200 * time.Millisecond
)

// next says how much of p, which is not empty, may be written at once, and how long to wait before that.
func (g *escapeGuard) next(p []byte, now time.Time) (wait time.Duration, n int) {
	gap := now.Sub(g.last)
	if len(p) > len(escapeChars) || !onlyDollars(p) || gap < burstGap && g.dollars < 0 {
		return 0, len(p)
	}
	if g.dollars > 0 && gap < guard {
		wait = guard - gap
	}
	return wait, min(len(p), len(escapeChars)-1)
}

// wrote says that p has been written.
func (g *escapeGuard) wrote(p []byte, now time.Time) {
	switch {
	case len(p) == 0:
		return
	case !onlyDollars(p) || g.dollars < 0 && now.Sub(g.last) < burstGap:
		g.dollars = -1
	case now.Sub(g.last) >= burstGap:
		g.dollars = len(p)
	default:
		g.dollars += len(p)
	}
	g.last = now
}

func onlyDollars(p []byte) bool {
	for _, c := range p {
		if c != '$' {
			return false
		}
	}
	return true
}

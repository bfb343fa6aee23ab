package outq

import (
	"testing"
	"time"
)

// A peer is reading while its window changes, and for two probes after that unless the
// window is as large as ever.
func TestIntake(t *testing.T) {
	type look struct {
		at     time.Duration
		st     State
		wantAt time.Duration // when it was reading last
		busy   bool
	}
	const s = time.Second
	for name, test := range map[string]struct {
		largest int
		sent    uint64
		looks   []look
	}{
		"little was sent": {1000, 200, []look{{0, State{Window: 900}, 0, false}, {s, State{Window: 900}, 0, false}}},
		"on its way":      {1000, 200, []look{{0, State{Window: 900, Waiting: 5}, 0, true}, {s, State{Window: 900, Waiting: 5}, s, true}, {2 * s, State{Window: 900}, s, false}}},
		"reads late":      {1000, 800, []look{{0, State{Window: 200}, 0, true}, {2 * s, State{Window: 200}, 0, true}, {3 * s, State{Window: 500}, 3 * s, true}, {4 * s, State{Window: 1000}, 4 * s, false}}},
		"never reads":     {1000, 800, []look{{0, State{Window: 200}, 0, true}, {2 * s, State{Window: 200}, 0, true}, {3 * s, State{Window: 200}, 0, false}}},
		"reads slowly":    {1000, 5000, []look{{0, State{Window: 0, Waiting: 4000}, 0, true}, {20 * s, State{Window: 900}, 20 * s, true}, {29 * s, State{Window: 900}, 20 * s, true}, {30 * s, State{Window: 900}, 20 * s, false}}},
		"largest unknown": {1000, 5000, []look{{0, State{Window: 1000}, 0, true}, {s, State{Window: 3000}, s, true}, {4 * s, State{Window: 3000}, s, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			var in Intake
			begun := time.Unix(1, 0)
			for _, l := range test.looks {
				test.largest = max(test.largest, l.st.Window)
				last, busy := in.Look(begun.Add(l.at), l.st, test.largest, test.sent)
				if last.Sub(begun) != l.wantAt || busy != l.busy {
					t.Errorf("after %v: reading at %v, busy %v; want %v, %v", l.at, last.Sub(begun), busy, l.wantAt, l.busy)
				}
			}
		})
	}
}

package outq

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever is written and acknowledged, no more is said to be safe, or acknowledged,
// than is, no less to have left, and what is missing is bounded.
func TestLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Ledger
		window := rapid.IntRange(1, 200_000).Draw(t, "window")
		ends := []uint64{0} // of messages, in bytes
		var wrote, acked uint64
		before := func(bytes uint64) (n uint64) { // messages that end there
			for n+1 < uint64(len(ends)) && ends[n+1] <= bytes {
				n++
			}
			return n
		}
		var asked Mark
		answers := false
		for range rapid.IntRange(1, 200).Draw(t, "writes") {
			for range rapid.IntRange(1, 5).Draw(t, "messages") {
				wrote += uint64(rapid.IntRange(2, 5_000).Draw(t, "size"))
				ends = append(ends, wrote)
			}
			due := l.Wrote(Mark{wrote, uint64(len(ends) - 1)})
			acked += rapid.Uint64Range(0, wrote-acked).Draw(t, "acked")
			if due || rapid.IntRange(0, 9).Draw(t, "look") == 0 {
				safe := l.Safe()
				l.Look(l.Written(), State{Known: true, Waiting: int(wrote - acked), Window: window})
				if answers && l.Safe() != safe {
					t.Fatalf("safe %+v, then %+v, without an answer of one that answers", safe, l.Safe())
				}
			}
			unread := 2*uint64(max(window, leastWindow)) + readAtOnce
			safe := acked - min(acked, unread)
			switch rapid.IntRange(0, 9).Draw(t, "ping") {
			case 0:
				asked = l.Written()
				l.Ask(asked)
			case 1:
				if l.Answered(wrote+1) || asked.Bytes > 0 && !l.Answered(asked.Bytes) {
					t.Fatal("an answer is taken for another")
				}
				answers = answers || asked.Bytes > 0
			}
			if asked.Bytes > 0 {
				safe = max(safe, asked.Bytes)
			}
			if got := l.Safe(); got.Messages > before(safe) || ends[got.Messages] > got.Bytes {
				t.Fatalf("safe %+v, of %d bytes with %d", got, safe, before(safe))
			}
			if got := l.Acknowledged(); got.Messages > before(max(acked, safe)) {
				t.Fatalf("acknowledged %+v, of %d bytes with %d", got, acked, before(acked))
			}
			unsent := rapid.IntRange(0, int(wrote-acked)).Draw(t, "unsent")
			if got := l.left(State{Unsent: unsent}); got.Messages < before(wrote-uint64(unsent)) {
				t.Fatalf("left %+v, of %d bytes with %d", got, wrote-uint64(unsent), before(wrote-uint64(unsent)))
			}
		}
		l.Look(l.Written(), State{Known: true, Window: window})
		if got := l.Acknowledged(); got != l.Written() {
			t.Fatalf("all is acknowledged: %+v of %+v", got, l.Written())
		}
		// A place is remembered every so many bytes: the steps are no more than a quarter
		// of what is not safe, and one write.
		if got := l.Safe(); !answers && wrote-got.Bytes > 2*uint64(max(window, leastWindow))+readAtOnce+max(wrote/4, 40_000) {
			t.Fatalf("safe are %d bytes of %d, window %d", got.Bytes, wrote, window)
		}
	})
}

// What no system knows is safe only once the peer says so.
func TestLedgerBlind(t *testing.T) {
	var l Ledger
	l.Wrote(Mark{10, 1})
	l.Look(l.Written(), State{})
	l.Wrote(Mark{1 << 40, 2})
	if l.Safe() != (Mark{}) || !l.Blind() {
		t.Fatal(l.Safe())
	}
	l.Ask(l.Written())
	l.Wrote(Mark{1<<40 + 1, 3})
	if !l.Answered(1<<40) || l.Safe() != (Mark{1 << 40, 2}) {
		t.Fatal(l.Safe())
	}
}

// What was said when a stream was closed is what has left, and what of that was read.
func TestLedgerEnded(t *testing.T) {
	const mib = 1 << 20 // more than a peer's system may hold unread
	for _, tc := range []struct {
		name         string
		st           State
		proper       bool
		sent, proven uint64
	}{
		{"nobody knows", State{}, true, 3, 0},
		{"all has left, and may lie unread", State{Known: true, Lasts: true}, false, 3, 2},
		{"the peer has ended it, and has all", State{Known: true, Lasts: true}, true, 3, 3},
		{"the peer has ended it, and does not acknowledge the last", State{Known: true, Lasts: true, Waiting: mib}, true, 3, 2},
		{"one has never left", State{Known: true, Lasts: true, Waiting: mib, Unsent: mib}, false, 2, 1},
		{"a reset: what was acknowledged is not known any more", State{Known: true, Waiting: mib}, false, 3, 0},
	} {
		var l Ledger
		for n := range uint64(3) {
			l.Wrote(Mark{mib * (n + 1), n + 1})
		}
		if sent, proven := l.Ended(tc.st, tc.proper); sent != tc.sent || proven != tc.proven {
			t.Errorf("%s: %d sent and %d proven, want %d and %d", tc.name, sent, proven, tc.sent, tc.proven)
		}
	}
}

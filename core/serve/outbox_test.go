package serve

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// TestPeerSize: what an idle connection costs, with eight bytes of a table.
func TestPeerSize(t *testing.T) {
	if size := unsafe.Sizeof(Peer{}); size > 144 {
		t.Errorf("a Peer has %d bytes", size)
	}
}

// TestOutbox compares an outbox with a list of messages.
func TestOutbox(t *testing.T) {
	type message struct {
		text   string
		sent   int
		shared bool
	}
	rapid.Check(t, func(t *rapid.T) {
		o := new(outbox)
		var model []message
		number := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				shared := rapid.Bool().Draw(t, "shared")
				var b []byte
				var ends []uint32
				for range rapid.IntRange(1, 4).Draw(t, "messages") {
					number++
					m := fmt.Sprintf("<%d>", number)
					b = append(b, m...)
					ends = append(ends, uint32(len(b)))
					model = append(model, message{text: m, shared: shared})
				}
				if shared {
					o.push(item{b: b, ends: ends, shared: true})
				} else {
					o.append(b, ends...)
				}
			case 2:
				n := rapid.IntRange(0, o.bytes).Draw(t, "left")
				want, done := n, uint64(0)
				for want > 0 {
					k := min(want, len(model[0].text)-model[0].sent)
					model[0].sent += k
					if want -= k; model[0].sent == len(model[0].text) {
						model = model[1:]
						done++
					}
				}
				if got := o.left(n); got != done {
					t.Fatalf("left(%d): %d messages, want %d", n, got, done)
				}
			case 3, 4:
				oldest := rapid.Bool().Draw(t, "oldest")
				drop := -1
				for i, m := range model {
					if m.shared && m.sent == 0 && (drop < 0 || !oldest) {
						drop = i
					}
				}
				if !oldest && drop >= 0 {
					for _, m := range model[drop+1:] {
						if m.shared {
							drop = -1
						}
					}
				}
				var got bool
				if oldest {
					got = o.dropOldest()
				} else {
					got = o.dropNewest()
				}
				if got != (drop >= 0) {
					t.Fatalf("dropped: %v, want %v", got, drop >= 0)
				}
				if got {
					model = append(model[:drop:drop], model[drop+1:]...)
				}
			}
			var want, have []byte
			own, shared, sharedBytes := 0, 0, 0
			for _, m := range model {
				want = append(want, m.text[m.sent:]...)
				if m.shared {
					shared++
					sharedBytes += len(m.text) - m.sent
				} else {
					own++
				}
			}
			parts := make([][]byte, 1000)
			n, size := o.gather(parts)
			for _, part := range parts[:n] {
				have = append(have, part...)
			}
			if size != len(have) {
				t.Fatalf("gathered %d bytes, says %d", len(have), size)
			}
			if !bytes.Equal(have, want) || o.bytes != len(want) || o.own != own || o.shared != shared || o.sharedBytes != sharedBytes {
				t.Fatalf("%q, want %q; %d bytes, %d own, %d shared of %d bytes; want %d, %d, %d",
					have, want, o.bytes, o.own, o.shared, o.sharedBytes, own, shared, sharedBytes)
			}
		}
	})
}

// TestOutboxIsQuick: to drop or to send costs no copy of what waits. With one this takes
// minutes.
func TestOutboxIsQuick(t *testing.T) {
	shared := item{b: []byte("<a><b>"), ends: []uint32{3, 6}, shared: true}
	for name, drop := range map[string]func(*outbox) bool{"oldest": (*outbox).dropOldest, "newest": (*outbox).dropNewest} {
		o := new(outbox)
		o.push(shared)
		o.left(1) // a message is begun
		for range 100_000 {
			o.push(shared)
			o.append([]byte("own"), 3)
		}
		for range 200_000 {
			o.push(shared)
			for range 2 {
				if !drop(o) {
					t.Fatalf("%s: nothing to drop", name)
				}
			}
		}
		if o.shared != 200_002 || cap(o.items) > 600_000 {
			t.Errorf("%s: %d messages wait, room for %d", name, o.shared, cap(o.items))
		}
		for o.bytes > 0 {
			_, size := o.gather(make([][]byte, 8))
			o.left(min(size, 5))
		}
	}
}

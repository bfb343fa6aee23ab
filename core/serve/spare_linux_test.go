package serve

import (
	"testing"

	"github.com/ws76/ws76/core"
)

// What loops keep for the next large messages is bounded for all of them together, and is
// given up by each once its time is over.
func TestSpareMemory(t *testing.T) {
	const size, many = 16 << 20, spareMost >> 24
	server := &Server{}
	var loops []*loop
	for range 2 {
		l, err := newLoop(server, serving{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.release()
		loops = append(loops, l)
	}
	kind76 := kindOf(core.Hixie76, false)
	kept := func() (n int) {
		for _, l := range loops {
			for _, k := range l.spare[kind76] {
				n += k.Held()
			}
		}
		return n
	}
	for _, l := range loops {
		for range many {
			k := kind76.newCodec(nil)
			k.Reset(2*size, 0)
			k.Feed(append([]byte{0}, make([]byte, size)...))
			if _, _, err := k.Messages(nil); err != core.ErrIncomplete {
				t.Fatal(err)
			}
			l.giveCodec(kind76, k)
		}
	}
	if n := kept(); n < spareMost/2 || n > spareMost {
		t.Errorf("%d MiB are kept, want about %d", n>>20, spareMost>>20)
	}
	for l := loops[0]; len(l.spare[kind76]) > 0; {
		l.takeCodec(kind76)
	}
	loops[1].trim = 1
	loops[1].trimSpare()
	if kept() != 0 || server.spare.Load() != 0 {
		t.Errorf("%d bytes are kept, %d are counted", kept(), server.spare.Load())
	}
}

package rfc6455

import (
	"bytes"
	"testing"
)

func pin(t *testing.T, what string, want float64, f func()) {
	t.Helper()
	f() // buffers grow
	if got := testing.AllocsPerRun(100, f); got > want {
		t.Errorf("%s: %v allocations, want at most %v", what, got, want)
	}
}

// drain reads until the input is used up and returns the number of events.
func drain(t testing.TB, d *Decoder) (events int) {
	for {
		_, err := d.Next()
		if err == ErrIncomplete {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		events++
	}
}

func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops things under the race detector")
	}
	mask := &specMask
	for _, size := range []int{0, 125, 4096, 1 << 20} {
		p := make([]byte, size)
		for _, m := range []*[4]byte{nil, mask} {
			wire := AppendMessage(nil, true, p, m)
			wire = AppendControl(wire, OpPing, []byte("ping"), m)
			wire = AppendMessage(wire, false, p, m)
			// Frames are unmasked in place: each run starts from clean ones.
			clean := bytes.Clone(wire)

			d := Decoder{Masked: m != nil}
			pin(t, "whole", 0, func() {
				copy(wire, clean)
				d.Feed(wire)
				if n := drain(t, &d); n != 3 {
					t.Fatalf("%d events", n)
				}
			})
			if d.held != nil {
				t.Error("whole frames need no memory of the decoder's own")
			}
			d = Decoder{Masked: m != nil}
			pin(t, "cut in two", 0, func() {
				copy(wire, clean)
				d.Feed(wire[:len(wire)/4+1])
				n := drain(t, &d)
				d.Feed(wire[len(wire)/4+1:])
				if n += drain(t, &d); n != 3 {
					t.Fatalf("%d events", n)
				}
			})
			dst := make([]byte, 0, len(wire))
			pin(t, "AppendMessage", 0, func() { dst = AppendMessage(dst[:0], true, p, m) })
			pin(t, "AppendControl", 0, func() { dst = AppendControl(dst[:0], OpPong, []byte("pong"), m) })
			pin(t, "AppendClose", 0, func() { dst = AppendClose(dst[:0], CodeGoingAway, "bye", m) })

			d = Decoder{Masked: m != nil, Inflate: new(Flate)}
			packed := d.Inflate.AppendMessage(nil, true, p, m)
			clean = bytes.Clone(packed)
			pin(t, "inflate", 0, func() {
				copy(packed, clean)
				d.Feed(packed)
				if n := drain(t, &d); n != 1 {
					t.Fatalf("%d events", n)
				}
			})
			dst = make([]byte, 0, len(p)+1024)
			pin(t, "deflate", 0, func() { dst = d.Inflate.AppendMessage(dst[:0], true, p, m) })
		}
	}
}

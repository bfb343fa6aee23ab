package rfc6455

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// However a buffer grows, what was in it stays, there is room for what is to come, and no more than may
// be, but for what tells a message that is too large; and what was given back is lent again.
func TestBufferGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 4<<20).Draw(t, "most")
		var b buffer
		var want []byte
		for len(want) < most {
			n := rapid.IntRange(1, max(1, most/2)).Draw(t, "n")
			n = min(n, most-len(want))
			b.grow(n, most)
			if c := cap(b.b); c < len(b.b)+n || c > max(smallest, most+spareMore) {
				t.Fatalf("%d bytes, %d to come, %d at most: room for %d", len(b.b), n, most, c)
			}
			b.b = append(b.b, byte(n))
			want = append(want, byte(n))
			skip := n - 1 // not all is written, which would take long
			b.b, want = b.b[:len(b.b)+skip], append(want, make([]byte, skip)...)
			clear(b.b[len(b.b)-skip:])
		}
		if !bytes.Equal(b.b, want) {
			t.Fatal("what was in it has changed")
		}
		b.release()
		if b.b != nil {
			t.Fatal("it is kept")
		}
	})
}

func BenchmarkInflateLarge(b *testing.B) {
	const size = 15 << 20
	packed, err := new(Flate).AppendDeflate(nil, make([]byte, size))
	if err != nil {
		b.Fatal(err)
	}
	frame := append(AppendHeader(nil, OpBinary, true, true, len(packed), new([4]byte)), packed...)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		d := Decoder{Masked: true, Inflate: new(Flate)}
		d.Feed(frame)
		if e, err := d.Next(); err != nil || len(e.Data) != size {
			b.Fatalf("%d bytes, %v", len(e.Data), err)
		}
		d.Next()
		d.Trim()
	}
}

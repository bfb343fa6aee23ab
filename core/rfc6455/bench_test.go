package rfc6455

import (
	"bytes"
	"fmt"
	"testing"
)

var sizes = []struct {
	name string
	n    int
}{{"125B", 125}, {"4KiB", 4 << 10}, {"1MiB", 1 << 20}}

// BenchmarkDecode reads masked text. Restoring the masked input, which was
// unmasked in place, is part of it.
func BenchmarkDecode(b *testing.B) {
	for _, s := range sizes {
		count := max(1, 256<<10/s.n)
		var clean []byte
		for range count {
			clean = AppendMessage(clean, true, bytes.Repeat([]byte("a"), s.n), &specMask)
		}
		wire := make([]byte, len(clean))
		b.Run(s.name, func(b *testing.B) {
			d := Decoder{Masked: true}
			b.SetBytes(int64(s.n))
			b.ReportAllocs()
			for n := 0; n < b.N; n += count {
				copy(wire, clean)
				d.Feed(wire)
				if events := drain(b, &d); events != count {
					b.Fatalf("%d events, want %d", events, count)
				}
			}
		})
		b.Run(s.name+"/pieces of 1460", func(b *testing.B) {
			d := Decoder{Masked: true}
			b.SetBytes(int64(s.n))
			b.ReportAllocs()
			for n := 0; n < b.N; n += count {
				copy(wire, clean)
				events := 0
				for rest := wire; len(rest) > 0; {
					k := min(1460, len(rest))
					d.Feed(rest[:k])
					rest = rest[k:]
					events += drain(b, &d)
				}
				if events != count {
					b.Fatalf("%d events, want %d", events, count)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, s := range sizes {
		p := bytes.Repeat([]byte("a"), s.n)
		dst := make([]byte, 0, s.n+MaxHeader)
		for _, m := range []*[4]byte{nil, &specMask} {
			b.Run(fmt.Sprintf("%s/masked=%v", s.name, m != nil), func(b *testing.B) {
				b.SetBytes(int64(s.n))
				b.ReportAllocs()
				for b.Loop() {
					dst = AppendMessage(dst[:0], true, p, m)
				}
			})
		}
	}
}

func BenchmarkFlate(b *testing.B) {
	var f Flate
	p := bytes.Repeat([]byte(`{"temperature":21.5,"unit":"C","at":1700000000},`), 4096/48)
	packed, err := f.AppendDeflate(nil, p)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("deflate/4KiB", func(b *testing.B) {
		dst := make([]byte, 0, len(p))
		b.SetBytes(int64(len(p)))
		b.ReportAllocs()
		for b.Loop() {
			if dst, err = f.AppendDeflate(dst[:0], p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("inflate/4KiB", func(b *testing.B) {
		dst := make([]byte, 0, len(p))
		b.SetBytes(int64(len(p)))
		b.ReportAllocs()
		for b.Loop() {
			if dst, err = f.AppendInflate(dst[:0], packed, 1<<20); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package hixie

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// BenchmarkDecoder finds text frames in 256 KiB blocks, as an echo server does.
func BenchmarkDecoder(b *testing.B) {
	for _, n := range []int{16, 125, 4096, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			count := max(1, 256<<10/(n+2))
			in := bytes.Repeat(AppendText(nil, make([]byte, n)), count)
			var d Decoder
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				drain(b, &d, in, count)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(count), "ns/frame")
		})
	}
}

func drain(b *testing.B, d *Decoder, p []byte, count int) {
	d.Feed(p)
	for {
		f, err := d.Next()
		if err == ErrIncomplete {
			break
		}
		if err != nil || !f.IsText() {
			b.Fatal(f, err)
		}
		count--
	}
	if count != 0 {
		b.Fatal(count, "frames missing")
	}
}

// BenchmarkDribble decodes one message of 1 MiB that comes whole, in blocks of a
// pipe or a large socket buffer, and in segments of TCP; fed, or read behind what is
// there ("direct"; the copy that the read would be is part of all).
func BenchmarkDribble(b *testing.B) {
	const size = 1 << 20
	in := AppendText(nil, make([]byte, size))
	read := make([]byte, len(in))
	for _, piece := range []int{len(in), 256 << 10, 64 << 10, 16 << 10, 1460} {
		for _, direct := range []bool{false, true} {
			if direct && piece == len(in) {
				continue
			}
			name := fmt.Sprintf("%d/fed", piece)
			if direct {
				name = fmt.Sprintf("%d/direct", piece)
			}
			b.Run(name, func(b *testing.B) {
				var d Decoder
				b.SetBytes(size)
				b.ReportAllocs()
				for b.Loop() {
					got := 0
					for rest := in; len(rest) > 0; {
						p := rest[:min(piece, len(rest))]
						if buf := d.Buffer(); direct && buf != nil {
							n := copy(buf, p)
							d.Advance(n)
							rest = rest[n:]
						} else {
							d.Feed(read[:copy(read, p)])
							rest = rest[len(p):]
						}
						for {
							f, err := d.Next()
							if err != nil {
								break
							}
							got += len(f.Payload)
						}
					}
					if got != size {
						b.Fatal(got)
					}
				}
			})
		}
	}
}

// blockSizes are lengths of lines with their ends.
var blockSizes = []int{8, 16, 40, 100, 1024, 65536}

func benchLines(n int) []byte {
	line := strings.Repeat("the quick brown fox ", n/20+1)[:n-1] + "\n"
	return bytes.Repeat([]byte(line), 256<<10/n)
}

func BenchmarkAppendFrames(b *testing.B) {
	for _, n := range blockSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			src := benchLines(n)
			var dst []byte
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				dst = AppendFrames(dst[:0], src, '\n')
			}
		})
	}
}

func BenchmarkAppendMessages(b *testing.B) {
	for _, n := range blockSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			src := AppendFrames(nil, benchLines(n), '\n')
			var dst []byte
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				dst, _ = AppendMessages(dst[:0], src, '\n')
			}
		})
	}
}

func BenchmarkValidUTF8(b *testing.B) {
	for _, text := range []struct{ name, text string }{
		{"ascii", "the quick brown fox jumps over "},
		{"latin", "żółć naïve café über straße "},
		{"cjk", "日本語テキスト漢字"},
		{"mixed", "żółć naïve 日本語 Ω≈ç√ 🙂🚀 plain words and more of them "},
	} {
		for _, n := range []int{125, 256 << 10} {
			p := bytes.Repeat([]byte(text.text), n/len(text.text)+1)[:n]
			for !ValidUTF8(p) {
				p = p[:len(p)-1]
			}
			b.Run(fmt.Sprintf("%s/%d", text.name, n), func(b *testing.B) {
				b.SetBytes(int64(len(p)))
				for b.Loop() {
					if !ValidUTF8(p) {
						b.Fatal("not valid")
					}
				}
			})
		}
	}
	for _, n := range []int{125} {
		p := slices.Repeat([]byte("bad \xFF"), n/5)
		b.Run(fmt.Sprintf("replace/%d", n), func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				dst = AppendValidUTF8(dst[:0], p)
			}
		})
	}
}

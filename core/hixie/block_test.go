package hixie

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// framesSimply is AppendFrames as one would write it down.
func framesSimply(src []byte, delim byte) []byte {
	var b []byte
	for len(src) > 0 {
		p, rest, _ := bytes.Cut(src, []byte{delim})
		b, src = AppendText(b, p), rest
	}
	return b
}

// messagesSimply is AppendMessages by way of the decoder.
func messagesSimply(src []byte, delim byte) (out []byte, n int) {
	var d Decoder
	d.Feed(src)
	for {
		f, err := d.Next()
		if err != nil || !f.IsText() {
			return out, n
		}
		out = append(append(out, f.Payload...), delim)
		n = int(d.Offset())
	}
}

// checkBlocks compares the bulk forms with the simple ones, for src taken as messages
// and as frames, and with little and much room in dst.
func checkBlocks(t interface{ Errorf(string, ...any) }, src []byte, delim byte) {
	if text := bytes.ReplaceAll(src, []byte{sentinel}, []byte{'y'}); delim != sentinel {
		want := framesSimply(text, delim)
		for _, room := range []int{0, 1000} {
			dst := append(make([]byte, 0, room), "before"...)
			got := AppendFrames(dst, slices.Clip(slices.Clone(text)), delim)
			if !bytes.Equal(got, append([]byte("before"), want...)) {
				t.Errorf("AppendFrames(%q, %q):\ngot  %q\nwant before%q", text, delim, got, want)
			}
		}
		if len(text) > 0 && text[len(text)-1] == delim {
			back, n := AppendMessages(nil, want, delim)
			if n != len(want) || !bytes.Equal(back, text) {
				t.Errorf("%q to frames and back is %q, %d of %d bytes used", text, back, n, len(want))
			}
		}
	}
	want, wantN := messagesSimply(src, delim)
	for _, room := range []int{0, 1000} {
		dst := append(make([]byte, 0, room), "before"...)
		got, n := AppendMessages(dst, slices.Clip(slices.Clone(src)), delim)
		if n != wantN || !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("AppendMessages(%q, %q):\ngot  %d %q\nwant %d before%q", src, delim, n, got, wantN, want)
		}
	}
}

// Each length of two messages, with the end of the block at each distance.
func TestBlocks(t *testing.T) {
	text := strings.Repeat("0123456789", 8)
	for a := range 70 {
		for b := range 70 {
			lines := []byte(text[:a] + "\n" + text[:b] + "\n")
			checkBlocks(t, lines, '\n')
			checkBlocks(t, lines[:len(lines)-1], '\n')
			checkBlocks(t, framesSimply(lines, '\n'), '\n')
		}
	}
}

func TestBlocksStop(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, src := range []string{
		"", "\x00", "\xFF", "\x00\xFF", "\xFF\x00", "\x00a\xFF\xFF\x00", "\x00a\xFF\x05b\xFF\x00c\xFF",
		"\x00" + long, "\x00a\xFF\x00" + long, "\x00" + long + "\xFF\x80\x01a\x00b\xFF", "\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF\x00\xFF",
		"\x00\x00\x00\xFF", strings.Repeat("\n", 100), long + "\n", "a\x00b\x00" + long,
	} {
		checkBlocks(t, []byte(src), '\n')
		checkBlocks(t, []byte(src), 0)
	}
}

func TestBlocksAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			"\n", "\x00", "\xFF", "\x00", "\xFF", "a", "0123456", "01234567", "012345678", "\x01\n\x0B\x09", "\xFE", "\x80\x7F",
			"0123456789abcdef0123456", "0123456789abcdef01234567", strings.Repeat("long ", 30),
		}), 0, 40).Draw(t, "pieces")
		checkBlocks(t, []byte(strings.Join(pieces, "")), rapid.SampledFrom([]byte{'\n', 0, 'a'}).Draw(t, "delim"))
	})
}

func TestBlocksAllocate(t *testing.T) {
	src := bytes.Repeat([]byte("some line of text\n"), 1000)
	frames := AppendFrames(nil, src, '\n')
	var dst []byte
	if n := testing.AllocsPerRun(10, func() {
		dst = AppendFrames(dst[:0], src, '\n')
		dst, _ = AppendMessages(dst[:0], frames, '\n')
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add([]byte("one\ntwo\n0123456789abcdef0123456789abcdef\n"), byte('\n'))
	f.Add([]byte("\x00one\xFF\x00two\xFF\x000123456789abcdef0123456789abcdef\xFF"), byte('\n'))
	f.Add([]byte("\x00\xFF\x00\xFF\x000123456\xFF\x00 01234567\xFF\x05other\xFF"), byte(0))
	f.Fuzz(func(t *testing.T, src []byte, delim byte) {
		checkBlocks(t, src, delim)
	})
}

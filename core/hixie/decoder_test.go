package hixie

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fromHex reads hex digits with blanks; bytes after a quote are text: "00 'ab' FF".
func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	var b []byte
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		h, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		b = append(b, h...)
	}
	return b
}

// play is all that can be seen of a decoder that was fed a stream.
type play struct {
	frames []string
	err    string // of Next, if not ErrIncomplete
	end    string // of End
	rest   string
}

// record decodes the pieces with d. Whatever the decoder has lent or borrowed is
// spoiled as soon as the contract allows, so that a use of it afterwards shows.
func record(d *Decoder, pieces [][]byte, direct bool) play {
	var p play
	for _, piece := range pieces {
		fed := slices.Clone(piece)
		if buf := d.Buffer(); direct && buf != nil {
			if len(fed) > len(buf) {
				panic(fmt.Sprintf("the test's pieces are too long: %d, Buffer has %d", len(fed), len(buf)))
			}
			d.Advance(copy(buf, fed))
		} else {
			d.Feed(fed)
		}
		err := p.next(d)
		if err == io.EOF || err != ErrIncomplete {
			if err == io.EOF {
				p.rest += string(d.Rest())
			}
			p.err = err.Error()
			continue
		}
		spoil(fed)
	}
	if err := d.End(); err != nil {
		p.end = err.Error()
	}
	return p
}

func (p *play) next(d *Decoder) error {
	for {
		f, err := d.Next()
		if err != nil {
			return err
		}
		p.frames = append(p.frames, describe(f, 0))
		spoil(f.Payload)
	}
}

// describe returns all that can be seen of a frame, base bytes further on.
func describe(f *Frame, base int64) string {
	return fmt.Sprintf("@%d %02X len %d nil %v closing %v text %v %q", base+f.Offset, f.Type, f.Length, f.Payload == nil, f.IsClosing(), f.IsText(), f.Payload)
}

func spoil(p []byte) {
	for i := range p {
		p[i] = 0xFF
	}
}

func single(b []byte) [][]byte {
	var pieces [][]byte
	for i := range b {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

var decodeCases = []struct {
	name    string
	in      string
	max     int64
	keepAll bool
	frames  []string // type:payload, payload - when skipped
	err     string   // of Next
	end     string   // of End
	rest    string
}{
	{name: "nothing"},
	{name: "text", in: "00 'hello' FF", frames: []string{"00:hello"}},
	{name: "empty text", in: "00 FF", frames: []string{"00:"}},
	{name: "three", in: "00 'a' FF 00 FF 00 'b' FF", frames: []string{"00:a", "00:", "00:b"}},
	{name: "NUL in text", in: "00 00 'a' 00 FF", frames: []string{"00:\x00a\x00"}},
	{name: "high bytes in text", in: "00 FE 80 C3 28 FF", frames: []string{"00:\xFE\x80\xC3("}},
	{name: "text cut", in: "00 'a' FF 00 'bc'", frames: []string{"00:a"}, end: "offset 3: text frame cut off after 2 payload bytes"},
	{name: "type byte alone", in: "00", end: "offset 0: text frame cut off after 0 payload bytes"},
	{name: "other sentinel type skipped", in: "05 'abc' FF 00 'x' FF", frames: []string{"05:-", "00:x"}},
	{name: "other sentinel type kept", in: "05 'abc' FF 00 'x' FF", keepAll: true, frames: []string{"05:abc", "00:x"}},
	{name: "type 7F", in: "7F 00 FF", keepAll: true, frames: []string{"7F:\x00"}},
	{name: "other sentinel type cut", in: "05 'abc'", end: "offset 0: frame of type 0x05 cut off after 3 payload bytes"},
	{name: "length skipped", in: "80 03 'abc' 00 'x' FF", frames: []string{"80:-", "00:x"}},
	{name: "length kept", in: "80 03 'a' FF 00 00 'x' FF", keepAll: true, frames: []string{"80:a\xFF\x00", "00:x"}},
	{name: "length 0 is not closing", in: "80 00 00 'x' FF", frames: []string{"80:-", "00:x"}},
	{name: "length 0 kept", in: "80 00", keepAll: true, frames: []string{"80:"}},
	{name: "type FF with payload", in: "FF 01 'a' 00 'x' FF", frames: []string{"FF:-", "00:x"}},
	{name: "two digits", in: "81 81 00 " + strings.Repeat("41", 128) + "00 FF", keepAll: true, frames: []string{"81:" + strings.Repeat("A", 128), "00:"}},
	{name: "leading zero digits", in: "80 80 80 80 02 'ab'", keepAll: true, frames: []string{"80:ab"}},
	{name: "16 digits", in: "80 " + strings.Repeat("80", 15) + " 01 'a'", keepAll: true, frames: []string{"80:a"}},
	{name: "17 digits", in: "00 FF 80 " + strings.Repeat("80", 16) + " 01 'a'", frames: []string{"00:"}, err: "offset 2: frame of type 0x80 has a length of more than 16 digits"},
	{name: "endless digits", in: "80 " + strings.Repeat("80", 40), err: "offset 0: frame of type 0x80 has a length of more than 16 digits"},
	{name: "length cut in payload", in: "80 03 'a'", end: "offset 0: frame of type 0x80 cut off after 1 of 3 payload bytes"},
	{name: "length cut in digits", in: "80 81", end: "offset 0: frame of type 0x80 cut off in its length"},
	{name: "length without digits", in: "00 FF 80", frames: []string{"00:"}, end: "offset 2: frame of type 0x80 cut off in its length"},
	{name: "2^35", in: "80 81 80 80 80 80 00", err: "offset 0: frame of type 0x80 of more than 16777216 bytes, which is the limit"},
	{name: "2^63 at the highest limit", in: "80 81 80 80 80 80 80 80 80 80 00", max: math.MaxInt64, err: fmt.Sprintf("offset 0: frame of type 0x80 of more than %d bytes, which is the limit", int64(math.MaxInt-heldSlack))},
	{name: "2^112-1 at the highest limit", in: "80 " + strings.Repeat("FF", 15) + "7F", max: math.MaxInt64, err: fmt.Sprintf("offset 0: frame of type 0x80 of more than %d bytes, which is the limit", int64(math.MaxInt-heldSlack))},
	{name: "at the limit", in: "00 'abcd' FF 05 'abcd' FF 80 04 'abcd'", max: 4, frames: []string{"00:abcd", "05:-", "80:-"}},
	{name: "text above the limit", in: "00 FF 00 'abcde' FF", max: 4, frames: []string{"00:"}, err: "offset 2: message of more than 4 bytes, which is the limit"},
	{name: "unfinished text above the limit", in: "00 'abcde'", max: 4, err: "offset 0: message of more than 4 bytes, which is the limit"},
	{name: "skipped text above the limit", in: "05 'abcde'", max: 4, err: "offset 0: frame of type 0x05 of more than 4 bytes, which is the limit"},
	{name: "kept text above the limit", in: "05 'abcde'", max: 4, keepAll: true, err: "offset 0: frame of type 0x05 of more than 4 bytes, which is the limit"},
	{name: "length above the limit", in: "80 05", max: 4, err: "offset 0: frame of type 0x80 of more than 4 bytes, which is the limit"},
	{name: "closing", in: "00 'a' FF FF 00", frames: []string{"00:a", "FF:-"}, err: "EOF"},
	{name: "closing kept", in: "FF 00", keepAll: true, frames: []string{"FF:"}, err: "EOF"},
	{name: "closing with leading zeros", in: "FF 80 80 00", frames: []string{"FF:-"}, err: "EOF"},
	{name: "after closing", in: "FF 00 00 'late' FF", frames: []string{"FF:-"}, err: "EOF", rest: "\x00late\xFF"},
	{name: "bare FF", in: "00 'a' FF FF", frames: []string{"00:a"}, end: ErrBareFF.Error()},
	{name: "half of a long closing", in: "FF 80", end: "offset 0: frame of type 0xFF cut off in its length"},
	{name: "newline after the last frame", in: "00 'a' FF 0A", frames: []string{"00:a"}, end: "offset 3: frame of type 0x0A cut off after 0 payload bytes"},
}

func TestDecoder(t *testing.T) {
	for _, c := range decodeCases {
		t.Run(c.name, func(t *testing.T) {
			d := Decoder{MaxMessage: c.max, KeepAll: c.keepAll}
			in := fromHex(t, c.in)
			d.Feed(in)
			var frames []string
			var err error
			for {
				var f *Frame
				if f, err = d.Next(); err != nil {
					break
				}
				p := string(f.Payload)
				if f.Payload == nil {
					p = "-"
				} else if int64(len(p)) != f.Length {
					t.Errorf("length %d of payload %q", f.Length, p)
				}
				frames = append(frames, fmt.Sprintf("%02X:%s", f.Type, p))
			}
			if !slices.Equal(frames, c.frames) {
				t.Errorf("got frames %q\nwant      %q", frames, c.frames)
			}
			if again := func() error { _, err := d.Next(); return err }(); again != err {
				t.Errorf("got error %v, then %v", err, again)
			}
			want := c.err
			if want == "" {
				want = ErrIncomplete.Error()
				if d.Offset() != int64(len(in)) {
					t.Errorf("offset %d after all %d bytes", d.Offset(), len(in))
				}
			}
			if err.Error() != want {
				t.Errorf("got error %q\nwant     %q", err, want)
			}
			var syntax *SyntaxError
			if err != ErrIncomplete && err != io.EOF && !errors.As(err, &syntax) {
				t.Errorf("error %T is no SyntaxError", err)
			}
			if large := strings.Contains(c.err, "the limit"); errors.Is(err, ErrMessageTooLarge) != large {
				t.Errorf("errors.Is(%v, ErrMessageTooLarge) is %v", err, !large)
			}
			if err == io.EOF && string(d.Rest()) != c.rest {
				t.Errorf("got rest %q, want %q", d.Rest(), c.rest)
			}
			if c.err != "" && c.err != "EOF" {
				if d.End() != err {
					t.Errorf("End() = %v after %v", d.End(), err)
				}
				return
			}
			end := ""
			if err := d.End(); err != nil {
				end = err.Error()
				if err != ErrBareFF && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%v does not wrap io.ErrUnexpectedEOF", err)
				}
			}
			if end != c.end {
				t.Errorf("got End %q\nwant    %q", end, c.end)
			}
		})
	}
}

// However a stream is cut, what comes out is the same.
func TestDecoderSplits(t *testing.T) {
	for _, c := range decodeCases {
		t.Run(c.name, func(t *testing.T) {
			in := fromHex(t, c.in)
			whole := record(&Decoder{MaxMessage: c.max, KeepAll: c.keepAll}, [][]byte{in}, false)
			check := func(how string, pieces [][]byte) {
				t.Helper()
				got := record(&Decoder{MaxMessage: c.max, KeepAll: c.keepAll}, pieces, false)
				if !equal(got, whole) {
					t.Errorf("%s:\ngot  %+v\nwant %+v", how, got, whole)
				}
			}
			check("byte by byte", single(in))
			for i := range in {
				check(fmt.Sprintf("cut at %d", i), [][]byte{in[:i], in[i:]})
				for j := i; j < len(in) && len(in) < 24; j++ {
					check(fmt.Sprintf("cut at %d and %d", i, j), [][]byte{in[:i], in[i:j], nil, in[j:]})
				}
			}
		})
	}
}

func equal(a, b play) bool {
	return slices.Equal(a.frames, b.frames) && a.err == b.err && a.end == b.end && a.rest == b.rest
}

// streams draws frames of all kinds and sizes, and sometimes nonsense.
func streams(t *rapid.T) []byte {
	var b []byte
	for range rapid.IntRange(0, 8).Draw(t, "frames") {
		p := bytes.Repeat([]byte("0123456789"), rapid.SampledFrom([]int{0, 1, 3, 300, 4000, 9000}).Draw(t, "tens"))
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			b = AppendFrame(b, rapid.Byte().Draw(t, "type"), p)
		case 1:
			b = append(b, 0x80|rapid.Byte().Draw(t, "type"), 0x80, 0x80)
		case 2:
			b = append(b, rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "nonsense")...)
		default:
			b = AppendText(b, p)
		}
	}
	return b[:len(b)-rapid.IntRange(0, min(3, len(b))).Draw(t, "cut")]
}

func TestDecoderPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := streams(t)
		d := Decoder{MaxMessage: rapid.SampledFrom([]int64{0, 100, 50_000}).Draw(t, "max"), KeepAll: rapid.Bool().Draw(t, "all")}
		fresh := func() *Decoder { return &Decoder{MaxMessage: d.MaxMessage, KeepAll: d.KeepAll} }
		whole := record(fresh(), [][]byte{in}, false)
		var pieces [][]byte
		for rest := in; len(rest) > 0; {
			n := min(len(rest), rapid.SampledFrom([]int{0, 1, 2, 7, 100, 1460, 12_000}).Draw(t, "piece"))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		for _, direct := range []bool{false, true} {
			if got := record(fresh(), pieces, direct); !equal(got, whole) {
				t.Fatalf("direct %v:\ngot  %.300v\nwant %.300v", direct, got, whole)
			}
		}
	})
}

// A large message read through Buffer is the same as one fed.
func TestDecoderBuffer(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	in := AppendText(nil, text)
	in = AppendFrame(in, 0x81, text[:100_000])
	in = AppendText(in, []byte("small"))
	in = AppendText(in, text[:200_000])
	in = AppendClosing(in)
	in = append(in, "late"...)
	whole := record(&Decoder{KeepAll: true}, [][]byte{in}, false)
	if whole.rest != "late" {
		t.Fatalf("rest %q", whole.rest)
	}
	var pieces [][]byte
	for p := range slices.Chunk(in, 16<<10) {
		pieces = append(pieces, p)
	}
	d := Decoder{KeepAll: true}
	if got := record(&d, pieces, true); !equal(got, whole) {
		t.Errorf("got %.500v\nwant %.500v", got, whole)
	}
	if max := len(text)*2 + heldSlack; cap(d.held) > max {
		t.Errorf("the buffer has grown to %d bytes for a message of %d", cap(d.held), len(text))
	}
}

func TestDecoderBufferIsBounded(t *testing.T) {
	const limit = 100_000
	d := Decoder{MaxMessage: limit}
	d.Feed(append([]byte{0}, make([]byte, directHeld)...))
	var err error
	for err = ErrIncomplete; err == ErrIncomplete; {
		if _, err = d.Next(); err != ErrIncomplete {
			break
		}
		buf := d.Buffer()
		if len(buf) < directFree {
			t.Fatalf("room for %d bytes", len(buf))
		}
		if cap(d.held) > limit+heldSlack {
			t.Fatalf("the buffer has grown to %d bytes at a limit of %d", cap(d.held), limit)
		}
		clear(buf[:1000])
		d.Advance(1000)
	}
	if !errors.Is(err, ErrMessageTooLarge) {
		t.Errorf("got error %v", err)
	}
	if d.Buffer() != nil {
		t.Error("Buffer after an error")
	}
}

// Memory is spent for what has come, not for what was announced.
func TestDecoderAnnouncedLength(t *testing.T) {
	d := Decoder{MaxMessage: math.MaxInt64, KeepAll: true}
	d.Feed([]byte{0x80, 0x87, 0xFF, 0xFF, 0xFF, 0x7F, 'a'})
	if _, err := d.Next(); err != ErrIncomplete {
		t.Fatal(err)
	}
	if cap(d.held) > minHeld {
		t.Errorf("%d bytes of memory for 1 byte of payload", cap(d.held))
	}
}

// What is skipped takes no memory, however long.
func TestDecoderSkipsInConstantMemory(t *testing.T) {
	piece := bytes.Repeat([]byte("x"), 1<<20)
	for _, head := range [][]byte{{0x05}, {0x80, 0x87, 0x80, 0x80, 0x00}} { // 14 MiB
		d := Decoder{}
		d.Feed(head)
		for range 10 {
			if _, err := d.Next(); err != ErrIncomplete {
				t.Fatal(err)
			}
			d.Feed(piece)
		}
		if _, err := d.Next(); err != ErrIncomplete || cap(d.held) != 0 {
			t.Errorf("type %02X: error %v, %d bytes held", head[0], err, cap(d.held))
		}
	}
}

func TestDecoderMisuse(t *testing.T) {
	for name, f := range map[string]func(d *Decoder){
		"Feed twice":               func(d *Decoder) { d.Feed([]byte{0, 0xFF}); d.Feed([]byte{0}) },
		"Advance before Feed":      func(d *Decoder) { d.Advance(1) },
		"Advance beyond Buffer":    func(d *Decoder) { large(d); d.Advance(len(d.Buffer()) + 1) },
		"Advance by less than 0":   func(d *Decoder) { large(d); d.Advance(-1) },
		"Discard too much":         func(d *Decoder) { d.Feed([]byte{0, 0xFF}); d.Discard(3) },
		"Discard within a frame":   func(d *Decoder) { large(d); d.Feed([]byte{1, 0xFF}); d.Discard(1) },
		"Feed before Advance used": func(d *Decoder) { large(d); d.Buffer(); d.Advance(1); d.Feed([]byte{0}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(new(Decoder))
		})
	}
}

func large(d *Decoder) {
	d.Feed(make([]byte, 100_000))
	d.Next()
}

func TestDecoderAllocations(t *testing.T) {
	small := AppendFrames(nil, bytes.Repeat([]byte("a message\n"), 100), '\n')
	big := AppendText(nil, make([]byte, 1<<20))
	for name, c := range map[string]struct {
		in    []byte
		piece int
	}{
		"small whole": {small, len(small)},
		"small split": {small, 7},
		"big whole":   {big, len(big)},
		"big split":   {big, 1460},
		"mixed split": {slices.Concat(small, big, small), 1460},
	} {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			n := testing.AllocsPerRun(20, func() {
				for p := range slices.Chunk(c.in, c.piece) {
					d.Feed(p)
					for {
						if _, err := d.Next(); err != nil {
							break
						}
					}
				}
			})
			if n != 0 {
				t.Errorf("%v allocations for each run", n)
			}
		})
	}
}

// The memory of big messages is kept while they come and given up afterwards.
func TestDecoderGivesMemoryUp(t *testing.T) {
	big := AppendText(nil, make([]byte, 1<<20))
	small := AppendText(nil, []byte("a small message"))
	drain := func(d *Decoder, p []byte) {
		d.Feed(p)
		for {
			if _, err := d.Next(); err != nil {
				return
			}
		}
	}
	var d Decoder
	drain(&d, big[:1000])
	drain(&d, big[1000:])
	if cap(d.held) < 1<<20 {
		t.Fatalf("%d bytes kept", cap(d.held))
	}
	for range 300 {
		drain(&d, small)
	}
	if cap(d.held) != 0 {
		t.Errorf("%d bytes kept after 300 small messages", cap(d.held))
	}
	// Also when each read ends within a message.
	drain(&d, big[:1000])
	drain(&d, big[1000:])
	drain(&d, small[:5])
	for range 300 {
		drain(&d, slices.Concat(small[5:], small[:5]))
	}
	if cap(d.held) > 1000 {
		t.Errorf("%d bytes kept after 300 small messages in pieces", cap(d.held))
	}

	drain(&d, big[:1000]) // also ends the small message
	d = Decoder{}
	drain(&d, big[:1000])
	d.Release()
	drain(&d, big[1000:len(big)-1])
	if d.Release(); len(d.held) != 1<<20 {
		t.Errorf("Release took %d bytes of an unfinished message", 1<<20-len(d.held))
	}
	d.Feed(big[len(big)-1:])
	f, err := d.Next()
	if err != nil || len(f.Payload) != 1<<20 {
		t.Fatalf("%d bytes, %v", len(f.Payload), err)
	}
	if d.Release(); d.held != nil {
		t.Error("Release kept memory between messages")
	}
}

func FuzzDecoder(f *testing.F) {
	for _, c := range decodeCases {
		f.Add(fromHex(f, c.in), uint16(3), c.keepAll, uint16(c.max))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16, keepAll bool, max uint16) {
		decoder := func() *Decoder { return &Decoder{MaxMessage: int64(max), KeepAll: keepAll} }
		whole := record(decoder(), [][]byte{in}, false)
		if got := record(decoder(), single(in), false); !equal(got, whole) {
			t.Errorf("byte by byte: got %+v\nwant %+v", got, whole)
		}
		if i := int(cut); i < len(in) {
			if got := record(decoder(), [][]byte{in[:i], in[i:]}, true); !equal(got, whole) {
				t.Errorf("cut at %d: got %+v\nwant %+v", i, got, whole)
			}
			if got := recordRuns(t, decoder(), [][]byte{in[:i], in[i:]}, false); !equal(got, whole) {
				t.Errorf("in runs, cut at %d: got %+v\nwant %+v", i, got, whole)
			}
		}
		// Written again, what was read is the same, but for digits of lengths.
		d := decoder()
		d.KeepAll = true
		d.Feed(in)
		var again []byte
		for {
			fr, err := d.Next()
			if err != nil {
				break
			}
			again = AppendFrame(again, fr.Type, fr.Payload)
		}
		once := record(&Decoder{MaxMessage: int64(max), KeepAll: true}, [][]byte{again}, false)
		if len(once.frames) != len(whole.frames) || once.end != "" {
			t.Errorf("%d frames written and read again are %d, %s", len(whole.frames), len(once.frames), once.end)
		}
	})
}

// Draft 75 has no closing frame.
func TestDecoderDraft75(t *testing.T) {
	d := Decoder{Draft: Draft75}
	d.Feed([]byte("\xFF\x00\x00after\xFF"))
	if f, err := d.Next(); err != nil || !f.IsClosing() {
		t.Fatal(f, err)
	}
	if f, err := d.Next(); err != nil || string(f.Payload) != "after" {
		t.Fatal(f, err)
	}
	if _, err := d.Next(); err != ErrIncomplete {
		t.Fatal(err)
	}
}

// Frames read by AppendMessages are taken off the decoder's input.
func TestDecoderDiscard(t *testing.T) {
	d := Decoder{MaxMessage: 10}
	d.Feed([]byte("\x00first\xFF\x00a\xFF\x00b\xFF\x05other\xFF\x00cut"))
	if f, err := d.Next(); err != nil || string(f.Payload) != "first" {
		t.Fatal(f, err)
	}
	out, n := AppendMessages(nil, d.Rest(), '\n')
	d.Discard(n)
	if string(out) != "a\nb\n" || d.Offset() != 13 {
		t.Errorf("got %q, offset %d", out, d.Offset())
	}
	if f, err := d.Next(); err != nil || f.Type != 5 || f.Offset != 13 {
		t.Errorf("got %v, %v", f, err)
	}
	if _, n := AppendMessages(nil, d.Rest(), '\n'); n != 0 {
		t.Errorf("%d bytes of an unfinished frame used", n)
	}
	if _, err := d.Next(); err != ErrIncomplete {
		t.Error(err)
	}
}

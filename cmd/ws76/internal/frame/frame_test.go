package frame

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay/format"
)

// pieceReader returns what it has in pieces of the given sizes, in turn.
type pieceReader struct {
	rest  []byte
	sizes []int
	next  int
}

func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := min(r.sizes[r.next%len(r.sizes)], len(r.rest), len(p))
	r.next++
	copy(p, r.rest[:n])
	r.rest = r.rest[n:]
	return n, nil
}

// seen is all that can be seen of a run.
type seen struct{ out, warnings string } // out with the error

// encodeBy runs frame encode on in, by blocks or message by message.
func encodeBy(blocks bool, in io.Reader, o format.Options) seen {
	var out bytes.Buffer
	enc := &encoder{in: in, out: &out, options: o, encodeOptions: &encodeOptions{Options: Options{Dialect: core.Hixie76}}, blocks: blocks}
	return seen{out: printed(&out, enc.run())}
}

// decodeBy is encodeBy for frame decode.
func decodeBy(blocks bool, in io.Reader, o format.Options) seen {
	var out, log bytes.Buffer
	dec := &decoder{in: in, decodeOptions: &decodeOptions{Options: Options{Dialect: core.Hixie76, MaxMessage: o.MaxMessage, ReplaceInvalid: o.ReplaceInvalid}}, log: app.NewLogger(&log)}
	warn := func(w format.DelimiterWarning) { dec.log.Warnf("%v", w) }
	if blocks {
		dec.sink = &blockSink{w: &out, format: o.Format, delim: delimiters[o.Format], max: dec.MaxMessage, warn: warn}
	} else {
		o.Warn = warn
		dec.sink = &formatSink{w: format.NewWriter(&out, o)}
	}
	err := dec.run()
	return seen{out: printed(&out, err), warnings: log.String()}
}

func printed(out *bytes.Buffer, err error) string {
	return fmt.Sprintf("%s [error: %v]", out, named(err))
}

// The short way of whole blocks and the long one of all formats are the same to the
// user, in their bytes, their warnings and their errors.
func TestFrameBlocksAgree(t *testing.T) {
	pieces := []string{
		"\n", "\x00", "\xFF", "\x00", "\xFF", "a", "text\n", "text\x00", "\x00text\xFF", "\x00two\nlines\xFF", "\x00nul\x00inside\xFF",
		"é", "\xC3", "\x00\xC3\xFF", "\x05other\xFF", "\x80\x03abc", "\xFF\x00",
		strings.Repeat("long ", 10), strings.Repeat("\x00text\xFF", 20), strings.Repeat("line\n", 20), "\x00" + strings.Repeat("x", 5000) + "\xFF",
	}
	rapid.Check(t, func(t *rapid.T) {
		in := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(t, "in"), ""))
		o := format.Options{
			Format:         rapid.SampledFrom([]format.Format{format.Lines, format.Nul}).Draw(t, "format"),
			MaxMessage:     rapid.SampledFrom([]int64{1, 4, 50, 5000, 1 << 20}).Draw(t, "max"),
			ReplaceInvalid: rapid.Bool().Draw(t, "replace"),
		}
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{1, 2, 3, 7, 100, 1 << 20}), 1, 5).Draw(t, "sizes")
		for name, run := range map[string]func(bool, io.Reader, format.Options) seen{"encode": encodeBy, "decode": decodeBy} {
			want := run(false, bytes.NewReader(in), o)
			for _, blocks := range []bool{true, false} {
				if got := run(blocks, &pieceReader{rest: in, sizes: sizes}, o); got != want {
					t.Fatalf("%s, blocks %v, %+v, %q:\ngot  %q\nwant %q", name, blocks, o, in, got, want)
				}
			}
		}
	})
}

// Messages that fill and exceed the block take the same way.
func TestFrameLongMessages(t *testing.T) {
	for _, n := range []int{blockSize - 2, blockSize - 1, blockSize, blockSize + 1, decodeBlock - 2, decodeBlock, 3*blockSize + 5} {
		for _, max := range []int64{blockSize - 1, blockSize, blockSize + 1, 1 << 20} {
			o := format.Options{Format: format.Lines, MaxMessage: max}
			text := strings.Repeat("x", n)
			lines := "short\n" + text + "\nshort\n" + text
			want := encodeBy(false, strings.NewReader(lines), o)
			if got := encodeBy(true, strings.NewReader(lines), o); got != want {
				t.Errorf("encode %d, limit %d: got %.60q, want %.60q", n, max, got, want)
			}
			frames := hixie.AppendFrames(nil, []byte(lines), '\n')
			want = decodeBy(false, bytes.NewReader(frames), o)
			for _, sizes := range [][]int{{1 << 20}, {1460}, {100_000, 7}} {
				if got := decodeBy(true, &pieceReader{rest: frames, sizes: sizes}, o); got != want {
					t.Errorf("decode %d, limit %d: got %.60q, want %.60q", n, max, got, want)
				}
			}
		}
	}
}

// A message is on its way as soon as it is whole: nothing waits for the next read.
func TestFrameFlushesEachRead(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(bool, io.Reader, io.Writer) error
		in   []string
		want []string
	}{
		"encode": {
			func(blocks bool, r io.Reader, w io.Writer) error {
				return (&encoder{in: r, out: w, options: format.Options{Format: format.Lines, MaxMessage: 100}, encodeOptions: &encodeOptions{Options: Options{Dialect: core.Hixie76}}, blocks: blocks}).run()
			},
			[]string{"on\n", "of", "f\nand"}, []string{"\x00on\xFF", "\x00on\xFF", "\x00on\xFF\x00off\xFF"},
		},
		"decode": {
			func(blocks bool, r io.Reader, w io.Writer) error {
				dec := &decoder{in: r, decodeOptions: &decodeOptions{Options: Options{Dialect: core.Hixie76, MaxMessage: 100}}, log: app.NewLogger(io.Discard)}
				dec.sink = &formatSink{w: format.NewWriter(w, format.Options{})}
				if blocks {
					dec.sink = &blockSink{w: w, delim: '\n', max: 100}
				}
				return dec.run()
			},
			[]string{"\x00on\xFF", "\x00of", "f\xFF\x00and"}, []string{"on\n", "on\n", "on\noff\n"},
		},
	} {
		for _, blocks := range []bool{true, false} {
			in, out := io.Pipe()
			var got bytes.Buffer
			done := make(chan error)
			go func() { done <- c.run(blocks, in, &got) }()
			for i, piece := range c.in {
				io.WriteString(out, piece)
				// The pipe has no buffer: a write of nothing returns when the reader
				// has asked again, so the piece before was worked off.
				out.Write(nil)
				if got.String() != c.want[i] {
					t.Errorf("%s, blocks %v: after %q got %q, want %q", name, blocks, piece, got.String(), c.want[i])
				}
			}
			out.CloseWithError(errors.New("gone"))
			if err := <-done; err == nil || !strings.Contains(err.Error(), "reading standard input: gone") {
				t.Errorf("%s, blocks %v: got error %v", name, blocks, err)
			}
		}
	}
}

// What comes out of encode and decode is what went in, in little memory.
func TestFrameRoundTrip(t *testing.T) {
	total := 64 << 20
	if testing.Short() {
		total = 4 << 20
	}
	lines := &randomLines{rnd: rand.New(rand.NewPCG(1, 2)), left: total}
	encoded, frames := io.Pipe()
	decoded, messages := io.Pipe()
	const max = hixie.DefaultMaxMessage
	go func() {
		enc := &encoder{in: lines, out: frames, options: format.Options{Format: format.Lines, MaxMessage: max}, encodeOptions: &encodeOptions{Options: Options{Dialect: core.Hixie76}}, blocks: true}
		frames.CloseWithError(enc.run())
	}()
	go func() {
		dec := &decoder{in: encoded, decodeOptions: &decodeOptions{Options: Options{Dialect: core.Hixie76, MaxMessage: max}}, log: app.NewLogger(os.Stderr), sink: &blockSink{w: messages, delim: '\n', max: max}}
		messages.CloseWithError(dec.run())
	}()
	want := &randomLines{rnd: rand.New(rand.NewPCG(1, 2)), left: total}
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := 0; ; at += len(a) {
		n, errA := io.ReadFull(want, a)
		m, errB := io.ReadFull(decoded, b)
		if n != m || !bytes.Equal(a[:n], b[:m]) || errA != errB {
			t.Fatalf("around byte %d: got %d bytes, %v, want %d, %v", at, m, errB, n, errA)
		}
		if errA != nil {
			break
		}
	}
}

// randomLines is UTF-8 text with lines of 0 to 200 characters.
type randomLines struct {
	rnd  *rand.Rand
	left int
	line []byte
}

func (r *randomLines) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(r.line) == 0 {
			if r.left <= 0 {
				break
			}
			const letters = "abcdefghij klmnop qrst uvwxyz éß日本語🙂\r\t\x00"
			start := r.rnd.IntN(20)
			r.line = append(bytes.Repeat([]byte(letters[start:]), r.rnd.IntN(5)), letters[:start]...)
			r.line = append(r.line, '\n')
			r.left -= len(r.line)
		}
		m := copy(p[n:], r.line)
		n, r.line = n+m, r.line[m:]
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// dump runs frame dump and reads its bytes back.
func dump(r io.Reader) (in, text string, err error) {
	var out bytes.Buffer
	d := &dumper{r: r, w: bufio.NewWriter(&out), max: hixie.DefaultMaxMessage}
	err = d.run()
	d.w.Flush()
	var back []byte
	for line := range strings.Lines(out.String()) {
		var offset int
		fmt.Sscanf(line, "%x", &offset)
		p, herr := hex.DecodeString(strings.ReplaceAll(line[10:57], " ", ""))
		if offset != len(back) || herr != nil {
			return "", out.String(), fmt.Errorf("line %q after %d bytes: %w", line, len(back), herr)
		}
		back = append(back, p...)
	}
	return string(back), out.String(), err
}

func TestFrameDumpShowsEveryByte(t *testing.T) {
	for _, in := range []string{
		"", "\x00", "\x00hello\xFF\xFF\x00", "\x05odd\xFF\x80\x80\x03abc\xFF", "\x00\xC3\xFF\xFF\x00late", "\x80\xFF\xFF\xFF\xFF\xFF\x7F" + strings.Repeat("x", 100),
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nwhat", "GET / HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nbad\n", "HTTP/1.1 404 No\r\n\r\nbody", "HTTP/1.1 101 Yes\r\nSec-WebSocket-Origin: x\r\n\r\nshort",
		"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: a\r\nSec-WebSocket-Key1: 1 0\r\nSec-WebSocket-Key2: 7 7x\r\n\r\n12345678\x00x\xFF",
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
			got, text, err := dump(r)
			if got != in {
				t.Errorf("%s: %q is dumped as %q, %v\n%s", name, in, got, err, text)
			}
		}
	}
}

package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ws76/ws76/core"
)

// readAll returns what r gives, as strings, with errors between; it ends at
// io.EOF or at an error that sticks.
func readAll(r *Reader) (got []string) {
	for {
		m, err := r.Read()
		switch {
		case err == io.EOF:
			return got
		case err != nil:
			got = append(got, "error: "+err.Error())
			if r.err != nil {
				return got
			}
		case m.Kind == core.Binary:
			got = append(got, "binary: "+string(m.Data))
		default:
			got = append(got, string(m.Data))
		}
	}
}

func TestReader(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		in   string
		want []string
	}{
		{"lines", Options{}, "a\nbc\n", []string{"a", "bc"}},
		{"lines, last without newline", Options{}, "a\nbc", []string{"a", "bc"}},
		{"lines, empty ones", Options{}, "\na\n\n", []string{"", "a", ""}},
		{"lines, nothing", Options{}, "", nil},
		{"lines keep CR", Options{}, "a\r\nb\r\n", []string{"a\r", "b\r"}},
		{"lines with CRLF", Options{CRLF: true}, "a\r\nb\n\r\nc\rd\r\r\ne\r", []string{"a", "b", "", "c\rd\r", "e"}},
		{"lines, binary", Options{Kind: core.Binary}, "\xff\x00\n", []string{"binary: \xff\x00"}},
		{"lines, not UTF-8", Options{}, "ok\nab\xffc\nnext\n",
			[]string{"ok", "error: line 2, offset 5: byte 2, 0xff, is not valid UTF-8", "next"}},
		{"lines, replaced", Options{ReplaceInvalid: true}, "ab\xffc\nnext\n", []string{"ab\uFFFDc", "next"}},
		{"lines, too large", Options{MaxMessage: 3}, "abc\nabcd\nabc\n",
			[]string{"abc", "error: line 2, offset 4: a message is over the limit of 3 bytes"}},
		{"lines, too large at the end", Options{MaxMessage: 3}, "abcd", []string{"error: line 1, offset 0: a message is over the limit of 3 bytes"}},
		{"lines, CR beside the limit", Options{MaxMessage: 3, CRLF: true}, "abc\r\nabcd\n",
			[]string{"abc", "error: line 2, offset 5: a message is over the limit of 3 bytes"}},
		{"lines, too large when replaced", Options{MaxMessage: 3, ReplaceInvalid: true}, "\xff\n\xff\xff\n",
			[]string{"\uFFFD", "error: line 2, offset 2: a message is over the limit of 3 bytes"}},

		{"nul", Options{Format: Nul}, "a\nb\x00\x00c", []string{"a\nb", "", "c"}},
		{"nul, not UTF-8", Options{Format: Nul}, "a\x00\xc3\x00", []string{"a", "error: message 2, offset 2: byte 0, 0xc3, is not valid UTF-8"}},

		{"whole", Options{Format: Whole}, "a\nb\x00\n", []string{"a\nb\x00\n"}},
		{"whole, nothing", Options{Format: Whole}, "", nil},
		{"whole, not UTF-8", Options{Format: Whole}, "a\n\xe2\x82", []string{"error: offset 2: byte 2, 0xe2, is not valid UTF-8"}},
		{"whole, too large", Options{Format: Whole, MaxMessage: 3}, "abcd", []string{"error: offset 0: a message is over the limit of 3 bytes"}},

		{"hex", Options{Format: Hex}, "6162\n\n63 6D\t6d \r\n41", []string{"ab", "", "cmm", "A"}},
		{"hex, binary", Options{Format: Hex, Kind: core.Binary}, "fF00\n", []string{"binary: \xff\x00"}},
		{"hex, bad digit", Options{Format: Hex}, "61\n6x\n62\n", []string{"a", `error: line 2, offset 4: not hex: 'x' is no digit`, "b"}},
		{"hex, odd", Options{Format: Hex}, "616\n6 1\n", []string{"error: line 1, offset 3: not hex: a byte of one digit", "error: line 2, offset 5: not hex: a byte of one digit"}},
		{"hex, not UTF-8", Options{Format: Hex}, "61\n61ff\n", []string{"a", "error: line 2, offset 3: byte 1, 0xff, is not valid UTF-8"}},
		{"hex, replaced", Options{Format: Hex, ReplaceInvalid: true}, "61ff\n", []string{"a\uFFFD"}},
		{"hex, too large", Options{Format: Hex, MaxMessage: 2}, "61 62 \r\n616263\n", []string{"ab", "error: line 2, offset 8: a message is over the limit of 2 bytes"}},

		{"base64", Options{Format: Base64}, "YQ==\nYWI=\n\nYWJj\r\nYQ\nYWI", []string{"a", "ab", "", "abc", "a", "ab"}},
		{"base64, bad", Options{Format: Base64}, "Y!==\nYWJj\nY\nYR==\nYW\rJj\nYQ=\n", []string{
			`error: line 1, offset 1: not base64: '!' is no digit`, "abc",
			"error: line 3, offset 11: not base64: it ends within a group of four",
			"error: line 4, offset 14: not base64: padding where none belongs",
			"error: line 5, offset 19: not base64: a CR within a line",
			"error: line 6, offset 26: not base64: it ends within a group of four"}},
		{"base64, too large", Options{Format: Base64, MaxMessage: 3}, "YWJj\r\nYWJjZA==\n",
			[]string{"abc", "error: line 2, offset 6: a message is over the limit of 3 bytes"}},

		{"len32", Options{Format: Len32}, "\x00\x00\x00\x02a\n\x00\x00\x00\x00\x00\x00\x00\x01b", []string{"a\n", "", "b"}},
		{"len32, not UTF-8", Options{Format: Len32}, "\x00\x00\x00\x02a\xff\x00\x00\x00\x01b",
			[]string{"error: message 1, offset 5: byte 1, 0xff, is not valid UTF-8", "b"}},
		{"len32, cut length", Options{Format: Len32}, "\x00\x00\x00\x01b\x00\x00",
			[]string{"b", "error: message 2, offset 5: not len32: the input ends after 2 of the 4 bytes of a length"}},
		{"len32, cut message", Options{Format: Len32}, "\x00\x00\x00\x05abc",
			[]string{"error: message 1, offset 0: not len32: the input ends after 3 of the 5 bytes of a message"}},
		{"len32, too large", Options{Format: Len32, MaxMessage: 5}, "\x00\x00\x00\x05abcde\xff\xff\xff\xffa",
			[]string{"abcde", "error: message 2, offset 9: a message of 4294967295 bytes is over the limit of 5"}},

		{"json", Options{Format: JSON}, `{"data":"a\n\u00e9\ud83d\ude00\"\\\/\b\f\r\t"}` + "\n \n" +
			` {"base64":"/wA=","dir":"in","x":[1]} ` + "\r\n" + `{"kind":"binary","data":"b"}` + "\n" + `{"base64":"Yw","kind":"text","data":null}`,
			[]string{"a\né😀\"\\/\b\f\r\t", "binary: \xff\x00", "binary: b", "c"}},
		{"json, what is wrong", Options{Format: JSON}, strings.Join([]string{
			`{}`, `{"data":"a","base64":"YQ=="}`, `{"data":1}`, `{"data":"a","kind":"tekst"}`, `{"data":"\ud83d"}`,
			`{"base64":"Y"}`, `["a"]`, `{"data":"a"`, `{"data":"a","kind":7}`, `"\udc00\ud83d"`, `  {"data":"` + "\xff" + `"}`, `{"base64":"/w","kind":"text"}`,
		}, "\n"), []string{
			`error: line 1, offset 0: not json: it has neither "data" nor "base64"`,
			`error: line 2, offset 3: not json: it has both "data" and "base64"`,
			`error: line 3, offset 32: not json: "data" is no string`,
			`error: line 4, offset 43: not json: "kind" is "tekst", neither "text" nor "binary"`,
			`error: line 5, offset 71: not json: "data" has half of a surrogate pair, which is no character`,
			`error: line 6, offset 89: not json: "base64" at byte 1: it ends within a group of four`,
			`error: line 7, offset 104: not json: the line is an array`,
			`error: line 8, offset 120: not json: unexpected end of JSON input`,
			`error: line 9, offset 141: not json: "kind" is a number`,
			`error: line 10, offset 157: not json: the line is a string`,
			`error: line 11, offset 170: byte 9, 0xff, is not valid UTF-8`,
			`error: line 12, offset 174: byte 0, 0xff, is not valid UTF-8`,
		}},
		{"json, replaced", Options{Format: JSON, ReplaceInvalid: true}, `{"data":"\ud83d\u0041` + "\xff" + `"}`, []string{"\uFFFDA\uFFFD"}},
		{"json, too large", Options{Format: JSON, MaxMessage: 3}, `{"data":"\u0061bc"}` + "\n" + `{"data":"abcd"}`,
			[]string{"abc", "error: line 2, offset 20: a message is over the limit of 3 bytes"}},

		{"template", Options{Format: Templated}, "a\n", []string{`error: the format "template" is for output only`}},
	}
	for _, tt := range tests {
		for how, wrap := range readings {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				got := readAll(NewReader(wrap(strings.NewReader(tt.in)), tt.o))
				if !reflect.DeepEqual(got, tt.want) {
					t.Errorf("got\n%q, want\n%q", got, tt.want)
				}
			})
		}
	}
}

// readings are ways for the same bytes to arrive.
var readings = map[string]func(io.Reader) io.Reader{
	"whole":      func(r io.Reader) io.Reader { return r },
	"one byte":   iotest.OneByteReader,
	"half":       iotest.HalfReader,
	"with error": iotest.DataErrReader,
}

func TestReaderErrors(t *testing.T) {
	_, err := NewReader(strings.NewReader("abcd\n"), Options{MaxMessage: 3}).Read()
	var large *TooLargeError
	if !errors.Is(err, core.ErrMessageTooLarge) || !errors.As(err, &large) || large.Limit != 3 {
		t.Errorf("%v is no %v", err, core.ErrMessageTooLarge)
	}
	_, err = NewReader(strings.NewReader("\x00"), Options{Format: Len32}).Read()
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not wrap io.ErrUnexpectedEOF", err)
	}

	// A failing stream: what was whole before, then its error, and nothing of what it cut.
	boom := errors.New("boom")
	for _, f := range Inputs {
		in := map[Format]string{Len32: "\x00\x00\x00\x01a\x00", Hex: "61\n6", Base64: "YQ\nY", JSON: `{"data":"a"}` + "\n{", Nul: "a\x00b", Lines: "a\nb"}[f]
		r := NewReader(io.MultiReader(strings.NewReader(in), iotest.ErrReader(boom)), Options{Format: f})
		if f != Whole {
			if m, err := r.Read(); err != nil || string(m.Data) != "a" {
				t.Errorf("%s: got %q, %v", f, m.Data, err)
			}
		}
		for range 2 {
			if m, err := r.Read(); err != boom || m.Data != nil {
				t.Errorf("%s: got %q, %v, want the stream's error", f, m.Data, err)
			}
		}
	}

	if _, err := NewReader(stalled{}, Options{}).Read(); err != io.ErrNoProgress {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

type stalled struct{}

func (stalled) Read([]byte) (int, error) { return 0, nil }

func TestReady(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	for _, tt := range []struct {
		f        Format
		o        Options
		in       string // in one write; Read takes the first message of it
		then     bool   // another is there
		afterAll bool
	}{
		{Lines, Options{}, "a\nb", false, false},
		{Lines, Options{}, "a\nb\n", true, false},
		{Lines, Options{MaxMessage: 3}, "a\nbcde", true, true},
		{Nul, Options{}, "a\x00b\n\x00", true, false},
		{JSON, Options{}, "{\"data\":\"a\"}\n \n", false, false},
		{JSON, Options{}, "{\"data\":\"a\"}\n{}\n", true, false},
		{Len32, Options{}, "\x00\x00\x00\x01a\x00\x00\x00\x01", false, false},
		{Len32, Options{}, "\x00\x00\x00\x01a\x00\x00\x00\x00", true, false},
		{Len32, Options{MaxMessage: 3}, "\x00\x00\x00\x01a\xff\xff\xff\xff", true, true},
	} {
		tt.o.Format = tt.f
		r := NewReader(pr, tt.o)
		if r.Ready() {
			t.Errorf("%s %q: ready before anything came", tt.f, tt.in)
		}
		go pw.Write([]byte(tt.in))
		m, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if r.Ready() != tt.then || string(m.Data) != "a" {
			t.Errorf("%s %q: after %q Ready is %v", tt.f, tt.in, m.Data, r.Ready())
		}
		if tt.then {
			r.Read()
			if r.Ready() != tt.afterAll {
				t.Errorf("%s %q: after all of it Ready is %v", tt.f, tt.in, r.Ready())
			}
		}
	}
	r := NewReader(strings.NewReader("a"), Options{Format: Whole})
	if r.Ready() {
		t.Error("whole: ready before the end is known")
	}
	r.Read()
	if !r.Ready() {
		t.Error("not ready for io.EOF")
	}
}

// The position of a message is that of its record: blank lines count.
func TestReaderPosition(t *testing.T) {
	for _, tt := range []struct {
		f    Format
		in   string
		want []string
	}{
		{Lines, "a\n\nbc", []string{"line 1, offset 0", "line 2, offset 2", "line 3, offset 3"}},
		{Nul, "a\x00b", []string{"message 1, offset 0", "message 2, offset 2"}},
		{JSON, "{\"data\":\"a\"}\n \n{\"data\":\"b\"}\n", []string{"line 1, offset 0", "line 3, offset 15"}},
		{Len32, "\x00\x00\x00\x01a\x00\x00\x00\x01b", []string{"message 1, offset 0", "message 2, offset 5"}},
		{Whole, "a\nb", []string{"offset 0"}},
	} {
		r := NewReader(strings.NewReader(tt.in), Options{Format: tt.f})
		for i, want := range tt.want {
			if _, err := r.Read(); err != nil || r.Position().String() != want {
				t.Errorf("%s %q: message %d is at %v, %v; want %s", tt.f, tt.in, i+1, r.Position(), err, want)
			}
		}
	}
}

// A limit is checked before memory is spent, and a large message that came is
// not kept for ever.
func TestReaderMemory(t *testing.T) {
	for _, f := range []Format{Lines, Whole, Hex, Base64, Len32, JSON} {
		in := io.MultiReader(strings.NewReader(map[Format]string{Len32: "\x00\x0f\xff\xff"}[f]), endless('6'))
		r := NewReader(in, Options{Format: f, MaxMessage: 1 << 20})
		if f == Len32 {
			r = NewReader(in, Options{Format: f, MaxMessage: 1<<20 - 2})
		}
		if _, err := r.Read(); !errors.Is(err, core.ErrMessageTooLarge) {
			t.Errorf("%s: %v", f, err)
		}
		if limit := int(r.maxRecord) + firstBuffer; len(r.buf) > limit {
			t.Errorf("%s: spent %d bytes on a message that may have %d", f, len(r.buf), r.maxRecord)
		}
	}

	big := strings.Repeat("x", 8<<20)
	r := NewReader(io.MultiReader(strings.NewReader(big+"\n"), strings.NewReader("y\n")), Options{})
	for _, want := range []string{big, "y"} {
		m, err := r.Read()
		if err != nil || string(m.Data) != want {
			t.Fatalf("got %d bytes, %v", len(m.Data), err)
		}
	}
	if len(r.buf) > fullBuffer {
		t.Errorf("keeps a buffer of %d bytes after a large message", len(r.buf))
	}
	// A lone length spends nothing.
	r = NewReader(iotest.OneByteReader(strings.NewReader("\x00\xff\x00\x00x")), Options{Format: Len32})
	r.Read()
	if len(r.buf) > firstBuffer {
		t.Errorf("spent %d bytes on a length", len(r.buf))
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestReaderAllocs(t *testing.T) {
	for _, o := range []Options{{Format: Lines}, {Format: Lines, CRLF: true}, {Format: Nul}, {Format: Len32}, {Format: Hex}} {
		msg := map[Format]string{Lines: "a line of text\r\n", Nul: "text\x00", Len32: "\x00\x00\x00\x02ab", Hex: "616263\n"}[o.Format]
		r := NewReader(&loop{data: []byte(strings.Repeat(msg, 1000))}, o)
		for range 100_000 {
			r.Read() // until the buffer has its size
		}
		if n := testing.AllocsPerRun(10_000, func() {
			if _, err := r.Read(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per message", o.Format, n)
		}
	}
}

// loop reads the same bytes over and over.
type loop struct {
	data []byte
	at   int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.data[l.at:])
	l.at = (l.at + n) % len(l.data)
	return n, nil
}

func BenchmarkReader(b *testing.B) {
	for _, size := range []int{16, 100, 1024, 65536} {
		line := append(bytes.Repeat([]byte("x"), size-1), '\n')
		for _, f := range []Format{Lines, JSON} {
			if f == JSON {
				line = fmt.Appendf(nil, "{\"data\":%q}\n", line[:size-1])
			}
			b.Run(fmt.Sprintf("%s/%d", f, size), func(b *testing.B) {
				r := NewReader(&loop{data: bytes.Repeat(line, max(1, 256<<10/size))}, Options{Format: f})
				b.SetBytes(int64(len(line)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.Read(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

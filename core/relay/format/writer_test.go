package format

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ws76/ws76/core"
)

var noon = time.Date(2026, 2, 3, 12, 0, 0, 1500000, time.UTC)

func mustTemplate(t testing.TB, s string) *Template {
	t.Helper()
	tmpl, err := ParseTemplate(s)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestWriter(t *testing.T) {
	txt := func(s string) core.Message { return core.Message{Data: []byte(s)} }
	bin := func(s string) core.Message { return core.Message{Data: []byte(s), Kind: core.Binary} }
	meta := Meta{Dir: "in", Time: noon, Conn: 1, Path: "/ws\x1b"}
	everything := mustTemplate(t, `%T %d %j %k %c %n %p %%\n\t\r\0\\\x41`)
	tests := []struct {
		name string
		o    Options
		meta Meta
		msgs []core.Message
		want string
	}{
		{"lines", Options{}, meta, []core.Message{txt("a"), txt(""), txt("b\nc"), bin("\xff")}, "a\n\nb\nc\n\xff\n"},
		{"lines with CRLF", Options{CRLF: true}, meta, []core.Message{txt("a"), txt("b")}, "a\r\nb\r\n"},
		{"nul", Options{Format: Nul, CRLF: true}, meta, []core.Message{txt("a"), txt("b\n")}, "a\x00b\n\x00"},
		{"raw", Options{Format: Raw}, meta, []core.Message{txt("a"), txt("b\n")}, "ab\n"},
		{"hex", Options{Format: Hex}, meta, []core.Message{txt("Aé"), txt("")}, "41c3a9\n\n"},
		{"base64", Options{Format: Base64}, meta, []core.Message{txt("a"), txt("abc")}, "YQ==\nYWJj\n"},
		{"len32", Options{Format: Len32}, meta, []core.Message{txt("ab"), txt("")}, "\x00\x00\x00\x02ab\x00\x00\x00\x00"},
		{"json", Options{Format: JSON}, meta, []core.Message{txt("a\"\\\n\r\t\x00\x7f/<é\u0085\u202e"), bin("\xff"), txt("\xff")},
			`{"data":"a\"\\\n\r\t\u0000\u007f/<é\u0085\u202e","kind":"text","dir":"in","time":"2026-02-03T12:00:00.0015Z","conn":1}` + "\n" +
				`{"base64":"/w==","kind":"binary","dir":"in","time":"2026-02-03T12:00:00.0015Z","conn":1}` + "\n" +
				`{"base64":"/w==","kind":"text","dir":"in","time":"2026-02-03T12:00:00.0015Z","conn":1}` + "\n"},
		{"json of little", Options{Format: JSON}, Meta{}, []core.Message{txt("")}, `{"data":"","kind":"text"}` + "\n"},
		{"json beyond the basic plane", Options{Format: JSON}, Meta{}, []core.Message{txt("\U000e0001")}, `{"data":"` + "\U000e0001" + `","kind":"text"}` + "\n"},
		{"json of a frame", Options{Format: JSON}, Meta{Frame: &Frame{Type: 0x80, Length: 3}}, []core.Message{bin("abc")},
			`{"base64":"YWJj","kind":"binary","type":128,"length":3}` + "\n"},
		{"template", Options{Format: Templated, Template: everything}, meta, []core.Message{txt("\x1b"), bin("\xff")},
			"2026-02-03T12:00:00.001Z \x1b \"\\u001b\" text 1 1 /ws\x1b %\n\t\r\x00\\A" +
				"2026-02-03T12:00:00.001Z \xff \"/w==\" binary 1 2 /ws\x1b %\n\t\r\x00\\A"},
		{"template on a terminal", Options{Format: Templated, Template: mustTemplate(t, `%d %p;`), Escape: true}, meta, []core.Message{txt("\x1b[2J")},
			`\x1b[2J /ws\x1b;`},
		{"lines on a terminal", Options{Escape: true}, meta, []core.Message{txt("\x1b]0;x\a é\n"), bin("\x00\xff")}, "\\x1b]0;x\\x07 é\n\n\\x00\\xff\n"},
		{"raw on a terminal", Options{Format: Raw, Escape: true}, meta, []core.Message{txt("\r\u009b2J")}, `\x0d\u009b2J`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			w := NewWriter(&out, tt.o)
			for _, m := range tt.msgs {
				if err := w.Write(m, tt.meta); err != nil {
					t.Fatal(err)
				}
			}
			if out.Len() > 0 {
				t.Errorf("%q is out before Flush", out.String())
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != tt.want {
				t.Errorf("got\n%q, want\n%q", got, tt.want)
			}
		})
	}
}

func TestWarn(t *testing.T) {
	for _, tt := range []struct {
		f    Format
		bad  string
		want string
	}{
		{Lines, "a\nb", `message 2 holds a newline at byte 1, and messages end with one in the output format "lines"; nul or json would tell them apart`},
		{Nul, "\x00", `message 2 holds a zero byte at byte 0, and messages end with one in the output format "nul"; len32 or json would tell them apart`},
		{Raw, "a\nb\x00", ""},
		{JSON, "a\nb\x00", ""},
	} {
		var got []string
		w := NewWriter(io.Discard, Options{Format: tt.f, Warn: func(d DelimiterWarning) { got = append(got, d.String()) }})
		for _, m := range []string{"fine", tt.bad, tt.bad} {
			if err := w.Write(core.Message{Data: []byte(m)}, Meta{}); err != nil {
				t.Fatal(err)
			}
		}
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: warned %q, want %q", tt.f, got, want)
		}
	}
}

// writes notes the sizes of writes and fails when told.
type writes struct {
	sizes []int
	err   error
}

func (w *writes) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.sizes = append(w.sizes, len(p))
	return len(p), nil
}

func TestWriterWritesByItself(t *testing.T) {
	out := &writes{}
	w := NewWriter(out, Options{})
	small, large := core.Message{Data: make([]byte, 1023)}, core.Message{Data: make([]byte, 1<<20)}
	for range 65 {
		w.Write(small, Meta{})
	}
	w.Write(large, Meta{})
	w.Flush()
	w.Flush()
	if want := []int{64 << 10, 1024, 1 << 20, 1}; !reflect.DeepEqual(out.sizes, want) {
		t.Errorf("writes of %v bytes, want %v", out.sizes, want)
	}

	out.err = errors.New("boom")
	if err := w.Write(large, Meta{}); err != out.err {
		t.Errorf("got %v", err)
	}
	err := out.err
	out.err = nil
	if w.Write(small, Meta{}) != err || w.Flush() != err {
		t.Error("the error does not stick")
	}
	if err := NewWriter(out, Options{Format: Templated}).Write(small, Meta{}); err == nil {
		t.Error("no template, no error")
	}
}

func TestParseTemplateErrors(t *testing.T) {
	for in, want := range map[string]string{
		`a%x`:    `template: at byte 1: unknown "%x"; known are %T %d %j %k %c %n %p %%`,
		`a%é`:    `template: at byte 1: unknown "%é"; known are %T %d %j %k %c %n %p %%`,
		`%d%`:    `template: at byte 2: '%' at the end; write it twice for itself`,
		`%d\`:    `template: at byte 2: '\\' at the end; write it twice for itself`,
		`%d\q`:   `template: at byte 2: unknown escape "\q"; known are \n \t \r \0 \\ \xNN`,
		`\x4`:    `template: at byte 0: unknown escape "\x"; known are \n \t \r \0 \\ \xNN`,
		`\xzz\n`: `template: at byte 0: unknown escape "\x"; known are \n \t \r \0 \\ \xNN`,
		`\x+1`:   `template: at byte 0: unknown escape "\x"; known are \n \t \r \0 \\ \xNN`,
	} {
		if _, err := ParseTemplate(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func TestParseOutput(t *testing.T) {
	for _, want := range Outputs {
		if f, err := ParseOutput(string(want)); f != want || err != nil {
			t.Errorf("%q: %q, %v", want, f, err)
		}
	}
	for _, name := range []string{"whole", "template", ""} {
		want := fmt.Sprintf("unknown output format %q: known are lines nul raw hex base64 len32 json", name)
		if _, err := ParseOutput(name); err == nil || err.Error() != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAppendEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"plain, é 漢 😀 \\ \n\t":                  "plain, é 漢 😀 \\ \n\t",
		"\x00\a\b\x1b\r\x7f":                    `\x00\x07\x08\x1b\x0d\x7f`,
		"a\xffb\xc3":                            `a\xffb\xc3`,
		"\u0080\u009b\u00a0":                    `\u0080\u009b` + "\u00a0",
		"\u202e\u2066\u200f\u061c\u2028 \u200d": `\u202e\u2066\u200f\u061c\u2028 ` + "\u200d",
		"\ufffd":                                "\ufffd",
	} {
		if got := string(AppendEscaped([]byte("> "), []byte(in))); got != "> "+want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// What is shown on a terminal holds nothing that a terminal would obey.
func TestAppendEscapedIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		p = append(p, rapid.String().Draw(t, "text")...)
		for _, got := range []string{string(AppendEscaped(nil, p)), string(appendJSONString(nil, p))} {
			for i, u := range got {
				if u == 0xFFFD && got[i] != 0xEF || u < ' ' && u != '\n' && u != '\t' || 0x7F <= u && u < 0xA0 || 0x202A <= u && u <= 0x202E {
					t.Fatalf("%q: %U at byte %d of %q", p, u, i, got)
				}
			}
		}
	})
}

// lossless formats give back what was written, for messages they can hold.
var lossless = []Options{
	{Format: Lines}, {Format: Lines, CRLF: true}, {Format: Nul}, {Format: Whole},
	{Format: Hex}, {Format: Hex, CRLF: true}, {Format: Base64}, {Format: Base64, CRLF: true},
	{Format: Len32}, {Format: JSON}, {Format: JSON, CRLF: true},
}

// fits reports whether m comes back from o's format as the nth of several.
func fits(o Options, m core.Message, n int) bool {
	switch o.Format {
	case Lines:
		return bytes.IndexByte(m.Data, '\n') < 0
	case Nul:
		return bytes.IndexByte(m.Data, 0) < 0
	case Whole:
		return n == 0 && len(m.Data) > 0
	}
	return true
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(lossless).Draw(t, "format")
		o.Kind = core.Kind(rapid.IntRange(0, 1).Draw(t, "kind"))
		o.MaxMessage = 1 << 20
		var msgs []core.Message
		for range rapid.IntRange(1, 20).Draw(t, "messages") {
			m := core.Message{Kind: o.Kind}
			if o.Format == JSON { // says the kind itself
				m.Kind = core.Kind(rapid.IntRange(0, 1).Draw(t, "kind"))
			}
			if m.Kind == core.Text {
				m.Data = []byte(rapid.String().Draw(t, "text"))
			} else {
				m.Data = rapid.SliceOf(rapid.Byte()).Draw(t, "data")
			}
			if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
				m.Data = bytes.Repeat(append(m.Data, 'x'), rapid.IntRange(1, 5000).Draw(t, "times"))
			}
			if fits(o, m, len(msgs)) {
				msgs = append(msgs, m)
			}
		}
		var stream bytes.Buffer
		w := NewWriter(&stream, o)
		for _, m := range msgs {
			if err := w.Write(m, Meta{Dir: "in", Time: noon, Conn: 7}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		r := NewReader(&pieces{data: stream.Bytes(), rnd: rand.New(rand.NewPCG(uint64(stream.Len()), 1))}, o)
		for i, want := range msgs {
			got, err := r.Read()
			if err != nil || !bytes.Equal(got.Data, want.Data) || got.Kind != want.Kind {
				t.Fatalf("message %d is %s %q, %v; want %s %q", i, got.Kind, got.Data, err, want.Kind, want.Data)
			}
		}
		if m, err := r.Read(); err != io.EOF {
			t.Fatalf("got %q, %v, want the end", m.Data, err)
		}
	})
}

// pieces reads data in pieces of any size.
type pieces struct {
	data []byte
	rnd  *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.rnd.IntN(10_000))], p.data)
	p.data = p.data[n:]
	return n, nil
}

func TestWriterAllocs(t *testing.T) {
	meta := Meta{Dir: "in", Time: noon, Conn: 1, Path: "/"}
	m := core.Message{Data: []byte("a line of text with é")}
	for _, o := range []Options{
		{Format: Lines, Warn: func(DelimiterWarning) {}}, {Format: Lines, Escape: true}, {Format: Nul}, {Format: Raw}, {Format: Hex}, {Format: Base64}, {Format: Len32}, {Format: JSON},
		{Format: Templated, Template: mustTemplate(t, `%T %d %j %k %c %n %p\n`)},
	} {
		w := NewWriter(io.Discard, o)
		for range 2000 {
			w.Write(m, meta)
		}
		if n := testing.AllocsPerRun(1000, func() { w.Write(m, meta) }); n != 0 {
			t.Errorf("%s: %v allocations per message", o.Format, n)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	meta := Meta{Dir: "in", Time: noon, Conn: 1}
	for _, size := range []int{16, 1024} {
		m := core.Message{Data: []byte(strings.Repeat("x", size))}
		for _, o := range []Options{{Format: Lines}, {Format: Lines, Escape: true}, {Format: Hex}, {Format: JSON}} {
			b.Run(fmt.Sprintf("%s,escape=%v/%d", o.Format, o.Escape, size), func(b *testing.B) {
				w := NewWriter(io.Discard, o)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					w.Write(m, meta)
				}
			})
		}
	}
}

// What becomes longer is written in pieces, and comes to the same.
func TestWriterInPieces(t *testing.T) {
	const most = 2 * fullOutput
	for name, data := range map[string]string{
		"controls": strings.Repeat("\x01", 1<<20), "wide": strings.Repeat("x€\u202e", 1<<18), "emoji": "x" + strings.Repeat("😀", 1<<18), "bytes": strings.Repeat("\xe2\x82", 1<<19),
	} {
		for _, f := range []Options{{Format: JSON}, {Format: Hex}, {Format: Base64}, {Format: Lines, Escape: true}} {
			for _, kind := range []core.Kind{core.Text, core.Binary} {
				m := core.Message{Data: []byte(data), Kind: kind}
				var want []byte
				switch f.Format {
				case JSON:
					want = AppendJSON(nil, m, Meta{Dir: "in"})
				case Hex:
					want = hex.AppendEncode(nil, m.Data)
				case Base64:
					want = base64.StdEncoding.AppendEncode(nil, m.Data)
				default:
					want = AppendEscaped(nil, m.Data)
				}
				var got bytes.Buffer
				sizes := &writes{}
				w := NewWriter(io.MultiWriter(&got, sizes), f)
				if err := errors.Join(w.Write(m, Meta{Dir: "in"}), w.Flush()); err != nil {
					t.Error(err)
				}
				if got.String() != string(want)+"\n" {
					t.Errorf("%s of %s %s: %d bytes that differ from the %d of one piece", f.Format, kind, name, got.Len(), len(want)+1)
				}
				if largest := slices.Max(sizes.sizes); largest > most || cap(w.buf) > 2*most {
					t.Errorf("%s of %s %s: a write of %d bytes, and room for %d", f.Format, kind, name, largest, cap(w.buf))
				}
			}
		}
	}
}

package format

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ws76/ws76/core"
)

// FuzzReader: whatever the bytes, a Reader gives the same messages and errors
// for them in one piece, byte by byte and cut in two, spends no more memory than
// its limit allows, and gives no text that is not UTF-8.
func FuzzReader(f *testing.F) {
	for i := range Inputs {
		for _, seed := range []string{
			"", "a\nb\r\n\nc", "a\x00b\x00\x00c", "6162 63\n6\n6x\n", "YQ==\nYWJj\r\nY\n", "\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\xff",
			`{"data":"a\u00e9\ud83d\ude00"}` + "\n\n" + `{"base64":"/w==","kind":"text"}` + "\n{\n", "\xff\n\xc3\xa9\xc3\n",
		} {
			f.Add(uint8(i), uint8(i), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, format, opts uint8, data []byte) {
		o := Options{
			Format:         Inputs[int(format)%len(Inputs)],
			CRLF:           opts&1 != 0,
			ReplaceInvalid: opts&2 != 0,
			Kind:           core.Kind(opts >> 2 & 1),
			MaxMessage:     int64(1 + opts>>3), // 1 to 32
		}
		whole := NewReader(bytes.NewReader(data), o)
		want := readAll(whole)
		for _, m := range want {
			if strings.HasPrefix(m, "error: ") || strings.HasPrefix(m, "binary: ") {
				continue
			}
			if int64(len(m)) > o.MaxMessage || !bytes.Equal(bytes.ToValidUTF8([]byte(m), nil), []byte(m)) {
				t.Fatalf("%+v: message %q of %q", o, m, data)
			}
		}
		if got := readAll(NewReader(iotest.OneByteReader(bytes.NewReader(data)), o)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v: byte by byte\n%q, whole\n%q", o, got, want)
		}
		cut := 0
		if len(data) > 0 {
			cut = int(opts) * 31 % len(data)
		}
		halves := NewReader(iotest.DataErrReader(&twice{data[:cut], data[cut:]}), o)
		if got := readAll(halves); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v: cut at %d\n%q, whole\n%q", o, cut, got, want)
		}
		for _, r := range []*Reader{whole, halves} {
			if len(r.buf) > fullBuffer+int(r.maxRecord) || cap(r.out) > 4096+8*int(o.MaxMessage+r.maxRecord) {
				t.Fatalf("%+v: %d and %d bytes of memory", o, len(r.buf), cap(r.out))
			}
		}
	})
}

// twice reads a, then b.
type twice struct{ a, b []byte }

func (r *twice) Read(p []byte) (int, error) {
	if len(r.a) == 0 {
		r.a, r.b = r.b, nil
		if len(r.a) == 0 {
			return bytes.NewReader(nil).Read(p)
		}
	}
	n := copy(p, r.a)
	r.a = r.a[n:]
	return n, nil
}

// FuzzTemplate: a template is refused or does something, and no message can make
// it fail.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{`%T %d %j %k %c %n %p %%\n\t\r\0\\\x41`, `%`, `\`, `\x`, `%é`} {
		f.Add(s, []byte("a\x1b\xff"))
	}
	f.Fuzz(func(t *testing.T, s string, data []byte) {
		tmpl, err := ParseTemplate(s)
		if err != nil {
			if tmpl != nil {
				t.Fatalf("%q: a template with an error", s)
			}
			return
		}
		var out bytes.Buffer
		w := NewWriter(&out, Options{Format: Templated, Template: tmpl})
		if err := w.Write(core.Message{Data: data}, Meta{}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil || s != "" && out.Len() == 0 && len(data) > 0 && s != "%p" && !bytes.Contains([]byte(s), []byte("%p")) {
			t.Fatalf("%q: wrote nothing, %v", s, err)
		}
	})
}

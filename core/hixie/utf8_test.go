package hixie

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

var utf8Cases = []struct {
	in  string
	at  int
	out string
}{
	{"", -1, ""},
	{"plain", -1, "plain"},
	{"żółć 日本 🙂", -1, "żółć 日本 🙂"},
	{"\uFFFD is valid", -1, "\uFFFD is valid"},
	{"\xFF", 0, "\uFFFD"},
	{"ab\x80cd", 2, "ab\uFFFDcd"},
	{"cut \xE6\x97", 4, "cut \uFFFD\uFFFD"},
	{"\xC3(", 0, "\uFFFD("},
	{"overlong \xC0\x80", 9, "overlong \uFFFD\uFFFD"},
	{"surrogate \xED\xA0\x80", 10, "surrogate \uFFFD\uFFFD\uFFFD"},
	{"beyond \xF4\x90\x80\x80!", 7, "beyond \uFFFD\uFFFD\uFFFD\uFFFD!"},
	{"é\xE9é\xE9", 2, "é\uFFFDé\uFFFD"},
}

func TestUTF8(t *testing.T) {
	for _, c := range utf8Cases {
		// Long strings take another path than short ones.
		for _, pad := range []string{"", "0123456789abcdef0123456789abcdef0123456789"} {
			p, at := []byte(pad+c.in), c.at
			if at >= 0 {
				at += len(pad)
			}
			if got := ValidUTF8(p); got != (at < 0) {
				t.Errorf("ValidUTF8(%q) = %v", p, got)
			}
			if got := InvalidAt(p); got != at {
				t.Errorf("InvalidAt(%q) = %d, want %d", p, got, at)
			}
			if got := string(AppendValidUTF8([]byte(">"), p)); got != ">"+pad+c.out {
				t.Errorf("AppendValidUTF8(%q) = %q, want %q", p, got, pad+c.out)
			}
		}
	}
}

// checkUTF8 compares with the standard library.
func checkUTF8(t *testing.T, p []byte) {
	t.Helper()
	if got, want := ValidUTF8(p), utf8.Valid(p); got != want {
		t.Fatalf("ValidUTF8(%q) = %v", p, got)
	}
	at := -1
	var want []byte
	for i, r := range string(p) {
		if r == utf8.RuneError && !bytes.HasPrefix(p[i:], []byte("\uFFFD")) && at < 0 {
			at = i
		}
		want = utf8.AppendRune(want, r)
	}
	if got := InvalidAt(p); got != at {
		t.Fatalf("InvalidAt(%q) = %d, want %d", p, got, at)
	}
	if got := AppendValidUTF8(nil, p); !bytes.Equal(got, want) {
		t.Fatalf("AppendValidUTF8(%q) = %q, want %q", p, got, want)
	}
}

func TestUTF8Agrees(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 9))
	pieces := []string{
		"a", "the quick brown fox ", "é", "日", "🙂", "\uFFFD",
		"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE0\x80\x80", "\x80", "\xC3", "\xE6\x97", "\xF0\x9F\x99", "\x00", "\xF8\x88\x80\x80\x80",
	}
	for range 50_000 {
		var b []byte
		for range r.IntN(40) {
			j := r.IntN(len(pieces))
			if j > 5 && r.IntN(12) != 0 {
				j = r.IntN(6)
			}
			b = append(b, pieces[j]...)
		}
		if r.IntN(4) == 0 && len(b) > 0 {
			b = b[:r.IntN(len(b))]
		}
		checkUTF8(t, b)
	}
}

func FuzzUTF8(f *testing.F) {
	for _, c := range utf8Cases {
		f.Add([]byte(c.in))
		f.Add([]byte("0123456789abcdef0123456789abcdef" + c.in))
	}
	f.Fuzz(checkUTF8)
}

// A text that comes in pieces is Valid exactly when it is UTF-8, wherever it is cut,
// once it is large enough to be checked on the way.
func TestDecoderValid(t *testing.T) {
	base := bytes.Repeat([]byte("aü€😀"), directHeld/3)
	bad := bytes.Clone(base)
	bad[len(bad)/2] = 0xC0
	cut := base[:len(base)-1] // the last character is not finished
	for _, p := range [][]byte{base, bad, cut, bytes.Repeat([]byte("x"), 3*directHeld)} {
		in := AppendText(nil, p)
		for _, piece := range []int{1, 7, 1460, 16384, 16385, 16386, 16387} {
			var d Decoder
			var f *Frame
			for rest := in; len(rest) > 0; {
				n := min(piece, len(rest))
				d.Feed(rest[:n])
				rest = rest[n:]
				var err error
				if f, err = d.Next(); err != nil && err != ErrIncomplete {
					t.Fatal(err)
				}
			}
			if f == nil || !bytes.Equal(f.Payload, p) || f.Valid != utf8.Valid(p) {
				t.Fatalf("%d bytes in pieces of %d: Valid %v, want %v", len(p), piece, f.Valid, utf8.Valid(p))
			}
		}
	}
}

func TestTextEnd(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		in    string
		end   int
		ascii bool
	}{
		{"", -1, false}, {"\xff", 0, true}, {long, -1, false}, {long + "\xff", 1000, true},
		{long + "ü\xff", 1002, false}, {"\xff" + long + "\xff", 0, false}, {long + "\xff\x00" + long + "\xff", 1000, false},
		{long + "\xff\x00" + long, 1000, false}, {long + "\xfe\xff", 1001, false},
	} {
		if end, ascii := textEnd([]byte(c.in), true); end != c.end || ascii != c.ascii {
			t.Errorf("%.10q of %d bytes: %d, %v, want %d, %v", c.in, len(c.in), end, ascii, c.end, c.ascii)
		}
		if end, _ := textEnd([]byte(c.in), false); end != c.end {
			t.Errorf("%.10q of %d bytes: %d, want %d", c.in, len(c.in), end, c.end)
		}
	}
}

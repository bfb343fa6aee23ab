package luasyntax

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
)

var (
	mutations = flag.Int("mutations", 0, "how many sources to compare; 0: 5000, and 100000 in CI")
	firstSeed = flag.Uint64("seed", 1, "the seed")
)

// TestMutations compares what is said of programs that were changed at random: PUC's tests, and our examples.
func TestMutations(t *testing.T) {
	n := *mutations
	if n == 0 {
		if n = 5000; testenv.CI() {
			n = 100_000
		}
	}
	o := newOracle(t)
	bases := programs(t)
	failures := 0
	r := rand.New(rand.NewPCG(*firstSeed, 51))
	bad := 0
	for range n {
		src := mutated(r, bases)
		want := o.say(t, src)
		if want != "ok" {
			bad++
		}
		if got := say(src); got != want {
			src, got, want = minimised(t, o, src, got, want)
			t.Errorf("%q:\ngot  %q\nwant %q", src, got, want)
			if failures++; failures == 20 {
				break
			}
		}
	}
	t.Logf("%d sources, %d of them bad", n, bad)
	if bad < n/4 || bad > n*99/100 {
		t.Error("what is changed at random is hardly ever bad, or hardly ever good")
	}
}

// programs are the sources that are changed.
func programs(t *testing.T) (all [][]byte) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/yuin/gopher-lua").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, pattern := range []string{filepath.Join(strings.TrimSpace(string(out)), "_lua5.1-tests", "*.lua"), "../examples/*.lua", "../*/*.lua", "../testdata/lua51/*.lua"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Base(path) != "verybig.lua" {
				all = append(all, bytes.TrimPrefix(src, []byte("#")))
			}
		}
	}
	return all
}

// pieces are put in where something is changed.
var pieces = []string{
	"\n", "\r\n", "\n\r", "\r", " ", "\x00", "\x01", "\x7f", "\xa0", "\xff", "\\", "\"", "'", "[[", "]]", "[=[", "]=]", "[==", "--", "--[[", "--[==[", "(", ")", "{", "}", "[", "]",
	"..", "...", ".", ":", "::", ";", ";;", ",", "=", "==", "~", "~=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "^", "#", "!", "@", "$", "&", "|", "?",
	"0x", "0x1p4", "0x1.8", "1e", "1e+", "3.", ".5", "..5", "1..2", "08", "1_0", "1e400", "0xep1", "nan", "\\300", "\\z", "\\x41", "\\\r\n", "\"\\65\"", "goto x", "::x::", "é",
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
	"a", "f(x)", "a.b", "a:b()", "a[1]", "x, y", "= 1", "(a) = 1", "f{}", "f''", "\n(f)()", "local x", "local function f", "function a.b:c", "function(", "for i = 1, 2 do", "for k in pairs(t) do",
}

// mutated is a program, or a part of one, with some changes.
func mutated(r *rand.Rand, bases [][]byte) []byte {
	src := bases[r.IntN(len(bases))]
	lines := bytes.SplitAfter(src, []byte("\n"))
	from := r.IntN(len(lines))
	src = bytes.Join(lines[from:min(len(lines), from+1+r.IntN(60))], nil)
	for range r.IntN(4) {
		spans := split(src)
		if len(spans) == 0 {
			return src
		}
		i := r.IntN(len(spans))
		a := spans[i]
		var out []byte
		switch r.IntN(6) {
		case 0: // leave a token out
			out = join(src[:a[0]], src[a[1]:])
		case 1: // have it twice
			out = join(src[:a[1]], []byte(" "), src[a[0]:])
		case 2: // change two
			b := spans[min(i+1+r.IntN(5), len(spans)-1)]
			if b[0] < a[1] {
				b = a
			}
			out = join(src[:a[0]], src[b[0]:b[1]], src[min(a[1], b[0]):b[0]], src[a[0]:a[1]], src[b[1]:])
		case 3: // cut
			out = src[:a[0]+r.IntN(a[1]-a[0])]
		case 4: // put something in
			at := a[0] + r.IntN(a[1]-a[0]+1)
			out = join(src[:at], []byte(pieces[r.IntN(len(pieces))]), src[at:])
		case 5: // put a token in
			out = join(src[:a[0]], []byte(" "+pieces[r.IntN(len(pieces))]+" "), src[a[0]:])
		}
		src = out
	}
	return src
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// split finds what may be tokens: runs of letters and digits, and other bytes.
func split(src []byte) (spans [][2]int) {
	for i := 0; i < len(src); {
		from := i
		for i < len(src) && (isLetter(int(src[i])) || isDigit(int(src[i]))) {
			i++
		}
		if i == from {
			i++
		}
		if src[from] != ' ' && src[from] != '\n' {
			spans = append(spans, [2]int{from, i})
		}
	}
	return spans
}

// minimised leaves out of a source what is not needed for a difference.
func minimised(t *testing.T, o *oracle, src []byte, got, want string) ([]byte, string, string) {
	for size := len(src) / 2; size > 0; {
		shrunk := false
		for at := 0; at+size <= len(src); {
			less := join(src[:at], src[at+size:])
			if g, w := say(less), o.say(t, less); g != w {
				src, got, want, shrunk = less, g, w, true
			} else {
				at += size
			}
		}
		if !shrunk || size > len(src) {
			size = min(size/2, len(src))
		}
	}
	return src, got, want
}

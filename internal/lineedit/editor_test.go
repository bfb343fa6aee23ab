package lineedit

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// typing is an editor on a terminal.
type typing struct {
	t interface {
		Helper()
		Fatalf(string, ...any)
	}
	*Editor
	vt     *vt
	events []Event
}

func newTyping(t *testing.T, columns, height int, o Options) *typing {
	v := newVT(columns, height)
	o.Prompt = "> "
	o.Size = func() (int, int) { return v.columns, v.height }
	y := &typing{t: t, Editor: New(v, o), vt: v}
	y.Show()
	return y
}

func (y *typing) keys(s string) {
	y.t.Helper()
	events, err := y.Feed([]byte(s))
	if err != nil {
		y.t.Fatalf("%v", err)
	}
	y.events = append(y.events, events...)
	if len(y.vt.errors) > 0 {
		y.t.Fatalf("keys %q: %q", s, y.vt.errors)
	}
}

// shows checks the screen, on which | is the cursor.
func (y *typing) shows(want ...string) {
	y.t.Helper()
	got := y.vt.lines()
	for len(got) <= y.vt.row {
		got = append(got, "")
	}
	line, column := []rune(nil), 0
	for _, c := range characters(got[y.vt.row]) {
		if column == y.vt.column {
			line = append(line, '|')
		}
		line = append(line, []rune(c.text)...)
		column += c.width
	}
	if column <= y.vt.column {
		line = append(line, []rune(strings.Repeat(" ", y.vt.column-column)+"|")...)
	}
	got[y.vt.row] = string(line)
	if !slices.Equal(got, want) {
		y.t.Fatalf("the screen is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (y *typing) entered(want ...string) {
	y.t.Helper()
	var got []string
	for _, e := range y.events {
		text := e.Text
		if e.Pasted {
			text = "pasted " + text
		}
		if e.Kind != Line {
			text = fmt.Sprintf("event %d", e.Kind)
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		y.t.Fatalf("events %q, want %q", got, want)
	}
	y.events = nil
}

func TestKeys(t *testing.T) {
	for _, test := range []struct{ name, keys, line string }{
		{"text", "hello", "hello|"},
		{"left and right", "ac\x1b[Db\x1b[C\x1b[Cd", "abcd|"},
		{"application mode", "ab\x1bOD\x1bODx", "x|ab"},
		{"home and end", "b\x01a\x05c\x1b[H0\x1b[4~9\x1b[1~", "|0abc9"},
		{"backspace", "abc\x7f\x08", "a|"},
		{"delete", "abc\x01\x04\x1b[3~", "|c"},
		{"words", "one two three\x1bb\x1b[1;5D-\x1bf+", "one -two+| three"},
		{"kill word", "one two\x17x", "one x|"},
		{"kill next word", "one two\x01\x1bd", "| two"},
		{"kill and yank", "one two\x01\x0btwo \x19", "two one two|"},
		{"kill to the start", "one two\x02\x15", "|o"},
		{"wide", "日本\x1b[Dx", "日x|本"},
		{"wide deleted", "日本語\x1b[D\x7f", "日|語"},
		{"combining", "e\u0301a\x1b[D\x1b[Dx", "x|e\u0301a"},
		{"combining deleted", "ae\u0301\x7f", "a|"},
		{"mark alone", "\u0301", "\u25CC\u0301|"},
		{"control quoted", "a\x16\x1bb", "a^[b|"},
		{"control pasted", "\x1b[200~a\x1b[2J\x07b\x1b[201~", "a^[[2J^Gb|"},
		{"hazards pasted", "\x1b[200~a\u202eb\u009b\x1b[201~", "a<U+202e>b<U+009b>|"},
		{"tab pasted", "\x1b[200~a\tb\x1b[201~", "a^Ib|"},
		{"pasted in the middle", "ad\x1b[D\x1b[200~bc\x1b[201~", "abc|d"},
		{"no UTF-8", "a\xffb", "a\ufffdb|"},
		{"unknown sequences", "a\x1b[15~\x1b[99;99Xb\x1bz\x1bOPc", "abc|"},
		{"escape, then a control", "abc\x1b\x01x", "x|abc"},
		{"sequence cut by a control", "abc\x1b[\x01x", "x|abc"},
	} {
		t.Run(test.name, func(t *testing.T) {
			whole := newTyping(t, 40, 10, Options{})
			whole.keys(test.keys)
			whole.shows("> " + test.line)
			for i := range test.keys {
				split := newTyping(t, 40, 10, Options{})
				split.keys(test.keys[:i])
				split.keys(test.keys[i:])
				split.shows("> " + test.line)
			}
		})
	}
}

func TestEnter(t *testing.T) {
	y := newTyping(t, 40, 10, Options{})
	y.keys("one\rtwo\nthree\r\n\rfo\x1b[Du\r")
	y.entered("one", "two", "three", "", "fuo")
	y.shows("> one", "> two", "> three", ">", "> fuo", "> |")
	y.keys("ab\x03\x04\x1a\x1c")
	y.entered("event 2", "event 1", "event 3", "event 4")
	y.shows("> one", "> two", "> three", ">", "> fuo", "> ab^C", "> |")
}

func TestWraps(t *testing.T) {
	y := newTyping(t, 10, 10, Options{})
	y.keys("12345678")
	y.shows("> 12345678", "|")
	y.keys("9")
	y.shows("> 12345678", "9|")
	y.keys("\x7f\x7f")
	y.shows("> 1234567|")
	y.keys("日") // does not fit into the last column
	y.shows("> 1234567", "日|")
	y.keys("\x01")
	y.shows("> |1234567", "日")
	y.keys("8")
	y.shows("> 8|1234567", "日")
	y.Print("", []byte("hello\n"))
	y.shows("hello", "> 8|1234567", "日")
	y.keys("\r")
	y.entered("81234567日")
	y.shows("hello", "> 81234567", "日", "> |")
}

func TestPrint(t *testing.T) {
	y := newTyping(t, 10, 4, Options{PromptStyle: "\x1b[1m"})
	y.keys("half a line")
	y.Print("\x1b[36m", []byte("one\ntwo, which is longer\n"))
	y.shows("one", "two, which", " is longer", "> half a l", "ine|")
	y.Print("", []byte("no end"))
	y.shows("one", "two, which", " is longer", "no end", "> half a l", "ine|")
	y.Hide()
	y.shows("one", "two, which", " is longer", "no end", "|")
	y.Print("", []byte("plain\r\n"))
	y.keys("!") // is taken, and seen later
	y.Show()
	y.shows("one", "two, which", " is longer", "no end", "plain", "> half a l", "ine!|")
}

// What is longer than the screen is shown around the cursor, and does not scroll
// what is above it away.
func TestTallLine(t *testing.T) {
	y := newTyping(t, 10, 4, Options{})
	y.keys("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ")
	y.shows("ijklmnopqr", "stuvwxyzAB", "CDEFGHIJ|")
	y.keys("\x01")
	y.shows("> |01234567", "89abcdefgh", "ijklmnopqr")
	y.keys(strings.Repeat("\x06", 20))
	y.shows("89abcdefgh", "ij|klmnopqr", "stuvwxyzAB")
	if y.keys("\r"); y.events[0].Text != "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ" {
		t.Errorf("entered %q", y.events[0].Text)
	}
}

func TestPaste(t *testing.T) {
	y := newTyping(t, 40, 10, Options{})
	y.keys("\x1b[200~one\r\ntwo\rthree\nfo\x1b[201~ur")
	y.entered("pasted one", "pasted two", "pasted three")
	y.shows("> one", "> two", "> three", "> four|")
	y.keys("\r")
	y.entered("four")

	y.keys("[]\x1b[D\x1b[200~a\nb\nc\x1b[201~")
	y.entered("[a", "pasted b")
	y.keys("\r")
	y.entered("c]")

	y.SetPasteWhole(true)
	y.keys("\x1b[200~a\nb\x1b[201~\r")
	y.entered("a\nb")
	y.keys("\x1b[200~one\x1b[201~\r")
	y.entered("one")
}

func TestTooLong(t *testing.T) {
	y := newTyping(t, 40, 10, Options{MaxLine: 8, MaxPaste: 20})
	y.keys("12345678")
	y.keys("9")
	y.entered("event 5")
	y.keys("\x1b[200~x\x1b[201~")
	y.entered("event 5")
	y.shows("> 12345678|")
	y.keys("\x15\x1b[200~ok\nmuch too long\nok\x1b[201~")
	y.entered("event 5") // all of it or nothing
	y.keys("\x1b[200~" + strings.Repeat("a\n", 11) + "\x1b[201~")
	y.entered("event 5")
	y.keys("\x1b[200~a\nb\n\x1b[201~")
	y.entered("pasted a", "pasted b")
	if y.Editor.keys.pasted != nil || y.Editor.keys.tooLong {
		t.Error("the paste is still there")
	}
	y.keys("12345678\x01\x0b1\x19")
	y.shows("> a", "> b", "> 1|")
}

func TestHistory(t *testing.T) {
	h, _ := OpenHistory("")
	y := newTyping(t, 40, 10, Options{History: h})
	y.keys("one\rtwo\r\x1b[200~pasted\n\x1b[201~")
	y.events = nil
	y.keys("thr\x1b[A")
	y.shows("> one", "> two", "> pasted", "> two|")
	y.keys("\x10")
	y.shows("> one", "> two", "> pasted", "> one|")
	y.keys("\x1b[A\x1b[B\x1b[B")
	y.shows("> one", "> two", "> pasted", "> thr|")
	y.keys("\x1b[A!\r\x1b[A")
	y.entered("two!")
	y.shows("> one", "> two", "> pasted", "> two!", "> two!|")
}

func TestComplete(t *testing.T) {
	y := newTyping(t, 40, 10, Options{Complete: func(before string) []string {
		if !strings.HasPrefix(before, "/") {
			return nil
		}
		found := []string{}
		for _, c := range []string{"/close ", "/help ", "/hex "} {
			if strings.HasPrefix(c, before) {
				found = append(found, c)
			}
		}
		return found
	}})
	y.keys("/\t")
	y.shows("/close   /help   /hex", "> /|")
	y.keys("h\t")
	y.shows("/close   /help   /hex", "> /he|")
	y.keys("x\t")
	y.shows("/close   /help   /hex", "> /hex |")
	y.keys("\x15/zz\t")
	y.shows("/close   /help   /hex", "> /zz|")
	y.keys("\x15a\tb")
	y.shows("/close   /help   /hex", "> a^Ib|")
}

func TestClear(t *testing.T) {
	y := newTyping(t, 10, 4, Options{})
	y.keys("one\rtwo and a half\x0c")
	y.shows("> two and", "a half|")
}

// The screen is what printing everything in order would give, whatever is typed.
func TestScreenProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(2, 30).Draw(t, "columns")
		v := newVT(columns, 100)
		e := New(v, Options{Prompt: "> ", Size: func() (int, int) { return columns, 100 }})
		e.Show()
		var above []string
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "print") {
				text := rapid.SampledFrom([]string{"hello", "日本語", "a longer line of text", ""}).Draw(t, "text")
				above = append(above, text)
				e.Print("", []byte(text+"\n"))
				continue
			}
			keys := rapid.SampledFrom([]string{"a", "bc ", "日", "e\u0301", "\x7f", "\x1b[D", "\x1b[C", "\x01", "\x05", "\x0b", "\x17", "\x19", "\x16\x01", "0123456789", "\r"}).Draw(t, "keys")
			events, _ := e.Feed([]byte(keys))
			for _, event := range events {
				above = append(above, "> "+shownAs(event.Text))
			}
			want := newVT(columns, 100)
			for _, line := range above {
				want.Write([]byte(line + "\r\n"))
			}
			want.Write([]byte("> " + shownAs(e.line[:e.cursor])))
			// Behind the last column the next character goes to the next row.
			if c, ok := first(e.line[e.cursor:]); want.pending || ok && c.shown == c.text && want.column+c.width > columns {
				want.newline()
				want.column = 0
			}
			row, column := want.row, want.column
			want.Write([]byte(shownAs(e.line[e.cursor:])))
			want.row, want.column, want.pending = row, column, false
			if len(v.errors) > 0 || !want.equal(v) {
				t.Fatalf("after %q the screen is\n%v\nwant\n%v\n%q", keys, v, want, v.errors)
			}
		}
	})
}

func first(s string) (character, bool) {
	for _, c := range characters(s) {
		return c, true
	}
	return character{}, false
}

func shownAs(s string) (shown string) {
	for _, c := range characters(s) {
		shown += c.shown
	}
	return shown
}

func FuzzFeed(f *testing.F) {
	for _, seed := range []string{"hello\r", "\x1b[A\x1b[200~a\nb\x1b[201~\x04", "\x16\x1b\x1b[", "日e\u0301\x1b[D\x7f\xff\xfe", "\x1b[200~\x1b[20", "a\tb\x0c\x03"} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, input []byte, at int) {
		feed := func(pieces ...[]byte) (*Editor, *vt, []Event) {
			v := newVT(20, 10)
			e := New(v, Options{Prompt: "> ", MaxLine: 100, MaxPaste: 200, Size: func() (int, int) { return 20, 10 }})
			e.Show()
			var events []Event
			for _, p := range pieces {
				more, _ := e.Feed(p)
				events = append(events, more...)
			}
			return e, v, events
		}
		if at < 0 || at > len(input) {
			at = len(input) / 2
		}
		whole, _, events := feed(input)
		split, _, splitEvents := feed(input[:at], input[at:])
		for _, e := range events {
			if e.Kind == TooLong { // depends on how much comes at once
				return
			}
		}
		for _, e := range splitEvents {
			if e.Kind == TooLong {
				return
			}
		}
		if whole.line != split.line || whole.cursor != split.cursor || !reflect.DeepEqual(events, splitEvents) {
			t.Errorf("%q in one piece: %q, %v; split at %d: %q, %v", input, whole.line, events, at, split.line, splitEvents)
		}
		if len(whole.line) > 100 || strings.ToValidUTF8(whole.line, "") != whole.line {
			t.Errorf("the line is %q", whole.line)
		}
	})
}

package lineedit

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// Defaults of Options.
const (
	DefaultMaxLine  = 1 << 20
	DefaultMaxPaste = 16 << 20
)

// Options of an Editor. The zero value is fine.
type Options struct {
	// Prompt stands before the line; PromptStyle is the SGR sequence to write it in, such as "\x1b[1m", or none.
	Prompt, PromptStyle string
	// Size returns the columns and rows of the terminal; it is asked before each
	// update of the screen. nil, or what is not above 0, is 80 and 24.
	Size func() (columns, rows int)
	// MaxLine and MaxPaste bound a line and a paste, in bytes. What is longer is
	// refused whole, with the event TooLong. 0 is the default of the same name.
	MaxLine, MaxPaste int
	// History is where Up and Down go and lines are added; nil: none.
	History *History
	// Complete returns what before, the line up to the cursor, may become with Tab;
	// nil: Tab is a character. It is called without locks held.
	Complete func(before string) []string
}

// Kind is what an Event says.
type Kind uint8

// Kinds of events.
const (
	Line      Kind = iota // Text was entered
	EOF                   // ^D on an empty line
	Interrupt             // ^C; the line is gone
	Suspend               // ^Z
	Quit                  // ^\
	TooLong               // a key or a paste did not fit and was refused
)

// Event is what the user has decided.
type Event struct {
	Kind Kind
	Text string // of a Line, without its end
	// Pasted says that all of a Line, its end too, came with a paste.
	Pasted bool
}

// Editor is a line that is edited at the bottom of a terminal. Feed is for one goroutine, the other methods for any.
type Editor struct {
	o    Options
	keys keyboard

	mu         sync.Mutex
	w          io.Writer
	line       string
	cursor     int // in line, in bytes
	typed      bool
	killed     string
	recalled   int    // entry of the history that is in line, from 1 for the last; 0: none
	unfinished string // what line was before
	pasteWhole bool
	visible    bool
	screen     screen
	buf        []byte
}

// New returns an Editor that writes to w. Nothing is shown before Show.
func New(w io.Writer, o Options) *Editor {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	if o.MaxPaste <= 0 {
		o.MaxPaste = DefaultMaxPaste
	}
	return &Editor{o: o, w: w, keys: keyboard{maxPaste: o.MaxPaste}}
}

// SetPasteWhole says what becomes of newlines in a paste: they become a part of the
// line, or, as at first, each ends one.
func (e *Editor) SetPasteWhole(whole bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pasteWhole = whole
}

// Show puts prompt and line on the screen, the cursor being at its left margin.
func (e *Editor) Show() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.visible = true
	return e.update(nil)
}

// Hide takes prompt and line off the screen until Show. The cursor is left where they began.
func (e *Editor) Hide() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.visible {
		return nil
	}
	now := e.size()
	e.buf = e.screen.erase(e.screen.home(e.buf[:0], now), now)
	e.visible = false
	_, err := e.w.Write(e.buf)
	return err
}

// Refresh brings the screen up to date when its size has changed.
func (e *Editor) Refresh() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.update(nil)
}

// Print writes text above the line, every line of it in style, an SGR sequence or none. An end of line is added where
// the last has none. While the Editor is hidden, text is written as it is.
func (e *Editor) Print(style string, text []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.visible {
		_, err := e.w.Write(text)
		return err
	}
	return e.update(func(b []byte) []byte {
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			b = append(append(b, style...), line...)
			if style != "" {
				b = append(b, resetStyle...)
			}
			b = append(b, "\r\n"...)
		}
		return b
	})
}

// Feed takes what the keyboard has sent and returns what that means. Events are complete however the input is split.
func (e *Editor) Feed(p []byte) ([]Event, error) {
	var events []Event
	var done bytes.Buffer // lines that were entered, as they are to stay on the screen
	bell := false
	for _, k := range e.keys.feed(nil, p) {
		if k.action == tab {
			bell = !e.complete(&done) || bell
			continue
		}
		e.mu.Lock()
		events = e.apply(events, k, &done)
		e.mu.Unlock()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range events {
		bell = bell || event.Kind == TooLong
	}
	if bell {
		done.WriteByte(7)
	}
	return events, e.update(func(b []byte) []byte { return append(b, done.Bytes()...) })
}

// apply does what k says.
func (e *Editor) apply(events []Event, k key, done *bytes.Buffer) []Event {
	switch k.action {
	case insert:
		if len(k.text) > e.o.MaxLine-len(e.line) {
			return append(events, Event{Kind: TooLong})
		}
		e.insert(k.text)
		e.typed = true
	case paste:
		return e.paste(events, k.text, done)
	case pasteTooLong:
		return append(events, Event{Kind: TooLong})
	case enter:
		return append(events, e.enter(done, false))
	case deleteOrEnd:
		if e.line == "" {
			return append(events, Event{Kind: EOF})
		}
		e.remove(e.cursor, e.next())
	case interrupt:
		e.finish(done, "^C")
		return append(events, Event{Kind: Interrupt})
	case suspend:
		return append(events, Event{Kind: Suspend})
	case quit:
		return append(events, Event{Kind: Quit})
	case clear:
		e.screen = screen{}
		done.WriteString("\x1b[H\x1b[2J")
	case up, down:
		e.recall(k.action)
	default:
		e.edit(k.action)
	}
	return events
}

// edit does what changes nothing but the line and the cursor.
func (e *Editor) edit(a action) {
	switch a {
	case backspace:
		e.remove(e.previous(), e.cursor)
	case deleteNext:
		e.remove(e.cursor, e.next())
	case left:
		e.cursor = e.previous()
	case right:
		e.cursor = e.next()
	case wordLeft:
		e.cursor = e.wordStart()
	case wordRight:
		e.cursor = e.wordEnd()
	case home:
		e.cursor = 0
	case end:
		e.cursor = len(e.line)
	case killToEnd:
		e.kill(e.cursor, len(e.line))
	case killToStart:
		e.kill(0, e.cursor)
	case killWord:
		e.kill(e.wordStart(), e.cursor)
	case killNextWord:
		e.kill(e.cursor, e.wordEnd())
	case yank:
		if len(e.killed) <= e.o.MaxLine-len(e.line) {
			e.insert(e.killed)
		}
	}
}

// insert puts text, which fits, at the cursor.
func (e *Editor) insert(text string) {
	e.line = e.line[:e.cursor] + text + e.line[e.cursor:]
	e.cursor += len(text)
}

func (e *Editor) remove(from, to int) {
	e.line = e.line[:from] + e.line[to:]
	e.cursor = from
	e.typed = e.line != ""
}

func (e *Editor) kill(from, to int) {
	if from < to {
		e.killed = e.line[from:to]
		e.remove(from, to)
	}
}

// previous and next return where the character before and at the cursor begins and ends.
func (e *Editor) previous() int {
	at := 0
	for i := range characters(e.line[:e.cursor]) {
		at = i
	}
	return at
}

func (e *Editor) next() int {
	for _, c := range characters(e.line[e.cursor:]) {
		return e.cursor + len(c.text)
	}
	return e.cursor
}

func (e *Editor) wordStart() int {
	before := strings.TrimRightFunc(e.line[:e.cursor], unicode.IsSpace)
	i := strings.LastIndexFunc(before, unicode.IsSpace)
	if i < 0 {
		return 0
	}
	_, n := utf8.DecodeRuneInString(before[i:])
	return i + n
}

func (e *Editor) wordEnd() int {
	after := e.line[e.cursor:]
	word := strings.TrimLeftFunc(after, unicode.IsSpace)
	if i := strings.IndexFunc(word, unicode.IsSpace); i >= 0 {
		word = word[i:]
	} else {
		word = ""
	}
	return len(e.line) - len(word)
}

// paste inserts text, or ends a line at each newline in it.
func (e *Editor) paste(events []Event, text string, done *bytes.Buffer) []Event {
	longest, rest := len(e.line), text
	for !e.pasteWhole {
		piece, after, more := strings.Cut(rest, "\n")
		if !more {
			break
		}
		longest, rest = max(longest, len(e.line)+len(piece)), after
	}
	if max(longest, len(e.line)+len(rest)) > e.o.MaxLine {
		return append(events, Event{Kind: TooLong})
	}
	for len(rest) < len(text) {
		piece, after, _ := strings.Cut(text, "\n")
		e.insert(piece)
		// What stood behind the cursor stays there.
		behind := e.line[e.cursor:]
		e.line = e.line[:e.cursor]
		events = append(events, e.enter(done, !e.typed))
		e.line, text = behind, after
	}
	e.insert(text)
	e.typed = e.typed || len(e.line) > len(text)
	return events
}

// enter ends the line.
func (e *Editor) enter(done *bytes.Buffer, pasted bool) Event {
	event := Event{Kind: Line, Text: e.line, Pasted: pasted}
	if e.o.History != nil && !pasted {
		e.o.History.Add(e.line)
	}
	e.finish(done, "")
	return event
}

// finish leaves the line on the screen, with mark behind it, and begins a new one.
func (e *Editor) finish(done *bytes.Buffer, mark string) {
	done.WriteString(e.o.PromptStyle)
	done.WriteString(e.o.Prompt)
	if e.o.PromptStyle != "" {
		done.WriteString(resetStyle)
	}
	for _, c := range characters(e.line) {
		done.WriteString(c.shown)
	}
	done.WriteString(mark + "\r\n")
	e.line, e.cursor, e.typed, e.recalled, e.unfinished = "", 0, false, 0, ""
}

// recall goes up or down in the history.
func (e *Editor) recall(a action) {
	to := e.recalled + 1
	if a == down {
		to = e.recalled - 1
	}
	if e.o.History == nil || to < 0 || to > e.o.History.Len() {
		return
	}
	if e.recalled == 0 {
		e.unfinished = e.line
	}
	if e.line = e.unfinished; to > 0 {
		e.line = e.o.History.At(to - 1)
	}
	e.recalled, e.cursor, e.typed = to, len(e.line), true
}

// complete is Tab. It reports whether it changed or showed something.
func (e *Editor) complete(done *bytes.Buffer) bool {
	e.mu.Lock()
	before := e.line[:e.cursor]
	e.mu.Unlock()
	var found []string
	if e.o.Complete != nil {
		found = e.o.Complete(before)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if found == nil {
		return len(e.apply(nil, key{insert, "\t"}, done)) == 0
	}
	if len(found) == 0 {
		return false
	}
	common := found[0]
	for _, f := range found[1:] {
		for !strings.HasPrefix(f, common) {
			_, n := utf8.DecodeLastRuneInString(common)
			common = common[:len(common)-n]
		}
	}
	if len(common) > len(before) && strings.HasPrefix(common, before) && len(common)-len(before) <= e.o.MaxLine-len(e.line) {
		e.insert(common[len(before):])
		e.typed = true
		return true
	}
	if len(found) == 1 {
		return false
	}
	word := strings.LastIndexByte(before, ' ') + 1
	for _, f := range found {
		for _, c := range characters(f[min(word, len(f)):] + "  ") {
			done.WriteString(c.shown)
		}
	}
	done.WriteString("\r\n")
	return true
}

// character is a grapheme cluster as it is shown.
type character struct {
	text, shown string
	width       int
}

// characters iterates over those of s, by the index of each.
func characters(s string) func(yield func(int, character) bool) {
	return func(yield func(int, character) bool) {
		at := 0
		g := displaywidth.StringGraphemes(s)
		for g.Next() {
			c := character{text: g.Value(), shown: g.Value(), width: g.Width()}
			if r, _ := utf8.DecodeRuneInString(c.text); unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				c.shown = visible(c.text)
				c.width = len(c.shown)
			} else if c.width == 0 {
				c.shown, c.width = "\u25CC"+c.shown, 1 // a mark with nothing to stand on
			}
			if !yield(at, c) {
				return
			}
			at += len(c.text)
		}
	}
}

// visible writes controls as ^X and what else has no shape of its own by its number.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7F:
			b.WriteByte('^')
			b.WriteByte(byte(r) ^ 0x40)
		default:
			const digits = "0123456789abcdef"
			b.WriteString("<U+")
			for shift := 20; shift >= 0; shift -= 4 {
				if shift < 16 || r>>shift != 0 {
					b.WriteByte(digits[r>>shift&15])
				}
			}
			b.WriteByte('>')
		}
	}
	return b.String()
}

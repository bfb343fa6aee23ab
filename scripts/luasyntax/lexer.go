package luasyntax

import (
	"bytes"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// ended is what current returns behind the source.
const ended = -1

// lexer makes tokens of a source.
type lexer struct {
	src   []byte
	at    int // where the current byte is
	file  string
	line  int
	raw   []byte // the last name, number or string as it stands there, but with its escapes done
	room  []byte // that raw may be in
	words map[string]string
}

func (l *lexer) current() int {
	if l.at < len(l.src) {
		return int(l.src[l.at])
	}
	return ended
}

// fail ends the reading. The last token read is named unless near is 0.
func (l *lexer) fail(message string, near kind) {
	switch near {
	case 0:
	case kName, kNumber, kString:
		raw, _, _ := bytes.Cut(l.raw, []byte{0}) // as C ends a string
		message += " near '" + string(raw) + "'"
	default:
		message += " near '" + near.String() + "'"
	}
	panic(&Error{l.file, l.line, message})
}

// The classes of bytes are those of the locale C.

func isDigit(c int) bool   { return c >= '0' && c <= '9' }
func isLetter(c int) bool  { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isNewline(c int) bool { return c == '\n' || c == '\r' }

// skip goes over a byte if it is one of two, or zero: C finds the end of a string in every string.
func (l *lexer) skip(a, b int) bool {
	c := l.current()
	if c != a && c != b && c != 0 {
		return false
	}
	l.at++
	return true
}

// newline goes over the end of a line: one byte, or both in any order.
func (l *lexer) newline() {
	first := l.current()
	l.at++
	if c := l.current(); isNewline(c) && c != first {
		l.at++
	}
	l.line++
}

// next is the next token.
func (l *lexer) next() token {
	for {
		start := l.at
		switch c := l.current(); {
		case c == ended:
			return token{kind: kEnded}
		case isNewline(c):
			l.newline()
		case c == ' ' || c >= '\t' && c <= '\r':
			l.at++
		case isLetter(c):
			return l.name()
		case isDigit(c):
			return l.number(start)
		case c == '"' || c == '\'':
			return l.quoted()
		case c == '-' && bytes.HasPrefix(l.src[l.at:], []byte("--")):
			l.comment()
		case c == '[':
			level := l.brackets()
			if level >= 0 {
				l.long(start, level, "unfinished long string")
				return token{kString, l.word(l.raw[level+2 : len(l.raw)-level-2])}
			}
			if level < -1 {
				l.raw = l.src[start:l.at]
				l.fail("invalid long string delimiter", kString)
			}
			return token{kind: '['}
		default:
			return l.sign(c)
		}
	}
}

// sign is a token of one or more bytes that are no letters.
func (l *lexer) sign(c int) token {
	start := l.at
	l.at++
	second := l.current()
	switch {
	case c == '.' && l.skip('.', '.'):
		if l.skip('.', '.') {
			return token{kind: kDots}
		}
		return token{kind: kConcat}
	case c == '.' && isDigit(second):
		return l.number(start)
	case second != '=':
		return token{kind: kind(c)}
	}
	long := kind(c)
	switch c {
	case '=':
		long = kEqual
	case '<':
		long = kAtMost
	case '>':
		long = kAtLeast
	case '~':
		long = kUnequal
	default:
		return token{kind: long}
	}
	l.at++
	return token{kind: long}
}

// word returns a string of b, the same one for the same bytes where it is short.
func (l *lexer) word(b []byte) string {
	if len(b) > 64 {
		return string(b)
	}
	s, ok := l.words[string(b)]
	if !ok {
		s = string(b)
		l.words[s] = s
	}
	return s
}

func (l *lexer) name() token {
	start := l.at
	for c := l.current(); isLetter(c) || isDigit(c); c = l.current() {
		l.at++
	}
	l.raw = l.src[start:l.at]
	if len(l.raw) <= longestReserved {
		if k, ok := reserved[string(l.raw)]; ok {
			return token{kind: k}
		}
	}
	return token{kName, l.word(l.raw)}
}

// number is all that could belong to one, which then has to be one.
func (l *lexer) number(start int) token {
	simple := true
	for c := l.current(); isDigit(c) || c == '.'; c = l.current() {
		simple = simple && c != '.'
		l.at++
	}
	if l.skip('e', 'E') {
		simple = false
		l.skip('+', '-')
	}
	for c := l.current(); isLetter(c) || isDigit(c); c = l.current() {
		simple = false
		l.at++
	}
	l.raw = l.src[start:l.at]
	text := l.word(l.raw)
	if !simple {
		if _, ok := lauxlib.ParseNumber(text); !ok {
			l.fail("malformed number", kNumber)
		}
	}
	return token{kNumber, text}
}

// comment goes over one. A short one ends in front of the end of its line.
func (l *lexer) comment() {
	l.at += len("--")
	if l.current() == '[' {
		start := l.at
		if level := l.brackets(); level >= 0 {
			l.long(start, level, "unfinished long comment")
			return
		}
	}
	if n := bytes.IndexAny(l.src[l.at:], "\r\n"); n >= 0 {
		l.at += n
	} else {
		l.at = len(l.src)
	}
}

// brackets goes over a bracket and the "=" behind it, up to a second bracket, and returns how many "=" there are. If there is
// no second one, that is -1 for none and less for more.
func (l *lexer) brackets() int {
	bracket := l.current()
	l.at++
	n := 0
	for l.current() == '=' {
		l.at++
		n++
	}
	if l.current() == bracket {
		return n
	}
	return -n - 1
}

// long reads long brackets with what is in them into raw. The opening ones began at start, the second of them is the current
// byte.
func (l *lexer) long(start, level int, unfinished string) {
	l.at++
	l.room = append(l.room[:0], l.src[start:l.at]...)
	if isNewline(l.current()) {
		l.newline()
	}
	for from := l.at; ; {
		n := bytes.IndexAny(l.src[l.at:], "[]\r\n")
		if n < 0 {
			l.fail(unfinished, kEnded)
		}
		l.at += n
		switch here := l.at; l.src[here] {
		case '[':
			if l.brackets() == level && level == 0 {
				l.fail("nesting of [[...]] is deprecated", '[')
			}
		case ']':
			if l.brackets() == level {
				l.at++
				l.room = append(l.room, l.src[from:l.at]...)
				l.raw = l.room
				return
			}
		default:
			l.room = append(append(l.room, l.src[from:here]...), '\n')
			l.newline()
			from = l.at
		}
	}
}

// quoted is a string in quotes.
func (l *lexer) quoted() token {
	quote := l.src[l.at]
	l.room = l.room[:0]
	for from := l.at; ; {
		l.at++
		switch c := l.current(); {
		case c == int(quote):
			l.at++
			l.raw = l.src[from:l.at]
			if len(l.room) > 0 {
				l.room = append(l.room, l.raw...)
				l.raw = l.room
			}
			return token{kString, l.word(l.raw[1 : len(l.raw)-1])}
		case c == ended:
			l.fail("unfinished string", kEnded)
		case isNewline(c):
			l.raw = append(l.room, l.src[from:l.at]...)
			l.fail("unfinished string", kString)
		case c == '\\':
			l.room = append(l.room, l.src[from:l.at]...)
			l.at++
			l.escape()
			from = l.at
			l.at-- // the loop goes on to the byte behind the escape
		}
	}
}

// escapes are the letters that stand for a byte.
var escapes = map[int]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// escape appends to room what is behind a "\".
func (l *lexer) escape() {
	c := l.current()
	switch {
	case c == ended: // which the string does not survive
	case isNewline(c):
		l.room = append(l.room, '\n')
		l.newline()
	case isDigit(c):
		n := 0
		for i := 0; i < 3 && isDigit(l.current()); i++ {
			n = 10*n + l.current() - '0'
			l.at++
		}
		if n > 255 {
			l.raw = l.room
			l.fail("escape sequence too large", kString)
		}
		l.room = append(l.room, byte(n))
	default:
		if b, ok := escapes[c]; ok {
			c = int(b)
		}
		l.room = append(l.room, byte(c))
		l.at++
	}
}

package luastring

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// The matcher is that of Lua 5.1's lstrlib.c, on Go strings: a pattern is interpreted as it stands, nothing is compiled
// and nothing is allocated. Every attempt and every character that is looked at costs a step of the budget.

const (
	maxCaptures = 32
	maxDepth    = 10_000 // of match in itself; it needs one level for each repetition of the pattern, about 200 bytes each
)

// Lengths of a capture that has none.
const (
	unfinished = -1
	position   = -2
)

// none is where a match ends that is none.
const none = -1

type capture struct{ start, length int }

type matcher struct {
	state   *lua.LState
	budget  *Budget
	what    string // the function, for errors
	subject string
	pattern string
	level   int // captures so far
	depth   int
	// captures are valid up to level.
	captures [maxCaptures]capture
}

func (m *matcher) fail(why string) { lauxlib.Errorf(m.state, "%s", why) }

// reset forgets the captures of the attempt before.
func (m *matcher) reset() { m.level, m.depth = 0, 0 }

// match tries the pattern from p on at position s of the subject. It returns where the match ends, or none.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxDepth {
		m.fail("pattern too complex")
	}
	end := m.matchHere(s, p)
	m.depth--
	return end
}

func (m *matcher) matchHere(s, p int) int {
	subject, pattern := m.subject, m.pattern
	b := m.budget
	for p < len(pattern) {
		if b.spent++; b.spent > b.check {
			b.look(m.state, m.what)
		}
		c := pattern[p]
		switch c {
		case '(':
			if p+1 < len(pattern) && pattern[p+1] == ')' {
				return m.startCapture(s, p+2, position)
			}
			return m.startCapture(s, p+1, unfinished)
		case ')':
			return m.endCapture(s, p+1)
		case '$':
			if p+1 == len(pattern) {
				if s == len(subject) {
					return s
				}
				return none
			}
		case '%':
			if p+1 == len(pattern) {
				break // classEnd says what is wrong
			}
			switch d := pattern[p+1]; {
			case d == 'b':
				if s = m.balance(s, p+2); s == none {
					return none
				}
				p += 4
				continue
			case d == 'f':
				p += 2
				if p == len(pattern) || pattern[p] != '[' {
					m.fail("missing '[' after '%f' in pattern")
				}
				end := m.classEnd(p)
				var before, after byte
				if s > 0 {
					before = subject[s-1]
				}
				if s < len(subject) {
					after = subject[s]
				}
				if inSet(before, pattern[p:end]) || !inSet(after, pattern[p:end]) {
					return none
				}
				p = end
				continue
			case d >= '0' && d <= '9':
				if s = m.again(s, d); s == none {
					return none
				}
				p += 2
				continue
			}
		}
		end := p + 1
		if c == '%' || c == '[' {
			end = m.classEnd(p)
		}
		var suffix byte
		if end < len(pattern) {
			suffix = pattern[end]
		}
		switch suffix {
		case '*':
			return m.longest(s, p, end, 0)
		case '+':
			return m.longest(s, p, end, 1)
		case '-':
			return m.shortest(s, p, end)
		case '?':
			if s < len(subject) && matchOne(subject[s], pattern[p:end]) {
				if e := m.match(s+1, end+1); e != none {
					return e
				}
			}
			p = end + 1
			continue
		}
		if s >= len(subject) || !matchOne(subject[s], pattern[p:end]) {
			return none
		}
		s++
		p = end
	}
	return s
}

// longest takes as many of the class at p as there are, at least `least`, and gives back one by one.
func (m *matcher) longest(s, p, end, least int) int {
	class, n := m.pattern[p:end], 0
	if class == "." {
		n = len(m.subject) - s
	} else {
		for s+n < len(m.subject) && matchOne(m.subject[s+n], class) {
			n++
		}
		m.budget.Spend(m.state, m.what, n>>2)
	}
	if end+1 == len(m.pattern) { // nothing behind it that could need one back
		if n < least {
			return none
		}
		return s + n
	}
	for ; n >= least; n-- {
		if e := m.match(s+n, end+1); e != none {
			return e
		}
	}
	return none
}

// shortest takes one more of the class at p as long as the rest does not match.
func (m *matcher) shortest(s, p, end int) int {
	class := m.pattern[p:end]
	for {
		if e := m.match(s, end+1); e != none {
			return e
		}
		if s >= len(m.subject) || !matchOne(m.subject[s], class) {
			return none
		}
		s++
		// match has paid, unless nothing is behind the "-"; then it matched.
	}
}

func (m *matcher) startCapture(s, p, length int) int {
	if m.level >= maxCaptures {
		m.fail("too many captures")
	}
	m.captures[m.level] = capture{s, length}
	m.level++
	e := m.match(s, p)
	if e == none {
		m.level--
	}
	return e
}

func (m *matcher) endCapture(s, p int) int {
	l := m.level - 1
	for l >= 0 && m.captures[l].length != unfinished {
		l--
	}
	if l < 0 {
		m.fail("invalid pattern capture")
	}
	m.captures[l].length = s - m.captures[l].start
	e := m.match(s, p)
	if e == none {
		m.captures[l].length = unfinished
	}
	return e
}

// again matches what the capture with the given digit holds.
func (m *matcher) again(s int, digit byte) int {
	l := int(digit) - '1'
	if l < 0 || l >= m.level || m.captures[l].length == unfinished {
		m.fail("invalid capture index")
	}
	c := m.captures[l]
	// A position has no bytes; Lua 5.1 takes its mark for a length that no subject has.
	if c.length < 0 || len(m.subject)-s < c.length {
		return none
	}
	m.budget.Spend(m.state, m.what, c.length>>4)
	if m.subject[c.start:c.start+c.length] != m.subject[s:s+c.length] {
		return none
	}
	return s + c.length
}

// balance matches %bxy, whose two characters are at p.
func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pattern) {
		m.fail("unbalanced pattern")
	}
	opening, closing := m.pattern[p], m.pattern[p+1]
	if s >= len(m.subject) || m.subject[s] != opening {
		return none
	}
	open, from := 1, s
	for s++; s < len(m.subject); s++ {
		switch m.subject[s] {
		case closing:
			if open--; open == 0 {
				m.budget.Spend(m.state, m.what, (s-from)>>2)
				return s + 1
			}
		case opening:
			open++
		}
	}
	m.budget.Spend(m.state, m.what, (s-from)>>2)
	return none
}

// classEnd returns where the single character class at p ends.
func (m *matcher) classEnd(p int) int {
	pattern := m.pattern
	switch pattern[p] {
	case '%':
		if p+1 >= len(pattern) {
			m.fail("malformed pattern (ends with '%')")
		}
		return p + 2
	case '[':
		from := p
		p++
		if p < len(pattern) && pattern[p] == '^' {
			p++
		}
		for { // a "]" in the first place is one of the set
			if p >= len(pattern) {
				m.fail("malformed pattern (missing ']')")
			}
			if pattern[p] == '%' {
				p++
			}
			p++
			if p < len(pattern) && pattern[p] == ']' {
				m.budget.Spend(m.state, m.what, (p-from)>>2)
				return p + 1
			}
		}
	}
	return p + 1
}

// matchOne reports whether c is of a single character class: a character, ".", "%x" or a set.
func matchOne(c byte, class string) bool {
	switch class[0] {
	case '.':
		return true
	case '%':
		return inClass(c, class[1])
	case '[':
		return inSet(c, class)
	}
	return class[0] == c
}

// inSet reports whether c is in the set, which has its brackets.
func inSet(c byte, set string) bool {
	last := len(set) - 1 // the closing bracket
	i, found := 1, true
	if set[1] == '^' {
		i, found = 2, false
	}
	for ; i < last; i++ {
		switch {
		case set[i] == '%':
			i++
			if inClass(c, set[i]) {
				return found
			}
		case set[i+1] == '-' && i+2 < last:
			if set[i] <= c && c <= set[i+2] {
				return found
			}
			i += 2
		case set[i] == c:
			return found
		}
	}
	return !found
}

// Properties of a byte in the C locale.
const (
	alpha = 1 << iota
	digit
	lower
	space
	upper
	hex
	cntrl
	punct
	zero
)

var properties = func() (t [256]uint16) {
	for i := range 128 {
		c := byte(i)
		switch {
		case c >= 'a' && c <= 'z':
			t[c] = alpha | lower
		case c >= 'A' && c <= 'Z':
			t[c] = alpha | upper
		case c >= '0' && c <= '9':
			t[c] = digit | hex
		case c < ' ' || c == 127:
			t[c] = cntrl
		case c > ' ':
			t[c] = punct
		}
		if c >= '\t' && c <= '\r' || c == ' ' {
			t[c] |= space
		}
		if l := c | 0x20; l >= 'a' && l <= 'f' && t[c]&alpha != 0 {
			t[c] |= hex
		}
	}
	t[0] |= zero
	return t
}()

// classes are the properties that a letter stands for behind "%", in either case.
var classes = [256]uint16{
	'a': alpha, 'c': cntrl, 'd': digit, 'l': lower, 'p': punct, 's': space, 'u': upper, 'w': alpha | digit, 'x': hex, 'z': zero,
	'A': alpha, 'C': cntrl, 'D': digit, 'L': lower, 'P': punct, 'S': space, 'U': upper, 'W': alpha | digit, 'X': hex, 'Z': zero,
}

func inClass(c, letter byte) bool {
	want := classes[letter]
	if want == 0 {
		return c == letter
	}
	return (properties[c]&want != 0) == (letter&0x20 != 0)
}

package hixie

import (
	"strconv"
)

// isPrintable reports whether s has characters in the range U+0020 to U+007E only.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isDigit reports whether c is a digit of section 4.1's keys and codes.
func isDigit(c byte) bool { return c-'0' <= 9 }

// isControl reports whether c may stand in no line of a head. A tab may.
func isControl(c byte) bool { return c < 0x20 && c != '\t' || c == 0x7F }

// clean returns how many of the first bytes of s, taken eight at a time, may stand in a line
// of a head; a tab, which few have, ends them too.
func clean[T string | []byte](s T) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		del := w ^ 0x7F*ones
		// A byte below 0x20, or one that is 0x7F, sets its top bit; so may one above it.
		if ((w-0x20*ones)&^w|(del-ones)&^del)&tops != 0 {
			break
		}
	}
	return i
}

// isTokenByte reports whether c may stand in a method or field name of HTTP.
func isTokenByte(c byte) bool { return tokenBytes[c] }

var tokenBytes = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// lower converts an ASCII capital and nothing else.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// toLower converts the ASCII capitals of s; all other bytes stay as they are.
func toLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b)
}

// equalFold compares as the draft does: ASCII letters in any case, no others.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	// Names of fields differ at their ends more often than where they begin.
	for i := len(a) - 1; i >= 0; i-- {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// trimBlanks removes spaces and tabs around s.
func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// quote quotes s for an error text, cut where it gets long: a peer chooses it.
func quote(s string) string {
	const most = 120
	if len(s) <= most {
		return strconv.Quote(s)
	}
	return strconv.Quote(s[:most]) + "..."
}

// cut shortens a string of digits for an error text.
func cut(digits string) string {
	const most = 24
	if len(digits) <= most {
		return digits
	}
	return digits[:most] + "..."
}

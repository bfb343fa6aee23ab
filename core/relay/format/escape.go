package format

import "unicode/utf8"

const digits = "0123456789abcdef"

// AppendEscaped appends p, which a peer sent, in a form that is safe on a
// terminal: control characters but newline and tab, and bytes that are not
// UTF-8, as \xNN; the controls of Unicode (C1, and those that turn the direction
// of writing) as \uXXXX. The form is for eyes: a backslash stays one.
func AppendEscaped(dst, p []byte) []byte { return appendEscaped(dst, p, false) }

// AppendEscapedLine does as AppendEscaped for what has to stay in a line, or in a column
// of a table: newline and tab are \n and \t.
func AppendEscapedLine(dst, p []byte) []byte { return appendEscaped(dst, p, true) }

func appendEscaped(dst, p []byte, line bool) []byte {
	for len(p) > 0 {
		// Most is printable: copied in one piece.
		n := 0
		for n < len(p) && isPlain(p[n]) && (!line || p[n] >= ' ') {
			n++
		}
		dst = append(dst, p[:n]...)
		if p = p[n:]; len(p) == 0 {
			break
		}
		switch c := p[0]; {
		case c == '\n':
			dst, p = append(dst, '\\', 'n'), p[1:]
			continue
		case c == '\t':
			dst, p = append(dst, '\\', 't'), p[1:]
			continue
		case c < utf8.RuneSelf:
			dst = append(dst, '\\', 'x', digits[c>>4], digits[c&15])
			p = p[1:]
			continue
		}
		u, n := utf8.DecodeRune(p)
		switch {
		case u == utf8.RuneError && n == 1:
			dst = append(dst, '\\', 'x', digits[p[0]>>4], digits[p[0]&15])
		case isHazard(u):
			dst = appendU(dst, u)
		default:
			dst = append(dst, p[:n]...)
		}
		p = p[n:]
	}
	return dst
}

// isPlain reports whether c is ASCII that is shown as it is.
func isPlain(c byte) bool {
	return c >= ' ' && c < 0x7F || c == '\n' || c == '\t'
}

// isHazard reports whether u, beyond ASCII, does something to a terminal: C1
// controls, line and paragraph separators, and marks, embeddings, overrides and
// isolates of direction; or is not seen at all where that lets two texts look alike. The
// joiners that some scripts need to be written are none.
func isHazard(u rune) bool {
	switch {
	case u < 0xA0, u == 0x061C, u == 0x200B, u == 0x200E, u == 0x200F, u == 0xFEFF:
		return true
	case 0x2028 <= u && u <= 0x202E, 0x2060 <= u && u <= 0x206F, 0xFFF9 <= u && u <= 0xFFFB:
		return true
	}
	return false
}

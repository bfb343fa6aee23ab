package format

import (
	"bytes"
	"encoding/base64"
	"fmt"

	"github.com/ws76/ws76/core"
)

// readHex makes a message of a line of hexadecimal digits at offset at.
func (r *Reader) readHex(line []byte, at int64) (core.Message, error) {
	half := false // a byte has one of its two digits
	for i, c := range line {
		v, ok := hexDigit(c)
		switch {
		case ok && half:
			r.out[len(r.out)-1] |= v
			half = false
		case ok:
			r.out = append(r.out, v<<4)
			half = true
		case isBlank(c) && !half:
		default:
			reason := fmt.Sprintf("%q is no digit", c)
			if half && isBlank(c) {
				reason = "a byte of one digit"
			}
			return r.malformed(at+int64(i), reason, nil)
		}
	}
	if half {
		return r.malformed(at+int64(len(line)), "a byte of one digit", nil)
	}
	return r.check(r.out, at, false, r.o.Kind)
}

func hexDigit(c byte) (v byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// isBlank reports whether c is a space, a tab, or the CR of a line's end.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// readBase64 makes a message of a line of base64 at offset at.
func (r *Reader) readBase64(line []byte, at int64) (core.Message, error) {
	src := bytes.TrimRight(line, " \t\r")
	if i := bytes.IndexByte(src, '\r'); i >= 0 { // the decoder would skip it
		return r.malformed(at+int64(i), "a CR within a line", nil)
	}
	var err error
	if r.out, err = appendBase64(r.out, src); err != nil {
		i, reason := base64Fault(src, err)
		return r.malformed(at+int64(i), reason, err)
	}
	return r.check(r.out, at, false, r.o.Kind)
}

// appendBase64 appends what src, padded or not, stands for.
func appendBase64(dst, src []byte) ([]byte, error) {
	enc := base64.StdEncoding
	if len(src)%4 != 0 && bytes.IndexByte(src, '=') < 0 {
		enc = base64.RawStdEncoding
	}
	return enc.Strict().AppendDecode(dst, src)
}

// base64Fault says where in src, and how, it is not base64, after err has said
// that it is not.
func base64Fault(src []byte, err error) (at int, reason string) {
	for i, c := range src {
		if !isBase64(c) {
			return i, fmt.Sprintf("%q is no digit", c)
		}
	}
	e, ok := err.(base64.CorruptInputError)
	if at = int(e); !ok || at >= len(src) || src[at] != '=' {
		return len(src), "it ends within a group of four"
	}
	return at, "padding where none belongs"
}

func isBase64(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '='
}

// malformed is the result of a record that is wrong at offset at of the stream.
func (r *Reader) malformed(at int64, reason string, err error) (core.Message, error) {
	return core.Message{}, &SyntaxError{Position: r.position(at), Reason: reason, Err: err}
}

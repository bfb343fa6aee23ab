package format

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

// object is what is read of a line of JSON. The strings are taken apart by
// appendUnquoted: encoding/json would change what is no UTF-8 and say nothing.
type object struct {
	Data   json.RawMessage `json:"data"`
	Base64 json.RawMessage `json:"base64"`
	Kind   *string         `json:"kind"`
}

// jsonBlanks may stand around an object, or alone on a line.
const jsonBlanks = " \t\r"

// readJSON makes a message of an object that starts at offset at.
func (r *Reader) readJSON(line []byte, at int64) (core.Message, error) {
	if !r.o.ReplaceInvalid {
		if i := hixie.InvalidAt(line); i >= 0 {
			return core.Message{}, &InvalidUTF8Error{Position: r.position(at + int64(i)), Index: i, Byte: line[i]}
		}
	}
	var o object
	if err := json.Unmarshal(line, &o); err != nil {
		switch e := err.(type) {
		case *json.SyntaxError:
			return r.malformed(at+max(e.Offset-1, 0), e.Error(), err)
		case *json.UnmarshalTypeError:
			what := "the line"
			if e.Field != "" {
				what = strconv.Quote(e.Field)
			}
			return r.malformed(at+max(e.Offset-1, 0), fmt.Sprintf("%s is %s %s", what, article(e.Value), e.Value), err)
		}
		return r.malformed(at, err.Error(), err)
	}

	data, kind, key := o.Data, core.Text, "data"
	switch {
	case present(o.Data) && present(o.Base64):
		return r.malformed(at, `it has both "data" and "base64"`, nil)
	case present(o.Base64):
		data, kind, key = o.Base64, core.Binary, "base64"
	case !present(o.Data):
		return r.malformed(at, `it has neither "data" nor "base64"`, nil)
	}
	if o.Kind != nil {
		switch *o.Kind {
		case "text":
			kind = core.Text
		case "binary":
			kind = core.Binary
		default:
			return r.malformed(at, fmt.Sprintf(`"kind" is %q, neither "text" nor "binary"`, *o.Kind), nil)
		}
	}
	if data[0] != '"' {
		return r.malformed(at, fmt.Sprintf("%q is no string", key), nil)
	}
	var ok bool
	if r.out, ok = appendUnquoted(r.out, data); !ok && !r.o.ReplaceInvalid {
		return r.malformed(at, fmt.Sprintf("%q has half of a surrogate pair, which is no character", key), nil)
	}
	if key == "base64" {
		n := len(r.out)
		var err error
		if r.out, err = appendBase64(r.out, r.out[:n:n]); err != nil {
			i, reason := base64Fault(r.out[:n], err)
			return r.malformed(at, fmt.Sprintf("%q at byte %d: %s", key, i, reason), err)
		}
		return r.check(r.out[n:], at, false, kind)
	}
	return r.check(r.out, at, false, kind)
}

func article(noun string) string {
	if noun == "array" || noun == "object" {
		return "an"
	}
	return "a"
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// appendUnquoted appends what the JSON string raw, which is well-formed, stands
// for. Bytes that are not UTF-8 stay as they are. Half a surrogate pair becomes
// U+FFFD, and ok false.
func appendUnquoted(dst, raw []byte) (_ []byte, ok bool) {
	ok = true
	raw = raw[1 : len(raw)-1]
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			u := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(u) {
				low := rune(-1)
				if len(raw) > i+6 && raw[i+1] == '\\' && raw[i+2] == 'u' {
					low = hex4(raw[i+3:])
				}
				if u = utf16.DecodeRune(u, low); u != utf8.RuneError {
					i += 6
				} else {
					ok = false
				}
			}
			dst = utf8.AppendRune(dst, u)
		default: // '"', '\\', '/'
			dst = append(dst, c)
		}
	}
	return dst, ok
}

// hex4 returns the number of four hexadecimal digits.
func hex4(p []byte) (u rune) {
	for _, c := range p[:4] {
		v, _ := hexDigit(c)
		u = u<<4 | rune(v)
	}
	return u
}

// AppendJSON appends m as an object of the format JSON, without a newline.
func AppendJSON(dst []byte, m core.Message, meta Meta) []byte { return appendJSON(dst, m, &meta) }

// appendJSON appends m as the object that JSON documents, without a newline.
func appendJSON(dst []byte, m core.Message, meta *Meta) []byte {
	begin, encode, _ := jsonData(m)
	dst = append(dst, begin...)
	dst = encode(dst, m.Data)
	return appendJSONRest(dst, m, meta)
}

// jsonData is how an object begins, and how its data is written, in pieces too: of text, or of
// bytes.
func jsonData(m core.Message) (begin string, encode func(dst, data []byte) []byte, text bool) {
	if m.Kind == core.Text && hixie.ValidUTF8(m.Data) {
		return `{"data":"`, appendJSONText, true
	}
	return `{"base64":"`, base64.StdEncoding.AppendEncode, false
}

// appendJSONRest appends what stands behind the data.
func appendJSONRest(dst []byte, m core.Message, meta *Meta) []byte {
	dst = append(dst, `","kind":"`...)
	dst = append(dst, m.Kind.String()...)
	dst = append(dst, '"')
	if meta.Dir != "" {
		dst = append(dst, `,"dir":`...)
		dst = appendJSONString(dst, []byte(meta.Dir))
	}
	if !meta.Time.IsZero() {
		dst = append(dst, `,"time":"`...)
		dst = meta.Time.AppendFormat(dst, time.RFC3339Nano)
		dst = append(dst, '"')
	}
	if meta.Conn != 0 {
		dst = append(dst, `,"conn":`...)
		dst = strconv.AppendInt(dst, int64(meta.Conn), 10)
	}
	if f := meta.Frame; f != nil {
		dst = append(dst, `,"type":`...)
		dst = strconv.AppendUint(dst, uint64(f.Type), 10)
		dst = append(dst, `,"length":`...)
		dst = strconv.AppendInt(dst, f.Length, 10)
	}
	return append(dst, '}')
}

// appendJSONString appends p as a JSON string that is safe on a terminal. A byte
// that is not UTF-8 becomes U+FFFD.
func appendJSONString(dst, p []byte) []byte {
	dst = append(dst, '"')
	dst = appendJSONText(dst, p)
	return append(dst, '"')
}

// appendJSONText is appendJSONString without the quotes.
func appendJSONText(dst, p []byte) []byte {
	for i := 0; i < len(p); {
		if c := p[i]; c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c == '\n':
				dst = append(dst, '\\', 'n')
			case c == '\r':
				dst = append(dst, '\\', 'r')
			case c == '\t':
				dst = append(dst, '\\', 't')
			case c < ' ' || c == 0x7F:
				dst = appendU(dst, rune(c))
			default:
				dst = append(dst, c)
			}
			continue
		}
		u, n := utf8.DecodeRune(p[i:])
		i += n
		if isHazard(u) {
			dst = appendU(dst, u)
		} else {
			dst = utf8.AppendRune(dst, u)
		}
	}
	return dst
}

// appendU appends \uXXXX, of the basic plane.
func appendU(dst []byte, u rune) []byte {
	return append(dst, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
}

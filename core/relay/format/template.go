package format

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/ws76/ws76/core"
)

// TemplateTime is the layout of %T, RFC 3339 with milliseconds.
const TemplateTime = "2006-01-02T15:04:05.000Z07:00"

// Template is the shape of a message on output, for the format Templated.
type Template struct {
	parts []part
	time  bool
}

// part is literal text, or a verb.
type part struct {
	text string
	verb byte // 0: text
}

// ParseTemplate parses a template. Nothing is added to it: a newline at the end
// of each message is the template's own.
//
//	%T  time, see TemplateTime      %c  number of the connection
//	%d  data                        %n  number of the message
//	%j  data as a JSON string       %p  path
//	%k  kind: text or binary        %%  a percent sign
//	\n \t \r \0 \\ \xNN             as in C
//
// %j of a binary message is its base64. An error is a [*TemplateError].
func ParseTemplate(s string) (*Template, error) {
	t := &Template{}
	var text []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '%' && c != '\\' {
			text = append(text, c)
			continue
		}
		at := i
		if i++; i == len(s) {
			return nil, &TemplateError{Offset: at, Reason: fmt.Sprintf("%q at the end; write it twice for itself", c)}
		}
		if c == '\\' {
			b, n := unescape(s[i:])
			if n == 0 {
				return nil, &TemplateError{Offset: at, Reason: fmt.Sprintf(`unknown escape "\%s"; known are \n \t \r \0 \\ \xNN`, firstRune(s[i:]))}
			}
			text = append(text, b)
			i += n - 1
			continue
		}
		switch v := s[i]; v {
		case '%':
			text = append(text, '%')
		case 'T', 'd', 'j', 'k', 'c', 'n', 'p':
			if len(text) > 0 {
				t.parts = append(t.parts, part{text: string(text)})
				text = text[:0]
			}
			t.parts = append(t.parts, part{verb: v})
			t.time = t.time || v == 'T'
		default:
			return nil, &TemplateError{Offset: at, Reason: fmt.Sprintf("unknown %q; known are %%T %%d %%j %%k %%c %%n %%p %%%%", "%"+firstRune(s[i:]))}
		}
	}
	if len(text) > 0 {
		t.parts = append(t.parts, part{text: string(text)})
	}
	return t, nil
}

func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// unescape returns the byte that the escape s, without its backslash, stands for
// and how long it is; 0 if it is none.
func unescape(s string) (b byte, n int) {
	switch s[0] {
	case 'n':
		return '\n', 1
	case 't':
		return '\t', 1
	case 'r':
		return '\r', 1
	case '0':
		return 0, 1
	case '\\':
		return '\\', 1
	case 'x':
		if len(s) >= 3 {
			if v, err := strconv.ParseUint(s[1:3], 16, 8); err == nil {
				return byte(v), 3
			}
		}
	}
	return 0, 0
}

// appendTo appends m as t says; escape is of data and path.
func (t *Template) appendTo(dst []byte, m core.Message, meta *Meta, escape bool) []byte {
	for _, p := range t.parts {
		switch p.verb {
		case 0:
			dst = append(dst, p.text...)
		case 'T':
			dst = meta.Time.AppendFormat(dst, TemplateTime)
		case 'd':
			if escape {
				dst = AppendEscaped(dst, m.Data)
			} else {
				dst = append(dst, m.Data...)
			}
		case 'j':
			if m.Kind == core.Binary {
				dst = append(dst, '"')
				dst = base64.StdEncoding.AppendEncode(dst, m.Data)
				dst = append(dst, '"')
			} else {
				dst = appendJSONString(dst, m.Data)
			}
		case 'k':
			dst = append(dst, m.Kind.String()...)
		case 'c':
			dst = strconv.AppendInt(dst, int64(meta.Conn), 10)
		case 'n':
			dst = strconv.AppendInt(dst, meta.Number, 10)
		case 'p':
			if escape {
				dst = AppendEscaped(dst, []byte(meta.Path))
			} else {
				dst = append(dst, meta.Path...)
			}
		}
	}
	return dst
}

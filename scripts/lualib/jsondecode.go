package lualib

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

// jsonError is what is wrong with a text, and where.
type jsonError struct {
	offset int
	reason string
}

func (e *jsonError) Error() string {
	return fmt.Sprintf("json.decode: offset %d: %s", e.offset, e.reason)
}

func (l *library) jsonDecode(L *lua.LState) (results int) {
	v, err := l.decode(L, "json.decode", L.CheckString(1))
	if err != nil {
		return fail(L, "%v", err)
	}
	L.Push(v)
	return 1
}

// decode makes values of a text.
func (l *library) decode(L *lua.LState, what, s string) (lua.LValue, error) {
	d := jsonDecoder{l: l, L: L, s: s, account: l.Budget.Account(L, what, len(s))}
	d.count()
	return d.document()
}

type jsonDecoder struct {
	l       *library
	L       *lua.LState
	account luastring.Account
	s       string
	i       int
	sizes   []uint32 // of the arrays and objects that are to come, so that tables are made as large as they get
}

// count finds out how many values each array and object has. What is wrong with the text is left for later.
func (d *jsonDecoder) count() {
	const every = 4 << 10 // bytes between two looks at the budget
	containers := 0
	for rest := d.s; rest != ""; {
		piece := rest[:min(len(rest), every)]
		rest = rest[len(piece):]
		d.account.Spend(len(piece) >> 2)
		containers += strings.Count(piece, "[") + strings.Count(piece, "{")
	}
	if containers == 0 {
		return
	}
	d.account.Take(4 * containers)
	d.sizes = make([]uint32, 0, containers)
	var open [maxJSONDepth + 1]int32 // of the containers around, their place in sizes
	depth, empty, looked := 0, false, 0
	for i := 0; i < len(d.s); i++ {
		if i-looked > every {
			d.account.Spend((i - looked) >> 2)
			looked = i
		}
		c := d.s[i]
		switch c {
		case ' ', '\n', '\r', '\t':
			continue
		case '[', '{':
			if depth == len(open) {
				return
			}
			d.some(empty, open[:depth])
			open[depth] = int32(len(d.sizes))
			depth++
			d.sizes = append(d.sizes, 0)
			empty = true
			continue
		case ']', '}':
			if depth == 0 {
				return
			}
			depth--
			empty = false
			continue
		}
		d.some(empty, open[:depth])
		empty = false
		switch c {
		case ',':
			if depth > 0 {
				d.sizes[open[depth-1]]++
			}
		case '"':
			for i++; i < len(d.s) && d.s[i] != '"'; i++ {
				if d.s[i] == '\\' {
					i++
				}
			}
		}
	}
}

// some counts the first value of the innermost container, the commas of which count the others.
func (d *jsonDecoder) some(first bool, open []int32) {
	if first && len(open) > 0 {
		d.sizes[open[len(open)-1]] = 1
	}
}

// size returns how many values the next container has.
func (d *jsonDecoder) size() int {
	if len(d.sizes) == 0 {
		return 0
	}
	n := d.sizes[0]
	d.sizes = d.sizes[1:]
	return int(n)
}

func (d *jsonDecoder) bad(format string, args ...any) error {
	return &jsonError{d.i, fmt.Sprintf(format, args...)}
}

// unexpected says what is there instead of what is wanted.
func (d *jsonDecoder) unexpected(want string) error {
	if d.i >= len(d.s) {
		return d.bad("the text ends, want %s", want)
	}
	_, size := utf8.DecodeRuneInString(d.s[d.i:])
	return d.bad("got %q, want %s", d.s[d.i:d.i+size], want)
}

func (d *jsonDecoder) space() {
	for d.i < len(d.s) && (d.s[d.i] == ' ' || d.s[d.i] == '\n' || d.s[d.i] == '\r' || d.s[d.i] == '\t') {
		d.i++
	}
}

// next skips blanks and reports whether c follows, which it then takes.
func (d *jsonDecoder) next(c byte) bool {
	d.space()
	if d.i < len(d.s) && d.s[d.i] == c {
		d.i++
		return true
	}
	return false
}

func (d *jsonDecoder) document() (lua.LValue, error) {
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if d.space(); d.i < len(d.s) {
		return nil, d.unexpected("the end of the text")
	}
	return v, nil
}

func (d *jsonDecoder) value(depth int) (lua.LValue, error) {
	if depth > maxJSONDepth {
		return nil, d.bad("nested deeper than %d", maxJSONDepth)
	}
	d.space()
	rest := d.s[d.i:]
	switch {
	case rest == "":
		return nil, d.unexpected("a value")
	case rest[0] == '{':
		return d.object(depth)
	case rest[0] == '[':
		return d.array(depth)
	case rest[0] == '"':
		s, err := d.string()
		d.account.Take(16)
		return lua.LString(s), err
	case strings.HasPrefix(rest, "true"):
		d.i += 4
		return lua.LTrue, nil
	case strings.HasPrefix(rest, "false"):
		d.i += 5
		return lua.LFalse, nil
	case strings.HasPrefix(rest, "null"):
		d.i += 4
		return d.l.null, nil
	case rest[0] == '-' || rest[0] >= '0' && rest[0] <= '9':
		return d.number()
	}
	return nil, d.unexpected("a value")
}

func (d *jsonDecoder) object(depth int) (lua.LValue, error) {
	d.i++
	n := d.size()
	d.account.Table(0, n)
	t := d.L.CreateTable(0, n)
	if d.next('}') {
		return t, nil
	}
	for {
		if d.space(); d.i >= len(d.s) || d.s[d.i] != '"' {
			return nil, d.unexpected("a key in quotes")
		}
		k, err := d.string()
		if err != nil {
			return nil, err
		}
		if !d.next(':') {
			return nil, d.unexpected(`":"`)
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		t.RawSetString(k, v)
		if d.next('}') {
			return t, nil
		}
		if !d.next(',') {
			return nil, d.unexpected(`"," or "}"`)
		}
	}
}

func (d *jsonDecoder) array(depth int) (lua.LValue, error) {
	d.i++
	n := d.size()
	d.account.Table(n, 0)
	t := d.L.CreateTable(n, 0)
	t.Metatable = d.l.arrays
	if d.next(']') {
		return t, nil
	}
	for {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		t.Append(v)
		if d.next(']') {
			return t, nil
		}
		if !d.next(',') {
			return nil, d.unexpected(`"," or "]"`)
		}
	}
}

func (d *jsonDecoder) digits() int {
	from := d.i
	for d.i < len(d.s) && d.s[d.i] >= '0' && d.s[d.i] <= '9' {
		d.i++
	}
	return d.i - from
}

func (d *jsonDecoder) number() (lua.LValue, error) {
	from := d.i
	if d.s[d.i] == '-' {
		d.i++
	}
	if first := d.i; d.digits() == 0 {
		return nil, d.unexpected("a digit")
	} else if d.s[first] == '0' && d.i > first+1 {
		d.i = first
		return nil, d.bad("a number begins with 0")
	}
	if d.i < len(d.s) && d.s[d.i] == '.' {
		d.i++
		if d.digits() == 0 {
			return nil, d.unexpected("a digit")
		}
	}
	if d.i < len(d.s) && d.s[d.i]|0x20 == 'e' {
		d.i++
		if d.i < len(d.s) && (d.s[d.i] == '+' || d.s[d.i] == '-') {
			d.i++
		}
		if d.digits() == 0 {
			return nil, d.unexpected("a digit")
		}
	}
	f, err := strconv.ParseFloat(d.s[from:d.i], 64)
	if err != nil {
		d.i = from
		return nil, d.bad("%s is too large for a number", d.s[from:min(from+20, len(d.s))])
	}
	if f >= 0 && f < float64(len(smallNumbers)) && f == float64(int(f)) && !math.Signbit(f) {
		return smallNumbers[int(f)], nil
	}
	d.account.Take(8)
	return lua.LNumber(f), nil
}

// smallNumbers are values that need not be made.
var smallNumbers = func() (n [512]lua.LValue) {
	for i := range n {
		n[i] = lua.LNumber(i)
	}
	return n
}()

func (d *jsonDecoder) string() (string, error) {
	d.i++
	from := d.i
	// Most strings have nothing to unescape and are part of the text.
	for d.i < len(d.s) && d.s[d.i] >= ' ' && d.s[d.i] != '"' && d.s[d.i] != '\\' {
		d.i++
	}
	if d.i < len(d.s) && d.s[d.i] == '"' {
		d.i++
		return d.s[from : d.i-1], nil
	}
	// What it means is no longer than what stands there.
	end := d.i
	for end < len(d.s) && d.s[end] >= ' ' && d.s[end] != '"' {
		if d.s[end] == '\\' {
			end++
		}
		end++
	}
	d.account.Take(min(end, len(d.s)) - from)
	d.account.Spend((end - from) >> 2)
	out := append(make([]byte, 0, min(end, len(d.s))-from), d.s[from:d.i]...)
	for d.i < len(d.s) {
		c := d.s[d.i]
		switch {
		case c == '"':
			d.i++
			return unsafe.String(unsafe.SliceData(out), len(out)), nil
		case c < ' ':
			return "", d.bad("control character %#02x in a string", c)
		case c != '\\':
			out = append(out, c)
			d.i++
			continue
		}
		if d.i+1 >= len(d.s) {
			break
		}
		switch c = d.s[d.i+1]; c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, n := hex4(d.s[d.i:])
			if n == 0 {
				return "", d.bad(`\u without 4 hexadecimal digits`)
			}
			if utf16.IsSurrogate(r) { // half a character; alone it becomes U+FFFD
				low, m := hex4(d.s[d.i+n:])
				if both := utf16.DecodeRune(r, low); m > 0 && both != utf8.RuneError {
					r, n = both, n+m
				}
			}
			out = utf8.AppendRune(out, r)
			d.i += n
			continue
		default:
			return "", d.bad(`unknown escape \%c`, c)
		}
		out = append(out, c)
		d.i += 2
	}
	d.i = len(d.s)
	return "", d.unexpected(`the closing quote of a string`)
}

// hex4 reads \uXXXX at the start of s.
func hex4(s string) (r rune, n int) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, 0
	}
	v, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return 0, 0
	}
	return rune(v), 6
}

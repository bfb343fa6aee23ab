package luastring

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// spec is one conversion of string.format: %[flags][width][.precision]verb.
type spec struct {
	minus, plus, space, alt, zero bool
	width                         int
	precision                     int // -1: none
	verb                          byte
}

// format is string.format.
func (b *Budget) format(L *lua.LState) int {
	const what = "string.format"
	f := lauxlib.CheckString(L, 1)
	account := b.Account(L, what, len(f))
	out := account.Grow(nil, len(f)+32)
	arg := 1
	for {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			out = account.add(out, f)
			break
		}
		out = account.add(out, f[:i])
		if f = f[i+1:]; strings.HasPrefix(f, "%") {
			out, f = account.add(out, "%"), f[1:]
			continue
		}
		if arg++; arg > L.GetTop() {
			lauxlib.ArgError(L, arg, "no value")
		}
		var s spec
		s, f = parseSpec(L, f)
		account.Spend(1)
		out = s.convert(&account, out, arg)
	}
	L.Push(account.String(out))
	return 1
}

// parseSpec reads what is behind a "%" and returns what is left of the format.
func parseSpec(L *lua.LState, f string) (spec, string) {
	s := spec{precision: -1}
	i := 0
	for ; i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0; i++ {
		switch f[i] {
		case '-':
			s.minus = true
		case '+':
			s.plus = true
		case ' ':
			s.space = true
		case '#':
			s.alt = true
		case '0':
			s.zero = true
		}
	}
	if i > 5 {
		lauxlib.Errorf(L, "invalid format (repeated flags)")
	}
	number := func() (n int) {
		for range 2 {
			if i < len(f) && f[i] >= '0' && f[i] <= '9' {
				n = n*10 + int(f[i]-'0')
				i++
			}
		}
		return n
	}
	s.width = number()
	if i < len(f) && f[i] == '.' {
		i++
		s.precision = number()
	}
	if i < len(f) && f[i] >= '0' && f[i] <= '9' {
		lauxlib.Errorf(L, "invalid format (width or precision too long)")
	}
	if i == len(f) {
		lauxlib.Errorf(L, "%s", "invalid option '%' to 'format'")
	}
	s.verb = f[i]
	return s, f[i+1:]
}

// longest is more than any conversion makes but those of strings: a number of 309 digits, and 99 behind the point.
const longest = 512

func (s spec) convert(a *Account, out []byte, arg int) []byte {
	L := a.state
	if cap(out)-len(out) < longest {
		out = a.Grow(out, longest)
	}
	switch s.verb {
	case 'c':
		return s.pad(out, "", string([]byte{byte(lauxlib.CheckInt(L, arg))}))
	case 'd', 'i':
		n := lauxlib.Integer(lauxlib.CheckNumber(L, arg))
		sign := s.sign(n < 0)
		magnitude := uint64(n)
		if n < 0 {
			magnitude = -magnitude
		}
		return s.padNumber(out, sign, s.digits(magnitude, 10), s.precision < 0)
	case 'u', 'o', 'x', 'X':
		return s.unsigned(out, toUint64(lauxlib.CheckNumber(L, arg)))
	case 'e', 'E', 'f', 'g', 'G':
		return s.float(out, lauxlib.CheckNumber(L, arg))
	case 'q':
		str := lauxlib.CheckString(L, arg)
		a.Text(len(str))
		return appendQuoted(a, out, str)
	case 's':
		str := lauxlib.CheckString(L, arg)
		if s.precision < 0 && len(str) >= 100 {
			a.Text(len(str))
			return a.add(out, str) // as Lua has it: too long to pad anyway
		}
		if s.precision >= 0 && len(str) > s.precision {
			str = str[:s.precision]
		}
		return s.pad(out, "", str)
	}
	lauxlib.Errorf(L, "invalid option '%%%s' to 'format'", string([]byte{s.verb}))
	return out
}

// pad appends sign and text, filled with spaces up to the width.
func (s spec) pad(out []byte, sign, text string) []byte {
	fill := s.width - len(sign) - len(text)
	if !s.minus {
		out = appendFill(out, ' ', fill)
	}
	out = append(append(out, sign...), text...)
	if s.minus {
		out = appendFill(out, ' ', fill)
	}
	return out
}

// padNumber is pad with zeros behind the sign where the flag asks for them and they are allowed.
func (s spec) padNumber(out []byte, sign, digits string, zeros bool) []byte {
	if s.zero && zeros && !s.minus {
		out = append(out, sign...)
		out = appendFill(out, '0', s.width-len(sign)-len(digits))
		return append(out, digits...)
	}
	return s.pad(out, sign, digits)
}

func appendFill(out []byte, c byte, n int) []byte {
	for range n {
		out = append(out, c)
	}
	return out
}

func (s spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case s.plus:
		return "+"
	case s.space:
		return " "
	}
	return ""
}

// digits writes n with as many digits as the precision asks for.
func (s spec) digits(n uint64, base int) string {
	if n == 0 && s.precision == 0 {
		return ""
	}
	d := strconv.FormatUint(n, base)
	if len(d) < s.precision {
		d = strings.Repeat("0", s.precision-len(d)) + d
	}
	return d
}

func (s spec) unsigned(out []byte, n uint64) []byte {
	base, prefix := 10, ""
	switch s.verb {
	case 'o':
		base = 8
	case 'x', 'X':
		base = 16
		if s.alt && n != 0 {
			prefix = "0" + string(s.verb)
		}
	}
	d := s.digits(n, base)
	if s.verb == 'X' {
		d = strings.ToUpper(d)
	}
	if s.verb == 'o' && s.alt && !strings.HasPrefix(d, "0") {
		d = "0" + d
	}
	return s.padNumber(out, prefix, d, s.precision < 0)
}

func (s spec) float(out []byte, f float64) []byte {
	capital := s.verb == 'E' || s.verb == 'G'
	sign := s.sign(math.Signbit(f) && f == f)
	var text string
	switch {
	case math.IsInf(f, 0):
		text = "inf"
	case f != f:
		text = "nan"
	default:
		text = s.finite(math.Abs(f))
	}
	if capital {
		text = strings.ToUpper(text)
	}
	return s.padNumber(out, sign, text, f-f == 0)
}

func (s spec) finite(f float64) string {
	precision := s.precision
	if precision < 0 {
		precision = 6
	}
	switch s.verb | 0x20 {
	case 'g':
		precision = max(precision, 1)
		text := strconv.FormatFloat(f, 'e', precision-1, 64)
		e := strings.IndexByte(text, 'e')
		exponent, _ := strconv.Atoi(text[e+1:])
		mantissa, tail := text[:e], text[e:]
		if exponent >= -4 && exponent < precision {
			mantissa, tail = strconv.FormatFloat(f, 'f', precision-1-exponent, 64), ""
		}
		switch {
		case s.alt && !strings.Contains(mantissa, "."):
			mantissa += "."
		case !s.alt && strings.Contains(mantissa, "."):
			mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
		}
		return mantissa + tail
	case 'e':
		text := strconv.FormatFloat(f, 'e', precision, 64)
		if s.alt && precision == 0 {
			return strings.Replace(text, "e", ".e", 1)
		}
		return text
	default:
		text := strconv.FormatFloat(f, 'f', precision, 64)
		if s.alt && precision == 0 {
			text += "."
		}
		return text
	}
}

func toUint64(f float64) uint64 {
	if f >= 1<<63 && f < 1<<64 {
		return uint64(f)
	}
	return uint64(lauxlib.Integer(f))
}

// appendQuoted is %q: a string as Lua reads it back.
func appendQuoted(a *Account, out []byte, s string) []byte {
	const escaped = 5 // at most, and the end
	out = append(a.Grow(out, len(s)+escaped), '"')
	a.Spend(len(s) >> 2)
	for i := 0; i < len(s); i++ {
		if need := len(s) - i + escaped; cap(out)-len(out) < need {
			out = a.Grow(out, need)
		}
		switch c := s[i]; c {
		case '"', '\\', '\n':
			out = append(out, '\\', c)
		case '\r':
			out = append(out, `\r`...)
		case 0:
			out = append(out, `\000`...)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

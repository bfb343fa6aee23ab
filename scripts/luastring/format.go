package luastring

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// spec is one conversion of string.format: %[flags][width][.precision]verb.
type spec struct {
	flags     string // of "-+ #0"
	width     int
	precision int // -1: none
	verb      byte
}

func (s spec) has(flag string) bool { return strings.Contains(s.flags, flag) }

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
	for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
		i++
	}
	s.flags = f[:i]
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
		if n == 0 && s.precision == 0 {
			return s.pad(out, s.sign(false), "")
		}
		return s.number(out, 'd', n)
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
	if !s.has("-") {
		out = appendFill(out, ' ', fill)
	}
	out = append(append(out, sign...), text...)
	if s.has("-") {
		out = appendFill(out, ' ', fill)
	}
	return out
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
	case s.has("+"):
		return "+"
	case s.has(" "):
		return " "
	}
	return ""
}

// number appends a number by a conversion that fmt has in common with C.
func (s spec) number(out []byte, verb byte, n any) []byte {
	format := append(append(make([]byte, 0, 16), '%'), s.flags...)
	if s.width > 0 {
		format = strconv.AppendInt(format, int64(s.width), 10)
	}
	if s.precision >= 0 {
		format = strconv.AppendInt(append(format, '.'), int64(s.precision), 10)
	}
	return fmt.Appendf(out, string(append(format, verb)), n)
}

// unsigned has what fmt does in another way: of 0, of signs and of the width of what has a prefix.
func (s spec) unsigned(out []byte, n uint64) []byte {
	s.flags = strings.NewReplacer("+", "", " ", "").Replace(s.flags)
	verb, hex := s.verb, s.verb|0x20 == 'x'
	switch {
	case n == 0 && s.precision == 0 && s.verb == 'o' && s.has("#"):
		return s.pad(out, "", "0")
	case n == 0 && s.precision == 0:
		return s.pad(out, "", "")
	case s.verb == 'u':
		verb = 'd'
	case hex && n == 0:
		s.flags = strings.ReplaceAll(s.flags, "#", "")
	case hex && s.has("#") && s.has("0") && !s.has("-") && s.precision < 0:
		s.width = max(s.width-len("0x"), 0)
	}
	return s.number(out, verb, n)
}

func (s spec) float(out []byte, f float64) []byte {
	text := "nan"
	switch {
	case f-f == 0:
		if s.precision < 0 {
			s.precision = 6
		}
		return s.number(out, s.verb, f)
	case f == f:
		text = "inf"
	}
	if s.verb == 'E' || s.verb == 'G' {
		text = strings.ToUpper(text)
	}
	return s.pad(out, s.sign(math.Signbit(f) && f == f), text)
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

package lauxlib

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const spaces = " \t\n\v\f\r"

// ToNumber returns the number that a value is or, as a string, spells.
func ToNumber(v lua.LValue) (float64, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return float64(v), true
	case lua.LString:
		return ParseNumber(string(v))
	}
	return 0, false
}

// ParseNumber is Lua's reading of a number in a string, which is that of C's strtod: decimal or hexadecimal, "inf" and "nan",
// with spaces around it. A NUL ends the string, as in C.
func ParseNumber(s string) (float64, bool) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = strings.Trim(s, spaces)
	sign, digits := cutSign(s)
	if strings.Contains(digits, "_") || digits == "" || digits[0] == '+' || digits[0] == '-' {
		return 0, false
	}
	switch c := digits[0]; {
	case c == '0' && len(digits) > 1 && digits[1]|0x20 == 'x':
		return parseHex(sign, digits[2:])
	case c == '.' || c >= '0' && c <= '9':
		if digits == "." || strings.ContainsAny(digits, "pP") {
			return 0, false
		}
	default:
		return parseWord(sign, strings.ToLower(digits))
	}
	f, err := strconv.ParseFloat(digits, 64)
	return sign * f, err == nil || err.(*strconv.NumError).Err == strconv.ErrRange // an overflow is infinity
}

func cutSign(s string) (sign float64, rest string) {
	switch {
	case strings.HasPrefix(s, "-"):
		return -1, s[1:]
	case strings.HasPrefix(s, "+"):
		return 1, s[1:]
	}
	return 1, s
}

func parseHex(sign float64, digits string) (float64, bool) {
	if mantissa, _, _ := strings.Cut(strings.ToLower(digits), "p"); strings.Trim(mantissa, ".") == "" {
		return 0, false
	}
	if !strings.ContainsAny(digits, "pP") {
		digits += "p0"
	}
	f, err := strconv.ParseFloat("0x"+digits, 64)
	return sign * f, err == nil || err.(*strconv.NumError).Err == strconv.ErrRange
}

func parseWord(sign float64, word string) (float64, bool) {
	switch {
	case word == "inf" || word == "infinity":
		return math.Inf(int(sign)), true
	case word == "nan", strings.HasPrefix(word, "nan(") && strings.HasSuffix(word, ")"):
		return math.Copysign(math.NaN(), sign), true
	}
	return 0, false
}

// ParseInteger is C's strtoul: a number in a base from 2 to 36, with spaces around it. What is negative or too large wraps or
// stops at the largest, as there.
func ParseInteger(s string, base int) (float64, bool) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = strings.Trim(s, spaces)
	sign, digits := cutSign(s)
	if base == 16 && len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		digits = digits[2:]
	}
	if strings.ContainsAny(digits, "_+-") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return math.MaxUint64, err.(*strconv.NumError).Err == strconv.ErrRange
	}
	if sign < 0 {
		n = -n
	}
	return float64(n), true
}

// ToString returns the text of a string or number.
func ToString(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return FormatNumber(float64(v)), true
	}
	return "", false
}

// FormatNumber is a number as Lua writes it: with "%.14g".
func FormatNumber(f float64) string {
	sign := ""
	if math.Signbit(f) {
		sign = "-"
	}
	switch {
	case f != f:
		return sign + "nan"
	case math.IsInf(f, 0):
		return sign + "inf"
	case f == math.Trunc(f) && math.Abs(f) < 1e14 && (f != 0 || !math.Signbit(f)):
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}

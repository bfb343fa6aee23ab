package luastd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-strftime"

	"github.com/ws76/ws76/scripts/luastring"
)

// The formats of conversions that are made of others, in the C locale.
var composed = map[byte]string{
	'c': "%a %b %e %H:%M:%S %Y", 'D': "%m/%d/%y", 'F': "%Y-%m-%d", 'r': "%I:%M:%S %p", 'R': "%H:%M", 'T': "%H:%M:%S",
	'x': "%m/%d/%y", 'X': "%H:%M:%S",
}

// appendTime is C's strftime in the C locale, with what glibc has beyond the standard.
func appendTime(a *luastring.Account, out []byte, format string, t time.Time) []byte {
	const most = 64 // bytes of one conversion
	for i := 0; i < len(format); i++ {
		a.Spend(1)
		out = a.Grow(out, most)
		if format[i] != '%' || i+1 == len(format) {
			out = append(out, format[i])
			continue
		}
		i++
		out = appendConversion(a, out, format[i], t)
	}
	return out
}

// appendConversion leaves to the library what is the same there as in glibc: it writes years with four digits, and has
// conversions that glibc has not.
func appendConversion(a *luastring.Account, out []byte, c byte, t time.Time) []byte {
	isoYear, _ := t.ISOWeek()
	switch c {
	case 'c', 'D', 'F', 'r', 'R', 'T', 'x', 'X':
		return appendTime(a, out, composed[c], t)
	case 'C':
		return strconv.AppendInt(out, int64(floorDiv(t.Year(), 100)), 10)
	case 'g':
		return fmt.Appendf(out, "%02d", isoYear-100*floorDiv(isoYear, 100))
	case 'G':
		return strconv.AppendInt(out, int64(isoYear), 10)
	case 'y':
		return fmt.Appendf(out, "%02d", t.Year()-100*floorDiv(t.Year(), 100))
	case 'Y':
		return strconv.AppendInt(out, int64(t.Year()), 10)
	case 'Z':
		if t.Location() == time.UTC {
			return append(out, "GMT"...)
		}
	case '1', '2', '3', '4', '5', '6', '7', '8', '9': // a width, of nothing
		return fmt.Appendf(out, "%*s", int(c-'0'), string([]byte{'%', c}))
	}
	conversion := string([]byte{'%', c})
	if strings.IndexByte("aAbBdehHIjklmMnpPsStuUVwWzZ%", c) < 0 {
		return append(out, conversion...)
	}
	return strftime.AppendFormat(out, conversion, t)
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

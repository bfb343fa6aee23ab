package luastd

import (
	"fmt"
	"strconv"
	"time"

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

func appendConversion(a *luastring.Account, out []byte, c byte, t time.Time) []byte {
	two := func(n int) []byte { return fmt.Appendf(out, "%02d", n) }
	isoYear, isoWeek := t.ISOWeek()
	hour12 := (t.Hour()+11)%12 + 1
	switch c {
	case 'a':
		return append(out, t.Weekday().String()[:3]...)
	case 'A':
		return append(out, t.Weekday().String()...)
	case 'b', 'h':
		return append(out, t.Month().String()[:3]...)
	case 'B':
		return append(out, t.Month().String()...)
	case 'c', 'D', 'F', 'r', 'R', 'T', 'x', 'X':
		return appendTime(a, out, composed[c], t)
	case 'C':
		return strconv.AppendInt(out, int64(floorDiv(t.Year(), 100)), 10)
	case 'd':
		return two(t.Day())
	case 'e':
		return fmt.Appendf(out, "%2d", t.Day())
	case 'g':
		return two(isoYear - 100*floorDiv(isoYear, 100))
	case 'G':
		return strconv.AppendInt(out, int64(isoYear), 10)
	case 'H':
		return two(t.Hour())
	case 'I':
		return two(hour12)
	case 'j':
		return fmt.Appendf(out, "%03d", t.YearDay())
	case 'k':
		return fmt.Appendf(out, "%2d", t.Hour())
	case 'l':
		return fmt.Appendf(out, "%2d", hour12)
	case 'm':
		return two(int(t.Month()))
	case 'M':
		return two(t.Minute())
	case 'n':
		return append(out, '\n')
	case 'p':
		return t.AppendFormat(out, "PM")
	case 'P':
		return t.AppendFormat(out, "pm")
	case 's':
		return strconv.AppendInt(out, t.Unix(), 10)
	case 'S':
		return two(t.Second())
	case 't':
		return append(out, '\t')
	case 'u':
		return strconv.AppendInt(out, int64(t.Weekday()+6)%7+1, 10)
	case 'U':
		return two((t.YearDay() + 6 - int(t.Weekday())) / 7)
	case 'V':
		return two(isoWeek)
	case 'w':
		return strconv.AppendInt(out, int64(t.Weekday()), 10)
	case 'W':
		return two((t.YearDay() + 6 - int(t.Weekday()+6)%7) / 7)
	case 'y':
		return two(t.Year() - 100*floorDiv(t.Year(), 100))
	case 'Y':
		return strconv.AppendInt(out, int64(t.Year()), 10)
	case 'z':
		return t.AppendFormat(out, "-0700")
	case 'Z':
		if t.Location() == time.UTC {
			return append(out, "GMT"...)
		}
		return t.AppendFormat(out, "MST")
	case '%':
		return append(out, '%')
	case '1', '2', '3', '4', '5', '6', '7', '8', '9': // a width, of nothing
		return fmt.Appendf(out, "%*s", int(c-'0'), string([]byte{'%', c}))
	}
	return append(out, '%', c)
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

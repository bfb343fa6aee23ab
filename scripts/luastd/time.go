package luastd

import (
	"math"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
)

// Time puts clock, date, difftime and time into the table os, in which it is what now returns; nil for the real time.
func Time(L *lua.LState, b *luastring.Budget, now func() time.Time, t *lua.LTable) {
	if now == nil {
		now = time.Now
	}
	l := &library{Budget: b, now: now}
	L.SetFuncs(t, map[string]lua.LGFunction{"clock": clock, "date": l.date, "difftime": diffTime, "time": l.time})
}

func clock(L *lua.LState) int {
	L.Push(lua.LNumber(processorTime().Seconds()))
	return 1
}

func diffTime(L *lua.LState) int {
	from := 0.0
	until := math.Trunc(lauxlib.CheckNumber(L, 1))
	if L.Get(2) != lua.LNil {
		from = math.Trunc(lauxlib.CheckNumber(L, 2))
	}
	L.Push(lua.LNumber(until - from))
	return 1
}

// maxTime is about where the year no longer fits C's int.
const maxTime = 67768036191676799

// date is os.date.
func (l *library) date(L *lua.LState) int {
	format, _, _ := strings.Cut(lauxlib.OptString(L, 1, "%c"), "\x00") // which ends it, as in C
	when := l.now()
	if L.Get(2) != lua.LNil {
		s := lauxlib.Integer(lauxlib.CheckNumber(L, 2))
		if s > maxTime || s < -maxTime-62167219200*2 {
			L.Push(lua.LNil)
			return 1
		}
		when = time.Unix(s, 0).In(when.Location())
	}
	if len(format) > 0 && format[0] == '!' {
		format, when = format[1:], when.UTC()
	}
	if format == "*t" {
		L.Push(fields(L, when))
	} else {
		account := l.Account(L, "os.date", len(format))
		L.Push(account.String(appendTime(&account, nil, format, when)))
	}
	return 1
}

func fields(L *lua.LState, t time.Time) *lua.LTable {
	table := L.CreateTable(0, 9)
	for name, n := range map[string]int{
		"sec": t.Second(), "min": t.Minute(), "hour": t.Hour(), "day": t.Day(), "month": int(t.Month()), "year": t.Year(),
		"wday": int(t.Weekday()) + 1, "yday": t.YearDay(),
	} {
		table.RawSetString(name, lua.LNumber(n))
	}
	table.RawSetString("isdst", lua.LBool(t.IsDST()))
	return table
}

// time is os.time.
func (l *library) time(L *lua.LState) int {
	if L.Get(1) == lua.LNil {
		L.Push(lua.LNumber(l.now().Unix()))
		return 1
	}
	t := lauxlib.CheckTable(L, 1)
	sec, minute, hour := field(L, t, "sec", 0), field(L, t, "min", 0), field(L, t, "hour", 12)
	day, month, year := field(L, t, "day", -1), field(L, t, "month", -1), field(L, t, "year", -1)
	when := time.Date(year, time.Month(month), day, hour, minute, sec, 0, l.now().Location())
	if dst := L.GetField(t, "isdst"); dst != lua.LNil {
		when = withDST(when, lua.LVAsBool(dst))
	}
	if s := when.Unix(); s != -1 && when.Year()-1900 <= math.MaxInt32 {
		L.Push(lua.LNumber(s))
	} else {
		L.Push(lua.LNil) // C's mktime gives -1 for what it cannot do
	}
	return 1
}

// field is a field of the table of os.time; -1 says that there is no default.
func field(L *lua.LState, t *lua.LTable, name string, d int) int {
	f, ok := lauxlib.ToNumber(L.GetField(t, name))
	if !ok {
		if d < 0 {
			lauxlib.Errorf(L, "field '%s' missing in date table", name)
		}
		return d
	}
	return int(int32(lauxlib.Integer(f)))
}

// withDST takes the clock's time for one with or without daylight saving, by the difference that the nearest such time has.
func withDST(t time.Time, dst bool) time.Time {
	if t.IsDST() == dst {
		return t
	}
	const week = 7 * 24 * time.Hour
	_, here := t.Zone()
	for distance := week; distance < 53*week; distance += week {
		for _, other := range []time.Time{t.Add(-distance), t.Add(distance)} {
			if other.IsDST() == dst {
				_, there := other.Zone()
				return t.Add(time.Duration(here-there) * time.Second)
			}
		}
	}
	return t
}

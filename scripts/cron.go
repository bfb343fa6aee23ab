package scripts

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	lua "github.com/yuin/gopher-lua"
)

// parseCron reads a line of cron: five fields, or a word such as @hourly. A line may
// begin with CRON_TZ=ZONE; otherwise it is in the zone of the times it is asked with.
func parseCron(line string, now time.Time) (cron.Schedule, error) {
	fields := strings.Fields(line)
	if len(fields) == 1 && strings.Contains(line, "TZ=") {
		return nil, errors.New("there is nothing behind the time zone")
	}
	for _, field := range fields {
		if strings.Trim(field, ",") == "" {
			return nil, fmt.Errorf("%q names no time", field) // the library would look for it for years
		}
	}
	if n := len(fields); n > 1 && fields[n-2] == "@every" {
		if d, err := time.ParseDuration(fields[n-1]); err == nil && (d < time.Second || d%time.Second != 0) {
			return nil, fmt.Errorf("an interval of %v; want whole seconds, at least one (ws76.every takes fractions)", d)
		}
	}
	schedule, err := cron.ParseStandard(strings.Join(fields, " "))
	if err == nil && schedule.Next(now).IsZero() {
		err = errors.New("that time never comes")
	}
	return schedule, err
}

// wsAt is ws76.at(line, fn).
func wsAt(L *lua.LState) int {
	st := stateOf(L)
	line := checkString(L, 1, "ws76.at: want a line of cron like \"*/5 * * * *\"")
	const longest = 1000
	if len(line) > longest {
		raise(L, "ws76.at: a line of %d bytes; the limit is %d", len(line), longest)
	}
	now := st.script.o.Clock.Now()
	schedule, err := parseCron(line, now)
	if err != nil {
		raise(L, "ws76.at: %q: %v; want minute, hour, day of the month, month and day of the week, as in \"30 6 * * 1-5\", or @hourly, @daily, @weekly, @monthly, @yearly or \"@every 90m\"", line, err)
	}
	// Without the reading of the clock that never jumps, so that it goes by the date.
	next := func(_, now time.Time) time.Time { return schedule.Next(now.Round(0)) }
	t := repeating(L, st, next)
	st.dated = true
	st.addAt(t, next(now, now))
	L.Push(st.object(t, handleObject))
	return 1
}

package scripts

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// When functions of ws76.at are called, by a clock that begins on the day before.
func TestAt(t *testing.T) {
	for _, tt := range []struct {
		line  string
		zone  string
		begin string
		hours int
		want  string // day and time of the first calls
	}{
		{"*/20 * * * *", "UTC", "2026-03-01 23:55", 2, "02 00:00, 02 00:20, 02 00:40, 02 01:00, 02 01:20, 02 01:40"},
		{"30 6 * * 1-5", "UTC", "2026-03-06 00:00", 96, "06 06:30, 09 06:30"},
		{"0 0 13 * 5", "UTC", "2026-03-01 00:00", 24 * 20, "06 00:00, 13 00:00, 20 00:00"},
		{"@hourly", "UTC", "2026-03-01 22:30", 3, "01 23:00, 02 00:00, 02 01:00"},
		{"@daily", "UTC", "2026-03-01 22:30", 48, "02 00:00, 03 00:00"},
		{"@monthly", "UTC", "2026-03-01 22:30", 24 * 62, "01 00:00, 01 00:00"},
		{"@every 90m", "UTC", "2026-03-01 22:30", 3, "02 00:00, 02 01:30"},
		{" 5  4 * jan,MAR sun ", "UTC", "2026-03-01 00:00", 24 * 7, "01 04:05"},
		// Berlin goes to summer time on March 29, when there is no 02:30, and back on October 25, when there are two.
		{"30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", 72, "28 02:30, 30 02:30"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-24 00:00", 72, "24 02:30, 25 02:30, 25 02:30, 26 02:30"},
		{"0 * * * *", "Europe/Berlin", "2026-03-29 00:30", 3, "29 01:00, 29 03:00, 29 04:00"},
		{"0 0 * * *", "Europe/Berlin", "2026-03-28 12:00", 72, "29 00:00, 30 00:00, 31 00:00"},
		{"CRON_TZ=Asia/Tokyo 0 9 * * *", "UTC", "2026-03-01 12:00", 24, "02 00:00"},
	} {
		zone, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		begin, err := time.ParseInLocation("2006-01-02 15:04", tt.begin, zone)
		if err != nil {
			t.Fatal(err)
		}
		clock := NewVirtualClock(begin)
		r := newRig(t, fmt.Sprintf("ws76.at(%q, function() print(ws76.now()) end)", tt.line), Options{Clock: clock})
		r.advance(clock, tt.hours, time.Hour)
		var got []string
		for _, line := range r.got(&r.prints) {
			var unix float64
			fmt.Sscan(line, &unix)
			got = append(got, time.Unix(int64(unix), 0).In(zone).Format("02 15:04"))
		}
		if calls := strings.Join(got, ", "); calls != tt.want {
			t.Errorf("%s in %s from %s: %s, want %s; logs %q", tt.line, tt.zone, tt.begin, calls, tt.want, r.got(&r.logs))
		}
	}
}

func TestAtCancelAndSkip(t *testing.T) {
	clock := NewVirtualClock(epoch)
	r := newRig(t, `local t t = ws76.at("* * * * *", function()
  print(ws76.clock() / 60, t:skipped())
  if ws76.clock() > 200 then t:cancel() end
  ws76.sleep(90)
end)`, Options{Clock: clock})
	r.advance(clock, 20, 30*time.Second)
	r.want("prints", &r.prints, "1\t0", "3\t1", "5\t2")
}

// The system's clock may be set while a script waits for a date.
func TestAtClockIsSet(t *testing.T) {
	clock := &setClock{VirtualClock: NewVirtualClock(epoch)}
	r := newRig(t, `ws76.at("0 6 * * *", function() print("six") end)`, Options{Clock: clock})
	clock.set(7 * time.Hour)
	r.advance(clock.VirtualClock, 1, time.Minute)
	r.want("prints", &r.prints, "six")
	clock.set(0)
	r.advance(clock.VirtualClock, 8*60, time.Minute) // six o'clock of the same day again
	r.want("prints", &r.prints, "six")
}

// setClock is a virtual clock whose date is set without its timers knowing.
type setClock struct {
	*VirtualClock
	ahead time.Duration
}

func (c *setClock) set(d time.Duration) { c.ahead = d }
func (c *setClock) Now() time.Time      { return c.VirtualClock.Now().Add(c.ahead) }

func TestAtRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"": "empty spec", "* * * *": "expected exactly 5 fields, found 4", "60 * * * *": "above maximum (59)", "* * * * * *": "found 6", "@reboot": "unrecognized",
		"x * * * *": "failed to parse int from x", ", * * * *": "names no time", "0 0 31 2 *": "never comes", "*/0 * * * *": "step",
		"CRON_TZ=UTC": "nothing behind", "TZ=Nowhere/Land * * * * *": "bad location", "@every x": "duration", "@every 0s": "whole seconds", "@every -1h": "whole seconds", "CRON_TZ=UTC @every 999ms": "whole seconds", "@every 1.5s": "an interval of 1.5s; want whole seconds", "@every 1h0.001s": "whole seconds",
	} {
		r := newRig(t, fmt.Sprintf(`local ok, e = pcall(ws76.at, %q, print) print(ok, e)`, line), Options{})
		if got := r.got(&r.prints); len(got) != 1 || !strings.HasPrefix(got[0], "false\t") || !strings.Contains(got[0], want) || !strings.Contains(got[0], "30 6 * * 1-5") {
			t.Errorf("%q: %q, want %q in it", line, got, want)
		}
	}
}

func FuzzCron(f *testing.F) {
	for _, line := range []string{"*/5 * * * *", "@hourly", "CRON_TZ=Asia/Tokyo 0 9 * * 1-5", "0 0 29 2 *", "1,2-3/4 ? * jan-mar sun", "@every 1h", "TZ= ", "0-59/99999999999 * * * *"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		schedule, err := parseCron(line, epoch)
		if err != nil {
			return
		}
		at := epoch
		for range 3 {
			next := schedule.Next(at)
			if next.IsZero() {
				break
			}
			if !next.After(at) {
				t.Fatalf("%q: %v is followed by %v", line, at, next)
			}
			at = next
		}
		if again, err := parseCron("  "+line+" ", epoch); err != nil || !reflect.DeepEqual(again, schedule) {
			t.Errorf("%q with spaces: %v", line, err)
		}
	})
}

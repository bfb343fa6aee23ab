package scripts

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/scripts/watch"
)

// What timers call may wait.
func TestCallbacks(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		want       []string
	}{
		{"after", `ws76.after(1, function() ws76.sleep(2) print(ws76.clock()) end)`, []string{"3"}},
		{"no arguments", `ws76.after(1, function(...) print(select("#", ...)) end) ws76.after(1, print)`, []string{"0", ""}},
		{"order", `for i = 1, 3 do ws76.after(1, function() print(i) ws76.sleep(1) print(i) end) end`, []string{"1", "2", "3", "1", "2", "3"}},
		{"every skips while it runs", `local n, t = 0
t = ws76.every(1, function() n = n + 1 print(n, ws76.clock(), t:skipped()) if n == 3 then t:cancel() end ws76.sleep(2.5) print("end", n) end)`,
			[]string{"1\t1\t0", "end\t1", "2\t4\t2", "end\t2", "3\t7\t4", "end\t3"}},
		{"an error behind a wait", `local t
t = ws76.every(1, function() if bad then t:cancel() end bad = true ws76.sleep(0.5) error("bad") end)`, []string{
			"log ERROR test.lua: timer: test.lua:2: bad"}}, // it is said once a second
		{"yield", `ws76.after(1, function() coroutine.yield() print("on") end)`, []string{"on"}},
		{"pcall and coroutines", `ws76.after(1, function()
  print(pcall(function() ws76.sleep(1) error("x", 0) end))
  print(coroutine.wrap(function() ws76.sleep(1) return 5 end)())
end)`, []string{"false\tx", "5"}},
		{"in a task", `ws76.after(1, function() ws76.wait_all({ws76.spawn(function() ws76.sleep(1) print("inner") end)}) print("outer") end)`, []string{"inner", "outer"}},
		{"a thread is used again", `local seen
ws76.every(0.1, function() local co = coroutine.running() if seen == nil then seen = co elseif seen ~= co then print("another") end if ws76.clock() > 5 then ws76.sleep(60) end end)
ws76.after(6, function() print(coroutine.running() ~= seen) end)`, []string{"true"}},
		{"many that wait", `n = 0 for i = 1, 100 do ws76.after(1, function() ws76.sleep(1) n = n + 1 end) end ws76.after(3, function() print(n) end)`, []string{"100"}},
		{"too many that wait", `for i = 1, 101 do ws76.after(1, function() ws76.sleep(1) end) end`, []string{
			"log ERROR test.lua: timer: test.lua:1: ws76.sleep cannot wait: there are 100 tasks already, which is the limit"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := NewVirtualClock(epoch)
			r := newRig(t, tt.code, Options{Clock: clock, Limits: Limits{MaxTasks: 100}})
			r.advance(clock, 20, 500*time.Millisecond)
			got := r.got(&r.prints)
			for _, line := range r.got(&r.logs) {
				first, _, _ := strings.Cut(line, "\n")
				got = append(got, "log "+first)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The function of a watch is called for one event at a time, in order, and what comes
// meanwhile is one event a path.
func TestWatchWaits(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	r := newRig(t, `ws76.watch(args.dir .. "/*.txt", function(e)
  print("begin", e.op, e.path:match("[^/\\]+$"))
  while not ws76.read_file(args.dir .. "/go") do ws76.sleep(0.001) end
  print("end")
end)`, Options{Data: dir, Args: Args{Named: map[string]string{"dir": filepath.ToSlash(dir)}}})
	writeFile(t, file("a.txt"), "1")
	r.await("prints", func() bool { return len(r.got(&r.prints)) == 1 })
	writeFile(t, file("b.txt"), "1")
	writeFile(t, file("c.txt"), "1")
	r.await("events", func() bool {
		r.script.mu.Lock()
		defer r.script.mu.Unlock()
		for c := range r.script.cur.opened {
			return len(c.(*watching).paths) == 2
		}
		return false
	})
	if got := r.got(&r.prints); len(got) != 1 {
		t.Errorf("printed %q while the function waits", got)
	}
	if err := os.WriteFile(file("go"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	r.await("prints", func() bool { return len(r.got(&r.prints)) == 6 })
	got := r.got(&r.prints)
	if b, c := "begin\tcreate\tb.txt", "begin\tcreate\tc.txt"; got[1] != "end" || got[3] != "end" || got[5] != "end" || got[2]+got[4] != b+c && got[2]+got[4] != c+b {
		t.Errorf("printed %q", got)
	}
}

// What waits for the function of a watch.
func TestWatchQueue(t *testing.T) {
	r := newRig(t, "", Options{Limits: Limits{MaxTimers: 3}})
	w := &watching{st: r.script.cur, ops: map[string]watch.Op{}}
	for _, e := range []watch.Event{
		{Path: "a", Op: watch.Create}, {Path: "b", Op: watch.Write}, {Path: "a", Op: watch.Write}, {Path: "c", Op: watch.Remove},
		{Path: "d", Op: watch.Write}, {Path: "b", Op: watch.Remove}, {Path: "c", Op: watch.Create},
	} {
		w.add(e)
	}
	want := map[string]watch.Op{"a": watch.Create, "b": watch.Remove, "c": watch.Write}
	if !reflect.DeepEqual(w.paths, []string{"a", "b", "c"}) || !reflect.DeepEqual(w.ops, want) || w.lost != 1 {
		t.Errorf("waits: %v %v, lost %d", w.paths, w.ops, w.lost)
	}
}

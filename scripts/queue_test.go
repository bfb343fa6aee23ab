package scripts

import (
	"reflect"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

func TestQueue(t *testing.T) {
	const spawn = "local function task(f, ...) return ws76.spawn(f, ...) end local q = ws76.queue(2)\n"
	for _, tt := range []struct {
		name, code string
		want       []string
	}{
		{"in order", `local q = ws76.queue() for i = 1, 3 do q:put(i) end print(#q, q:len(), q:get(), q:get(), q:get(), q:len())`, []string{"3\t3\t1\t2\t3\t0"}},
		{"put waits for room", spawn + `task(function() for i = 1, 4 do print("put", i, q:put(i)) end end)
task(function() ws76.sleep(1) for i = 1, 4 do print("got", q:get()) end end)`,
			[]string{"put\t1\ttrue", "put\t2\ttrue", "got\t1", "got\t2", "got\t3", "put\t3\ttrue", "put\t4\ttrue", "got\t4"}},
		{"get waits, in turn", spawn + `for i = 1, 3 do task(function() print(i, q:get()) end) end
task(function() for _, v in ipairs({"a", "b", "c"}) do q:put(v) end end)`, []string{"1\ta", "2\tb", "3\tc"}},
		{"putters in turn", spawn + `q:put(0) q:put(0) for i = 1, 3 do task(function() q:put(i) end) end
task(function() local t = {} for i = 1, 5 do t[i] = q:get() end print(table.concat(t, " ")) end)`, []string{"0 0 1 2 3"}},
		{"timeouts", spawn + `task(function() print(q:get(1)) print(q:get(0)) q:put(1) q:put(2) print(q:put(3, 1)) print(q:put(3, 0)) print(#q, ws76.clock()) end)`,
			[]string{"nil\ttimeout", "nil\tempty", "nil\ttimeout", "nil\tfull", "2\t2"}},
		{"in a hook nothing waits", spawn + `print(q:get()) print(q:put(1), q:put(2)) print(q:put(3)) print(q:put(4, 5))`, []string{"nil\tempty", "true\ttrue", "nil\tfull", "nil\tfull"}},
		{"close", spawn + `q:put(1) q:put(2)
task(function() print("put", q:put(3)) end)
task(function() q:close() q:close() print(q:put(4)) print(q:get()) print(q:get()) print(q:get()) print(q:get(1)) end)`,
			[]string{"nil\tclosed", "1", "2", "nil\tclosed", "nil\tclosed", "put\tnil\tclosed"}},
		{"close wakes who waits", spawn + `for i = 1, 2 do task(function() print(i, q:get()) end) end task(function() q:close() end)`, []string{"1\tnil\tclosed", "2\tnil\tclosed"}},
		{"a loop until the end", spawn + `task(function() for v in function() return q:get() end do print(v) end print("end") end)
task(function() for i = 1, 3 do q:put(i) end q:close() end)`, []string{"1", "2", "3", "end"}},
		{"what a cancelled task was given", spawn + `local g = task(function() print("never", q:get()) end)
local h = task(function() print("second", q:get()) end)
task(function() q:put("a") g:cancel() q:put("b") h:cancel() print(#q, q:get(), q:get()) end)`, []string{"2\ta\tb"}},
		{"it goes to who waits next", spawn + `local g = task(function() q:get() end) task(function() print("next", q:get()) end) task(function() q:put("a") g:cancel() end)`, []string{"next\ta"}},
		{"a cancelled put", spawn + `q:put(1) q:put(2) local p = task(function() q:put(3) end) task(function() p:cancel() print(q:get(), q:get(), q:get(0)) end)`, []string{"1\t2\tnil\tempty"}},
		{"who gives up waits no more", spawn + `task(function() q:get(1) end) task(function() ws76.sleep(2) q:put(1) print(#q) end)`, []string{"1"}},
		{"values", spawn + `q:put(false) q:put({1}) print(q:get(), q:get()[1]) print((select(2, pcall(q.put, q, nil)):match("nil is no value")))
print((select(2, pcall(ws76.queue, 0)):match("whole number from 1"))) print(pcall(ws76.queue, 1.5)) print((select(2, pcall(q.get, 5)):match("want a queue")))`,
			[]string{"false\t1", "nil is no value", "whole number from 1", "false\ttest.lua:3: ws76.queue: the capacity is 1.5; want a whole number from 1 to 1048576", "want a queue"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := NewVirtualClock(epoch)
			r := newRig(t, tt.code, Options{Clock: clock})
			r.advance(clock, 1, 0)
			r.advance(clock, 12, 500*time.Millisecond)
			got := r.got(&r.prints)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("printed %q, want %q; logs: %s", got, tt.want, r.got(&r.logs))
			}
		})
	}
}

// A hook hands its messages to a task.
func TestQueueOfHook(t *testing.T) {
	r := newRig(t, `local q = ws76.queue(2)
function on_message(c, d) print(q:put(d)) return false end`, Options{Clock: NewVirtualClock(epoch)})
	for _, text := range []string{"a", "b", "c"} {
		if err := r.sink(relay.AToB, core.Message{Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	r.want("prints", &r.prints, "true", "true", "nil\tfull")
}

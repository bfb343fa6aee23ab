//go:build !race

package scripts

import (
	"runtime"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// A hook costs the two allocations of a string that Lua may keep, and no hook none.
func TestAllocsHook(t *testing.T) {
	for _, tt := range []struct {
		code string
		want float64
	}{
		{"", 0},
		{"function on_close() end", 0},
		{"function on_message(conn, data, kind) end", 2},
		{"function on_message(conn, data, kind) return data end", 2},
		{"function on_message(conn, data, kind) return true end", 2},
		{"function on_message(conn, data, kind) return false end", 2},
	} {
		sink, _ := sinkOf(t, tt.code)
		m := core.Message{Data: make([]byte, 125)}
		if n := testing.AllocsPerRun(1000, func() {
			if err := sink(relay.AToB, m); err != nil {
				t.Fatal(err)
			}
		}); n > tt.want {
			t.Errorf("%q: %v allocations for a message, want %v", tt.code, n, tt.want)
		}
	}
}

// A state of a script that is compiled takes no more than 36 KB, in 320 allocations, to begin with.
func TestAllocsState(t *testing.T) {
	s, err := Eval("bench.lua", "function on_message(conn, data, kind) return data end", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop(t.Context(), "")
	const n = 100
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		s.mu.Lock()
		st, err := s.build(nil)
		if err != nil {
			t.Fatal(err)
		}
		st.close()
		s.mu.Unlock()
	}
	runtime.ReadMemStats(&after)
	if bytes, count := (after.TotalAlloc-before.TotalAlloc)/n, (after.Mallocs-before.Mallocs)/n; bytes > 36_000 || count > 320 {
		t.Errorf("%d bytes in %d allocations for a state, want at most 36000 in 320: what scripts rarely use is to be made at its first use (st.late)", bytes, count)
	} else {
		t.Logf("%d bytes in %d allocations", bytes, count)
	}
}

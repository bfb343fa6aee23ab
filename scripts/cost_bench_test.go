package scripts

import (
	"slices"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// BenchmarkHookCost compares `return data` as a hook with a bare protected call of
// the interpreter that copies the same 125 bytes. They take turns of a thousand
// messages, so that whatever else the machine does meets both; the figures are
// medians of the turns.
func BenchmarkHookCost(b *testing.B) {
	const code = "function on_message(conn, data, kind) return data end"
	m := core.Message{Data: make([]byte, 125)}
	L := lua.NewState()
	defer L.Close()
	if err := L.DoString(code); err != nil {
		b.Fatal(err)
	}
	fn := L.GetGlobal("on_message")
	sink, _ := sinkOf(b, code)
	const turn = 1000
	timed := func(f func()) float64 {
		began := time.Now()
		for range turn {
			f()
		}
		return float64(time.Since(began)) / turn
	}
	var bares, hooks, more []float64
	for b.Loop() {
		bare := timed(func() {
			L.Push(fn)
			L.Push(lua.LString(m.Data))
			if err := L.PCall(1, 1, nil); err != nil {
				b.Fatal(err)
			}
			L.SetTop(0)
		})
		hook := timed(func() {
			if err := sink(relay.AToB, m); err != nil {
				b.Fatal(err)
			}
		})
		bares, hooks, more = append(bares, bare), append(hooks, hook), append(more, hook-bare)
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(bares), "bare-ns")
	b.ReportMetric(median(hooks), "hook-ns")
	b.ReportMetric(median(more), "more-ns")
}

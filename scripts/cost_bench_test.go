package scripts

import (
	"slices"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// inTurns times functions in turns, so that whatever else the machine does meets all of them, in an order that goes round,
// and returns for each the median of how many times as long as the first it took in the same turn, and the median of its
// nanoseconds.
func inTurns(b *testing.B, times int, fs ...func()) (ratios, ns []float64) {
	took := make([][]float64, len(fs))
	ratio := make([][]float64, len(fs))
	for first := 0; b.Loop(); first++ {
		turn := make([]float64, len(fs))
		for i := range fs {
			i = (first + i) % len(fs)
			began := time.Now()
			for range times {
				fs[i]()
			}
			turn[i] = float64(time.Since(began)) / float64(times)
		}
		for i, t := range turn {
			took[i], ratio[i] = append(took[i], t), append(ratio[i], t/turn[0])
		}
	}
	b.ReportMetric(0, "ns/op")
	for i := range fs {
		slices.Sort(took[i])
		slices.Sort(ratio[i])
		ns, ratios = append(ns, took[i][len(took[i])/2]), append(ratios, ratio[i][len(ratio[i])/2])
	}
	return ratios, ns
}

// BenchmarkHookCost compares `return data` as a hook with a bare protected call of the interpreter that copies the same 125
// bytes.
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
	ratios, ns := inTurns(b, 1000, func() {
		L.Push(fn)
		L.Push(lua.LString(m.Data))
		if err := L.PCall(1, 1, nil); err != nil {
			b.Fatal(err)
		}
		L.SetTop(0)
	}, func() {
		if err := sink(relay.AToB, m); err != nil {
			b.Fatal(err)
		}
	})
	b.ReportMetric(ns[0], "bare-ns")
	b.ReportMetric(ns[1], "hook-ns")
	b.ReportMetric(ratios[1], "x-bare")
}

// BenchmarkCode compares code of scripts with the same in a bare interpreter, and in one that can be interrupted (with a
// context), a thousand rounds of a loop each.
func BenchmarkCode(b *testing.B) {
	for _, bb := range []struct{ name, code string }{
		{"for", `for i = 1, 1000 do end`},
		{"add", `local x = 0 for i = 1, 1000 do x = x + i end`},
		{"mod", `local x = 0 for i = 1, 1000 do x = i % 7 end`},
		{"pow", `local x = 0 for i = 1, 1000 do x = i ^ 2 end`},
		{"call", `local function f(x) return x end for i = 1, 1000 do f(i) end`},
		{"method", `local t = {f = function(self, x) return x end} for i = 1, 1000 do t:f(i) end`},
		{"library", `local abs = math.abs for i = 1, 1000 do abs(i) end`},
		{"index", `local t = {} for i = 1, 1000 do t[i] = i end local x for i = 1, 1000 do x = t[i] end`},
		{"field", `local t = {n = 0} for i = 1, 1000 do t.n = t.n + 1 end`},
		{"concat", `local s for i = 1, 1000 do s = "a" .. i end`},
		{"error", `local function f(n) if n == 0 then error("x") end return 1 + f(n - 1) end for i = 1, 1000 do pcall(f, 20) end`},
		{"length", `local t = {1, 2, 3} local n for i = 1, 1000 do n = #t end`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			code := "function run() " + bb.code + " end"
			call := func(L *lua.LState) func() {
				fn := L.GetGlobal("run")
				return func() {
					L.Push(fn)
					if err := L.PCall(0, 0, nil); err != nil {
						b.Fatal(err)
					}
				}
			}
			bare, guarded := lua.NewState(), lua.NewState()
			defer bare.Close()
			defer guarded.Close()
			guarded.SetContext(b.Context())
			for _, L := range []*lua.LState{bare, guarded} {
				if err := L.DoString(code); err != nil {
					b.Fatal(err)
				}
			}
			s, err := Eval("bench.lua", code, Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { s.Stop(b.Context(), "") })
			s.mu.Lock()
			defer s.mu.Unlock()
			ours := call(s.cur.L)
			ratios, ns := inTurns(b, 3, call(bare), call(guarded), func() {
				s.cur.begin()
				ours()
				s.cur.end(nil)
			})
			b.ReportMetric(ns[2]/1000, "ns/round")
			b.ReportMetric(ratios[1], "context-x-bare")
			b.ReportMetric(ratios[2], "x-bare")
		})
	}
}

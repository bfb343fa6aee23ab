package scripts

import (
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// passThrough is the end of a chain that takes everything.
func passThrough(relay.Direction, core.Message) error { return nil }

func sinkOf(t testing.TB, code string) (relay.Sink, *Script) {
	s, err := Eval("bench.lua", code, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Stop(t.Context(), "") })
	sess := Set{s}.Session(&Peer{}, nil, false)
	var sink relay.Sink
	relayHook := sess.Hooks()[0]
	rs, err := relay.NewSession(t.Context(), &pipeEnd{}, &pipeEnd{}, &relay.Options{Hooks: []relay.Hook{relay.HookFunc(func(s *relay.Session, _ relay.Sink) (relay.Sink, error) {
		var err error
		sink, err = relayHook.Attach(s, passThrough)
		return nil, err
	})}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rs.Close(t.Context()) })
	return sink, s
}

// BenchmarkHook is the cost of a hook for one message.
func BenchmarkHook(b *testing.B) {
	for _, bb := range []struct{ name, code string }{
		{"none", ""},
		{"nil", "function on_message(conn, data, kind) end"},
		{"data", "function on_message(conn, data, kind) return data end"},
		{"upper", "function on_message(conn, data, kind) return data:upper() end"},
		{"send", "function on_message(conn, data, kind) conn:send(data) return false end"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			sink, _ := sinkOf(b, bb.code)
			m := core.Message{Data: make([]byte, 125)}
			for i := range m.Data {
				m.Data[i] = 'x'
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := sink(relay.AToB, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoad is a state of a script that is compiled already.
func BenchmarkLoad(b *testing.B) {
	s, err := Eval("bench.lua", "function on_message(conn, data, kind) return data end", Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.mu.Lock()
		st, err := s.build(nil)
		if err != nil {
			b.Fatal(err)
		}
		st.close()
		s.mu.Unlock()
	}
}

// BenchmarkTimer is one call of a function of ws76.every that does not wait.
func BenchmarkTimer(b *testing.B) {
	clock := NewVirtualClock(epoch)
	s, err := Eval("bench.lua", "n = 0 ws76.every(1, function() n = n + 1 end)", Options{Clock: clock})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	b.Cleanup(func() { s.Stop(b.Context(), "") })
	b.ReportAllocs()
	for b.Loop() {
		clock.Advance(time.Second)
	}
}

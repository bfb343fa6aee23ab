package scripts

import (
	"net"
	"sync"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

// BenchmarkEcho is an echo over TCP: 64 connections, 64 messages of 125 bytes in
// flight on each, client and server in this process. hook is without, or with
// `return data` on each message.
func BenchmarkEcho(b *testing.B) {
	for _, bb := range []struct{ name, code string }{
		{"plain", ""},
		{"hook", "function on_message(conn, data, kind) return data end"},
	} {
		b.Run(bb.name, func(b *testing.B) { benchmarkEcho(b, bb.code) })
	}
}

func benchmarkEcho(b *testing.B, code string) {
	const conns, flight = 64, 64
	var set Set
	if code != "" {
		s, err := Eval("bench.lua", code, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Start()
		defer s.Stop(b.Context(), "")
		set = Set{s}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	var all sync.WaitGroup
	rounds := b.N/(conns*flight) + 1
	start := make(chan struct{})
	for range conns {
		all.Go(func() {
			stream, err := l.Accept()
			if err != nil {
				b.Error(err)
				return
			}
			conn, err := core.Accept(b.Context(), stream, nil)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close(b.Context())
			batch := conn.Batch()
			session := set.Session(NewPeer(conn, "server"), nil, false)
			sink, err := session.Bind(func(_ relay.Direction, m core.Message) error { return batch.Queue(b.Context(), m) }, nil, nil)
			if err != nil {
				b.Error(err)
			}
			err = conn.Pump(b.Context(), func(m core.Message) error { return sink(relay.AToB, m) }, func() error { return batch.Flush(b.Context()) })
			session.Closed(err)
		})
		conn, err := core.Dial(b.Context(), "ws://"+l.Addr().String()+"/", nil)
		if err != nil {
			b.Fatal(err)
		}
		all.Go(func() {
			defer conn.Close(b.Context())
			m, batch := core.Message{Data: make([]byte, 125)}, conn.Batch()
			<-start
			for range rounds {
				for range flight {
					batch.Queue(b.Context(), m)
				}
				batch.Flush(b.Context())
				for range flight {
					if _, err := conn.Receive(b.Context()); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	b.ResetTimer()
	close(start)
	all.Wait()
	b.ReportMetric(float64(rounds*conns*flight)/b.Elapsed().Seconds(), "messages/s")
}

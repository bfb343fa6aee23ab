//go:build darwin || (linux && !ppc64 && !ppc64le)

package module_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/transports/serial"
	"github.com/ws76/ws76/transports/wifly"
	"github.com/ws76/ws76/transports/wifly/module"
)

// echoOver opens a connection of draft 76 to an echo server, through the driver and a
// module on a pseudo-terminal.
func echoOver(b *testing.B, baud int) *core.Conn {
	pty, err := module.OpenPTY()
	if err != nil {
		testenv.Missing(b, "no pseudo-terminal: "+err.Error())
	}
	m, err := module.New(&module.Options{Baud: baud, Running: true, HostRate: pty.Rate, Settings: "set uart flow 1\n"})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { m.Serve(ctx, pty) })
	running.Go(func() {
		stream, err := listener.Accept()
		if err != nil {
			return
		}
		conn, err := core.Accept(ctx, stream, nil)
		if err != nil {
			return
		}
		defer conn.Close(ctx)
		for {
			message, err := conn.Receive(ctx)
			if err != nil || conn.Send(ctx, message) != nil {
				return
			}
		}
	})
	driver := wifly.New(wifly.Config{Name: pty.Path, Baud: baud, Flow: true, Open: func(ctx context.Context, baud int) (net.Conn, error) {
		return serial.OpenPort(ctx, serial.Config{Path: pty.Path, Baud: baud, Flow: "rtscts"})
	}})
	conn, err := core.Dial(ctx, "ws://"+listener.Addr().String()+"/", &core.DialOptions{Dialer: driver})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close(context.Background())
		listener.Close()
		cancel()
		running.Wait()
	})
	return conn
}

// BenchmarkStream keeps both directions full of frames of 1 KiB and reports how much
// of what the line could carry (8N1: a tenth of its rate) arrives: line-%.
func BenchmarkStream(b *testing.B) {
	for _, baud := range []int{9600, 115200, 460800, 921600} {
		b.Run(fmt.Sprint(baud), func(b *testing.B) {
			const frame = 1024 // of which two bytes begin and end it
			frames := max(3*baud/10/frame, 4)
			conn := echoOver(b, baud)
			data := []byte(strings.Repeat("x", frame-2))
			var first, last time.Time
			for b.Loop() {
				var sending sync.WaitGroup
				sending.Go(func() {
					for range frames {
						if err := conn.Send(b.Context(), core.Message{Data: data}); err != nil {
							b.Error(err)
							return
						}
					}
				})
				for i := range frames {
					if _, err := conn.Receive(b.Context()); err != nil {
						b.Fatal(err)
					}
					if last = time.Now(); i == 0 {
						first = last // the line is full from here on
					}
				}
				sending.Wait()
			}
			rate := float64((frames-1)*frame) / last.Sub(first).Seconds()
			b.ReportMetric(100*rate/float64(baud/10), "line-%")
			b.ReportMetric(rate, "bytes/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkRoundTrip reports what driver and module add to the time that a message of
// 32 bytes, 34 on the wire, needs on the line there and back.
func BenchmarkRoundTrip(b *testing.B) {
	for _, baud := range []int{9600, 115200, 921600} {
		b.Run(fmt.Sprint(baud), func(b *testing.B) {
			conn := echoOver(b, baud)
			message := core.Message{Data: []byte(strings.Repeat("x", 32))}
			for b.Loop() {
				if err := conn.Send(b.Context(), message); err != nil {
					b.Fatal(err)
				}
				if _, err := conn.Receive(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			wire := 2 * 34 * 10 * time.Second / time.Duration(baud)
			b.ReportMetric(float64((b.Elapsed()/time.Duration(b.N)-wire).Microseconds())/1000, "added-ms")
		})
	}
}

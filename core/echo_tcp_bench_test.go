package core_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve"
)

// serverEnv makes the test binary an echo server on loopback, so that its
// processor time can be told from the load's: "conn", "loop" (serve's event loops), or
// "raw", the plain TCP echo.
const serverEnv = "WS76_BENCH_SERVER"

func benchServer(kind string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin) // until the benchmark is done
		stop()
		l.Close()
	}()
	if kind != "raw" {
		s := &serve.Server{Grace: time.Millisecond, Handler: func(ctx context.Context, conn *core.Conn) error {
			return core.Copy(ctx, conn, conn)
		}}
		if kind == "loop" {
			s.Events = serve.Echo{}
		}
		s.Serve(ctx, l)
		return
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b := make([]byte, 64<<10)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				if _, err := c.Write(b[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// BenchmarkEcho compares core.Copy with a plain TCP echo of the same
// bytes, both as processes of their own: size x connections x in flight. It reports
// the server's processor time per message and, as x-raw, its ratio to the plain
// echo, medians over -benchtime rounds (use -benchtime 5x).
func BenchmarkEcho(b *testing.B) { benchEcho(b, "conn") }

// BenchmarkEchoLoop is BenchmarkEcho with the event loops of serve in place of Conn.
func BenchmarkEchoLoop(b *testing.B) { benchEcho(b, "loop") }

func benchEcho(b *testing.B, kind string) {
	for _, c := range []echoCase{
		{125, 64, 64, 0}, {125, 64, 1, 0}, {125, 1000, 64, 0}, {4096, 64, 64, 0}, {65536, 64, 1, 0},
		{1 << 20, 1, 1, 0}, {1 << 20, 64, 1, 0},
		{1 << 20, 1, 1, 1460}, // sent in pieces
	} {
		name := fmt.Sprintf("%dx%dx%d", c.size, c.conns, c.inFlight)
		if c.piece > 0 {
			name += fmt.Sprintf("/pieces of %d", c.piece)
		}
		b.Run(name, func(b *testing.B) {
			var conn, ratio []float64
			for b.Loop() {
				raw, ws := c.run(b, "raw"), c.run(b, kind)
				conn, ratio = append(conn, ws), append(ratio, ws/raw)
			}
			b.ReportMetric(median(conn), "server-ns/msg")
			b.ReportMetric(median(ratio), "x-raw")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

type echoCase struct{ size, conns, inFlight, piece int }

// run loads a server for a while and returns its processor time per message in ns.
func (c echoCase) run(b *testing.B, kind string) float64 {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"="+kind)
	hold, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	var messages atomic.Int64
	var wg sync.WaitGroup
	ends := time.Now().Add(600 * time.Millisecond)
	for range c.conns {
		wg.Go(func() {
			n, err := c.load(addr[:len(addr)-1], kind, ends)
			messages.Add(n)
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	hold.Close()
	cmd.Wait()
	return float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / float64(messages.Load())
}

// load keeps inFlight messages on the way over one connection until ends.
func (c echoCase) load(addr, kind string, ends time.Time) (n int64, err error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	if kind != "raw" && string(rawHandshake(nc)) != "8jKS'y:G*Co,Wxa-" {
		return 0, fmt.Errorf("handshake with %s failed", addr)
	}
	frames := bytes.Repeat(hixie.AppendText(nil, bytes.Repeat([]byte("x"), c.size)), c.inFlight)
	back := make([]byte, len(frames))
	piece := c.piece
	if piece == 0 {
		piece = len(frames)
	}
	for time.Now().Before(ends) {
		sent := make(chan error, 1)
		send := func() {
			for rest := frames; len(rest) > 0; {
				k := min(piece, len(rest))
				if _, err := nc.Write(rest[:k]); err != nil {
					sent <- err
					return
				}
				rest = rest[k:]
			}
			sent <- nil
		}
		if len(frames) > 64<<10 {
			go send() // more than the socket buffers may hold
		} else {
			send()
		}
		if _, err := io.ReadFull(nc, back); err != nil {
			return n, err
		}
		if err := <-sent; err != nil {
			return n, err
		}
		if !bytes.Equal(back, frames) {
			return n, fmt.Errorf("what came back from %s is not what was sent", addr)
		}
		n += int64(c.inFlight)
	}
	return n, nil
}

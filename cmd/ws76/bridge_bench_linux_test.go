package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core/hixie"
)

func init() {
	programs["tcprelay"] = func() { tcpRelay(func(dst, src net.Conn) { io.Copy(dst, src) }) }
	programs["readrelay"] = func() { tcpRelay(readAndWrite) }
	programs["livebridge"] = liveBridge
}

// readAndWrite is io.Copy without splice(2): what a relay can do that looks at the
// bytes. Like the bridge's, its buffers are shared, and so in the processor's caches.
func readAndWrite(dst, src net.Conn) {
	raw, err := src.(syscall.Conn).SyscallConn()
	if err != nil {
		panic(err)
	}
	for {
		var buf *[80 << 10]byte
		var n int
		if err := raw.Read(func(fd uintptr) bool {
			buf = relayBuffers.Get().(*[80 << 10]byte)
			n, err = unix.Read(int(fd), buf[:])
			if err == unix.EAGAIN {
				relayBuffers.Put(buf)
			}
			return err != unix.EAGAIN
		}); err != nil || n <= 0 {
			return
		}
		_, err := dst.Write(buf[:n])
		relayBuffers.Put(buf)
		if err != nil {
			return
		}
	}
}

var relayBuffers = sync.Pool{New: func() any { return new([80 << 10]byte) }}

// tcpRelay is what bridges are compared with: relay both ways, in a process of its
// own. Its argument is the address to relay to.
func tcpRelay(relay func(dst, src net.Conn)) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(os.Stderr, "bridging ws://%s/\n", l.Addr())
	for {
		from, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			defer from.Close()
			to, err := net.Dial("tcp", os.Args[1])
			if err != nil {
				return
			}
			defer to.Close()
			go func() {
				relay(from, to)
				from.Close()
			}()
			relay(to, from)
		}()
	}
}

// BenchmarkBridge loads ws76 bridge and two relays in turn with the same echoes: size x
// connections x in flight. It reports the processor time of the bridge per message
// there and back, as x-relay its ratio to that of io.Copy, and as x-reading to that of
// readAndWrite, medians over -benchtime rounds (use -benchtime 5x).
func BenchmarkBridge(b *testing.B) {
	for _, c := range []bridgeLoad{
		{125, 64, 64, "ws+hixie76"}, {125, 64, 64, "ws+rfc6455"}, {65536, 64, 1, "ws+hixie76"}, {125, 64, 1, "ws+hixie76"},
	} {
		b.Run(fmt.Sprintf("%s/%dx%dx%d", c.to, c.size, c.conns, c.inFlight), func(b *testing.B) {
			server := startEchoServer(b)
			var cost, ratio, reading []float64
			for b.Loop() {
				relay := c.run(b, "tcprelay", server)
				reader := c.run(b, "readrelay", server)
				bridge := c.run(b, "ws76", "bridge", "ws://127.0.0.1:0", c.to+"://"+server)
				cost, ratio, reading = append(cost, bridge), append(ratio, bridge/relay), append(reading, bridge/reader)
			}
			b.ReportMetric(median(cost), "cpu-ns/msg")
			b.ReportMetric(median(ratio), "x-relay")
			b.ReportMetric(median(reading), "x-reading")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// startEchoServer runs ws76 serve --echo in a process of its own, so that what its
// messages do to the load's collector of garbage is not the bridge's cost.
func startEchoServer(b testing.TB) string {
	return startListening(b, exec.Command("ws76", "serve", "127.0.0.1:0", "--echo", "--origin", "*"))
}

type bridgeLoad struct {
	size, conns, inFlight int
	to                    string
}

// startListening starts a program and returns the address that it says it listens on.
func startListening(b testing.TB, cmd *exec.Cmd) string {
	b.Helper()
	return startListeningBy(b, cmd, cmd.Start)
}

// startListeningBy is startListening where something else than Start starts cmd.
func startListeningBy(b testing.TB, cmd *exec.Cmd, start func() error) string {
	b.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewReader(stderr)
	first, err := lines.ReadString('\n')
	addr := regexp.MustCompile(`ws://([^/]*)/`).FindStringSubmatch(first)
	if err != nil || addr == nil {
		b.Fatalf("%v said %q, %v", cmd.Args, first, err)
	}
	go io.Copy(io.Discard, lines)
	return addr[1]
}

// run returns the processor time of a program per message in ns.
func (c bridgeLoad) run(b *testing.B, name string, args ...string) float64 {
	b.Helper()
	cmd := exec.Command(name, args...)
	addr := startListening(b, cmd)
	var messages atomic.Int64
	var wg sync.WaitGroup
	var ready sync.WaitGroup
	ready.Add(c.conns)
	start := make(chan struct{})
	for range c.conns {
		wg.Go(func() {
			n, err := c.load(addr, &ready, start)
			messages.Add(n)
			if err != nil {
				b.Error(err)
			}
		})
	}
	ready.Wait()
	before := processorTime(b, cmd.Process.Pid)
	close(start)
	wg.Wait()
	used := processorTime(b, cmd.Process.Pid) - before
	cmd.Process.Kill()
	cmd.Wait()
	return float64(used) / float64(messages.Load())
}

// load keeps inFlight messages on the way over one connection for a while.
func (c bridgeLoad) load(addr string, ready *sync.WaitGroup, start chan struct{}) (n int64, err error) {
	nc, err := net.Dial("tcp", addr)
	if err == nil {
		defer nc.Close()
		err = rawOpening(nc)
	}
	ready.Done()
	if err != nil {
		return 0, err
	}
	<-start
	frames := bytes.Repeat(hixie.AppendText(nil, bytes.Repeat([]byte("x"), c.size)), c.inFlight)
	back := make([]byte, len(frames))
	for ends := time.Now().Add(800 * time.Millisecond); time.Now().Before(ends); n += int64(c.inFlight) {
		if _, err := nc.Write(frames); err != nil {
			return n, err
		}
		if _, err := io.ReadFull(nc, back); err != nil {
			return n, err
		}
		if !bytes.Equal(back, frames) {
			return n, fmt.Errorf("what came back from %s is not what was sent", addr)
		}
	}
	return n, nil
}

// rawOpening does the draft's example handshake and leaves a bare stream.
func rawOpening(nc net.Conn) error {
	if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: localhost\r\nOrigin: http://x\r\n"+
		"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n^n:ds[4U"); err != nil {
		return err
	}
	var head []byte
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n8jKS'y:G*Co,Wxa-")); {
		if _, err := io.ReadFull(nc, one); err != nil {
			return fmt.Errorf("handshake: %w after %q", err, head)
		}
		head = append(head, one...)
	}
	return nil
}

// processorTime is what a process has used so far, from /proc.
func processorTime(b testing.TB, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] { // utime and stime, proc(5)
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// liveBridge is ws76 that says on SIGUSR1 how much memory is live, on a line of its
// standard output.
func liveBridge() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			for range 3 { // pools are empty after two
				runtime.GC()
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Println(m.HeapAlloc + m.StackInuse)
		}
	}()
	main()
}

// idleBridge is a liveBridge with pairs of connections over which nothing passes any
// more.
type idleBridge struct {
	live     int // bytes per pair
	resident int // bytes per pair, garbage of the handshakes and all
}

func measureIdle(b testing.TB, to string, pairs int) idleBridge {
	b.Helper()
	server := startEchoServer(b)
	cmd := exec.Command("livebridge", "bridge", "ws://127.0.0.1:0", to+"://"+server)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	addr := startListening(b, cmd)
	lines := bufio.NewReader(stdout)
	live := func() (n int) {
		cmd.Process.Signal(syscall.SIGUSR1)
		if _, err := fmt.Fscanln(lines, &n); err != nil {
			b.Fatal(err)
		}
		return n
	}
	live() // what is made once is there
	before, resident := live(), residentBytes(b, cmd.Process.Pid)
	message := hixie.AppendText(nil, []byte("hello"))
	back := make([]byte, len(message))
	for range pairs {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		if err := rawOpening(nc); err != nil {
			b.Fatal(err)
		}
		nc.Write(message)
		if _, err := io.ReadFull(nc, back); err != nil || !bytes.Equal(back, message) {
			b.Fatalf("%q came back, %v", back, err)
		}
	}
	idle := idleBridge{resident: (residentBytes(b, cmd.Process.Pid) - resident) / pairs}
	idle.live = (live() - before) / pairs
	return idle
}

// BenchmarkBridgeIdle reports the memory that a pair of connections costs a bridge
// over which nothing passes.
func BenchmarkBridgeIdle(b *testing.B) {
	for _, to := range []string{"ws+hixie76", "ws+rfc6455"} {
		b.Run(to, func(b *testing.B) {
			var idle idleBridge
			for b.Loop() {
				idle = measureIdle(b, to, 2000)
			}
			b.ReportMetric(float64(idle.live), "live-B/pair")
			b.ReportMetric(float64(idle.resident), "resident-B/pair")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// A pair that is idle has two goroutines with a stack of 4 KiB each, and as much again
// for all the rest.
func TestBridgeIdleAlloc(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's own memory is counted too")
	}
	const most = 18 << 10
	for _, to := range []string{"ws+hixie76", "ws+rfc6455"} {
		if idle := measureIdle(t, to, 500); idle.live > most {
			t.Errorf("to %s: %d bytes per pair, want %d at most", to, idle.live, most)
		}
	}
}

// residentBytes is how much memory of a process is resident, from /proc.
func residentBytes(b testing.TB, pid int) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		b.Fatalf("no VmRSS in %q", status)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		b.Fatal(err)
	}
	return n << 10
}

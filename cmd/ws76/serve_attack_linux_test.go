package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

var (
	attackers   = flag.Int("attackers", 340, "how many hostile connections TestServeAttacked opens; the figures of BENCHMARKS.md are for 10000")
	attackTurns = flag.Int("attack-turns", 1, "how often it measures without them and with them")
	attackKind  = flag.String("attack", "", "only the kinds of attack that hold a server (holds), that keep it busy (floods), or whose name has this in it")
	attackApart = flag.Bool("attack-apart", false, "attackers have the second processor, server and good clients the first, whether there are attackers or not")
	attackOther = flag.Bool("attack-other", false, "attackers have a server of their own: what they cost the machine, and no server can help")
	goodClients = flag.Int("good-clients", 30, "how many good connections there are beside")
)

func init() { programs["attack"], programs["good"] = attack, good }

// attackOf is one way to hold a server: what a connection says first, and what again and
// again, as fast as it is taken, or a piece a second. One that does not read never does.
type attackOf struct {
	name, first, again, slow string
	reads                    bool
	leaves                   bool // at once
	password                 bool // where there are users
	floods                   bool // it does not end while the server works
}

// is reports whether -attack means a.
func (a attackOf) is(kind string) bool {
	switch kind {
	case "holds":
		return !a.floods
	case "floods":
		return a.floods
	}
	return strings.Contains(a.name, kind)
}

const (
	letIn       = "Host: 127.0.0.1\r\n" + "Authorization: " + guest + "\r\n" // the worst are those who are
	guest       = "Basic Z3Vlc3Q6Z3Vlc3Q="
	opening76   = "GET /echo HTTP/1.1\r\n" + letIn + upgrade76 + "\r\n^n:ds[4U"
	opening6455 = "GET /echo HTTP/1.1\r\n" + letIn + upgrade6455
)

func attacks() []attackOf {
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\n" + letIn + "\r\n" }
	post := "POST /ws/lab/wo HTTP/1.1\r\n" + letIn
	wrong := strings.Replace(get("/"), guest, "Basic Z3Vlc3Q6d3Jvbmc=", 1)
	deflated := opening6455 + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
	return []attackOf{
		{name: "nothing", reads: true},
		{name: "half a head", first: opening76[:80], reads: true},
		{name: "a head, a byte a second", first: "GET / HTTP/1.1\r\nX: ", slow: "x"},
		{name: "key3 withheld", first: opening76[:len(opening76)-8], reads: true},
		{name: "no body", first: post + "Content-Length: 200000\r\n\r\n", reads: true},
		{name: "a body, a byte a second", first: post + "Content-Length: 200000\r\n\r\n", slow: "x"},
		{name: "chunks, one a second", first: post + "Transfer-Encoding: chunked\r\n\r\n", slow: "1\r\nx\r\n"},
		{name: "a large file, not read", first: get("/large.bin")},
		{name: "a FIFO", first: get("/fifo"), reads: true},
		{name: "a stream, not read", first: "GET /ws/busy/ro HTTP/1.1\r\n" + letIn + "Accept: text/event-stream\r\n\r\n"},
		{name: "metrics, not read", again: get("/metrics")},
		{name: "the dashboard, not read", again: get("/api/state")},
		{name: "requests, not read", again: get("/")},
		{name: "a wrong password", first: wrong, reads: true, password: true, floods: true},
		{name: "a wrong password, hung up", first: wrong, leaves: true, password: true, floods: true},
		{name: "half of TLS", first: "\x16\x03\x01\x02\x00\x01", reads: true},
		{name: "PROXY", first: "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", reads: true},
		{name: "a message without an end", first: opening76 + "\x00" + strings.Repeat("x", 100<<10), reads: true},
		{name: "a huge length", first: opening76 + "\x80\xff\xff\xff\x7f", reads: true},
		{name: "fragments without an end", first: opening6455 + "\r\n\x01\x83\x00\x00\x00\x00abc", slow: "\x00\x81\x00\x00\x00\x00d"},
		{name: "a bomb", first: deflated, again: bomb(20 << 20), reads: true, floods: true},
		{name: "bombs that are not too large", first: strings.Replace(deflated, "/echo", "/ws/bombs/wo", 1), again: bomb(15 << 20), reads: true, floods: true},
		{name: "messages on and on", first: opening76, again: strings.Repeat("\x00"+strings.Repeat("x", 125)+"\xff", 100), reads: true, floods: true},
		{name: "large messages on and on", first: opening76, again: "\x00" + strings.Repeat("x", 256<<10) + "\xff", reads: true, floods: true},
		{name: "connections on and on", first: opening76, leaves: true, floods: true},
		{name: "pings, not read", first: opening6455 + "\r\n", again: "\x89\xfd\x00\x00\x00\x00" + strings.Repeat("p", 125)},
		{name: "an echo, not read", first: opening76, again: "\x00" + strings.Repeat("x", 4<<10) + "\xff"},
		{name: "a channel, not read", first: strings.Replace(opening76, "/echo", "/ws/busy/ro", 1)},
	}
}

// bomb is a message of size bytes that is 1000 times as large as its frame.
func bomb(size int) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	w.Write(make([]byte, size))
	w.Flush()
	data := bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
	head := binary.BigEndian.AppendUint64([]byte{0xc2, 0x80 | 127}, uint64(len(data)))
	return string(head) + "\x00\x00\x00\x00" + string(data)
}

// attack is the hostile side, a process of its own: it keeps os.Args[2] connections to
// os.Args[1] open until it is killed.
func attack() {
	n, _ := strconv.Atoi(os.Args[2])
	kinds := slices.DeleteFunc(attacks(), func(a attackOf) bool {
		return !a.is(os.Args[3]) || a.password && os.Args[4] == "open"
	})
	for i := range n {
		a := kinds[i%len(kinds)]
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i>>8), byte(i))}, Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 64<<10)
			})
		}}
		go func() {
			for {
				if stream, err := dialer.Dial("tcp", os.Args[1]); err == nil {
					a.hold(stream)
					stream.Close()
				}
				if !a.leaves || a.password {
					time.Sleep(time.Second)
				}
			}
		}()
	}
	select {}
}

// hold returns when the server has had enough.
func (a attackOf) hold(stream net.Conn) {
	if _, err := io.WriteString(stream, a.first); err != nil || a.leaves {
		return
	}
	if a.reads {
		go io.Copy(io.Discard, stream)
	}
	more := a.again
	if a.slow != "" {
		more = a.slow
	}
	for more != "" {
		if _, err := io.WriteString(stream, more); err != nil {
			return
		}
		if a.slow != "" {
			time.Sleep(time.Second)
		}
	}
	if a.reads {
		for { // its end is seen by the reader; a byte would be one too many
			if _, err := stream.Read(make([]byte, 4<<10)); err != nil {
				return
			}
		}
	}
	// It never reads: that the server has gone shows only in an error of the socket.
	raw, err := stream.(*net.TCPConn).SyscallConn()
	for err == nil {
		time.Sleep(time.Second)
		raw.Control(func(fd uintptr) {
			var info [1]byte
			if n, _, e := syscall.Recvfrom(int(fd), info[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT); e == syscall.ECONNRESET || n == 0 && e == nil {
				err = io.EOF
			}
		})
	}
}

// TestServeAttacked holds a server in every way at once, with all its limits as they are,
// and measures good clients beside. In CI it is small, and what is told is how it went:
// everybody was answered, memory is within what the limits say, and SIGTERM ends it.
//
// Where passwords are checked against hashes, which event loops cannot wait for, wrong ones
// are among the ways; the others are let in then, which is worse than to refuse them.
func TestServeAttacked(t *testing.T) {
	if raceEnabled {
		t.Skip("it measures memory and times")
	}
	t.Run("loops", func(t *testing.T) { serveAttacked(t, false) })
	t.Run("passwords", func(t *testing.T) { serveAttacked(t, true) })
}

func serveAttacked(t *testing.T, passwords bool) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "large.bin"), make([]byte, 64<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeCerts(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")); err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("guest"), bcrypt.DefaultCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "users"), append([]byte("guest:"), hash...), 0o600); err != nil {
		t.Fatal(err)
	}
	const grace = 2 * time.Second
	cmd := exec.Command("ws76", "serve", "127.0.0.1:0", "--echo", "--static", folder, "--max-conns", "15000", "--grace", grace.String(),
		"--tls-cert", filepath.Join(folder, "cert.pem"), "--tls-key", filepath.Join(folder, "key.pem"))
	kinds := "open"
	if passwords {
		cmd.Args = append(cmd.Args, "--auth-file", filepath.Join(folder, "users"))
		kinds = "passwords"
	}
	addr := startListeningBy(t, cmd, func() error { startOn(t, cmd, 0, false); return nil })
	attacked, target := cmd, addr
	if *attackOther {
		attacked = exec.Command(cmd.Args[0], cmd.Args[1:]...)
		target = startListeningBy(t, attacked, func() error { startOn(t, attacked, 0, false); return nil })
	}

	publishing := make(chan struct{})
	published := make(chan struct{})
	go func() { // what the channel's readers do not read
		defer close(published)
		block := make([]byte, 8<<10)
		rand.Read(block)
		for {
			select {
			case <-publishing:
				return
			case <-time.After(20 * time.Millisecond):
			}
			post, err := http.NewRequest("POST", "http://"+target+"/ws/busy/wo", bytes.NewReader(block))
			if err != nil {
				t.Error(err)
				return
			}
			post.Header.Set("Authorization", guest)
			resp, err := http.DefaultClient.Do(post)
			if err == nil {
				resp.Body.Close()
			}
		}
	}()

	ask, leave := startGood(t, addr)
	ask() // what is made once is there
	var without, with []goodTimes
	var settled []time.Duration
	var busy []int // of 100, a processor
	for range *attackTurns {
		without = append(without, ask())
		hostile := exec.Command("attack", target, strconv.Itoa(*attackers), *attackKind, kinds)
		hostile.Stderr = os.Stderr
		startOn(t, hostile, 1, true)
		t.Cleanup(func() { hostile.Process.Kill(); hostile.Wait() })
		until(t, "all attackers have come", func() bool { return openFiles(t, attacked.Process.Pid) > *attackers*9/10 })
		settled = append(settled, untilQuiet(t, attacked.Process.Pid))
		began, work := time.Now(), processorTime(t, cmd.Process.Pid)
		with = append(with, ask())
		busy = append(busy, int(100*(processorTime(t, cmd.Process.Pid)-work)/time.Since(began)))
		if *attackTurns == len(with) { // the last ones are there when it is to stop
			break
		}
		hostile.Process.Kill()
		hostile.Wait()
		until(t, "the attackers have gone", func() bool { return openFiles(t, attacked.Process.Pid) < 2*(*goodClients)+100 })
	}
	leave()
	most := mostResident(t, cmd.Process.Pid)
	close(publishing)
	<-published
	began := time.Now()
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Process.Wait()
	took := time.Since(began)
	row := func(name string, of func(goodTimes) time.Duration) {
		before, beside := middle(without, of), middle(with, of)
		t.Logf("%-16s without %v, with %v (%.2f times)", name, before, beside, float64(beside[1])/float64(before[1]))
	}
	t.Logf("%d attackers (%s), %d good clients, medians of %d turns, in brackets the least and the most:", *attackers, cmp.Or(*attackKind, "all"), *goodClients, *attackTurns)
	row("echo, median", func(g goodTimes) time.Duration { return g.Echo50 })
	row("echo, p99", func(g goodTimes) time.Duration { return g.Echo99 })
	row("/healthz, median", func(g goodTimes) time.Duration { return g.Health50 })
	row("/healthz, p99", func(g goodTimes) time.Duration { return g.Health99 })
	t.Logf("the server worked %v %% of a processor meanwhile; they were held after %v; at most %d MiB resident; SIGTERM took %v of a grace of %v", busy, settled, most>>20, took.Round(time.Millisecond), grace)
	// Unfinished messages, spare memory, what waits for each that does not read, and a
	// base; Go takes up to twice of that.
	if bound := 2 * (256<<20 + 128<<20 + *attackers*(64<<10) + 64<<20); most > bound {
		t.Errorf("%d MiB are resident, want at most %d", most>>20, bound>>20)
	}
}

// threeOf are the least, the middle and the most.
type threeOf [3]time.Duration

func (m threeOf) String() string { return fmt.Sprintf("%v (%v-%v)", m[1], m[0], m[2]) }

func middle(turns []goodTimes, of func(goodTimes) time.Duration) threeOf {
	var all []time.Duration
	for _, turn := range turns {
		all = append(all, of(turn).Round(10*time.Microsecond))
	}
	slices.Sort(all)
	return threeOf{all[0], all[len(all)/2], all[len(all)-1]}
}

// startOn starts a program, on a processor of its own where -attack-apart says so; one that is idle has
// only what the others leave of its processor.
func startOn(t *testing.T, cmd *exec.Cmd, cpu int, idle bool) {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // a child is as the thread that starts it, which ends with this goroutine
		err := error(nil)
		if *attackApart {
			var only unix.CPUSet
			only.Set(cpu)
			err = unix.SchedSetaffinity(0, &only)
		}
		if idle && err == nil {
			err = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
		}
		failed <- errors.Join(err, cmd.Start())
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

// until waits for something that will be.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it was waited in vain until %s", what)
		}
	}
}

// untilQuiet waits until a process works little: who has come has been answered then, or
// is held. Passwords are checked on and on, so it waits for so long at most, and for less where
// few have come. It returns how long that took.
func untilQuiet(t *testing.T, pid int) time.Duration {
	const look, looks = 200 * time.Millisecond, 5
	began, last := time.Now(), processorTime(t, pid)
	for quiet := 0; ; {
		time.Sleep(look)
		now := processorTime(t, pid)
		if quiet++; now-last > look/5 {
			quiet = 0
		}
		if took := time.Since(began); quiet == looks || took > 3*time.Second+time.Duration(*attackers)*time.Second/800 {
			return took.Round(time.Millisecond)
		}
		last = now
	}
}

func openFiles(t *testing.T, pid int) int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// goodTimes are how long good clients waited.
type goodTimes struct{ Echo50, Echo99, Health50, Health99 time.Duration }

// startGood starts the good clients, a process of their own. ask measures, leave ends them.
func startGood(t *testing.T, addr string) (ask func() goodTimes, leave func()) {
	cmd := exec.Command("good", addr, strconv.Itoa(*goodClients))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	startOn(t, cmd, 0, false)
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	answers := json.NewDecoder(stdout)
	return func() (times goodTimes) {
			io.WriteString(stdin, "\n")
			if err := answers.Decode(&times); err != nil {
				t.Fatalf("the good clients: %v", err)
			}
			return times
		}, func() {
			stdin.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("the good clients: %v", err)
			}
		}
}

// good is the good side, a process of its own: os.Args[2] connections to os.Args[1], and the times that
// their echoes take, for each line of standard input.
func good() {
	ctx := context.Background()
	n, _ := strconv.Atoi(os.Args[2])
	fail := func(err error) {
		fmt.Fprintf(os.Stderr, "a good client: %v\n", err)
		os.Exit(1)
	}
	var conns []*core.Conn
	for i := range n {
		conn, err := core.Dial(ctx, "ws://"+os.Args[1]+"/", &core.DialOptions{Dialect: core.Dialects[i%len(core.Dialects)], Header: hixie.Fields{{Name: "Authorization", Value: guest}}})
		if err != nil {
			fail(err)
		}
		conns = append(conns, conn)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		stop := make(chan struct{})
		health := make(chan []time.Duration)
		go func() { health <- goodHealth(stop, os.Args[1], fail) }()
		echo := measureGood(ctx, conns, fail)
		close(stop)
		times := goodTimes{Echo50: echo[len(echo)/2], Echo99: echo[len(echo)*99/100]}
		waits := <-health
		times.Health50, times.Health99 = waits[len(waits)/2], waits[len(waits)*99/100]
		json.NewEncoder(os.Stdout).Encode(times)
	}
	for _, conn := range conns {
		conn.Close(ctx)
	}
}

// goodHealth asks for /healthz 50 times a second, on a connection of its own each time, and
// returns how long the answers took.
func goodHealth(stop chan struct{}, addr string, fail func(error)) (waits []time.Duration) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	next := time.NewTicker(20 * time.Millisecond)
	defer next.Stop()
	for {
		began := time.Now()
		resp, err := client.Get("http://" + addr + "/healthz")
		if err != nil {
			fail(err)
		}
		resp.Body.Close()
		waits = append(waits, time.Since(began))
		select {
		case <-stop:
			slices.Sort(waits)
			return waits
		case <-next.C:
		}
	}
}

// measureGood returns the times that echoes took, in order, where each client sends ten messages a
// second.
func measureGood(ctx context.Context, good []*core.Conn, fail func(error)) []time.Duration {
	const each = 30
	times := make([]time.Duration, len(good)*each)
	var all sync.WaitGroup
	for i, conn := range good {
		all.Go(func() {
			time.Sleep(100 * time.Millisecond * time.Duration(i) / time.Duration(len(good)))
			next := time.NewTicker(100 * time.Millisecond)
			defer next.Stop()
			for k := range each {
				<-next.C
				began := time.Now()
				err := conn.Send(ctx, core.Message{Data: []byte("still there?"), Kind: core.Text})
				if err == nil {
					_, err = conn.Receive(ctx)
				}
				if err != nil {
					fail(err)
				}
				times[i*each+k] = time.Since(began)
			}
		})
	}
	all.Wait()
	slices.Sort(times)
	return times
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
)

// hostile are hooks of serve and what they make of a message d: the worst for each function that there is.
var hostile = []struct {
	name    string
	message string // repeated up to the size
	code    string
}{
	{"nothing", "x", `return #d`},
	{"json.decode of empty arrays", "[],", `return ws76.json.decode("[" .. d .. "0]")`},
	{"json.decode of small objects", `{"a":1},`, `return ws76.json.decode("[" .. d .. "0]")`},
	{"json.decode of records", `{"sensor":"kitchen","value":21.5,"unit":"C"},`, `return ws76.json.decode("[" .. d .. "0]")`},
	{"json.encode", "\x01", `return ws76.json.encode({d})`},
	{"frame.decode", "\x00\xff", `return ws76.frame.decode(d)`},
	{"hex", "a ", `return ws76.hex.decode(d), ws76.hex.encode(d)`},
	{"base64", "QUJD", `return ws76.base64.decode(d), ws76.base64.encode(d)`},
	{"re.gsub", "ab", `return ws76.re.gsub(d, "a(b)", "<%1>")`},
	{"re.match", "aaaab", `return ws76.re.match(d, "(a+)+(a|b)*c$")`},
	{"re, compiled", "x", `for i = 1, 400 do ws76.re.match("", ("(a{100}){5}"):rep(5) .. i) end`},
	{"string.gsub", "x", `return d:gsub(".", "%0%0%0%0%0%0%0%0")`},
	{"string.find", "a", `return d:find((".-"):rep(30) .. "b")`},
	{"string.rep", "x", `return d:rep(16)`},
	{"string.format", "x", `return ("%q%s%q"):format(d, d, d)`},
	{"table.concat", "x", `local t = {} for i = 1, 16 do t[i] = d end return table.concat(t)`},
	{"table.insert", "x", `local t = {} for i = 1, #d do table.insert(t, 1, i) end`},
	{"table.sort", "x", `local t = {} for i = 1, #d do t[i] = i % 1000 end table.sort(t, function(a, b) return true end)`},
	{"loadstring", "x=1 ", `return loadstring(d)`},
	{"loadstring of constants", "x", `local t = {} for i = 1, 60000 do t[i] = "x='" .. i .. "'" end return loadstring(table.concat(t, " "))`},
	{"tables", "x", `local t = {} while true do t[#t + 1] = {} end`},
	{"strings", "x", `local s = d while true do s = s .. s end`},
	{"many strings", "x", `local t = {} while true do t[#t + 1] = d .. #t end`},
	{"holes", "x", `local t = {} while true do local u = {} u[4e6] = 1 t[#t + 1] = u end`},
	{"coroutines", "x", `local t = {} while true do local co = coroutine.create(function() coroutine.yield() end) coroutine.resume(co) t[#t + 1] = co end`},
	{"a loop", "x", `while true do end`},
}

// hostileBrief are those that are measured unless WS76_HOSTILE is all, which takes five minutes.
var hostileBrief = []string{"nothing", "json.decode of empty arrays", "string.find", "holes", "a loop"}

func hostileAll() bool { return os.Getenv("WS76_HOSTILE") == "all" }

// hostileTexts are messages to the plugins that are built in.
var hostileTexts = []struct{ plugin, head, piece string }{
	{"sensors", `[`, `[],`},
	{"sensors", `{`, `"a":1,`},
	{"socketio", `42["a",`, `[],`},
	{"jsonlog", ``, "\x01"},
	{"redact", ``, `{"password":"x"},`},
	{"redact", ``, `a@b.cd `},
	{"dedup", ``, `x`},
	{"ratelimit", ``, `x`},
	{"heartbeat", ``, `x`},
}

// BenchmarkServeHostilePlugins is BenchmarkServeHostile for the plugins that are built in.
func BenchmarkServeHostilePlugins(b *testing.B) {
	const size = 1 << 20
	for i, h := range hostileTexts {
		if i > 0 && !hostileAll() {
			break
		}
		b.Run(h.plugin+" "+h.head+h.piece, func(b *testing.B) {
			var r hostileResult
			for b.Loop() {
				data := h.head + strings.Repeat(h.piece, (size-len(h.head))/len(h.piece))
				r = measureHostile(b, []byte(data), core.Text, "--plugin", h.plugin)
			}
			r.report(b, size)
		})
	}
}

// BenchmarkServeHostile runs ws76 serve with each hook of hostile, sends it messages, and reports by how much its resident
// memory grew at most, as a multiple of a message, and how long others had to wait for /healthz and for the answer to the
// opening handshake of a WebSocket.
func BenchmarkServeHostile(b *testing.B) {
	for _, size := range []int{1 << 20, 16 << 20} {
		for _, h := range hostile {
			if !hostileAll() && (size == 1<<20 || !slices.Contains(hostileBrief, h.name)) {
				continue
			}
			b.Run(fmt.Sprintf("%dMiB/%s", size>>20, h.name), func(b *testing.B) {
				var r hostileResult
				for b.Loop() {
					r = measureHostile(b, bytes.Repeat([]byte(h.message), (size-64)/len(h.message)), core.Binary, "--script", hostileScript(b, h.code))
				}
				r.report(b, size)
			})
		}
	}
}

type hostileResult struct {
	grown           int // bytes
	health, opening []time.Duration
	took            time.Duration
	said            string
}

func (r hostileResult) report(b *testing.B, size int) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(r.grown)/(1<<20), "MiB")
	b.ReportMetric(float64(r.grown)/float64(size), "x-message")
	for _, waits := range []struct {
		what string
		took []time.Duration
	}{{"healthz", r.health}, {"opening", r.opening}} {
		b.ReportMetric(waits.took[len(waits.took)*99/100].Seconds()*1e3, waits.what+"-p99-ms")
		b.ReportMetric(waits.took[len(waits.took)-1].Seconds()*1e3, waits.what+"-max-ms")
	}
	b.ReportMetric(r.took.Seconds()*1e3, "message-ms")
	b.Log(r.said)
}

// hostileScript is a script whose hook runs code with each message d but "hello", and answers with its error.
func hostileScript(b testing.TB, code string) string {
	script := filepath.Join(b.TempDir(), "hostile.lua")
	source := fmt.Sprintf("function on_message(c, d)\n  if d:find('^hello') then return d end\n  local ok, e = pcall(function() %s end)\n  return ok and 'done' or tostring(e)\nend\n", code)
	if err := os.WriteFile(script, []byte(source), 0o666); err != nil {
		b.Fatal(err)
	}
	return script
}

// measureHostile sends data to ws76 serve with more arguments.
func measureHostile(b testing.TB, data []byte, kind core.Kind, args ...string) (r hostileResult) {
	cmd := exec.Command("ws76", append([]string{"serve", "127.0.0.1:0", "--echo", "--max-message", "16M"}, args...)...)
	addr := startListening(b, cmd)
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	conn, err := core.Dial(ctx, "ws://"+addr+"/", &core.DialOptions{Dialect: core.RFC6455})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	send := func(data []byte) {
		if err := conn.Send(ctx, core.Message{Data: data, Kind: kind}); err != nil {
			b.Fatal(err)
		}
	}
	said := 0
	// say sends data and what always comes back, and returns what came before that.
	say := func(data []byte) (answer string) {
		said++
		hello := fmt.Sprint("hello ", said)
		send(data)
		send([]byte(hello))
		for {
			m, err := conn.Receive(ctx)
			if err != nil {
				b.Fatal(err)
			}
			if string(m.Data) == hello {
				return answer
			}
			answer = string(m.Data[:min(len(m.Data), 150)])
		}
	}
	say([]byte("hello"))
	askHealth(b, addr)() // what is made once is there
	askOpening(b, addr)()
	health, opening := askHealth(b, addr), askOpening(b, addr)
	before := residentBytes(b, cmd.Process.Pid)
	os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", cmd.Process.Pid), []byte("5"), 0) // VmHWM begins anew
	// Three at least, and as many as give p99 enough requests to be of.
	const messages, enough = 3, 3 * time.Second
	start, n := time.Now(), time.Duration(0)
	for ; n < messages || time.Since(start) < enough; n++ {
		r.said = say(data)
	}
	r.took = time.Since(start) / n
	r.health, r.opening = health(), opening()
	r.grown = mostResident(b, cmd.Process.Pid) - before
	return r
}

// askHealth asks for /healthz, on a connection of its own each time, until the returned function is called, which returns
// how long the answers took, in order.
func askHealth(b testing.TB, addr string) (stop func() []time.Duration) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return askAgain(b, time.Millisecond, func() error {
		resp, err := client.Get("http://" + addr + "/healthz")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
}

// askOpening is askHealth for the answer to an opening handshake.
func askOpening(b testing.TB, addr string) (stop func() []time.Duration) {
	return askAgain(b, 10*time.Millisecond, func() error {
		stream, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer stream.Close()
		fmt.Fprintf(stream, "GET / HTTP/1.1\r\nHost: %s\r\n%s\r\n", addr, upgrade6455)
		head := make([]byte, len("HTTP/1.1 101"))
		if _, err := io.ReadFull(stream, head); err != nil {
			return err
		}
		if string(head) != "HTTP/1.1 101" {
			return fmt.Errorf("%q", head)
		}
		return nil
	})
}

// askAgain calls ask again and again, with a pause, until the returned function is called, which returns how long the calls
// took, in order.
func askAgain(b testing.TB, pause time.Duration, ask func() error) (stop func() []time.Duration) {
	over, asked := make(chan struct{}), make(chan []time.Duration)
	go func() {
		var waits []time.Duration
		for {
			start := time.Now()
			if err := ask(); err != nil {
				b.Error(err)
			} else {
				waits = append(waits, time.Since(start))
			}
			select {
			case <-over:
				slices.Sort(waits)
				asked <- waits
				return
			case <-time.After(pause):
			}
		}
	}()
	return func() []time.Duration { close(over); return <-asked }
}

// mostResident is the most memory of a process that was resident, from /proc.
func mostResident(b testing.TB, pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		b.Fatalf("no VmHWM in %q", status)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(m[1])))
	if err != nil {
		b.Fatal(err)
	}
	return n << 10
}

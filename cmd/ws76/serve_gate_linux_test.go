package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// gateWay is a way into a server, as a client of it sees that.
type gateWay struct {
	name    string
	request string // line, and fields but Host, Origin, Authorization; then what is behind the head
	in      string // status of who is let in
	draft   bool
	writes  bool // a message, the name of the row, is published
	reads   bool // messages, so that a client without an Origin is refused where there is a list
}

const (
	upgrade75   = "Upgrade: WebSocket\r\nConnection: Upgrade\r\n"
	upgrade76   = upgrade75 + "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n"
	upgrade6455 = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)

// gateWays are all of serve's. NAME is put in place of what is published.
func gateWays() []gateWay {
	var ways []gateWay
	for _, d := range []struct{ name, upgrade, key3 string }{{"75", upgrade75, ""}, {"76", upgrade76, "^n:ds[4U"}, {"6455", upgrade6455, ""}} {
		frame := "\x00NAME\xff"
		if d.name == "6455" {
			frame = "FRAME"
		}
		for _, mode := range []string{"rw", "ro", "wo"} {
			ways = append(ways, gateWay{"WebSocket " + d.name + " " + mode, "GET /ws/lab/" + mode + " HTTP/1.1\r\n" + d.upgrade + "\x01" + d.key3 + frame,
				"101", d.name != "6455", mode != "ro", true})
		}
		ways = append(ways, gateWay{"echo " + d.name, "GET /echo HTTP/1.1\r\n" + d.upgrade + "\x01" + d.key3, "101", d.name != "6455", false, true})
	}
	post := func(mode string) string {
		return "POST /ws/lab/" + mode + " HTTP/1.1\r\nContent-Length: LENGTH\r\n\x01NAME"
	}
	get := func(path string, fields ...string) string {
		return "GET " + path + " HTTP/1.1\r\n" + strings.Join(fields, "") + "\x01"
	}
	return append(ways,
		gateWay{"POST rw", post("rw"), "204", false, true, true},
		gateWay{"POST wo", post("wo"), "204", false, true, true},
		gateWay{"POST ro", post("ro"), "405", false, false, true},
		gateWay{"GET rw", get("/ws/lab/rw"), "200", false, false, true},
		gateWay{"GET ro", get("/ws/lab/ro"), "200", false, false, true},
		gateWay{"GET wo", get("/ws/lab/wo"), "405", false, false, true},
		gateWay{"events", get("/ws/lab/ro", "Accept: text/event-stream\r\n"), "200", false, false, true},
		gateWay{"dashboard", get("/"), "200", false, false, false},
		gateWay{"its files", get("/dashboard/app.js"), "200", false, false, false},
		gateWay{"its API", get("/api/state"), "200", false, false, false},
		gateWay{"metrics", get("/metrics"), "200", false, false, false},
		gateWay{"health", get("/healthz?json"), "200", false, false, false},
		gateWay{"a file", get("/file.txt"), "200", false, false, false},
		gateWay{"nothing", get("/nothing"), "404", false, false, false},
	)
}

// bytes makes the request: fields are Host, Origin and the like.
func (w *gateWay) bytes(name, fields string) string {
	head, behind, _ := strings.Cut(w.request, "\x01")
	frame := "\x81" + string([]byte{0x80 | byte(len(name))}) + "\x00\x00\x00\x00" + name
	text := head + fields + "\r\n" + behind
	return strings.NewReplacer("FRAME", frame, "NAME", name, "LENGTH", fmt.Sprint(len(name))).Replace(text)
}

// gateServer is a server and how it was started.
type gateServer struct {
	name          string
	args          []string
	listed, users bool
	addr          string
}

// gateHosts, gateOrigins and gateLogins are what a request may say. ADDR is where the
// server is.
var (
	gateHosts = map[string]string{
		"good": "Host: ADDR\r\n", "localhost": "Host: LocalHost:1\r\n", "LAN": "Host: 192.168.7.8:8076\r\n", "named": "Host: box.lan\r\n",
		"rebound": "Host: evil.test\r\n", "missing": "", "two": "Host: ADDR\r\nHost: ADDR\r\n",
	}
	gateOrigins = map[string]string{
		"same": "Origin: http://HOST\r\n", "other": "Origin: http://evil.test\r\n", "null": "Origin: null\r\n", "none": "", "allowed": "Origin: http://Good.test\r\n",
		"two": "Origin: http://HOST\r\nOrigin: http://HOST\r\n",
	}
	gateLogins = map[string]string{"none": "", "wrong": basic("ann:wrong"), "right": basic("ann:secret")}
)

func basic(login string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(login)) + "\r\n"
}

// expected is the one decision, whatever the way: "" lets in.
func (s *gateServer) expected(way *gateWay, host, origin, login string) string {
	switch {
	case host == "missing", host == "two", origin == "two":
		return "400"
	case host == "rebound", host == "named" && !s.listed:
		return "421"
	case origin == "same":
	case origin == "none":
		if s.listed && way.reads {
			return "403"
		}
	case origin == "allowed" && s.listed:
	case s.listed || !way.draft:
		return "403"
	}
	if s.users && login != "right" {
		return "401"
	}
	return ""
}

// fields puts names in their places.
func (s *gateServer) fields(host, origin string) string {
	named, _, _ := strings.Cut(strings.TrimPrefix(host, "Host: "), "\r\n")
	return strings.ReplaceAll(host+strings.ReplaceAll(origin, "HOST", named), "ADDR", s.addr)
}

// gateAsk sends a request and returns the status of its answer. Where before is set, that
// is another request of the same connection.
func gateAsk(t *testing.T, addr, before, request string) string {
	t.Helper()
	stream, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(bound))
	reader := bufio.NewReader(stream)
	if before != "" {
		io.WriteString(stream, before)
		answer, err := http.ReadResponse(reader, nil)
		if err != nil || answer.StatusCode != 200 {
			t.Errorf("%q: %v, %v", before, answer, err)
			return ""
		}
		io.Copy(io.Discard, answer.Body)
	}
	io.WriteString(stream, request)
	line, err := reader.ReadString('\n')
	if err != nil || len(line) < 12 {
		t.Errorf("%q: got %q, %v", request, line, err)
		return ""
	}
	if line[9:12] == "101" { // what was sent has been read once the answer to it is here
		stream.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, reader)
	}
	return line[9:12]
}

// TestGate: whatever the way in, who asks, from where and under which name gets one
// answer, and who is refused publishes nothing.
func TestGate(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"users": "ann:secret\n", "www/file.txt": "file"} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	list := []string{"--origin", "http://good.test", "--host", "*.lan"}
	// With the client's address from a field, wrong passwords come from many.
	users := []string{"--auth-file", filepath.Join(dir, "users"), "--trust-forwarded"}
	var servers []*gateServer
	for _, engine := range []struct {
		name string
		args []string
	}{{"loops", nil}, {"goroutines", []string{"-vvv"}}} {
		for _, s := range []gateServer{{name: "open"}, {name: "list", args: list, listed: true}, {name: "users", args: users, users: true},
			{name: "list and users", args: append(list[:len(list):len(list)], users...), listed: true, users: true}} {
			s.name = engine.name + ", " + s.name
			s.args = append(s.args[:len(s.args):len(s.args)], engine.args...)
			servers = append(servers, &s)
		}
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.start(t, append([]string{"serve", "127.0.0.1:0", "--static", filepath.Join(dir, "www"), "--queue", "100000"}, s.args...)...)
			s.walk(t)
		})
	}
}

// start runs the server, and leaves what it says of all the refusals.
func (s *gateServer) start(t *testing.T, args ...string) {
	b := inBackground(t, nil, args...)
	for s.addr == "" {
		if _, addr, ok := strings.Cut(b.line(t), " ws://"); ok { // listening on, bridging
			s.addr = strings.TrimRight(strings.Fields(addr)[0], "/")
		}
	}
	go func() {
		for range b.lines {
		}
	}()
}

// walk asks a server every row, and compares what it lets in, and what is published.
func (s *gateServer) walk(t *testing.T) {
	login, before := "", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
	if s.users {
		login = gateLogins["right"]
		before += login
	}
	before += "\r\n"
	heard := gateObserver(t, s.addr, login)
	var rows []func()
	var want []string // published
	all := 0
	for _, way := range gateWays() {
		for host, hostField := range gateHosts {
			for origin, originField := range gateOrigins {
				for login, loginField := range gateLogins {
					if !s.users && login != "none" {
						continue
					}
					for _, kept := range []string{"", before} {
						if all++; raceEnabled && all%7 != 0 { // make allocs asks all
							continue
						}
						n := len(rows)
						name := fmt.Sprintf("row-%d", n)
						fields := s.fields(hostField, originField) + loginField
						if s.users {
							fields += fmt.Sprintf("X-Forwarded-For: 10.%d.%d.1\r\n", n>>8, n&0xff)
						}
						if strings.HasPrefix(way.request, "GET /ws/lab/r") && !strings.Contains(way.request, "Upgrade") {
							fields += "Connection: close\r\n"
						}
						expected := s.expected(&way, host, origin, login)
						if expected == "" {
							expected = way.in
							if way.writes {
								want = append(want, name)
							}
						}
						request := way.bytes(name, fields)
						rows = append(rows, func() {
							if got := gateAsk(t, s.addr, kept, request); got != expected {
								t.Errorf("%s, host %s, origin %s, login %s, kept alive %v: %s, want %s\n%q", way.name, host, origin, login, kept != "", got, expected, request)
							}
						})
					}
				}
			}
		}
	}
	work := make(chan func())
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for row := range work {
				row()
			}
		})
	}
	for _, row := range rows {
		work <- row
	}
	close(work)
	workers.Wait()
	published := heard(len(want))
	slices.Sort(published)
	slices.Sort(want)
	if !slices.Equal(published, want) {
		t.Errorf("%d messages were published, want %d", len(published), len(want))
		for _, name := range published {
			if _, ok := slices.BinarySearch(want, name); !ok {
				t.Errorf("%s should not have been", name)
			}
		}
	}
	t.Logf("%d rows, %d messages", len(rows), len(want))
}

// gateObserver subscribes to the channel, and returns what gives all that was published
// once n messages are there, or no more come.
func gateObserver(t *testing.T, addr, login string) func(n int) []string {
	t.Helper()
	stream, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close() })
	stream.SetDeadline(time.Now().Add(5 * time.Minute))
	fmt.Fprintf(stream, "GET /ws/lab/ro HTTP/1.1\r\n%sHost: localhost\r\nOrigin: http://localhost\r\n%s\r\n", upgrade75, login)
	reader := bufio.NewReader(stream)
	if head, err := readHead(reader); err != nil || !strings.Contains(string(head), " 101 ") {
		t.Fatalf("%q, %v", head, err)
	}
	var mu sync.Mutex
	var got []string
	more := make(chan struct{}, 1)
	go func() {
		for {
			frame, err := reader.ReadString(0xff)
			if err != nil {
				return
			}
			mu.Lock()
			got = append(got, strings.TrimPrefix(strings.TrimSuffix(frame, "\xff"), "\x00"))
			mu.Unlock()
			select {
			case more <- struct{}{}:
			default:
			}
		}
	}()
	return func(n int) []string {
		for {
			mu.Lock()
			have := len(got)
			mu.Unlock()
			if have >= n {
				break
			}
			select {
			case <-more:
				continue
			case <-time.After(bound):
			}
			break
		}
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

// TestGatePaths: what is a channel is told from the path as it was sent, in every way in
// alike: a form of a path is let in everywhere or nowhere.
func TestGatePaths(t *testing.T) {
	s := &gateServer{}
	s.start(t, "serve", "127.0.0.1:0")
	for target, channel := range map[string]bool{
		"/ws/lab/rw": true, "/ws/%6cab/rw": true, "/ws/lab/rw?x=/ws/": true, "/ws/l%61b/rw": true,
		"/ws/lab%2Fx/rw":   false,
		"/ws/../ws/lab/rw": false, "/ws/./lab/rw": false, "//ws/lab/rw": false, "/ws//lab/rw": false, "/ws/lab//rw": false, "/ws/lab/rw/": false, "/x/../ws/lab/rw": false,
		"/ws/lab/rw;x": false, "/ws/lab/rw%3Bx": false, "/WS/lab/rw": false, "/ws/lab/RW": false, "/%77s/lab/rw": false, "/ws%2Flab%2Frw": false, "/ws/lab/r%77": false,
		"/ws/%2e%2e/rw": false, "/ws/%zz/rw": false, "/ws/lab/rw#x": false, "/ws/": false, "/ws": false, "\\ws\\lab\\rw": false, "/./ws/lab/rw": false,
		"http://localhost/ws/lab/rw": false, "http://evil.test/ws/lab/rw": false, "ws://localhost/ws/lab/rw": false, "*": false, "localhost:80": false, "?/ws/lab/rw": false,
	} {
		for _, way := range gateWays() {
			if !way.reads || !strings.Contains(way.request, "/ws/lab/rw") {
				continue
			}
			way.request = strings.Replace(way.request, "/ws/lab/rw", target, 1)
			fields := "Host: localhost\r\n"
			if !strings.Contains(way.request, "Upgrade") {
				fields += "Connection: close\r\n"
			}
			got := gateAsk(t, s.addr, "", way.bytes("x", fields))
			if channel && got != way.in || !channel && got != "400" && got != "404" {
				t.Errorf("%s of %s: %s", way.name, target, got)
			}
		}
	}
}

// TestGateBridge: the clients of a bridge are asked the same.
func TestGateBridge(t *testing.T) {
	for _, s := range []*gateServer{{name: "open"}, {name: "list", args: []string{"--origin", "http://good.test", "--host", "*.lan"}, listed: true}} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.start(t, append([]string{"bridge", "ws://127.0.0.1:0", "exec:cat"}, s.args...)...)
			for _, way := range append(gateWays(), gateWay{"plain HTTP", "GET / HTTP/1.1\r\n\x01", "426", false, false, false}) {
				if !strings.HasPrefix(way.name, "echo") && way.in != "426" {
					continue
				}
				for host, hostField := range gateHosts {
					for origin, originField := range gateOrigins {
						fields := s.fields(hostField, originField)
						expected := s.expected(&way, host, origin, "none")
						if expected == "" {
							expected = way.in
						}
						if got := gateAsk(t, s.addr, "", way.bytes("x", fields)); got != expected {
							t.Errorf("%s, host %s, origin %s: %s, want %s", way.name, host, origin, got, expected)
						}
					}
				}
			}
		})
	}
}

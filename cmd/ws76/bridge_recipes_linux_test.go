package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/mqtt"
	"github.com/ws76/ws76/internal/testenv"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// recipe is the command lines of docs/bridges.md, run in a folder of their own with
// other addresses in place of those that are printed.
type recipe struct {
	t       *testing.T
	dir     string
	text    string
	replace []string // old, new
	env     []string
}

func newRecipe(t *testing.T) *recipe {
	t.Helper()
	text, err := os.ReadFile("../../docs/bridges.md")
	if err != nil {
		t.Fatal(err)
	}
	r := &recipe{t: t, dir: t.TempDir(), text: string(text)}
	if err := writeCerts(filepath.Join(r.dir, "cert.pem"), filepath.Join(r.dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	r.env = append(os.Environ(), "WS76_CACERT=cert.pem", "NO_COLOR=1")
	return r
}

// blocks returns the fenced blocks of a language.
func (r *recipe) blocks(language string) (blocks []string) {
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(r.text, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// line returns the printed command line that has all of the words in it.
func (r *recipe) line(words ...string) string {
	r.t.Helper()
lines:
	for _, line := range r.blocks("sh") {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		return strings.TrimSpace(line)
	}
	r.t.Fatalf("docs/bridges.md has no command with %q", words)
	return ""
}

// said is what a command writes, which may be read meanwhile.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// find waits for a match and returns its last group.
func (s *said) find(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for begin := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		if time.Since(begin) > bound {
			t.Fatalf("%q was not said, but\n%s", pattern, text)
		}
	}
}

// start runs a command line by the shell until the test ends.
func (r *recipe) start(line string) (stdout, stderr *said) {
	r.t.Helper()
	for i := 0; i < len(r.replace); i += 2 {
		line = strings.ReplaceAll(line, r.replace[i], r.replace[i+1])
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir, cmd.Env = r.dir, r.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, stderr = &said{}, &said{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // the group of this shell
		cmd.Wait()
	})
	return stdout, stderr
}

// serve starts an echo server and returns its address.
func (r *recipe) serve(flags string) string {
	r.t.Helper()
	_, stderr := r.start("exec ws76 serve 127.0.0.1:0 --origin '*' --origin none " + flags)
	return stderr.find(r.t, `listening on ws://([^/]*)/`)
}

// connect sends hello to a bridge and wants want back.
func (r *recipe) connect(url, want string, flags ...string) {
	r.t.Helper()
	cmd := exec.Command("ws76", append([]string{"connect", url, "hello", "-n", "1", "--no-stdin", "--timeout", bound.String()}, flags...)...)
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	if strings.TrimSpace(string(out)) != want || err != nil {
		r.t.Errorf("%s: got %q, %v; want %q", url, out, err, want)
	}
}

const bridging = `bridging ws://([^/]*)/`

func TestRecipeModernServer(t *testing.T) {
	r := newRecipe(t)
	r.replace = []string{":8080", "127.0.0.1:0", "api.example.com", r.serve("--echo --dialect rfc6455 --tls-cert cert.pem --tls-key key.pem")}
	for _, words := range [][]string{{"ws76 bridge ws://:8080 wss+rfc6455://api.example.com"}, {"{query.id}"}, {"--buffer 1000"}} {
		_, stderr := r.start("exec " + r.line(words...))
		addr := stderr.find(t, bridging)
		for _, d := range core.Dialects {
			r.connect("ws://"+addr+"/chat?id=7", "hello", "--dialect", string(d))
		}
	}
}

func TestRecipeOldServer(t *testing.T) {
	r := newRecipe(t)
	r.replace = []string{":8080", "127.0.0.1:0", "192.168.0.7", r.serve("--echo --dialect hixie-76")}
	_, stderr := r.start("exec " + r.line("ws+hixie76://192.168.0.7 --host"))
	r.connect("ws+rfc6455://"+stderr.find(t, bridging)+"/", "hello", "--origin", "http://page.plant.example")
}

func TestRecipeProgram(t *testing.T) {
	r := newRecipe(t)
	for name, text := range map[string]string{
		"answer.sh":   "#!/bin/sh\nwhile read line; do echo \"you said $line\"; done\n",
		"readings.sh": "#!/bin/sh\necho 20.5\necho 21.0\n",
	} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	r.replace = []string{":8080", "127.0.0.1:0", "192.168.0.7", r.serve("--echo --dialect hixie-76")}
	_, stderr := r.start("exec " + r.line("exec:./answer.sh"))
	r.connect("ws://"+stderr.find(t, bridging)+"/", "you said hello")
	stdout, _ := r.start(r.line("readings.sh"))
	stdout.find(t, "20.5\n21.0\n")
}

// serialLine is a pseudo-terminal in place of a serial port.
func serialLine(t *testing.T) *rn131.PTY {
	t.Helper()
	pty, err := rn131.OpenPTY()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pty.Close() })
	return pty
}

func TestRecipeMQTT(t *testing.T) {
	mosquitto := testenv.Need(t, "mosquitto", "mosquitto")
	r, pty := newRecipe(t), serialLine(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	config := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\n", addr.Port)
	if err := os.WriteFile(filepath.Join(r.dir, "mosquitto.conf"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	r.start("exec " + mosquitto + " -c mosquitto.conf")
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	var other *mqtt.Endpoint
	for {
		if other, err = mqtt.Open(ctx, "mqtt://"+addr.String()+"/?sub=sensors/%23&pub=commands/scales&qos=1", nil); err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	defer other.Close(ctx)

	r.replace = []string{"/dev/ttyUSB0", pty.Path, "broker.example", addr.String()}
	_, stderr := r.start("exec " + r.line("mqtt://"))
	stderr.find(t, "bridging serial:")
	io.WriteString(pty, "12.75 kg\r\n")
	if m, err := other.Receive(ctx); err != nil || string(m.Data) != "12.75 kg" {
		t.Fatalf("the broker has %q, %v", m.Data, err)
	}
	if err := other.Send(ctx, core.Message{Data: []byte("tare")}); err != nil {
		t.Fatal(err)
	}
	if got := readLine(t, pty); got != "tare\r\n" {
		t.Errorf("the scales got %q", got)
	}
}

// readLine reads up to a newline.
func readLine(t *testing.T, r io.Reader) string {
	t.Helper()
	read := make(chan string, 1)
	go func() {
		var line []byte
		for one := make([]byte, 1); !bytes.HasSuffix(line, []byte("\n")); line = append(line, one[0]) {
			if _, err := io.ReadFull(r, one); err != nil {
				break
			}
		}
		read <- string(line)
	}()
	select {
	case line := <-read:
		return line
	case <-time.After(bound):
		t.Fatal("no line came")
		return ""
	}
}

func TestRecipeHAProxy(t *testing.T) {
	haproxy := testenv.Need(t, "haproxy", "haproxy")
	r := newRecipe(t)
	var pem []byte
	for _, name := range []string{"cert.pem", "key.pem"} {
		part, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		pem = append(pem, part...)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "tv.pem"), pem, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure := l.Addr().String()
	l.Close()
	r.replace = []string{"127.0.0.1:8080", "127.0.0.1:0", "127.0.0.1:3000", r.serve("--echo --dialect rfc6455"), "tv.example.com", secure}
	_, stderr := r.start("exec " + r.line("--public-url"))
	addr := stderr.find(t, bridging)
	config := "defaults\n    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n" +
		strings.NewReplacer(":443", secure, "/etc/haproxy/tv.pem", filepath.Join(r.dir, "tv.pem"), "127.0.0.1:8080", addr).Replace(r.blocks("haproxy")[0])
	if err := os.WriteFile(filepath.Join(r.dir, "haproxy.cfg"), []byte(config), 0o666); err != nil {
		t.Fatal(err)
	}
	r.start("exec " + haproxy + " -db -f haproxy.cfg")
	awaitListener(t, secure)
	for _, d := range []core.Dialect{core.Hixie75, core.Hixie76, core.RFC6455} {
		r.connect("wss://"+secure+"/tv", "hello", "--dialect", string(d), "--strict")
	}
}

// awaitListener waits until somebody listens.
func awaitListener(t *testing.T, addr string) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < bound; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("nobody listens on %s", addr)
}

func TestRecipeModule(t *testing.T) {
	r := newRecipe(t)
	link := filepath.Join(r.dir, "wifly")
	r.replace = []string{"/tmp/wifly", link, "api.example.com", r.serve("--echo --dialect rfc6455 --tls-cert cert.pem --tls-key key.pem")}
	_, stderr := r.start("exec " + r.line("wifly-module:"))
	stderr.find(t, "bridging the module on")
	r.connect("ws+hixie76://old.example/chat", "hello", "--via", "wifly://"+link+"?baud=115200")
}

func TestRecipeFile(t *testing.T) {
	r, pty := newRecipe(t), serialLine(t)
	text := strings.NewReplacer("/dev/ttyUSB0", pty.Path, "plant.example/scales", r.serve("--echo --dialect rfc6455")+"/scales",
		":8080", "127.0.0.1:0", "192.168.0.7", r.serve("--echo --dialect hixie-76")).Replace(r.blocks("toml")[0])
	if err := os.WriteFile(filepath.Join(r.dir, "bridges.toml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	_, stderr := r.start("exec " + r.line("--file"))
	r.connect("ws+rfc6455://"+stderr.find(t, bridging)+"/", "hello", "--origin", "http://page.plant.example")
	stderr.find(t, "bridging serial:")
	io.WriteString(pty, "1.5 kg\r\n")
	if got := readLine(t, pty); got != "1.5 kg\r\n" {
		t.Errorf("got %q", got)
	}
}

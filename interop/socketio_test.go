package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/internal/testenv"
)

// socketIO runs the server of Socket.IO 0.9 and returns its address. It wants a
// heartbeat within three seconds.
func socketIO(t *testing.T) string {
	t.Helper()
	testenv.NeedInterop(t)
	testenv.Need(t, "node", "nodejs")
	install(t, "socketio/npm-0.9")
	t.Setenv("HEARTBEAT", "1")
	t.Setenv("HEARTBEAT_TIMEOUT", "3")
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	port := freePort(t)
	start(t, []int{port}, filepath.Join("peers", "socketio/npm-0.9", "server"), fmt.Sprint(port))
	return fmt.Sprintf("127.0.0.1:%d", port)
}

func TestSocketIO(t *testing.T) {
	addr := socketIO(t)
	plugin := []string{"--plugin", "socketio", "--timeout", "15s"}
	for _, test := range []struct {
		name string
		args []string // of ws76
		in   string
		want string
	}{
		{"messages, JSON, events and acks", append([]string{"connect", "ws://" + addr + "/", "-n", "4"}, plugin...),
			"hi: ü\n{\"a\":[1]}\n{\"name\":\"echo\",\"args\":[1,\"ü\"],\"id\":7}\n",
			"hi: ü\n{\"a\":[1]}\n{\"name\":\"echo\",\"args\":[1,\"ü\"]}\n{\"ack\":7,\"args\":[1,\"ü\"]}\n"},
		{"namespace", []string{"connect", "ws://" + addr + "/chat", "-n", "1", "--plugin", "socketio,event=say", "hello", "--no-stdin", "--on-eof", "wait", "--timeout", "15s"},
			"", "{\"name\":\"said\",\"args\":[\"hello\"]}\n"},
		{"disconnect by the server", append([]string{"connect", "ws://" + addr + "/", "--no-stdin", "--on-eof", "wait", "-m", `{"name":"leave"}`}, plugin...), "", ""},
		{"command", []string{"socketio-emit", "ws://" + addr + "/", "echo", `"hi"`, `{"n":1}`, "plain"}, "", "[\"hi\",{\"n\":1},\"plain\"]\n"},
		{"by URL of the dialect", append([]string{"connect", "ws+hixie76://" + addr + "/?token=x", "-n", "1", "hello", "--no-stdin", "--on-eof", "wait"}, plugin...), "", "hello\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, said, err := output(t, test.in, ws76(t), test.args...)
			if out != test.want || err != nil {
				t.Errorf("%q, %v, want %q and exit 0\n%s", out, err, test.want, said)
			}
		})
	}
}

// TestSocketIOBridge has lines of a TCP connection become events.
func TestSocketIOBridge(t *testing.T) {
	addr := socketIO(t)
	port := freePort(t)
	start(t, []int{port}, ws76(t), "bridge", fmt.Sprintf("tcp://127.0.0.1:%d", port), "ws://"+addr+"/", "--plugin", "socketio")
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "hi\n{\"name\":\"echo\",\"args\":[1]}\n"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(conn)
	for _, want := range []string{"hi", `{"name":"echo","args":[1]}`} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q (%v), want %q", lines.Text(), lines.Err(), want)
		}
	}
}

// TestSocketIOAsked has the server ask: its event wants an ack, and gets it.
func TestSocketIOAsked(t *testing.T) {
	p := talk(t, ws76(t), "connect", "ws://"+socketIO(t)+"/", "--plugin", "socketio")
	p.say(`{"name":"ask"}`)
	p.hear(`{"id":1,"name":"question","args":["how much?"]}`)
	p.say(`{"ack":1,"args":[42]}`)
	p.hear(`{"name":"answer","args":[42]}`)
	p.end()
}

// TestSocketIOHeartbeats is silent for longer than the server waits for a heartbeat.
func TestSocketIOHeartbeats(t *testing.T) {
	p := talk(t, ws76(t), "connect", "ws://"+socketIO(t)+"/", "--plugin", "socketio")
	p.say("before")
	p.hear("before")
	time.Sleep(5 * time.Second)
	p.say("after")
	p.hear("after")
	p.end()
}

// TestSocketIOClient has socket.io-client and ws76, both over draft 76, talk to each
// other through the server.
func TestSocketIOClient(t *testing.T) {
	addr := socketIO(t)
	p := talk(t, ws76(t), "connect", "ws://"+addr+"/", "--plugin", "socketio")
	p.say("here")
	p.hear("here") // connected: what others shout is heard from here on
	theirs := talk(t, filepath.Join("peers", "socketio/npm-0.9", "client"), "http://"+addr)
	theirs.hear("connected")
	p.hear(`{"name":"heard","args":["ready"]}`)
	p.say(`{"name":"shout","args":["ping"]}`)
	theirs.hear("heard ping")
	p.hear(`{"name":"heard","args":["pong"]}`)
	p.say(`{"name":"shout","args":["bye"]}`)
	theirs.hear("heard bye")
	theirs.end()
	p.end()
}

// program is one that is talked to line by line.
type program struct {
	t     *testing.T
	name  string
	in    io.WriteCloser
	lines chan string
	ended chan error
}

func talk(t *testing.T, name string, args ...string) *program {
	t.Helper()
	command := exec.Command(name, args...)
	var said lockedBuffer
	command.Stderr = &said
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{t, filepath.Base(name), in, make(chan string, 100), make(chan error, 1)}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
		p.ended <- command.Wait()
	}()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, said.String())
		}
		command.Process.Signal(os.Kill) // it has ended where all is well
	})
	return p
}

func (p *program) say(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

func (p *program) hear(want string) {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok || strings.TrimSpace(line) != want {
			p.t.Fatalf("%s printed %q (it has ended: %v), want %q", p.name, line, !ok, want)
		}
	case <-time.After(patience):
		p.t.Fatalf("%s does not print %q", p.name, want)
	}
}

// end ends its input and waits for it to end well.
func (p *program) end() {
	p.t.Helper()
	p.in.Close()
	for limit := time.After(patience); ; {
		select {
		case _, ok := <-p.lines:
			if !ok {
				p.lines = nil
			}
		case err := <-p.ended:
			if err != nil {
				p.t.Errorf("%s: %v", p.name, err)
			}
			return
		case <-limit:
			p.t.Fatalf("%s does not end", p.name)
		}
	}
}

//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/testenv"
)

// screen is a terminal of tmux in which a command runs.
type screen struct {
	t    *testing.T
	tmux string
	dir  string // of the socket, and the home of the command
	env  []string
}

func newScreen(t *testing.T, columns, rows int, environment []string, command ...string) *screen {
	t.Helper()
	s := &screen{t: t, tmux: testenv.Need(t, "tmux", "tmux")}
	var err error
	if s.dir, err = os.MkdirTemp("", "ws76-"); err != nil { // t.TempDir may be too long for a socket
		t.Fatal(err)
	}
	config := filepath.Join(s.dir, "tmux.conf")
	text := "set -g remain-on-exit on\nset -g remain-on-exit-format ''\nset -g status off\nset -g default-terminal screen-256color\nset -g escape-time 0\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); name != "NO_COLOR" && name != "TMUX" && name != "XDG_STATE_HOME" {
			s.env = append(s.env, v)
		}
	}
	s.env = append(s.env, "LC_ALL=C.UTF-8", "HOME="+s.dir)
	args := []string{"-f", config, "new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows), "-c", s.dir}
	for _, v := range environment {
		args = append(args, "-e", v)
	}
	// The end of the session ends the server, and with it what runs there.
	t.Cleanup(func() {
		s.command("kill-server").Run()
		os.RemoveAll(s.dir)
	})
	// tmux sometimes loses the exit code; the shell waits for it through a ^C.
	args = append(args, "--", "sh", "-c", `trap : INT; "$@"; echo $? >"$0"`, s.statusFile())
	s.do(append(args, command...)...)
	return s
}

func (s *screen) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	s.t.Cleanup(cancel)
	c := exec.CommandContext(ctx, s.tmux, append([]string{"-u", "-S", filepath.Join(s.dir, "tmux")}, args...)...)
	c.Env = s.env
	return c
}

func (s *screen) do(args ...string) string {
	s.t.Helper()
	out, err := s.command(args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// text types it; keys are names such as Enter and C-c.
func (s *screen) text(text string) { s.t.Helper(); s.do("send-keys", "-l", "--", text) }

func (s *screen) keys(names ...string) {
	s.t.Helper()
	s.do(append([]string{"send-keys"}, names...)...)
}

func (s *screen) line(text string) { s.t.Helper(); s.text(text); s.keys("Enter") }

// paste pastes text in brackets.
func (s *screen) paste(text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, "paste")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.do("load-buffer", file)
	s.do("paste-buffer", "-p")
}

// resize makes the terminal so many columns wide. tmux itself draws anew at once, and
// tells the program a quarter of a second later.
func (s *screen) resize(columns int) {
	s.t.Helper()
	s.do("resize-window", "-x", fmt.Sprint(columns))
	time.Sleep(time.Second)
}

func (s *screen) contents() string { s.t.Helper(); return s.do("capture-pane", "-p") }

func (s *screen) lines() []string {
	lines := strings.Split(s.contents(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// until waits for what must happen.
func (s *screen) until(what string, f func() bool) {
	s.t.Helper()
	for start := time.Now(); time.Since(start) < bound; time.Sleep(20 * time.Millisecond) {
		if f() {
			return
		}
	}
	s.t.Fatalf("waited for %s; the screen is\n%s", what, strings.Join(s.lines(), "\n"))
}

// holds waits until text is anywhere on the screen.
func (s *screen) holds(text string) {
	s.t.Helper()
	s.until(text, func() bool { return strings.Contains(s.contents(), text) })
}

// shows waits until the last lines are these.
func (s *screen) shows(want ...string) {
	s.t.Helper()
	s.until(strings.Join(want, "\n"), func() bool {
		have := s.lines()
		return len(have) >= len(want) && slices.Equal(have[len(have)-len(want):], want)
	})
}

// cursor checks where the cursor is.
func (s *screen) cursor(column, row int) {
	s.t.Helper()
	want := fmt.Sprintf("%d,%d", column, row)
	s.until("the cursor at "+want, func() bool { return strings.TrimSpace(s.do("display", "-p", "#{cursor_x},#{cursor_y}")) == want })
}

func (s *screen) statusFile() string { return filepath.Join(s.dir, "exit-code") }

// exit waits for the command and checks its exit code.
func (s *screen) exit(want int) {
	s.t.Helper()
	var code string
	s.until("the end", func() bool {
		text, _ := os.ReadFile(s.statusFile())
		code = string(text)
		return strings.HasSuffix(code, "\n")
	})
	if code != fmt.Sprintln(want) {
		s.t.Fatalf("exit code %q, want %d; the screen is\n%s", code, want, strings.Join(s.lines(), "\n"))
	}
}

// livePeer is the peer of a console.
type livePeer struct {
	t        *testing.T
	url      string
	listener net.Listener
	conns    chan *core.Conn
	got      chan string // a closed connection is the text "closed"
}

func newLivePeer(t *testing.T) *livePeer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &livePeer{t: t, listener: l, url: "ws://" + l.Addr().String() + "/", conns: make(chan *core.Conn, 10), got: make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			stream, err := l.Accept()
			if err != nil {
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), 2*bound)
			conn, err := core.Accept(ctx, stream, nil)
			if err != nil {
				t.Error(err)
				cancel()
				continue
			}
			p.conns <- conn
			go func() {
				defer cancel()
				for {
					m, err := conn.Receive(ctx)
					if err != nil {
						conn.Close(ctx)
						p.got <- "closed"
						return
					}
					p.got <- string(m.Data)
				}
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return p
}

func (p *livePeer) conn() *core.Conn {
	p.t.Helper()
	select {
	case c := <-p.conns:
		return c
	case <-time.After(bound):
		p.t.Fatal("nobody has connected")
		return nil
	}
}

func (p *livePeer) receives(want ...string) {
	p.t.Helper()
	for _, w := range want {
		select {
		case got := <-p.got:
			if got != w {
				p.t.Fatalf("the peer received %q, want %q", got, w)
			}
		case <-time.After(bound):
			p.t.Fatalf("the peer did not receive %q", w)
		}
	}
}

func send(t *testing.T, c *core.Conn, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := c.Send(t.Context(), core.Message{Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
}

//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
)

// A message that comes in while a line is typed is shown above it.
func TestConsoleHalfLine(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 40, 10, nil, "ws76", "connect", p.url)
	conn := p.conn()
	s.text("half")
	s.shows("> half")
	send(t, conn, "one", "two, which is too long for a line of forty columns")
	s.shows("one", "two, which is too long for a line of for", "ty columns", "> half")
	s.cursor(6, 3)
	s.line(" a line")
	p.receives("half a line")
	s.shows("> half a line", ">")
	s.keys("C-d")
	p.receives("closed")
	s.exit(0)
}

// Wide and combining characters take the columns that they take.
func TestConsoleUTF8(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 12, 10, nil, "ws76", "connect", p.url)
	conn := p.conn()
	s.text("日本語e\u0301")
	s.cursor(9, 0)
	s.keys("Left", "Left")
	s.cursor(6, 0)
	s.text("x")
	s.shows("> 日本x語e\u0301")
	s.keys("End")
	s.text("a日") // the wide one does not fit
	s.shows("> 日本x語e\u0301a", "日")
	s.cursor(2, 1)
	send(t, conn, "Grüße, 世界")
	s.shows("Grüße, 世界", "> 日本x語e\u0301a", "日")
	s.keys("BSpace", "BSpace", "Enter")
	p.receives("日本x語e\u0301")
}

// Each line of a paste is a message, and never a command; /paste makes it one.
func TestConsolePaste(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 80, 20, nil, "ws76", "connect", p.url)
	p.conn()
	s.shows(">")
	s.paste("one\n/quit\nthr")
	p.receives("one", "/quit")
	s.shows("> one", "> /quit", "> thr")
	s.line("ee")
	p.receives("three")
	s.line("/paste")
	s.shows("a pasted block is one message", ">")
	s.paste("one\n\x1b[2Jtwo\n")
	s.shows("> one^J^[[2Jtwo^J")
	s.keys("Enter")
	p.receives("one\n\x1b[2Jtwo\n")
}

// The terminal becomes narrower and wider while a line is typed.
func TestConsoleResize(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 40, 12, nil, "ws76", "connect", p.url)
	conn := p.conn()
	send(t, conn, "hello")
	s.text("0123456789012345678901234567890123456789")
	s.shows("hello", "> 01234567890123456789012345678901234567", "89")
	s.resize(20)
	s.text("a")
	s.shows("> 012345678901234567", "89012345678901234567", "89a")
	send(t, conn, "narrow")
	s.shows("narrow", "> 012345678901234567", "89012345678901234567", "89a")
	s.resize(60)
	s.text("b")
	send(t, conn, "wide")
	s.shows("narrow", "wide", "> 0123456789012345678901234567890123456789ab")
	s.resize(44) // the line is as wide as the terminal
	s.text("c")
	s.shows("wide", "> 0123456789012345678901234567890123456789ab", "c")
	s.keys("Enter")
	p.receives("0123456789012345678901234567890123456789abc")
	// tmux itself scrolls when it becomes narrower; nothing is lost or doubled.
	all := s.do("capture-pane", "-p", "-J", "-S", "-")
	for _, line := range []string{"hello", "narrow", "wide", "> 0123456789"} {
		if n := strings.Count(all, line); n != 1 {
			t.Errorf("%q is there %d times:\n%s", line, n, all)
		}
	}
}

// What was typed is there in the next run, but for lines that begin with a space.
func TestConsoleHistory(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state")
	run := func(args ...string) (*livePeer, *screen) {
		p := newLivePeer(t)
		s := newScreen(t, 40, 10, []string{"XDG_STATE_HOME=" + state}, append([]string{"ws76", "connect", p.url}, args...)...)
		p.conn()
		return p, s
	}
	p, s := run()
	s.line("first")
	s.line(" password")
	s.line("zweite Zeile, größer")
	p.receives("first", " password", "zweite Zeile, größer")
	s.line("/quit")
	s.exit(0)

	file := filepath.Join(state, "ws76", "history")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the history is %v, %v; want mode 0600", info, err)
	}
	if text, _ := os.ReadFile(file); string(text) != "first\nzweite Zeile, größer\n/quit\n" {
		t.Errorf("the history holds %q", text)
	}

	_, s = run()
	s.keys("Up", "Up", "Up")
	s.shows("> first")
	s.keys("Down")
	s.shows("> zweite Zeile, größer")

	p, s = run("--no-history")
	s.keys("Up")
	s.line("third")
	p.receives("third")
	if text, _ := os.ReadFile(file); strings.Contains(string(text), "third") {
		t.Errorf("the history holds %q", text)
	}
}

func TestConsoleColors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env, args []string
		want      bool
	}{
		"terminal":        {nil, nil, true},
		"NO_COLOR":        {[]string{"NO_COLOR=1"}, nil, false},
		"NO_COLOR empty":  {[]string{"NO_COLOR="}, nil, true},
		"never":           {nil, []string{"--color", "never"}, false},
		"always":          {[]string{"NO_COLOR=1"}, []string{"--color", "always"}, true},
		"dumb and always": {[]string{"TERM=dumb"}, []string{"--color", "always"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newLivePeer(t)
			command := append([]string{"env"}, test.env...)
			s := newScreen(t, 40, 10, nil, append(append(command, "ws76", "connect", p.url), test.args...)...)
			send(t, p.conn(), "hello")
			s.holds("hello")
			s.line("done")
			p.receives("done")
			if shown := s.do("capture-pane", "-p", "-e"); strings.Contains(shown, "\x1b[36mhello") != test.want || strings.Contains(shown, "\x1b") != test.want {
				t.Errorf("colours: %v expected; the screen is %q", test.want, shown)
			}
		})
	}
}

// A dumb terminal has the line mode: no prompt, and the terminal's own editing.
func TestConsoleDumb(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 40, 10, nil, "env", "TERM=dumb", "ws76", "connect", p.url)
	conn := p.conn()
	s.line("/help")
	p.receives("/help")
	send(t, conn, "a\x1b[2Jb")
	s.shows("/help", `a\x1b[2Jb`)
	if lines := s.lines(); len(lines) != 2 {
		t.Errorf("the screen is %q", lines)
	}
	s.keys("C-d")
	s.exit(0)
}

// No control character of a peer reaches the terminal.
func TestConsoleEscapes(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 60, 10, nil, "ws76", "connect", p.url, "-v")
	conn := p.conn()
	s.text("half")
	send(t, conn, "a\x1b[2J\x1b]0;owned\x07b\u009b\u202e", "\r\x08|")
	s.shows(`a\x1b[2J\x1b]0;owned\x07b\u009b\u202e`, `\x0d\x08|`, "> half")
	if title := s.do("display", "-p", "#{pane_title}"); strings.Contains(title, "owned") {
		t.Errorf("the title is %q", title)
	}
}

func TestConsoleCommands(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 100, 40, nil, "ws76", "connect", p.url)
	conn := p.conn()
	s.line("/help")
	s.shows("/quit         close it properly and leave", ">")
	for _, name := range []string{"help", "hex", "paste", "script", "stats", "close", "quit"} {
		if screen := s.contents(); !strings.Contains(screen, "/"+name+" ") {
			t.Errorf("/help does not list %s but\n%s", name, screen)
		}
	}
	s.line("//x")
	p.receives("/x")
	s.line("/nope")
	s.shows(`no command "/nope"; /help lists them, and //nope sends it as a message`, ">")
	s.line("/quit now")
	s.shows(`/quit takes nothing, and "now" was given`, ">")
	s.text("/h")
	s.keys("Tab")
	s.shows("> /he") // /help and /hex begin so
	s.keys("Tab")
	s.shows("/help  /hex", "> /he")
	s.text("x")
	s.keys("Tab", "Enter")
	s.shows("messages are shown in hex", ">")
	send(t, conn, "hi\n")
	s.shows("68 69 0a", ">")
	s.line("/hex 61 62")
	p.receives("ab")
	s.line("/hex 6")
	s.holds("not sent: ")
	s.line("/hex")
	s.line("/stats")
	s.holds(": 1 messages in (5 bytes), 2 out (8 bytes)")
	s.line("/close")
	p.receives("closed")
	s.exit(0)
}

// A script that is loaded by /script sees the messages from then on, behind those
// that are there, and those of the next connection; /close with --reconnect opens it.
func TestConsoleScript(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 80, 20, nil, "ws76", "connect", p.url, "--reconnect", "--eval", `function on_message(conn, text) return text .. "1" end`)
	write := func(name, code string) {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("two.lua", `function on_open(conn) conn:send("open") end
function on_message(conn, text) return text .. "2" end
function on_close(conn) print("two is over") end`)
	write("wrong.lua", "function")
	conn := p.conn()
	send(t, conn, "a")
	s.shows("a1", ">")
	s.text("/script t")
	s.keys("Tab", "Enter")
	s.shows("> /script two.lua", "messages go through two.lua", ">")
	p.receives("open")
	send(t, conn, "b")
	s.shows("b12", ">")
	s.line("/script wrong.lua")
	s.holds("wrong.lua:1:")
	s.line("/script")
	s.shows("/script: no file; for instance /script upper.lua", ">")
	s.line("/close")
	p.receives("closed")
	conn = p.conn()
	p.receives("open")
	send(t, conn, "c")
	s.shows("c12", ">")
	if screen := s.contents(); !strings.Contains(screen, "two is over") {
		t.Errorf("on_close was not called:\n%s", screen)
	}
	s.line("/quit")
	s.exit(0)
}

// /quit leaves while there is no connection, too, and says what was not sent.
func TestConsoleQuitUnconnected(t *testing.T) {
	t.Parallel()
	p := newLivePeer(t)
	s := newScreen(t, 80, 20, nil, "ws76", "connect", p.url, "--reconnect", "--close-timeout", "200ms")
	conn := p.conn()
	s.shows(">")
	p.listener.Close()
	conn.Close(t.Context())
	s.holds("refused")
	s.line("unsent")
	s.line("/stats")
	s.holds("not connected")
	s.line("/quit")
	s.exit(0)
	if screen := s.contents(); !strings.Contains(screen, "1 of the lines that were typed were not sent") {
		t.Errorf("the screen is\n%s", screen)
	}
}

// After ^C, once or twice, the terminal is as it was.
func TestConsoleInterrupt(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "stty", "coreutils")
	for name, args := range map[string]string{"once": "", "twice": "--close-timeout 1h"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hold := make(chan struct{})
			defer close(hold)
			url := peerHeld(t, hold) // and so the closing frame stays unanswered
			s := newScreen(t, 80, 20, nil, "sh", "-c", "ws76 connect "+url+" -v --close-timeout 100ms "+args+"; echo code $?; stty -a")
			s.holds("\n>")
			s.text("half")
			s.keys("C-c")
			s.holds("> half^C")
			if name == "twice" {
				s.keys("C-c")
			}
			s.holds(" icanon")
			screen := s.contents()
			words := strings.Fields(screen)
			for _, want := range []string{"130", "icanon", "echo", "opost", "isig", "icrnl"} {
				if !slices.Contains(words, want) {
					t.Errorf("no %q on the screen\n%s", want, screen)
				}
			}
		})
	}
}

// ^Z gives the terminal to the shell, and fg takes it back with the line as it was.
func TestConsoleSuspend(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "bash", "bash")
	p := newLivePeer(t)
	s := newScreen(t, 60, 20, nil, "bash", "--norc", "--noprofile", "-c", "set -m; ws76 connect "+p.url+"; echo stopped; stty -a | grep -o ' icanon'; fg; echo over")
	conn := p.conn()
	s.text("half")
	s.shows("> half")
	s.keys("C-z")
	s.until("the line after the stop", func() bool {
		lines := strings.Join(s.lines(), "\n")
		return strings.Contains(lines, "stopped\n icanon\n") && strings.HasSuffix(lines, "> half")
	})
	send(t, conn, "hello")
	s.shows("hello", "> half")
	s.line("!")
	p.receives("half!")
	s.keys("C-d")
	s.holds("over")
}

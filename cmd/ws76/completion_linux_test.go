package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/internal/testenv"
)

// typing is what is typed, and what must then be on the screen.
type typing struct {
	typed string
	want  []string
}

// typings are what the shells are asked, in a directory with some-file.pem and
// some-folder.
var typings = []typing{
	{"ws76 con", []string{"ws76 connect "}},
	{"ws76 frame ", []string{"encode", "decode", "dump"}},
	{"ws76 frame --log-format json enc", []string{"json encode "}},
	{"ws76 connect --on-e", []string{"ws76 connect --on-eof"}},
	{"ws76 connect ws://device:80/ --on-e", []string{"80/ --on-eof"}},
	{"ws76 connect --dialect ", []string{"hixie-75", "hixie-76", "rfc6455"}},
	{"ws76 connect --on-eof=w", []string{"--on-eof=wait"}},
	{"ws76 connect --on-eof ", []string{"linger", "close", "wait", "ignore"}},
	{"ws76 frame encode --in le", []string{"--in len32"}},
	{"ws76 connect --via u", []string{"--via unix:///"}},
	{"ws76 connect --cacert some-fi", []string{"some-file.pem"}},
	{"ws76 connect -m @some-fi", []string{"@some-file.pem"}},
	{"ws76 frame dump some-fi", []string{"dump some-file.pem"}},
	{"ws76 serve --static some-f", []string{"--static some-folder/"}},
	{"ws76 completion ", []string{"bash", "zsh", "fish", "powershell"}},
	// What ws76 itself is asked for.
	{"ws76 connect ws+hixie76", []string{"connect ws+hixie76://"}},
	{"ws76 connect --dialect rfc6455 wss:", []string{"rfc6455 wss://"}},
	{"ws76 connect --via tun", []string{"--via tunnel:"}},
	{"ws76 connect --via=tun", []string{"--via=tunnel:"}},
	{"ws76 connect --via socks5:", []string{"--via socks5://"}},
	{"ws76 connect @la", []string{"connect @lab "}},
	{"ws76 bridge ws://:8080 @la", []string{"8080 @lab "}},
	{"ws76 connect --plugin heart", []string{"--plugin heartbeat "}},
	{"ws76 plugin info heart", []string{"info heartbeat "}},
	{"ws76 socketio-e", []string{"ws76 socketio-emit "}},
	{"ws76 connect --via unix://FOLDER/some-fi", []string{"FOLDER/some-file.pem "}},
	{"ws76 connect --via unix://FOLDER/some-fo", []string{"FOLDER/some-folder/"}},
	{"ws76 connect ws://device:80/a?b=c --via tun", []string{"--via tunnel:"}},
}

// TestCompleteBash types in a real bash.
func TestCompleteBash(t *testing.T) {
	bash := testenv.Need(t, "bash", "bash")
	s := newShell(t, bash, "--norc", "--noprofile", "-i")
	s.run(t, "bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'; bind 'set completion-query-items 0'")
	s.run(t, "source '"+absolute(t, filepath.Join(completionsDir, "ws76.bash"))+"'")
	s.complete(t)
}

// TestCompleteZsh types in a real zsh.
func TestCompleteZsh(t *testing.T) {
	zsh := testenv.Need(t, "zsh", "zsh")
	s := newShell(t, zsh, "-f", "-i")
	s.run(t, "fpath=('"+absolute(t, completionsDir)+"' $fpath); LISTMAX=1000; setopt nobeep")
	s.run(t, "autoload -U compinit && compinit -u -D")
	s.complete(t)
}

// TestCompleteFish asks a real fish.
func TestCompleteFish(t *testing.T) {
	fish := testenv.Need(t, "fish", "fish")
	for _, c := range typings {
		dir := completionFolder(t)
		command := exec.CommandContext(t.Context(), fish, "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
			absolute(t, filepath.Join(completionsDir, "ws76.fish")), strings.ReplaceAll(c.typed, "FOLDER", dir))
		command.Dir = dir
		command.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("fish: %v\n%s", err, out)
		}
		if strings.Contains(c.typed, "@some") {
			continue // fish has names of files with a prefix only behind =
		}
		for _, want := range c.want {
			// fish prints the word it would put in, not the line.
			want = strings.ReplaceAll(want[strings.LastIndexByte(strings.TrimSpace(want), ' ')+1:], "FOLDER", "unix://"+dir)
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(strings.TrimSpace(want))).Match(out) {
				t.Errorf("%q: no %q in\n%s", c.typed, want, out)
			}
		}
	}
}

// TestCompletePowerShell asks a real PowerShell. Debian has none, so that this is for
// machines that do.
func TestCompletePowerShell(t *testing.T) {
	pwsh, err := exec.LookPath("pwsh")
	if err != nil {
		t.Skip("skipped: pwsh is not installed; Debian has no package of it")
	}
	cases := append(slices.Clip(typings), []typing{
		{"ws76 connect --dialect 'hix", []string{"hixie-75", "hixie-76"}},
		{"ws76 'connect' --on-e", []string{"--on-eof"}},
		{"& 'ws76' connect --plugin heart", []string{"heartbeat"}},
		{"ws76 connect --cacert=some-fi", []string{"--cacert=some-file.pem"}},
		{"ws76 connect --plugin heartbeat,re", nil},
	}...)
	dir := completionFolder(t)
	var lines bytes.Buffer
	for _, c := range cases {
		// An @ is PowerShell's own where it does not stand in quotes.
		fmt.Fprintln(&lines, strings.ReplaceAll(strings.ReplaceAll(c.typed, "FOLDER", dir), " @", " '@"))
	}
	if err := os.WriteFile(filepath.Join(dir, "lines"), lines.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), pwsh, "-NoProfile", "-Command", `. '`+absolute(t, filepath.Join(completionsDir, "ws76.ps1"))+`'
		$global:LASTEXITCODE = 9
		foreach ($line in Get-Content lines) {
			'|' + ((TabExpansion2 $line $line.Length).CompletionMatches.CompletionText -join '|')
		}
		"code $LASTEXITCODE"`)
	command.Dir = dir
	command.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir, "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("pwsh: %v\n%s", err, out)
	}
	offered := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(offered) != len(cases)+1 || offered[len(cases)] != "code 9" {
		t.Fatalf("%d lines and no exit code of before in\n%s", len(offered), out)
	}
	for i, c := range cases {
		if strings.Contains(c.typed, "@some") {
			continue // PowerShell has no names of files with a prefix
		}
		words := strings.NewReplacer("./", "", "'", "").Replace(offered[i])
		if c.want == nil && words != "|" {
			t.Errorf("%q: %q", c.typed, words)
		}
		for _, want := range c.want {
			// PowerShell, too, has the word it would put in, not the line, and no
			// slash behind a folder.
			want = strings.ReplaceAll(want[strings.LastIndexByte(strings.TrimSpace(want), ' ')+1:], "FOLDER", "unix://"+dir)
			if !strings.Contains(words, "|"+strings.TrimRight(want, " /")) {
				t.Errorf("%q: no %q in %q", c.typed, want, words)
			}
		}
	}
}

// TestScriptsParse has the shells read the scripts without running them.
func TestScriptsParse(t *testing.T) {
	for _, c := range []struct{ shell, flag, file string }{
		{"bash", "-n", "ws76.bash"}, {"zsh", "-n", "_ws76"}, {"fish", "-n", "ws76.fish"},
	} {
		t.Run(c.shell, func(t *testing.T) {
			shell := testenv.Need(t, c.shell, c.shell)
			if out, err := exec.CommandContext(t.Context(), shell, c.flag, filepath.Join(completionsDir, c.file)).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// completionFolder makes the directory of typings. A transport is in it, too.
func completionFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"some-file.pem": 0o666, "ws76-transport-tunnel": 0o777, "ws76-transport-none": 0o666} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"some-folder", "ws76"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	// The folder is XDG_CONFIG_HOME.
	if err := os.WriteFile(filepath.Join(dir, "ws76", "config.toml"), []byte("[profile.lab]\nurl = 'ws://lab.example/'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shell is a shell on a pseudo-terminal.
type shell struct {
	terminal *os.File
	dir      string // where it is
	screen   chan []byte
	shown    bytes.Buffer // since the last typing
}

func newShell(t *testing.T, program string, args ...string) *shell {
	t.Helper()
	terminal, line := openTerminal(t)
	command := exec.Command(program, args...)
	command.Dir = completionFolder(t)
	command.Env = append(os.Environ(), "XDG_CONFIG_HOME="+command.Dir, "PATH="+command.Dir+":"+os.Getenv("PATH"), "TERM=dumb", "PS1=>", "PROMPT=>", "HISTFILE=", "HOME="+command.Dir, "LC_ALL=C")
	command.Stdin, command.Stdout, command.Stderr = line, line, line
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line.Close()
	s := &shell{terminal: terminal, screen: make(chan []byte), dir: command.Dir}
	go func() {
		defer close(s.screen)
		for {
			p := make([]byte, 4096)
			n, err := terminal.Read(p)
			if err != nil {
				return
			}
			s.screen <- p[:n]
		}
	}()
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		for range s.screen { // ends when the last process has let go of the terminal
		}
		terminal.Close()
	})
	return s
}

// openTerminal returns both ends of a pseudo-terminal.
func openTerminal(t *testing.T) (terminal, line *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		testenv.Missing(t, "no pseudo-terminal: "+err.Error())
	}
	terminal = os.NewFile(uintptr(fd), "/dev/ptmx")
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 60, Col: 200})
	}
	if err == nil {
		line, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return terminal, line
}

func (s *shell) typeIn(t *testing.T, keys string) {
	t.Helper()
	s.shown.Reset()
	if _, err := s.terminal.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// see waits until everything wanted is on the screen.
func (s *shell) see(t *testing.T, want ...string) bool {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		missing := ""
		for _, w := range want {
			if !strings.Contains(s.shown.String(), w) {
				missing = w
			}
		}
		if missing == "" {
			return true
		}
		select {
		case p, ok := <-s.screen:
			if !ok {
				t.Fatalf("the shell has ended; it said %q", s.shown.String())
			}
			s.shown.Write(p)
		case <-limit:
			t.Errorf("no %q on the screen: %q", missing, s.shown.String())
			return false
		}
	}
}

// run runs a command and waits for its end.
func (s *shell) run(t *testing.T, command string) {
	t.Helper()
	s.typeIn(t, command+"; echo do''ne $?\n")
	if !s.see(t, "done 0") {
		t.FailNow()
	}
}

func (s *shell) complete(t *testing.T) {
	t.Helper()
	for _, c := range typings {
		s.typeIn(t, strings.ReplaceAll(c.typed, "FOLDER", s.dir)+"\t")
		var want []string
		for _, w := range c.want {
			want = append(want, strings.ReplaceAll(w, "FOLDER", s.dir))
		}
		if !s.see(t, want...) {
			t.Errorf("typed %q", c.typed)
		}
		s.typeIn(t, "\x15") // forget the line
		s.run(t, "true")    // so that nothing of it is still to come
	}
}

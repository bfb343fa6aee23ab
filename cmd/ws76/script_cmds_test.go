package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// bound is how long a script waits for what must happen; it is no measure of speed.
const bound = 30 * time.Second

// scriptCommands are the commands of scripts besides those of testscript.
//
//	exits CODE CMD ARG...     exec, and check the exit code
//	start NAME CMD ARG...     run in the background; writes NAME.out and NAME.err
//	type NAME TEXT...         write each TEXT and a newline to its standard input
//	eof NAME                  end its standard input
//	signal NAME INT|TERM|HUP  send it
//	finish NAME CODE [SIGNAL] send it, wait, check the exit code
//	await FILE REGEX [NAME]   until FILE holds it; $NAME is its submatch, an address, $NAME_PORT the port
//	freeaddr NAME             set $NAME to an address of the loopback that nobody listens on
//	server [-at ADDR] FLAG... start ws76 serve --echo as "server", set $ADDR and $ADDR_PORT
//	serve [-as NAME] FLAG...  start ws76 serve as "server", set $ADDR and $ADDR_PORT; or as NAME, set $NAME
//	fetch FLAG... URL         make an HTTP request, print status and body
//	gone FILE                 until the process whose number is in FILE has ended (Linux)
//	rawserver FILE...         play each FILE to a connection, set $RAW and $RAW_PORT; see play
//	rawclient [-bg] FILE      play FILE to $ADDR
//	rawclient -tty PATH FILE  play FILE on a serial line
//	rawwait                   until all plays have ended, and as written
//	certs                     write cert.pem and key.pem for 127.0.0.1
var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"exits":     cmdExits,
	"start":     cmdStart,
	"type":      cmdType,
	"eof":       cmdEOF,
	"signal":    cmdSignal,
	"finish":    cmdFinish,
	"await":     cmdAwait,
	"freeaddr":  cmdFreeAddr,
	"server":    cmdServer,
	"serve":     cmdServe,
	"fetch":     cmdFetch,
	"gone":      cmdGone,
	"rawserver": cmdRawServer,
	"rawclient": cmdRawClient,
	"rawwait":   cmdRawWait,
	"certs":     cmdCerts,
}

// scriptState is what a script has running.
type scriptState struct {
	processes map[string]*process
	plays     sync.WaitGroup
	mu        sync.Mutex
	failures  []error // of plays
}

type scriptStateKey struct{}

func newScriptState(env *testscript.Env) {
	state := &scriptState{processes: make(map[string]*process)}
	env.Values[scriptStateKey{}] = state
	env.Defer(func() {
		for _, p := range state.processes {
			p.cmd.Process.Kill()
			<-p.exited
		}
		state.plays.Wait()
	})
}

func stateOf(ts *testscript.TestScript) *scriptState {
	return ts.Value(scriptStateKey{}).(*scriptState)
}

// process is a command in the background.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{}
	err    error
}

func exitOf(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

func usage(ts *testscript.TestScript, neg, ok bool, text string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", text)
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "exits CODE CMD ARG...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	if got := exitOf(err); got != want {
		ts.Fatalf("exit code %d (%v), want %d", got, err, want)
	}
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "start NAME CMD ARG...")
	startProcess(ts, args[0], args[1], args[2:]...)
}

func startProcess(ts *testscript.TestScript, name, program string, args ...string) {
	state := stateOf(ts)
	if state.processes[name] != nil {
		ts.Fatalf("%s is running already", name)
	}
	path, err := exec.LookPath(program)
	ts.Check(err)
	p := &process{cmd: exec.Command(path, args...), exited: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	p.cmd.Env = append(os.Environ(), "NO_COLOR=1")
	for _, name := range []string{"PATH", "XDG_DATA_HOME", "WS76_PLUGIN_PATH"} { // what scripts change
		if value := ts.Getenv(name); value != "" {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	stdout, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	defer stderr.Close()
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	p.stdin, err = p.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	state.processes[name] = p
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
}

func running(ts *testscript.TestScript, name string) *process {
	p := stateOf(ts).processes[name]
	if p == nil {
		ts.Fatalf("%s is not running", name)
	}
	return p
}

func cmdType(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "type NAME TEXT...")
	p := running(ts, args[0])
	_, err := io.WriteString(p.stdin, strings.Join(args[1:], "\n")+"\n")
	ts.Check(err)
}

func cmdEOF(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "eof NAME")
	ts.Check(running(ts, args[0]).stdin.Close())
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "signal NAME INT|TERM|HUP")
	sendSignal(ts, running(ts, args[0]), args[1])
}

func sendSignal(ts *testscript.TestScript, p *process, name string) {
	sig, ok := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}[name]
	if !ok {
		ts.Fatalf("no signal %q here", name)
	}
	ts.Check(p.cmd.Process.Signal(sig))
}

func cmdFinish(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2 || len(args) == 3, "finish NAME CODE [SIGNAL]")
	p := running(ts, args[0])
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if len(args) == 3 {
		sendSignal(ts, p, args[2])
	}
	select {
	case <-p.exited:
	case <-time.After(bound):
		ts.Fatalf("%s has not ended; its standard error:\n%s", args[0], ts.ReadFile(args[0]+".err"))
	}
	delete(stateOf(ts).processes, args[0])
	if got := exitOf(p.err); got != want {
		ts.Fatalf("%s: exit code %d, want %d; its standard error:\n%s", args[0], got, want, ts.ReadFile(args[0]+".err"))
	}
}

func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2 || len(args) == 3, "await FILE REGEX [NAME]")
	found := await(ts, args[0], args[1])
	if len(args) == 3 {
		setAddr(ts, args[2], found)
	}
}

// await returns the first submatch, if there is one.
func await(ts *testscript.TestScript, file, pattern string) string {
	re, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	var data []byte
	for start := time.Now(); time.Since(start) < bound; time.Sleep(2 * time.Millisecond) {
		data, _ = os.ReadFile(ts.MkAbs(file))
		if m := re.FindSubmatch(data); m != nil {
			return string(m[len(m)-1])
		}
	}
	ts.Fatalf("%s never held %q but\n%s", file, pattern, data)
	return ""
}

func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, true, "server [-at ADDR] FLAG...")
	addr := "127.0.0.1:0"
	if len(args) > 1 && args[0] == "-at" {
		addr, args = args[1], args[2:]
	}
	startProcess(ts, "server", "ws76", append([]string{"serve", addr, "--echo"}, args...)...)
	setAddr(ts, "ADDR", await(ts, "server.err", `listening on ws://([^/]*)/`))
}

// setAddr sets a variable to an address, and NAME_PORT to its port.
func setAddr(ts *testscript.TestScript, name, addr string) {
	_, port, err := net.SplitHostPort(addr)
	ts.Check(err)
	ts.Setenv(name, addr)
	ts.Setenv(name+"_PORT", port)
}

func cmdFreeAddr(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "freeaddr NAME")
	l := listenLoopback(ts)
	setAddr(ts, args[0], l.Addr().String())
	ts.Check(l.Close())
}

func cmdCerts(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "certs")
	ts.Check(writeCerts(ts.MkAbs("cert.pem"), ts.MkAbs("key.pem")))
}

func cmdRawServer(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "rawserver FILE...")
	plays := make([]play, len(args))
	for i, file := range args {
		plays[i] = readPlay(ts, file)
	}
	l := listenLoopback(ts)
	setAddr(ts, "RAW", l.Addr().String())
	ts.Defer(func() { l.Close() })
	stateOf(ts).plays.Go(func() {
		defer l.Close()
		for _, p := range plays {
			stream, err := l.Accept()
			if err != nil {
				return // the script is over
			}
			stateOf(ts).played(p, p.run(stream))
		}
	})
}

func cmdRawClient(ts *testscript.TestScript, neg bool, args []string) {
	background := len(args) == 2 && args[0] == "-bg"
	tty := len(args) == 3 && args[0] == "-tty"
	usage(ts, neg, background || tty || len(args) == 1, "rawclient [-bg] [-tty PATH] FILE")
	p := readPlay(ts, args[len(args)-1])
	var stream net.Conn
	if tty {
		f, err := os.OpenFile(ts.MkAbs(args[1]), os.O_RDWR, 0)
		ts.Check(err)
		stream = line{f}
	} else {
		stream = dialLoopback(ts, ts.Getenv("ADDR"))
	}
	if background {
		stateOf(ts).plays.Go(func() { stateOf(ts).played(p, p.run(stream)) })
		return
	}
	ts.Check(p.run(stream))
}

func cmdRawWait(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 0, "rawwait")
	state := stateOf(ts)
	state.plays.Wait()
	state.mu.Lock()
	defer state.mu.Unlock()
	ts.Check(errors.Join(state.failures...))
	state.failures = nil
}

// played keeps what went wrong in a play for rawwait.
func (s *scriptState) played(p play, err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, fmt.Errorf("%s: %w", filepath.Base(p.file), err))
}

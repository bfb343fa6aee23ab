package lualib

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/children"
	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/luastring"
	"github.com/ws76/ws76/scripts/permit"
)

// killDelay is how long a child that was stopped may hold its output open.
const killDelay = 2 * time.Second

// Exec is what ws76.exec is asked to run.
type Exec struct {
	permit   *permit.Permissions
	program  string // as permissions name it
	args     []string
	stdin    string
	folder   string
	timeout  time.Duration
	limit    int
	raisedBy string
	environ  func() (all, given []string)
}

// ParseExec reads the arguments of ws76.exec(command, options), of which the first is at index arg. The command is a list
// of words, run as they are, or a string for the shell. It raises errors.
func ParseExec(L *lua.LState, arg int, o *Options) Exec {
	e := Exec{permit: o.Permissions, limit: o.Budget.Largest(), raisedBy: luastring.RaisedBy(o.Budget.MaxStringBy), environ: o.Environ}
	switch c := L.Get(arg).(type) {
	case lua.LString:
		e.args, e.program = append(slices.Clip(shell), string(c)), filepath.Base(shell[0])
	case *lua.LTable:
		for i := 1; i <= c.Len(); i++ {
			e.args = append(e.args, lua.LVAsString(c.RawGetInt(i)))
		}
	}
	if len(e.args) == 0 || e.args[0] == "" {
		L.ArgError(arg, "a command expected: a string for the shell, or a list of words")
	}
	if options := L.OptTable(arg+1, nil); options != nil {
		lauxlib.OnlyKeys(L, options, "ws76.exec", "stdin", "timeout", "folder")
		e.stdin = lua.LVAsString(options.RawGetString("stdin"))
		e.folder = lua.LVAsString(options.RawGetString("folder"))
		e.timeout = seconds(options.RawGetString("timeout"))
	}
	if e.program == "" {
		if e.program = e.args[0]; strings.ContainsAny(e.program, `/\`) && !filepath.IsAbs(e.program) {
			e.program = filepath.Join(e.folder, e.program) // where the system looks for it
		}
	}
	return e
}

func seconds(v lua.LValue) time.Duration {
	return time.Duration(min(float64(lua.LVAsNumber(v)), 1e9) * float64(time.Second))
}

// ExecResult is what became of a command that was started.
type ExecResult struct {
	Stdout, Stderr string
	Code           int // of its exit; -1 when a signal ended it
}

// Run runs the command to its end, which is at the latest when ctx is done or its own timeout is over. The error is for
// commands that are not allowed, could not be started, took too long, or said too much.
func (e Exec) Run(ctx context.Context) (ExecResult, error) {
	if err := e.permit.Ask(permit.Effect{Kind: permit.Exec, Target: e.program}); err != nil {
		return ExecResult{}, fmt.Errorf("exec: %w", err)
	}
	if e.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.timeout)
		defer cancel()
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, e.args[0], e.args[1:]...)
	stdout, stderr := &limited{left: e.limit, stop: stop}, &limited{left: e.limit, stop: stop}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.WaitDelay = strings.NewReader(e.stdin), stdout, stderr, e.folder, killDelay
	cmd.Env = e.environment()
	process, err := children.Start(cmd, false)
	if err == nil {
		err = process.Wait()
	}
	var exit *exec.ExitError
	switch {
	case stdout.over || stderr.over:
		return ExecResult{}, fmt.Errorf("exec: %s: said more than %d bytes%s", e.args[0], e.limit, e.raisedBy)
	case ctx.Err() != nil:
		return ExecResult{}, fmt.Errorf("exec: %s: %w", e.args[0], context.Cause(ctx))
	case errors.As(err, &exit), err == nil:
		return ExecResult{stdout.data.String(), stderr.data.String(), cmd.ProcessState.ExitCode()}, nil
	}
	return ExecResult{}, fmt.Errorf("exec: %w", err)
}

// environment is what the program gets: it knows no more than the script may.
func (e Exec) environment() []string {
	vars := []string{} // nil would be all
	if e.environ == nil {
		return vars
	}
	all, given := e.environ()
	for _, v := range all {
		if name, _, _ := strings.Cut(v, "="); name != "" && e.permit.Ask(permit.Effect{Kind: permit.Env, Target: name}) == nil {
			vars = append(vars, v)
		}
	}
	return append(vars, given...)
}

// Push pushes the result as a table with stdout, stderr, code and ok.
func (r ExecResult) Push(L *lua.LState) int {
	t := L.NewTable()
	t.RawSetString("stdout", lua.LString(r.Stdout))
	t.RawSetString("stderr", lua.LString(r.Stderr))
	t.RawSetString("code", lua.LNumber(r.Code))
	t.RawSetString("ok", lua.LBool(r.Code == 0))
	L.Push(t)
	return 1
}

// limited keeps what is written, up to a limit.
type limited struct {
	data bytes.Buffer // not embedded: its ReadFrom knows no limit
	left int
	over bool
	stop func() // ends the command, which would wait for a reader
}

func (w *limited) Write(p []byte) (int, error) {
	if len(p) > w.left {
		w.over = true
		w.stop()
		return 0, errors.New("too much output")
	}
	w.left -= len(p)
	return w.data.Write(p)
}

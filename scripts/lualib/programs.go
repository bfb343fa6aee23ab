package lualib

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/children"
	"github.com/ws76/ws76/scripts/lauxlib"
	"github.com/ws76/ws76/scripts/permit"
)

// maxPrograms is how many programs of io.popen may run at a time.
const maxPrograms = 100

// Programs are those that io.popen and os.execute have started and that run still. The zero value is ready. The host
// says when the call at hand is to end, which they may be waited for in, and when the state does.
type Programs struct {
	mu     sync.Mutex
	over   bool // the call at hand is to end
	closed bool
	of     map[*program]struct{}
}

// program is one of them.
type program struct {
	process *children.Process
	file    *os.File       // this side of its pipe; nil for os.execute
	handle  *lua.LUserData // what the script has of that
	waited  bool           // a call waits for its end
	ended   chan struct{}
}

// Interrupt has whatever the call at hand waits for end: a read or write fails, and a program whose end it waits for is
// killed. It may be called from any goroutine.
func (ps *Programs) Interrupt() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.over = true
	for p := range ps.of {
		p.interrupt()
	}
}

// Resume says that the next call begins.
func (ps *Programs) Resume() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.over = false
	for p := range ps.of {
		if p.file != nil {
			p.file.SetDeadline(time.Time{})
		}
	}
}

// Close kills them all and waits until they are gone, in bounded time.
func (ps *Programs) Close() {
	ps.mu.Lock()
	ps.closed = true
	var left []*program
	for p := range ps.of {
		p.process.Kill()
		left = append(left, p)
	}
	ps.mu.Unlock()
	if len(left) == 0 {
		return
	}
	timer := time.NewTimer(killDelay)
	defer timer.Stop()
	for _, p := range left {
		select {
		case <-p.ended:
		case <-timer.C:
			return
		}
	}
}

// interrupt is Interrupt for one. The caller has the lock.
func (p *program) interrupt() {
	if p.waited || p.file.SetDeadline(time.Unix(1, 0)) != nil { // pipes of Windows have none
		p.process.Kill()
	}
}

// start starts cmd; file, if not nil, is this side of its pipe.
func (ps *Programs) start(cmd *exec.Cmd, file *os.File, handle *lua.LUserData) (*program, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	switch {
	case ps.closed:
		return nil, errors.New("the script has ended")
	case len(ps.of) >= maxPrograms:
		return nil, fmt.Errorf("%d programs run already, which is the limit; close the files of those that are done with", maxPrograms)
	}
	process, err := children.Start(cmd, false)
	if err != nil {
		return nil, err
	}
	p := &program{process: process, file: file, handle: handle, waited: file == nil, ended: make(chan struct{})}
	if ps.of == nil {
		ps.of = make(map[*program]struct{})
	}
	ps.of[p] = struct{}{}
	if ps.over {
		p.interrupt()
	}
	go func() {
		defer close(p.ended)
		process.Wait() // cmd.ProcessState says how it has ended
		ps.mu.Lock()
		defer ps.mu.Unlock()
		delete(ps.of, p)
	}()
	return p, nil
}

// wait waits until the program of a handle has ended, if there is one that runs: for as long as the call may take.
func (ps *Programs) wait(handle lua.LValue) {
	ps.mu.Lock()
	var of *program
	for p := range ps.of {
		if p.handle == handle && handle != nil {
			of = p
			p.waited = true
			if ps.over {
				p.interrupt()
			}
		}
	}
	ps.mu.Unlock()
	if of != nil {
		<-of.ended
	}
}

// shellCommand is a line of the shell as a command, if that is allowed. It knows no more than the script may.
func (l *library) shellCommand(line string) (*exec.Cmd, error) {
	e := Exec{permit: l.Permissions, environ: l.Environ}
	if err := l.Permissions.Ask(permit.Effect{Kind: permit.Exec, Target: "sh"}); err != nil {
		return nil, err
	}
	cmd := exec.Command(shell[0], shell[1], line)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = e.environment(), l.Stdout, l.Stderr, killDelay
	return cmd, nil
}

// execute is os.execute: the status is that of system(3).
func (l *library) execute(L *lua.LState) int {
	if L.Get(1) == lua.LNil {
		L.Push(lua.LNumber(1)) // there is a shell
		return 1
	}
	cmd, err := l.shellCommand(L.CheckString(1))
	if err != nil {
		return failFile(L, "os.execute", err)
	}
	p, err := l.Programs.start(cmd, nil, nil)
	if err != nil {
		return failFile(L, "os.execute", err)
	}
	<-p.ended
	L.Push(lua.LNumber(status(cmd.ProcessState)))
	return 1
}

// popen is io.popen.
func (l *library) popen(L *lua.LState) int {
	line, mode := L.CheckString(1), L.OptString(2, "r")
	if mode != "r" && mode != "w" {
		return failFile(L, "io.popen", fmt.Errorf("%s: Invalid argument: the mode is %q", line, mode))
	}
	cmd, err := l.shellCommand(line)
	if err != nil {
		return failFile(L, "io.popen", err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return failFile(L, "io.popen", err)
	}
	ours, its := reader, writer
	if mode == "w" {
		ours, its = writer, reader
		cmd.Stdin = reader
	} else {
		cmd.Stdout = writer
	}
	defer its.Close()
	handle := lauxlib.NewFile(L, ours, mode == "w", mode == "r")
	if _, err := l.Programs.start(cmd, ours, handle); err != nil {
		ours.Close()
		return failFile(L, "io.popen", err)
	}
	L.Push(handle)
	return 1
}

// closeWaits has io.close and the method close of files wait for the program of one.
func (l *library) closeWaits(L *lua.LState, io *lua.LTable) {
	output := io.RawGetString("output")
	for _, of := range []*lua.LTable{io, L.GetTypeMetatable("FILE*").(*lua.LTable)} {
		closes := of.RawGetString("close")
		of.RawSetString("close", L.NewFunction(func(L *lua.LState) int {
			file := L.Get(1)
			if L.GetTop() == 0 && of == io && l.Programs.Any() {
				L.Push(output)
				L.Call(0, 1)
				file = lauxlib.Pop(L)
			}
			L.Insert(closes, 1)
			L.Call(L.GetTop()-1, lua.MultRet)
			l.Programs.wait(file)
			return L.GetTop()
		}))
	}
}

// Any reports whether any runs. It may be called from any goroutine.
func (ps *Programs) Any() bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.of) > 0
}

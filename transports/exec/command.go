package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ws76/ws76/internal/children"
	"github.com/ws76/ws76/transports/pipe"
)

// How long after Close has ended its standard input a child is told to end, and is ended.
const (
	TermAfter = 2 * time.Second
	KillAfter = 5 * time.Second
)

// exitWait is how long a read or write that has come to the end of its pipe waits
// for the child to end too, and for its status.
const exitWait = time.Second

// Command says what to run. Shell or Args, not both.
type Command struct {
	Shell string   // a line for the shell: sh -c, on Windows cmd /C
	Args  []string // the program and its arguments
	Env   []string // NAME=VALUE: all that the child gets of an environment
	Dir   string   // to run in; "" is the current one
	// Contained ends also what has left the child's process group, on Linux; see package internal/children.
	Contained bool
	Stderr    io.Writer // its standard error; nil discards it, an *os.File is handed down. See Lines
}

// name is what errors call the command.
func (c *Command) name() string {
	if c.Shell != "" {
		return c.Shell
	}
	return strings.Join(c.Args, " ")
}

// Child is a running command as a net.Conn: what is written goes to its standard input, what it writes to its standard
// output is read. Its process group, on Windows its job, ends with it.
type Child struct {
	net.Conn
	name    string
	cmd     *exec.Cmd
	process *children.Process
	release func() *os.File // what Close hands back to be drained; nil: nothing
	exited  chan struct{}
	err     error

	once     sync.Once
	closeErr error
}

// ExitError says how a child ended that did not end with status 0.
type ExitError struct {
	Command string
	Err     error // of package os/exec
}

func (e *ExitError) Error() string {
	var exit *exec.ExitError
	text := fmt.Sprintf("command %q: %v", e.Command, e.Err)
	if errors.As(e.Err, &exit) {
		switch exit.ExitCode() {
		case 126:
			text += " (it could not be run)"
		case 127:
			text += " (command not found)"
		}
	}
	return text
}

// Unwrap returns the error of package os/exec.
func (e *ExitError) Unwrap() error { return e.Err }

// starting has a token for each program that is being started. The system starts one after
// the other; who has to wait may have gone before it is their turn, and holds no pipes.
var starting = make(chan struct{}, 2)

// Start runs the command, unless ctx ends before it is its turn to be started. The child
// is the caller's, who must Close it.
func (c *Command) Start(ctx context.Context) (*Child, error) {
	args := c.Args
	if c.Shell != "" {
		args = shell(c.Shell)
	}
	if len(args) == 0 {
		return nil, errors.New("no command")
	}
	select {
	case starting <- struct{}{}:
		defer func() { <-starting }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("command %q: not started: %w", c.name(), context.Cause(ctx))
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stderr = c.Dir, c.Stderr
	cmd.Env = append([]string{}, c.Env...) // nil would be all
	// A grandchild that keeps standard error open must not hold up Wait.
	cmd.WaitDelay = exitWait
	stdin, toChild, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("command %q: %w", c.name(), err)
	}
	fromChild, stdout, err := os.Pipe()
	if err != nil {
		stdin.Close()
		toChild.Close()
		return nil, fmt.Errorf("command %q: %w", c.name(), err)
	}
	cmd.Stdin, cmd.Stdout = stdin, stdout
	child := &Child{name: c.name(), cmd: cmd, exited: make(chan struct{})}
	child.process, err = children.Start(cmd, c.Contained)
	stdin.Close()
	stdout.Close()
	if err != nil {
		toChild.Close()
		fromChild.Close()
		return nil, fmt.Errorf("command %q: %w", c.name(), err)
	}
	child.Conn, child.release = connect(fromChild, toChild, pipe.Addr{Net: "exec", Name: c.name()})
	go func() {
		defer close(child.exited)
		if err := child.process.Wait(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
			child.err = &ExitError{Command: child.name, Err: err}
		}
		if l, ok := c.Stderr.(*LineWriter); ok {
			l.Flush()
		}
	}()
	return child, nil
}

// shell is how the system's shell is given a line.
func shell(line string) []string {
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/C", line}
	}
	return []string{"/bin/sh", "-c", line}
}

// Read reads the child's standard output. Where that has ended because the child
// failed, the error is an *ExitError in a *net.OpError.
func (c *Child) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = c.ended("read", err)
	}
	return n, err
}

// Write writes to the child's standard input. Where nobody reads that because the
// child failed, the error is as that of Read.
func (c *Child) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = c.ended("write", err)
	}
	return n, err
}

// ended returns how the child ended, or err where it was well or goes on.
func (c *Child) ended(op string, err error) error {
	timer := time.NewTimer(exitWait)
	defer timer.Stop()
	select {
	case <-c.exited:
		if c.err != nil {
			return &net.OpError{Op: op, Net: "exec", Addr: c.RemoteAddr(), Err: c.err}
		}
	case <-timer.C: // it has closed its end and goes on
	}
	return err
}

// CloseWrite ends the child's standard input.
func (c *Child) CloseWrite() error {
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// Pid returns the child's process id, which is also that of its group.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Exited is closed once the child and what it left of its group have ended.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Err returns an *ExitError where the child has ended with another status than
// 0, or by a signal. It may be called once Exited is closed.
func (c *Child) Err() error {
	select {
	case <-c.exited:
		return c.err
	default:
		return nil
	}
}

// Close ends the child: its standard input ends at once; if it has not ended then, its process group is terminated
// after TermAfter and killed after KillAfter, on Linux with all that it has started. What it still writes is discarded.
// Close returns when the child is gone; how it ended is no error of Close.
func (c *Child) Close() error {
	c.once.Do(func() {
		if out := c.release(); out != nil {
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				io.Copy(io.Discard, out)
			}()
			defer func() {
				out.Close()
				<-drained
			}()
		}
		if c.endsWithin(TermAfter) {
			return
		}
		c.process.Terminate()
		if c.endsWithin(KillAfter - TermAfter) {
			return
		}
		c.closeErr = c.process.Kill()
		<-c.exited
	})
	return c.closeErr
}

// CloseUntil is Close, and what has not ended when ctx does is killed at once. It reports whether that was so.
func (c *Child) CloseUntil(ctx context.Context) (killed bool, err error) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		select {
		case <-c.exited:
		default:
			killed = true
			c.process.Kill()
		}
	})
	err = c.Close()
	if !stop() {
		<-done
	}
	return killed, err
}

// Kill ends the child and all that it has started at once, and closes it.
func (c *Child) Kill() error {
	err := c.process.Kill()
	return errors.Join(err, c.Close())
}

func (c *Child) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.exited:
		return true
	case <-timer.C:
		return false
	}
}

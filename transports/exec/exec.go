// Package exec is the transport of child processes: the stream is the standard input and output of a command. Its
// Command and Child are also for others who need a child that ends when it should.
package exec

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os/exec"

	"github.com/ws76/ws76/transports"
)

// Entry is what the registry knows of this transport.
var Entry = transports.Entry{
	Scheme:  "exec",
	Summary: "standard input and output of a shell command, which finds the address in WS76_TARGET, WS76_TARGET_HOST and WS76_TARGET_PORT",
	Example: "exec:./tunnel",
	Opaque:  true,
	Open: func(u *url.URL, o transports.Options) (transports.Transport, error) {
		return Open(u, o)
	},
}

// Program returns the entry of a transport that is a program of its own, which is
// given two arguments: the address, and the transport's URL as it was written.
func Program(scheme, path string) transports.Entry {
	return transports.Entry{
		Scheme:  scheme,
		Summary: "standard input and output of " + path,
		Example: scheme + ":",
		Opaque:  true,
		Open: func(u *url.URL, o transports.Options) (transports.Transport, error) {
			return &Transport{scheme: scheme, program: path, url: scheme + ":" + u.Opaque, options: o}, nil
		},
	}
}

// Transport runs a command for each connection. It implements transports.Transport and may be used from several
// goroutines. The connections are *Child.
type Transport struct {
	scheme  string
	shell   string // or
	program string
	url     string
	options transports.Options
}

// Open makes the transport of exec:COMMAND, a line for the shell. What it writes
// to standard error goes to o.Stderr, and its environment is o.Environ.
func Open(u *url.URL, o transports.Options) (*Transport, error) {
	if u.Opaque == "" {
		return nil, errors.New("there is no command")
	}
	return &Transport{scheme: "exec", shell: u.Opaque, options: o}, nil
}

// Dial starts the command. The address is in its environment: WS76_TARGET, and its parts WS76_TARGET_HOST and
// WS76_TARGET_PORT where it has two. That the command runs does not say that it reaches anything; the error, a
// *transports.DialError, is about starting it.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	command := Command{Shell: t.shell, Contained: t.options.Contained}
	if t.options.Environ != nil {
		command.Env = t.options.Environ()
	}
	command.Env = append(command.Env, "WS76_TARGET="+addr)
	if t.options.Stderr != nil {
		command.Stderr = Lines(t.options.Stderr)
	}
	if host, port, err := net.SplitHostPort(addr); err == nil {
		command.Env = append(command.Env, "WS76_TARGET_HOST="+host, "WS76_TARGET_PORT="+port)
	}
	if t.program != "" {
		command.Args = []string{t.program, addr, t.url}
	}
	child, err := command.Start(ctx)
	if err == nil {
		return child, nil
	}
	hint := ""
	if errors.Is(err, exec.ErrNotFound) {
		hint = "is it installed, and on PATH?"
	}
	return nil, &transports.DialError{Transport: t.scheme, Addr: addr, Hint: hint, Local: true, Err: err}
}

// Reaches is for transports.Reacher: the program, and the address that it is told.
func (t *Transport) Reaches(addr string, listen bool) []transports.Reach {
	program := t.program
	if program == "" {
		program = "sh"
	}
	return append(transports.ReachesAddr(addr, "tcp", listen), transports.Reach{Kind: "exec", Target: program})
}

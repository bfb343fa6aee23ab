// Package child runs a program for a client: with its environment, and messages as lines.
package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/transports/exec"
)

// Command is how --exec and --exec-shared run their command.
type Command struct {
	Env        *reach.Env
	Flag       string // "exec" or "exec-shared"
	Line       string
	MaxMessage int64

	killed atomic.Uint64 // programs that had not ended in time
}

// Start runs the command. Its standard error goes to the log, a line at a time.
func (c *Command) Start(ctx context.Context, environment []string) (*exec.Child, error) {
	command := exec.Command{
		Shell: c.Line, Env: append(c.Env.ChildEnviron(), environment...), Contained: true, Stderr: exec.Lines(c.Env.ChildSays(c.Flag)),
	}
	running, err := command.Start(ctx)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", c.Flag, err)
	}
	c.Env.Log.Infof("%s: process %d started", c.Flag, running.Pid())
	return running, nil
}

// Endpoint makes lines of messages, and messages of lines. Its Close leaves the child to go on.
func (c *Command) Endpoint(running *exec.Child) *bridge.Stream {
	in := format.Options{MaxMessage: c.MaxMessage, ReplaceInvalid: true}
	out := format.Options{Warn: func(w format.DelimiterWarning) {
		c.Env.Log.Warnf("%s: process %d: %s", c.Flag, running.Pid(), w)
	}}
	return bridge.NewStream(kept{running}, in, out, bridge.Bounds{})
}

// End closes a program, which is killed when ctx ends.
func (c *Command) End(ctx context.Context, running *exec.Child) {
	if killed, _ := running.CloseUntil(ctx); killed {
		c.killed.Add(1)
	}
}

// SayKilled says how many were killed by End.
func (c *Command) SayKilled() {
	if n := c.killed.Load(); n > 0 {
		c.Env.Log.Warnf("%s: %d programs had not ended in time, and were killed", c.Flag, n)
	}
}

// kept is a child that its endpoint does not end.
type kept struct{ *exec.Child }

func (kept) Close() error { return nil }

// Lost is what a program and its client, or clients, had for each other when they were parted.
type Lost struct {
	ToClient  uint64 // lines that were read off the program, and not sent
	ToProgram uint64 // messages that were read off the client, and not written
	NotKnown  uint64 // messages that may have been written to the program, or not
}

// NewLost is what a session has lost whose side B is a program, once both have ended. So many
// messages have come from the client; 0: all were received.
func NewLost(s *relay.Session, program *bridge.Stream, fromClient uint64) Lost {
	if s == nil { // a hook was not to be had
		return Lost{ToClient: program.Arrived(), ToProgram: fromClient}
	}
	to := s.Stats(relay.AToB)
	return Lost{ToClient: s.Stats(relay.BToA).Lost(program.Arrived()), ToProgram: to.Lost(fromClient), NotKnown: uint64(to.NotKnown)}
}

// Serve joins a connection and a child of its own, until either ends.
func (c *Command) Serve(ctx context.Context, conn *core.Conn, environment []string, hooks []relay.Hook) (lost Lost, err error) {
	running, err := c.Start(ctx, environment)
	if err != nil {
		conn.CloseWith(ctx, rfc6455.CodeInternalError, "the program could not be started")
		return Lost{ToProgram: conn.Stats().MessagesIn}, err
	}
	// A child that goes on when its input has ended has until then to do it.
	defer c.End(ctx, running)
	program := c.Endpoint(running)
	var session *relay.Session
	defer func() { lost = NewLost(session, program, conn.Stats().MessagesIn) }()
	err = relay.Join(ctx, conn, program, &relay.Options{Hooks: append(hooks, relay.Note(&session)), KeepA: true, Until: ctx})
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		conn.CloseWith(ctx, rfc6455.CodeInternalError, "the program failed")
		return lost, err
	}
	conn.CloseWith(ctx, rfc6455.CodeNormal, "")
	if err == nil {
		return lost, conn.Ended()
	}
	return lost, err
}

// Request is what a child's environment says of the connection it serves.
type Request struct {
	Request  *hixie.Request
	Dialect  core.Dialect
	Protocol string
	Remote   string
	Local    net.Addr // of the listener, as far as the system tells
	Secure   bool
	User     string
	Version  string
}

// secretHeaders are not handed to children; nor is Proxy, as a variable HTTP_PROXY
// would send what the child asks for to a stranger.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Proxy"}

// Environment returns variables like those of a CGI program (RFC 3875, section 4.1), as websocketd has them.
func (r *Request) Environment() []string {
	path, query, _ := strings.Cut(r.Request.Resource, "?")
	host, port := r.server()
	remote, remotePort := r.Remote, ""
	if h, p, err := net.SplitHostPort(r.Remote); err == nil {
		remote, remotePort = h, p
	}
	vars := []string{
		"GATEWAY_INTERFACE=websocketd-CGI/0.1",
		"SERVER_SOFTWARE=ws76/" + r.Version,
		"SERVER_PROTOCOL=HTTP/1.1",
		"SERVER_NAME=" + host,
		"SERVER_PORT=" + port,
		"REQUEST_METHOD=GET",
		"REQUEST_URI=" + r.Request.Resource,
		"SCRIPT_NAME=/",
		"PATH_INFO=" + path,
		"QUERY_STRING=" + query,
		"REMOTE_ADDR=" + remote,
		"REMOTE_HOST=" + remote,
		"REMOTE_PORT=" + remotePort,
		"WS76_DIALECT=" + string(r.Dialect),
		"WS76_PROTOCOL=" + r.Protocol,
	}
	if r.Secure {
		vars = append(vars, "HTTPS=on")
	}
	if r.User != "" {
		vars = append(vars, "AUTH_TYPE=Basic", "REMOTE_USER="+r.User)
	}
	vars = append(vars, headerVariables(r.Request.Fields)...)
	for i, v := range vars {
		vars[i] = strings.ReplaceAll(v, "\x00", "") // which would end the variable
	}
	return vars
}

// server returns the name that the client has asked for, and the port of the listener.
func (r *Request) server() (host, port string) {
	host, port = r.asked()
	if r.Local != nil {
		if _, own, err := net.SplitHostPort(r.Local.String()); err == nil {
			port = own
		}
	}
	return host, port
}

func (r *Request) asked() (host, port string) {
	name, _ := r.Request.Fields.Get("Host")
	if host, port, err := net.SplitHostPort(name); err == nil {
		return host, port
	}
	if r.Secure {
		return name, "443"
	}
	return name, "80"
}

// headerVariables returns HTTP_NAME=value for each field, several of a name joined.
func headerVariables(fields hixie.Fields) []string {
	var vars []string
	at := map[string]int{}
fields:
	for _, f := range fields {
		for _, secret := range secretHeaders {
			if strings.EqualFold(f.Name, secret) {
				continue fields
			}
		}
		if strings.Contains(f.Name, "_") {
			continue // it would be taken for the field that has a hyphen there
		}
		name := "HTTP_" + strings.Map(variableRune, f.Name)
		if i, ok := at[name]; ok {
			vars[i] += ", " + f.Value
			continue
		}
		at[name] = len(vars)
		vars = append(vars, name+"="+f.Value)
	}
	return vars
}

func variableRune(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r - 'a' + 'A'
	case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return r
	}
	return '_'
}

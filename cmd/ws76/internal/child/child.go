package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
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

// Endpoint makes lines of messages, and messages of lines.
func (c *Command) Endpoint(running *exec.Child) *format.Endpoint {
	return format.NewEndpoint(running, running, format.EndpointOptions{
		In: format.Options{MaxMessage: c.MaxMessage, ReplaceInvalid: true},
		Out: format.Options{Warn: func(w format.DelimiterWarning) {
			c.Env.Log.Warnf("%s: process %d: %s", c.Flag, running.Pid(), w)
		}},
	})
}

// Serve joins a connection and a child of its own, until either ends.
func (c *Command) Serve(ctx context.Context, conn *core.Conn, environment []string, hooks []relay.Hook) error {
	running, err := c.Start(ctx, environment)
	if err != nil {
		conn.CloseWith(ctx, rfc6455.CodeInternalError, "the program could not be started")
		return err
	}
	// A child that goes on when its input has ended has until then to do it.
	defer running.Close()
	err = relay.Join(ctx, conn, c.Endpoint(running), &relay.Options{Hooks: hooks, KeepA: true})
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		conn.CloseWith(ctx, rfc6455.CodeInternalError, "the program failed")
		return err
	}
	conn.CloseWith(ctx, rfc6455.CodeNormal, "")
	if err == nil {
		return conn.Ended()
	}
	return err
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

// Environment returns variables like those of a CGI program (RFC 3875, section
// 4.1), as websocketd has them.
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

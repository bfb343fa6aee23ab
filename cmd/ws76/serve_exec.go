package main

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

// child is how --exec and --exec-shared run their command.
type child struct {
	e          *reach.Env
	flag       string // "exec" or "exec-shared"
	command    string
	maxMessage int64
}

// start runs the command. Its standard error goes to the log, a line at a time.
func (c *child) start(ctx context.Context, environment []string) (*exec.Child, error) {
	command := exec.Command{
		Shell: c.command, Env: append(c.e.ChildEnviron(), environment...), Contained: true, Stderr: exec.Lines(c.e.ChildSays(c.flag)),
	}
	running, err := command.Start(ctx)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", c.flag, err)
	}
	c.e.Log.Infof("%s: process %d started", c.flag, running.Pid())
	return running, nil
}

// endpoint makes lines of messages, and messages of lines.
func (c *child) endpoint(running *exec.Child) *format.Endpoint {
	return format.NewEndpoint(running, running, format.EndpointOptions{
		In: format.Options{MaxMessage: c.maxMessage, ReplaceInvalid: true},
		Out: format.Options{Warn: func(w format.DelimiterWarning) {
			c.e.Log.Warnf("%s: process %d: %s", c.flag, running.Pid(), w)
		}},
	})
}

// serve joins a connection and a child of its own, until either ends.
func (c *child) serve(ctx context.Context, conn *core.Conn, environment []string, hooks []relay.Hook) error {
	running, err := c.start(ctx, environment)
	if err != nil {
		conn.CloseWith(ctx, rfc6455.CodeInternalError, "the program could not be started")
		return err
	}
	// A child that goes on when its input has ended has until then to do it.
	defer running.Close()
	err = relay.Join(ctx, conn, c.endpoint(running), &relay.Options{Hooks: hooks, KeepA: true})
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

// request is what a child's environment says of the connection it serves.
type cgiRequest struct {
	request  *hixie.Request
	dialect  core.Dialect
	protocol string
	remote   string
	local    net.Addr // of the listener, as far as the system tells
	secure   bool
	user     string
	version  string
}

// secretHeaders are not handed to children; nor is Proxy, as a variable HTTP_PROXY
// would send what the child asks for to a stranger.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Proxy"}

// environment returns variables like those of a CGI program (RFC 3875, section
// 4.1), as websocketd has them.
func (r *cgiRequest) environment() []string {
	path, query, _ := strings.Cut(r.request.Resource, "?")
	host, port := r.server()
	remote, remotePort := r.remote, ""
	if h, p, err := net.SplitHostPort(r.remote); err == nil {
		remote, remotePort = h, p
	}
	vars := []string{
		"GATEWAY_INTERFACE=websocketd-CGI/0.1",
		"SERVER_SOFTWARE=ws76/" + r.version,
		"SERVER_PROTOCOL=HTTP/1.1",
		"SERVER_NAME=" + host,
		"SERVER_PORT=" + port,
		"REQUEST_METHOD=GET",
		"REQUEST_URI=" + r.request.Resource,
		"SCRIPT_NAME=/",
		"PATH_INFO=" + path,
		"QUERY_STRING=" + query,
		"REMOTE_ADDR=" + remote,
		"REMOTE_HOST=" + remote,
		"REMOTE_PORT=" + remotePort,
		"WS76_DIALECT=" + string(r.dialect),
		"WS76_PROTOCOL=" + r.protocol,
	}
	if r.secure {
		vars = append(vars, "HTTPS=on")
	}
	if r.user != "" {
		vars = append(vars, "AUTH_TYPE=Basic", "REMOTE_USER="+r.user)
	}
	vars = append(vars, headerVariables(r.request.Fields)...)
	for i, v := range vars {
		vars[i] = strings.ReplaceAll(v, "\x00", "") // which would end the variable
	}
	return vars
}

// server returns the name that the client has asked for, and the port of the listener.
func (r *cgiRequest) server() (host, port string) {
	host, port = r.asked()
	if r.local != nil {
		if _, own, err := net.SplitHostPort(r.local.String()); err == nil {
			port = own
		}
	}
	return host, port
}

func (r *cgiRequest) asked() (host, port string) {
	name, _ := r.request.Fields.Get("Host")
	if host, port, err := net.SplitHostPort(name); err == nil {
		return host, port
	}
	if r.secure {
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

package bridge

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/serve"
)

// WebSockets are clients that are accepted, in every dialect that Server takes. A client is
// answered when the other side is there, and with why it is not otherwise, see [Refusal]; of
// its sub-protocols it is told the one that the other side has agreed to.
type WebSockets struct {
	// Listener is closed by Run.
	Listener net.Listener
	// Server serves the clients, by the options, the gate and the limits that it has. The
	// bridge sets its Route and Loops. Its Accept.HandshakeTimeout has to do for the opening
	// of the other side, too. nil: one that has nothing set.
	Server *serve.Server
	// Path is the only one that is served. "": all.
	Path string
}

func (f *WebSockets) run(ctx context.Context, b *Bridge) error {
	server := f.Server
	if server == nil {
		server = new(serve.Server)
	}
	server.Loops = -1 // a session waits
	if b.Grace > 0 {
		server.Grace = b.Grace * 3 / 4 // what has come is delivered then
	}
	server.Route = func(o *serve.Opening) (serve.Service, *core.Refusal) { return f.route(ctx, b, server, o) }
	return server.Serve(ctx, f.Listener)
}

// route opens the other side for a client, who is answered then.
func (f *WebSockets) route(ctx context.Context, b *Bridge, server *serve.Server, o *serve.Opening) (serve.Service, *core.Refusal) {
	asked, _, _ := strings.Cut(o.Request.Resource, "?")
	if f.Path != "" && strings.TrimSuffix(asked, "/") != strings.TrimSuffix(f.Path, "/") {
		return serve.Service{}, &core.Refusal{Status: http.StatusNotFound, Reason: "Not Found", Text: fmt.Sprintf("only %s is served here", f.Path)}
	}
	c := &Client{
		Remote: b.remote(o.RemoteAddr(), o.Request.Fields), Request: o.Request.Clone(), Protocols: offered(o.Request.Fields),
		Secure: o.Secure, Dialect: o.Dialect, accepted: true,
	}
	if o.Grant != nil {
		c.User = o.Grant.User
	}
	agreed, refused := b.admit(c, o)
	if refused != nil {
		return serve.Service{}, refused
	}
	if agreed != "" {
		c.Protocols = []string{agreed}
	}
	to, err := b.To(ctx, c)
	if err != nil {
		return serve.Service{}, Refusal(err)
	}
	settings := &serve.Settings{}
	if conn := connOf(to); conn != nil { // what it agrees to, the client is told
		settings.Protocols = []string{}
		if conn.Protocol() != "" {
			settings.Protocols = []string{conn.Protocol()}
		}
	} else if agreed != "" {
		settings.Protocols = []string{agreed}
	}
	if b.Buffer == 0 {
		c.Request = nil // nobody asks again, and it is as long as the connection's memory otherwise
	}
	header := c.Answer
	c.Answer = nil
	return serve.Service{
		Settings: settings,
		Header:   header,
		Trace:    c.trace(server.Accept.Trace, relay.A),
		Handler: func(ctx context.Context, conn *core.Conn) error {
			c.Protocol, c.Protocols = conn.Protocol(), nil
			return b.join(ctx, c, conn, to)
		},
		Abandoned: func(error) { b.discard(to) },
	}, nil
}

// offered returns the sub-protocols that a client would speak.
func offered(fields hixie.Fields) (names []string) {
	for _, field := range []string{"Sec-WebSocket-Protocol", "WebSocket-Protocol"} {
		names = append(names, fields.List(field)...)
	}
	for i, name := range names {
		names[i] = strings.Clone(name)
	}
	return names
}

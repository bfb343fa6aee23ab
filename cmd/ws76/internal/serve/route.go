package serve

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/child"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/channels"
)

// visit is what a connection's Events keep of it. A plain echo needs none: an idle
// one costs no more memory than it has to.
type visit struct {
	channels.Seat
	shared    sharedSeat
	script    *scriptSeat // nil where there are no scripts
	opened    time.Time
	remote    string
	transport string
	path      string // and query, for the log

	lost undelivered // of a Handler's connection, once that has ended
}

func visitOf(p *serve.Peer) *visit {
	v, _ := p.Data().(*visit)
	return v
}

// route decides what becomes of a request for a WebSocket that the gate has let in. What
// it refuses is refused before anything is opened.
func (s *service) route(o *serve.Opening) (serve.Service, *core.Refusal) {
	path, isChannel, err := channels.ParsePath(o.Request.Resource)
	if err != nil {
		return serve.Service{}, front.NotFound(err)
	}
	target, _, _ := strings.Cut(o.Request.Resource, "?")
	isEcho := !isChannel && (target == "/echo" || s.echo)
	if isEcho && s.plain {
		return serve.Service{Events: serve.Echo{}, Settings: &s.settings}, nil
	}
	v := &visit{opened: time.Now(), remote: s.RemoteName(o.RemoteAddr(), o.Request.Fields), transport: o.Transport()}
	if s.Log.Enabled(slog.LevelInfo) {
		v.path = strings.Clone(o.Request.Resource) // the request goes when route returns
	}
	settings := &s.settings
	if len(s.Scripts) > 0 || s.recorder != nil {
		var r *hixie.Request
		v.script = new(scriptSeat)
		v.script.peer, r = s.scriptPeer(o, v)
		protocol, refusal := s.Ask(v.script.peer, r)
		if refusal != nil {
			return serve.Service{}, refusal
		}
		if protocol != "" {
			own := s.settings
			own.Protocols = []string{protocol}
			settings = &own
		}
	}
	var service serve.Service
	switch {
	case isChannel:
		v.Path = path
		v.Path.Channel = strings.Clone(path.Channel)
		service = s.channelService(v)
	case isEcho && v.script != nil:
		service = s.events(scripted{s, true}, v)
	case isEcho:
		service = s.events(serve.Echo{}, v)
	case s.exec != nil:
		service = s.execService(o, v, front.UserOf(o.Grant))
	case s.shared != nil:
		service = s.sharedService(v)
	case len(s.Scripts) > 0:
		service = s.events(scripted{s, false}, v)
	default:
		return serve.Service{}, front.NotFound(fmt.Errorf("nothing is served at %q; there is /ws/CHANNEL/rw and /echo, and --echo, --exec, --exec-shared or --script serve other paths", target))
	}
	service.Settings = settings
	if s.Scripts.WantsFrames() {
		service.Trace = hooks.TraceFrames(s.server.Accept.Trace, v.script.session.Load, relay.A)
	}
	return service, nil
}

// events serves a connection by events, with v at hand.
func (s *service) events(events serve.Events, v *visit) serve.Service {
	if s.Log.Enabled(slog.LevelInfo) {
		events = logged{events, s}
	}
	return serve.Service{Events: events, Data: v}
}

// channelService puts the connection into its channel.
func (s *service) channelService(v *visit) serve.Service {
	if v.script == nil {
		return s.events(&s.channels, v)
	}
	path := v.Path
	return serve.Service{Handler: s.scriptedHandler(v, func() (relay.Endpoint, error) {
		end, err := s.hub.Endpoint(path.Channel, hub.EndpointOptions{
			JoinOptions: hub.JoinOptions{Publish: path.Mode != channels.ReadOnly, Echo: path.Echo},
			WriteOnly:   path.Mode == channels.WriteOnly, Queue: s.settings.Queue, Slow: s.slow,
		})
		if err == nil && path.Mode == channels.ReadOnly {
			return readOnly{end}, nil
		}
		return end, err
	})}
}

// sharedService joins the connection with the child of all.
func (s *service) sharedService(v *visit) serve.Service {
	if v.script == nil {
		return s.events(s.shared, v)
	}
	return serve.Service{Handler: s.scriptedHandler(v, s.shared.join)}
}

// execService runs a child for the connection.
func (s *service) execService(o *serve.Opening, v *visit, user string) serve.Service {
	secure := o.Secure
	return serve.Service{Handler: func(ctx context.Context, conn *core.Conn) error {
		s.enter(conn, v)
		cgi := child.Request{Request: conn.Request(), Dialect: conn.Dialect(), Protocol: conn.Protocol(),
			Remote: v.remote, Local: conn.LocalAddr(), Secure: secure, User: user, Version: s.Program.Version}
		through, closed := s.scriptHooks(conn, v.script)
		lost, err := s.exec.Serve(ctx, conn, cgi.Environment(), through)
		v.lost = undelivered{lost.ToClient, lost.ToProgram, lost.NotKnown}
		return closed(err)
	}}
}

// logged are Events whose connections are in the log.
type logged struct {
	serve.Events
	s *service
}

func (l logged) Open(p *serve.Peer) {
	v := visitOf(p)
	l.s.Log.Infof("%s: open, %s, %s", v.remote, p.Dialect(), v.path)
	l.Events.Open(p)
}

func (l logged) Flush(p *serve.Peer) {
	if f, ok := l.Events.(serve.Flusher); ok {
		f.Flush(p)
	}
}

func (l logged) Closed(p *serve.Peer, err error) {
	l.Events.Closed(p, err)
	stats := p.Stats()
	l.s.logClosed(visitOf(p), err, stats)
}

func (s *service) logClosed(v *visit, err error, stats serve.PeerStats) {
	more := ""
	if stats.Dropped > 0 {
		more = fmt.Sprintf(", %d dropped", stats.Dropped)
	}
	if stats.Unsent > 0 {
		more += fmt.Sprintf(", %d not sent", stats.Unsent)
	}
	if v.lost.untaken > 0 {
		more += fmt.Sprintf(", %d not handed to the program", v.lost.untaken)
	}
	if n := stats.NotKnown + v.lost.notKnown; n > 0 {
		more += fmt.Sprintf("; of %d it is not known whether they arrived", n)
	}
	s.Log.Infof("%s: %v%s; %d messages in, %d out%s", v.remote, err, outcome.Hint(err), stats.MessagesIn, stats.MessagesOut, more)
}

// refused logs and counts a request that became no connection.
func (s *service) refused(remote net.Addr, err error) {
	s.metrics.Refused(err)
	s.refusals.Add(1)
	s.TurnAway("", remote, err)
}

package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/relay/record"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/scripts"
	wstls "github.com/ws76/ws76/transports/tls"
)

// span is one bridge.
type span struct {
	*reach.Env
	o        *Options
	command  context.Context // that runs
	name     string          // in --file
	prefix   string          // before its lines in the log; "" where there is one only
	from     *fromSide
	to       *toSide
	front    front.Front // who may come in, certificates, scripts
	plugins  hooks.Chain // the scripts again, with those that have a word in dialling
	binary   func(dst, data []byte) []byte
	kind     streamKind
	pending  *core.Budget
	steady   bool // FROM is a broker
	recorder *record.Recorder
	lossy    atomic.Bool // messages were lost, or may have been
}

// streamKind is how messages lie on byte streams.
type streamKind struct{ from, to format.Options }

// newSpan makes a bridge ready. It opens nothing.
func newSpan(command context.Context, e *reach.Env, o *Options, name, from, to string) (*span, error) {
	own := e.Clone() // a table of --file has values of its own
	own.Children = app.ChildOptions{Named: o.ExecEnv, Contained: true}
	own.DeadAfter = o.DeadAfter
	s := &span{Env: own, o: o, command: command, name: name}
	s.front.Env = s.Env
	if name != "" {
		s.prefix = name + ": "
	}
	s.EndWithin(o.Grace)
	var err error
	if s.pending, err = o.Hold.Budget(); err != nil {
		return nil, err
	}
	if o.Buffer == 0 && o.Redeliver {
		return nil, app.Usagef("--redeliver needs --buffer N")
	}
	s.binary = hub.Binary(o.Binary).As()
	s.kind.from = format.Options{Format: o.FromFormat, CRLF: o.CRLF, MaxMessage: o.Hold.MaxMessage, ReplaceInvalid: o.ReplaceInvalid}
	s.kind.to = s.kind.from
	s.kind.to.Format = o.ToFormat
	if err := s.front.Open(o.Front, front.IsChannel); err != nil {
		return nil, err
	}
	if s.to, err = s.parseTo(to); err != nil {
		return nil, fmt.Errorf("TO: %w", err)
	}
	if s.from, err = s.parseFrom(from); err != nil {
		return nil, fmt.Errorf("FROM: %w", err)
	}
	if s.to.template != nil && s.to.template.HasNames() && s.from.kind != fromWebSocket {
		if !strings.Contains(to, "{") {
			return nil, app.Usagef("TO: %s has no path, and FROM has no request that names one; write %[1]s/", s.to.text)
		}
		return nil, app.Usagef("TO: names in braces are filled in from the request of a WebSocket client, and FROM has none")
	}
	if s.steady && o.Buffer > 0 {
		return nil, app.Usagef("--buffer is not for a broker as FROM: it keeps what TO has not taken by itself")
	}
	return s, nil
}

// run carries connections until stop ends, or FROM has.
func (s *span) run(stop context.Context) error {
	ctx, exit := context.WithCancelCause(stop)
	defer exit(nil)
	recorder, recorded, err := s.o.Hooks.NewRecorder(s.Env.Env)
	if err != nil {
		return err
	}
	defer recorded()
	s.recorder = recorder
	s.plugins, err = s.o.Hooks.NewChain(s.command, s.Env.Env, func(so *scripts.Options) {
		so.Exit = func(err error) { exit(hooks.ExitCause(err)) }
		if s.to.dialer != nil {
			so.Open = s.to.dialer.Guarded(true).Open
		}
	})
	if err != nil {
		return err
	}
	set := s.plugins.Set
	s.front.Scripts = set
	defer hooks.Stop(set, s.o.Reach.CloseTimeout)
	if err := set.Start(); err != nil {
		return err
	}
	defer app.OnHangup(s.front.Reload)()
	defer s.front.Close()
	err = s.from.run(ctx)
	if s.from.kind == fromOpened && ctx.Err() != nil && s.command.Err() == nil {
		err = nil // it has not ended by itself
	}
	if err == nil && stop.Err() == nil && ctx.Err() != nil {
		return context.Cause(ctx) // a script has ended it
	}
	return err
}

// bridge is what carries connections of from.
func (s *span) bridge(from bridge.From) *bridge.Bridge {
	o := bridge.Options{
		Name: s.to.text, Binary: s.binary,
		Buffer: s.o.Buffer, Redeliver: s.o.Redeliver, Retries: bridge.Retries{Most: s.o.Retries},
		Linger: s.o.Linger, CloseTimeout: s.o.Reach.CloseTimeout, Grace: s.o.Grace, Idle: s.o.Idle, IdleCause: errIdle,
		Remote: s.front.RemoteName, Admit: s.admit, Hooks: s.hooks, Opened: s.opened, Closed: s.closed,
		Note: func(remote, text string) {
			if remote != "" {
				remote += ": "
			}
			s.Log.Warnf("%s%s%s", s.prefix, remote, text)
		},
	}
	if s.to.steady {
		o.Buffer = 0 // it is opened again by itself, and has the sender wait meanwhile
	}
	return &bridge.Bridge{From: from, To: s.openTo, Options: o}
}

// errIdle ends a session in which nothing has passed for long.
var errIdle = errors.New("nothing has passed for --idle")

// visit is what scripts and the recorder have of a client.
type visit struct {
	peer     *scripts.Peer                   // as on_handshake has seen it; nil: it has not
	scripted atomic.Pointer[scripts.Session] // nil until the sides are joined
	recorded *record.Conn
}

// admit lets on_handshake refuse a WebSocket, or choose a sub-protocol.
func (s *span) admit(c *bridge.Client, o *serve.Opening) (protocol string, refused *core.Refusal) {
	v := &visit{}
	c.Data = v
	if s.front.Scripts.WantsFrames() {
		c.Trace = func(t *core.Trace, side relay.Side) *core.Trace { return hooks.TraceFrames(t, v.scripted.Load, side) }
	}
	if o == nil || len(s.front.Scripts) == 0 {
		return "", nil
	}
	v.peer = scripts.RequestPeer(c.Request, o.Dialect, c.Remote, o.Transport())
	return s.front.Ask(v.peer, c.Request)
}

// hooks are what the messages of a session go through.
func (s *span) hooks(b *bridge.Session) []relay.Hook {
	v := b.Data.(*visit)
	var scripted []relay.Hook
	if len(s.front.Scripts) > 0 {
		session := s.front.Scripts.Session(v.scriptPeer(b.From, "server"), v.scriptPeer(b.To, "client"), false)
		v.scripted.Store(session)
		scripted = session.Hooks()
	}
	v.recorded = s.recorder.Open(s.recording(b))
	return v.recorded.Around(scripted, relay.A)
}

// scriptPeer is what scripts know of a side; nil where it is no WebSocket.
func (v *visit) scriptPeer(of relay.Endpoint, role string) *scripts.Peer {
	conn, ok := of.(*core.Conn)
	if !ok {
		return nil
	}
	p := scripts.NewPeer(conn, role)
	if role == "server" && v.peer != nil {
		p.ID, p.Remote, p.Transport = v.peer.ID, v.peer.Remote, v.peer.Transport
	}
	return p
}

// recording is how FROM is described in a recording.
func (s *span) recording(b *bridge.Session) recording.Open {
	conn, ok := b.From.(*core.Conn)
	switch {
	case !ok:
		return recording.Open{Role: recording.Server, Remote: b.Remote}
	case s.from.kind != fromWebSocket:
		return record.Opened(conn, recording.Client)
	}
	return record.Opened(conn, recording.Server)
}

// opened says that a session begins.
func (s *span) opened(b *bridge.Session) {
	if s.Log.Enabled(slog.LevelInfo) {
		s.Log.Infof("%s%s: open, %s to %s", s.prefix, b.Remote, spokenBy(b.From), spokenBy(b.To))
	}
}

func spokenBy(e relay.Endpoint) string {
	if e == nil {
		return "what is being opened"
	}
	if conn, ok := e.(*core.Conn); ok {
		return string(conn.Dialect())
	}
	return "messages of a stream"
}

// closed says how a session went: why it ended, and then what that has cost. It returns
// err, as one that was said where it was.
func (s *span) closed(b *bridge.Session, err error) error {
	v := b.Data.(*visit)
	if session := v.scripted.Load(); session != nil {
		session.Closed(b.Joined)
	}
	conn, _ := b.From.(*core.Conn)
	v.recorded.Closed(conn, b.Joined)
	losses, lost := b.Losses()
	switch {
	case s.Log.Enabled(slog.LevelInfo):
		s.ended(b, err)
	case outcome.LimitFlag(err) != "":
		s.front.TurnedAway.Add(s.prefix, b.Remote, fmt.Errorf("%w%s", err, outcome.Hint(err)))
		err = app.Said(err)
	case err != nil && (len(losses) > 0 || outcome.Code(err) != app.ExitUnclean): // which is no more than a peer that went away
		s.Log.Errorf("%s%s: %v%s", s.prefix, b.Remote, err, outcome.Hint(err))
		err = app.Said(err)
	}
	for _, loss := range losses {
		s.Log.Errorf("%s%s: %s", s.prefix, b.Remote, loss)
	}
	if lost {
		s.lossy.Store(true)
	}
	return err
}

// ended says why a session ended, and how many messages it has carried.
func (s *span) ended(b *bridge.Session, err error) {
	var counts string
	if to, from, ok := b.Delivered(); ok {
		counts = fmt.Sprintf("; %d messages to TO, %d back", to, from)
	}
	if err == nil {
		err = b.Ended()
	}
	s.Log.Infof("%s%s: %v%s%s", s.prefix, b.Remote, outcome.End(err), outcome.Hint(err), counts)
}

// clientTLS is how TLS is spoken with TO.
func (s *span) clientTLS() (*tls.Config, error) {
	config, err := wstls.ClientConfig(s.o.Reach.TLS)
	if err != nil {
		return nil, app.Usage(err)
	}
	return config, nil
}

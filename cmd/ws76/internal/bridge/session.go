package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/internal/silence"
	"github.com/ws76/ws76/plugins/record"
	"github.com/ws76/ws76/scripts"
)

// join is one connection of FROM and what it is joined to.
type join struct {
	*span
	who  *client
	peer *scripts.Peer // of FROM, as on_handshake has seen it; nil: it has not
	link bridge.Link

	scripted atomic.Pointer[scripts.Session] // nil until the sides are joined
}

func (s *span) newJoin(who *client) *join {
	j := &join{span: s, who: who}
	if s.front.Scripts.WantsFrames() {
		who.frames = j.scripted.Load
	}
	return j
}

// askScripts lets on_handshake refuse a client, or choose a sub-protocol.
func (j *join) askScripts(o *serve.Opening) (protocol string, refused *core.Refusal) {
	if len(j.front.Scripts) == 0 {
		return "", nil
	}
	j.peer = scripts.RequestPeer(j.who.request, o.Dialect, j.who.remote, o.Transport())
	return j.front.Ask(j.peer, j.who.request)
}

// webSocket joins a client, who has been answered, to TO.
func (j *join) webSocket(ctx context.Context, conn *core.Conn, to *upstream) error {
	j.who.protocol, j.who.protocols = conn.Protocol(), nil
	return j.endpoints(ctx, &upstream{Endpoint: conn, conn: conn}, to)
}

// endpoints joins two sides until one of them ends, and says how that went. to is
// nil where a buffer is to open it.
func (j *join) endpoints(ctx context.Context, from, to *upstream) error {
	s := j.open(from, to)
	return s.closed(relay.Join(ctx, s.a, s.b, &s.options))
}

// joined is two sides that are joined.
type joined struct {
	*join
	line     *sessionLine
	from, to *upstream
	a, b     relay.Endpoint
	options  relay.Options
	buffer   *bridge.Buffer // nil: none
	recorded *record.Conn
}

// open prepares a session. What that takes of the stack is free again while the session
// lasts, which may be long.
//
//go:noinline
func (j *join) open(from, to *upstream) joined {
	s := joined{join: j, from: from, to: to, line: &sessionLine{sessionLog: &j.sessions, remote: j.who.remote}}
	s.line.opened(from, to)
	s.line.opens(to)
	s.a = j.side(relay.A, from, to)
	if j.buffer > 0 {
		s.buffer = j.newBuffer(s.line, from, to)
		s.b = j.link.Buffer(relay.B, s.buffer)
	} else {
		s.b = j.side(relay.B, to, from)
	}
	hooks := []relay.Hook{j.link.Hook()}
	if !j.who.accepted && j.o.Idle > 0 { // the server sees to the others
		hooks = append(hooks, idleHook(j.o.Idle, from, to))
	}
	var scripted []relay.Hook
	if len(j.front.Scripts) > 0 {
		session := j.front.Scripts.Session(j.scriptPeer(from, "server"), j.scriptPeer(to, "client"), false)
		j.scripted.Store(session)
		scripted = session.Hooks()
	}
	s.recorded = j.recorder.Open(j.recording(from))
	hooks = append(hooks, s.recorded.Around(scripted, relay.A)...)
	s.options = relay.Options{Hooks: hooks, CloseTimeout: j.o.Reach.CloseTimeout}
	if from.conn == nil { // a closing frame says more than the end of a stream: it is carried over at once
		s.options.LingerA = j.o.Linger
	}
	for _, side := range []*upstream{from, to} {
		if side != nil && side.conn != nil {
			side.conn.ForgetRequest() // which is as long as the connection's memory otherwise
		}
	}
	return s
}

// closed says how a session went, which ended with err.
//
//go:noinline
func (s *joined) closed(err error) error {
	if session := s.scripted.Load(); session != nil {
		session.Closed(err)
	}
	s.recorded.Closed(s.from.conn, err)
	if err = sideNames(err, s.from, s.to); core.OnlyUnanswered(err) {
		err = nil
	}
	return s.line.closed(&s.link, s.buffer, s.from, s.to, err)
}

// recording is how FROM is described in a recording.
func (j *join) recording(from *upstream) recording.Open {
	switch {
	case from.conn == nil:
		return recording.Open{Role: recording.Server, Remote: j.who.remote}
	case !j.who.accepted:
		return record.Opened(from.conn, recording.Client)
	}
	return record.Opened(from.conn, recording.Server)
}

// side is the endpoint of a side, closed as the link says.
func (j *join) side(s relay.Side, of, other *upstream) relay.Endpoint {
	if of.conn == nil {
		return of.Endpoint
	}
	return j.link.Conn(s, of.conn, j.textFor(of, other))
}

// textFor returns how binary messages become text on their way to a side; nil: they
// are not there, or refused.
func (j *join) textFor(to, from *upstream) func(dst, data []byte) []byte {
	if j.binary == nil || to.conn.Dialect() == core.RFC6455 || from != nil && from.conn != nil && from.conn.Dialect() != core.RFC6455 {
		return nil
	}
	return j.binary
}

// newBuffer returns the buffer of --buffer over to, which may be nil.
func (j *join) newBuffer(line *sessionLine, from, to *upstream) *bridge.Buffer {
	endpoint := func(to *upstream) relay.Endpoint {
		if to.conn != nil {
			if as := j.textFor(to, from); as != nil {
				return bridge.Text(to.conn, as)
			}
		}
		return to.Endpoint
	}
	o := bridge.BufferOptions{
		Size: j.buffer, Redeliver: j.o.Redeliver, Retries: bridge.Retries{Most: j.o.Retries}, CloseTimeout: j.o.Reach.CloseTimeout, Note: line.buffer,
		Dial: func(ctx context.Context) (relay.Endpoint, error) {
			to, err := j.openTo(ctx, j.who)
			if err != nil {
				return nil, err
			}
			line.opens(to)
			return endpoint(to), nil
		},
	}
	if to == nil {
		return bridge.NewBuffer(nil, o)
	}
	return bridge.NewBuffer(endpoint(to), o)
}

// scriptPeer is what scripts know of a side; nil where it is no WebSocket.
func (j *join) scriptPeer(of *upstream, role string) *scripts.Peer {
	if of == nil || of.conn == nil {
		return nil
	}
	p := scripts.NewPeer(of.conn, role)
	if role == "server" && j.peer != nil {
		p.ID, p.Remote, p.Transport = j.peer.ID, j.peer.Remote, j.peer.Transport
	}
	return p
}

// errIdle ends a session in which nothing has passed for long.
var errIdle = errors.New("nothing has passed for --idle")

// idleHook ends a session when nothing has passed for so long: no message, and of what is
// a WebSocket not a byte.
func idleHook(idle time.Duration, sides ...*upstream) relay.Hook {
	return relay.HookFunc(func(s *relay.Session, next relay.Sink) (relay.Sink, error) {
		var messages atomic.Uint64
		passed := func() uint64 {
			n := messages.Load()
			for _, side := range sides {
				n += side.read()
			}
			return n
		}
		unread := func() bool { return slices.ContainsFunc(sides, (*upstream).unread) }
		w := silence.New(idle, passed, unread, func() { s.End(errIdle) })
		context.AfterFunc(s.Context(), w.Stop)
		return func(d relay.Direction, m core.Message) error {
			messages.Add(1)
			return next(d, m)
		}, nil
	})
}

// sideNames puts FROM and TO in place of a session's sides. That a side which had
// closed did not take what was still sent to it is no error.
func sideNames(err error, from, to *upstream) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var named []error
		for _, err := range several.Unwrap() {
			named = append(named, sideNames(err, from, to))
		}
		return errors.Join(named...)
	}
	side, ok := err.(*relay.SideError)
	if !ok {
		return relay.NameDirection(err, "from FROM to TO", "from TO to FROM")
	}
	name, of := "FROM", from
	if side.Side == relay.B {
		name, of = "TO", to
	}
	if side.Op != relay.OpReceive && of != nil && of.conn != nil && of.conn.PeerClose() != nil && app.Is[*net.OpError](side) {
		return nil
	}
	return fmt.Errorf("%s: %w", name, side.Err)
}

// sessionLog is what a bridge says of its connections.
type sessionLog struct {
	log    *app.Logger
	held   *front.RefusalLog // who held a place for too long, or too much
	prefix string
	lossy  atomic.Bool // messages were lost, or may have been
}

func (l *sessionLog) init(log *app.Logger, held *front.RefusalLog, name string) {
	l.log, l.held = log, held
	if name != "" {
		l.prefix = name + ": "
	}
}

// sessionLine is what there is to say of one session.
type sessionLine struct {
	*sessionLog
	remote  string
	dropped uint64

	uncertain uint64 // said so far
	again     int    // said of this loss

	to, last *upstream // TO now, and the one before it
	earlier  uint64    // messages that came from those before them
}

// opens says that to is TO now. The one before it is closed, and the one before that is
// received from no more, either.
func (l *sessionLine) opens(to *upstream) {
	l.earlier += l.last.arrived()
	l.last, l.to = l.to, to
}

func (l *sessionLine) opened(from, to *upstream) {
	if l.log.Enabled(slog.LevelInfo) {
		l.log.Infof("%s%s: open, %s to %s", l.prefix, l.remote, spokenBy(from), spokenBy(to))
	}
}

func spokenBy(u *upstream) string {
	switch {
	case u == nil:
		return "what is being opened"
	case u.conn == nil:
		return "messages of a stream"
	}
	return string(u.conn.Dialect())
}

// buffer says what happened to a TO that is opened again when it is lost.
func (l *sessionLine) buffer(e bridge.BufferEvent) {
	if e.Err != nil {
		fate := ""
		if n := e.Stats.Uncertain - l.uncertain; n > 0 {
			fate = fmt.Sprintf("; of %d more it is not known whether they arrived", n)
		} else if e.Again > l.again {
			fate = fmt.Sprintf(", %d of them may have arrived and are sent again", e.Again)
		}
		l.uncertain, l.again = e.Stats.Uncertain, e.Again
		l.log.Warnf("%s%s: TO: %v; opening it again in %v, %d messages waiting%s", l.prefix, l.remote, e.Err, e.Pause.Round(time.Millisecond), e.Waiting, fate)
		return
	}
	dropped := ""
	if n := e.Stats.Dropped - l.dropped; n > 0 {
		dropped = fmt.Sprintf("; %d messages dropped meanwhile, the oldest", n)
	}
	l.dropped, l.again = e.Stats.Dropped, 0
	if e.Stats.Opened > 1 || dropped != "" {
		l.log.Warnf("%s%s: TO is open again, %d messages waiting%s", l.prefix, l.remote, e.Waiting, dropped)
	}
}

// closed says how a session went: why it ended, and then what that has cost. It returns
// err, as one that was said where it was.
func (l *sessionLine) closed(link *bridge.Link, buffer *bridge.Buffer, from, to *upstream, err error) error {
	var kept bridge.BufferStats
	if buffer != nil {
		kept = buffer.Stats()
	}
	session := link.Session()
	losses := l.losses(session, kept, from)
	switch {
	case l.log.Enabled(slog.LevelInfo):
		l.ended(session, buffer, kept, from, to, err)
	case outcome.LimitFlag(err) != "":
		l.held.Add(l.prefix, l.remote, fmt.Errorf("%w%s", err, outcome.Hint(err)))
		err = app.Said(err)
	case err != nil && (len(losses) > 0 || !endedUncleanly(err)):
		l.log.Errorf("%s%s: %v%s", l.prefix, l.remote, err, outcome.Hint(err))
		err = app.Said(err)
	}
	for _, loss := range losses {
		l.log.Errorf("%s%s: %s", l.prefix, l.remote, loss)
	}
	if kept.Lost()+kept.Uncertain == 0 && kept.Again > 0 {
		losses = nil // what came twice is no loss
	}
	if len(losses) > 0 {
		l.lossy.Store(true)
	}
	return err
}

// losses says what became of messages that were not delivered, or may not have been.
func (l *sessionLine) losses(session *relay.Session, kept bridge.BufferStats, from *upstream) (losses []string) {
	if kept.Lost()+kept.Uncertain+kept.Again > 0 {
		again := ""
		if kept.Again > 0 {
			again = fmt.Sprintf("; %d were sent again, and may have arrived twice", kept.Again)
		}
		losses = append(losses, fmt.Sprintf("of %d messages to TO %d were dropped and %d not sent; of %d it is not known whether they arrived%s",
			kept.Sent+kept.Lost()+kept.Uncertain, kept.Dropped, kept.Unsent, kept.Uncertain, again))
	}
	if session != nil {
		losses = append(losses, undelivered(session.Stats(relay.AToB), from.arrived(), "TO")...)
		losses = append(losses, undelivered(session.Stats(relay.BToA), l.earlier+l.last.arrived()+l.to.arrived(), "FROM")...)
	}
	return losses
}

// ended says why a session ended, and how many messages it has carried.
func (l *sessionLine) ended(session *relay.Session, buffer *bridge.Buffer, kept bridge.BufferStats, from, to *upstream, err error) {
	var counts string
	if session != nil {
		to := uint64(session.Stats(relay.AToB).Delivered)
		if buffer != nil {
			to = kept.Sent
		}
		counts = fmt.Sprintf("; %d messages to TO, %d back", to, session.Stats(relay.BToA).Delivered)
	}
	if err == nil {
		err = howEnded(from, to)
	}
	l.log.Infof("%s%s: %v%s%s", l.prefix, l.remote, outcome.End(err), outcome.Hint(err), counts)
}

// undelivered says what one direction of a session has lost of the messages that have
// arrived, see relay.Stats.Lost.
func undelivered(s relay.Stats, arrived uint64, name string) (losses []string) {
	if lost := s.Lost(arrived); lost > 0 {
		losses = append(losses, fmt.Sprintf("%d messages to %s were dropped: it is closed, or did not take them", lost, name))
	}
	if s.NotKnown > 0 {
		losses = append(losses, fmt.Sprintf("of %d messages to %s it is not known whether they arrived", s.NotKnown, name))
	}
	return losses
}

// howEnded is what the side that closed first has said.
func howEnded(from, to *upstream) error {
	for _, side := range []struct {
		name string
		of   *upstream
	}{{"FROM", from}, {"TO", to}} {
		if side.of == nil || side.of.conn == nil {
			continue
		}
		if end := side.of.conn.Ended(); end != nil && end.ByPeer {
			return fmt.Errorf("%s %w", side.name, end)
		}
	}
	return nil
}

// endedUncleanly reports whether err is no more than a peer that went away.
func endedUncleanly(err error) bool { return outcome.Code(err) == app.ExitUnclean }

package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/luaprogram"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/record"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/transports"
)

// loadScripts loads --script and --eval. exit ends the command.
func (s *service) loadScripts(ctx context.Context, through *hooks.Options, exit func(error)) error {
	chain, err := through.NewChain(ctx, s.Env.Env, func(o *scripts.Options) {
		o.Exit = func(err error) { exit(hooks.ExitCause(err)) }
		o.Publish = func(channel string, m core.Message) error { return s.hub.Publish(channel, m) }
		o.Metric = s.metrics.Script
		o.Dial = func(ctx context.Context, url string, o scripts.DialOptions) (*core.Conn, error) {
			return dialForScript(ctx, s.Env, url, o)
		}
		o.Listen = func(ctx context.Context, addr string) (net.Listener, error) {
			return listen.OnGuarded(ctx, s.Env, addr)
		}
		o.Open = func(ctx context.Context, raw string) (net.Conn, error) { return luaprogram.Open(ctx, s.Env, raw) }
	})
	s.Scripts = chain.Set
	return err
}

// dialForScript is ws76.connect.
func dialForScript(ctx context.Context, e *reach.Env, url string, o scripts.DialOptions) (*core.Conn, error) {
	via := o.Via
	if via == "" {
		via = "tcp:"
	}
	t, err := e.OpenGuarded(via, transports.Options{})
	if err != nil {
		return nil, err
	}
	options := core.DialOptions{Dialect: o.Dialect, Header: o.Headers, Dialer: t, Trace: e.Trace("client")}
	if o.Protocol != "" {
		options.Protocols = []string{o.Protocol}
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	return core.Dial(ctx, url, &options)
}

// scriptPeer describes a request for scripts. They keep it, so it is a copy.
func (s *service) scriptPeer(o *serve.Opening, v *visit) (*scripts.Peer, *hixie.Request) {
	r := o.Request.Clone()
	return scripts.RequestPeer(r, o.Dialect, v.remote, v.transport), r
}

// record begins to record a connection; nil without --record.
func (s *service) record(p *scripts.Peer) *record.Conn {
	return s.recorder.Open(recording.Open{
		Role: recording.Server, Dialect: p.Dialect, Remote: p.Remote, Protocol: p.Protocol,
		Request: "GET " + p.Path + " HTTP/1.1", Header: p.Headers,
	})
}

// scripted serves connections on which scripts see the messages, and nothing else
// does but an echo.
type scripted struct {
	s    *service
	echo bool
}

// scriptSeat is what it keeps of a connection.
type scriptSeat struct {
	peer        *scripts.Peer
	record      *record.Conn                    // nil without --record
	session     atomic.Pointer[scripts.Session] // nil until the connection is open
	memberships *memberships

	mu      sync.Mutex // held while through run; by Message until Flush
	sink    relay.Sink
	echoed  []core.Message // let through by through, to be sent back through on_send
	reading bool           // between Message and Flush
	started time.Time      // when that began
}

// Open calls on_open.
func (e scripted) Open(p *serve.Peer) {
	seat := visitOf(p).script
	peer := seat.peer
	peer.Protocol = p.Protocol()
	peer.Stats = func() core.Stats { return p.Stats().Stats }
	peer.Close = p.Close
	seat.record = e.s.record(peer)
	next := func(d relay.Direction, m core.Message) error {
		if d == relay.AToB {
			if !e.echo {
				return nil
			}
			if len(seat.echoed) > 0 || e.s.Scripts.WantsSend() {
				seat.echoed = append(seat.echoed, m)
				return nil
			}
		}
		seat.record.Message(recording.Out, m)
		if seat.reading && !p.ReplyWaits() {
			return p.Reply(m)
		}
		return p.Send(m)
	}
	do := func(f func() error) error {
		seat.mu.Lock()
		defer seat.mu.Unlock()
		err := f()
		return errors.Join(err, seat.sendEchoed())
	}
	bound := make(chan struct{})
	seat.memberships = e.s.newMemberships(func(m core.Message) error {
		<-bound // on_open may have joined before
		seat.mu.Lock()
		defer seat.mu.Unlock()
		if seat.sink == nil {
			return net.ErrClosed
		}
		err := seat.sink(relay.BToA, m)
		if err != nil {
			e.end(p, err)
		}
		return err
	})
	peer.Join, peer.Leave = seat.memberships.join, seat.memberships.leave
	session := e.s.Scripts.Session(peer, nil, false)
	seat.session.Store(session)
	sink, err := session.Bind(next, do, func(err error) { e.end(p, err) })
	seat.mu.Lock()
	seat.sink = sink
	seat.mu.Unlock()
	close(bound)
	if err != nil {
		e.end(p, err)
	}
}

// sendEchoed gives back what hooks have let through. The lock is held.
func (seat *scriptSeat) sendEchoed() error {
	for i := 0; i < len(seat.echoed); i++ {
		if err := seat.sink(relay.BToA, seat.echoed[i]); err != nil {
			return err
		}
	}
	clear(seat.echoed)
	seat.echoed = seat.echoed[:0]
	return nil
}

// end closes a connection that a script has ended, or that does not read.
func (e scripted) end(p *serve.Peer, err error) {
	switch {
	case err == nil, errors.Is(err, relay.ErrStop):
		p.Close(rfc6455.CodeNormal, "")
	case errors.Is(err, serve.ErrFull):
		p.Close(rfc6455.CodePolicyViolation, "reads too slowly")
	case errors.Is(err, core.ErrClosing):
	default:
		e.s.Log.Warnf("%s: %v", visitOf(p).remote, err)
		p.Close(rfc6455.CodeInternalError, "")
	}
}

// Message calls the hooks.
func (e scripted) Message(p *serve.Peer, m core.Message) {
	seat := visitOf(p).script
	if seat.sink == nil {
		return
	}
	// What else a script sends here meanwhile waits for the end of the read, so that
	// it does not come before what leaves then.
	if !seat.reading {
		seat.mu.Lock()
		seat.reading, seat.started = true, time.Now()
	}
	seat.record.Message(recording.In, m)
	err := seat.sink(relay.AToB, m)
	if err == nil && len(seat.echoed) > 0 {
		err = seat.sendEchoed()
	}
	if err != nil {
		e.end(p, err)
	}
}

// Flush ends a read, and notes how long the hooks took for what it brought.
func (e scripted) Flush(p *serve.Peer) {
	seat := visitOf(p).script
	if !seat.reading {
		return
	}
	e.s.metrics.Hook(time.Since(seat.started))
	p.FlushReplies()
	seat.reading = false
	seat.mu.Unlock()
}

// Closed calls on_close.
func (e scripted) Closed(p *serve.Peer, err error) {
	seat := visitOf(p).script
	seat.memberships.close()
	seat.session.Load().Closed(err)
	seat.record.Closed(nil, err)
}

// scriptedHandler joins a connection with an endpoint, with scripts in between.
func (s *service) scriptedHandler(v *visit, open func() (relay.Endpoint, error)) func(context.Context, *core.Conn) error {
	return func(ctx context.Context, conn *core.Conn) error {
		s.enter(conn, v)
		other, err := open()
		if err != nil {
			conn.CloseWith(ctx, rfc6455.CodeTryAgainLater, "no channel now")
			return err
		}
		through, closed := s.scriptHooks(conn, v.script)
		var session *relay.Session
		err = relay.Join(ctx, conn, other, &relay.Options{Hooks: append(through, relay.Note(&session)), Until: ctx})
		if session != nil {
			v.lost.unsent = session.Stats(relay.BToA).Lost(0)
		}
		if end, ok := other.(interface {
			Dropped() uint64
			Queued() int
		}); ok {
			queued := uint64(end.Queued())
			if errors.Is(err, hub.ErrSlow) {
				s.tooSlow(v.remote, queued, "it reads slowly, and was closed")
				queued = 0
			}
			s.tooSlow(v.remote, end.Dropped(), "it reads slowly")
			v.lost.unsent += queued
		}
		return closed(err)
	}
}

// scriptHooks are the scripts as hooks between a connection and what serves it;
// closed is called when the session is over, and returns how.
func (s *service) scriptHooks(conn *core.Conn, seat *scriptSeat) (through []relay.Hook, closed func(error) error) {
	if seat == nil {
		return nil, func(err error) error { return err }
	}
	known := scripts.NewPeer(conn, "server")
	known.ID, known.Remote, known.Transport = seat.peer.ID, seat.peer.Remote, seat.peer.Transport
	session, through, over := s.peerHooks(known)
	seat.session.Store(session)
	recorded := s.record(known)
	return recorded.Around(through, relay.A), func(err error) error {
		err = relay.NameDirection(err, "from the client", "to the client")
		over(err)
		recorded.Closed(conn, err)
		return err
	}
}

// peerHooks are the scripts as hooks between a peer, which is side A, and what serves it. over is called when the session is
// over, with how.
func (s *service) peerHooks(p *scripts.Peer) (session *scripts.Session, through []relay.Hook, over func(error)) {
	var inject func(core.Message) error
	attached, ended := make(chan struct{}), make(chan struct{})
	first := relay.HookFunc(func(rs *relay.Session, next relay.Sink) (relay.Sink, error) {
		inject = func(m core.Message) error {
			return rs.Do(func() error {
				err := next(relay.BToA, m)
				if err != nil {
					rs.End(err)
				}
				return err
			})
		}
		close(attached)
		return func(d relay.Direction, m core.Message) error {
			started := time.Now()
			err := next(d, m)
			s.metrics.Hook(time.Since(started))
			return err
		}, nil
	})
	member := s.newMemberships(func(m core.Message) error {
		select {
		case <-attached: // on_open may have joined before
			return inject(m)
		case <-ended:
			return net.ErrClosed
		}
	})
	p.Join, p.Leave = member.join, member.leave
	session = s.Scripts.Session(p, nil, false)
	return session, append([]relay.Hook{first}, session.Hooks()...), func(err error) {
		close(ended)
		member.close()
		session.Closed(err)
	}
}

// httpDialect is what scripts are told of a client that speaks no WebSocket.
const httpDialect core.Dialect = "http"

// httpHooks are the scripts as hooks of a client of plain HTTP, who is asked for as one of a WebSocket is: on_handshake may refuse.
func (s *service) httpHooks(r *http.Request) (through []relay.Hook, ended func(error), refusal *core.Refusal) {
	if len(s.Scripts) == 0 {
		return nil, nil, nil
	}
	request := &hixie.Request{Method: r.Method, Resource: r.URL.RequestURI(), Proto: r.Proto, Fields: hixie.Fields{{Name: "Host", Value: r.Host}}}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			request.Fields = append(request.Fields, hixie.Field{Name: name, Value: value})
		}
	}
	transport := ""
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		transport = local.Network()
	}
	if r.TLS != nil {
		transport = "tls"
	}
	peer := scripts.RequestPeer(request, httpDialect, s.remoteOf(r), transport)
	if _, refusal = s.Ask(peer, request); refusal != nil {
		return nil, nil, refusal
	}
	var joined atomic.Pointer[relay.Session]
	peer.Stats = func() (stats core.Stats) {
		if rs := joined.Load(); rs != nil {
			in, out := rs.Stats(relay.AToB), rs.Stats(relay.BToA)
			stats.MessagesIn, stats.BytesIn = uint64(in.Received), uint64(in.ReceivedBytes)
			stats.MessagesOut, stats.BytesOut = uint64(out.Delivered), uint64(out.DeliveredBytes)
		}
		return stats
	}
	counted := relay.HookFunc(func(rs *relay.Session, next relay.Sink) (relay.Sink, error) {
		joined.Store(rs)
		return next, nil
	})
	_, through, ended = s.peerHooks(peer)
	return append([]relay.Hook{counted}, through...), ended, nil
}

// memberships are the channels that a script has joined a connection to. What comes on
// them goes through the scripts, on a goroutine for each.
type memberships struct {
	s       *service
	deliver func(core.Message) error

	mu     sync.Mutex
	ends   map[string]*hub.Endpoint
	closed bool
}

func (s *service) newMemberships(deliver func(core.Message) error) *memberships {
	return &memberships{s: s, deliver: deliver}
}

// maxJoins bounds the channels of one connection.
const maxJoins = 1000

func (j *memberships) join(channel string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed:
		return net.ErrClosed
	case j.ends[channel] != nil:
		return nil
	case len(j.ends) >= maxJoins:
		return fmt.Errorf("the connection has joined %d channels, the most there may be", maxJoins)
	}
	end, err := j.s.hub.Endpoint(channel, hub.EndpointOptions{Queue: j.s.settings.Queue, Slow: j.s.slow})
	if err != nil {
		return err
	}
	if j.ends == nil {
		j.ends = make(map[string]*hub.Endpoint)
	}
	j.ends[channel] = end
	j.s.tasks.Go(func() {
		for {
			m, err := end.Receive(context.Background())
			if err != nil || j.deliver(m) != nil {
				end.Close(context.Background())
				j.s.tooSlow(fmt.Sprintf("channel %q", channel), end.Dropped(), "a script that joined it takes too long")
				return
			}
		}
	})
	return nil
}

func (j *memberships) leave(channel string) error {
	j.mu.Lock()
	end := j.ends[channel]
	delete(j.ends, channel)
	j.mu.Unlock()
	if end == nil {
		return fmt.Errorf("the connection is not in channel %q", channel)
	}
	return end.Close(context.Background())
}

func (j *memberships) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	for _, end := range j.ends {
		end.Close(context.Background())
	}
	j.ends = nil
}

// readOnly is a channel for a client that only gets messages: what it sends is
// left out.
type readOnly struct{ *hub.Endpoint }

func (readOnly) Send(context.Context, core.Message) error  { return nil }
func (readOnly) Queue(context.Context, core.Message) error { return nil }

package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/child"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/transports/exec"
)

// sharedChild is --exec-shared: one child for all connections. It stands between two channels of a hub of their own:
// what connections send goes in, and what the child says comes out to each of them. It is the serve.Events of its
// connections, whose data is a sharedSeat.
type sharedChild struct {
	*child.Command
	hub      *hub.Hub
	queue    int
	slow     core.Slow
	in, out  *hub.Endpoint // the child's ends
	stopping chan struct{}
	stopped  chan struct{}
	ctx      context.Context // ends when the child is to have ended
	cut      func()

	lost, notKnown atomic.Uint64 // with children that have ended
}

const (
	toChild   = "in"
	fromChild = "out"
)

// startShared starts the child. Whoever calls it calls stop.
func startShared(c *child.Command, queue int, slow core.Slow, o hub.Options) (*sharedChild, error) {
	h, err := hub.New(&o)
	if err != nil {
		return nil, err
	}
	s := &sharedChild{Command: c, hub: h, queue: queue, slow: slow, stopping: make(chan struct{}), stopped: make(chan struct{})}
	s.ctx, s.cut = context.WithCancel(context.Background())
	if slow == core.CloseSlow {
		slow = core.DropOldest // the child is no connection that could be closed
	}
	if s.in, err = h.Endpoint(toChild, hub.EndpointOptions{Queue: queue, Slow: slow}); err != nil {
		return nil, err
	}
	publish := hub.JoinOptions{Publish: true}
	if s.out, err = h.Endpoint(fromChild, hub.EndpointOptions{WriteOnly: true, JoinOptions: publish}); err != nil {
		return nil, err
	}
	running, err := s.Start(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	go s.run(running)
	return s, nil
}

// Pauses before a child that has ended is started again; after one that has run
// for the longest of them they begin anew.
const (
	restartFirst = 100 * time.Millisecond
	restartMost  = 30 * time.Second
)

// run keeps a child running until stop.
func (s *sharedChild) run(running *exec.Child) {
	defer close(s.stopped)
	pause := restartFirst
	for {
		started := time.Now()
		program := s.Endpoint(running)
		var session *relay.Session
		err := relay.Join(s.ctx, sharedEnd{s.in, s.out}, program, &relay.Options{Hooks: []relay.Hook{relay.Note(&session)}, KeepA: true, Until: s.ctx})
		s.End(s.ctx, running)
		s.say(child.NewLost(session, program, 0))
		if time.Since(started) > restartMost {
			pause = restartFirst
		}
		for running = nil; running == nil; pause = min(2*pause, restartMost) {
			select {
			case <-s.stopping:
				return
			default:
			}
			if err == nil {
				err = errors.New("the program has ended")
			}
			s.Env.Log.Warnf("exec-shared: %v; starting it again in %v", err, pause)
			select {
			case <-time.After(pause):
			case <-s.stopping:
				return
			}
			running, err = s.Start(context.Background(), nil)
		}
	}
}

// say is told what was lost with a child.
func (s *sharedChild) say(lost child.Lost) {
	if lost.ToProgram > 0 {
		s.Env.Log.Warnf("exec-shared: %d messages were not handed to the program, which has ended", lost.ToProgram)
	}
	if lost.ToClient > 0 {
		s.Env.Log.Warnf("exec-shared: %d messages of the program were not sent", lost.ToClient)
	}
	if lost.NotKnown > 0 {
		s.Env.Log.Warnf("exec-shared: of %d messages to the program it is not known whether they arrived", lost.NotKnown)
	}
	s.lost.Add(lost.ToProgram + lost.ToClient)
	s.notKnown.Add(lost.NotKnown)
}

// stop lets the child have what is waiting for it, and ends it: at the latest when ctx ends.
func (s *sharedChild) stop(ctx context.Context) {
	defer s.cut()
	defer context.AfterFunc(ctx, s.cut)()
	close(s.stopping)
	s.in.Close(context.Background())
	<-s.stopped
	s.say(child.Lost{ToProgram: uint64(s.in.Queued())})
	if n := s.in.Dropped(); n > 0 {
		s.Env.Log.Warnf("exec-shared: %d messages to the program were dropped: it reads slowly", n)
	}
	s.out.Close(context.Background())
}

// join returns the two channels as an endpoint for one connection, which gets what the child says and sends to it.
func (s *sharedChild) join() (relay.Endpoint, error) {
	get, err := s.hub.Endpoint(fromChild, hub.EndpointOptions{Queue: s.queue, Slow: s.slow})
	if err != nil {
		return nil, err
	}
	send, err := s.hub.Endpoint(toChild, hub.EndpointOptions{WriteOnly: true, JoinOptions: hub.JoinOptions{Publish: true}})
	if err != nil {
		get.Close(context.Background())
		return nil, err
	}
	return ownedEnd{sharedEnd{get, send}}, nil
}

// ownedEnd closes its channels.
type ownedEnd struct{ sharedEnd }

func (e ownedEnd) Close(ctx context.Context) error {
	return errors.Join(e.in.Close(ctx), e.out.Close(ctx))
}

// Dropped and Queued are those of a hub.Endpoint.
func (e ownedEnd) Dropped() uint64 { return e.in.Dropped() }
func (e ownedEnd) Queued() int     { return e.in.Queued() }

// sharedEnd is what is said on one channel and sent to another.
type sharedEnd struct{ in, out *hub.Endpoint }

func (e sharedEnd) Receive(ctx context.Context) (core.Message, error) {
	m, err := e.in.Receive(ctx)
	if errors.Is(err, net.ErrClosed) {
		return m, io.EOF
	}
	return m, err
}

func (e sharedEnd) Ready() bool                                     { return e.in.Ready() }
func (e sharedEnd) Send(ctx context.Context, m core.Message) error  { return e.out.Send(ctx, m) }
func (e sharedEnd) Queue(ctx context.Context, m core.Message) error { return e.out.Queue(ctx, m) }
func (e sharedEnd) Flush(ctx context.Context) error                 { return e.out.Flush(ctx) }
func (e sharedEnd) Nonblocking() bool                               { return true }
func (e sharedEnd) Close(context.Context) error                     { return nil }

// sharedSeat is a connection's place in the two channels.
type sharedSeat struct{ publish, get *hub.Member }

// Open joins both channels.
func (s *sharedChild) Open(p *serve.Peer) {
	seat := &visitOf(p).shared
	var err error
	if seat.publish, err = s.hub.Join(toChild, nil, hub.JoinOptions{Publish: true}); err == nil {
		seat.get, err = s.hub.Join(fromChild, sharedSubscriber{p}, hub.JoinOptions{})
	}
	if err != nil {
		p.Close(rfc6455.CodeInternalError, "")
	}
}

// Message queues m for the child.
func (s *sharedChild) Message(p *serve.Peer, m core.Message) {
	if seat := &visitOf(p).shared; seat.publish != nil {
		seat.publish.Queue(m)
	}
}

// Flush hands over what one read brought.
func (s *sharedChild) Flush(p *serve.Peer) {
	if seat := &visitOf(p).shared; seat.publish != nil {
		seat.publish.Flush()
	}
}

// Closed leaves both channels.
func (s *sharedChild) Closed(p *serve.Peer, _ error) {
	seat := &visitOf(p).shared
	for _, m := range []*hub.Member{seat.publish, seat.get} {
		if m != nil {
			m.Leave()
		}
	}
	*seat = sharedSeat{}
}

type sharedSubscriber struct{ *serve.Peer }

func (s sharedSubscriber) Deliver(m *core.Shared) { s.SendShared(m) }

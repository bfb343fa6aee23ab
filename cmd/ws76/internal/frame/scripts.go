package frame

import (
	"context"
	"sync"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/scripts"
)

// chain is the chain of scripts of frame encode and decode. Their conn is
// the pipe: on_message sees each message, and conn:send adds one to the output.
type chain struct {
	set     scripts.Set
	session *scripts.Session
	sink    relay.Sink
	ctx     context.Context // ends when a script ends the command

	mu    sync.Mutex // held while messages pass
	flush func() error
}

// newChain returns nil where no flag asks for scripts.
func newChain(ctx context.Context, e *app.Env, o *Options) (*chain, error) {
	ctx, exit := context.WithCancelCause(ctx)
	through, err := o.Hooks.NewChain(ctx, e, func(so *scripts.Options) { so.Exit = func(err error) { exit(hooks.ExitCause(err)) } })
	set := through.Set
	if err != nil || set == nil {
		exit(nil)
		return nil, err
	}
	peer := &scripts.Peer{Dialect: o.Dialect, Transport: "pipe", Remote: "standard input", Role: "client"}
	return &chain{set: set, session: set.Session(peer, nil, false), ctx: ctx}, nil
}

// start sets where messages go that the scripts let pass or make, and what is
// called when one was made outside of a message's way.
func (s *chain) start(out func(core.Message) error, flush func() error) error {
	s.flush = flush
	if err := s.set.Start(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	s.sink, err = s.session.Bind(func(_ relay.Direction, m core.Message) error { return out(m) }, s.alone, nil)
	return err
}

// alone runs f while no message passes.
func (s *chain) alone(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := f(); err != nil {
		return err
	}
	return s.flush()
}

// flushAlone flushes while no message passes.
func (s *chain) flushAlone() error { return s.alone(func() error { return nil }) }

// message takes one message of the input through the scripts.
func (s *chain) message(m core.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sink(relay.AToB, m)
}

// stop ends the scripts: what they have sent is on its way then. It returns err, or why a script has ended the command.
func (s *chain) stop(err error) error {
	s.session.Closed(nil)
	hooks.Stop(s.set, core.DefaultCloseTimeout)
	if s.ctx.Err() != nil && (err == nil || err == relay.ErrStop) {
		return context.Cause(s.ctx)
	}
	return err
}

// scriptSink is a messageSink behind scripts.
type scriptSink struct {
	to      messageSink
	scripts *chain
	meta    format.Meta // of the message that passes
}

func (s *scriptSink) message(m core.Message, meta format.Meta) error {
	s.scripts.mu.Lock()
	defer s.scripts.mu.Unlock()
	s.meta = meta
	return s.scripts.sink(relay.AToB, m)
}

func (s *scriptSink) messages([]byte) (int, error) { return 0, nil }

func (s *scriptSink) flush() error { return s.scripts.flushAlone() }

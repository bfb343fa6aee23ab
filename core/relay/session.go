package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ws76/ws76/core"
)

// Forever, as a linger time, waits until the other side ends by itself.
const Forever time.Duration = -1

// Options of a session. The zero value, like a nil pointer, is ready to use.
type Options struct {
	// Hooks are the chain, first to last.
	Hooks []Hook

	// LingerA is how long the session goes on after a has said io.EOF: until
	// nothing came from b for that long, counted from when b is known to have
	// all that was sent to it. Then b is closed, and what it still
	// sends before it is goes to a. 0 closes b at once, Forever waits until b
	// ends by itself. LingerB is the same with the sides exchanged. Only Join
	// looks at them.
	LingerA, LingerB time.Duration

	// CloseTimeout bounds the end of a session: this long for delivering what
	// was accepted, and as long again for closing the endpoints. 0 is 2 s.
	CloseTimeout time.Duration
	// Until bounds it, too: when Until ends, deliveries and closing are given up. nil:
	// CloseTimeout alone does.
	Until context.Context

	// KeepA and KeepB leave an endpoint open when the session ends, such as a
	// terminal that outlives a connection.
	KeepA, KeepB bool

	// MaxOutbox and MaxOutboxBytes bound, per direction, the messages made by
	// hooks that wait for a side to read; over one of them the session ends
	// with an [OutboxError]. 0 is 1024 messages and 16 MiB.
	MaxOutbox      int
	MaxOutboxBytes int64
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.CloseTimeout <= 0 {
		d.CloseTimeout = 2 * time.Second
	}
	if d.MaxOutbox <= 0 {
		d.MaxOutbox = 1024
	}
	if d.MaxOutboxBytes <= 0 {
		d.MaxOutboxBytes = 16 << 20
	}
	return d
}

// linger returns the time after an io.EOF of side s.
func (o *Options) linger(s Side) time.Duration {
	if s == A {
		return o.LingerA
	}
	return o.LingerB
}

func (o *Options) keep(s Side) bool { return s == A && o.KeepA || s == B && o.KeepB }

// Session is two endpoints with hooks in between. Its methods may be called from
// any goroutine, but Push, Do and Close not from within a hook.
type Session struct {
	o     Options
	ends  [2]end  // by Side
	lanes [2]lane // by Direction

	hooks sync.Mutex // one hook at a time; also the order of all emission
	chain Sink       // nil: no hook has anything to do
	home  Direction  // of the push whose hooks run; nowhere in Attach and Do
	in    []byte     // its data
	start [2]bool    // lanes for which a deliverer is to be started

	ctx    context.Context // ends when the session begins to end
	cancel context.CancelCauseFunc
	sends  context.Context // of deliveries: ends when they are given up
	abort  context.CancelCauseFunc

	drainers sync.WaitGroup // Add only under hooks and while the lane is not sealed
	closers  [2]sync.Once   // by Side

	mu     sync.Mutex
	own    bool // ctx was ended by the session and not from outside
	errs   []error
	failed [2]bool // by Side: errs holds an error of it
}

// nowhere is no direction: what is emitted goes to the outbox either way.
const nowhere Direction = 2

// NewSession joins a and b and attaches the hooks of o, which may be nil. The
// session begins to end when ctx does. Its owner calls Close in any case; after
// an error of NewSession itself there is no session and the endpoints are as
// they were.
func NewSession(ctx context.Context, a, b Endpoint, o *Options) (*Session, error) {
	s := &Session{o: o.withDefaults(), home: nowhere}
	s.ends = [2]end{A: newEnd(a), B: newEnd(b)}
	for d := range s.lanes {
		l := &s.lanes[d]
		l.side = Direction(d).To()
		l.to = &s.ends[l.side]
		l.turn = make(chan struct{}, 1)
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.sends, s.abort = context.WithCancelCause(context.WithoutCancel(ctx))

	s.hooks.Lock()
	err := s.attach()
	start := s.toStart()
	s.hooks.Unlock()
	if err != nil {
		s.cancel(err)
		s.abort(err)
		return nil, err
	}
	s.startDrainers(start)
	return s, nil
}

func (s *Session) attach() error {
	next, any := Sink(s.emit), false
	for i := len(s.o.Hooks) - 1; i >= 0; i-- {
		sink, err := s.o.Hooks[i].Attach(s, next)
		if err != nil {
			return fmt.Errorf("attach hook %d of %d: %w", i+1, len(s.o.Hooks), err)
		}
		if sink != nil {
			next, any = sink, true
		}
	}
	if any {
		s.chain = next
	}
	return nil
}

// Context ends when the session begins to end; [context.Cause] then says why:
// [ErrClosed], [ErrStop], the error that ended it, or the cause of the context
// that the session was made with. An event loop watches it to call Close.
func (s *Session) Context() context.Context { return s.ctx }

// Endpoint returns the endpoint of side.
func (s *Session) Endpoint(side Side) Endpoint { return s.ends[side].Endpoint }

// Stats counts one direction of a session.
type Stats struct {
	Received, ReceivedBytes   int64 // that came from the side, before hooks
	Delivered, DeliveredBytes int64 // that the other side took, those made by hooks among them
	// Dropped are those that the other side did not take, and those made by hooks
	// for a side that was being closed already.
	Dropped int64
	// NotKnown are those that a connection which has ended by now may have read or not,
	// see [core.Fate]; they count neither as delivered nor as dropped. While it lasts,
	// and for other endpoints, what was handed over counts as delivered.
	NotKnown int64
}

// Lost is how many did not get to the other side, where so many have arrived on this one, those
// among them that came once the session was over already. 0: nobody has counted them.
func (s Stats) Lost(arrived uint64) uint64 {
	return uint64(s.Dropped + max(0, int64(arrived)-s.Received))
}

// Stats returns the counters of direction d as they are now.
func (s *Session) Stats(d Direction) Stats {
	l := &s.lanes[d]
	n := Stats{
		Received: l.received.Load(), ReceivedBytes: l.receivedBytes.Load(),
		Delivered: l.delivered.Load(), DeliveredBytes: l.deliveredBytes.Load(),
		Dropped: l.dropped.Load(),
	}
	if l.to.fate == nil {
		return n
	}
	if f := l.to.fate.Fate(); f.Final {
		all := n.Delivered + n.Dropped
		sent := min(int64(f.Sent-min(l.to.before, f.Sent)), all)
		n.Delivered = min(int64(f.Proven-min(l.to.before, f.Proven)), sent)
		n.NotKnown, n.Dropped = sent-n.Delivered, all-sent
	}
	return n
}

// Push hands m, which came from d.From(), to the hooks and delivers what they
// emit in this direction before it returns; it keeps nothing of m.Data. What
// they emit in the other direction is delivered without waiting for it. Pushes
// of one direction go one after the other.
//
// ctx bounds the wait for the turn, which leaves the session as it was, and the
// delivery, which ends it: a message may have been cut. An error of a hook or of
// an endpoint ends the session too; its owner then calls Close.
func (s *Session) Push(ctx context.Context, d Direction, m core.Message) error {
	l := &s.lanes[d]
	if err := l.take(ctx); err != nil {
		return err
	}
	defer l.leave()
	if s.ctx.Err() != nil {
		return s.cause()
	}
	err := s.pass(ctx, l, d, m, nil)
	if err != nil {
		s.fail(err)
	}
	return err
}

// alwaysReady makes pass not flush.
var alwaysReady = end{ready: always{}}

type always struct{}

func (always) Ready() bool { return true }

// Do runs f as if it were a hook: alone, and what it gives to a hook's next is
// delivered in order and without waiting for it. It is how a hook sends a
// message by its own will, from a timer say. It returns what f does, which does
// not end the session, or the session's own error without running f when that
// has ended.
func (s *Session) Do(f func() error) error {
	s.hooks.Lock()
	if s.ctx.Err() != nil {
		s.hooks.Unlock()
		return s.cause()
	}
	err := f()
	start := s.toStart()
	s.hooks.Unlock()
	s.startDrainers(start)
	return err
}

// pass runs the hooks on m and delivers what they emit. The caller has the turn
// of l, the lane of d. It flushes unless src has more at once.
func (s *Session) pass(ctx context.Context, l *lane, d Direction, m core.Message, src *end) error {
	l.received.Add(1)
	l.receivedBytes.Add(int64(len(m.Data)))
	if s.chain == nil {
		if err := l.queue(ctx, m); err != nil {
			return err
		}
		return l.flushUnlessReady(ctx, src)
	}

	s.hooks.Lock()
	s.home, s.in = d, m.Data
	hookErr := s.chain(d, m)
	s.home, s.in = nowhere, nil
	l.empty()
	start := s.toStart()
	s.hooks.Unlock()

	// The other direction first: from here on this one may have to wait.
	s.startDrainers(start)
	err := l.queueTaken(ctx)
	if e := l.queueHome(ctx); e != nil {
		err = e
	}
	if hookErr != nil {
		src = nil
	}
	if e := l.flushUnlessReady(ctx, src); err == nil {
		err = e
	}
	if hookErr == nil {
		return err
	}
	return s.hookError(d, hookErr, err)
}

// flushUnlessReady flushes if src, which may be nil, has nothing more at once.
func (l *lane) flushUnlessReady(ctx context.Context, src *end) error {
	if src != nil && src.isReady() {
		return nil
	}
	return l.flush(ctx)
}

// hookError says what to make of an error that the chain returned for a message
// of direction d, after the delivery of what it had emitted ended with err.
func (s *Session) hookError(d Direction, hookErr, err error) error {
	var full *OutboxError
	switch {
	case errors.As(hookErr, &full):
		hookErr = full // the hook only handed it on
	case !errors.Is(hookErr, ErrStop):
		hookErr = &HookError{Direction: d, Err: hookErr}
	case err != nil:
		return err
	default:
		hookErr = ErrStop
	}
	if err != nil {
		s.note(err)
	}
	return hookErr
}

// emit is the end of the chain. It runs under s.hooks.
func (s *Session) emit(d Direction, m core.Message) error {
	l := &s.lanes[d]
	if d == s.home {
		if len(m.Data) == 0 || len(s.in) > 0 && &m.Data[0] == &s.in[0] {
			l.home.borrow(m)
		} else {
			l.home.copy(m)
		}
		return nil
	}
	start, err := l.put(m, &s.o)
	if err != nil {
		s.fail(err)
		return err
	}
	if start {
		s.drainers.Add(1)
		s.start[d] = true
	}
	return nil
}

// toStart returns and clears the lanes that need a deliverer. The caller holds
// s.hooks.
func (s *Session) toStart() [2]bool {
	start := s.start
	s.start = [2]bool{}
	return start
}

func (s *Session) startDrainers(start [2]bool) {
	for d := range start {
		if !start[d] {
			continue
		}
		l := &s.lanes[d]
		if l.to.nonblocking && l.tryTake() {
			if s.drainOnce(l) {
				l.leave()
				s.drainers.Done()
				continue
			}
			l.leave()
		}
		go s.drain(l)
	}
}

// drain delivers the outbox of l until it is empty.
func (s *Session) drain(l *lane) {
	defer s.drainers.Done()
	for done := false; !done; {
		if l.take(s.sends) != nil {
			s.giveUp(l)
			return
		}
		done = s.drainOnce(l)
		l.leave()
	}
}

// drainOnce delivers what is in the outbox now and reports whether it is empty
// then; if so l.draining is false. The caller has the turn.
func (s *Session) drainOnce(l *lane) (done bool) {
	l.empty()
	err := l.queueTaken(s.sends)
	if e := l.flush(s.sends); err == nil {
		err = e
	}
	if err != nil {
		s.fail(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	done = len(l.out.msgs) == 0
	l.draining = !done
	return done
}

// giveUp drops the outbox of l with an error.
func (s *Session) giveUp(l *lane) {
	l.mu.Lock()
	n := len(l.out.msgs)
	l.dropped.Add(int64(n))
	l.out = batch{}
	l.draining = false
	l.mu.Unlock()
	if n > 0 {
		s.fail(&SideError{Side: l.side, Op: OpSend, Err: errAbandoned})
	}
}

// End makes the session begin to end, as a hook does by returning err; nil is
// [ErrStop]. Its owner then calls Close, as [Join] does. Any goroutine may call
// it, hooks too.
func (s *Session) End(err error) {
	if err == nil {
		err = ErrStop
	}
	s.fail(err)
}

// fail notes err and makes the session end. A hook's ErrStop and the clean close
// of an endpoint are no errors.
func (s *Session) fail(err error) {
	if err != ErrStop && !isClosed(err) {
		s.note(err)
	}
	s.end(err)
}

// end makes the session begin to end; only the first cause counts.
func (s *Session) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() == nil {
		s.own = true
		s.cancel(cause)
	}
}

func (s *Session) cause() error { return context.Cause(s.ctx) }

// note keeps err for the result, once.
func (s *Session) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := err.(type) {
	case *SideError:
		s.failed[e.Side] = true
		if s.noted(err) {
			return
		}
	case *OutboxError:
		if s.noted(err) {
			return
		}
	}
	s.errs = append(s.errs, err)
}

// noted reports whether err, a pointer, is among s.errs. The caller holds s.mu.
func (s *Session) noted(err error) bool {
	for _, e := range s.errs {
		if e == err {
			return true
		}
	}
	return false
}

// result is everything that went wrong.
func (s *Session) result() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) == 1 {
		return s.errs[0]
	}
	return errors.Join(s.errs...)
}

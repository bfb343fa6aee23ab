package relay

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/rfc6455"
)

// Join joins a and b and carries messages both ways until the session ends; then
// it delivers what was accepted, closes both endpoints and returns, with no
// goroutine left. o may be nil.
//
// A side that says io.EOF has ended one direction: see Options.LingerA. A clean
// [core.CloseError] has ended the session. So have [ErrStop] from a hook, any
// error, and the end of ctx; ctx stops the receiving and not the deliveries at
// hand, which have Options.CloseTimeout.
//
// It returns nil after a proper end, and otherwise why it ended: a [SideError],
// [HookError] or [OutboxError], the cause of ctx, or several of them joined.
//
// An endpoint whose Send does not return when its context ends holds up Join;
// the other endpoint is closed in time all the same.
func Join(ctx context.Context, a, b Endpoint, o *Options) error {
	j, err := newPumps(ctx, a, b, o)
	if err != nil {
		return err
	}
	go j.direction(BToA)
	if j.copies() {
		// On this goroutine: a pair of connections has two then, and not three.
		context.AfterFunc(j.ctx, j.watch)
		j.direction(AToB)
	} else {
		go j.direction(AToB)
		j.watch()
	}
	j.finished.Wait()
	return j.err
}

func newPumps(ctx context.Context, a, b Endpoint, o *Options) (*pumps, error) {
	s, err := NewSession(ctx, a, b, o)
	if err != nil {
		opts := o.withDefaults()
		return nil, errors.Join(err, closeBoth(ctx, a, b, &opts))
	}
	j := &pumps{Session: s, outer: ctx, running: 2, outcomes: make(chan outcome)}
	for _, from := range []Side{A, B} {
		if peer := j.ends[from.Other()].stream; peer != nil && j.o.linger(from) > 0 {
			j.intakes[from.Other()] = peer.Intake()
		}
	}
	j.finished.Add(1)
	return j, nil
}

// closeBoth closes the endpoints of a session that never was.
func closeBoth(ctx context.Context, a, b Endpoint, o *Options) error {
	s := &Session{o: *o, ends: [2]end{A: {Endpoint: a}, B: {Endpoint: b}}}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.CloseTimeout)
	defer cancel()
	s.closeEnds(ctx)
	return s.result()
}

// pumps is a session with its pumps.
type pumps struct {
	*Session
	outer    context.Context // that the session was made with
	outcomes chan outcome
	err      error // what Join returns, once finished

	supervised atomic.Bool
	finished   sync.WaitGroup

	// The rest is of whoever supervises.
	running int // pumps

	// After an io.EOF: the other side is given time, then closed gently.
	quiet     *time.Timer   // fires when it is time to look for silence; nil: no lingering
	linger    time.Duration // how much silence
	since     time.Time     // of the io.EOF
	lingering atomic.Bool
	open      Direction       // that is lingered for
	intakes   [2]*core.Intake // by Side, of those that may be lingered for
	heard     atomic.Int64    // nanoseconds from since to its last message
	looked    time.Duration   // from since to the last checkQuiet
	read      atomic.Int64    // bytes of the side lingered for, then

	// A side that is being closed may still send until it is.
	closing [2]bool        // by Side: it is told to close
	gentle  sync.WaitGroup // of closeGently
	grace   *time.Timer    // when to stop listening to that side
}

// outcome is how a pump ended.
type outcome struct {
	d    Direction
	recv error // from Receive; nil: it ended because of err
	err  error
}

// direction carries the messages of d until there are no more, and then looks after
// the session unless somebody does.
func (j *pumps) direction(d Direction) {
	var o outcome
	if j.copies() {
		o = j.copyAll(d)
	} else {
		o = j.pump(d)
	}
	if !j.supervise(&o) {
		j.outcomes <- o
	}
}

// watch has the session looked after once its context has ended.
func (j *pumps) watch() { j.supervise(nil) }

// supervise sees the session, in which o has happened, to its end, unless somebody
// does already.
func (j *pumps) supervise(o *outcome) bool {
	if !j.supervised.CompareAndSwap(false, true) {
		return false
	}
	if o != nil {
		j.over(*o)
	}
	j.err = j.run()
	j.finished.Done()
	return true
}

func (j *pumps) run() error {
	for j.running > 0 && j.ctx.Err() == nil {
		select {
		case o := <-j.outcomes:
			j.over(o)
		case <-after(j.quiet):
			j.checkQuiet()
		case <-after(j.grace):
			j.end(ErrClosed)
		case <-j.ctx.Done():
		}
	}
	for _, t := range []*time.Timer{j.quiet, j.grace} {
		if t != nil {
			t.Stop()
		}
	}
	err := j.shut(context.WithoutCancel(j.outer), func() {
		for j.running > 0 {
			j.over(<-j.outcomes)
		}
		j.gentle.Wait()
	})
	if !j.own {
		if err == nil {
			return context.Cause(j.outer)
		}
		err = errors.Join(context.Cause(j.outer), err)
	}
	return err
}

// after returns the channel of t, which may be nil.
func after(t *time.Timer) <-chan time.Time {
	if t == nil {
		return nil
	}
	return t.C
}

// pump carries the messages of one direction until there are no more.
func (j *pumps) pump(d Direction) outcome {
	l, src := &j.lanes[d], &j.ends[d.From()]
	if src.pumper != nil {
		return j.pumpAll(d, src.pumper)
	}
	for {
		m, err := src.Receive(j.ctx)
		if err != nil {
			return outcome{d: d, recv: err, err: j.flushLane(l)}
		}
		if err := j.carry(l, d, m, src); err != nil {
			return outcome{d: d, err: err}
		}
	}
}

// copies reports whether both sides are connections, with nothing in between.
func (j *pumps) copies() bool {
	return j.chain == nil && j.ends[A].stream != nil && j.ends[B].stream != nil
}

// copyAll is pump between two connections with nothing in between.
func (j *pumps) copyAll(d Direction) outcome {
	l := &j.lanes[d]
	count := func(messages int, bytes int64, sent bool) {
		if sent {
			l.delivered.Add(int64(messages))
			l.deliveredBytes.Add(bytes)
			j.hear(d)
			return
		}
		l.received.Add(int64(messages))
		l.receivedBytes.Add(bytes)
	}
	recv, send := core.CopyCounted(j.ctx, j.sends, l.to.stream, j.ends[d.From()].stream, count)
	if send == nil {
		return outcome{d: d, recv: recv}
	}
	l.dropped.Add(l.received.Load() - l.delivered.Load())
	if l.take(j.sends) != nil {
		return outcome{d: d, recv: recv, err: &SideError{Side: l.side, Op: OpSend, Err: errAbandoned}}
	}
	defer l.leave()
	return outcome{d: d, recv: recv, err: l.fail(j.sends, send)}
}

// pumpAll is pump for an endpoint that is one itself.
func (j *pumps) pumpAll(d Direction, p Pumper) outcome {
	l := &j.lanes[d]
	var failed error
	each := func(m core.Message) error {
		failed = j.carry(l, d, m, &alwaysReady)
		return failed
	}
	wait := func() error {
		if failed == nil {
			failed = j.flushLane(l)
		}
		if failed != nil || !j.ends[d.From()].seeksProof || l.to.prover == nil {
			return failed
		}
		err := l.to.prover.Prove(j.ctx)
		if err != nil && j.ctx.Err() == nil {
			failed = &SideError{Side: l.side, Op: OpSend, Err: err}
		}
		return err
	}
	err := p.Pump(j.ctx, each, wait)
	if failed != nil {
		return outcome{d: d, err: failed}
	}
	return outcome{d: d, recv: err, err: j.flushLane(l)}
}

// carry takes one message of a pump to the other side.
func (j *pumps) carry(l *lane, d Direction, m core.Message, src *end) error {
	if l.take(j.sends) != nil {
		return &SideError{Side: l.side, Op: OpSend, Err: errAbandoned}
	}
	err := j.pass(j.sends, l, d, m, src)
	l.leave()
	j.hear(d)
	return err
}

// hear notes that the pump of d has passed on a message.
func (j *pumps) hear(d Direction) {
	if !j.lingering.Load() {
		return
	}
	j.heard.Store(int64(time.Since(j.since)))
	if peer := j.ends[d.From()].stream; d == j.open && peer != nil {
		j.read.Store(int64(peer.BytesRead()))
	}
}

// flushLane sends what the last messages of a pump have left waiting.
func (j *pumps) flushLane(l *lane) error {
	if err := l.take(j.sends); err != nil {
		return &SideError{Side: l.side, Op: OpSend, Err: errAbandoned}
	}
	defer l.leave()
	return l.flush(j.sends)
}

// over decides what the end of a pump means for the session.
func (j *pumps) over(o outcome) {
	j.running--
	if o.err != nil {
		j.sendOver(o)
	}
	if o.recv == nil {
		return
	}
	from := o.d.From()
	var closed *core.CloseError
	ours := j.closing[from] || j.ctx.Err() != nil
	switch {
	case ours && (isEcho(o.recv) || errors.Is(o.recv, j.cause())):
		j.end(ErrClosed)
	case errors.As(o.recv, &closed) && closed.Clean:
		j.end(ErrClosed)
	case closed == nil && errors.Is(o.recv, io.EOF):
		j.halfClosed(o.d)
	default:
		j.fail(&SideError{Side: from, Op: OpReceive, Err: o.recv})
	}
}

// sendOver handles a pump that could not deliver, or whose hooks had enough.
func (j *pumps) sendOver(o outcome) {
	var side *SideError
	if errors.As(o.err, &side) && isClosed(side.Err) && j.ctx.Err() == nil && j.running > 0 {
		// The destination has closed properly. What it sent before that may
		// still be on its way up from its Receive.
		j.startGrace()
		return
	}
	j.fail(o.err)
}

// halfClosed handles the io.EOF of direction d.
func (j *pumps) halfClosed(d Direction) {
	if j.running == 0 || j.ctx.Err() != nil {
		return
	}
	switch linger := j.o.linger(d.From()); {
	case linger < 0:
	case linger == 0:
		j.closeGently(d)
	default:
		j.linger, j.since, j.open = linger, time.Now(), d.Reverse()
		j.looked = 0
		j.read.Store(j.ends[j.open.From()].bytesIn())
		j.lingering.Store(true)
		j.quiet = time.NewTimer(min(linger, core.LookEvery))
	}
}

// overslept is how much later than asked a timer fires on a machine that is only busy.
const overslept = time.Second

// checkQuiet closes the side that is lingered for if it has been silent long
// enough. While its last message is being delivered it is not silent, nor while it takes
// one of ours or one of its own arrives over a slow line.
func (j *pumps) checkQuiet() {
	now := time.Since(j.since)
	if now-j.looked > j.linger+overslept { // nobody has listened: the process was stopped
		j.heard.Store(int64(now))
	}
	j.looked = now
	l := &j.lanes[j.open]
	if !l.tryTake() {
		j.quiet.Reset(j.linger)
		return
	}
	l.leave()
	peer := &j.ends[j.open.From()]
	last := j.since
	if in := j.intakes[j.open.From()]; in != nil {
		var busy bool
		if last, busy = in.Look(); busy {
			j.quiet.Reset(min(j.linger, core.LookEvery))
			return
		}
	}
	silent := min(time.Since(last), time.Since(j.since)-time.Duration(j.heard.Load()))
	if silent >= j.linger && peer.bytesIn() > j.read.Load() { // part of a message
		j.heard.Store(int64(time.Since(j.since)))
		j.read.Store(peer.bytesIn())
		silent = 0
	}
	if silent < j.linger {
		j.quiet.Reset(j.linger - silent)
		return
	}
	j.closeGently(j.open.Reverse())
}

// closeGently closes the side that direction d leads to while its messages are
// still received, for CloseTimeout at most.
func (j *pumps) closeGently(d Direction) {
	side := d.To()
	if j.o.keep(side) {
		j.end(ErrClosed)
		return
	}
	j.closing[side] = true
	j.startGrace()
	j.gentle.Go(func() {
		ctx, cancel := context.WithTimeout(j.sends, j.o.CloseTimeout)
		defer cancel()
		if err := j.finishLane(ctx, &j.lanes[d]); err != nil {
			j.fail(err)
		}
		if h, ok := j.ends[side].Endpoint.(HalfCloser); ok {
			if err := h.SendClose(ctx, rfc6455.CodeNormal, ""); err != nil && !isClosed(err) {
				j.note(&SideError{Side: side, Op: OpClose, Err: err})
			}
		} else {
			j.closeEnd(ctx, side)
		}
		if j.hasFailed(side) {
			j.end(ErrClosed)
		}
	})
}

// finishLane delivers what is in the outbox of l; what hooks emit to it from now
// on is dropped and counted.
func (j *pumps) finishLane(ctx context.Context, l *lane) error {
	if l.take(ctx) != nil {
		return &SideError{Side: l.side, Op: OpSend, Err: errAbandoned}
	}
	defer l.leave()
	l.seal()
	l.empty()
	if err := l.queueTaken(ctx); err != nil {
		return err
	}
	return l.flush(ctx)
}

// startGrace bounds how long the session waits for the end of a closed side.
func (j *pumps) startGrace() {
	if j.grace == nil {
		j.grace = time.NewTimer(j.o.CloseTimeout)
	}
}

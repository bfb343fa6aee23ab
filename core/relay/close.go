package relay

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"sync"
)

// Close ends the session: no more is taken, what was accepted is delivered, both
// endpoints are closed, and the session's goroutines have ended when it returns.
// The two halves of that take no longer than ctx and Options.CloseTimeout each, and both end with Options.Until.
//
// It returns what went wrong in the session, its end included, and nil if
// nothing did. Further calls return the same.
func (s *Session) Close(ctx context.Context) error {
	return s.shut(ctx, func() {})
}

// shut is Close, after wait has returned.
func (s *Session) shut(ctx context.Context, wait func()) error {
	s.end(ErrClosed)
	if s.o.Until != nil {
		var giveUp context.CancelFunc
		ctx, giveUp = context.WithCancel(ctx)
		defer giveUp()
		defer context.AfterFunc(s.o.Until, giveUp)()
	}
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		wait()
		s.settle()
	}()

	sendCtx, cancel := context.WithTimeout(ctx, s.o.CloseTimeout)
	select {
	case <-settled:
	case <-sendCtx.Done():
		s.abort(errAbandoned)
	}
	cancel()

	closeCtx, cancel := context.WithTimeout(ctx, s.o.CloseTimeout)
	s.closeEnds(closeCtx)
	cancel()
	<-settled
	s.abort(ErrClosed)
	return s.result()
}

// settle returns when nothing is being delivered any more and nothing will be.
func (s *Session) settle() {
	for d := range s.lanes {
		l := &s.lanes[d]
		if l.take(s.sends) != nil {
			continue
		}
		// A push that had the turn is over, and later ones see the end.
		if err := l.flush(s.sends); err != nil {
			s.fail(err)
		}
		l.leave()
	}
	s.hooks.Lock()
	for d := range s.lanes {
		s.lanes[d].seal()
	}
	s.hooks.Unlock()
	s.drainers.Wait()
}

// closeEnds closes both endpoints at the same time.
func (s *Session) closeEnds(ctx context.Context) {
	var wg sync.WaitGroup
	for _, side := range []Side{A, B} {
		wg.Go(func() { s.closeEnd(ctx, side) })
	}
	wg.Wait()
}

// closeEnd closes the endpoint of side, once. An endpoint that has failed before
// is closed without asking what it thinks of that.
func (s *Session) closeEnd(ctx context.Context, side Side) {
	s.closers[side].Do(func() {
		if s.o.keep(side) {
			return
		}
		err := s.ends[side].Close(ctx)
		if err == nil || s.hasFailed(side) || err == io.EOF || isClosed(err) ||
			errors.Is(err, net.ErrClosed) || errors.Is(err, fs.ErrClosed) {
			return
		}
		s.note(&SideError{Side: side, Op: OpClose, Err: err})
	})
}

func (s *Session) hasFailed(side Side) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed[side]
}

package serve

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"syscall"
)

// startLoops starts the event loops and gives them the listeners that they can accept from. It returns the others, and
// how to stop the loops, which waits for them: when work ends they cut what is left.
func (s *Server) startLoops(serving serving, listeners []net.Listener, failed func(error)) (wait func(work context.Context), rest []net.Listener) {
	none := func(context.Context) {}
	// To check a hash takes long, and a loop has other connections to serve meanwhile.
	waits := s.Gate != nil && s.Gate.Users != nil && s.Gate.Users.Waits()
	if t := s.Accept.Trace; s.Loops < 0 || waits || !slices.ContainsFunc(listeners, canLoop) || t != nil && (t.Request != nil || t.Response != nil || t.Frame != nil) {
		return none, listeners
	}
	n := s.Loops
	if n == 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	var loops []*loop
	for range n {
		l, err := newLoop(s, serving)
		if err != nil {
			s.refused(listeners[0].Addr(), fmt.Errorf("event loop: %w; connections are served by goroutines", err))
			break
		}
		loops = append(loops, l)
	}
	accepting := loops
	if s.LongEvents && len(loops) > 0 {
		if front, err := newLoop(s, serving); err != nil {
			s.refused(listeners[0].Addr(), fmt.Errorf("event loop for requests: %w; they share those of connections", err))
		} else {
			front.behind = loops
			accepting = []*loop{front}
			loops = append(slices.Clip(loops), front)
		}
	}
	for _, nl := range listeners {
		if len(loops) == 0 || !s.listenOn(accepting, nl, failed) {
			rest = append(rest, nl)
		}
	}
	s.mu.Lock()
	for _, l := range loops {
		s.loops = append(s.loops, l)
	}
	s.mu.Unlock()
	var running sync.WaitGroup
	for _, l := range loops {
		running.Go(l.run)
	}
	return func(work context.Context) {
		for _, l := range loops {
			l.post(task{do: stopAll})
			cancel := context.AfterFunc(work, func() { l.post(task{do: cutAll, cause: context.Cause(work)}) })
			defer cancel()
		}
		running.Wait()
	}, rest
}

// canLoop reports whether nl is of a kind that event loops accept from.
func canLoop(nl net.Listener) bool {
	_, ok := nl.(syscall.Conn)
	network := nl.Addr().Network()
	return ok && (network == "tcp" || network == "unix")
}

// listenOn makes the loops accept from nl and reports whether they can.
func (s *Server) listenOn(loops []*loop, nl net.Listener, failed func(error)) bool {
	if !canLoop(nl) {
		return false
	}
	for i, l := range loops {
		if err := l.listen(nl, len(loops) > 1, failed); err != nil {
			if i == 0 {
				return false
			}
			s.refused(nl.Addr(), fmt.Errorf("event loop: %w", err))
		}
	}
	if nl.Addr().Network() == "tcp" {
		// The loops have descriptors of their own. As long as this one is open Go's scheduler is woken for each
		// connection, too. (That of a Unix socket would take the file with it.)
		nl.Close()
	}
	return true
}

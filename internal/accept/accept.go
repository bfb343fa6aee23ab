// Package accept takes the connections of a listener, and waits out what passes:
// no descriptors left, no memory, a client that has gone while it waited in line.
package accept

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Ended says that a listener has ended for good.
type Ended struct {
	Addr net.Addr
	Err  error
}

func (e *Ended) Error() string { return fmt.Sprintf("listening on %s: %v", e.Addr, e.Err) }

// Unwrap returns e.Err.
func (e *Ended) Unwrap() error { return e.Err }

// Each calls take with every connection of l, one after the other, until ctx ends,
// and returns nil then. It closes l. What passes is waited out, and notice, which may
// be nil, told of it, at most once a minute. The other errors are *Ended.
func Each(ctx context.Context, l net.Listener, notice func(error), take func(net.Conn)) error {
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	var failing Failing
	for {
		stream, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				stream.Close()
			}
			return nil
		case err == nil:
			failing.Passed()
			take(stream)
			continue
		case !Passes(err):
			return &Ended{l.Addr(), err}
		}
		pause, said := failing.Again(err)
		if said != nil && notice != nil {
			notice(said)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// passing are the errors of accept(2) that are about one connection, or about what others may give back.
var passing = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR, syscall.EPERM,
	syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
}

// Passes reports whether an error of Accept is one that passes.
func Passes(err error) bool {
	for _, errno := range passing {
		if errors.Is(err, errno) {
			return true
		}
	}
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary()
}

// Failing is a run of failures of one listener. Its zero value is ready.
type Failing struct {
	pause time.Duration
	said  time.Time
}

// quiet is how long nothing is said after something was.
const quiet = time.Minute

// Again says how long to wait after err, and, where it is time to say something, what.
func (f *Failing) Again(err error) (pause time.Duration, said error) {
	f.pause = min(max(2*f.pause, 5*time.Millisecond), time.Second)
	if now := time.Now(); f.said.IsZero() || now.Sub(f.said) >= quiet {
		f.said = now
		said = fmt.Errorf("accepting: %w; trying again until it passes", err)
	}
	return f.pause, said
}

// Passed says that a connection was accepted.
func (f *Failing) Passed() { f.pause = 0 }

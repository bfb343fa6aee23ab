package wifly

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/transports"
)

// reopenEvery is how often a listener looks whether a module that is gone is back.
const reopenEvery = time.Second

// A listener waits for connections to the module's own server. The module carries one at a time, so whoever holds the
// token has the line: Accept while it waits, a connection while it is open, and Close at the end.
type listener struct {
	t     *Transport
	m     *Module
	addr  atomic.Value  // an address
	token chan struct{} // capacity 1

	seen  []byte // text of the module that nobody has looked at; the holder's
	dirty bool   // the module must be set up again; the holder's
	gone  bool   // the port has failed and is to be opened again; the holder's

	closing atomic.Bool
	closed  chan struct{} // Close has begun
	done    chan struct{} // and is over
	open    atomic.Bool   // a connection has the token, or is about to
	down    chan struct{} // closed when the port is free again
	err     error         // of that
}

// Listen has the module's own server wait for connections, at the port of Config.LocalPort; addr is ignored. One
// connection is open at a time; the next is accepted when it is closed. A module that is unplugged ends its connection;
// Accept goes on once it is back. The error is a *transports.ListenError.
func (t *Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := t.listen(ctx)
	if err != nil {
		return nil, &transports.ListenError{Transport: scheme, Addr: t.Name, Err: err}
	}
	return l, nil
}

func (t *Transport) listen(ctx context.Context) (net.Listener, error) {
	m, err := t.Module(ctx)
	if err != nil {
		return nil, err
	}
	l := &listener{t: t, m: m, token: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{}), down: make(chan struct{})}
	if err := l.prepare(ctx); err != nil {
		return nil, m.abandon(err)
	}
	m.books.endsBy(func() { l.Close() })
	l.token <- struct{}{}
	return l, nil
}

// prepare goes from command mode to a module that waits for a connection. Clients
// that come before it is set up are turned away.
func (l *listener) prepare(ctx context.Context) error {
	m := l.m
	if err := m.hangUp(ctx); err != nil {
		return err
	}
	if err := m.configure(ctx, true); err != nil {
		return err
	}
	if err := m.hangUp(ctx); err != nil {
		return err
	}
	if err := m.link(ctx); err != nil {
		return err
	}
	ip, err := m.get(ctx, "ip")
	if err != nil {
		return err
	}
	host, have, _ := strings.Cut(ip["ip"], ":")
	if want := strconv.Itoa(l.t.LocalPort); l.t.LocalPort != 0 && want != have { // it takes effect with the next join
		if err := m.change(ctx, "ip localport", want, have); err != nil {
			return err
		}
		if err := m.rejoin(ctx); err != nil {
			return err
		}
		have = want
	}
	l.addr.Store(address(net.JoinHostPort(host, have)))
	l.dirty = false
	return l.wait(ctx)
}

// rejoin has the module leave its network and join it again. If that fails it is told
// to go on trying, as it was in the network before.
func (m *Module) rejoin(ctx context.Context) error {
	m.books.setAway(true)
	if _, err := m.ask(ctx, "leave", nil); err != nil {
		return err
	}
	err := m.join(ctx)
	if err != nil && quietEnd(err) {
		m.command(ctx, "join", nil)
	}
	if err == nil || quietEnd(err) {
		m.books.setAway(false)
	}
	return err
}

// wait leaves command mode. A client may be here already: the announcement is lost then, or came before.
func (l *listener) wait(ctx context.Context) error {
	s, err := l.m.status(ctx)
	if err != nil {
		return err
	}
	before, rest, err := l.m.exit(ctx)
	l.seen = rest
	opening, closing := []byte(l.m.opening), []byte(l.m.closing)
	if s.tcp() == tcpConnected || bytes.Contains(before, opening) && !bytes.Contains(before, closing) {
		l.seen = append(opening, rest...)
	}
	return err
}

// Accept waits for a connection, and before that for the end of the one before.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.token:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	stop := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-l.closed:
			cancel(net.ErrClosed)
		case <-stop:
		}
	}()
	conn, err := l.accept(ctx)
	close(stop)
	<-watched
	if err != nil {
		l.release()
		if isClosed(l.closed) { // whatever the last attempt has met
			return nil, net.ErrClosed
		}
		return nil, err
	}
	l.open.Store(true)
	if isClosed(l.closed) { // Close may not have seen it
		conn.Close()
		return nil, net.ErrClosed
	}
	return conn, nil
}

// release gives the token back, or the port free if the listener is closed.
func (l *listener) release() {
	l.token <- struct{}{}
	l.open.Store(false)
	if isClosed(l.closed) {
		l.shutdown()
	}
}

func (l *listener) accept(ctx context.Context) (net.Conn, error) {
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		if l.dirty {
			if err := l.repair(ctx); err != nil {
				if ctx.Err() != nil {
					return nil, err
				}
				if l.gone {
					pause = reopenEvery
				}
				if err := sleep(ctx, pause); err != nil {
					return nil, err
				}
				continue
			}
		}
		rest, err := l.await(ctx)
		if l.unplugged(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if l.dirty {
			continue
		}
		m := l.m
		m.line.stream(m.newFilter(), rest)
		c := newConn(m, l.addr.Load().(address), address(l.t.Name))
		c.flow, c.finish = l.t.Flow, l.finish
		m.books.setOpen(true)
		m.books.endsBy(func() { l.Close(); c.Close() })
		c.patience = guard // else the next client may be here by the time the dialogue begins
		return c, nil
	}
}

// await waits until the module announces a connection, and returns the first bytes of its stream.
func (l *listener) await(ctx context.Context) (rest []byte, err error) {
	got := l.seen
	l.seen = nil
	for {
		if _, rest, ok := bytes.Cut(got, []byte(l.m.opening)); ok {
			return rest, nil
		}
		if bytes.Contains(got, ready) {
			l.rebooted()
			return nil, nil
		}
		if extra := len(got) - restSize; extra > 0 {
			got = append(got[:0], got[extra:]...)
		}
		wait := time.Minute
		if unannounced(got) {
			wait = announceWait
		}
		n := len(got)
		if got, err = l.m.receive(ctx, got, wait); err != nil {
			return nil, err
		}
		if len(got) > n || wait == time.Minute {
			continue
		}
		stream, open, err := l.m.adopt(ctx, got)
		if err != nil || open {
			l.dirty = err != nil && !errors.Is(err, ErrUnplugged)
			if l.dirty {
				err = nil
			}
			return stream, err
		}
		got = nil
	}
}

// announceWait is how long a client may have been sending before it is asked for that was not announced.
const announceWait = 500 * time.Millisecond

// unannounced reports whether a module that waits for a client says what may come from one, and not from itself.
func unannounced(got []byte) bool {
	for _, word := range ownWords {
		if bytes.Contains(got, word) {
			return false
		}
	}
	return len(bytes.TrimSpace(got)) > 0
}

// adopt finds out whether got is the beginning of a stream whose announcement was lost,
// and returns what has come of it until then.
func (m *Module) adopt(ctx context.Context, got []byte) (stream []byte, open bool, err error) {
	m.said = m.said[:0]
	if err := m.sync(ctx, syncRounds); err != nil {
		return nil, false, err
	}
	before, _, _ := bytes.Cut(m.said, []byte("CMD\r\n"))
	stream = append(got, before...)
	s, err := m.status(ctx)
	if err != nil {
		return nil, false, err
	}
	_, rest, err := m.exit(ctx)
	return append(stream, rest...), s.tcp() == tcpConnected, err
}

// rebooted says that what was set in the module is gone.
func (l *listener) rebooted() {
	l.dirty = true
	l.m.forgot()
}

// unplugged notes whether err means that the port has failed.
func (l *listener) unplugged(err error) bool {
	if !errors.Is(err, ErrUnplugged) {
		return false
	}
	l.dirty, l.gone, l.m.old = true, true, nil
	return true
}

// repair sets up a module that rebooted, lost its way or was unplugged.
func (l *listener) repair(ctx context.Context) error {
	var err error
	if l.gone {
		err = l.reopen(ctx)
	} else {
		err = l.m.sync(ctx, syncRounds)
	}
	if err == nil {
		err = l.prepare(ctx)
	}
	l.unplugged(err)
	return err
}

// reopen opens the port again, where it is back. The name of it stays held.
func (l *listener) reopen(ctx context.Context) error {
	l.m.line.close()
	m, err := l.t.find(ctx, l.m.books)
	if err != nil {
		return err
	}
	m.unlock, l.m.unlock = l.m.unlock, nil
	l.m, l.gone = m, false
	return nil
}

// finish ends a connection of the listener and gives the token back.
func (l *listener) finish(gone error, rest []byte) error {
	var err error
	switch {
	case gone == errClosed: // the module waits for the next one already
		l.m.books.setOpen(false)
		l.seen = rest
	case gone == ErrRebooted:
		l.rebooted()
	case gone != nil:
		l.dirty = true
	default:
		err = l.m.bounded(l.hangUp)
		l.dirty = err != nil
	}
	l.release()
	return err
}

// hangUp ends the connection and waits for the next.
func (l *listener) hangUp(ctx context.Context) error {
	m := l.m
	m.said = m.said[:0]
	if err := m.sync(ctx, 2); err != nil {
		return err
	}
	if err := m.remembers(ctx); err != nil {
		return err
	}
	s, err := m.status(ctx)
	if err != nil {
		return err
	}
	// Where the peer has ended it meanwhile, what there is now is the next.
	if half := m.closing[len(m.closing)/2:]; !bytes.Contains(m.said, []byte(half)) {
		if err := m.end(ctx, s); err != nil {
			return err
		}
	}
	return l.wait(ctx)
}

// shutdown puts the module's settings back and gives the port free, unless somebody has the token: he does it then.
func (l *listener) shutdown() {
	select {
	case <-l.token:
	default:
		return
	}
	if l.gone {
		l.m.closePort()
	} else {
		l.err = errors.Join(l.m.bounded(l.m.leave), l.m.closePort())
	}
	close(l.down)
}

// Close ends a waiting Accept and puts the module's settings back. A connection that was accepted stays; the module is
// given free when that is closed. An error is told by each call.
func (l *listener) Close() error {
	if !l.closing.CompareAndSwap(false, true) {
		if <-l.done; l.err != nil {
			return l.err
		}
		return net.ErrClosed
	}
	defer close(l.done)
	close(l.closed)
	l.shutdown()
	if l.open.Load() {
		return nil
	}
	<-l.down
	return l.err
}

// Addr is that of the module in its network.
func (l *listener) Addr() net.Addr { return l.addr.Load().(address) }

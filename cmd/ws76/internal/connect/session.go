package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/bridge"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/record"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/scripts"
)

// pipe is one run of connect: the terminal joined to a connection, and to the next one where --reconnect says so.
type pipe struct {
	*reach.Env
	scripts   scripts.Set
	plugins   hooks.Chain                     // with those that have a word in dialling
	scripted  atomic.Pointer[scripts.Session] // the session at hand
	unsent    int                             // that scripts have held back until the end
	recorder  *record.Recorder                // nil without --record
	dialer    *reach.Dialer
	rules     *rules
	terminal  *terminal
	reconnect bool
	retries   bridge.Retries
	lossy     bool // a connection was lost that may have taken messages with it
	lossyNow  bool // the last one
	stats     *stats
}

// runUntil is run, except that it does not wait for ever after the end of ctx: a
// write to a pipe that nobody reads cannot be ended, and is left behind.
func (p *pipe) runUntil(ctx context.Context) error {
	result := make(chan error, 1)
	go func() { result <- p.run(ctx) }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-result:
		return err
	case <-time.After(3 * p.dialer.Options.CloseTimeout): // a session takes two, see relay.Options
		return context.Cause(ctx)
	}
}

func (p *pipe) run(ctx context.Context) error {
	for {
		p.lossyNow = false
		err := p.session(ctx)
		if err == nil || !p.reconnect || ctx.Err() != nil || p.rules.done || !retryable(err) {
			if err == errPeerClosed || err == errClosedHere {
				err = nil
			}
			if err == nil && p.unsent > 0 {
				err = fmt.Errorf("%d messages were not sent: a script or plugin held them back until the connection ended", p.unsent)
			}
			return err
		}
		p.lossy = p.lossy || p.lossyNow
		pause, gaveUp := p.retries.Failed(err)
		if gaveUp != nil {
			return app.WithCode(app.ExitConnect, gaveUp)
		}
		p.Log.Warnf("%v; connecting again in %v", err, pause.Round(time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		p.terminal.rewind()
	}
}

// Clean ends that --reconnect mends too: one that the peer chose, and /close. And /quit, while there is no connection.
var (
	errPeerClosed = errors.New("the peer closed the connection")
	errClosedHere = errors.New("the connection is closed")
	errQuit       = errors.New("left by /quit")
)

// retryable reports whether a new connection may mend err. What was sent on one whose peer
// has not read it, after all that there was to send, is gone.
func retryable(err error) bool {
	return err == errPeerClosed || err == errClosedHere || !errors.Is(err, outcome.ErrUnread) && outcome.Retryable(err)
}

// dial connects to where the plugins say.
func (p *pipe) dial(ctx context.Context) (*core.Conn, error) {
	d := p.dialer
	if len(p.plugins.Connect) > 0 {
		asking, cancel := ctx, context.CancelFunc(func() {})
		if d.Timeout > 0 {
			asking, cancel = context.WithTimeoutCause(ctx, d.Timeout, d.Late())
		}
		url, err := p.plugins.DialURL(asking, d.URL)
		cancel()
		if err != nil {
			return nil, err
		}
		if d, err = d.Redirected(url); err != nil {
			return nil, err
		}
		if err := d.DropSecrets(p.Env, p.dialer.Target); err != nil {
			return nil, err
		}
	}
	return d.Dial(ctx)
}

// session connects once and carries messages until that connection ends.
func (p *pipe) session(ctx context.Context) error {
	dialed := time.Now()
	conn, err := p.dial(ctx)
	if err != nil {
		return err
	}
	p.retries.Opened()
	protocol := ""
	if conn.Protocol() != "" {
		protocol = fmt.Sprintf(", sub-protocol %q", conn.Protocol())
	}
	defer p.rules.beating.Wait() // the session is over by then
	if err := p.terminal.start(); err != nil {
		conn.Close(ctx)
		return err
	}
	p.Log.Infof("connected to %s: %s%s", conn.RemoteAddr(), conn.Dialect(), protocol)
	if p.stats != nil {
		p.stats.opened(time.Since(dialed))
	}
	set, through := p.scripts, []relay.Hook(nil)
	if t := p.terminal.console; t != nil {
		set = t.scripts(set)
		through = append(through, t.hook(conn, len(set)-len(p.scripts)))
	}
	through = append(through, p.rules.hook(conn), p.terminal.hook(conn))
	scripted := set.Session(nil, scripts.NewPeer(conn, "client"), true)
	p.scripted.Store(scripted)
	open := record.Opened(conn, recording.Client)
	open.URL = p.dialer.URL
	recorded := p.recorder.Open(open)
	var session *relay.Session
	through = append(through, relay.Note(&session))
	// The scripts come first: what they drop does not count as received.
	err = relay.Join(ctx, p.terminal, conn, &relay.Options{
		Hooks: recorded.Around(append(scripted.Hooks(), through...), relay.B), LingerA: p.terminal.linger, KeepA: true, CloseTimeout: p.dialer.Options.CloseTimeout,
	})
	scripted.Closed(err)
	p.unsent += scripted.Unsent()
	p.terminal.detach(err)
	recorded.Closed(conn, err)
	if p.stats != nil {
		p.stats.total.Add(conn.Stats())
	}
	if session != nil {
		p.undelivered(session.Stats(relay.AToB), conn, err)
	}
	return p.terminal.badInput(p.ended(conn, err))
}

// undelivered says what became of messages that the peer may not have read. Where it has
// only not answered the closing frame that is said by itself.
func (p *pipe) undelivered(s relay.Stats, conn *core.Conn, err error) {
	if n := s.Dropped + int64(p.terminal.unsent()); n > 0 {
		p.lossyNow = true
		p.Log.Errorf("%d messages were not sent: the connection ended before", n)
	}
	if s.NotKnown > 0 && (conn.Fate().Unread || err != nil && !core.OnlyUnanswered(err)) {
		p.lossyNow = true
		p.Log.Errorf("of %d messages it is not known whether they arrived", s.NotKnown)
	}
}

// left says how much of the standard input, which is closed, was read and will not be sent. err is how connect ends.
func (p *pipe) left(err error) {
	switch n := p.terminal.Left(); {
	case n == 0:
	case p.rules.done, app.ReaderGone(err): // nobody has asked for more
		p.Log.Infof("%d messages of standard input were read and not sent", n)
	default:
		p.lossy = true
		p.Log.Errorf("%d messages of standard input were read and not sent", n)
	}
}

// ended says what the end of a session means.
func (p *pipe) ended(conn *core.Conn, err error) error {
	var ce *core.CloseError
	if _, end := conn.Receive(context.Background()); errors.As(end, &ce) {
		p.Log.Infof("%v", ce)
	}
	closedHere := p.terminal.closedHere()
	if unread := outcome.Unread(conn, err); unread != nil && !p.rules.done {
		return unread
	}
	switch {
	case err == nil && ce != nil && ce.ByPeer && complains(ce.Code):
		return app.WithCode(app.ExitUnclean, fmt.Errorf("the peer %w", ce))
	case err == nil && closedHere:
		return errClosedHere
	case err == nil && ce != nil && ce.ByPeer && !p.terminal.ended():
		return errPeerClosed
	case err != nil && core.OnlyUnanswered(err):
		received := "; its system has everything before it"
		if conn.Fate().Unread {
			received = ""
		}
		p.Log.Warnf("the peer did not answer the closing frame%s", received)
		if closedHere {
			return errClosedHere
		}
		return nil
	case p.rules.done && core.OnlyClose(err, func(ce *core.CloseError) bool { return !ce.ByPeer && errors.Is(ce.Err, io.ErrUnexpectedEOF) }):
		// Cut off is what came after the last message that was asked for.
		p.Log.Warnf("the peer did not answer the closing frame")
		return nil
	case err != nil && p.scripted.Load().Closing() && core.OnlyClose(err, func(ce *core.CloseError) bool { return errors.Is(ce.Err, core.ErrNoClosingFrame) }):
		// Faster than the closing frame that a script has asked for.
		p.Log.Infof("the peer closed the stream before our closing frame")
		return nil
	}
	return plainly(err)
}

// complains reports whether a peer's close code of RFC 6455, section 7.4.1 says that something went wrong. What
// applications mean by theirs, from 3000 on, is not known here.
func complains(code int) bool {
	return code > rfc6455.CodeGoingAway && code < 3000 && code != rfc6455.CodeNoStatus
}

// plainly puts the names of the streams in place of a session's sides. Beside
// another error it is no news that the closing frame was not answered.
func plainly(err error) error {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var all error
		for _, err := range several.Unwrap() {
			switch err := plainly(err); {
			case core.OnlyUnanswered(err), all != nil && errors.Is(all, err): // no news
			case all == nil:
				all = err
			default:
				all = fmt.Errorf("%w; %w", all, err)
			}
		}
		return all
	}
	side, ok := err.(*relay.SideError)
	switch {
	case !ok:
		return relay.NameDirection(err, "to the server", "from the server")
	case side.Side == relay.B:
		return side.Err
	case side.Op == relay.OpReceive:
		return fmt.Errorf("standard input: %w", side.Err)
	}
	return fmt.Errorf("standard output: %w", side.Err)
}

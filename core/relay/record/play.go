package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/recording"
	"github.com/ws76/ws76/core/rfc6455"
)

// Playback says how one connection of a recording is played.
type Playback struct {
	// Open opens the recording at its start. It is called twice.
	Open func() (io.ReadCloser, error)
	// MaxMessage bounds a message of the recording in bytes. 0: recording.DefaultMaxMessage.
	MaxMessage int64
	Conn       int
	// Side is the one that is played. The other is that of the peer.
	Side recording.Side
	// Speed is how many times as fast as recorded; 0 is without pauses.
	Speed float64
	// Linger is how long the peer has to be silent at the end, without Check.
	Linger time.Duration

	// Check compares what the peer sends with the recording, and sends a message
	// only when what came before it in the recording has come now.
	Check bool
	// Wait is how much later than in the recording a message may come, with Check.
	Wait time.Duration

	// Received is called with each message of the peer, from a goroutine of Play's.
	Received func(core.Message) error
}

// Played counts the messages of a playback.
type Played struct{ Sent, Received int } // by us, by the peer

// Difference is how a peer differs from a recording.
type Difference struct {
	Side   recording.Side // of the peer
	Number int            // of its message, from 1
	Line   int            // of the recording; 0 for one that is not in it
	Want   *core.Message  // nil for one that is not in the recording
	Got    *core.Message  // nil for one that has not come
	Reason string         // why it has not come
}

func (d *Difference) Error() string {
	switch {
	case d.Want == nil:
		return fmt.Sprintf("message %d of the %s is not in the recording:\n  got  %s", d.Number, d.Side, excerpt(*d.Got, 0))
	case d.Got == nil:
		return fmt.Sprintf("message %d of the %s, line %d of the recording, did not come: %s\n  want %s", d.Number, d.Side, d.Line, d.Reason, excerpt(*d.Want, 0))
	}
	at := 0
	for at < len(d.Want.Data) && at < len(d.Got.Data) && d.Want.Data[at] == d.Got.Data[at] {
		at++
	}
	return fmt.Sprintf("message %d of the %s, line %d of the recording, differs at byte %d:\n  want %s\n  got  %s",
		d.Number, d.Side, d.Line, at, excerpt(*d.Want, at), excerpt(*d.Got, at))
}

// excerpt shows the kind of a message, and its bytes around at.
func excerpt(m core.Message, at int) string {
	const around = 32
	from, to := max(at-around, 0), min(at+around, len(m.Data))
	before, after := "", ""
	if from > 0 {
		before = "…"
	}
	if to < len(m.Data) {
		after = fmt.Sprintf("… (%d bytes)", len(m.Data))
	}
	return fmt.Sprintf("%s %s%q%s", m.Kind, before, m.Data[from:to], after)
}

// player is one run of a Playback.
type player struct {
	*Playback
	conn     *core.Conn
	received atomic.Int64
	news     chan struct{} // something was received
	ended    chan struct{} // nothing is received any more; err then says why
	err      error
	wanted   *source
	intake   *core.Intake
}

// Play plays the recording to conn, and closes it. Errors: a *Difference, a
// *recording.SyntaxError, what conn or Received returns, or ctx's cause.
func (p *Playback) Play(ctx context.Context, conn *core.Conn) (Played, error) {
	mine, err := p.Open()
	if err != nil {
		return Played{}, err
	}
	defer mine.Close()
	theirs, err := p.Open()
	if err != nil {
		return Played{}, err
	}
	defer theirs.Close()
	r := &player{
		Playback: p, conn: conn, news: make(chan struct{}, 1), ended: make(chan struct{}),
		wanted: newSource(theirs, p.MaxMessage, p.Conn), intake: conn.Intake(),
	}
	receiving, stop := context.WithCancel(ctx)
	go r.receive(receiving)
	sent, err := r.send(ctx, newSource(mine, p.MaxMessage, p.Conn))
	if err == nil {
		conn.SendClose(ctx, rfc6455.CodeNormal, "") // Close itself would drop what still comes
	} else {
		stop()
	}
	<-r.ended
	stop()
	closed := conn.Close(ctx)
	return Played{sent, int(r.received.Load())}, r.result(ctx, err, closed)
}

// result is what went wrong first.
func (r *player) result(ctx context.Context, sending, closed error) error {
	var late *lateError
	switch missing := errors.As(sending, &late); {
	case r.err != nil:
		return r.err
	case missing:
		if err := r.missing(late.Error()); err != nil {
			return err
		}
		return sending // it has come since
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.Check:
		ended := "the connection ended"
		if end := r.conn.Ended(); end != nil && !end.Clean && !end.Unanswered {
			ended = end.Error()
		}
		if err := r.missing(ended); err != nil {
			return err
		}
	}
	var ce *core.CloseError
	if errors.As(closed, &ce) && ce.Unanswered && !r.conn.Fate().Unread {
		closed = nil // as is usual with servers of the drafts
	}
	if closed != nil && (sending == nil || sending == ErrEnded) {
		return closed
	}
	return sending
}

// missing returns the Difference of the next message that is wanted, nil if there
// is none.
func (r *player) missing(reason string) error {
	e, err := r.wanted.from(r.Side.Other())
	if err == io.EOF {
		return nil
	} else if err != nil {
		return err
	}
	return &Difference{Side: r.Side.Other(), Number: int(r.received.Load()) + 1, Line: r.wanted.Line(), Want: &e.Message, Reason: reason}
}

// receive takes what the peer sends until the connection ends.
func (r *player) receive(ctx context.Context) {
	defer close(r.ended)
	for {
		m, err := r.conn.Receive(ctx)
		if err != nil {
			return // the connection says how it ended
		}
		if r.Check {
			err = r.compare(m)
		}
		if err == nil && r.Received != nil {
			err = r.Received(m)
		}
		if err != nil {
			r.err = err
			return
		}
		r.received.Add(1)
		select {
		case r.news <- struct{}{}:
		default:
		}
	}
}

// compare holds a message against the next one in the recording.
func (r *player) compare(got core.Message) error {
	e, err := r.wanted.from(r.Side.Other())
	if err != nil && err != io.EOF {
		return err
	}
	if err == nil && e.Message.Kind == got.Kind && bytes.Equal(e.Message.Data, got.Data) {
		return nil
	}
	d := &Difference{Side: r.Side.Other(), Number: int(r.received.Load()) + 1, Got: &core.Message{Kind: got.Kind, Data: bytes.Clone(got.Data)}}
	if err == nil {
		d.Want, d.Line = &e.Message, r.wanted.Line()
	}
	return d
}

// ErrEnded says that the peer closed the connection properly, and too early.
var ErrEnded = errors.New("the peer closed the connection before all was sent")

// lateError says how long a message was waited for.
type lateError struct{ after time.Duration }

func (e *lateError) Error() string { return fmt.Sprintf("it was waited for %v", e.after) }

// send sends one side of the recording, and waits at its end as the other one is
// to have its say.
func (r *player) send(ctx context.Context, from *source) (sent int, err error) {
	var (
		start    = time.Now()
		first    = time.Duration(-1) // of the entries
		last     time.Duration       // of what was sent
		end      time.Duration
		expected int64 // of the peer's, up to here
	)
	for {
		e, by, err := from.next()
		if err == io.EOF {
			break
		} else if err != nil {
			return sent, err
		}
		if first < 0 {
			first, last = e.T, e.T
		}
		end = e.T
		if e.Event == recording.Closed {
			break
		}
		if by == r.Side.Other() {
			expected++
		}
		if by != r.Side {
			continue
		}
		if err := r.await(ctx, expected, e.T-last+r.Wait); err != nil {
			return sent, err
		}
		if err := r.pause(ctx, start, e.T-first); err != nil {
			return sent, err
		}
		if err := r.conn.Send(ctx, e.Message); err != nil {
			return sent, fmt.Errorf("sending line %d of the recording: %w", from.Line(), err)
		}
		sent++
		last = e.T
	}
	if err := r.pause(ctx, start, end-first); err != nil {
		return sent, ignoreEnd(err)
	}
	if r.Check {
		return sent, ignoreEnd(r.await(ctx, expected, end-last+r.Wait))
	}
	return sent, ignoreEnd(r.linger(ctx))
}

// ignoreEnd: once all is sent the peer may close.
func ignoreEnd(err error) error {
	if err == ErrEnded {
		return nil
	}
	return err
}

// pause waits until it is time for what was recorded so long behind the start.
func (r *player) pause(ctx context.Context, start time.Time, behind time.Duration) error {
	if r.Speed == 0 {
		behind = 0
	} else {
		behind = time.Duration(float64(behind) / r.Speed)
	}
	timer := time.NewTimer(time.Until(start.Add(behind)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.ended:
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// await waits until so many messages were received; only with Check.
func (r *player) await(ctx context.Context, count int64, most time.Duration) error {
	if !r.Check {
		return nil
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	for r.received.Load() < count {
		select {
		case <-r.news:
		case <-timer.C:
			return &lateError{most}
		case <-r.ended:
			if r.received.Load() >= count {
				return nil
			}
			return ErrEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// linger waits until the peer has all that was sent to it, and is silent then.
func (r *player) linger(ctx context.Context) error {
	for {
		wait := r.Linger
		_, busy := r.intake.Look()
		if busy {
			wait = min(wait, core.LookEvery)
		}
		timer := time.NewTimer(wait)
		select {
		case <-r.news:
			timer.Stop()
		case <-timer.C:
			if !busy {
				return nil
			}
		case <-r.ended:
			timer.Stop()
			return ErrEnded
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
)

const (
	// maxPublished bounds the messages that a stream has not acknowledged.
	maxPublished = 256
	// unclaimedFor is how long there may be no stream for a subject, as while a cluster chooses who leads one, before
	// its message is lost; unavailableFor the same of a stream that is there and says that it can't now.
	unclaimedFor   = 2 * time.Second
	unavailableFor = 10 * time.Second

	storeFailed jetstream.ErrorCode = 10077 // as of a stream that is full
)

// publisher publishes to streams. What they have not acknowledged is published again, under
// the same id, by which they know what they have.
type publisher struct {
	e      *Endpoint
	js     jetstream.JetStream
	prefix string // of the ids
	last   uint64 // id

	window []*published // whoever holds e.sending has it
}

// published is a message that is on its way to a stream.
type published struct {
	msg   *nats.Msg
	since time.Time
	ack   jetstream.PubAckFuture // nil: it was not published
	err   error                  // why not
}

// openPublisher finds out whether there is a stream for what the URL publishes on.
func (e *Endpoint) openPublisher(ctx context.Context, js jetstream.JetStream) error {
	e.publisher = &publisher{e: e, js: js, prefix: nuid.Next() + "-"}
	if e.t.subject == "" {
		return nil
	}
	_, err := js.StreamNameBySubject(ctx, e.t.subject)
	if errors.Is(context.Cause(ctx), errViolation) {
		return nil // nobody who publishes needs to be allowed to ask
	}
	doing := "publishing on " + strconv.Quote(e.t.subject) + " at " + e.t.String()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return &broker.RefusedError{Doing: doing, Got: "no stream takes that subject", Hint: "make one with `nats stream add`, or leave out jetstream=1"}
	}
	return e.refuse(ctx, doing, err)
}

// queue publishes msg. The caller holds e.sending.
func (p *publisher) queue(ctx context.Context, msg *nats.Msg) error {
	if len(p.window) >= maxPublished {
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	p.last++
	msg.Header = nats.Header{jetstream.MsgIDHeader: {p.prefix + strconv.FormatUint(p.last, 36)}}
	m := &published{msg: msg, since: time.Now()}
	p.send(m)
	if m.err != nil && p.lost(m) {
		return nil
	}
	p.e.mu.Lock()
	p.e.stats.Sent++
	p.e.mu.Unlock()
	p.keep(append(p.window, m))
	return nil
}

// keep makes window the window.
func (p *publisher) keep(window []*published) {
	p.window = window
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	p.e.unacknowledged = len(window)
}

func (p *publisher) send(m *published) {
	m.ack, m.err = p.js.PublishMsgAsync(m.msg, jetstream.WithRetryAttempts(0))
}

// settle returns when the streams have acknowledged the window, or refused what is in it. The caller holds e.sending.
func (p *publisher) settle(ctx context.Context) error {
	var wait broker.Backoff
	for {
		p.e.mu.Lock()
		changed := p.e.changed.Next()
		p.e.mu.Unlock()
		var left []*published
		for i, m := range p.window {
			if err := p.await(ctx, m); err != nil {
				p.keep(append(left, p.window[i:]...))
				return err
			}
			if m.err != nil && !p.lost(m) {
				left = append(left, m)
			}
		}
		if p.keep(left); len(left) == 0 {
			return nil
		}
		if p.e.conn.IsConnected() {
			if err := p.e.pause(ctx, &wait); err != nil {
				return err
			}
		} else if err := broker.Await(ctx, p.e.ctx, changed); err != nil {
			return err
		}
		for _, m := range left {
			p.send(m)
		}
	}
}

// await waits for what a stream says to m, and notes it.
func (p *publisher) await(ctx context.Context, m *published) error {
	if m.ack == nil {
		return nil
	}
	select {
	case <-m.ack.Ok():
		m.err = nil
	case m.err = <-m.ack.Err():
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.e.ctx.Done():
		return context.Cause(p.e.ctx)
	}
	m.ack = nil
	return nil
}

// lost reports whether m, which was not acknowledged, need not be tried again, and counts it.
func (p *publisher) lost(m *published) bool {
	var refused jetstream.JetStreamError
	why := ""
	switch age := time.Since(m.since); {
	case errors.Is(m.err, nats.ErrMaxPayload):
		why = fmt.Sprintf("%v: %d bytes and a header; the server takes %d", core.ErrMessageTooLarge, len(m.msg.Data), p.e.conn.MaxPayload())
	case errors.Is(m.err, nats.ErrBadSubject):
		why = m.err.Error()
	case errors.Is(m.err, jetstream.ErrNoStreamResponse):
		if age < unclaimedFor {
			return false
		}
		why = fmt.Sprintf("no stream takes %q; see `nats stream ls`", m.msg.Subject)
	case errors.As(m.err, &refused) && refused.APIError() != nil:
		if api := refused.APIError(); api.Code == 503 && api.ErrorCode != storeFailed && age < unavailableFor {
			return false
		}
		why = fmt.Sprintf("the stream for %q refuses them: %s", m.msg.Subject, errorText(m.err))
	default:
		return false // of the connection
	}
	p.e.lose(1, why)
	return true
}

// pause waits as w says.
func (e *Endpoint) pause(ctx context.Context, w *broker.Backoff) error {
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.ctx, func() { cancel(context.Cause(e.ctx)) })()
	return w.Wait(both)
}

package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
)

// answerTimeout bounds the wait for the server to say that it took messages.
const answerTimeout = 10 * time.Second

// Send is relay.Endpoint's: Queue and Flush.
func (e *Endpoint) Send(ctx context.Context, m core.Message) error {
	if err := e.Queue(ctx, m); err != nil {
		return err
	}
	return e.Flush(ctx)
}

// Queue is relay.Batcher's. It waits while there is no connection. A message that cannot
// be published is counted as lost.
func (e *Endpoint) Queue(ctx context.Context, m core.Message) error {
	msg, err := e.compose(m)
	if err != nil { // of this message: the next may do
		e.lose(1, err.Error())
		return nil
	}
	if !e.answer(msg) {
		e.lose(1, "they answer requests that were given up")
		return nil
	}
	if msg.Subject == "" {
		why := "there is no subject to publish them on; give pub=SUBJECT"
		if e.t.reply {
			why = "there is no request that they answer, and " + why[len("there is "):]
		}
		e.lose(1, why)
		return nil
	}
	if most := e.conn.MaxPayload(); most > 0 && int64(len(msg.Data)) > most {
		e.lose(1, fmt.Sprintf("%v: %d bytes; the server takes %d", core.ErrMessageTooLarge, len(msg.Data), most))
		return nil
	}
	if err := e.acquire(ctx); err != nil {
		return err
	}
	defer e.release()
	if e.publisher != nil {
		return e.publisher.queue(ctx, msg)
	}
	if err := e.expect(ctx, msg); err != nil {
		return err
	}
	on := e.conn.Stats().Reconnects
	err = e.conn.PublishMsg(msg)
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) {
		e.lose(1, err.Error())
		return nil
	}
	e.mu.Lock()
	if len(e.window) == 0 {
		e.on, e.broken = on, false
	}
	// Any other error is the connection's: then Flush publishes on the next one.
	e.broken = e.broken || err != nil || e.on != on
	e.stats.Sent++
	e.window = append(e.window, msg)
	e.bytes += len(msg.Data)
	full := len(e.window) >= maxWindow || e.bytes >= maxWindowBytes
	e.mu.Unlock()
	if full {
		return e.settle(ctx)
	}
	return nil
}

// compose returns the message to publish, with data of its own.
func (e *Endpoint) compose(m core.Message) (*nats.Msg, error) {
	if !e.t.envelope {
		return &nats.Msg{Subject: e.t.subject, Data: slices.Clone(m.Data)}, nil
	}
	env, data, err := broker.Open(m)
	if err != nil {
		return nil, fmt.Errorf("NATS: %w", err)
	}
	msg := &nats.Msg{Subject: e.t.subject, Reply: env.Reply, Data: data}
	if env.Reply != "" {
		if err := checkSubject(env.Reply, false); err != nil {
			return nil, fmt.Errorf("NATS: %w", err)
		}
	}
	if env.Subject != "" {
		msg.Subject = env.Subject
		if err := checkSubject(msg.Subject, false); err != nil {
			return nil, fmt.Errorf("NATS: %w", err)
		}
	}
	return msg, nil
}

// acquire waits for the turn to write messages, which release ends.
func (e *Endpoint) acquire(ctx context.Context) error {
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx)
	}
	select {
	case e.sending <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.ctx.Done():
		return context.Cause(e.ctx)
	}
}

func (e *Endpoint) release() { <-e.sending }

// Flush is relay.Batcher's. It returns when the server has taken all messages. Where
// it refuses one it returns a broker.RefusedError, once.
func (e *Endpoint) Flush(ctx context.Context) error {
	if err := e.acquire(ctx); err != nil {
		return err
	}
	defer e.release()
	if err := e.settle(ctx); err != nil {
		return err
	}
	return e.denied()
}

// settle returns when the server has taken the window.
func (e *Endpoint) settle(ctx context.Context) error {
	if e.publisher != nil {
		return e.publisher.settle(ctx)
	}
	for {
		e.mu.Lock()
		left, changed := len(e.window), e.changed.Next()
		e.mu.Unlock()
		if left == 0 || e.confirm(ctx) == nil {
			return nil
		}
		retry := time.NewTimer(time.Second)
		select {
		case <-changed:
		case <-retry.C:
		case <-ctx.Done():
		case <-e.ctx.Done():
		}
		retry.Stop()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e.ctx.Err() != nil:
			return context.Cause(e.ctx)
		}
	}
}

// confirm asks the server for an answer, which comes behind all that was published on the same connection. Where that
// is another than the window was published on, it is published again first.
func (e *Endpoint) confirm(ctx context.Context) error {
	on := e.conn.Stats().Reconnects
	if !e.conn.IsConnected() {
		return nats.ErrDisconnected
	}
	e.mu.Lock()
	window, again := e.window, e.broken || e.on != on
	e.mu.Unlock()
	if again {
		for _, msg := range window {
			if msg.Reply != "" && strings.HasPrefix(msg.Reply, e.requests.inbox) && !e.requests.wants(msg.Reply) {
				continue // answered, or given up
			}
			if err := e.conn.PublishMsg(msg); err != nil {
				return err
			}
		}
	}
	e.mu.Lock()
	e.on, e.broken = on, false
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := e.conn.FlushWithContext(ctx); err != nil {
		return err
	}
	if e.conn.Stats().Reconnects != on {
		return nats.ErrDisconnected // another connection's answer says nothing
	}
	e.mu.Lock()
	e.window, e.bytes = nil, 0
	e.mu.Unlock()
	return nil
}

package mqtt

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
)

// delivery is a message that came in. Those of QoS 1 are acknowledged when they were taken. If their connection is lost
// before that, the broker sends them again on the next, by the same number, as long as it knows the session: then what
// we have is not taken twice.
type delivery struct {
	topic    string
	payload  []byte
	retained bool
	id       uint16 // 0: QoS 0

	// Under the lock of the endpoint:
	link  *link // that it came on, last
	taken bool  // and not acknowledged, for want of a connection
}

// deliver puts a message that came in into the queue.
func (e *Endpoint) deliver(l *link, p *packet) error {
	d := &delivery{topic: p.topic, payload: p.payload, retained: p.retain, id: p.id, link: l}
	size := len(d.topic) + len(d.payload)
	if size := int64(len(d.payload) + p.left); size > e.o.MaxMessage {
		e.lose(1, fmt.Sprintf("%v: %d bytes on %q; %d are allowed", core.ErrMessageTooLarge, size, d.topic, e.o.MaxMessage))
		if d.id == 0 {
			return nil
		}
		return l.send(appendPuback(nil, d.id)) // or it comes again and again
	}
	if d.id == 0 {
		if !e.queue.Offer(d, size) && !e.closing.Load() {
			e.lose(1, "messages of QoS 0 come in faster than they are taken")
		}
		return nil
	}
	e.mu.Lock()
	old := e.held[d.id]
	again := old != nil && p.dup
	taken := again && old.taken
	switch {
	case taken:
		delete(e.held, d.id)
	case again:
		old.link = l
	default:
		e.held[d.id] = d
	}
	e.mu.Unlock()
	switch {
	case taken:
		return l.send(appendPuback(nil, d.id))
	case again:
		return nil
	}
	if e.queue.Offer(d, size) || e.closing.Load() {
		return nil
	}
	l.paused.Store(true)
	defer l.paused.Store(false)
	if err := e.queue.Put(e.ctx, d, size); !e.closing.Load() {
		return err
	}
	return nil
}

// SeeksProof is relay.Accountable's: a message of QoS 1 is acknowledged when the other side is known to have it.
func (e *Endpoint) SeeksProof() bool { return e.t.qos > 0 }

// maxBatch bounds what Pump hands on before it flushes and acknowledges.
const maxBatch = 256

// Pump is relay.Pumper's. Messages of QoS 1 are acknowledged when wait has returned after them.
func (e *Endpoint) Pump(ctx context.Context, each func(core.Message) error, wait func() error) error {
	e.acknowledge(e.inHand[:])
	e.inHand[0] = nil
	taken := make([]*delivery, 0, maxBatch)
	for {
		for len(taken) < maxBatch {
			d, ok := e.queue.Take()
			if !ok {
				break
			}
			m, err := e.message(d)
			if err == nil {
				err = each(m)
			}
			if err != nil {
				return err
			}
			taken = append(taken, d)
		}
		if err := wait(); err != nil {
			return err
		}
		e.acknowledge(taken)
		clear(taken)
		taken = taken[:0]
		if err := e.queue.Wait(ctx); err != nil {
			return err
		}
	}
}

// Receive is relay.Endpoint's. It acknowledges the message before, which by being
// called again the caller says to have taken. Data is the caller's to keep.
func (e *Endpoint) Receive(ctx context.Context) (core.Message, error) {
	e.acknowledge(e.inHand[:])
	e.inHand[0] = nil
	for {
		if d, ok := e.queue.Take(); ok {
			m, err := e.message(d)
			e.inHand[0] = d
			return m, err
		}
		if err := e.queue.Wait(ctx); err != nil {
			return core.Message{}, err
		}
	}
}

// message returns what d is to the session.
func (e *Endpoint) message(d *delivery) (core.Message, error) {
	e.mu.Lock()
	e.stats.Received++
	e.mu.Unlock()
	m := core.Message{Data: d.payload, Kind: broker.KindOf(d.payload, e.t.binary)}
	if !e.t.envelope {
		return m, nil
	}
	return broker.Envelope{Topic: d.topic, Retained: d.retained}.Seal(m)
}

// acknowledge tells the broker that messages were taken. Those that it cannot be
// told of stay in held: they are acknowledged when they come again.
func (e *Endpoint) acknowledge(taken []*delivery) {
	var acks []byte
	e.mu.Lock()
	l := e.link
	for _, d := range taken {
		if d == nil || d.id == 0 || e.held[d.id] != d {
			continue
		}
		if d.taken = true; d.link == l {
			acks = appendPuback(acks, d.id)
		}
	}
	e.mu.Unlock()
	if len(acks) == 0 {
		return
	}
	if err := l.send(acks); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return // a write that was cut off by time may have told it in part
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range taken {
		if d != nil && e.held[d.id] == d && d.link == l {
			delete(e.held, d.id)
		}
	}
}

package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
)

// maxInflight bounds the messages of QoS 1 that are not acknowledged, in each direction; a broker may ask for fewer.
const maxInflight = 256

// outgoing is a message of QoS 1 on its way to the broker.
type outgoing struct {
	packet
	sent time.Time
	done bool // acknowledged; it stays in the window until those before it are
}

// Send is relay.Endpoint's: Queue and Flush.
func (e *Endpoint) Send(ctx context.Context, m core.Message) error {
	if err := e.Queue(ctx, m); err != nil {
		return err
	}
	return e.Flush(ctx)
}

// Queue is relay.Batcher's. While there is no connection, and while as many messages of QoS 1 as are allowed are not
// acknowledged, it waits. A message that cannot be published is counted as lost.
func (e *Endpoint) Queue(ctx context.Context, m core.Message) error {
	err := e.queueOne(ctx, m)
	if err == nil {
		e.taken.Add(1)
	}
	return err
}

func (e *Endpoint) queueOne(ctx context.Context, m core.Message) error {
	p, err := e.compose(m)
	if err != nil { // of this message: the next may do
		e.lose(1, err.Error())
		return nil
	}
	if p.topic == "" {
		e.lose(1, "there is no topic to publish them on; give pub=TOPIC")
		return nil
	}
	l, err := e.acquire(ctx, p.qos)
	if err != nil {
		return err
	}
	defer e.release()
	size, most := 5+publishSize(l.codec.version(), &p, len(p.payload)), 1<<28
	if l.limits.size > 0 {
		most = l.limits.size
	}
	if size > most {
		e.lose(1, fmt.Sprintf("%v: a packet of %d bytes; the broker takes %d", core.ErrMessageTooLarge, size, most))
		return nil
	}
	e.mu.Lock()
	e.stats.Sent++
	if p.qos > 0 {
		p.id, p.payload = e.nextID(), slices.Clone(p.payload)
		e.window = append(e.window, &outgoing{packet: p, sent: time.Now()})
	}
	e.mu.Unlock()
	// An error of the connection is none of the message: QoS 1 is sent again on the
	// next, QoS 0 is counted when this one ends.
	if l.publish(&p) == errLinkEnded && p.qos == 0 {
		e.lose(1, notTaken)
	}
	return nil
}

// compose returns the packet of a message.
func (e *Endpoint) compose(m core.Message) (packet, error) {
	p := packet{kind: publish, topic: e.t.topic, payload: m.Data, qos: e.t.qos, retain: e.t.retain}
	if !e.t.envelope {
		return p, nil
	}
	env, data, err := broker.Open(m)
	if err != nil {
		return p, fmt.Errorf("MQTT: %w", err)
	}
	if env.Reply != "" {
		return p, errors.New(`MQTT: an envelope with "reply", which is for NATS; leave it out`)
	}
	p.payload = data
	p.retain = p.retain || env.Retained
	if env.Topic != "" {
		p.topic = env.Topic
		if err := checkTopic(p.topic); err != nil {
			return p, fmt.Errorf("MQTT: %w", err)
		}
	}
	return p, nil
}

// acquire waits for a connection with room in the window, and for the turn to write to it, which release ends.
func (e *Endpoint) acquire(ctx context.Context, qos byte) (*link, error) {
	for {
		select {
		case e.sending <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-e.ctx.Done():
			return nil, context.Cause(e.ctx)
		}
		e.mu.Lock()
		l, ready, changed, refused := e.link, e.ready, e.changed.Next(), e.refused
		room := l != nil && (qos == 0 || len(e.window) < l.limits.receive)
		e.mu.Unlock()
		if ready && room && refused == nil && e.ctx.Err() == nil {
			return l, nil
		}
		e.release()
		if refused != nil {
			return nil, e.takeRefused()
		}
		if ready {
			l.flush() // for acknowledgements to come
		}
		if err := broker.Await(ctx, e.ctx, changed); err != nil {
			return nil, err
		}
	}
}

func (e *Endpoint) release() { <-e.sending }

// Flush is relay.Batcher's. It returns when all messages of QoS 1 are acknowledged and those of QoS 0 are handed over.
// Where the broker refuses a message it returns a broker.RefusedError, once.
func (e *Endpoint) Flush(ctx context.Context) error {
	e.mu.Lock()
	l, ready := e.link, e.ready
	e.mu.Unlock()
	if ready {
		l.flush() // see Queue
	}
	for {
		e.mu.Lock()
		left, refused, changed := len(e.window), e.refused, e.changed.Next()
		e.mu.Unlock()
		switch {
		case refused != nil:
			return e.takeRefused()
		case e.ctx.Err() != nil:
			return context.Cause(e.ctx)
		case left == 0:
			return nil
		}
		if err := broker.Await(ctx, e.ctx, changed); err != nil {
			return err
		}
	}
}

func (e *Endpoint) takeRefused() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.refused
	e.refused = nil
	return err
}

// Codes of PUBACK in MQTT 5, 3.4.2.1, and what brokers send in place of 0x95.
const (
	tooLarge       = 0x95
	quotaExceeded  = 0x97
	payloadInvalid = 0x99
)

// acknowledged handles a PUBACK.
func (e *Endpoint) acknowledged(p *packet) {
	why := ""
	defer func() {
		if why != "" {
			e.o.Lost(1, why)
		}
	}()
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.window, func(o *outgoing) bool { return o.id == p.id && !o.done })
	if i < 0 || e.link == nil {
		return // of a message that was sent twice
	}
	o := e.window[i]
	o.done = true
	switch code := p.code(); {
	case code < 0x80:
	case o.topic != e.t.topic || code == payloadInvalid || code == tooLarge || code == quotaExceeded:
		// It is about this message, and not about what the URL asks for.
		e.stats.Lost++
		why = fmt.Sprintf("the broker refuses them: %s", e.link.codec.text(p))
	default:
		e.refused = errors.Join(e.refused, &broker.RefusedError{Doing: fmt.Sprintf("publishing on %q at %s", o.topic, e.link.name), Got: e.link.codec.text(p)})
		e.stats.Lost++
	}
	n := 0
	for n < len(e.window) && e.window[n].done {
		n++
	}
	e.window = slices.Delete(e.window, 0, n)
	e.changed.Tell()
}

// resend writes on a new link what was not acknowledged on the one before, and then lets others write.
func (e *Endpoint) resend(l *link) error {
	select {
	case e.sending <- struct{}{}:
		defer e.release()
	case <-e.ctx.Done():
		return context.Cause(e.ctx)
	}
	if e.t.birthTopic != "" {
		if err := l.send(e.t.state(l.codec.version(), e.t.birthTopic, e.t.birth)); err != nil {
			return err
		}
	}
	e.mu.Lock()
	again := slices.Clone(e.window)
	e.mu.Unlock()
	for i, o := range again {
		if err := e.awaitRoom(l, again[:i]); err != nil {
			return err
		}
		e.mu.Lock()
		o.sent = time.Now()
		p := o.packet
		e.mu.Unlock()
		p.dup = l.session
		if err := l.publish(&p); err != nil {
			return err
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link == l {
		e.ready = true
		e.changed.Tell()
	}
	return nil
}

// awaitRoom waits until the broker takes one more message than those in sent.
func (e *Endpoint) awaitRoom(l *link, sent []*outgoing) error {
	for {
		e.mu.Lock()
		left, current, changed := 0, e.link == l, e.changed.Next()
		for _, o := range sent {
			if !o.done {
				left++
			}
		}
		e.mu.Unlock()
		switch {
		case !current:
			return net.ErrClosed
		case left < l.limits.receive:
			return nil
		}
		l.flush()
		if err := broker.Await(e.ctx, e.ctx, changed); err != nil {
			return err
		}
	}
}

// late returns an error when the broker has left a message unacknowledged for long.
func (e *Endpoint) late() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link != nil && len(e.window) > 0 && time.Since(e.window[0].sent) > ackTimeout {
		return fmt.Errorf("the broker has not acknowledged a message within %v", ackTimeout)
	}
	return nil
}

package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
)

const (
	// steady is how long a connection must last for the next wait to be a short one.
	steady = 10 * time.Second
	// leaveTimeout bounds how long the broker may take to close the connection.
	leaveTimeout = 2 * time.Second
)

// Endpoint is topics of a broker as an endpoint of a relay session: a relay.Endpoint, relay.Batcher and relay.Pumper.
// It connects again by itself when the connection is lost; meanwhile Receive and Send wait.
type Endpoint struct {
	t       *target
	o       broker.Options
	version byte // that the broker speaks; 0 before it is known. Open's, then run's

	ctx    context.Context // ends with the endpoint
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when run has returned
	opened chan error    // gets one: the first connection is subscribed, or why not
	isOpen bool          // it got nil; run's

	taken   atomic.Uint64 // messages by Queue
	closed  atomic.Bool   // Close was called
	closing atomic.Bool   // it takes nothing any more

	queue   *broker.Queue[*delivery]
	inHand  [1]*delivery  // what Receive has given out
	sending chan struct{} // holds one while somebody writes messages

	mu         sync.Mutex
	link       *link // nil: there is none
	ready      bool  // messages may be written to link
	subscribed bool
	subID      uint16
	changed    broker.Change // when something changes that Queue and Flush wait for
	stats      broker.Stats
	held       map[uint16]*delivery // came in with QoS 1, by number, until it is acknowledged
	window     []*outgoing          // went out with QoS 1, until it is acknowledged
	lastID     uint16
	notKnown   uint64 // of QoS 0, whether the broker has read them, on connections that have ended
	refused    error  // of a message; the next Flush returns it
}

// Open connects to the broker of a URL, mqtt://[USER[:PASSWORD]@]BROKER[:PORT]/TOPIC, and subscribes; docs/brokers.md
// has the parameters. Several brokers may be given, mqtt://a,b/TOPIC, of which each will do. ctx bounds the opening
// alone; o may be nil. Where the broker says no the error is a broker.RefusedError. The caller closes the endpoint.
func Open(ctx context.Context, rawURL string, o *broker.Options) (*Endpoint, error) {
	t, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{
		t: t, o: o.WithDefaults(), version: t.version,
		done: make(chan struct{}), opened: make(chan error, 1),
		sending: make(chan struct{}, 1), held: make(map[uint16]*delivery),
	}
	if err := t.readPassword(&e.o); err != nil {
		return nil, err
	}
	e.queue = broker.NewQueue[*delivery](e.o.Pending, e.o.PendingBytes)
	var first *link
	for _, host := range t.Hosts {
		var failed error
		if first, failed = e.dial(ctx, host, false); failed == nil {
			break
		}
		err = errors.Join(err, failed)
	}
	if first == nil {
		return nil, err
	}
	e.ctx, e.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	go e.run(first)
	select {
	case err = <-e.opened:
	case <-ctx.Done():
		err = fmt.Errorf("subscribing at %s: %w", first.name, context.Cause(ctx))
	}
	if err != nil {
		e.end(err)
		<-e.done
		return nil, err
	}
	if first.codec.version() == version311 && slices.ContainsFunc(t.filters, func(f string) bool { return t.topic != "" && matches(f, t.topic) }) {
		e.o.Note(fmt.Sprintf("MQTT 3.1.1 cannot keep what is published on %q from coming back; want other topics for sub= and pub=, or MQTT 5", t.topic))
	}
	return e, nil
}

// dial connects to host, in MQTT 3.1.1 where no version is asked for and the broker does not know MQTT 5.
func (e *Endpoint) dial(ctx context.Context, host string, resume bool) (*link, error) {
	var c codec = codec5{}
	if e.version == version311 {
		c = codec3{}
	}
	l, err := dialLink(ctx, e.t, &e.o, host, c, resume)
	if err != nil && e.version == 0 && otherVersion(err) {
		var older error
		if l, older = dialLink(ctx, e.t, &e.o, host, codec3{}, resume); older == nil {
			e.o.Note(fmt.Sprintf("%s speaks MQTT 3.1.1, and not 5", l.name))
		}
		err = older
	}
	if err == nil {
		e.version = l.codec.version() // from now on
		err = e.checkLimits(l)
	}
	var refused *connackError
	if errors.As(err, &refused) {
		hint := ""
		if refused.code == 4 || refused.code == 5 || refused.code == 0x86 || refused.code == 0x87 {
			hint = "see the user, the password, and what the broker allows"
		}
		err = &broker.RefusedError{Doing: "connecting to " + e.t.Scheme + "://" + host, Got: refused.text, Hint: hint}
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// checkLimits refuses a broker that cannot do what the URL asks for.
func (e *Endpoint) checkLimits(l *link) error {
	switch {
	case l.limits.qos < e.t.qos && e.t.topic != "":
		l.conn.Close()
		return &broker.RefusedError{Doing: "connecting to " + l.name, Got: "QoS 1", Hint: "it takes qos=0 only"}
	case l.limits.noRetain && (e.t.retain || e.t.willRetain && e.t.birthTopic != ""):
		l.conn.Close()
		return &broker.RefusedError{Doing: "connecting to " + l.name, Got: "retained messages", Hint: "leave out retain=1 and will-retain=1"}
	}
	return nil
}

// run owns the connections: it reads them, one after the other.
func (e *Endpoint) run(l *link) {
	defer close(e.done)
	var wait broker.Backoff
	for attempt := 0; l != nil; {
		err := e.serve(l)
		if !e.isOpen {
			e.opened <- err
			return
		}
		if e.ctx.Err() != nil || e.closing.Load() {
			return
		}
		if time.Since(l.began) > steady {
			wait.Reset()
		}
		e.o.Note(fmt.Sprintf("%s: connection lost: %v; connecting again", l.name, err))
		said := false
		for l = nil; l == nil; attempt++ {
			if wait.Wait(e.ctx) != nil {
				return
			}
			if l, err = e.dial(e.ctx, e.t.Hosts[attempt%len(e.t.Hosts)], true); err != nil && e.ctx.Err() == nil && !said {
				said = true // once: the next ones are alike
				e.o.Note(err.Error() + "; trying again")
			}
		}
		e.mu.Lock()
		e.stats.Reconnects++
		e.mu.Unlock()
		e.o.Note(fmt.Sprintf("%s: connected again", l.name))
	}
}

// serve reads a link until it ends.
func (e *Endpoint) serve(l *link) error {
	stop := make(chan struct{})
	var helpers sync.WaitGroup
	helpers.Go(func() { l.keep(stop, e.late) })
	unwatch := context.AfterFunc(e.ctx, l.close)
	err := e.attach(l, &helpers)
	for err == nil {
		var p packet
		if p, err = l.read(e.o.MaxMessage + maxHeader); err == nil {
			err = e.handle(l, &p)
		}
	}
	e.mu.Lock()
	e.link, e.ready = nil, false
	e.changed.Tell()
	e.mu.Unlock()
	unsent, notKnown, err := l.reason(err)
	unwatch()
	close(stop)
	helpers.Wait()
	e.lose(unsent, notTaken)
	if notKnown > 0 {
		e.mu.Lock()
		e.notKnown += notKnown
		e.mu.Unlock()
		err = fmt.Errorf("%w; of %d messages it is not known whether they arrived", err, notKnown)
	}
	return err
}

// attach makes l the connection.
func (e *Endpoint) attach(l *link, helpers *sync.WaitGroup) error {
	e.mu.Lock()
	e.link = l
	if !l.session {
		clear(e.held) // their numbers mean nothing any more
	}
	subscribe := len(e.t.filters) > 0 && !(l.session && e.subscribed)
	if subscribe {
		e.subID = e.nextID()
	}
	e.mu.Unlock()
	// While it writes, what comes in is read: the broker may wait for that.
	helpers.Go(func() {
		if err := e.resend(l); err != nil {
			l.fail(err)
		}
	})
	if subscribe {
		return l.send(l.codec.subscribe(e.t, e.subID))
	}
	e.open()
	return nil
}

// open tells Open, the first time.
func (e *Endpoint) open() {
	if !e.isOpen {
		e.isOpen = true
		e.opened <- nil
	}
}

// handle does what a packet asks for.
func (e *Endpoint) handle(l *link, p *packet) error {
	switch p.kind {
	case publish:
		return e.deliver(l, p)
	case puback:
		e.acknowledged(p)
	case suback:
		return e.granted(l, p)
	case pingresp:
		l.pong()
	case disconnect:
		return fmt.Errorf("the broker has ended the connection: %s", l.codec.text(p))
	default:
		return fmt.Errorf("a %s, which is not expected", kindName(p.kind))
	}
	return nil
}

// granted handles the answer to SUBSCRIBE.
func (e *Endpoint) granted(l *link, p *packet) error {
	e.mu.Lock()
	ours := p.id == e.subID
	e.mu.Unlock()
	if !ours || len(p.codes) != len(e.t.filters) {
		return fmt.Errorf("a SUBACK for %d filters with number %d; %d were asked for with %d", len(p.codes), p.id, len(e.t.filters), e.subID)
	}
	for i, code := range p.codes {
		switch {
		case code >= 0x80:
			one := packet{kind: suback, codes: p.codes[i : i+1], reason: p.reason}
			return &broker.RefusedError{Doing: fmt.Sprintf("subscribing to %q at %s", e.t.filters[i], l.name), Got: l.codec.text(&one)}
		case code < e.t.qos:
			e.o.Note(fmt.Sprintf("%s grants QoS %d on %q; %d was asked for", l.name, code, e.t.filters[i], e.t.qos))
		}
	}
	e.mu.Lock()
	e.subscribed = true
	e.mu.Unlock()
	e.open()
	return nil
}

// end ends the endpoint with an error, which Receive and Send return from now on.
func (e *Endpoint) end(err error) {
	e.shut(err)
	e.cancel(err)
	e.mu.Lock()
	pending := len(e.window)
	e.window = nil
	e.mu.Unlock()
	e.lose(uint64(pending), unacknowledged)
}

const notTaken = "the connection was lost while they were sent"

const unacknowledged = "the broker has not acknowledged them"

// shut ends the receiving with an error.
func (e *Endpoint) shut(err error) {
	left := e.queue.Close(err)
	if !e.t.clean {
		// The broker keeps those for the next time.
		left = slices.DeleteFunc(left, func(d *delivery) bool { return d.id != 0 })
	}
	e.lose(uint64(len(left)), "they had come in and were not taken")
}

// Close waits until the broker has acknowledged what was sent, takes leave of it, so that it publishes no will, and
// ends the connection, all of that bounded by ctx. Messages that were not taken by then are lost, but those of QoS 1
// with clean=0. It returns an error where messages may not have arrived.
func (e *Endpoint) Close(ctx context.Context) error {
	if e.closed.Swap(true) || e.ctx.Err() != nil {
		<-e.done
		return nil
	}
	closed := fmt.Errorf("MQTT: the endpoint is closed: %w", net.ErrClosed)
	// Whatever is being written to a broker that takes nothing ends with ctx, too.
	defer context.AfterFunc(ctx, func() {
		e.closing.Store(true)
		e.mu.Lock()
		l := e.link
		e.mu.Unlock()
		if l != nil {
			l.close()
		}
	})()
	err := e.Flush(ctx)
	e.closing.Store(true)
	e.shut(closed)
	e.mu.Lock()
	l, pending := e.link, len(e.window)
	e.mu.Unlock()
	if l != nil {
		e.leave(ctx, l)
	}
	e.cancel(closed)
	<-e.done
	if err != nil && pending > 0 {
		e.lose(uint64(pending), unacknowledged)
		return fmt.Errorf("MQTT: closing with %d messages that the broker has not acknowledged: %w", pending, err)
	}
	return err
}

// Fate is that of a core.Conn. What Options.Lost was told of counts as delivered. It is final once
// the endpoint is closed, for QoS 0 only: of what the broker may not have read nobody else hears.
func (e *Endpoint) Fate() core.Fate {
	e.mu.Lock()
	notKnown := e.notKnown + uint64(len(e.window))
	e.mu.Unlock()
	f := core.Fate{Given: e.taken.Load()}
	f.Sent, f.Proven = f.Given, f.Given-min(notKnown, f.Given)
	select {
	case <-e.done:
		f.Final = e.t.qos == 0
	default:
	}
	return f
}

// leave takes leave of the broker and waits until it has closed the connection: if
// that were closed while something comes in, the last acknowledgements would be lost.
func (e *Endpoint) leave(ctx context.Context, l *link) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	var last []byte
	if e.t.birthTopic != "" && e.t.willTopic != "" { // a birth message that is kept is to be true no more
		last = e.t.state(l.codec.version(), e.t.willTopic, e.t.will)
	}
	if l.send(append(last, l.codec.disconnect(e.t.clean)...)) == nil {
		select {
		case <-e.done:
		case <-ctx.Done():
		}
	}
}

// lose counts messages that are lost.
func (e *Endpoint) lose(n uint64, why string) {
	if n == 0 {
		return
	}
	e.mu.Lock()
	e.stats.Lost += n
	e.mu.Unlock()
	e.o.Lost(n, why)
}

// Stats returns the counters as they are now.
func (e *Endpoint) Stats() broker.Stats {
	pending := e.queue.Len()
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Pending, s.Unacknowledged = pending, len(e.window)
	return s
}

// nextID returns a number for a packet. e.mu is held. The window is short, so that
// none is in use when its turn comes again.
func (e *Endpoint) nextID() uint16 {
	if e.lastID++; e.lastID == 0 {
		e.lastID = 1
	}
	return e.lastID
}

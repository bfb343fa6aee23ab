// Package nats is an endpoint of core/relay on NATS: what is published on subjects
// is received, what is sent is published.
//
// With reply=1 what is sent answers the requests that came, with request=1 it is a request, and answers are received.
//
// Messages of a stream of JetStream come from a durable consumer, and are acknowledged once they were taken; see
// consumer. With jetstream=1 what is sent is kept until a stream has acknowledged it; see publisher.
//
// NATS itself delivers at most once. What is sent is kept until the server has answered
// that it took it, and sent again where the connection was lost before; so a server
// that comes and goes loses nothing that was sent, though it may get it twice.
package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/endpoints/broker"
	"github.com/ws76/ws76/internal/natsconn"
)

// Summary and Example are for lists of what there is.
const (
	Summary = "subjects of NATS and streams of JetStream, requests and answers"
	Example = "nats://nats.local/sensors.lab?sub=sensors.>"
)

// message is what came in.
type message struct {
	subject, reply string
	data           []byte
	came           time.Time  // zero but with reply=1
	from           *delivered // nil: it is of no stream
}

// Endpoint is subjects of NATS as an endpoint of a relay session: a relay.Endpoint, relay.Batcher, relay.Pumper and
// relay.HalfCloser. It connects again by itself when the connection is lost; meanwhile Receive and Send wait.
type Endpoint struct {
	t     *target
	o     broker.Options
	conn  *nats.Conn
	queue *broker.Queue[message]

	waiting atomic.Int64 // bytes to be written, which the windows bound

	ctx    context.Context // ends with the endpoint
	cancel context.CancelCauseFunc

	sending chan struct{} // holds one while somebody writes messages

	requests requests       // that were sent
	watching sync.WaitGroup // watch, and what consumer does

	consumer  *consumer     // nil: what comes is of no stream
	inHand    [1]*delivered // what Receive has given out
	publisher *publisher    // nil: what is sent is for no stream

	mu             sync.Mutex
	changed        broker.Change // when the connection or asked changes
	stats          broker.Stats
	window         []*nats.Msg             // that the server has not said to have taken
	bytes          int                     // of those
	on             uint64                  // the connection that they were published on, by the count of reconnects
	broken         bool                    // some of them were not published on that one
	asked          *asked                  // nil: the other side has no request to answer
	refused        error                   // that denied has returned
	opening        context.CancelCauseFunc // ends what the server is being asked; nil: it is not
	unacknowledged int                     // by streams
	subs           []*nats.Subscription
	dropped        uint64 // of subs, and counted
}

// Bounds of the window. When one is reached Queue flushes.
const (
	maxWindow      = 1024
	maxWindowBytes = 4 << 20
)

// Open connects to the servers of a URL, nats://[USER:PASSWORD@]HOST[:PORT]/SUBJECT, and subscribes; docs/brokers.md
// has the parameters. Several servers may be given, nats://a,b/SUBJECT, of which each will do. ctx bounds the opening
// alone; o may be nil. Where the server says no the error is a broker.RefusedError. The caller closes the endpoint.
func Open(ctx context.Context, rawURL string, o *broker.Options) (*Endpoint, error) {
	t, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{t: t, o: o.WithDefaults(), sending: make(chan struct{}, 1)}
	options, err := e.options()
	if err != nil {
		return nil, err
	}
	e.queue = broker.NewQueue[message](e.o.Pending, e.o.PendingBytes)
	e.ctx, e.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	if e.conn, err = natsconn.Connect(ctx, t.servers(), options); err != nil {
		e.cancel(err)
		if errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) {
			err = &broker.RefusedError{Doing: "connecting to " + t.String(), Got: errors.Unwrap(err).Error(), Hint: "see the user, the password or the credentials"}
		}
		return nil, err
	}
	e.requests.inbox = e.conn.NewInbox() + "."
	if t.reply || t.request {
		e.watching.Go(e.watch)
	}
	for _, open := range []func(context.Context) error{e.subscribe, e.openStreams} {
		if err := open(ctx); err != nil {
			e.end(err)
			return nil, err
		}
	}
	return e, nil
}

func (e *Endpoint) options() (*natsconn.Options, error) {
	t := e.t
	o := &natsconn.Options{
		Name: "ws76 bridge", InboxPrefix: t.inbox, Credentials: t.Query.Get("creds"), NKey: t.Query.Get("nkey"),
		TLS: e.o.TLS, Dial: e.o.Dial, Timeout: e.o.ConnectTimeout, PendingBytes: -1,
		Waiting: &e.waiting,
		Note:    e.o.Note, Failed: e.failed,
		Changed: func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.changed.Tell()
		},
	}
	if t.secure && o.TLS == nil {
		o.TLS = new(tls.Config)
	}
	password := t.Password
	for _, secret := range []struct {
		name string
		to   *string
	}{{"password-file", &password}, {"token-file", &o.Token}} {
		file := t.Query.Get(secret.name)
		if file == "" || *secret.to != "" {
			continue
		}
		var err error
		if *secret.to, err = broker.ReadSecret(secret.name, file); err != nil {
			return nil, fmt.Errorf("NATS: %w", err)
		}
	}
	if password == "" {
		password = e.o.Password
	}
	switch {
	case t.User == "" && password == "":
	case password == "":
		o.Token = t.User // nats://TOKEN@host
	case t.User == "":
		o.Token = password
	default:
		o.User, o.Password = t.User, password
	}
	return o, nil
}

// subscribe subscribes, and waits for the server to know.
func (e *Endpoint) subscribe(ctx context.Context) error {
	subjects := e.t.subjects
	if e.t.durable != "" {
		return nil
	}
	if e.t.request {
		subjects = append(slices.Clone(subjects), e.requests.inbox+"*")
	}
	for i, subject := range subjects {
		var sub *nats.Subscription
		var err error
		switch {
		case i == len(e.t.subjects):
			sub, err = e.conn.Subscribe(subject, e.answered)
		case e.t.group != "":
			sub, err = e.conn.QueueSubscribe(subject, e.t.group, e.deliver)
		default:
			sub, err = e.conn.Subscribe(subject, e.deliver)
		}
		if err == nil {
			// deliver does not wait: what counts is the bounds of the queue.
			err = sub.SetPendingLimits(max(e.o.Pending, broker.DefaultPending), int(min(e.o.PendingBytes+e.o.MaxMessage, 1<<30)))
		}
		if err != nil {
			return fmt.Errorf("subscribing to %q at %s: %w", subject, e.t, err)
		}
		e.mu.Lock()
		e.subs = append(e.subs, sub)
		e.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, e.o.ConnectTimeout)
	defer cancel()
	if err := e.conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("subscribing at %s: %w", e.t, err)
	}
	return e.denied()
}

// openStreams prepares what is received from streams and published to them.
func (e *Endpoint) openStreams(ctx context.Context) error {
	if e.t.durable == "" && !e.t.jetstream {
		return nil
	}
	js, err := jetstream.New(e.conn, jetstream.WithPublishAsyncMaxPending(2*maxPublished), jetstream.WithPublishAsyncTimeout(answerTimeout))
	if err != nil {
		return fmt.Errorf("NATS: %w", err)
	}
	if e.t.jetstream {
		err = e.ask(ctx, js, e.openPublisher)
	}
	if e.t.durable != "" && err == nil {
		err = e.ask(ctx, js, e.openConsumer)
	}
	return err
}

// ask calls open with a context that ends, too, when the server does not allow what is asked
// for, which it does not answer.
func (e *Endpoint) ask(ctx context.Context, js jetstream.JetStream, open func(context.Context, jetstream.JetStream) error) error {
	ctx, cancel := context.WithTimeout(ctx, e.o.ConnectTimeout)
	defer cancel()
	ctx, refuse := context.WithCancelCause(ctx)
	defer refuse(nil)
	e.mu.Lock()
	e.opening = refuse
	e.mu.Unlock()
	err := open(ctx, js)
	e.mu.Lock()
	e.opening = nil
	e.mu.Unlock()
	return err
}

// errViolation is wrapped by the cause of opening's context.
var errViolation = errors.New("not allowed")

// failed hears of what the server complains about, and reports whether it has said so.
func (e *Endpoint) failed(err error) bool {
	switch {
	case errors.Is(err, nats.ErrSlowConsumer):
		e.countDropped()
	case strings.Contains(violation(err), `"$JS.`):
		e.mu.Lock()
		opening := e.opening
		e.mu.Unlock()
		if opening != nil {
			opening(fmt.Errorf("%w: %s", errViolation, violation(err)))
		} else {
			e.fail(e.refuse(e.ctx, "using a stream at "+e.t.String(), fmt.Errorf("%w: %s", errViolation, violation(err))))
		}
	case e.ofMessage(err):
		e.lose(1, violation(err)+"; see what the user may publish")
	default:
		return false
	}
	return true
}

// ofMessage reports whether err refuses a subject that a message has named, and not the URL.
func (e *Endpoint) ofMessage(err error) bool {
	got := violation(err)
	return strings.HasPrefix(got, "Permissions Violation for Publish") && !strings.Contains(got, fmt.Sprintf("%q", e.t.subject))
}

// violation returns what the server has said of what is not allowed; "": err is something else.
func violation(err error) string {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return ""
	}
	return strings.TrimPrefix(trim(err), "permissions violation: ")
}

// trim is the text of an error of the library.
func trim(err error) string { return strings.TrimPrefix(err.Error(), "nats: ") }

// fail has Receive return err, which is how the session learns of it.
func (e *Endpoint) fail(err error) {
	e.loseQueued(e.queue.Close(err))
}

// loseQueued counts what had come in and will not be taken. Streams keep theirs.
func (e *Endpoint) loseQueued(left []message) {
	left = slices.DeleteFunc(left, func(m message) bool { return m.from != nil })
	e.lose(uint64(len(left)), "they had come in and were not taken")
}

// countDropped counts what the client library had no room for.
func (e *Endpoint) countDropped() {
	e.mu.Lock()
	total := uint64(0)
	for _, sub := range e.subs {
		if n, err := sub.Dropped(); err == nil {
			total += uint64(n)
		}
	}
	lost := total - min(e.dropped, total)
	e.dropped += lost
	e.mu.Unlock()
	e.lose(lost, slowReason)
}

const slowReason = "messages come in faster than they are taken"

// denied returns what the server has refused, once. Of several it is the last.
func (e *Endpoint) denied() error {
	err := e.conn.LastError()
	e.mu.Lock()
	known := err == e.refused || violation(err) == "" || strings.Contains(violation(err), `"$JS.`) || e.ofMessage(err)
	if !known {
		e.refused = err
	}
	e.mu.Unlock()
	if known {
		return nil
	}
	return &broker.RefusedError{Doing: "using " + e.t.String(), Got: violation(err), Hint: "see what the user may publish and subscribe to"}
}

// deliver puts a message that came in into the queue.
func (e *Endpoint) deliver(m *nats.Msg) {
	if int64(len(m.Data)) > e.o.MaxMessage {
		e.tooLarge(m.Subject, len(m.Data))
		return
	}
	in := message{subject: m.Subject, reply: m.Reply, data: m.Data}
	if e.t.reply {
		in.came = time.Now()
	}
	if !e.queue.Offer(in, len(m.Subject)+len(m.Reply)+len(m.Data)) && e.ctx.Err() == nil {
		e.lose(1, slowReason)
	}
}

// tooLarge counts a message that came in and is too large.
func (e *Endpoint) tooLarge(subject string, size int) {
	e.lose(1, fmt.Sprintf("%v: %d bytes on %q; %d are allowed", core.ErrMessageTooLarge, size, subject, e.o.MaxMessage))
}

// Receive is relay.Endpoint's. It acknowledges the message before to its stream, which by
// being called again the caller says to have taken. Data is the caller's to keep.
func (e *Endpoint) Receive(ctx context.Context) (core.Message, error) {
	if e.inHand[0] != nil {
		e.consumer.acknowledge(e.inHand[:])
		e.inHand[0] = nil
	}
	for {
		if m, ok := e.take(); ok {
			e.inHand[0] = m.from
			return e.message(m)
		}
		if err := e.await(ctx); err != nil {
			return core.Message{}, err
		}
	}
}

// Pump is relay.Pumper's. Messages of a stream are acknowledged when wait has returned
// after them.
func (e *Endpoint) Pump(ctx context.Context, each func(core.Message) error, wait func() error) error {
	var taken []*delivered // no more than the consumer holds
	for {
		for next, ok := e.take(); ok; next, ok = e.take() {
			m, err := e.message(next)
			if err == nil {
				err = each(m)
			}
			if err != nil {
				return err
			}
			if next.from != nil {
				taken = append(taken, next.from)
			}
		}
		if err := wait(); err != nil {
			return err
		}
		if len(taken) > 0 {
			e.consumer.acknowledge(taken)
			clear(taken)
			taken = taken[:0]
		}
		if err := e.await(ctx); err != nil {
			return err
		}
	}
}

// message returns what m is to the session.
func (e *Endpoint) message(m message) (core.Message, error) {
	e.mu.Lock()
	e.stats.Received++
	e.mu.Unlock()
	out := core.Message{Data: m.data, Kind: broker.KindOf(m.data, e.t.binary)}
	if !e.t.envelope {
		return out, nil
	}
	return broker.Envelope{Subject: m.subject, Reply: m.reply}.Seal(out)
}

// end ends the endpoint with an error, which Receive and Send return from now on.
func (e *Endpoint) end(err error) {
	e.countDropped()
	e.cancel(err)
	e.loseQueued(e.queue.Close(err)) // for whom a full queue holds up, too
	e.watching.Wait()
	if e.consumer != nil {
		e.consumer.release()
	}
	e.conn.Close()
	e.abandon()
}

// Close waits until the server has taken what was sent, within ctx, and ends the
// connection. What had come in and was not received is lost. It returns an error
// where messages may not have arrived.
func (e *Endpoint) Close(ctx context.Context) error {
	if e.ctx.Err() != nil {
		return nil
	}
	err := e.Flush(ctx)
	e.end(fmt.Errorf("NATS: the endpoint is closed: %w", net.ErrClosed))
	e.mu.Lock()
	left, requests := len(e.window)+e.unacknowledged, 0 // those are counted as not answered
	for _, msg := range e.window {
		if strings.HasPrefix(msg.Reply, e.requests.inbox) {
			requests++
		}
	}
	e.mu.Unlock()
	if left > 0 {
		e.lose(uint64(left-requests), "the server has not said that it took them")
		return fmt.Errorf("NATS: closing with %d messages that the server has not taken: %w", left, err)
	}
	return err
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
	s.Reconnects = e.conn.Stats().Reconnects
	s.Pending, s.Unacknowledged = pending, len(e.window)+e.unacknowledged
	return s
}

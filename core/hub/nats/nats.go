// Package nats is a backplane of core/hub on NATS: any number of processes share
// their channels, with nothing between them but the NATS cluster.
//
// A channel is the subject ws76.NAME, see [Subject]; a message is one of NATS, its
// data the payload, so that anything else on NATS can take part. Two header fields
// say what is not in there: Ws76-Kind is "binary" where the message is, Ws76-Seq
// numbers what one process publishes on one channel, "ORIGIN N", by which the
// others see what they have lost.
package nats

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/natsconn"
)

// Defaults where an option says nothing.
const (
	DefaultPending      = 8192
	DefaultPendingBytes = 8 << 20
)

const closeTimeout = 2 * time.Second

var errBehind = errors.New("the server does not take what is waiting for it")

// Options of a Backplane. The zero value, like a nil pointer, is ready to use.
type Options struct {
	// Credentials is a file with a JWT and its seed, as nsc writes it. User and
	// password, or a token, may also be in the URL.
	Credentials string
	// TLS is used where the server asks for TLS or the URL is tls://.
	TLS *tls.Config
	// Dial opens connections; nil is TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Pending is how many messages, and PendingBytes how much, may wait here to be
	// delivered; PendingBytes also what may wait to be sent, with a connection or without
	// one. Beyond that they are lost, and counted. 0: DefaultPending, DefaultPendingBytes.
	Pending      int
	PendingBytes int
	// Lost is told of messages of others that did not get here. It is called from
	// the delivering goroutine. nil: nobody is.
	Lost func(channel string, n uint64)
	// Note is told when the connection is lost, is there again, and of what the
	// server complains about. nil: nobody is.
	Note func(text string)
}

// Backplane joins hubs by NATS. It is a hub.Backplane.
type Backplane struct {
	o       Options
	conn    *nats.Conn
	deliver func(channel string, m core.Message)

	messages chan *nats.Msg // of all subscriptions, so that one goroutine delivers
	arrived  chan *nats.Msg // those of them that are kept until then
	arriving atomic.Int64   // bytes in arrived
	waiting  atomic.Int64   // bytes that NATS has not taken
	stop     chan struct{}
	done     sync.WaitGroup
	lost     atomic.Uint64

	mu   sync.Mutex
	subs map[string]*subscription // by subject
	sent sequence
}

type subscription struct {
	channel string
	nats    *nats.Subscription
	last    map[string]uint64 // numbers by origin; the delivering goroutine's
}

// Dial connects to a NATS cluster, of which urls are one server or several, like
// nats://host:4222. It returns an error where none can be reached now, a *URLError
// for what is no URL of one; a connection that is lost later is made again.
func Dial(ctx context.Context, urls []string, o *Options) (*Backplane, error) {
	b := &Backplane{subs: make(map[string]*subscription), stop: make(chan struct{})}
	if o != nil {
		b.o = *o
	}
	if b.o.Pending <= 0 {
		b.o.Pending = DefaultPending
	}
	if b.o.PendingBytes <= 0 {
		b.o.PendingBytes = DefaultPendingBytes
	}
	for _, raw := range urls {
		if err := checkURL(raw); err != nil {
			return nil, err
		}
	}
	b.messages, b.arrived = make(chan *nats.Msg, b.o.Pending), make(chan *nats.Msg, b.o.Pending)
	conn, err := natsconn.Connect(ctx, urls, &natsconn.Options{
		Name: "ws76 serve", Credentials: b.o.Credentials, TLS: b.o.TLS, Dial: b.o.Dial, PendingBytes: b.o.PendingBytes, Note: b.o.Note,
		Waiting: &b.waiting,
	})
	if err != nil {
		return nil, err
	}
	b.conn = conn
	return b, nil
}

// URLError says what is wrong with the URL of a server, and nothing secret of it.
type URLError struct{ Reason string }

func (e *URLError) Error() string {
	return "NATS: " + e.Reason + "; want nats://[USER:PASSWORD@]HOST[:PORT], or tls://"
}

// checkURL keeps the password out of the errors about a URL.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return &URLError{"a URL cannot be read"}
	}
	switch u.Scheme {
	case "nats", "tls", "ws", "wss":
	default:
		return &URLError{fmt.Sprintf("scheme %q", u.Scheme)}
	}
	if u.Host == "" || strings.Contains(raw, ",") {
		return &URLError{"a URL does not name one host"}
	}
	return nil
}

// Open is hub.Backplane's.
func (b *Backplane) Open(deliver func(channel string, m core.Message)) error {
	b.deliver = deliver
	b.done.Go(b.keep)
	b.done.Go(b.receive)
	return nil
}

// Subscribe is hub.Backplane's.
func (b *Backplane) Subscribe(channel string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	subject := Subject(channel)
	if b.waiting.Load() > 2*int64(b.o.PendingBytes) { // of those who come and go
		return fmt.Errorf("NATS: subscribing to %s: %w", subject, errBehind)
	}
	sub, err := b.conn.ChanSubscribe(subject, b.messages)
	if err != nil {
		return fmt.Errorf("NATS: subscribing to %s: %w", subject, err)
	}
	b.subs[subject] = &subscription{channel: channel, nats: sub, last: make(map[string]uint64)}
	return nil
}

// Unsubscribe is hub.Backplane's.
func (b *Backplane) Unsubscribe(channel string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	subject := Subject(channel)
	sub := b.subs[subject]
	if sub == nil {
		return nil
	}
	delete(b.subs, subject)
	if err := sub.nats.Unsubscribe(); err != nil {
		return fmt.Errorf("NATS: unsubscribing from %s: %w", subject, err)
	}
	return nil
}

// Publish is hub.Backplane's. It fails where a message is larger than the server
// takes, and while PendingBytes are waiting to be sent.
func (b *Backplane) Publish(channel string, s *core.Shared) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	subject := Subject(channel)
	var first error
	s.All(func(m core.Message) bool {
		msg := &nats.Msg{Subject: subject, Data: m.Data, Header: nats.Header{seqField: {b.sent.next(channel)}}}
		if m.Kind == core.Binary {
			msg.Header[kindField] = []string{binaryKind}
		}
		err := errBehind
		if b.waiting.Load()+int64(msg.Size()) <= int64(b.o.PendingBytes) {
			err = b.conn.PublishMsg(msg)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("NATS: publishing on %s: %w", subject, err)
		}
		return true
	})
	return first
}

// keep takes what comes in on all subscriptions from package nats at once, since that counts
// messages and not their bytes. What is too much is dropped; the number of the next tells.
func (b *Backplane) keep() {
	for {
		select {
		case <-b.stop:
			return
		case msg := <-b.messages:
			size := int64(msg.Size())
			if b.arriving.Add(size) <= int64(b.o.PendingBytes) {
				select {
				case b.arrived <- msg:
					continue
				default:
				}
			}
			b.arriving.Add(-size)
		}
	}
}

// receive delivers what was kept.
func (b *Backplane) receive() {
	for {
		select {
		case <-b.stop:
			return
		case msg := <-b.arrived:
			b.arriving.Add(-int64(msg.Size()))
			b.mu.Lock()
			sub := b.subs[msg.Subject]
			b.mu.Unlock()
			if sub == nil {
				continue // it came after Unsubscribe
			}
			if n := sub.missing(msg.Header[seqField]); n > 0 {
				b.lost.Add(n)
				if b.o.Lost != nil {
					b.o.Lost(sub.channel, n)
				}
			}
			m := core.Message{Data: msg.Data}
			if kind := msg.Header[kindField]; len(kind) == 1 && kind[0] == binaryKind {
				m.Kind = core.Binary
			}
			b.deliver(sub.channel, m)
		}
	}
}

// Lost returns how many messages of others did not get here, as far as the numbers
// of those that followed tell.
func (b *Backplane) Lost() uint64 { return b.lost.Load() }

// Close hands on what is waiting and ends the connection.
func (b *Backplane) Close() error {
	close(b.stop)
	b.done.Wait()
	err := b.conn.FlushTimeout(closeTimeout)
	b.conn.Close()
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("NATS: handing on the last messages: %w", err)
	}
	return nil
}

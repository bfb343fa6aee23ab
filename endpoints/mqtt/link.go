package mqtt

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/endpoints/broker"
	"github.com/ws76/ws76/internal/deadline"
	"github.com/ws76/ws76/internal/outq"
)

const (
	// writeTimeout bounds one write; a broker that takes nothing for so long is gone.
	writeTimeout = 10 * time.Second
	// ackTimeout is how long the broker may take for an acknowledgement.
	ackTimeout = 30 * time.Second
	bufferSize = 32 << 10
)

// link is one connection to the broker. Packets are read by one goroutine and written by any.
type link struct {
	name    string // of the broker, for errors
	conn    net.Conn
	in      *bufio.Reader
	codec   codec
	limits  limits
	session bool // the broker went on with a session
	began   time.Time

	heard  atomic.Int64          // when a packet came in, in nanoseconds since began
	paused atomic.Bool           // reading waits for room in the queue
	why    atomic.Pointer[error] // it ended

	mu      sync.Mutex
	writes  deadline.Writes
	out     *bufio.Writer
	scratch []byte
	err     error // of a write; there are no more then
	shut    bool
	state   outq.State // of conn, when it was closed

	// Of the messages of QoS 0, which nobody acknowledges.
	ledger  outq.Ledger
	written outq.Mark // by out
	given   outq.Mark // to out
	ends    []uint64  // where messages end that out holds, in bytes given

	pings uint64
	pongs atomic.Uint64
	asks  atomic.Pointer[asking] // nil: nothing is asked
}

// asking is a ping by which the ledger asks.
type asking struct{ ping, bytes uint64 }

// Write is what out writes with.
func (l *link) Write(p []byte) (int, error) {
	l.writes.Until(time.Now().Add(writeTimeout))
	n, err := l.conn.Write(p)
	l.written.Bytes += uint64(n)
	return n, err
}

// dialLink connects to host, up to the broker's CONNACK.
func dialLink(ctx context.Context, t *target, o *broker.Options, host string, c codec, resume bool) (*link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.ConnectTimeout,
		fmt.Errorf("no answer within %v: %w", o.ConnectTimeout, context.DeadlineExceeded))
	defer cancel()
	name := t.Scheme + "://" + host
	conn, err := o.Dial(ctx, "tcp", host)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", name, causeOf(ctx, err))
	}
	l := &link{name: name, codec: c, conn: conn, began: time.Now()}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	if t.secure {
		config := o.TLS.Clone()
		if config == nil {
			config = new(tls.Config)
		}
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(host)
		}
		l.conn = tls.Client(conn, config)
	}
	l.writes.Set = l.conn.SetWriteDeadline
	l.in, l.out = bufio.NewReaderSize(l.conn, bufferSize), bufio.NewWriterSize(l, bufferSize)
	err = l.handshake(t, o, resume)
	if !stop() || err != nil {
		conn.Close()
		return nil, fmt.Errorf("connecting to %s: %w", name, causeOf(ctx, err))
	}
	return l, nil
}

// causeOf returns why ctx ended, where it has, and err where not.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (l *link) handshake(t *target, o *broker.Options, resume bool) error {
	own := limits{
		receive:   min(o.Pending, maxInflight),
		size:      int(min(o.MaxMessage+maxHeader, 1<<28)),
		keepAlive: uint16(t.keepAlive / time.Second),
	}
	if err := l.send(l.codec.connect(t, own, resume)); err != nil {
		return err
	}
	p, err := readPacket(l.in, l.codec, maxHeader)
	if err != nil {
		return err
	}
	if p.kind != connack {
		return fmt.Errorf("want CONNACK, got %s", kindName(p.kind))
	}
	if code := p.code(); code != 0 {
		return &connackError{code: code, text: l.codec.text(&p)}
	}
	l.session, l.limits = p.session, p.limits
	if l.limits.keepAlive == 0 {
		l.limits.keepAlive = own.keepAlive
	}
	return nil
}

// connackError is a CONNACK that says no.
type connackError struct {
	code byte
	text string
}

func (e *connackError) Error() string { return "the broker refuses: " + e.text }

// otherVersion reports whether err may be how a broker answers that does not know MQTT 5.
func otherVersion(err error) bool {
	var refused *connackError
	if errors.As(err, &refused) {
		return refused.code == 0x01 || refused.code == 0x84
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// read returns the next packet.
func (l *link) read(max int64) (packet, error) {
	p, err := readPacket(l.in, l.codec, max)
	l.heard.Store(int64(time.Since(l.began)))
	return p, err
}

// errLinkEnded says that a message was not taken.
var errLinkEnded = errors.New("the connection has ended")

// publish writes a message; it is on its way after flush. Of what comes once the link has an
// error nothing is in its books.
func (l *link) publish(p *packet) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return errLinkEnded
	}
	// The payload is not copied: what does not fit into the buffer goes out from where it is.
	l.scratch = appendPublish(l.scratch[:0], l.codec.version(), p, len(p.payload))
	if p.qos == 0 {
		l.given.Messages++
		l.ends = append(l.ends, l.given.Bytes+uint64(len(l.scratch)+len(p.payload)))
	}
	if err := l.write(l.scratch); err != nil {
		return err
	}
	return l.write(p.payload)
}

// account takes into the books what out has written. The caller holds mu.
func (l *link) account() {
	if l.written.Bytes == l.ledger.Written().Bytes {
		return
	}
	n := 0
	for n < len(l.ends) && l.ends[n] <= l.written.Bytes {
		n++
	}
	l.ends = append(l.ends[:0], l.ends[n:]...)
	l.written.Messages += uint64(n)
	if l.ledger.Wrote(l.written) && !l.shut {
		st, _ := outq.AskStream(l.conn)
		l.ledger.Look(l.written, st)
	}
}

// send writes packets and flushes.
func (l *link) send(b []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.write(b); err != nil {
		return err
	}
	return l.flushLocked()
}

func (l *link) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flushLocked()
}

func (l *link) flushLocked() error {
	if l.err != nil {
		return l.err
	}
	defer l.account()
	if err := l.out.Flush(); err != nil {
		return l.broken(err)
	}
	return nil
}

func (l *link) write(b []byte) error {
	if l.err != nil {
		return l.err
	}
	l.given.Bytes += uint64(len(b))
	defer l.account()
	if _, err := l.out.Write(b); err != nil {
		return l.broken(err)
	}
	return nil
}

// broken ends the link for an error of a write. The caller holds mu.
func (l *link) broken(err error) error {
	l.err = err
	l.why.CompareAndSwap(nil, &err)
	l.closeLocked()
	return err
}

// fail ends the link for a reason, unless it has one already.
func (l *link) fail(err error) {
	l.why.CompareAndSwap(nil, &err)
	l.close()
}

// close closes the connection. A write that waits ends, and what has become of what was written
// is asked while the system still tells.
func (l *link) close() {
	l.writes.GiveUp()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeLocked()
}

func (l *link) closeLocked() {
	if l.shut {
		return
	}
	l.shut = true
	secure := false
	if l.state, secure = outq.AskStream(l.conn); secure {
		l.state.Unsent = 0 // of what it holds nobody knows which messages that is
	}
	deadline.Close(l.conn)
}

// reason returns why the link ended, where err is what reading it gave, how many messages of
// QoS 0 were not sent, and of how many the broker may not have read all.
func (l *link) reason(err error) (unsent, notKnown uint64, why error) {
	proper := err == io.EOF // a system resets a connection that is closed with something unread
	if proper {
		err = errors.New("the broker has closed the connection")
	}
	l.fail(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	sent, proven := l.ledger.Ended(l.state, proper && l.err == nil)
	if proper && l.err == nil && !l.state.Known {
		proven = sent
	}
	if l.err == nil {
		l.err = err
	}
	return l.given.Messages - sent, sent - proven, *l.why.Load()
}

// ping asks the broker for a sign of life, which says too that it has read what was sent before.
func (l *link) ping() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pings++; l.asks.Load() == nil {
		at := outq.Mark{Bytes: l.given.Bytes + uint64(len(pingreq)), Messages: l.given.Messages}
		l.ledger.Ask(at)
		l.asks.Store(&asking{l.pings, at.Bytes})
	}
	if err := l.write(pingreq); err != nil {
		return err
	}
	return l.flushLocked()
}

// pong takes the answer to the oldest ping that has none. It waits for no write: the broker may
// read on only once it is read from.
func (l *link) pong() {
	n := l.pongs.Add(1)
	if a := l.asks.Load(); a != nil && a.ping == n {
		l.ledger.Answered(a.bytes)
		l.asks.Store(nil)
	}
}

// keep watches over the link until stop is closed: it asks the broker for a sign of
// life, and ends the link when there is none, or when late says so.
func (l *link) keep(stop <-chan struct{}, late func() error) {
	interval := max(time.Duration(l.limits.keepAlive)*time.Second/2, 500*time.Millisecond)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for asked := time.Duration(0); ; {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if asked > 0 && time.Duration(l.heard.Load()) < asked && !l.paused.Load() {
			l.fail(fmt.Errorf("the broker has not answered for %v", interval))
			return
		}
		if err := late(); err != nil {
			l.fail(err)
			return
		}
		asked = time.Since(l.began)
		if l.ping() != nil {
			return
		}
	}
}

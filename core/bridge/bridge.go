package bridge

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/internal/accept"
)

// Bridge joins each connection of From to one that is opened for it, and carries messages
// both ways until either ends, which the other is told. Its fields are not to be changed
// while it runs.
type Bridge struct {
	From From
	// To opens the other side.
	To Opener
	Options

	until context.Context // ends when there is just time to tell how it went; nil: never
}

// From is where the connections of a bridge come from: [WebSockets], [Streams] or
// [Opened].
type From interface {
	run(ctx context.Context, b *Bridge) error
}

// Opener opens a side for a client. What it returns is closed by the bridge; a *core.Conn
// is taken as the WebSocket that it is, see [Link]. It bounds its own time, is given a ctx
// that ends when the bridge is stopped, and may be called for several clients at once.
type Opener func(ctx context.Context, c *Client) (relay.Endpoint, error)

// Options of a Bridge. The zero value of every field is fine.
type Options struct {
	// Name is what the other side is called in what Note is told. "" is TO.
	Name string
	// Binary makes text of a binary message for a side of drafts 75 and 76, behind dst;
	// nil refuses it, and the session ends.
	Binary func(dst, data []byte) []byte

	// Buffer is how many messages are kept while To is opened anew after it was lost, the
	// newest. 0: a session ends with its To.
	Buffer int
	// Redeliver and Retries are those of BufferOptions.
	Redeliver bool
	Retries   Retries
	// Linger is relay.Options.LingerA, where From is a byte stream.
	Linger time.Duration
	// CloseTimeout is relay.Options.CloseTimeout, which bounds the closing of each side.
	CloseTimeout time.Duration
	// Grace bounds how long Run takes once its ctx has ended; what was not delivered by
	// then is known and told. 0: CloseTimeout, twice, does. Of WebSockets it is in place of
	// serve.Server.Grace.
	Grace time.Duration
	// Idle ends a session in which nothing has passed for so long, with IdleCause; 0:
	// never. serve.Server.Idle is for the clients of WebSockets. IdleCause nil is ErrIdle.
	Idle      time.Duration
	IdleCause error

	// Remote names a client by its address and the fields of its request, which a byte
	// stream does not have. nil: the address.
	Remote func(addr net.Addr, fields hixie.Fields) string
	// Admit is called with each client first. o, which is nil where the client is no
	// WebSocket, may be refused, or a sub-protocol chosen for it.
	Admit func(c *Client, o *serve.Opening) (protocol string, refused *core.Refusal)
	// Hooks returns those of a session, whose sides are there.
	Hooks func(*Session) []relay.Hook
	// Opened is told of a session that begins.
	Opened func(*Session)
	// Closed is told of a session that is over, with why; nil after a proper end. What it
	// returns is handed on: Run returns it for Opened, and serve.Server.Closed is told.
	Closed func(s *Session, err error) error
	// Note is told what else happens, in a sentence: to a client, or to a bridge where
	// remote is "". It must not block.
	Note func(remote, text string)
}

// Client is a connection of From, as it is known when the other side is to be opened for it.
type Client struct {
	Remote string // its name
	// Request is that of a WebSocket, which nobody may change; nil: it is none.
	Request *hixie.Request
	// Protocols are the sub-protocols that it offers; before it is answered, a chosen one
	// alone. Protocol is what it was answered; "" before, and where there is none.
	Protocols []string
	Protocol  string
	Secure    bool // came in over TLS
	Dialect   core.Dialect
	User      string // who it is, by serve.Server.Gate
	// Answer are fields that an Opener adds to what the client is answered.
	Answer hixie.Fields
	// Trace, which Admit may set, returns the trace for one side in place of another; nil
	// leaves that.
	Trace func(t *core.Trace, side relay.Side) *core.Trace
	// Data is for whoever sets it.
	Data any

	accepted bool // by a serve.Server
}

func (c *Client) trace(t *core.Trace, side relay.Side) *core.Trace {
	if c.Trace == nil {
		return t
	}
	return c.Trace(t, side)
}

// Run carries connections until ctx ends, or From has: all of them have closed then. Call
// it once.
func (b *Bridge) Run(ctx context.Context) error {
	if b.Grace > 0 {
		until, end := context.WithCancel(context.Background())
		defer end()
		b.until = until
		defer context.AfterFunc(ctx, func() {
			timer := time.AfterFunc(b.Grace*9/10, end)
			context.AfterFunc(until, func() { timer.Stop() })
		})()
	}
	return b.From.run(ctx, b)
}

func (b *Bridge) note(remote, text string, args ...any) {
	if b.Note != nil {
		b.Note(remote, fmt.Sprintf(text, args...))
	}
}

func (b *Bridge) remote(addr net.Addr, fields hixie.Fields) string {
	if b.Remote == nil {
		return addr.String()
	}
	return b.Remote(addr, fields)
}

// admit asks what there is to ask before the other side is opened for c.
func (b *Bridge) admit(c *Client, o *serve.Opening) (protocol string, refused *core.Refusal) {
	if b.Admit == nil {
		return "", nil
	}
	return b.Admit(c, o)
}

// open opens the other side, except that a buffer sees to that by itself: nil then.
func (b *Bridge) open(ctx context.Context, c *Client) (relay.Endpoint, error) {
	if b.Buffer > 0 {
		return nil, nil
	}
	return b.To(ctx, c)
}

// discard closes a side that nothing is joined to.
func (b *Bridge) discard(e relay.Endpoint) {
	ctx, cancel := context.WithTimeout(context.Background(), max(b.CloseTimeout, time.Second))
	defer cancel()
	e.Close(ctx)
}

// Streams are byte streams that are accepted.
type Streams struct {
	// Listener is closed by Run.
	Listener net.Listener
	// Endpoint makes messages of a stream, which the endpoint closes. nil: lines.
	Endpoint func(net.Conn) relay.Endpoint
	// MaxConns bounds how many are open at a time: further ones are closed. 0: any number.
	MaxConns int
	// Name is what Note is told as remote of the listener. "" is its address.
	Name string
}

func (f *Streams) run(ctx context.Context, b *Bridge) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	var open atomic.Int64
	notice := func(err error) { b.note(f.name(), "%v", err) }
	err := accept.Each(ctx, f.Listener, notice, func(stream net.Conn) {
		if f.MaxConns > 0 && open.Load() >= int64(f.MaxConns) {
			b.note(b.remote(stream.RemoteAddr(), nil), "turned away, %d connections are open already", f.MaxConns)
			stream.Close()
			return
		}
		open.Add(1)
		sessions.Go(func() {
			defer open.Add(-1)
			f.serve(ctx, b, stream)
		})
	})
	stop(err)
	return err
}

func (f *Streams) name() string {
	if f.Name == "" {
		return f.Listener.Addr().String()
	}
	return f.Name
}

// serve opens the other side for a stream and joins the two.
func (f *Streams) serve(ctx context.Context, b *Bridge, stream net.Conn) {
	c := &Client{Remote: b.remote(stream.RemoteAddr(), nil)}
	b.admit(c, nil)
	from := f.endpoint(stream)
	to, err := b.open(ctx, c)
	if err != nil {
		pause, _ := new(Retries).Failed(err)
		b.note(c.Remote, "%s: %v; closed in %v", b.toName(), err, pause.Round(time.Millisecond))
		// A serial line is there again at once, and would be for ever.
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		stream.Close()
		return
	}
	b.join(ctx, c, from, to)
}

func (b *Bridge) toName() string {
	if b.Name == "" {
		return "TO"
	}
	return b.Name
}

func (f *Streams) endpoint(stream net.Conn) relay.Endpoint {
	if f.Endpoint == nil {
		return NewStream(stream, format.Options{}, format.Options{}, Bounds{})
	}
	return f.Endpoint(stream)
}

// Opened is one connection that is opened, such as standard input and output.
type Opened struct {
	Open Opener
	// Again reports whether it is to be opened again once it has ended, with err, which is
	// nil after a proper end. nil: never.
	Again func(err error) bool
	// Retries are those in a row of which none has lasted a minute.
	Retries Retries
}

// GaveUpError says that an Opened was not opened again.
type GaveUpError struct{ Err error }

func (e *GaveUpError) Error() string { return e.Err.Error() }

// Unwrap returns what it has ended with the last time.
func (e *GaveUpError) Unwrap() error { return e.Err }

func (f *Opened) run(ctx context.Context, b *Bridge) error {
	retries := f.Retries
	for {
		started := time.Now()
		err := f.once(ctx, b)
		if ctx.Err() != nil || f.Again == nil || !f.Again(err) {
			return err
		}
		if time.Since(started) > time.Minute {
			retries.Opened()
		}
		pause, gaveUp := retries.Failed(err)
		if gaveUp != nil {
			return &GaveUpError{gaveUp}
		}
		how := any("closed")
		if err != nil {
			how = err
		}
		b.note("", "%v; again in %v", how, pause.Round(time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (f *Opened) once(ctx context.Context, b *Bridge) error {
	c := &Client{Remote: "FROM"}
	b.admit(c, nil)
	from, err := f.Open(ctx, c)
	if err != nil {
		return err
	}
	if conn := connOf(from); conn != nil {
		c.Protocol = conn.Protocol()
	}
	to, err := b.open(ctx, c)
	if err != nil {
		b.discard(from)
		return err
	}
	return b.join(ctx, c, from, to)
}

// connOf is e where that is a WebSocket, and else nil.
func connOf(e relay.Endpoint) *core.Conn {
	conn, _ := e.(*core.Conn)
	return conn
}

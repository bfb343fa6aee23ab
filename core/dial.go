package core

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/internal/tcplimit"
)

// Dialer opens a stream to host:port. Every transport has this method.
type Dialer interface {
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// DialOptions say how to open a client's connection. A nil pointer and the zero value of every field are fine.
type DialOptions struct {
	// Dialect, where the URL names none. "" is DefaultDialect.
	Dialect Dialect
	// Dialer opens the stream; nil is plain TCP.
	Dialer Dialer
	// TLS is used for wss, over whatever the Dialer opened. nil: the system's roots.
	TLS *tls.Config

	// Header fields are added to the request as they are; one that has the name of a default field takes its place.
	Header hixie.Fields
	// Origin of the page that would be asking; "" is that of the target.
	Origin string
	// Protocols are the sub-protocols asked for. The drafts know one.
	Protocols []string
	// Key1, Key2 and Key3 fix the challenge of draft 76; all three or none.
	Key1, Key2 string
	Key3       []byte
	// Rand makes challenges and masks; nil is crypto/rand.
	Rand io.Reader
	// FixedOrder sends the fields in the draft's order of naming, for servers that
	// choke on the random order it asks for.
	FixedOrder bool

	// Strict refuses what is tolerated otherwise; see hixie.Tolerance.
	Strict bool
	// Compress offers permessage-deflate. RFC 6455 only.
	Compress bool
	// MaxMessage is the largest message to receive in bytes. 0: DefaultMaxMessage.
	MaxMessage int64
	// CloseTimeout bounds the closing handshake. 0: DefaultCloseTimeout.
	CloseTimeout time.Duration
	// Pending bounds what unfinished messages take, over all connections that are given
	// the same. nil: no bound but MaxMessage for each.
	Pending *Budget
	// Opened is given the head of the server's response once that is found good, such as for its cookies. nil is fine.
	Opened func(*hixie.Response)
	Trace  *Trace
}

func (o *DialOptions) defaults() DialOptions {
	var d DialOptions
	if o != nil {
		d = *o
	}
	if d.Dialect == "" {
		d.Dialect = DefaultDialect
	}
	if d.Rand == nil {
		d.Rand = rand.Reader
	}
	d.MaxMessage, d.CloseTimeout = limits(d.MaxMessage, d.CloseTimeout)
	return d
}

func limits(maxMessage int64, closeTimeout time.Duration) (int64, time.Duration) {
	if maxMessage == 0 {
		maxMessage = DefaultMaxMessage
	}
	if closeTimeout == 0 {
		closeTimeout = DefaultCloseTimeout
	}
	return maxMessage, closeTimeout
}

// DialError says that there is no stream to the peer; no handshake was tried.
type DialError struct {
	Op   string // "connecting to" or "TLS with"; "" where the Dialer's error says it
	Addr string
	Err  error
}

func (e *DialError) Error() string {
	if e.Op == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Addr, e.Err)
}

func (e *DialError) Unwrap() error { return e.Err }

// Dial connects to a WebSocket URL (see ParseURL) and does the opening handshake; ctx bounds both. Errors: *DialError
// where there is no stream, *HandshakeError, or ctx's cause.
func Dial(ctx context.Context, url string, opts *DialOptions) (*Conn, error) {
	c, err := compose(url, opts)
	if err != nil {
		return nil, err
	}
	target := c.target
	dialer, op := c.Dialer, ""
	if dialer == nil {
		dialer, op = netDialer{}, "connecting to"
	}
	stream, err := dialer.Dial(ctx, target.Addr)
	if err != nil {
		return nil, &DialError{Op: op, Addr: target.Addr, Err: err}
	}
	if target.Secure {
		secure := tls.Client(stream, tlsConfig(c.TLS, target.Name))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, closeFailed(stream, target.Addr, &DialError{Op: "TLS with", Addr: target.Addr, Err: err})
		}
		stream = secure
	}
	return c.open(ctx, stream)
}

// closeFailed closes the stream to addr after err, and returns that, or what is behind it
// where the device under the stream has failed.
func closeFailed(stream io.Closer, addr string, err error) error {
	if failed := closeStream(stream); failed != nil && !deviceFailed(err) {
		return &DialError{Addr: addr, Err: failed}
	}
	return err
}

func tlsConfig(config *tls.Config, name string) *tls.Config {
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = name
	}
	return config
}

// netDialer is plain TCP, with dead peers noticed.
type netDialer struct{}

var watch = tcplimit.New(0)

func (netDialer) Dial(ctx context.Context, addr string) (net.Conn, error) {
	return watch.Dial(ctx, "tcp", addr)
}

// Client does the opening handshake for url over a stream that is open already,
// TLS included where there is any. On an error the stream is closed.
func Client(ctx context.Context, stream net.Conn, url string, opts *DialOptions) (*Conn, error) {
	c, err := compose(url, opts)
	if err != nil {
		stream.Close()
		return nil, err
	}
	return c.open(ctx, stream)
}

// RequestError says that the options of a Dial make a request that must not be sent, such
// as one with a line end in a field. Nothing was dialled.
type RequestError struct{ Err error }

func (e *RequestError) Error() string { return "the request cannot be sent: " + e.Err.Error() }

func (e *RequestError) Unwrap() error { return e.Err }

// compose makes the request of a handshake, before there is a stream.
func compose(url string, opts *DialOptions) (*clientHandshake, error) {
	target, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	c := &clientHandshake{DialOptions: opts.defaults(), target: target}
	if target.Dialect != "" {
		c.Dialect = target.Dialect
	}
	if err := c.compose(); err != nil {
		return nil, err
	}
	if err := c.request.Check(); err != nil {
		return nil, &RequestError{err}
	}
	return c, nil
}

// open does the handshake over a stream.
func (c *clientHandshake) open(ctx context.Context, stream net.Conn) (*Conn, error) {
	c.exchange = newExchange(stream, c.Trace)
	conn, err := c.run(ctx)
	if err != nil {
		if failed := closeFailed(stream, c.target.Addr, err); failed != err {
			return nil, failed
		}
		return nil, explainHandshake(stream, err)
	}
	return conn, nil
}

// Package broker is what the endpoints on message brokers, endpoints/mqtt and endpoints/nats, have in common: how their
// URLs are read, their options, the queue towards Receive, and the envelope that carries a topic with a message. It
// knows no protocol.
package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/tcplimit"
	"github.com/ws76/ws76/internal/textfile"
)

// Defaults where an option says nothing.
const (
	DefaultConnectTimeout = 10 * time.Second
	DefaultMaxMessage     = 16 << 20
	DefaultPending        = 8192
	DefaultPendingBytes   = 16 << 20
)

// Options of an endpoint. The zero value, like a nil pointer, is ready to use.
type Options struct {
	// TLS is for the schemes that say so; its ServerName is filled in. nil checks
	// the broker against the system's authorities.
	TLS *tls.Config
	// Password is used where the URL has none.
	Password string
	// Dial opens connections; nil is TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// ConnectTimeout bounds one attempt to connect, up to the broker's answer.
	ConnectTimeout time.Duration
	// MaxMessage bounds a message that comes in, in bytes.
	MaxMessage int64
	// Pending and PendingBytes bound what has come in and waits to be received. One message is taken whatever its size.
	Pending      int
	PendingBytes int64
	// Note is told when the connection is lost, is there again, and of what the broker grants less than was asked. It
	// may be called from any goroutine and must not call the endpoint. nil: nobody is.
	Note func(text string)
	// Lost is told of messages that got lost, as far as that is known: n of them, and why. Called as Note is.
	Lost func(n uint64, why string)
}

// WithDefaults returns o, which may be nil, with what it leaves out.
func (o *Options) WithDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Dial == nil {
		out.Dial = tcplimit.New(0).Dial
	}
	if out.ConnectTimeout <= 0 {
		out.ConnectTimeout = DefaultConnectTimeout
	}
	if out.MaxMessage <= 0 {
		out.MaxMessage = DefaultMaxMessage
	}
	if out.Pending <= 0 {
		out.Pending = DefaultPending
	}
	if out.PendingBytes <= 0 {
		out.PendingBytes = DefaultPendingBytes
	}
	if out.Note == nil {
		out.Note = func(string) {}
	}
	if out.Lost == nil {
		out.Lost = func(uint64, string) {}
	}
	return out
}

// Stats are the counters of an endpoint.
type Stats struct {
	Received       uint64 // messages that Receive or Pump has handed out
	Sent           uint64 // messages that Send or Queue took
	Lost           uint64 // messages known to be lost, in either direction
	Again          uint64 // messages handed out that may have been before
	Reconnects     uint64 // connections after the first
	Pending        int    // messages that wait to be received
	Unacknowledged int    // messages on their way to the broker
}

// RefusedError is the answer of a broker that says no.
type RefusedError struct {
	Doing string // "connecting to mqtt://host:1883", `subscribing to "a/#"`
	Got   string // "not authorized (0x87)"
	Hint  string // what would help; may be ""
}

func (e *RefusedError) Error() string {
	text := e.Doing + ": the broker refuses: " + e.Got
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// KindOf returns the kind of a payload, which brokers do not tell: text where it is
// UTF-8, unless all is binary.
func KindOf(data []byte, binary bool) core.Kind {
	if binary || !utf8.Valid(data) {
		return core.Binary
	}
	return core.Text
}

// maxSecret bounds a file with a secret.
const maxSecret = 64 << 10

// ReadSecret returns the first line of a file, which holds a password or a token.
func ReadSecret(what, file string) (string, error) {
	f, err := textfile.Open(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("%s %q: its first line is empty", what, file)
	}
	return line, nil
}

// Bounds of the wait between two attempts to connect.
const (
	minWait = 250 * time.Millisecond
	maxWait = 30 * time.Second
)

// Backoff is the wait between attempts to connect: each about twice as long as the
// one before, by chance a little shorter, so that many clients of a broker that
// comes back do not come at once. The zero value is ready to use.
type Backoff struct{ wait time.Duration }

// Reset begins again with the shortest wait.
func (b *Backoff) Reset() { b.wait = 0 }

// Wait returns after the next wait, or the cause of ctx when that ends.
func (b *Backoff) Wait(ctx context.Context) error {
	t := time.NewTimer(b.next())
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *Backoff) next() time.Duration {
	b.wait = min(max(2*b.wait, minWait), maxWait)
	return b.wait/2 + rand.N(b.wait/2+1)
}

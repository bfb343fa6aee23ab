// Package natsconn connects to NATS, for all that uses it: the backplane of
// core/hub and the endpoint of endpoints/nats.
package natsconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ws76/ws76/internal/tcplimit"
)

const connectTimeout = 5 * time.Second

// Options of a connection. The zero value connects without proof of who it is.
type Options struct {
	// Name is shown to who looks at the server.
	Name string
	// Credentials is a file with a JWT and its seed, as nsc writes it, NKey one with
	// a seed. User and Password, or Token, are what they say.
	Credentials, NKey, User, Password, Token string
	// TLS, where it is not nil, is used and demanded.
	TLS *tls.Config
	// Dial opens connections; nil is TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout bounds one attempt to connect. 0 is 5 s.
	Timeout time.Duration
	// PendingBytes bounds what may wait to be sent while there is no connection; below 0 nothing may.
	PendingBytes int
	// Waiting, where it is not nil, says how many bytes are waiting to be written; nothing that is done with the
	// connection waits for the network then, and the caller has to publish no more where much waits. What the server is
	// told of a deadline for writing does nothing: that it does not answer is seen by its pings.
	Waiting *atomic.Int64
	// Note is told when the connection is lost, is there again, and of what the server complains about. nil: nobody is.
	Note func(text string)
	// Failed is called for each error that the server tells, and reports whether Note need
	// not be told. nil: it always is.
	Failed func(error) bool
	// InboxPrefix is what the subjects of answers begin with; "" is _INBOX.
	InboxPrefix string
	// Changed is called when the connection is lost, is there again or has ended.
	Changed func()
}

// Connect connects to one of urls. It returns an error where none can be reached
// now; a connection that is lost later is made again, for ever.
func Connect(ctx context.Context, urls []string, o *Options) (*nats.Conn, error) {
	type result struct {
		conn *nats.Conn
		err  error
	}
	options, err := o.options(ctx)
	if err != nil {
		return nil, err
	}
	connected := make(chan result, 1)
	go func() {
		conn, err := nats.Connect(strings.Join(urls, ","), options...)
		connected <- result{conn, err}
	}()
	var r result
	select {
	case r = <-connected:
	case <-ctx.Done():
		// It has a timeout of its own, and its end is waited for.
		if r = <-connected; r.err == nil {
			r.conn.Close()
		}
		r.err = context.Cause(ctx)
	}
	if r.err != nil {
		return nil, fmt.Errorf("connecting to NATS at %s: %w", redacted(urls), r.err)
	}
	return r.conn, nil
}

func (o *Options) options(ctx context.Context) ([]nats.Option, error) {
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = connectTimeout
	}
	changed := func() {
		if o.Changed != nil {
			o.Changed()
		}
	}
	options := []nats.Option{
		nats.Name(o.Name), nats.NoEcho(), nats.Timeout(timeout),
		nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectJitter(250*time.Millisecond, time.Second),
		nats.IgnoreAuthErrorAbort(), nats.ReconnectBufSize(o.PendingBytes),
		nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.note("NATS: connection lost: %v; connecting again", err)
			}
			changed()
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			o.note("NATS: connected again, to %s", c.ConnectedUrlRedacted())
			changed()
		}),
		nats.ClosedHandler(func(*nats.Conn) { changed() }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			// Who subscribes counts what a slow consumer loses.
			said := o.Failed != nil && o.Failed(err)
			if !said && !errors.Is(err, nats.ErrSlowConsumer) {
				o.note("NATS: %v", err)
			}
		}),
	}
	if o.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(o.InboxPrefix))
	}
	if o.Credentials != "" {
		options = append(options, nats.UserCredentials(o.Credentials))
	}
	if o.NKey != "" {
		option, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, fmt.Errorf("NATS: key file %q: %w", o.NKey, err)
		}
		options = append(options, option)
	}
	if o.User != "" || o.Password != "" {
		options = append(options, nats.UserInfo(o.User, o.Password))
	}
	if o.Token != "" {
		options = append(options, nats.Token(o.Token))
	}
	if o.TLS != nil {
		options = append(options, nats.Secure(o.TLS))
	}
	dial := o.Dial
	if dial == nil {
		dial = tcplimit.New(0).Dial
	}
	options = append(options, nats.SetCustomDialer(dialer{context.WithoutCancel(ctx), timeout, dial, o.Waiting}))
	return options, nil
}

func (o *Options) note(format string, args ...any) {
	if o.Note != nil {
		o.Note(fmt.Sprintf(format, args...))
	}
}

// dialer is nats.CustomDialer.
type dialer struct {
	ctx     context.Context
	timeout time.Duration
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	waiting *atomic.Int64
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(d.ctx, d.timeout)
	defer cancel()
	conn, err := d.dial(ctx, network, address)
	if err != nil || d.waiting == nil {
		return conn, err
	}
	return newQueued(conn, d.waiting), nil
}

// redacted returns URLs for errors, without who connects.
func redacted(urls []string) string {
	shown := make([]string, len(urls))
	for i, raw := range urls {
		if u, err := url.Parse(raw); err == nil {
			shown[i] = u.Scheme + "://" + u.Host // a user may be a token
		}
	}
	return strings.Join(shown, ", ")
}

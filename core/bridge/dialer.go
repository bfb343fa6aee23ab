package bridge

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/serve/channels"
)

// Dialer opens a WebSocket for each client: its Open is an [Opener]. The client's
// sub-protocols are asked for, and its origin is passed on.
type Dialer struct {
	// URL is where to; see core.ParseURL.
	URL *Template
	// Options are those of every connection; an Origin takes the place of the client's.
	Options core.DialOptions
	// PassHeader names the fields of the client's request that are passed on. With Cookie
	// among them, the cookies that are set in the answer are passed back.
	PassHeader []string
	// Dial dials in place of core.Dial. o is its own.
	Dial func(ctx context.Context, url string, o *core.DialOptions) (*core.Conn, error)
}

// setCookies are the fields that the drafts and RFC 6265 set cookies with.
var setCookies = []string{"Set-Cookie", "Set-Cookie2"}

// Open opens a WebSocket for c. Errors: *AddressError where the client's request makes no
// address, and those of Dial.
func (d *Dialer) Open(ctx context.Context, c *Client) (relay.Endpoint, error) {
	url, err := d.URL.Expand(c.Values(), "")
	if err != nil {
		return nil, &AddressError{err}
	}
	target, err := core.ParseURL(url)
	if err != nil {
		return nil, &AddressError{err}
	}
	o := d.Options
	o.Dialect = cmp.Or(target.Dialect, o.Dialect, core.DefaultDialect)
	o.Protocols = c.Protocols
	if c.Protocol != "" {
		o.Protocols = []string{c.Protocol}
	}
	if len(o.Protocols) > 1 && o.Dialect.Lacks().Choice {
		o.Protocols = o.Protocols[:1] // the drafts know one
	}
	if c.Request != nil {
		if o.Origin == "" {
			o.Origin = core.OriginOf(c.Request.Fields)
		}
		o.Header = append(o.Header[:len(o.Header):len(o.Header)], fieldsNamed(c.Request.Fields, d.PassHeader)...)
	}
	o.Trace = c.trace(o.Trace, relay.B)
	if slices.ContainsFunc(d.PassHeader, func(name string) bool { return strings.EqualFold(name, "Cookie") }) {
		o.Opened = func(r *hixie.Response) { c.Answer = fieldsNamed(r.Fields, setCookies) }
	}
	dial := d.Dial
	if dial == nil {
		dial = core.Dial
	}
	conn, err := dial(ctx, url, &o)
	if err != nil {
		return nil, err
	}
	if c.Protocol != conn.Protocol() && c.Protocol != "" {
		conn.Close(ctx)
		return nil, fmt.Errorf("TO agrees to sub-protocol %q now, and %q was agreed on", conn.Protocol(), c.Protocol)
	}
	return conn, nil
}

// AddressError says that a client's request makes no address of the other side.
type AddressError struct{ Err error }

func (e *AddressError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong with it.
func (e *AddressError) Unwrap() error { return e.Err }

// Values are what the names of a Template stand for when the other side is opened for c.
func (c *Client) Values() *Values {
	v := &Values{Remote: c.Remote}
	if host, _, err := net.SplitHostPort(c.Remote); err == nil {
		v.Remote = host
	}
	if c.Request == nil {
		return v
	}
	v.Path, v.Query, _ = strings.Cut(c.Request.Resource, "?")
	v.Origin = core.OriginOf(c.Request.Fields)
	if path, ok, err := channels.ParsePath(c.Request.Resource); ok && err == nil {
		v.Channel = path.Channel
	}
	return v
}

// fieldsNamed returns the fields of these names.
func fieldsNamed(fields hixie.Fields, names []string) (named hixie.Fields) {
	for _, f := range fields {
		if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, f.Name) }) {
			named = append(named, f)
		}
	}
	return named
}

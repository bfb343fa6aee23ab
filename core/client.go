package core

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/ws76/ws76/core/hixie"
)

// clientHandshake opens a connection from the client's side, one method a step.
type clientHandshake struct {
	DialOptions
	exchange
	target Target

	opening    hixie.Opening
	answer     [16]byte        // what a server of draft 76 must say
	key        string          // of RFC 6455
	mask       func() *[4]byte // of RFC 6455
	request    hixie.Request
	behind     []byte // leaves in one write with the request
	response   hixie.Response
	protocol   string
	compressed bool
}

func (c *clientHandshake) run(ctx context.Context) (*Conn, error) {
	if err := c.send(ctx); err != nil {
		return nil, c.failed("sending the request", err)
	}
	if err := c.receive(ctx); err != nil {
		return nil, c.failed("reading the answer", err)
	}
	if err := protocolOf(c.Dialect).check(ctx, c); err != nil {
		return nil, c.failed("checking the answer", err)
	}
	c.done()
	if c.Opened != nil {
		c.Opened(&c.response)
	}
	return newConn(c.stream, connConfig{
		dialect: c.Dialect, client: true, protocol: c.protocol, request: c.request,
		maxMessage: c.MaxMessage, closeTimeout: c.CloseTimeout, pending: c.Pending, trace: c.Trace,
		compressed: c.compressed, mask: c.mask, early: c.buf,
	}), nil
}

// compose makes the request, with a challenge where the dialect has one.
func (c *clientHandshake) compose() error {
	c.opening = hixie.Opening{
		Draft: hixie.Draft76, Secure: c.target.Secure, Host: c.target.Host, Resource: c.target.Resource,
		Origin: c.Origin, HasOrigin: true, Protocols: c.Protocols,
	}
	if c.Origin == "" {
		c.opening.Origin = c.target.origin()
	}
	// A field of the caller's changes what the answer must repeat.
	if host, ok := c.Header.Get("Host"); ok {
		c.opening.Host = host
	}
	if origin, ok := c.Header.Get("Origin"); ok {
		c.opening.Origin = origin
	}
	p := protocolOf(c.Dialect)
	if p == nil {
		return fmt.Errorf("no dialect %q; there are %v", c.Dialect, Dialects)
	}
	if err := p.compose(c); err != nil {
		return err
	}
	if c.target.User != nil && c.Header.Count("Authorization") == 0 {
		password, _ := c.target.User.Password()
		plain := c.target.User.Username() + ":" + password
		c.request.Fields = append(c.request.Fields, hixie.Field{
			Name: "Authorization", Value: "Basic " + base64.StdEncoding.EncodeToString([]byte(plain))})
	}
	c.addHeader()
	return nil
}

// addHeader puts in the caller's fields, each in place of ours of that name.
func (c *clientHandshake) addHeader() {
	named := func(name string) (fields hixie.Fields) {
		for _, f := range c.Header {
			if strings.EqualFold(f.Name, name) {
				fields = append(fields, f)
			}
		}
		return fields
	}
	ours := c.request.Fields
	c.request.Fields = nil
	for _, f := range ours {
		if theirs := named(f.Name); theirs != nil {
			c.request.Fields = append(c.request.Fields, theirs...)
			continue
		}
		c.request.Fields = append(c.request.Fields, f)
	}
	for _, f := range c.Header {
		if ours.Count(f.Name) == 0 {
			c.request.Fields = append(c.request.Fields, f)
		}
	}
}

func (c *clientHandshake) send(ctx context.Context) error {
	c.trace.request(&c.request)
	return c.write(ctx, append(hixie.AppendRequest(nil, &c.request), c.behind...))
}

func (c *clientHandshake) receive(ctx context.Context) error {
	response, n, err := head(ctx, &c.exchange, hixie.ParseResponse)
	if err != nil {
		if len(c.buf) > 0 {
			return fmt.Errorf("%w; it begins %q", err, c.buf[:min(len(c.buf), 64)])
		}
		return err
	}
	c.response, c.buf = response, c.buf[n:]
	c.trace.response(&response)
	return nil
}

// failed turns whatever went wrong at a step into a *HandshakeError. The cause of
// a context that ended stays what errors.Is and errors.As find.
func (c *clientHandshake) failed(step string, err error) error {
	he := &HandshakeError{Dialect: c.Dialect, Step: step, Err: err, Status: c.response.Status, Fields: c.response.Fields}
	var check *hixie.CheckError
	if errors.As(err, &check) {
		he.Step, he.Field, he.Got, he.Want = check.Step, check.Field, check.Got, check.Want
		if check.Step == hixie.StepStatus {
			he.Body = c.body()
		}
	}
	return he
}

// maxRefusal is enough for what a bridge says of a server that says why.
const maxRefusal = 1 << 10

// body is what came with a refusal and is here already.
func (c *clientHandshake) body() []byte { return c.buf[:min(len(c.buf), maxRefusal)] }

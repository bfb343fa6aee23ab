package core

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"strings"

	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/rfc6455"
)

// clientHandshake opens a connection from the client's side, one method a step.
type clientHandshake struct {
	DialOptions
	exchange
	target Target

	opening  hixie.Opening
	answer   [16]byte // what a server of draft 76 must say
	key      string   // of RFC 6455
	request  hixie.Request
	response hixie.Response
	protocol string
	flate    *rfc6455.Flate
}

func (c *clientHandshake) run(ctx context.Context) (*Conn, error) {
	if err := c.send(ctx); err != nil {
		return nil, c.failed("sending the request", err)
	}
	if err := c.receive(ctx); err != nil {
		return nil, c.failed("reading the answer", err)
	}
	if err := c.check(ctx); err != nil {
		return nil, c.failed("checking the answer", err)
	}
	c.done()
	if c.Opened != nil {
		c.Opened(&c.response)
	}
	config := connConfig{
		dialect: c.Dialect, client: true, protocol: c.protocol, request: c.request,
		maxMessage: c.MaxMessage, closeTimeout: c.CloseTimeout, pending: c.Pending, trace: c.Trace,
		flate: c.flate, early: c.buf,
	}
	if !c.Dialect.Hixie() {
		mask, err := newMasker(c.Rand)
		if err != nil {
			return nil, c.failed("making a masking key", err)
		}
		config.mask = mask
	}
	return newConn(c.stream, config), nil
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
	var err error
	switch c.Dialect {
	case Hixie75:
		c.opening.Draft = hixie.Draft75
		c.request = c.opening.Request()
	case Hixie76:
		err = c.compose76()
	case RFC6455:
		err = c.compose6455()
	default:
		err = fmt.Errorf("no dialect %q; there are %v", c.Dialect, Dialects)
	}
	if err != nil {
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

func (c *clientHandshake) compose76() error {
	generator := hixie.NewGenerator(c.Rand)
	switch given := []bool{c.Key1 != "", c.Key2 != "", len(c.Key3) > 0}; {
	case !slices.Contains(given, true):
		challenge, err := generator.Next()
		if err != nil {
			return err
		}
		c.opening.Challenge = challenge
	case slices.Contains(given, false):
		return errors.New("a fixed challenge needs key1, key2 and key3")
	case len(c.Key3) != 8:
		return fmt.Errorf("key3 has %d bytes, want 8", len(c.Key3))
	default:
		c.opening.Challenge = hixie.Challenge{Key1: []byte(c.Key1), Key2: []byte(c.Key2), Key3: [8]byte(c.Key3)}
	}
	var err error
	if c.answer, err = c.opening.Challenge.Answer(); err != nil {
		return fmt.Errorf("fixed challenge: %w", err)
	}
	c.request = c.opening.Request()
	if c.FixedOrder {
		return nil
	}
	// Section 4.1, step 24: the fields go out in a random order.
	return generator.Shuffle(c.request.Fields)
}

func (c *clientHandshake) compose6455() (err error) {
	if c.key, err = rfc6455.NewKey(c.Rand); err != nil {
		return err
	}
	fields := hixie.Fields{
		{Name: "Host", Value: c.opening.Host}, {Name: "Upgrade", Value: "websocket"}, {Name: "Connection", Value: "Upgrade"},
		{Name: "Origin", Value: c.opening.Origin},
		{Name: "Sec-WebSocket-Version", Value: rfc6455.Version}, {Name: "Sec-WebSocket-Key", Value: c.key},
	}
	if len(c.Protocols) > 0 {
		fields = append(fields, hixie.Field{Name: "Sec-WebSocket-Protocol", Value: strings.Join(c.Protocols, ", ")})
	}
	if c.Compress {
		fields = append(fields, hixie.Field{Name: "Sec-WebSocket-Extensions", Value: rfc6455.Offer()})
	}
	c.request = hixie.Request{Method: "GET", Resource: c.target.Resource, Proto: "HTTP/1.1", Fields: fields}
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
	out := hixie.AppendRequest(nil, &c.request)
	if c.Dialect == Hixie76 {
		// In one write with the head: several servers fail when it comes alone.
		out = append(out, c.opening.Challenge.Key3[:]...)
	}
	return c.write(ctx, out)
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

func (c *clientHandshake) check(ctx context.Context) error {
	if !c.Dialect.Hixie() {
		return c.check6455()
	}
	protocol, tolerated, err := c.opening.Check(&c.response, c.Strict)
	for _, t := range tolerated {
		c.trace.note("tolerated: %v", t)
	}
	if err != nil {
		return err
	}
	c.protocol = protocol
	if c.Dialect == Hixie75 {
		return nil
	}
	answer, err := c.bytes(ctx, 16)
	if err != nil {
		return fmt.Errorf("the 16 bytes that answer the challenge: %w", err)
	}
	return hixie.CheckAnswer([16]byte(answer), c.answer)
}

// check6455 does the checks of RFC 6455, section 4.1.
func (c *clientHandshake) check6455() error {
	r := &c.response
	fail := func(step, field, want string) error {
		got, ok := r.Fields.Get(field)
		return &hixie.CheckError{Step: step, Field: field, Got: got, Want: want, Missing: !ok}
	}
	if r.Status != 101 {
		// The drafts' check says what such an answer may mean.
		_, _, err := c.opening.Check(r, c.Strict)
		return err
	}
	accept, _ := r.Fields.Get("Sec-WebSocket-Accept")
	switch {
	case !r.Fields.HasToken("Upgrade", "websocket"):
		return fail(hixie.StepUpgrade, "Upgrade", "websocket")
	case !r.Fields.HasToken("Connection", "upgrade"):
		return fail(hixie.StepConnection, "Connection", "Upgrade")
	case strings.TrimSpace(accept) != rfc6455.AcceptKey(c.key):
		return fail(hixie.StepAnswer, "Sec-WebSocket-Accept", rfc6455.AcceptKey(c.key))
	}
	protocol, _ := r.Fields.Get("Sec-WebSocket-Protocol")
	if c.protocol = strings.TrimSpace(protocol); c.protocol != "" && !slices.Contains(c.Protocols, c.protocol) {
		return fail(hixie.StepProtocol, "Sec-WebSocket-Protocol", "one that was asked for")
	}
	extensions := strings.Join(r.Fields.Values("Sec-WebSocket-Extensions"), ", ")
	_, compressed, err := rfc6455.Accept(extensions)
	if err != nil || extensions != "" && !c.Compress {
		return &hixie.CheckError{Step: "extensions", Field: "Sec-WebSocket-Extensions", Got: extensions, Want: "what was offered"}
	}
	if compressed {
		c.flate = new(rfc6455.Flate)
	}
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

// newMasker returns a source of masking keys. RFC 6455, section 5.3 wants them
// unpredictable to whoever writes the payload; ChaCha8 with a secret seed is.
func newMasker(r io.Reader) (func() *[4]byte, error) {
	var seed [32]byte
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return nil, err
	}
	source := mathrand.NewChaCha8(seed)
	var key [4]byte
	return func() *[4]byte {
		binary.LittleEndian.PutUint32(key[:], uint32(source.Uint64()))
		return &key
	}, nil
}

package channels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/format"
	"github.com/ws76/ws76/core/rfc6455"
	"github.com/ws76/ws76/core/serve"
)

// HTTP serves channels to clients that speak no WebSocket, curl for one: a POST to /ws/CHANNEL/wo or rw publishes its
// body, a GET of /ws/CHANNEL/ro or rw is a stream of messages: as lines, in another format of core/relay/format with
// ?format=json and the like, or as server-sent events where Accept says so.
type HTTP struct {
	Hub *hub.Hub
	// MaxMessage bounds what is published. 0: core.DefaultMaxMessage.
	MaxMessage int64
	// MessageTimeout bounds the time that it may take to arrive. 0: core.DefaultMessageTimeout; below 0: no bound.
	MessageTimeout time.Duration
	// Pending is core.AcceptOptions'.
	Pending *core.Budget
	// Queue and Slow are those of a stream's hub.EndpointOptions.
	Queue int
	Slow  core.Slow
	// Stop ends the streams: a graceful stop would wait for them for ever.
	Stop <-chan struct{}
	// Dropped is told at the end of a stream what its client was too slow for, and Unsent
	// what still waited for it otherwise; nil: nobody is.
	Dropped, Unsent func(channel string, n uint64)
	// Hooks returns what the messages of a request go through, or why it is refused. Side A is the client, B the channel.
	// ended, unless it is nil, is called when the request is over, with what went wrong. nil: there are no hooks.
	Hooks func(r *http.Request) (hooks []relay.Hook, ended func(error), refusal *core.Refusal)
}

// attach calls Hooks, and answers what is refused.
func (h *HTTP) attach(w http.ResponseWriter, r *http.Request) (hooks []relay.Hook, ended func(error), ok bool) {
	var refusal *core.Refusal
	if h.Hooks != nil {
		hooks, ended, refusal = h.Hooks(r)
	}
	if refusal != nil {
		http.Error(w, refusal.Text, refusal.Status)
		return nil, nil, false
	}
	if ended == nil {
		ended = func(error) {}
	}
	return hooks, ended, true
}

// ServeHTTP answers requests for paths below Prefix.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// The path as it was sent: a WebSocket has no other.
	p, below, err := ParsePath(r.RequestURI)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusNotFound)
	case !below:
		http.NotFound(w, r)
	case r.Method == http.MethodPost && p.publishes():
		h.publish(w, r, p)
	case r.Method == http.MethodGet && p.gets():
		h.stream(w, r, p)
	default:
		allowed := []string{}
		if p.gets() {
			allowed = append(allowed, http.MethodGet)
		}
		if p.publishes() {
			allowed = append(allowed, http.MethodPost)
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		http.Error(w, "a GET of /ws/"+p.Channel+"/ro streams messages, a POST to /ws/"+p.Channel+"/wo publishes one", http.StatusMethodNotAllowed)
	}
}

func (h *HTTP) publish(w http.ResponseWriter, r *http.Request, p Path) {
	most := h.MaxMessage
	if most <= 0 {
		most = core.DefaultMaxMessage
	}
	bound := h.MessageTimeout
	if bound == 0 {
		bound = core.DefaultMessageTimeout
	}
	until := time.Time{}
	if bound > 0 {
		until = time.Now().Add(bound)
	}
	http.NewResponseController(w).SetReadDeadline(until)
	pending := &pendingBody{Reader: http.MaxBytesReader(w, r.Body, most), budget: h.Pending, control: http.NewResponseController(w)}
	body, err := io.ReadAll(pending)
	pending.budget.Set(&pending.holding, pending, 0)
	var tooLarge *http.MaxBytesError
	switch {
	case err != nil && pending.givenUp.Load():
		w.Header().Set("Retry-After", "1")
		http.Error(w, core.ErrPendingFull.Error(), http.StatusServiceUnavailable)
		return
	case errors.As(err, &tooLarge):
		http.Error(w, core.ErrMessageTooLarge.Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "reading the message: "+err.Error(), http.StatusBadRequest)
		return
	}
	m := core.Message{Data: body}
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "application/octet-stream" {
		m.Kind = core.Binary
	}
	hooks, ended, ok := h.attach(w, r)
	if !ok {
		return
	}
	client := &poster{}
	if len(hooks) == 0 {
		err = h.Hub.Publish(p.Channel, m)
	} else {
		err = push(r.Context(), m, client, publisher{h.Hub, p.Channel}, hooks)
	}
	ended(err)
	var invalid *core.InvalidUTF8Error
	var hook *relay.HookError
	switch {
	case errors.As(err, &invalid):
		http.Error(w, invalid.Error()+"; binary needs Content-Type: application/octet-stream", http.StatusBadRequest)
	case errors.As(err, &hook): // what it says is not for clients
		http.Error(w, "a hook has stopped the message", http.StatusInternalServerError)
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		client.answer(w, r)
	}
}

// push takes one message through hooks, and waits until what they make of it is delivered.
func push(ctx context.Context, m core.Message, client, channel relay.Endpoint, hooks []relay.Hook) error {
	s, err := relay.NewSession(ctx, client, channel, &relay.Options{Hooks: hooks})
	if err != nil {
		return err
	}
	if err = s.Push(ctx, relay.AToB, m); errors.Is(err, relay.ErrStop) {
		err = nil
	}
	if failed := s.Close(context.WithoutCancel(ctx)); failed != nil {
		return failed
	}
	return err
}

// poster is a client that publishes one message, as an endpoint.
type poster struct {
	answers []core.Message
	size    int // of them in bytes
}

// maxAnswers bounds the size of what hooks may answer.
const maxAnswers = 16 << 20

func (*poster) Receive(context.Context) (core.Message, error) { return core.Message{}, io.EOF }
func (*poster) Close(context.Context) error                   { return nil }

// Send keeps what hooks answer.
func (p *poster) Send(_ context.Context, m core.Message) error {
	if p.size += len(m.Data); p.size > maxAnswers {
		return fmt.Errorf("the answers have more than %d bytes, which is the limit", maxAnswers)
	}
	p.answers = append(p.answers, core.Message{Kind: m.Kind, Data: bytes.Clone(m.Data)})
	return nil
}

// answer ends the request. What hooks have answered is in the form of a stream.
func (p *poster) answer(w http.ResponseWriter, r *http.Request) {
	if len(p.answers) == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	out, contentType, err := newStream(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", contentType)
	for _, m := range p.answers {
		if out.Write(m, format.Meta{Time: time.Now()}) != nil {
			return
		}
	}
	out.Flush()
}

// publisher is a channel as an endpoint that is sent to, from outside.
type publisher struct {
	hub     *hub.Hub
	channel string
}

func (publisher) Receive(context.Context) (core.Message, error) { return core.Message{}, io.EOF }
func (publisher) Close(context.Context) error                   { return nil }
func (p publisher) Send(_ context.Context, m core.Message) error {
	return p.hub.Publish(p.channel, m)
}

// pendingBody is a body that counts as an unfinished message while it is read.
type pendingBody struct {
	io.Reader
	n       int64
	budget  *core.Budget
	holding core.Holding
	control *http.ResponseController
	givenUp atomic.Bool
}

func (p *pendingBody) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.n += int64(n)
	p.budget.Set(&p.holding, p, p.n)
	return n, err
}

// GiveUp ends the read.
func (p *pendingBody) GiveUp() {
	p.givenUp.Store(true)
	p.control.SetReadDeadline(time.Unix(1, 0))
}

func (h *HTTP) stream(w http.ResponseWriter, r *http.Request, p Path) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	client := &reader{channel: p.Channel, control: http.NewResponseController(w)}
	var contentType string
	var err error
	if client.out, contentType, err = newStream(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	hooks, ended, ok := h.attach(w, r)
	if !ok {
		return
	}
	e, err := h.Hub.Endpoint(p.Channel, hub.EndpointOptions{Queue: h.Queue, Slow: h.Slow, GivenUp: func() { serve.Cut(r) }})
	if err != nil {
		ended(err)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-h.Stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer func() { cancel(); <-stopped }()

	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	var session *relay.Session
	if err = client.control.Flush(); err == nil {
		err = relay.Join(ctx, client, e, &relay.Options{Hooks: append(hooks, relay.Note(&session)), Until: r.Context()})
	}
	slow := errors.Is(err, hub.ErrSlow)
	if r.Context().Err() != nil { // to hang up is the client's way to end it
		err = &core.CloseError{Clean: true, ByPeer: true, Code: rfc6455.CodeNormal}
	}
	e.Close(context.WithoutCancel(ctx))
	ended(err)
	dropped, unsent := e.Dropped(), uint64(e.Queued())
	if slow {
		dropped, unsent = dropped+unsent, 0
	}
	if session != nil {
		unsent += session.Stats(relay.BToA).Lost(0)
	}
	tell(h.Dropped, p.Channel, dropped)
	tell(h.Unsent, p.Channel, unsent)
}

// tell tells who wants to know.
func tell(who func(channel string, n uint64), channel string, n uint64) {
	if n > 0 && who != nil {
		who(channel, n)
	}
}

// reader is a client that reads a stream, as an endpoint.
type reader struct {
	channel string
	out     writer
	control *http.ResponseController
}

// Receive waits: the client sends nothing.
func (*reader) Receive(ctx context.Context) (core.Message, error) {
	<-ctx.Done()
	return core.Message{}, context.Cause(ctx)
}

func (c *reader) Send(ctx context.Context, m core.Message) error {
	return errors.Join(c.Queue(ctx, m), c.Flush(ctx))
}

func (c *reader) Queue(_ context.Context, m core.Message) error {
	return c.out.Write(m, format.Meta{Path: c.channel, Time: time.Now()})
}

func (c *reader) Flush(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { c.control.SetWriteDeadline(time.Unix(1, 0)) })()
	return errors.Join(c.out.Flush(), c.control.Flush())
}

func (*reader) Close(context.Context) error { return nil }

// writer is a format.Writer, or an eventStream.
type writer interface {
	Write(m core.Message, meta format.Meta) error
	Flush() error
}

// newStream returns what writes messages in the form that r asks for.
func newStream(w io.Writer, r *http.Request) (out writer, contentType string, err error) {
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		return &eventStream{w: w}, "text/event-stream", nil
	}
	f := format.Lines
	if name := r.URL.Query().Get("format"); name != "" {
		if f, err = format.ParseOutput(name); err != nil {
			return nil, "", err
		}
	}
	switch f {
	case format.JSON:
		contentType = "application/x-ndjson"
	case format.Lines, format.Hex, format.Base64:
		contentType = "text/plain; charset=utf-8"
	default:
		contentType = "application/octet-stream"
	}
	return format.NewWriter(w, format.Options{Format: f}), contentType, nil
}

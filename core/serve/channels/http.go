package channels

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hub"
	"github.com/ws76/ws76/core/relay/format"
)

// HTTP serves channels to clients that speak no WebSocket, curl for one: a POST to
// /ws/CHANNEL/wo or rw publishes its body, a GET of /ws/CHANNEL/ro or rw is a
// stream of messages: as lines, in another format of core/relay/format with
// ?format=json and the like, or as server-sent events where Accept says so.
type HTTP struct {
	Hub *hub.Hub
	// MaxMessage bounds what is published. 0: core.DefaultMaxMessage.
	MaxMessage int64
	// MessageTimeout bounds the time that it may take to arrive. 0:
	// core.DefaultMessageTimeout; below 0: no bound.
	MessageTimeout time.Duration
	// Pending is core.AcceptOptions'.
	Pending *core.Budget
	// Queue and Slow are those of a stream's hub.EndpointOptions.
	Queue int
	Slow  hub.Slow
	// Stop ends the streams: a graceful stop would wait for them for ever.
	Stop <-chan struct{}
	// Dropped is told at the end of a stream what its client was too slow for; nil:
	// nobody is.
	Dropped func(channel string, n uint64)
}

// ServeHTTP answers requests for paths below Prefix.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	p, _, err := ParsePath(r.URL.RequestURI())
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusNotFound)
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
	var invalid *core.InvalidUTF8Error
	switch err := h.Hub.Publish(p.Channel, m); {
	case errors.As(err, &invalid):
		http.Error(w, err.Error()+"; binary needs Content-Type: application/octet-stream", http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
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
	e, err := h.Hub.Endpoint(p.Channel, hub.EndpointOptions{Queue: h.Queue, Slow: h.Slow})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer func() {
		e.Close(context.WithoutCancel(ctx))
		if n := e.Dropped(); n > 0 && h.Dropped != nil {
			h.Dropped(p.Channel, n)
		}
	}()
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

	out, contentType, err := newStream(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	if control.Flush() != nil {
		return
	}
	for {
		m, err := e.Receive(ctx)
		if err != nil {
			return
		}
		if out.Write(m, format.Meta{Path: p.Channel, Time: time.Now()}) != nil {
			return
		}
		if !e.Ready() && (out.Flush() != nil || control.Flush() != nil) {
			return
		}
	}
}

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

package main

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ws76/ws76/core"
)

// A wire is a serial line with the buffers of a system, in memory: what is written is
// taken at once, and the far end reads when it likes. The host opens and closes its end.
type wire struct {
	rate     atomicInt
	toModule chan []byte
	closed   chan struct{}
	once     sync.Once

	mu   sync.Mutex
	host *hostEnd
}

type atomicInt struct{ v atomic.Int64 }

func (a *atomicInt) Load() int { return int(a.v.Load()) }

func newWire() *wire {
	return &wire{toModule: make(chan []byte, 4096), closed: make(chan struct{})}
}

func (w *wire) open(baud int) net.Conn {
	w.rate.v.Store(int64(baud))
	near, far := net.Pipe()
	h := &hostEnd{Conn: near, w: w, far: far, in: make(chan []byte, 1<<16)}
	h.copying.Go(func() {
		for b := range h.in {
			far.Write(b)
		}
		far.Close()
	})
	w.mu.Lock()
	w.host = h
	w.mu.Unlock()
	return h
}

// kill is the end of the process that has the host's end open.
func (w *wire) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.host != nil {
		w.host.dead.Store(true)
		w.host = nil
	}
}

// hostEnd is the host's end while that has it open.
type hostEnd struct {
	net.Conn
	w       *wire
	far     net.Conn
	in      chan []byte
	copying sync.WaitGroup
	once    sync.Once
	dead    atomic.Bool // its process is: nothing that it writes leaves
}

func (h *hostEnd) Write(p []byte) (int, error) {
	if h.dead.Load() {
		return len(p), nil
	}
	select {
	case h.w.toModule <- append([]byte{}, p...):
		return len(p), nil
	case <-h.w.closed:
		return 0, io.ErrClosedPipe
	}
}

func (h *hostEnd) SetWriteDeadline(time.Time) error { return nil }

func (h *hostEnd) Close() error {
	h.once.Do(func() {
		h.w.mu.Lock()
		if h.w.host == h {
			h.w.host = nil
		}
		h.w.mu.Unlock()
		h.Conn.Close()
		close(h.in)
		h.copying.Wait()
	})
	return nil
}

// moduleEnd is the other.
type moduleEnd struct {
	w    *wire
	rest *[]byte
}

func (m moduleEnd) Read(p []byte) (int, error) {
	for len(*m.rest) == 0 {
		select {
		case *m.rest = <-m.w.toModule:
		case <-m.w.closed:
			return 0, io.EOF
		}
	}
	n := copy(p, *m.rest)
	*m.rest = (*m.rest)[n:]
	return n, nil
}

func (m moduleEnd) Write(p []byte) (int, error) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	if m.w.host != nil {
		m.w.host.in <- append([]byte{}, p...)
	}
	return len(p), nil
}

func (m moduleEnd) Close() error {
	m.w.once.Do(func() { close(m.w.closed) })
	return nil
}

// air is what a module's TCP reaches: an echo server at every address, silent at port
// 7, and who visits the module's own server.
type air struct {
	running sync.WaitGroup
	mu      sync.Mutex
	server  *airListener // of the module that listens, nil if none does
}

func (a *air) dial(context.Context, string) (net.Conn, error) {
	near, far := net.Pipe()
	a.running.Go(func() {
		defer far.Close()
		ctx := context.Background()
		conn, err := core.Accept(ctx, far, nil)
		if err != nil {
			return
		}
		defer conn.Close(ctx)
		for {
			m, err := conn.Receive(ctx)
			if err != nil || conn.Send(ctx, m) != nil {
				return
			}
		}
	})
	return near, nil
}

// airListener is the module's own server.
type airListener struct {
	a       *air
	clients chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (a *air) listen(context.Context, int) (net.Listener, error) {
	l := &airListener{a: a, clients: make(chan net.Conn), closed: make(chan struct{})}
	a.mu.Lock()
	a.server = l
	a.mu.Unlock()
	return l, nil
}

func (l *airListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.clients:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *airListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *airListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 2000} }

// visit is a client of the module's own server, once that is announced in out. Like any
// it tries again; in the end it calls done.
func (a *air) visit(ctx context.Context, out *transcript, done func()) {
	defer done()
	for try := 0; try < 100 && !strings.Contains(out.String(), "listening on"); try++ {
		if pause(ctx, time.Second) != nil {
			return
		}
	}
	for range 4 {
		if pause(ctx, 5*time.Second) != nil {
			return
		}
		if a.ask(ctx) == nil {
			io.WriteString(out, "served the visitor\n")
			pause(ctx, 5*time.Second)
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask has a question echoed.
func (a *air) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	a.mu.Lock()
	l := a.server
	a.mu.Unlock()
	near, far := net.Pipe()
	defer near.Close()
	if l == nil {
		return net.ErrClosed
	}
	select {
	case l.clients <- far:
	case <-l.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	conn, err := core.Client(ctx, near, "ws://192.0.2.7/", nil)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := conn.Send(ctx, core.Message{Data: []byte("question")}); err != nil {
		return err
	}
	_, err = conn.Receive(ctx)
	return err
}

// transcript is a buffer for several goroutines.
type transcript struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Package record writes what passes on connections to a recording (see package
// recording), which ws76 replay prints, plays and checks.
//
// A Recorder owns the writing, from a goroutine of its own: hooks never wait for
// a disk, only, within a bound, for memory. When the recording cannot be written
// it ends, and the connections go on.
//
//	c := recorder.Open(record.Opened(conn, recording.Client))
//	err := relay.Join(ctx, terminal, conn, &relay.Options{Hooks: c.Around(hooks, relay.B)})
//	c.Closed(conn, err)
//
// A nil *Recorder and its nil *Conn record nothing and cost nothing.
package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/core/relay/recording"
)

// What a list of plugins says of this one.
const (
	Summary = "writes what passes, with times, to a file that ws76 replay prints, plays and checks"
	Example = "ws76 connect ws://device.local/ --record session.jsonl"
)

// How much may wait to be written, and how long a message waits for room.
const (
	maxPending = 16 << 20
	maxWait    = 5 * time.Second
)

// ErrSlow ends a recording whose file is too slow for what passes.
var ErrSlow = fmt.Errorf("%d MiB waited to be written for %v", maxPending>>20, maxWait)

var errClosed = errors.New("the recording is closed")

// Options of a Recorder. The zero value is fine.
type Options struct {
	// Failed is called at most once, from a goroutine of the recorder's or of a
	// connection's, when the recording ends early. nil: never.
	Failed func(error)
	// Secret are the names of fields whose values are not written.
	Secret []string
	// Size is how much is in the file already, in whole lines, in bytes. It is appended
	// to, and stays whatever becomes of the recording.
	Size int64
}

// Recorder writes one recording of any number of connections. Its methods may be
// called from any goroutine.
type Recorder struct {
	w     io.Writer
	o     Options
	start time.Time
	done  chan struct{} // closed when nothing is written any more

	maxPending int
	maxWait    time.Duration

	mu      sync.Mutex
	changed sync.Cond // of what follows
	pending []byte    // whole lines
	conns   int
	open    map[int]recording.Open // connections that are
	next    *file                  // nil: the one at hand goes on
	err     error                  // why no more is taken
}

// file is where a recording goes on.
type file struct {
	w      io.Writer
	size   int64
	at     int // where in pending its lines begin
	closed func()
}

// Reopen goes on in w, which has size bytes of whole lines already, with a header and the
// connections that are open: what is there is a recording by itself. What came before is
// written to the file at hand, and done called, from another goroutine, when that is no
// longer needed. It returns false, and does nothing, where the recording has ended or the
// last Reopen is not done yet.
func (r *Recorder) Reopen(w io.Writer, size int64, done func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || r.next != nil {
		return false
	}
	r.next = &file{w, size, len(r.pending), done}
	r.start = time.Now()
	r.pending = recording.AppendHeader(r.pending, r.start)
	for _, id := range slices.Sorted(maps.Keys(r.open)) {
		r.append(&recording.Entry{Conn: id, Event: recording.Opened, Open: r.open[id]})
	}
	r.changed.Broadcast()
	return true
}

// New returns a Recorder that writes to w until Close, and does not close it.
// Where w has a method Truncate(int64) error, as an *os.File does, it is cut behind
// the last whole line after a failed write.
func New(w io.Writer, o Options) *Recorder {
	r := &Recorder{
		w: w, o: o, start: time.Now(), done: make(chan struct{}), maxPending: maxPending, maxWait: maxWait,
		open: make(map[int]recording.Open),
	}
	r.changed.L = &r.mu
	r.pending = recording.AppendHeader(nil, r.start)
	go r.write()
	return r
}

// Open begins to record a connection. It hides secrets in o.
func (r *Recorder) Open(o recording.Open) *Conn {
	if r == nil {
		return nil
	}
	o.Header = slices.Clone(o.Header)
	for i, f := range o.Header {
		if slices.ContainsFunc(r.o.Secret, func(name string) bool { return strings.EqualFold(name, f.Name) }) {
			o.Header[i].Value = "(hidden)"
		}
	}
	if u, err := url.Parse(o.URL); err == nil && u.User != nil {
		o.URL = u.Redacted()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns++
	c := &Conn{recorder: r, id: r.conns}
	r.open[c.id] = o
	r.append(&recording.Entry{Conn: c.id, Event: recording.Opened, Open: o})
	return c
}

// Close writes what is left, waits for it no longer than ctx, and has it put on
// the disk. It returns why the recording is not whole, or nil.
func (r *Recorder) Close(ctx context.Context) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	if r.err == nil {
		r.err = errClosed
	}
	r.changed.Broadcast()
	r.mu.Unlock()
	select {
	case <-r.done:
	case <-ctx.Done():
		return fmt.Errorf("writing the end of the recording: %w", context.Cause(ctx))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != errClosed {
		return r.err
	}
	if f, ok := r.w.(interface{ Sync() error }); ok {
		return f.Sync()
	}
	return nil
}

// append adds a line, at the time that it is now, once there is room. The caller
// holds r.mu.
func (r *Recorder) append(e *recording.Entry) {
	if len(r.pending) >= r.maxPending {
		r.wait()
	}
	if r.err != nil {
		return
	}
	e.T = time.Since(r.start)
	if len(r.pending) == 0 {
		r.changed.Broadcast()
	}
	r.pending = recording.AppendEntry(r.pending, e)
}

// wait waits for room, or ends the recording. The caller holds r.mu.
func (r *Recorder) wait() {
	late := false
	timer := time.AfterFunc(r.maxWait, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		late = true
		r.changed.Broadcast()
	})
	defer timer.Stop()
	for len(r.pending) >= r.maxPending && r.err == nil {
		if late {
			r.fail(ErrSlow)
			return
		}
		r.changed.Wait()
	}
}

// fail ends the recording. The caller holds r.mu, which is let go meanwhile.
func (r *Recorder) fail(err error) {
	if r.err != nil && r.err != errClosed {
		return
	}
	r.err = err
	r.pending = nil
	r.changed.Broadcast()
	if r.o.Failed != nil {
		r.mu.Unlock()
		r.o.Failed(err)
		r.mu.Lock()
	}
}

// write writes what is pending until the end.
func (r *Recorder) write() {
	defer close(r.done)
	var spare []byte
	written := r.o.Size // whole lines
	for {
		r.mu.Lock()
		for len(r.pending) == 0 && r.err == nil {
			r.changed.Wait()
		}
		batch, next := r.pending, r.next
		r.pending, r.next = spare[:0], nil
		r.changed.Broadcast()
		r.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		rest := batch
		if next != nil {
			if n, err := r.w.Write(batch[:next.at]); err != nil {
				r.cut(written + int64(bytes.LastIndexByte(batch[:n], '\n')+1))
			}
			// The new file is no worse for what the old one does not take.
			r.mu.Lock()
			r.w, written, rest = next.w, next.size, batch[next.at:]
			r.mu.Unlock()
			next.closed()
		}
		n, err := r.w.Write(rest)
		if err != nil {
			r.cut(written + int64(bytes.LastIndexByte(rest[:n], '\n')+1))
			r.mu.Lock()
			r.fail(err)
			r.mu.Unlock()
			return
		}
		written += int64(n)
		if spare = batch; cap(spare) > 1<<20 {
			spare = nil
		}
	}
}

// cut leaves whole lines in a file that took only a part of the last write. That
// it cannot is no news beside the error of the write.
func (r *Recorder) cut(size int64) {
	if f, ok := r.w.(interface{ Truncate(int64) error }); ok {
		f.Truncate(size)
	}
}

// Opened returns what is known of a connection that role has recorded.
func Opened(c *core.Conn, role recording.Side) recording.Open {
	request := c.Request()
	return recording.Open{
		Role: role, Dialect: c.Dialect(), Remote: c.RemoteAddr().String(), Protocol: c.Protocol(),
		Request: request.Method + " " + request.Resource + " " + request.Proto, Header: request.Fields,
	}
}

// Conn is a connection that is recorded.
type Conn struct {
	recorder *Recorder
	id       int
	closed   bool // guarded by the recorder's lock
}

// Message records a message; it keeps nothing of it. Nothing is recorded of a
// connection behind Closed.
func (c *Conn) Message(d recording.Direction, m core.Message) {
	if c == nil {
		return
	}
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	if !c.closed {
		c.recorder.append(&recording.Entry{Conn: c.id, Dir: d, Message: m})
	}
}

// Closed records the end of the connection, with what conn, which may be nil, and
// err, the session's, know of it. Further calls do nothing.
func (c *Conn) Closed(conn *core.Conn, err error) {
	if c == nil {
		return
	}
	var ended *core.CloseError
	if conn != nil {
		ended = conn.Ended()
	}
	if ended == nil {
		errors.As(err, &ended)
	}
	e := recording.Entry{Conn: c.id, Event: recording.Closed}
	switch {
	case ended != nil:
		e.Close = recording.Close{Clean: ended.Clean, Code: ended.Code, Reason: ended.Reason}
		if !ended.Clean {
			e.Close.Error = ended.Error()
		}
	case err != nil:
		e.Close.Error = err.Error()
	default:
		e.Close.Clean = true
	}
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	if !c.closed {
		c.closed = true
		delete(c.recorder.open, c.id)
		c.recorder.append(&e)
	}
}

// Around returns hooks with the recorder on both ends of them, where side is the
// one that is recorded: what came from it is recorded before the hooks, what goes
// to it behind them. So a recording has what was on the wire.
func (c *Conn) Around(hooks []relay.Hook, side relay.Side) []relay.Hook {
	if c == nil {
		return hooks
	}
	return slices.Concat([]relay.Hook{c.hook(recording.In, side.Other())}, hooks, []relay.Hook{c.hook(recording.Out, side)})
}

// hook records as d the messages that go to a side.
func (c *Conn) hook(d recording.Direction, to relay.Side) relay.Hook {
	return relay.HookFunc(func(_ *relay.Session, next relay.Sink) (relay.Sink, error) {
		return func(way relay.Direction, m core.Message) error {
			if way.To() == to {
				c.Message(d, m)
			}
			return next(way, m)
		}, nil
	})
}

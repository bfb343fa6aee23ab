package scripts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// stream is what ws76.open returns: bytes, without messages.
type stream struct {
	st   *state
	conn net.Conn
	buf  []byte // read and not taken; of whoever reads

	reading, writing *work // the last; guarded by the script's lock
	closed           bool
}

// work is one operation of a task on a stream.
type work struct {
	wait *wait
	done chan struct{} // closed when it has let go of the stream
}

// wsOpen is ws76.open(url).
func wsOpen(L *lua.LState) int {
	st := stateOf(L)
	s := st.script
	url := checkString(L, 1, "ws76.open: want a URL like \"tcp://device.local:23\"")
	if s.o.Open == nil {
		raise(L, "ws76.open: there is nothing to be opened here")
	}
	return st.async(L, "ws76.open", 0, func(ctx context.Context) (func() []lua.LValue, func()) {
		c, err := s.o.Open(ctx, url)
		if err != nil {
			return func() []lua.LValue { return failure(err) }, nil
		}
		return func() []lua.LValue {
			return []lua.LValue{st.newStream(c)}
		}, func() { c.Close() }
	})
}

// newStream makes a stream of a connection, and returns its object.
func (st *state) newStream(c net.Conn) lua.LValue {
	f := &stream{st: st, conn: c}
	st.opened[f] = true
	return st.object(f, streamObject)
}

// Close closes the stream. The caller has the lock.
func (f *stream) Close() {
	if !f.closed {
		f.closed = true
		delete(f.st.opened, f)
		f.conn.Close()
	}
}

func checkStream(L *lua.LState) *stream {
	return checkObject[*stream](L, L.Get(1), "a stream of ws76.open before the method")
}

func streamClose(L *lua.LState) int {
	stateOf(L)
	checkStream(L).Close()
	return 0
}

// operation is one that blocks.
type operation struct {
	what    string
	timeout int // which argument that is, in seconds
	// last keeps two tasks from doing the same; one that was cancelled in it may have yet to let go.
	last     **work
	deadline func(time.Time) error
	do       func() (lua.LValue, error)
	back     func(lua.LValue) // gets what do has read where nobody waits for it any more; nil: nothing
}

// work does an operation on a stream while the running task waits.
func (f *stream) work(L *lua.LState, o operation) int {
	var until time.Time
	var timeout time.Duration
	if L.Get(o.timeout) != lua.LNil {
		if timeout = checkSeconds(L, o.timeout); timeout == 0 {
			until = time.Unix(1, 0) // what is there already is taken
		}
	}
	last := *o.last
	switch {
	case f.closed:
		return fail(L, "closed", "the stream is closed")
	case last != nil && !last.wait.over:
		raise(L, "%s: another task (%s) does that on this stream already", o.what, last.wait.task.name)
	}
	now := &work{done: make(chan struct{})}
	results := f.st.async(L, o.what, 0, func(ctx context.Context) (func() []lua.LValue, func()) {
		if last != nil {
			<-last.done
		}
		o.deadline(until)
		given := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			o.deadline(time.Unix(1, 0))
			close(given)
		})
		v, err := o.do()
		if !stop() {
			<-given
		}
		taken := func(goesOn bool) {
			if !goesOn && err == nil && o.back != nil {
				o.back(v)
			}
			close(now.done)
		}
		return func() []lua.LValue {
			now.wait.taken = taken
			switch {
			case err == nil:
				return []lua.LValue{v}
			case errors.Is(err, os.ErrDeadlineExceeded):
				return timedOut()
			case err == io.EOF, errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
				return []lua.LValue{lua.LNil, lua.LString("closed")}
			}
			return failure(err)
		}, func() { taken(false) }
	})
	now.wait, *o.last = f.st.current.wait, now
	if timeout > 0 {
		f.st.wakeAfter(now.wait, timeout, timedOut()...)
	}
	return results
}

// streamReadLine is stream:read_line([timeout]), without the line's end.
func streamReadLine(L *lua.LState) int {
	stateOf(L)
	f := checkStream(L)
	limit := f.st.script.o.Limits.MaxString
	var raw []byte // with its end
	read := func() (lua.LValue, error) {
		for searched := 0; ; {
			if i := bytes.IndexByte(f.buf[searched:], '\n'); i >= 0 {
				raw = f.take(searched + i + 1)
				return lua.LString(bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))), nil
			}
			if searched = len(f.buf); searched > limit {
				return nil, errLine
			}
			if err := f.fill(); err == io.EOF && len(f.buf) > 0 {
				raw = f.take(len(f.buf))
				return lua.LString(raw), nil
			} else if err != nil {
				return nil, err
			}
		}
	}
	return f.work(L, operation{
		what: "stream:read_line", timeout: 2, last: &f.reading, deadline: f.conn.SetReadDeadline, do: read,
		back: func(lua.LValue) { f.back(raw) },
	})
}

// fill reads once. What a wait that takes too long has read is there for the next.
func (f *stream) fill() error {
	f.buf = slices.Grow(f.buf, 4096)
	n, err := f.conn.Read(f.buf[len(f.buf):cap(f.buf)])
	f.buf = f.buf[:len(f.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// take takes the first n bytes that were read; they are valid until the next fill.
func (f *stream) take(n int) []byte {
	p := f.buf[:n]
	f.buf = f.buf[n:]
	return p
}

// back is for what was taken for a task that does not go on.
func (f *stream) back(p []byte) { f.buf = append(bytes.Clone(p), f.buf...) }

var errLine = errors.New("the line is longer than --script-max-string allows")

// streamRead is stream:read(n[, timeout]): n bytes, fewer at the end.
func streamRead(L *lua.LState) int {
	stateOf(L)
	f := checkStream(L)
	n, ok := L.Get(2).(lua.LNumber)
	if limit := f.st.script.o.Limits.MaxString; !ok || n < 1 || n > lua.LNumber(limit) {
		raise(L, "stream:read: want a number of bytes, 1 to %d, got %s", limit, describe(L.Get(2)))
	}
	read := func() (lua.LValue, error) {
		for len(f.buf) < int(n) {
			if err := f.fill(); err == io.EOF && len(f.buf) > 0 {
				break
			} else if err != nil {
				return nil, err
			}
		}
		return lua.LString(f.take(min(int(n), len(f.buf)))), nil
	}
	return f.work(L, operation{
		what: "stream:read", timeout: 3, last: &f.reading, deadline: f.conn.SetReadDeadline, do: read,
		back: func(v lua.LValue) { f.back([]byte(v.(lua.LString))) },
	})
}

// streamWrite is stream:write(data[, timeout]).
func streamWrite(L *lua.LState) int {
	stateOf(L)
	f := checkStream(L)
	data := checkString(L, 2, "stream:write: want a string")
	write := func() (lua.LValue, error) {
		_, err := io.WriteString(f.conn, data)
		return lua.LTrue, err
	}
	return f.work(L, operation{what: "stream:write", timeout: 3, last: &f.writing, deadline: f.conn.SetWriteDeadline, do: write})
}

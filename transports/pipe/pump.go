package pipe

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// closeWait bounds how long Close of a pump waits for what was written to get
// through, and then for the stream's own calls to end.
const closeWait = time.Second

// Pump gives deadlines to a stream that has none, and an end to its calls that wait: two goroutines carry the bytes,
// and Read and Write wait for them instead. It owns rw. At most 32 KiB that Write has taken may not have got through
// yet; Close waits a second for them.
//
// Close ends both goroutines where closing rw ends its calls. A call that goes
// on is left behind, and with it what it reads.
func Pump(rw io.ReadWriteCloser, addr Addr) net.Conn {
	p := &pump{rw: rw, addr: addr, reading: make(chan struct{}), writing: make(chan struct{})}
	var fromStream, toStream net.Conn
	p.in, fromStream = net.Pipe()
	p.out, toStream = net.Pipe()
	go func() {
		defer close(p.reading)
		_, p.readErr = io.CopyBuffer(onlyWriter{fromStream}, onlyReader{rw}, make([]byte, 32<<10))
		fromStream.Close()
	}()
	go func() {
		defer close(p.writing)
		_, p.writeErr = io.CopyBuffer(onlyWriter{rw}, onlyReader{toStream}, make([]byte, 32<<10))
		toStream.Close()
		if half, ok := rw.(interface{ CloseWrite() error }); ok && p.writeErr == nil {
			half.CloseWrite()
		}
	}()
	return p
}

// onlyReader and onlyWriter hide what else a stream can do from io.CopyBuffer.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

type pump struct {
	rw      io.ReadWriteCloser
	addr    Addr
	in, out net.Conn // ends of pipes: read from, written to
	closed  atomic.Bool

	reading, writing  chan struct{} // closed when the goroutine has ended
	readErr, writeErr error         // that it ended with
}

// Read reads what the stream brought.
func (p *pump) Read(b []byte) (int, error) {
	n, err := p.in.Read(b)
	if err == io.EOF {
		<-p.reading // which closes the pipe last
		if p.readErr != nil {
			err = p.readErr
		}
	}
	return n, p.fail("read", err)
}

// Write hands b to the goroutine that writes to the stream.
func (p *pump) Write(b []byte) (int, error) {
	n, err := p.out.Write(b)
	if err == io.ErrClosedPipe && !p.closed.Load() {
		select {
		case <-p.writing:
			if p.writeErr != nil {
				err = p.writeErr
			}
		default:
		}
	}
	return n, p.fail("write", err)
}

func (p *pump) fail(op string, err error) error {
	switch {
	case err == nil, err == io.EOF:
		return err
	case p.closed.Load(), err == io.ErrClosedPipe:
		err = net.ErrClosed
	case is[*net.OpError](err):
		return err
	}
	return &net.OpError{Op: op, Net: p.addr.Net, Addr: p.addr, Err: err}
}

// CloseWrite lets what was written get through and ends the sending side.
func (p *pump) CloseWrite() error { return p.out.Close() }

// Close ends waiting calls and closes the stream.
func (p *pump) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.out.Close()
	p.in.Close()
	bound := time.NewTimer(closeWait)
	defer bound.Stop()
	select {
	case <-p.writing:
	case <-bound.C:
	}
	err := p.rw.Close()
	bound.Reset(closeWait)
	for _, done := range []chan struct{}{p.reading, p.writing} {
		select {
		case <-done:
		case <-bound.C:
			return err
		}
	}
	return err
}

func (p *pump) LocalAddr() net.Addr  { return p.addr }
func (p *pump) RemoteAddr() net.Addr { return p.addr }

func (p *pump) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

func (p *pump) SetReadDeadline(t time.Time) error {
	return p.fail("set", p.in.SetReadDeadline(t))
}

func (p *pump) SetWriteDeadline(t time.Time) error {
	return p.fail("set", p.out.SetWriteDeadline(t))
}

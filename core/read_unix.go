//go:build unix

package core

import (
	"io"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// lender reads from a socket into a buffer that it borrows only once there is something to read: an idle connection
// owns none, and busy ones share a few that stay in the processor's caches.
type lender struct {
	raw  syscall.RawConn
	read func(fd uintptr) (done bool) // l.tryRead, bound once

	buf *[readLarge]byte // nil: none borrowed
	n   int
	err error
}

var readBuffers = sync.Pool{New: func() any { return new([readLarge]byte) }}

func newSource(stream net.Conn) source {
	switch stream.(type) {
	case *net.TCPConn, *net.UnixConn:
		if raw, err := stream.(syscall.Conn).SyscallConn(); err == nil {
			l := &lender{raw: raw}
			l.read = l.tryRead
			return l
		}
	}
	return &growing{stream: stream}
}

func (l *lender) Read() ([]byte, error) {
	if l.buf != nil {
		readBuffers.Put(l.buf)
		l.buf = nil
	}
	if err := l.raw.Read(l.read); err != nil {
		return nil, err
	}
	if l.err != nil {
		return nil, l.err
	}
	return l.buf[:l.n], nil
}

func (l *lender) tryRead(fd uintptr) (done bool) {
	buf := readBuffers.Get().(*[readLarge]byte)
	for {
		l.n, l.err = unix.Read(int(fd), buf[:])
		switch {
		case l.err == unix.EINTR:
			continue
		case l.err == unix.EAGAIN:
			readBuffers.Put(buf)
			return false
		case l.n == 0 && l.err == nil:
			l.err = io.EOF
		}
		if l.err != nil {
			readBuffers.Put(buf)
			return true
		}
		l.buf = buf
		return true
	}
}

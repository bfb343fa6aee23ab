package outq

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The window of a real peer is small while it does not read, and large again when it
// has read everything.
func TestProbe(t *testing.T) {
	near, far := tcpPair(t)
	largest := Ask(near).Window
	if largest == 0 {
		t.Skip("this kernel does not tell")
	}
	Probe(near)
	near.Write(make([]byte, largest*7/4))
	small := until(t, near, func(st State) bool { return st.Waiting == 0 })
	if !small.Small(largest) {
		t.Fatalf("the window is %d of %d, and nothing is read", small.Window, largest)
	}
	if _, err := io.CopyN(io.Discard, far, int64(largest*7/4)); err != nil {
		t.Fatal(err)
	}
	until(t, near, func(st State) bool { return st.Window >= largest-largest/4 })
}

func until(t *testing.T, c *net.TCPConn, right func(State) bool) State {
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if st := Ask(c); right(st) {
			return st
		} else if time.Now().After(end) {
			t.Fatalf("it stays at %+v", st)
		}
	}
}

// tcpPair returns a connection whose far end has a small buffer.
func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10) })
	}}
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return c.(*net.TCPConn), a.(*net.TCPConn)
}

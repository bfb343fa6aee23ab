package deadpeer

import (
	"bytes"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair returns the two ends of a connection, each as w has it.
func pair(t *testing.T, w *Watch) (near, far *net.TCPConn) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := w.Listen(tcp, 0)
	defer l.Close()
	conn, err := w.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); accepted.Close() })
	return conn.(*net.TCPConn), accepted.(*net.TCPConn)
}

func timeoutOf(t *testing.T, c syscall.Conn) (ms int) {
	t.Helper()
	if err := control(c, func(fd int) { ms, _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT) }); err != nil {
		t.Fatal(err)
	}
	return ms
}

// What is dialled and what is accepted has the timeout; off is off.
func TestSet(t *testing.T) {
	for after, want := range map[time.Duration]int{0: 60000, 5 * time.Second: 5000, -1: 0} {
		near, far := pair(t, New(after))
		if a, b := timeoutOf(t, near), timeoutOf(t, far); a != want || b != want {
			t.Errorf("%v: %d ms dialled, %d accepted; want %d", after, a, b, want)
		}
	}
}

// A peer that is alive and does not read outlasts the time many times over, and what was
// written is there when it does.
func TestClosedWindow(t *testing.T) {
	const after = 300 * time.Millisecond
	w := New(after)
	near, far := pair(t, w)
	far.SetReadBuffer(4096)
	data := bytes.Repeat([]byte("x"), 64<<10)
	if _, err := near.Write(data); err != nil {
		t.Fatal(err)
	}
	near.CloseWrite()
	<-time.After(10 * after)
	got, err := io.ReadAll(far)
	if err != nil || len(got) != len(data) {
		t.Errorf("%d bytes of %d, %v", len(got), len(data), err)
	}
	// With the window open the time holds again.
	w.look()
	if ms := timeoutOf(t, near); ms != int(after.Milliseconds()) {
		t.Errorf("%d ms, want %v", ms, after)
	}
}

// What is closed is forgotten, and nothing is left that would wake up.
func TestForgets(t *testing.T) {
	w := New(time.Hour)
	near, far := pair(t, w)
	near.Close()
	far.Close()
	w.timer.Stop()
	if w.look(); len(w.conns) != 0 || w.timer != nil {
		t.Errorf("%d connections are watched still", len(w.conns))
	}
}

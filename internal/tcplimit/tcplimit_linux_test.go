package tcplimit

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
	// With the window open the time holds again, once it was silent for so long.
	<-time.After(after)
	w.look()
	if ms := timeoutOf(t, near); ms != int(after.Milliseconds()) {
		t.Errorf("%d ms, want %v", ms, after)
	}
}

// Who answers what it does not take is alive, whatever its window is; who does not answer
// is not, and has the time from its last answer on if it had answered.
func TestTimeout(t *testing.T) {
	const after = 60 * time.Second
	info := func(unacked, notsent, window uint32, retransmits uint8, sent, ack time.Duration) unix.TCPInfo {
		return unix.TCPInfo{Unacked: unacked, Notsent_bytes: notsent, Snd_wnd: window, Retransmits: retransmits,
			Last_data_sent: uint32(sent.Milliseconds()), Last_ack_recv: uint32(ack.Milliseconds())}
	}
	for _, c := range []struct {
		name  string
		info  unix.TCPInfo
		lasts bool
		want  time.Duration
	}{
		{"all is well", info(0, 0, 64<<10, 0, time.Hour, time.Hour), false, after},
		{"on its way", info(3, 0, 64<<10, 0, time.Millisecond, time.Hour), false, after},
		{"closed, and probes are answered", info(0, 1000, 0, 0, time.Hour, time.Second), false, 0},
		{"too small, and probes are answered", info(0, 1000, 240, 0, time.Hour, time.Second), false, 0},
		{"closed, and gone", info(0, 1000, 0, 0, time.Hour, time.Hour), true, after},
		{"open, and what is sent again is dropped with an answer", info(1, 1000, 240, 4, 3*time.Second, 3*time.Second), false, 0},
		{"the same, the answer a little later", info(1, 1000, 240, 4, 3*time.Second, 2999*time.Millisecond), false, 0},
		{"what is sent again is not answered", info(1, 1000, 64<<10, 4, time.Second, 20*time.Second), false, after},
		{"nor any more, and it was not long ago", info(1, 1000, 240, 5, time.Second, 20*time.Second), true, 0},
		{"nor any more, for long", info(1, 1000, 240, 9, time.Second, after), true, after},
		{"it reads again", info(1, 0, 64<<10, 0, time.Millisecond, after), true, after},
	} {
		if got := timeout(&c.info, after, c.lasts); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
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

// What is unsent is bounded on both sides, whether or not dead peers are noticed.
func TestUnsentIsBounded(t *testing.T) {
	for _, after := range []time.Duration{-1, time.Minute} {
		near, far := pair(t, New(after))
		for _, conn := range []*net.TCPConn{near, far} {
			most := 0
			control(conn, func(fd int) { most, _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT) })
			if most != Unsent {
				t.Errorf("%d bytes may be unsent", most)
			}
		}
	}
}

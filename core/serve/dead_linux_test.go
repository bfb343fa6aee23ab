package serve

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Each connection has its peer noticed, whatever its listener hands down.
func TestAcceptedPeersAreNoticed(t *testing.T) {
	for after, want := range map[time.Duration]int{0: 60_000, 7 * time.Second: 7_000, -1: 0} {
		l, err := newLoop(&Server{DeadAfter: after}, serving{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.release()
		nl, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer nl.Close()
		if err := l.listen(nl, false, nil); err != nil {
			t.Fatal(err)
		}
		client, err := net.Dial("tcp", nl.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		l.acceptFrom(l.listeners[0])
		accepted := 0
		for _, p := range l.peers {
			if p == nil {
				continue
			}
			accepted++
			if ms, err := unix.GetsockoptInt(int(p.fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT); ms != want || err != nil {
				t.Errorf("%v: TCP_USER_TIMEOUT is %d ms, %v; want %d", after, ms, err, want)
			}
		}
		if accepted != 1 {
			t.Errorf("%d connections were accepted", accepted)
		}
	}
}

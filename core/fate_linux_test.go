package core_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
)

// A peer that closes its stream right behind its closing frame has read what it was sent,
// or its system resets the connection.
func TestFateClosedByPeer(t *testing.T) {
	for _, reads := range []bool{true, false} {
		for range 50 {
			near, far := openedOver(t, fateStreams["tcp"], core.Hixie76)
			const size = 100
			if err := near.Send(testContext(t), core.Message{Data: make([]byte, size)}); err != nil {
				t.Fatal(err)
			}
			if reads {
				far.read(size + 2)
			}
			if _, err := far.raw.Write([]byte{0xFF, 0}); err != nil {
				t.Fatal(err)
			}
			if reads {
				far.raw.Close()
			} else {
				go closeBehind(far.raw.(*net.TCPConn))
			}
			if _, err := near.Receive(testContext(t)); err == nil || !near.Ended().Clean {
				t.Fatal(err)
			}
			near.Close(testContext(t))
			if f := near.Fate(); f.Unread == reads || !reads && f.NotKnown() != 1 {
				t.Fatalf("with reads %v: %+v", reads, f)
			}
		}
	}
}

// closeBehind closes c once the other side has ended its half.
func closeBehind(c *net.TCPConn) {
	raw, _ := c.SyscallConn()
	for ended := false; !ended; time.Sleep(100 * time.Microsecond) {
		raw.Control(func(fd uintptr) {
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			const closeWait = 8
			ended = err != nil || info.State == closeWait
		})
	}
	c.Close()
}

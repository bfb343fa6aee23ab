package core_test

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/outq"
)

// A peer that closes its stream right behind its closing frame has read what it was sent,
// or its system resets the connection.
func TestFateClosedByPeer(t *testing.T) {
	for _, stream := range []string{"tcp", "tls"} {
		for _, reads := range []bool{true, false} {
			for range 50 {
				closedByPeer(t, stream, reads)
			}
		}
	}
}

func closedByPeer(t *testing.T, stream string, reads bool) {
	t.Helper()
	near, far := openedOver(t, fateStreams[stream], core.Hixie76)
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
		go closeBehind(far.raw)
	}
	if _, err := near.Receive(testContext(t)); err == nil || !near.Ended().Clean {
		t.Fatal(err)
	}
	near.Close(testContext(t))
	if f := near.Fate(); f.Unread == reads || !reads && f.NotKnown() != 1 {
		t.Fatalf("over %s, with reads %v: %+v", stream, reads, f)
	}
}

// Nor has one read what comes once it has closed its stream.
func TestFateClosedBefore(t *testing.T) {
	for range 50 {
		near, far := openedOver(t, fateStreams["tcp"], core.Hixie76)
		if _, err := far.raw.Write([]byte{0xFF, 0}); err != nil {
			t.Fatal(err)
		}
		far.raw.Close()
		ctx := testContext(t)
		if err := near.Send(ctx, core.Message{Data: make([]byte, 100)}); err != nil {
			t.Fatal(err)
		}
		near.Receive(ctx)
		near.Close(ctx)
		if f, end := near.Fate(), near.Ended(); end.Clean && !f.Unread || f.NotKnown() != 1 {
			t.Fatalf("%v, %+v", end, f)
		}
	}
}

// Nor one that resets the connection where it was to answer the closing frame.
func TestFateResetInAnswer(t *testing.T) {
	for _, d := range []core.Dialect{core.Hixie76, core.RFC6455} {
		near, far := openedOver(t, fateStreams["tcp"], d)
		ctx := testContext(t)
		if err := near.Send(ctx, core.Message{Data: make([]byte, 100)}); err != nil {
			t.Fatal(err)
		}
		if err := near.SendClose(ctx, 1000, ""); err != nil {
			t.Fatal(err)
		}
		far.raw.Read(make([]byte, 1)) // it is there, and the rest stays unread
		far.raw.Close()
		near.Close(ctx)
		if f := near.Fate(); !f.Unread || f.NotKnown() != 1 {
			t.Errorf("%s: %+v, %v", d, f, near.Ended())
		}
	}
}

// closeBehind closes c once it has the other side's last words, behind which TCP ends.
func closeBehind(c net.Conn) {
	under, secure := outq.Under(c)
	raw, _ := under.(*net.TCPConn).SyscallConn()
	for ended := false; !ended; time.Sleep(100 * time.Microsecond) {
		raw.Control(func(fd uintptr) {
			if secure { // a record each: the message, the closing frame, the end of TLS
				const message, record = 102, 22
				n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
				ended = err != nil || n >= message+2+3*record
				return
			}
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			const closeWait = 8
			ended = err != nil || info.State == closeWait
		})
	}
	c.Close()
}

// A closing frame of a peer that crosses ours says nothing of what it has read. The bytes of
// the peer are written out here.
func TestFateCrossing(t *testing.T) {
	frames := map[core.Dialect][]byte{core.Hixie76: {0xFF, 0x00}, core.RFC6455: {0x88, 0x02, 0x03, 0xE8}}
	for d, closing := range frames {
		for name, peer := range map[string]struct {
			reads, closes bool
			proven        uint64
			unread        bool
		}{
			"reads nothing and closes":      {false, true, 0, true},
			"reads nothing and stays":       {false, false, 0, false},
			"reads all and closes":          {true, true, 1, false},
			"reads all and stays, for long": {true, false, 0, false},
		} {
			t.Run(string(d)+", "+name, func(t *testing.T) {
				near, far := openedOver(t, fateStreams["tcp"], d)
				ctx, cancel := context.WithTimeout(testContext(t), 2*time.Second)
				defer cancel()
				if err := near.Send(ctx, core.Message{Data: make([]byte, 100)}); err != nil {
					t.Fatal(err)
				}
				if err := near.SendClose(ctx, 1000, ""); err != nil {
					t.Fatal(err)
				}
				if _, err := far.raw.Write(closing); err != nil {
					t.Fatal(err)
				}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					if peer.reads {
						far.read(fateFrame(d) + map[core.Dialect]int{core.Hixie76: 2, core.RFC6455: 8}[d])
					}
					if peer.closes {
						closeBehind(far.raw)
					}
				}()
				if err := near.Close(ctx); err != nil {
					t.Fatal(err)
				}
				<-ended
				if f := near.Fate(); f.Proven != peer.proven || f.NotKnown() != 1-peer.proven || f.Unread != peer.unread {
					t.Errorf("%+v", f)
				}
			})
		}
	}
	// Over TLS nothing can be told of the end; the code of RFC 6455 can.
	near, far := openedOver(t, fateStreams["tls"], core.RFC6455)
	ctx := testContext(t)
	if err := near.Send(ctx, core.Message{Data: make([]byte, 100)}); err != nil {
		t.Fatal(err)
	}
	if err := near.SendClose(ctx, 1001, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := far.raw.Write(frames[core.RFC6455]); err != nil {
		t.Fatal(err)
	}
	near.Close(ctx)
	if f := near.Fate(); f.NotKnown() != 1 {
		t.Errorf("over TLS: %+v", f)
	}
}

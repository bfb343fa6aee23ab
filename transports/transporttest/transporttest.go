// Package transporttest is the one suite of tests that every transport runs: what
// the rest of ws76 relies on when it is given a net.Conn.
package transporttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/nettest"
)

// patience is how long the suite waits for what must happen soon. It only
// turns a hang into a failure; nothing measures time against it.
const patience = 30 * time.Second

// Setup is how the suite reaches one side of a transport from the other.
type Setup struct {
	// Dial opens the near end of a connection.
	Dial func(ctx context.Context) (net.Conn, error)

	// Accept returns the far end of the connection that was dialled last, ready
	// for use. It is called while Dial runs, in another goroutine.
	Accept func() (net.Conn, error)

	// Stalled dials something that is there but never answers, so that it ends
	// only by its context. Nil where there is no such thing.
	Stalled func(ctx context.Context) (net.Conn, error)

	// WriteTimeoutBreaks says that a connection is of no use after a write that
	// ran into its deadline, as is the case with TLS.
	WriteTimeoutBreaks bool

	// Relayed says that something between the ends carries the bytes, which need
	// not know of a half close: what one end closes is closed altogether.
	Relayed bool

	// Coupled says that what carries the bytes may hold up one direction while the
	// other is full, which the suite of x/net takes for a hang. It is not run.
	Coupled bool

	// NoEOF says that there is no end of a stream, as on a serial line: where the far end goes away a read gives an
	// error other than io.EOF, and the bytes that it sent last may be lost.
	NoEOF bool
}

// Run runs the suite as subtests of t. setup is called anew for each, and cleans
// up by t.Cleanup; after that no goroutine may be left.
func Run(t *testing.T, setup func(t *testing.T) Setup) { run(t, setup, noLeaks) }

// RunParallel is Run for a transport that takes its time: the subtests run beside each other
// and other tests. What they leave goleak.VerifyTestMain has to find.
func RunParallel(t *testing.T, setup func(t *testing.T) Setup) { run(t, setup, (*testing.T).Parallel) }

func run(t *testing.T, setup func(t *testing.T) Setup, begin func(t *testing.T)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s Setup)
	}{
		{"round trip", testRoundTrip},
		{"large write", testLargeWrite},
		{"close ends read", testCloseEndsRead},
		{"close ends write", testCloseEndsWrite},
		{"read deadline", testReadDeadline},
		{"write deadline", testWriteDeadline},
		{"context ends with dial", testContextEndsWithDial},
		{"cancelled dial", testCancelledDial},
		{"stalled dial", testStalledDial},
		{"half close", testHalfClose},
		{"peer gone", testPeerGone},
		{"concurrent use", testConcurrentUse},
	} {
		t.Run(test.name, func(t *testing.T) {
			begin(t)
			test.run(t, setup(t))
		})
	}
	t.Run("nettest", func(t *testing.T) {
		begin(t)
		s := setup(t)
		if s.WriteTimeoutBreaks || s.Coupled {
			return // the suite of x/net goes on writing after a timeout
		}
		nettest.TestConn(t, func() (near, far net.Conn, stop func(), err error) {
			near, far, err = connect(s)
			if err != nil {
				return nil, nil, nil, err
			}
			if s.NoEOF {
				near = endAsEOF{near}
			}
			// The far end first: near's Close may wait for one that sends on and on, or does not read.
			return near, far, func() { far.Close(); near.Close() }, nil
		})
	})
}

// endAsEOF is a connection without an end of the stream for the suite of x/net, which takes io.EOF alone for the end.
type endAsEOF struct{ net.Conn }

func (c endAsEOF) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && !os.IsTimeout(err) && !errors.Is(err, net.ErrClosed) {
		err = io.EOF
	}
	return n, err
}

// noLeaks fails t when, all cleaned up, goroutines are left that it started.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// connect opens a connection and returns both ends.
func connect(s Setup) (near, far net.Conn, err error) {
	type end struct {
		conn net.Conn
		err  error
	}
	accepted := make(chan end, 1)
	go func() {
		conn, err := s.Accept()
		accepted <- end{conn, err}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if near, err = s.Dial(ctx); err != nil {
		return nil, nil, err
	}
	e := <-accepted
	if e.err != nil {
		near.Close()
		return nil, nil, e.err
	}
	return near, e.conn, nil
}

// pair is connect for a test: the ends are closed when it is over, and no read or write in it waits for ever.
func pair(t *testing.T, s Setup) (near, far net.Conn) {
	t.Helper()
	near, far, err := connect(s)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	for _, conn := range []net.Conn{near, far} {
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatalf("SetDeadline: %v", err)
		}
	}
	return near, far
}

// pass sends data from one end to the other and compares what arrives.
func pass(t *testing.T, what string, from, to net.Conn, data []byte) {
	t.Helper()
	written := make(chan error, 1)
	go func() {
		n, err := from.Write(data)
		if err == nil && n != len(data) {
			err = io.ErrShortWrite
		}
		written <- err
	}()
	got := make([]byte, len(data))
	if n, err := io.ReadFull(to, got); err != nil {
		t.Fatalf("%s: read: %v after %d of %d bytes", what, err, n, len(data))
	}
	if err := <-written; err != nil {
		t.Fatalf("%s: write: %v", what, err)
	}
	if !bytes.Equal(got, data) {
		t.Fatalf("%s: %d bytes arrived, but not those that were sent", what, len(got))
	}
}

func testRoundTrip(t *testing.T, s Setup) {
	near, far := pair(t, s)
	for _, conn := range []net.Conn{near, far} {
		if conn.LocalAddr() == nil || conn.RemoteAddr() == nil {
			t.Errorf("addresses %v and %v: none may be nil", conn.LocalAddr(), conn.RemoteAddr())
		}
	}
	all := make([]byte, 256) // a transport has no bytes of its own
	for i := range all {
		all[i] = byte(i)
	}
	for range 3 {
		pass(t, "near to far", near, far, all)
		pass(t, "far to near", far, near, all)
	}
}

func testLargeWrite(t *testing.T, s Setup) {
	const size = 4 << 20
	near, far := pair(t, s)
	var wg sync.WaitGroup
	defer wg.Wait()
	for i, ends := range [][2]net.Conn{{near, far}, {far, near}} {
		data := make([]byte, size)
		random := rand.NewChaCha8([32]byte{byte(i)})
		random.Read(data)
		wg.Go(func() {
			if n, err := ends[0].Write(data); err != nil || n != size {
				t.Errorf("write: %d of %d bytes, %v", n, size, err)
			}
		})
		wg.Go(func() {
			got := make([]byte, size)
			if n, err := io.ReadFull(ends[1], got); err != nil {
				t.Errorf("read: %v after %d of %d bytes", err, n, size)
			} else if !bytes.Equal(got, data) {
				t.Error("other bytes arrived than were sent")
			}
		})
	}
}

func testCloseEndsRead(t *testing.T, s Setup) {
	near, _ := pair(t, s)
	read := make(chan error, 1)
	go func() {
		_, err := near.Read(make([]byte, 1))
		read <- err
	}()
	time.Sleep(10 * time.Millisecond) // most often the read waits by then; either order must do
	if err := near.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := wait(t, read, "Read after Close"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read ended by Close: %v, want net.ErrClosed", err)
	}
}

func testCloseEndsWrite(t *testing.T, s Setup) {
	near, _ := pair(t, s)
	written := make(chan error, 1)
	blocked := make(chan struct{})
	go func() {
		block := make([]byte, 1<<20)
		for i := 0; ; i++ {
			if i == 1 {
				close(blocked)
			}
			if _, err := near.Write(block); err != nil {
				if i == 0 {
					close(blocked)
				}
				written <- err
				return
			}
		}
	}()
	select {
	case <-blocked:
	case <-time.After(50 * time.Millisecond): // not even one block fits
	}
	near.Close()
	if err := wait(t, written, "Write after Close"); err == nil || os.IsTimeout(err) {
		t.Errorf("Write ended by Close: %v, want an error that is no time-out", err)
	}
}

func testReadDeadline(t *testing.T, s Setup) {
	near, far := pair(t, s)
	check := func(what string, n int, err error) {
		t.Helper()
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%s: %d bytes and %v, want none and os.ErrDeadlineExceeded", what, n, err)
		}
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("%s: %v is no net.Error with Timeout", what, err)
		}
	}
	buf := make([]byte, 16)

	near.SetReadDeadline(time.Now().Add(-time.Second))
	n, err := near.Read(buf)
	check("deadline in the past", n, err)
	near.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	n, err = near.Read(buf)
	check("deadline while reading", n, err)

	// io.ReadFull must not spin on a read that gives nothing and no error.
	near.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	n, err = io.ReadFull(near, buf)
	check("deadline in io.ReadFull", n, err)

	near.SetReadDeadline(time.Time{})
	ended := make(chan error, 1)
	go func() {
		_, err := near.Read(buf)
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond)
	near.SetReadDeadline(time.Now())
	check("deadline set while a read waits", 0, wait(t, ended, "Read after its deadline"))

	near.SetDeadline(time.Now().Add(patience))
	pass(t, "after the deadlines", far, near, []byte("still here"))
	pass(t, "after the deadlines", near, far, []byte("still here"))
}

func testWriteDeadline(t *testing.T, s Setup) {
	near, far := pair(t, s)
	near.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	block := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	sent := 0
	for {
		n, err := near.Write(block)
		sent += n
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("write that nobody reads: %v, want os.ErrDeadlineExceeded", err)
			}
			break
		}
	}
	if s.WriteTimeoutBreaks {
		return
	}
	// What Write said was written arrives, all of it and no more, and the connection lives.
	near.SetWriteDeadline(time.Now().Add(patience))
	end := []byte("the end")
	pass := make(chan error, 1)
	go func() {
		_, err := near.Write(end)
		pass <- err
	}()
	got := make([]byte, sent+len(end))
	if n, err := io.ReadFull(far, got); err != nil {
		t.Fatalf("read: %v after %d of %d bytes", err, n, len(got))
	}
	if err := wait(t, pass, "Write after a deadline"); err != nil {
		t.Fatalf("write after the deadline: %v", err)
	}
	if !bytes.HasSuffix(got, end) {
		t.Fatalf("after %d bytes comes %q, want %q", sent, got[sent:], end)
	}
}

func testContextEndsWithDial(t *testing.T, s Setup) {
	ctx, cancel := context.WithCancel(context.Background())
	bound := s
	bound.Dial = func(context.Context) (net.Conn, error) { return s.Dial(ctx) }
	near, far := pair(t, bound)
	cancel()
	pass(t, "after the context of Dial ended", near, far, []byte("hello"))
	pass(t, "after the context of Dial ended", far, near, []byte("hello"))
}

func testCancelledDial(t *testing.T, s Setup) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	conn, err := s.Dial(ctx)
	if err == nil {
		conn.Close()
		t.Fatal("Dial with a cancelled context made a connection")
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Dial with a cancelled context: %v, want context.Canceled", err)
	}
}

func testStalledDial(t *testing.T, s Setup) {
	if s.Stalled == nil {
		return
	}
	dial := func(ctx context.Context) chan error {
		done := make(chan error, 1)
		go func() {
			conn, err := s.Stalled(ctx)
			if err == nil {
				conn.Close()
			}
			done <- err
		}()
		return done
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := dial(ctx)
	select {
	case err := <-done:
		t.Fatalf("Dial ended by itself: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	if err := wait(t, done, "cancelled Dial"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled Dial: %v, want context.Canceled", err)
	}

	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := wait(t, dial(ctx), "Dial past its deadline"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial past its deadline: %v, want context.DeadlineExceeded", err)
	}
}

func testHalfClose(t *testing.T, s Setup) {
	near, far := pair(t, s)
	half, ok := near.(interface{ CloseWrite() error })
	if !ok || s.Relayed {
		return
	}
	pass(t, "before", near, far, []byte("last words"))
	if err := half.CloseWrite(); errors.Is(err, errors.ErrUnsupported) {
		return
	} else if err != nil {
		t.Fatalf("CloseWrite: %v", err)
	}
	if n, err := far.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("read after the peer's CloseWrite: %d bytes and %v, want io.EOF", n, err)
	}
	pass(t, "the other way", far, near, []byte("answer"))
}

func testPeerGone(t *testing.T, s Setup) {
	near, far := pair(t, s)
	if _, err := far.Write([]byte("bye")); err != nil {
		t.Fatal(err)
	}
	far.Close()
	got, err := io.ReadAll(near)
	if s.NoEOF {
		if !strings.HasPrefix("bye", string(got)) || err == nil || os.IsTimeout(err) {
			t.Fatalf("from a peer that wrote and went: %q and %v, want an error that says so", got, err)
		}
		return
	}
	if string(got) != "bye" || err != nil {
		t.Fatalf("from a peer that wrote and closed: %q and %v, want %q and io.EOF", got, err, "bye")
	}
	if n, err := near.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Fatalf("second read after the end: %d bytes and %v, want io.EOF again", n, err)
	}
}

func testConcurrentUse(t *testing.T, s Setup) {
	const writers, blocks, size = 8, 64, 1000
	near, far := pair(t, s)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			block := bytes.Repeat([]byte{'a' + byte(i)}, size)
			for range blocks {
				if _, err := near.Write(block); err != nil {
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	block := make([]byte, size)
	for i := range writers * blocks {
		if _, err := io.ReadFull(far, block); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if bytes.Count(block, block[:1]) != size {
			t.Fatalf("block %d: writes are mixed within it", i)
		}
	}
	wg.Wait()

	// Everything at once, and Close from several sides.
	for range 2 {
		wg.Go(func() { near.Read(make([]byte, 1)) })
		wg.Go(func() { near.Write(block) })
		wg.Go(func() { near.SetDeadline(time.Now().Add(patience)) })
		wg.Go(func() { near.Close() })
	}
	wg.Wait()
}

// wait returns what ch gives, or fails the test when that takes too long.
func wait(t *testing.T, ch <-chan error, what string) error {
	t.Helper()
	select {
	case err := <-ch:
		return err
	case <-time.After(patience):
		t.Fatalf("%s does not return", what)
		return nil
	}
}

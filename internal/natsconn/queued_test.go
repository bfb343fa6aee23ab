package natsconn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestQueued: Write waits for nobody, what is written arrives in order, and Close ends all.
func TestQueued(t *testing.T) {
	near, far := net.Pipe()
	var waiting atomic.Int64
	q := newQueued(near, &waiting)
	var want []byte
	for i := range 1000 {
		b := bytes.Repeat([]byte{byte(i)}, i)
		want = append(want, b...)
		if n, err := q.Write(b); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
		clear(b)
	}
	if n := waiting.Load(); n != int64(len(want)) {
		t.Errorf("%d bytes are waiting, want %d", n, len(want))
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, or other bytes", err)
	}
	q.Write([]byte("not read"))
	q.Write([]byte("nor this"))
	q.Close()
	if n := waiting.Load(); n != 0 {
		t.Errorf("%d bytes are waiting at the end", n)
	}
	if _, err := q.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
}

// TestQueuedFails: what goes wrong the next Write says, and whoever reads is told.
func TestQueuedFails(t *testing.T) {
	near, far := net.Pipe()
	var waiting atomic.Int64
	q := newQueued(near, &waiting)
	far.Close()
	q.Write([]byte("x"))
	if _, err := q.Read(make([]byte, 1)); err == nil {
		t.Error("Read returns no error")
	}
	q.done.Wait()
	if _, err := q.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write: %v", err)
	}
	q.Close()
}

package outq

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/ws76/ws76/internal/testenv"
)

// The window of a real peer is small while it does not read, and large again when it
// has read everything.
func TestProbe(t *testing.T) {
	near, far := testenv.TCPPair(t, 64<<10)
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

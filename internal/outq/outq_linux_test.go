package outq

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What the other side has not taken is counted, until it has.
func TestOf(t *testing.T) {
	pipeReader, pipeWriter, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipeReader.Close()
	defer pipeWriter.Close()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	for name, ends := range map[string]struct {
		w interface {
			syscall.Conn
			Write([]byte) (int, error)
		}
		r interface{ Read([]byte) (int, error) }
	}{"pipe": {pipeWriter, pipeReader}, "unix socket": {near.(*net.UnixConn), far}} {
		if n := Of(ends.w); n != 0 {
			t.Errorf("%s: %d before anything was written", name, n)
		}
		ends.w.Write([]byte("hello"))
		if n := Of(ends.w); n < 5 {
			t.Errorf("%s: %d, want 5 or more", name, n)
		}
		ends.r.Read(make([]byte, 5))
		if n := Of(ends.w); n != 0 {
			t.Errorf("%s: %d after it was read", name, n)
		}
	}
}

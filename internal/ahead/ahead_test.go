package ahead

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/iotest"
)

// What was read comes first, then what the connection has, at any pace, and its end.
func TestConn(t *testing.T) {
	for name, pace := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader,
	} {
		here, there := net.Pipe()
		go func() {
			there.Write([]byte("later"))
			there.Close()
		}()
		got, err := io.ReadAll(pace(&Conn{Conn: here, Bytes: []byte("early ")}))
		if string(got) != "early later" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		here.Close()
	}
}

type half struct {
	net.Conn
	closed bool
}

func (h *half) CloseWrite() error { h.closed = true; return nil }

func TestCloseWrite(t *testing.T) {
	h := &half{}
	c := &Conn{Conn: h}
	if err := c.CloseWrite(); err != nil || !h.closed || c.NetConn() != net.Conn(h) {
		t.Error(err)
	}
	if err := (&Conn{}).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

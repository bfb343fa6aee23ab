package pipe

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/transports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var name = Addr{Net: "test", Name: "stream"}

// blocking is a stream without deadlines.
type blocking struct{ io.ReadWriteCloser }

func setup(wrap func(net.Conn) net.Conn) func(t *testing.T) transporttest.Setup {
	return func(t *testing.T) transporttest.Setup {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return transporttest.Setup{
			Dial: func(ctx context.Context) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
				if err != nil {
					return nil, err
				}
				return wrap(conn), nil
			},
			Accept:  l.Accept,
			Relayed: true, // neither knows how to close half of a socket
		}
	}
}

func TestConn(t *testing.T) {
	transporttest.Run(t, setup(func(c net.Conn) net.Conn { return New(c, c, name) }))
}

func TestPump(t *testing.T) {
	transporttest.Run(t, setup(func(c net.Conn) net.Conn { return Pump(blocking{c}, name) }))
}

// TestRelease ends a connection and goes on with what it was over.
func TestRelease(t *testing.T) {
	under, far := net.Pipe()
	defer far.Close()
	conn := New(under, under, name)
	read := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		read <- err
	}()
	if !conn.Release() || conn.Release() {
		t.Error("Release must report true once")
	}
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a read under Release: %v", err)
	}
	if conn.Close() != nil || conn.SetDeadline(time.Time{}) == nil {
		t.Error("after Release, Close must do nothing and SetDeadline fail")
	}
	next := New(under, under, name)
	defer next.Close()
	go far.Write([]byte("x"))
	if _, err := next.Read(make([]byte, 1)); err != nil {
		t.Errorf("the next connection: %v", err)
	}
}

// failing is a stream whose calls fail.
type failing struct{ read, written error }

func (f failing) Read([]byte) (int, error)  { return 0, f.read }
func (f failing) Write([]byte) (int, error) { return 0, f.written }
func (f failing) Close() error              { return nil }

// TestPumpErrors has the stream's own errors come through.
func TestPumpErrors(t *testing.T) {
	broken, full := errors.New("broken"), errors.New("full")
	conn := Pump(failing{broken, full}, name)
	defer conn.Close()
	var op *net.OpError
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, broken) || !errors.As(err, &op) {
		t.Errorf("Read: %v", err)
	}
	conn.Write(make([]byte, 1)) // is taken, and fails behind
	var err error
	for err == nil {
		_, err = conn.Write(make([]byte, 1))
	}
	<-conn.(*pump).writing
	if _, err := conn.Write(make([]byte, 1)); !errors.Is(err, full) {
		t.Errorf("Write: %v", err)
	}
}

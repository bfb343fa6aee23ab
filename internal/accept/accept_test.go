package accept

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failing gives the errors in turn, then connections.
type failing struct {
	net.Listener
	errs []error
}

func (f *failing) Accept() (net.Conn, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", err)}
	}
	return f.Listener.Accept()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEach(t *testing.T) {
	l := listen(t)
	f := &failing{l, []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var said []error
	err = Each(ctx, f, func(err error) { said = append(said, err) }, func(stream net.Conn) {
		stream.Close()
		cancel()
	})
	if err != nil || len(f.errs) > 0 {
		t.Errorf("%v, %d errors are left", err, len(f.errs))
	}
	if len(said) != 1 || !errors.Is(said[0], syscall.EMFILE) {
		t.Errorf("said %v; want the first, once", said)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open still: %v", err)
	}
}

func TestEachEnds(t *testing.T) {
	for _, errno := range []error{syscall.EBADF, syscall.EINVAL, io.EOF} {
		var ended *Ended
		err := Each(t.Context(), &failing{listen(t), []error{errno}}, nil, func(net.Conn) { t.Error("a connection") })
		if !errors.As(err, &ended) || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
}

//go:build unix

package fd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, number int) *Transport {
	t.Helper()
	tr, err := Open(&url.URL{Scheme: "fd", Opaque: fmt.Sprint(number)}, transports.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// handed returns the number of a duplicate of f, as another process would hand it
// down: no *os.File knows of it.
func handed(t *testing.T, f interface{ File() (*os.File, error) }) int {
	t.Helper()
	file, err := f.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func listener(t *testing.T) *Transport {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return open(t, handed(t, l.(*net.TCPListener)))
}

func TestListen(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Setup {
		l, err := listener(t).Listen(t.Context(), "ignored:1")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return transporttest.Setup{
			Dial: func(ctx context.Context) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
			},
			Accept: l.Accept,
		}
	})
}

func TestDial(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Setup {
		ends := make(chan net.Conn, 1)
		return transporttest.Setup{
			Dial: func(ctx context.Context) (net.Conn, error) {
				fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
				if err != nil {
					return nil, err
				}
				file := os.NewFile(uintptr(fds[1]), "far")
				defer file.Close()
				far, err := net.FileConn(file)
				if err != nil {
					return nil, err
				}
				t.Cleanup(func() { far.Close() })
				conn, err := open(t, fds[0]).Dial(ctx, "ignored:1")
				if err != nil {
					syscall.Close(fds[0])
					return nil, err
				}
				ends <- far
				return conn, nil
			},
			Accept: func() (net.Conn, error) { return <-ends, nil },
		}
	})
}

// TestOnce dials a descriptor again, whose number the first connection may have now.
func TestOnce(t *testing.T) {
	for range 5 {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := open(t, fds[0]).Dial(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		again, err := open(t, fds[0]).Dial(t.Context(), "")
		if !errors.Is(err, syscall.EBADF) || !strings.Contains(err.Error(), "can be used once") {
			t.Errorf("a second Dial: %v, want %v", err, syscall.EBADF)
		}
		if err == nil {
			again.Close()
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Errorf("the first connection: %v", err)
		}
		conn.Close()
		syscall.Close(fds[1])
	}
}

func TestErrors(t *testing.T) {
	l := listener(t)
	_, err := l.Dial(t.Context(), "")
	if !errors.Is(err, errListens) {
		t.Errorf("dial of a listener: %v", err)
	}
	got, err := l.Listen(t.Context(), "")
	if err != nil {
		t.Fatalf("after that: %v", err)
	}
	defer got.Close()
	if _, err := l.Listen(t.Context(), ""); !errors.Is(err, syscall.EBADF) || !strings.Contains(err.Error(), "can be used once") {
		t.Errorf("a second Listen: %v", err)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tr := open(t, int(file.Fd()))
	var le *transports.ListenError
	if _, err := tr.Listen(t.Context(), ""); !errors.As(err, &le) || !errors.Is(err, errStream) {
		t.Errorf("listen on a file: %v", err)
	}
	var de *transports.DialError
	if _, err := tr.Dial(t.Context(), ""); !errors.As(err, &de) || !de.Local || !strings.Contains(err.Error(), "no socket, pipe or terminal") {
		t.Errorf("dial of a file: %v", err)
	}
	if _, err := file.Stat(); err != nil {
		t.Errorf("the file is closed: %v", err)
	}
	for _, raw := range []string{"fd:", "fd:-1", "fd:x", "fd://3", "fd:/3", "fd:3?x=1", "fd:99999999999"} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(u, transports.Options{}); err == nil {
			t.Errorf("%s was opened", raw)
		}
	}
}

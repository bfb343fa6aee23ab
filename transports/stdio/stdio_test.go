//go:build unix

package stdio

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/pipe"
	"github.com/ws76/ws76/transports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, in, out *os.File) *Transport {
	t.Helper()
	tr, err := Open(&url.URL{Scheme: "stdio"}, transports.Options{Stdin: in, Stdout: out})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// pipes returns standard input and output, and what is at their other ends.
func pipes(t *testing.T) (in, out *os.File, far net.Conn) {
	t.Helper()
	in, toIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromOut, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	far = pipe.New(fromOut, toIn, pipe.Addr{Net: "pipe", Name: "far"})
	t.Cleanup(func() { in.Close(); out.Close(); far.Close() })
	return in, out, far
}

// sockets returns standard input and output as inetd gives them: one socket.
func sockets(t *testing.T) (in, out *os.File, far net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := syscall.Dup(fds[0])
	if err != nil {
		t.Fatal(err)
	}
	in, out = os.NewFile(uintptr(fds[0]), "in"), os.NewFile(uintptr(again), "out")
	file := os.NewFile(uintptr(fds[1]), "far")
	defer file.Close()
	if far, err = net.FileConn(file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); out.Close(); far.Close() })
	return in, out, far
}

func TestTransport(t *testing.T) {
	for name, files := range map[string]func(*testing.T) (in, out *os.File, far net.Conn){"pipes": pipes, "socket": sockets} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(t *testing.T) transporttest.Setup {
				ends := make(chan net.Conn, 1)
				return transporttest.Setup{
					Dial: func(ctx context.Context) (net.Conn, error) {
						in, out, far := files(t)
						conn, err := open(t, in, out).Dial(ctx, "ignored:1")
						if err == nil {
							ends <- far
						}
						return conn, err
					},
					Accept: func() (net.Conn, error) { return <-ends, nil },
				}
			})
		})
	}
}

func TestListen(t *testing.T) {
	in, out, far := pipes(t)
	tr := open(t, in, out)
	l, err := tr.Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Dial(t.Context(), ""); !errors.Is(err, errUsed) {
		t.Errorf("a second use: %v", err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "hello")
	next := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		next <- err
	}()
	conn.Close()
	if err := <-next; err != io.EOF {
		t.Errorf("Accept after the end of the one connection: %v, want io.EOF", err)
	}
	if got, err := io.ReadAll(far); string(got) != "hello" || err != nil {
		t.Errorf("the other side read %q, %v", got, err)
	}
	l.Close()

	in, out, far = pipes(t)
	l, err = open(t, in, out).Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // what nobody accepted ends too
	if got, err := io.ReadAll(far); len(got) > 0 || err != nil {
		t.Errorf("the other side read %q, %v", got, err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
}

func TestOpen(t *testing.T) {
	for raw, want := range map[string]string{"stdio:x": "nothing may follow", "stdio:///x": "nothing may follow", "stdio:?x=1": "unknown parameter"} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(u, transports.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
	_, err := open(t, nil, nil).Dial(t.Context(), "")
	var de *transports.DialError
	if !errors.As(err, &de) || !de.Local {
		t.Errorf("without files: %v", err)
	}
}

//go:build linux || darwin

package wifly

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/wifly/module"
)

// serverModule is a module whose own server is at a loopback port; dial connects
// to it.
func serverModule(t *testing.T, faults string) (path string, dial func(*testing.T) net.Conn) {
	t.Helper()
	o := faulty(t, faults)
	addresses := make(chan string, 10)
	o.Listen = func(ctx context.Context, port int) (net.Listener, error) {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
		if err == nil {
			addresses <- l.Addr().String()
		}
		return l, err
	}
	path, _ = emulate(t, o)
	addr := ""
	return path, func(t *testing.T) net.Conn {
		t.Helper()
		for addr == "" || len(addresses) > 0 {
			addr = <-addresses
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// The module's own server: a connection after the other, ended by either side.
func TestListen(t *testing.T) {
	t.Parallel()
	path, dial := serverModule(t, "")
	tr := transport(t, path, "baud=921600")
	l, err := tr.Listen(patient(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(l.Addr().String(), ":2000") {
		t.Errorf("listens on %v", l.Addr())
	}
	for i := range 4 {
		far := dial(t)
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, conn, far)
		if i%2 == 0 {
			far.Close()
			if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
				t.Errorf("after the client closed: %q, %v", rest, err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if i%2 == 1 {
			far.SetReadDeadline(time.Now().Add(20 * time.Second))
			if rest, err := io.ReadAll(far); len(rest) > 0 || err != nil {
				t.Errorf("after Close the client has %q, %v", rest, err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	released(t, tr)
}

// Close ends an Accept that waits, and puts back what Listen has set.
func TestListenClose(t *testing.T) {
	t.Parallel()
	path, _ := serverModule(t, "")
	tr := transport(t, path, "baud=921600&localport=8076")
	l, err := tr.Listen(patient(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(l.Addr().String(), ":8076") {
		t.Errorf("listens on %v", l.Addr())
	}
	ended := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	time.Sleep(50 * time.Millisecond)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	m, err := tr.Module(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for group, want := range map[string]string{"comm": "OPEN=*OPEN*\nCLOSE=*CLOS*\nREMOTE=*HELLO*", "ip": ":2000\n"} {
		if text, err := m.Command(patient(t), "get "+group, 0); err != nil || !strings.Contains(text, want) {
			t.Errorf("afterwards get %s is %q, %v", group, text, err)
		}
	}
}

// A connection that was accepted outlives its listener.
func TestListenCloseFirst(t *testing.T) {
	t.Parallel()
	path, dial := serverModule(t, "")
	tr := transport(t, path, "baud=921600")
	l, err := tr.Listen(patient(t), "")
	if err != nil {
		t.Fatal(err)
	}
	far := dial(t)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	roundTrip(t, conn, far)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	released(t, tr)
}

// A module that reboots loses its connection and is set up again for the next.
func TestListenReboot(t *testing.T) {
	t.Parallel()
	path, dial := serverModule(t, string(module.RebootAfter)+"=100")
	tr := transport(t, path, "baud=921600")
	l, err := tr.Listen(patient(t), "")
	if err != nil {
		t.Fatal(err)
	}
	far := dial(t)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	far.Write(make([]byte, 200))
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadAll(conn); !errors.Is(err, ErrRebooted) {
		t.Errorf("Read: %v, want %v", err, ErrRebooted)
	}
	conn.Close()
	type accepted struct {
		conn net.Conn
		err  error
	}
	next := make(chan accepted, 1)
	go func() {
		conn, err := l.Accept()
		next <- accepted{conn, err}
	}()
	for done := false; !done; { // who comes before the module is set up again is turned away
		far := dial(t)
		select {
		case a := <-next:
			if a.err != nil {
				t.Fatal(a.err)
			}
			roundTrip(t, a.conn, far)
			a.conn.Close()
			done = true
		case <-time.After(3 * time.Second):
			far.Close()
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	released(t, tr)
}

// A module that is unplugged is set up again once it is back, at the same path.
func TestListenUnplugged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "by-id")
	addresses := make(chan string, 10)
	plug := func() (unplug func()) {
		pty, err := module.OpenPTY()
		if err != nil {
			t.Fatal(err)
		}
		o := fast()
		o.Listen = func(context.Context, int) (net.Listener, error) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err == nil {
				addresses <- l.Addr().String()
			}
			return l, err
		}
		m, err := module.New(&o)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(pty.Path, path); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.Serve(ctx, pty)
		}()
		return sync.OnceFunc(func() {
			os.Remove(path)
			cancel()
			<-done
		})
	}
	unplug := plug()
	defer func() { unplug() }()
	tr := transport(t, path, "baud=921600")
	l, err := tr.Listen(patient(t), "")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1)
	failed := make(chan error, 1)
	accept := func() {
		conn, err := l.Accept()
		if err != nil {
			failed <- err
			return
		}
		accepted <- conn
	}
	// While Accept waits, and within a connection.
	for i := range 3 {
		go accept()
		if i == 1 {
			time.Sleep(50 * time.Millisecond) // Accept waits already, most likely
			unplug()
			unplug = plug()
		}
		var conn, far net.Conn
		for conn == nil { // who comes before the module is set up is turned away
			addr := ""
			for addr == "" || len(addresses) > 0 {
				addr = <-addresses
			}
			addresses <- addr
			if far, err = net.Dial("tcp", addr); err != nil {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			select {
			case conn = <-accepted:
			case err := <-failed:
				t.Fatal(err)
			case <-time.After(3 * time.Second):
				far.Close()
			}
		}
		roundTrip(t, conn, far)
		if i == 0 {
			unplug()
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.ReadAll(conn); !errors.Is(err, ErrUnplugged) {
				t.Errorf("Read: %v, want %v", err, ErrUnplugged)
			}
			unplug = plug()
		}
		conn.Close()
		far.Close()
	}
	unplug()
	go accept()
	time.Sleep(50 * time.Millisecond)
	if err := l.Close(); err != nil {
		t.Errorf("Close without the module: %v", err)
	}
	select {
	case err := <-failed:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Accept does not end")
	}
	if release, ok := hold(tr.Name); !ok {
		t.Error("the port is still held")
	} else {
		release()
	}
}

// A client that comes as soon as the one before has gone is not turned away by what
// ends that one's connection.
func TestListenNext(t *testing.T) {
	t.Parallel()
	path, dial := serverModule(t, "")
	l, err := transport(t, path, "baud=921600").Listen(patient(t), "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far := dial(t)
	// The first comes before the module is in command mode, the others when it is about to be, or is.
	for _, pause := range []time.Duration{0, 400 * time.Millisecond, 600 * time.Millisecond, 800 * time.Millisecond} {
		conn, err := acceptWithin(l, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		next := make(chan net.Conn, 1)
		go func(far net.Conn) {
			io.ReadFull(far, make([]byte, 3))
			time.Sleep(pause)
			far.Close()
			far, err := net.Dial("tcp", far.RemoteAddr().String())
			if err != nil {
				t.Error(err)
			}
			next <- far
		}(far)
		if _, err := conn.Write([]byte("bye")); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		far = <-next
		defer far.Close()
	}
}

// A client that is there before the module is set up is not left waiting.
func TestListenEager(t *testing.T) {
	t.Parallel()
	path, dial := serverModule(t, "")
	tr := transport(t, path, "baud=921600")
	tries, stop := make(chan struct{}), make(chan struct{})
	first := dial(t)
	go func() { // it comes back whenever it is turned away, and waits else
		defer close(tries)
		for far := first; ; {
			far.Write([]byte("hello"))
			io.ReadAll(far)
			far.Close()
			select {
			case <-stop:
				return
			default:
			}
			var err error
			if far, err = net.Dial("tcp", first.RemoteAddr().String()); err != nil {
				return
			}
		}
	}()
	l, err := tr.Listen(patient(t), "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := acceptWithin(l, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 5)
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "hello" {
		t.Errorf("the client says %q, %v", b, err)
	}
	close(stop)
	conn.Close()
	l.Close()
	<-tries
}

// acceptWithin is Accept, which ends after d.
func acceptWithin(l net.Listener, d time.Duration) (net.Conn, error) {
	timer := time.AfterFunc(d, func() { l.Close() })
	defer timer.Stop()
	return l.Accept()
}

func TestOpenRefuses(t *testing.T) {
	for _, raw := range []string{
		"wifly:", "wifly:///dev/x?baud=fast", "wifly:///dev/x?baud=0", "wifly:///dev/x?dns=no", "wifly:///dev/x?localport=0",
		"wifly:///dev/x?localport=70000", "wifly:///dev/x?baut=9600", "wifly://host/dev/x",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(u, transports.Options{}); err == nil {
			t.Errorf("%s: no error", raw)
		}
	}
	u, _ := url.Parse("wifly:COM3?baud=auto&dns=local&localport=80&parity=none")
	if tr, err := Open(u, transports.Options{}); err != nil || tr.Name != "COM3" || tr.Baud != 0 || !tr.LocalDNS || tr.LocalPort != 80 {
		t.Errorf("%+v, %v", tr, err)
	}
}

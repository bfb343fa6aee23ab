//go:build linux

package serial

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/pipe"
	"github.com/ws76/ws76/transports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is a pseudo-terminal in place of a serial line: a device at its end, and
// the path of its port.
func line(t *testing.T) (device net.Conn, path string) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		testenv.Missing(t, "no pseudo-terminal: "+err.Error())
	}
	slave.Close()
	// That package leaves the control end in blocking mode, where nothing ends a write.
	fd, err := unix.Dup(int(master.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	master.Close()
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	master = os.NewFile(uintptr(fd), "ptmx")
	device = endOfLine{pipe.New(master, master, pipe.Addr{Net: "pty", Name: slave.Name()})}
	t.Cleanup(func() { device.Close() })
	return device, slave.Name()
}

// endOfLine is the control end of a pseudo-terminal, which gives EIO while nobody
// has the other one open.
type endOfLine struct{ *pipe.Conn }

func (e endOfLine) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if errors.Is(err, unix.EIO) {
		err = io.EOF
	}
	return n, err
}

func open(t *testing.T, raw string) *Transport {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := Open(u)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func dial(t *testing.T, raw string) *Port {
	t.Helper()
	conn, err := open(t, raw).Dial(t.Context(), "ignored:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*Port)
}

func TestTransport(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Setup {
		devices := make(chan net.Conn, 1)
		return transporttest.Setup{
			Dial: func(ctx context.Context) (net.Conn, error) {
				device, path := line(t)
				conn, err := open(t, "serial://"+path+"?baud=921600").Dial(ctx, "")
				if err == nil {
					devices <- device
				}
				return conn, err
			},
			Accept: func() (net.Conn, error) { return <-devices, nil },
			NoEOF:  true,
		}
	})
}

// TestSettings reads back what the driver was told.
func TestSettings(t *testing.T) {
	for query, check := range map[string]func(*unix.Termios) bool{
		"":                           func(m *unix.Termios) bool { return m.Ospeed == 115200 && m.Cflag&unix.CRTSCTS == 0 },
		"?baud=9600&stop=2":          func(m *unix.Termios) bool { return m.Ospeed == 9600 && m.Cflag&unix.CSTOPB != 0 },
		"?baud=74880":                func(m *unix.Termios) bool { return m.Ospeed == 74880 },
		"?flow=rtscts":               func(m *unix.Termios) bool { return m.Cflag&unix.CRTSCTS != 0 },
		"?baud=31250&flow=rtscts":    func(m *unix.Termios) bool { return m.Ospeed == 31250 && m.Cflag&unix.CRTSCTS != 0 },
		"?parity=odd":                func(m *unix.Termios) bool { return m.Cflag&unix.PARODD != 0 },
		"?data=8&parity=none&stop=1": func(m *unix.Termios) bool { return m.Cflag&unix.CSTOPB == 0 && m.Lflag&(unix.ICANON|unix.ECHO) == 0 },
	} {
		_, path := line(t)
		port := dial(t, "serial://"+path+query)
		if mode := settings(t, port); !check(mode) {
			t.Errorf("%q: the port has %+v", query, mode)
		}
		port.Close()
	}
}

func settings(t *testing.T, port *Port) *unix.Termios {
	t.Helper()
	var mode *unix.Termios
	err := control(port.system.file, func(fd int) (err error) {
		mode, err = unix.IoctlGetTermios(fd, unix.TCGETS2)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return mode
}

func TestSetBaud(t *testing.T) {
	_, path := line(t)
	port := dial(t, "serial://"+path+"?flow=rtscts")
	if err := port.SetBaud(460800); err != nil {
		t.Fatal(err)
	}
	if mode := settings(t, port); mode.Ospeed != 460800 || mode.Cflag&unix.CRTSCTS == 0 || port.Config().Baud != 460800 {
		t.Errorf("after SetBaud: %+v, %+v", mode, port.Config())
	}
	if err := port.SetBaud(-1); err == nil {
		t.Error("a negative rate was taken")
	}
}

func TestParseConfig(t *testing.T) {
	on, off := true, false
	for raw, want := range map[string]any{
		"serial:///dev/ttyUSB0": Config{Path: "/dev/ttyUSB0", Baud: 115200, Data: 8},
		"serial:///dev/x?baud=9600&data=7&parity=even&stop=2&flow=none&dtr=off&rts=on": Config{
			Path: "/dev/x", Baud: 9600, Data: 7, Parity: "even", Stop: "2", Flow: "none", DTR: &off, RTS: &on},
		"serial:COM3":                     Config{Path: "COM3", Baud: 115200, Data: 8},
		"serial:///com12":                 Config{Path: "com12", Baud: 115200, Data: 8},
		"serial:///comic":                 Config{Path: "/comic", Baud: 115200, Data: 8},
		"serial:tty%20x":                  Config{Path: "tty x", Baud: 115200, Data: 8},
		"serial:":                         "no device",
		"serial://dev/ttyUSB0":            "write serial:///dev/NAME",
		"serial:///x?baud=fast":           `baud "fast" is no number`,
		"serial:///x?baud=99999999":       "baud 99999999 is not from 1",
		"serial:///x?data=9":              "data 9 is not from 5 to 8",
		"serial:///x?parity=both":         `parity "both" is none of none, odd`,
		"serial:///x?stop=3":              `stop "3"`,
		"serial:///x?flow=xonxoff":        `flow "xonxoff" is neither`,
		"serial:///x?dtr=maybe":           `dtr "maybe"`,
		"serial:///x?flow=rtscts&rts=off": "the driver sets RTS",
		"serial:///x?baut=1":              `unknown parameter "baut"; serial: has baud, data`,
		"serial:///a%00b":                 "a NUL in the path",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseConfig(u)
		switch want := want.(type) {
		case string:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", raw, err, want)
			}
		case Config:
			same := got.Path == want.Path && got.Baud == want.Baud && got.Data == want.Data && got.Parity == want.Parity &&
				got.Stop == want.Stop && got.Flow == want.Flow && sameState(got.DTR, want.DTR) && sameState(got.RTS, want.RTS)
			if err != nil || !same {
				t.Errorf("%s: %+v, %v, want %+v", raw, got, err, want)
			}
		}
	}
	u, _ := url.Parse("wifly:///dev/x?baud=auto&ssid=a")
	if c, err := ParseConfig(u, "baud", "ssid"); err != nil || c.Path != "/dev/x" || c.Baud != 0 {
		t.Errorf("with parameters of the caller: %+v, %v", c, err)
	}
}

// FuzzParseConfig checks that whatever is accepted can be given to a port.
func FuzzParseConfig(f *testing.F) {
	f.Add("serial:///dev/ttyUSB0?baud=9600&data=7&parity=even&stop=2&flow=rtscts&dtr=off")
	f.Add("serial:COM3?stop=1.5&rts=on")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		c, err := ParseConfig(u)
		if err != nil {
			return
		}
		if mode := c.mode(); c.Path == "" || c.check() != nil || mode.BaudRate <= 0 || mode.DataBits < 0 || mode.DataBits > 8 {
			t.Errorf("%q: accepted as %+v, %+v", raw, c, mode)
		}
	})
}

func sameState(a, b *bool) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, path := line(t)
	for _, test := range []struct {
		raw  string
		is   error
		text string
	}{
		{"serial://" + dir + "/none", fs.ErrNotExist, "no such file or directory; th"}, // "this machine has no", "there are"
		{"serial://" + file, unix.ENOTTY, "it is no serial port"},
		{"serial://" + path + "?dtr=off", nil, "modem bits"}, // a pseudo-terminal has none
		{"serial://" + path + "?stop=1.5", nil, "stop bits invalid or not supported; the port or this system cannot do that"},
	} {
		_, err := open(t, test.raw).Dial(t.Context(), "")
		var de *transports.DialError
		if !errors.As(err, &de) || !de.Local || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v, want %v and %q", test.raw, err, test.is, test.text)
		}
	}
	port := dial(t, "serial://"+path) // no failure has kept a lock
	port.Close()
}

// TestExclusive opens a port twice, which must fail until the first is closed.
func TestExclusive(t *testing.T) {
	_, path := line(t)
	port := dial(t, "serial://"+path)
	tr := open(t, "serial://"+path)
	_, err := tr.Dial(t.Context(), "")
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("second open: %v, want ErrBusy and a hint", err)
	}
	var le *transports.ListenError
	if _, err := tr.Listen(t.Context(), ""); !errors.As(err, &le) || !errors.Is(err, ErrBusy) {
		t.Errorf("Listen beside it: %v, want ErrBusy", err)
	}
	port.Close()
	dial(t, "serial://"+path).Close()
}

// TestEarlyBytes has the device send before the port is open.
func TestEarlyBytes(t *testing.T) {
	device, path := line(t)
	dial(t, "serial://"+path).Close() // sets it up, so that nothing is cooked
	if _, err := io.WriteString(device, "hello"); err != nil {
		t.Fatal(err)
	}
	port := dial(t, "serial://"+path)
	got := make([]byte, 5)
	if _, err := io.ReadFull(port, got); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}
}

// TestUnplugged takes the line away under calls that wait, and under later ones.
func TestUnplugged(t *testing.T) {
	device, path := line(t)
	port := dial(t, "serial://"+path)
	read, written := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := port.Read(make([]byte, 1))
		read <- err
	}()
	go func() {
		for {
			if _, err := port.Write(make([]byte, 1<<16)); err != nil {
				written <- err
				return
			}
		}
	}()
	time.Sleep(20 * time.Millisecond) // most often both wait by then; either order must do
	device.Close()
	for what, ch := range map[string]chan error{"Read": read, "Write": written} {
		if err := <-ch; !errors.Is(err, transports.ErrGone) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s of a line that is gone: %v, want ErrGone with its path", what, err)
		}
	}
	if _, err := port.Read(make([]byte, 1)); !errors.Is(err, transports.ErrGone) {
		t.Errorf("a later Read: %v", err)
	}
	if _, err := port.Write(make([]byte, 1)); !errors.Is(err, transports.ErrGone) {
		t.Errorf("a later Write: %v", err)
	}
	if err := port.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestDiscardInput(t *testing.T) {
	device, path := line(t)
	port := dial(t, "serial://"+path)
	one := make([]byte, 1)
	io.WriteString(device, "garbage")
	if _, err := port.Read(one); err != nil { // now it is all there
		t.Fatal(err)
	}
	if err := port.DiscardInput(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(device, "!")
	if _, err := port.Read(one); err != nil || one[0] != '!' {
		t.Errorf("after DiscardInput: %q, %v", one, err)
	}
	if err := port.SetDTR(true); err == nil {
		t.Error("SetDTR on a pseudo-terminal, which has none, says nothing")
	}
}

// accept is Accept as a channel.
func accept(l net.Listener) chan net.Conn {
	ch := make(chan net.Conn, 1)
	go func() {
		defer close(ch)
		if conn, err := l.Accept(); err == nil {
			ch <- conn
		}
	}()
	return ch
}

// TestListen serves two devices one after the other on one line.
func TestListen(t *testing.T) {
	device, path := line(t)
	l, err := open(t, "serial://"+path).Listen(t.Context(), "ignored:1")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().Network() != "serial" || l.Addr().String() != path {
		t.Errorf("address %v", l.Addr())
	}
	device.SetDeadline(time.Now().Add(20 * time.Second))
	var last net.Conn
	for _, text := range []string{"first", "second"} {
		ch := accept(l)
		io.WriteString(device, text)
		conn := <-ch
		got := make([]byte, len(text))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
			t.Fatalf("read %q, %v, want %q", got, err, text)
		}
		io.WriteString(conn, "re: "+text)
		got = make([]byte, len(text)+4)
		if _, err := io.ReadFull(device, got); err != nil || string(got) != "re: "+text {
			t.Fatalf("the device got %q, %v", got, err)
		}
		if last != nil {
			if _, err := last.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("write on the connection before: %v", err)
			}
		}
		conn.SetDeadline(time.Unix(1, 0)) // must not outlive the connection
		conn.Close()
		last = conn
	}

	// A connection outlives its listener, as a server that stops wants it to.
	ch := accept(l)
	io.WriteString(device, "third")
	conn := <-ch
	next := accept(l) // waits for the end of conn
	l.Close()
	if c, ok := <-next; ok {
		t.Errorf("Accept after Close gave %v", c.RemoteAddr())
	}
	if _, err := io.WriteString(conn, "bye"); err != nil {
		t.Errorf("write after the listener was closed: %v", err)
	}
	conn.Close()
	dial(t, "serial://"+path).Close() // the port is free
}

// TestListenComesBack unplugs the device of a listener and puts another in its place.
func TestListenComesBack(t *testing.T) {
	device, path := line(t)
	link := filepath.Join(t.TempDir(), "tty")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	l, err := open(t, "serial://"+link).Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ch := accept(l)
	device.Close()
	os.Remove(link)
	device, path = line(t)
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	io.WriteString(device, "back")
	conn, ok := <-ch
	if !ok {
		t.Fatal("Accept ended")
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "back" {
		t.Errorf("read %q, %v", got, err)
	}
	waiting := accept(l)
	l.Close()
	<-waiting
	conn.Close()
}

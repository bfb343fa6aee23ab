//go:build darwin || (linux && !ppc64 && !ppc64le)

package module

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/ws76/ws76/internal/testenv"
)

// onPTY runs a module on a pseudo-terminal and opens it as a host does.
func onPTY(t *testing.T, o Options) *host {
	t.Helper()
	control, err := OpenPTY()
	if errors.Is(err, errors.ErrUnsupported) || os.IsNotExist(err) {
		testenv.Missing(t, "no pseudo-terminal: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	if o.HostRate == nil {
		o.HostRate = control.Rate
	}
	tty, err := os.OpenFile(control.Path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(int(tty.Fd()), true); err != nil {
		t.Fatal(err)
	}
	return serveHost(t, o, control, tty)
}

// A whole life: boot text, command mode, a connection, data, the end, on a real
// pseudo-terminal and real TCP.
func TestSession(t *testing.T) {
	t.Parallel()
	h := onPTY(t, Options{Baud: 115200, Boot: 10e6, Assoc: 10e6, DHCP: 10e6})
	h.until("*READY*\r\n")
	h.until("Listen on 2000\r\n")
	h.escape()
	if got := h.command("set uart mode 1"); got != "AOK" {
		t.Errorf("set uart mode: %q", got)
	}
	for line, want := range map[string]string{
		"set comm remote 0": "AOK", "set comm open <o>": "AOK", "set c c <c>": "AOK", "set comm size 1420": "AOK",
		"set comm nonsense 1": "ERR: ?-Cmd", "set comm size x": "ERR: Bad Args", "nonsense": "ERR: ?-Cmd", "$$$": "ERR: ?-Cmd",
		"set wlan ssid a b": "ERR: Bad Args", "show c": "8630", "get mac": "Mac Addr=" + macAddr,
	} {
		if got := h.command(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	h.send("open " + words(echoServer(t)) + "\r")
	h.until("<o>")
	h.send("hello $$$ there")
	h.until("hello $$$ there")
	h.escape()
	if got := h.command("show connection"); got != "8631" {
		t.Errorf("connected: %q", got)
	}
	h.send("close\r")
	h.until("<c>")
	h.until(h.m.fw.prompt)
	h.send("exit\r")
	h.until("EXIT\r\n")
	if s := h.m.Stats(); s.FromHost != 15 || s.ToHost != 15 {
		t.Errorf("%+v", s)
	}
}

// What get shows is what was set, in the forms that drivers look for.
func TestGet(t *testing.T) {
	t.Parallel()
	h := onPTY(t, Options{Baud: 115200, Running: true})
	h.escape()
	h.command("set uart mode 1")
	h.command("set wlan ssid my$net")
	for group, want := range map[string]string{
		"comm": "OPEN=*OPEN*\r\nCLOSE=*CLOS*\r\nREMOTE=*HELLO*\r\nFlushSize=1420\r\nMatchChar=0\r\nFlushTimer=10\r\nIdleTimer=0\r\nCmdChar=$",
		"uart": "Baudrate=115200\r\nFlow=0x0\r\nMode=0x1\r\nTx=1",
		"dns":  "Address=0.0.0.0\r\nName=dns1\r\nBackup=rn.microchip.com",
		"ip a": "127.0.0.1",
	} {
		if got := h.command("get " + group); got != want {
			t.Errorf("get %s: %q, want %q", group, got, want)
		}
	}
	if got := h.command("get everything"); !strings.Contains(got, "SSID=my net\r\n") || !strings.Contains(got, "Passphrase=rubygirl\r\n") || !strings.Contains(got, "PROTO=TCP,\r\n") {
		t.Errorf("get everything: %q", got)
	}
}

// A host at another rate sees garbage and is not understood; at the right one it is.
func TestRateOfHost(t *testing.T) {
	t.Parallel()
	h := onPTY(t, Options{Baud: 57600, Running: true})
	set := func(speed uint32) {
		raw, err := h.port.(*os.File).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			attr, err := unix.IoctlGetTermios(int(fd), getTermios)
			if err == nil {
				err = setRate(int(fd), attr, speed)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	set(9600)
	time.Sleep(guard + 50*time.Millisecond)
	h.send("$$$")
	if got := h.rest(2 * guard); strings.Contains(got, "CMD") {
		t.Errorf("at the wrong rate: %q", got)
	}
	set(57600)
	h.escape()
}

// A peer connects to the module's own server; a second one finds the slot taken.
func TestServer(t *testing.T) {
	t.Parallel()
	addr := make(chan string, 1)
	listen := func(context.Context, int) (net.Listener, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			addr <- l.Addr().String()
		}
		return l, err
	}
	h := onPTY(t, Options{Baud: 115200, Running: true, Listen: listen, Settings: "set comm remote 0\n"})
	to := <-addr
	conn, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h.until("*OPEN*")
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write([]byte("question"))
	h.until("question")
	h.send("answer")
	if _, err := io.ReadFull(conn, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	second, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	second.SetDeadline(time.Now().Add(patience))
	if n, err := second.Read(make([]byte, 1)); n > 0 || os.IsTimeout(err) {
		t.Errorf("a second peer: %d, %v", n, err)
	}
	h.escape()
	h.send("open 127.0.0.1 1\r")
	h.until("ERR:Connected!\r\n")
	h.command("set ip proto 8")
	h.send("close\r")
	h.until("*CLOS*")
	third, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	third.SetDeadline(time.Now().Add(patience))
	if n, err := third.Read(make([]byte, 1)); n > 0 || os.IsTimeout(err) {
		t.Errorf("a peer of a client only: %d, %v", n, err)
	}
}

// What show says of a module that is joined, and ping and lookup of this machine, by
// the system's own resolver.
func TestShow(t *testing.T) {
	t.Parallel()
	h := onPTY(t, Options{Baud: 115200, Running: true, Networks: []Network{{SSID: "roving1", RSSI: -61}}})
	h.escape()
	h.command("set uart mode 1")
	for line, want := range map[string]string{
		"show rssi": "RSSI=(-61) dBm", "show b": "Batt=3301", "show io": "8d08",
		"show deviceid": "WiFly-GSX", "lookup localhost": "localhost=127.0.0.1", "lookup": "ERR: Bad Args", "ping": "ERR: Bad Args",
	} {
		if got := h.command(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	for line, want := range map[string]string{
		"show net":  "SSid=roving1\r\nChan=6\r\nAssoc=OK\r\nRate=12, 24Mb\r\nAuth=OK\r\nMode=OPEN\r\nDHCP=OK,renew=86400\r\nBoot=",
		"show time": "Time=NOT SET\r\nUpTime=", "show stats": "Uptime: ", "show v": h.m.fw.banner} {
		if got := h.command(line); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	h.command("ping h")
	h.until("64 reply from 127.0.0.1 time=")
	h.command("leave")
	for line, want := range map[string]string{"show rssi": "RSSI=(0) dBm", "lookup localhost": "localhost=0.0.0.0", "get ip a": "0.0.0.0"} {
		if got := h.command(line); got != want {
			t.Errorf("left, %s: %q, want %q", line, got, want)
		}
	}
	h.command("ping 127.0.0.1")
	h.until("ERR: Ping failed\r\n")
}

//go:build linux || darwin

package wifly

import (
	"context"
	"flag"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/wifly/module"
)

func TestMain(m *testing.M) {
	flag.Set("test.parallel", "16") // they wait, mostly
	goleak.VerifyTestMain(m)
}

// emulate runs a module in software on a pseudo-terminal and returns the path of
// that.
func emulate(t testing.TB, o module.Options) (path string, m *module.Module) {
	t.Helper()
	pty, err := module.OpenPTY()
	if err != nil {
		t.Fatal(err)
	}
	o.HostRate = pty.Rate
	if o.Note == nil && testing.Verbose() {
		o.Note = func(text string) { t.Log("module: " + text) }
	}
	m, err = module.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Serve(ctx, pty)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return pty.Path, m
}

// fast is a module that was powered up long ago, on a line that is not in the way.
func fast() module.Options {
	return module.Options{Running: true, Baud: 921600, Settings: "set uart flow 1\nset wlan join 1\nset wlan ssid lab\n",
		Boot: 50 * time.Millisecond, Assoc: 20 * time.Millisecond, DHCP: 20 * time.Millisecond, Scan: 50 * time.Millisecond}
}

// transport returns the driver of the module at path.
func transport(t testing.TB, path string, parameters string) *Transport {
	t.Helper()
	u, err := url.Parse("wifly://" + path + "?" + parameters)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := Open(u, transports.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if testing.Verbose() {
		tr.Trace = func(sent bool, text string) { t.Logf("%v %q", map[bool]string{true: "->", false: "<-"}[sent], text) }
	}
	return tr
}

func listenTCP(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// patient is a context that only turns a hang into a failure.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestDial(t *testing.T) {
	t.Parallel()
	l := listenTCP(t)
	path, _ := emulate(t, fast())
	tr := transport(t, path, "baud=921600")
	conn, err := tr.Dial(patient(t), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	go far.Write([]byte("hello " + strconv.Itoa(1)))
	b := make([]byte, 100)
	n, err := conn.Read(b)
	if err != nil || string(b[:n]) != "hello 1" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// What a session has set that was killed is not put back by the next one as if it
// were the user's.
func TestDialAfterKill(t *testing.T) {
	t.Parallel()
	l := listenTCP(t)
	o := fast()
	o.Settings += "set comm open *HERE*\nset comm time 33\n"
	path, _ := emulate(t, o)
	tr := transport(t, path, "baud=921600")
	var noticed []string
	tr.Notice = func(text string) { noticed = append(noticed, text) }
	killed, err := tr.Module(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.configure(patient(t), false); err != nil {
		t.Fatal(err)
	}
	killed.closePort()
	if len(noticed) > 0 {
		t.Errorf("it says %q", noticed)
	}
	conn, err := tr.Dial(patient(t), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if len(noticed) != 1 || !strings.Contains(noticed[0], "is rebooted") {
		t.Errorf("it says %q, and has rebooted the module once", noticed)
	}
	m, err := tr.Module(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	comm, err := m.get(patient(t), "comm")
	if err != nil || comm["open"] != "*HERE*" || comm["close"] != "*CLOS*" || comm["flushtimer"] != "33" {
		t.Errorf("the module has %q, %v", comm, err)
	}
}

func openModule(t *testing.T, o module.Options, parameters string) *Module {
	t.Helper()
	path, _ := emulate(t, o)
	m, err := transport(t, path, parameters).Module(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestInfo(t *testing.T) {
	t.Parallel()
	for _, firmware := range module.Firmwares() {
		t.Run(firmware, func(t *testing.T) {
			t.Parallel()
			o := fast()
			o.Running = false
			o.Firmware = firmware
			o.Networks = []module.Network{{SSID: "lab", Channel: 11, RSSI: -61, MAC: "00:15:f9:38:bd:b0"}, {SSID: "other, one", Phrase: "12345678"}}
			m := openModule(t, o, "baud=921600")
			info, err := m.Info(patient(t))
			if err != nil {
				t.Fatalf("%s: %v", firmware, err)
			}
			if info.SSID != "lab" || !info.Associated || info.Channel != 11 || info.RSSI != -61 || info.IP == "" || info.MAC == "" ||
				!strings.Contains(info.Firmware, firmware) || info.Baud != 921600 || !info.Flow || info.LocalPort != 2000 || info.Factory {
				t.Errorf("%s: %+v", firmware, info)
			}
			if info.Auth != "open" || info.Leftover {
				t.Errorf("%s: %+v", firmware, info)
			}
			list, err := m.Scan(patient(t))
			if err != nil || len(list) != 2 {
				t.Fatalf("%s: %+v, %v", firmware, list, err)
			}
			if want := (Network{"lab", 11, -61, "open", "00:15:f9:38:bd:b0"}); list[0] != want {
				t.Errorf("%s: %+v, want %+v", firmware, list[0], want)
			}
			if list[1].SSID != "other, one" || list[1].Auth != "wpa2" {
				t.Errorf("%s: %+v", firmware, list[1])
			}
		})
	}
}

// The network's authentication is what it has, and not what the module is set to, which asks the access point; what a session
// that was cut short has left is said.
func TestInfoOf(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]Info{
		"set wlan ssid lab\nset wlan phrase 12345678\n":                            {Auth: "wpa2", Associated: true},
		"set wlan ssid lab\nset wlan phrase 12345678\nset comm open ~abcdefghij\n": {Auth: "wpa2", Associated: true, Leftover: true},
		"set wlan ssid none\nset wlan phrase 12345678\n":                           {},
		"set wlan ssid none\nset wlan auth 4\n":                                    {Auth: "wpa2"},
	} {
		o := module.Options{Settings: settings, Networks: []module.Network{{SSID: "lab", Phrase: "12345678"}}}
		simulated(t, o, nil, func(t *testing.T, tr *Transport, _ *module.Module) {
			m, err := tr.Module(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			info, err := m.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := (Info{Auth: info.Auth, Associated: info.Associated, Leftover: info.Leftover}); got != want {
				t.Errorf("%q: %+v, want %+v", settings, got, want)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// simulated runs f in a bubble of time with a module on a line of 9600 baud, the driver of
// it, and a peer for each connection that it opens.
func simulated(t *testing.T, o module.Options, peer func(net.Conn), f func(t *testing.T, tr *Transport, m *module.Module)) {
	synctest.Test(t, func(t *testing.T) {
		near, mid := net.Pipe()
		back, far := net.Pipe()
		var running sync.WaitGroup
		o.Running, o.Baud = true, 9600
		o.Dial = func(context.Context, string) (net.Conn, error) {
			time.Sleep(100 * time.Millisecond)
			there, conn := net.Pipe()
			running.Go(func() {
				peer(conn)
				io.Copy(io.Discard, conn)
			})
			return there, nil
		}
		m, err := module.New(&o)
		if err != nil {
			t.Fatal(err)
		}
		serving, stop := context.WithCancel(t.Context())
		running.Go(func() { m.Serve(serving, far) })
		running.Go(func() { io.Copy(back, mid) })
		running.Go(func() { // the module's port outlives the driver's
			io.Copy(mid, back)
			io.Copy(io.Discard, back)
		})
		defer func() {
			stop()
			for _, end := range []net.Conn{near, mid, back, far} {
				end.Close()
			}
			running.Wait()
		}()
		synctest.Wait() // it runs
		f(t, New(Config{Name: "in " + t.Name(), Baud: 9600, Open: func(context.Context, int) (net.Conn, error) { return near, nil }}), m)
	})
}

// Wherever a user ends it, the module is what it was, and in data mode.
func TestEnded(t *testing.T) {
	t.Parallel()
	for i := range 60 {
		o := module.Options{Settings: "set wlan ssid lab\nset comm time 33\n", Networks: []module.Network{{SSID: "lab", Channel: 11}}}
		simulated(t, o, func(net.Conn) {}, func(t *testing.T, tr *Transport, m *module.Module) {
			before := m.State().Settings
			after := time.Duration(i) * 60 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			conn, err := tr.Dial(ctx, "192.0.2.1:80")
			if err == nil {
				err = conn.Close()
			}
			time.Sleep(time.Second) // it may have something left to say
			if s := m.State(); s.Settings != before || s.Command {
				t.Errorf("after %v (%v) the module is in command mode: %v, and has\n%s", after, err, s.Command, s.Settings)
			}
		})
	}
}

// What a stream says is not taken for the module's prompt: a page of a web server is full
// of what looks like one, and comes still when the driver ends the connection, or finds
// one that another has left.
func TestPage(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"\n<html>\n<body>\n", "ERR: 7\n<html>\n", "CMD\r\n<html>\n"} {
		page := strings.Repeat(page, 400/len(page)) // some 0.4 s
		for name, faults := range map[string]module.Faults{"own": nil, "left": {{Kind: module.StaleOpen, Addr: "192.0.2.7:7"}}} {
			o := module.Options{Settings: "set wlan ssid lab\nset comm open *HERE*\n", Faults: faults}
			simulated(t, o, func(conn net.Conn) { io.WriteString(conn, page) }, func(t *testing.T, tr *Transport, m *module.Module) {
				before := m.State().Settings
				conn, err := tr.Dial(t.Context(), "192.0.2.1:80")
				if err != nil {
					t.Errorf("%s, %q: %v", name, page[:20], err)
				} else if err := conn.Close(); err != nil {
					t.Errorf("%s, %q: %v", name, page[:20], err)
				}
				time.Sleep(time.Second)
				if s := m.State(); s.Settings != before || s.Command {
					t.Errorf("%s, %q: the module is in command mode: %v, and has\n%s", name, page[:20], s.Command, s.Settings)
				}
			})
		}
	}
}

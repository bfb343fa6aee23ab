package tcp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/transporttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, raw string, o transports.Options) *Transport {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := Open(u, o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func listen(t *testing.T, tr *Transport, addr string) net.Listener {
	t.Helper()
	l, err := tr.Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestTransport(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Setup {
		tr := open(t, "tcp:", transports.Options{})
		l := listen(t, tr, "127.0.0.1:0")
		return transporttest.Setup{
			Dial:    func(ctx context.Context) (net.Conn, error) { return tr.Dial(ctx, l.Addr().String()) },
			Accept:  l.Accept,
			Stalled: stalled(t, tr),
		}
	})
}

// serveOne accepts connections and writes the address that was dialled.
func serveOne(t *testing.T, l net.Listener) (port string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, conn.LocalAddr().String())
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// reached dials addr and returns the address that answered.
func reached(t *testing.T, tr *Transport, addr string) string {
	t.Helper()
	conn, err := tr.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestResolveIsDialled(t *testing.T) {
	port := serveOne(t, listen(t, open(t, "tcp:", transports.Options{Network: "tcp4"}), "0.0.0.0:0"))
	resolve := transports.Resolve{
		"named.invalid:" + port: {netip.MustParseAddr("127.0.0.1")},
		"*:" + port:             {netip.MustParseAddr("127.0.0.2")},
		// Nothing listens at the first, which must not be the end of it.
		"second.invalid:" + port: {netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.3")},
	}
	tr := open(t, "tcp:", transports.Options{Resolve: resolve})
	hosts := map[string]string{"named.invalid": "127.0.0.1"}
	if loopbackNet(t) {
		hosts["other.invalid"] = "127.0.0.2"
		hosts["second.invalid"] = "127.0.0.3"
	}
	for host, want := range hosts {
		if got := reached(t, tr, host+":"+port); got != want+":"+port {
			t.Errorf("%s: reached %s, want %s", host, got, want)
		}
	}
}

// loopbackNet reports whether all of 127.0.0.0/8 is this machine, which is so on
// Linux and Windows but not on every other system.
func loopbackNet(t *testing.T) bool {
	l, err := net.Listen("tcp4", "127.0.0.2:0")
	if err != nil {
		t.Logf("this system has no 127.0.0.2: %v", err)
		return false
	}
	l.Close()
	return true
}

func TestFixedAddress(t *testing.T) {
	l := listen(t, open(t, "tcp://127.0.0.1:0", transports.Options{}), "")
	port := serveOne(t, l)
	tr := open(t, "tcp://127.0.0.1:"+port, transports.Options{})
	if got := reached(t, tr, "elsewhere.invalid:80"); got != "127.0.0.1:"+port {
		t.Errorf("reached %s, want the address of the URL", got)
	}
}

func TestNoDelayAndKeepAlive(t *testing.T) {
	for _, c := range []struct {
		url  string
		o    transports.Options
		want time.Duration
	}{
		{"tcp:", transports.Options{}, 0},
		{"tcp:", transports.Options{KeepAlive: -1}, -1},
		{"tcp:", transports.Options{KeepAlive: time.Minute}, time.Minute},
		{"tcp:?keepalive=5s", transports.Options{KeepAlive: time.Minute}, 5 * time.Second},
		{"tcp:?keepalive=off", transports.Options{}, -1},
	} {
		if got := open(t, c.url, c.o).keepAlive; got != c.want {
			t.Errorf("%s with %v: keep-alive %v, want %v", c.url, c.o.KeepAlive, got, c.want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		"tcp:host:80":                    "nothing but //HOST:PORT",
		"tcp://host:80/path":             "nothing but //HOST:PORT",
		"tcp://me@host:80":               "nothing but //HOST:PORT",
		"tcp://host":                     "no HOST:PORT",
		"tcp:?keepalive=often":           `keepalive "often"`,
		"tcp:?keepalive=-3s":             `keepalive "-3s"`,
		"tcp:?keepalive=":                `keepalive ""`,
		"tcp:?keepallive=3s":             `unknown parameter "keepallive"; tcp: has keepalive`,
		"tcp:?keepalive=1s&keepalive=2s": "2 times",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Open(u, transports.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", raw, err, want)
		}
	}
	if _, err := Open(&url.URL{Scheme: "tcp"}, transports.Options{Network: "udp"}); err == nil {
		t.Error("network udp was accepted")
	}
}

func TestDialErrors(t *testing.T) {
	l := listen(t, open(t, "tcp:", transports.Options{}), "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close() // nothing listens at port now
	resolve := transports.Resolve{
		"both.invalid:" + port: {netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::ffff:127.0.0.1")},
		"v6.invalid:" + port:   {netip.MustParseAddr("::1")},
	}
	for _, c := range []struct {
		network, addr string
		is            error
		want          []string
	}{
		{"", "127.0.0.1:" + port, syscall.ECONNREFUSED, []string{"connect to 127.0.0.1:" + port + ": ", "nothing listens there"}},
		{"", "both.invalid:" + port, syscall.ECONNREFUSED, []string{"connect to both.invalid:", "(tried 127.0.0.1:" + port + ", "}},
		{"tcp4", "v6.invalid:" + port, nil, []string{"none of the addresses", "tcp4"}},
		{"tcp6", "127.0.0.1:80", nil, []string{"no suitable address", "tcp6"}},
		{"", "127.0.0.1", nil, []string{"missing port", "HOST:PORT"}},
		{"", ":80", nil, []string{"no host"}},
		{"", "name.invalid:80", nil, []string{"connect to name.invalid:80: lookup name.invalid"}},
	} {
		conn, err := open(t, "tcp:", transports.Options{Network: c.network, Resolve: resolve}).Dial(t.Context(), c.addr)
		if err == nil {
			conn.Close()
			t.Errorf("%s: connected", c.addr)
			continue
		}
		var de *transports.DialError
		if !errors.As(err, &de) || de.Transport != "tcp" || de.Addr != c.addr {
			t.Errorf("%s: %#v is no DialError of this transport and address", c.addr, err)
		}
		if c.is != nil && !errors.Is(err, c.is) && !transports.Refused(err) {
			t.Errorf("%s: %v is not %v", c.addr, err, c.is)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q, want %q in it", c.addr, err, want)
			}
		}
		if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "dial tcp") {
			t.Errorf("%s: %q is not one plain line", c.addr, err)
		}
	}
}

func TestListenInUse(t *testing.T) {
	tr := open(t, "tcp:", transports.Options{})
	addr := listen(t, tr, "127.0.0.1:0").Addr().String()
	_, err := tr.Listen(t.Context(), addr)
	var le *transports.ListenError
	if !errors.As(err, &le) || !transports.InUse(err) || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("second Listen: %v, want a ListenError that says so", err)
	}
}

// An address of IPv4 is listened on for that family alone.
func TestListenIPv4(t *testing.T) {
	for addr, want := range map[string]string{"0.0.0.0:0": "0.0.0.0", "127.0.0.1:0": "127.0.0.1"} {
		tr := open(t, "tcp:", transports.Options{})
		got := listen(t, tr, addr).Addr().(*net.TCPAddr)
		if got.IP.String() != want {
			t.Errorf("%s: listens on %v", addr, got)
		}
	}
}

// TestRacingCancel cancels dials at every stage. Each must end in a connection or
// an error, and leave nothing behind.
func TestRacingCancel(t *testing.T) {
	tr := open(t, "tcp:", transports.Options{})
	port := serveOne(t, listen(t, tr, "127.0.0.1:0"))
	for i := range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Duration(i) * time.Microsecond)
			cancel()
		}()
		conn, err := tr.Dial(ctx, "127.0.0.1:"+port)
		switch {
		case err == nil:
			conn.Close()
		case !errors.Is(err, context.Canceled):
			t.Errorf("cancelled after %d µs: %v", i, err)
		}
		<-ctx.Done()
	}
}

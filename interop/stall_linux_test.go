package interop

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/internal/testenv"
)

// stallTime is how long TestStall takes the network away: WS76_STALL, 5s without it.
func stallTime(t *testing.T) time.Duration {
	text := os.Getenv("WS76_STALL")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// namespaces makes two network namespaces with a cable between them; near has
// 192.0.2.1 and far 192.0.2.2. The host's network is not touched.
func namespaces(t *testing.T) (ip, near, far string) {
	t.Helper()
	ip = testenv.Need(t, "ip", "iproute2")
	near, far = fmt.Sprintf("ws76-near-%d", os.Getpid()), fmt.Sprintf("ws76-far-%d", os.Getpid())
	for _, name := range []string{near, far} {
		if out, err := exec.Command(ip, "netns", "add", name).CombinedOutput(); err != nil {
			t.Skipf("no network namespaces: %v: %s", err, out) // not a matter of what is installed
		}
		t.Cleanup(func() { exec.Command(ip, "netns", "del", name).Run() })
	}
	for _, args := range [][]string{
		{"-n", near, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", far},
		{"-n", near, "addr", "add", "192.0.2.1/30", "dev", "cable"},
		{"-n", far, "addr", "add", "192.0.2.2/30", "dev", "cable"},
		{"-n", near, "link", "set", "cable", "up"},
		{"-n", far, "link", "set", "cable", "up"},
	} {
		if out, err := exec.Command(ip, args...).CombinedOutput(); err != nil {
			t.Skipf("ip %q: %v: %s", args, err, out)
		}
	}
	return ip, near, far
}

// TestStall takes the network between a bridge and TO away for a while, in the middle
// of a conversation: nothing is lost, nothing changes its place, nothing hangs.
func TestStall(t *testing.T) {
	testenv.NeedInterop(t)
	stall := stallTime(t)
	ip, near, far := namespaces(t)
	start(t, nil, ip, "netns", "exec", far, ws76(t), "serve", "192.0.2.2:8076", "--echo", "--origin", "*", "--origin", "none")
	cable := func(state string) {
		if out, err := exec.Command(ip, "-n", near, "link", "set", "cable", state).CombinedOutput(); err != nil {
			t.Errorf("cable %s: %v: %s", state, err, out)
		}
	}
	// A socket in the file system is where the bridge can be reached from here.
	var conns []*core.Conn
	for _, flags := range [][]string{nil, {"--buffer", "10"}} {
		for _, d := range core.Dialects {
			socket := filepath.Join(t.TempDir(), "socket")
			start(t, nil, ip, append([]string{"netns", "exec", near, ws76(t), "bridge", "ws://bridge", "ws://192.0.2.2:8076", "--host", "*",
				"--dialect", string(d), "--from-via", "unix://" + socket}, flags...)...)
			conns = append(conns, dialSoon(t, socket))
		}
	}

	// TCP sends again ever more rarely: what was lost takes as long again, or more.
	ctx, cancel := context.WithTimeout(t.Context(), 3*stall+patience)
	defer cancel()
	var heard atomic.Int64
	over := make(chan error)
	for _, c := range conns {
		go func() { over <- count(ctx, c, stall, &heard) }()
	}
	time.Sleep(stall / 4)
	cable("down")
	time.Sleep(stall / 2)
	before := heard.Load()
	time.Sleep(stall / 2)
	if during := heard.Load() - before; during > 0 {
		t.Errorf("%d messages came while there was no cable", during)
	}
	cable("up")
	for range conns {
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
	for _, c := range conns {
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// dialSoon connects to a bridge that is being started, behind which a server is.
func dialSoon(t *testing.T, socket string) *core.Conn {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := core.Dial(t.Context(), "ws://bridge/echo", &core.DialOptions{Dialer: unixDialer(socket)})
		if err == nil {
			return c
		}
		if time.Now().After(limit) {
			t.Fatal(err)
		}
	}
}

type unixDialer string

func (d unixDialer) Dial(ctx context.Context, _ string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", string(d))
}

// count sends numbers to an echo, from before to after a stall, and wants all of them
// back in order.
func count(ctx context.Context, c *core.Conn, stall time.Duration, heard *atomic.Int64) error {
	const pause = 5 * time.Millisecond
	total := int(2 * stall / pause)
	sent := make(chan error, 1)
	go func() {
		for i := range total {
			if err := c.Send(ctx, core.Message{Data: strconv.AppendInt(nil, int64(i), 10)}); err != nil {
				sent <- fmt.Errorf("message %d: %w", i, err)
				return
			}
			time.Sleep(pause)
		}
		sent <- nil
	}()
	for i := range total {
		m, err := c.Receive(ctx)
		if err != nil || string(m.Data) != strconv.Itoa(i) {
			return fmt.Errorf("message %d of %d: got %q, %w", i, total, m.Data, err)
		}
		heard.Add(1)
	}
	return <-sent
}

//go:build linux || darwin

package wifly

import (
	"context"
	"net"
	"testing"

	"github.com/ws76/ws76/transports/transporttest"
)

// It takes longest, and is in one of the first files to begin first.
func TestTransport(t *testing.T) {
	t.Parallel()
	transporttest.RunParallel(t, func(t *testing.T) transporttest.Setup {
		l := listenTCP(t)
		o := fast()
		o.SetRate = func(int) error { return nil } // as fast as the pseudo-terminal
		path, _ := emulate(t, o)
		tr := transport(t, path, "baud=921600&flow=rtscts")
		open := tr.Open
		tr.Open = func(ctx context.Context, _ int) (net.Conn, error) { return open(ctx, 921600) }
		tr.Baud = 1e9 // as the driver reckons, too
		return transporttest.Setup{
			Dial:   func(ctx context.Context) (net.Conn, error) { return tr.Dial(ctx, l.Addr().String()) },
			Accept: l.Accept,
		}
	})
}

package bridge

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"github.com/ws76/ws76/cmd/ws76/internal/softmodule"
	"github.com/ws76/ws76/core"
	bytepipe "github.com/ws76/ws76/transports/pipe"
)

// moduleAir is the network of a module in software: every name has an address, and
// every connection leads to the bridge.
type moduleAir struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newModuleAir() *moduleAir {
	return &moduleAir{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// lookup returns an address of those set aside for measurements; nothing is asked.
func (a *moduleAir) lookup(context.Context, string) (netip.Addr, error) {
	return netip.AddrFrom4([4]byte{198, 18, 0, 1}), nil
}

// dial gives the other end of the connection to Accept.
func (a *moduleAir) dial(ctx context.Context, addr string) (net.Conn, error) {
	host, ours := net.Pipe()
	select {
	case a.conns <- ours:
		return host, nil
	case <-a.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (a *moduleAir) Accept() (net.Conn, error) {
	select {
	case c := <-a.conns:
		return c, nil
	case <-a.closed:
		return nil, net.ErrClosed
	}
}

func (a *moduleAir) Close() error {
	a.once.Do(func() { close(a.closed) })
	return nil
}

func (a *moduleAir) Addr() net.Addr { return bytepipe.Addr{Net: "wifly-module", Name: "wifly-module:"} }

// runModule is the module, and serves what its host connects to, until ctx ends.
func (s *span) runModule(ctx context.Context, o *softmodule.Module, accept core.AcceptOptions) error {
	air := newModuleAir()
	o.Dial, o.Lookup = air.dial, air.lookup
	module, err := o.Start(ctx)
	if err != nil {
		return err
	}
	s.Log.Warnf("%sbridging the module on %s to %s", s.prefix, module.Name, s.to.text)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	served := make(chan error, 1)
	go func() {
		err := module.Serve(ctx)
		stop(err)
		served <- err
	}()
	err = s.runWebSockets(ctx, air, accept, "")
	stop(err)
	if failed := <-served; err == nil {
		err = failed
	}
	return err
}

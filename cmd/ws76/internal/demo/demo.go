// Package demo is ws76 demo: a server, a module in software and a device, to be tried.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/serial"
	"github.com/ws76/ws76/transports/wifly"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

// lineBaud is the rate of the demo's serial line.
const lineBaud = 115200

// Server is what the demo shows: it serves on listeners until ctx ends.
type Server interface {
	Run(ctx context.Context, listeners []net.Listener) error
	Close()
}

// Options are what the command line says.
type Options struct {
	Args     []string
	Interval time.Duration // between readings
	Duration time.Duration // 0: until ^C
	Module   bool
}

func read(c *cli.Context) *Options {
	return &Options{Args: c.Args().Slice(), Interval: c.Duration("interval"), Duration: c.Duration("duration"), Module: !c.Bool("no-module")}
}

// Command is ws76 demo, of a server that serve makes.
func Command(e *reach.Env, serve func(context.Context) (Server, error)) *cli.Command {
	return e.Command(cli.Command{
		Name:      "demo",
		Usage:     "a server, a module and a device to look at",
		ArgsUsage: "[ADDR]",
		UsageText: `ws76 demo                       then open the address that it prints
ws76 demo 0.0.0.0:8076          for other machines on the network, too
ws76 demo --no-module           the device on plain TCP`,
		Description: "Nothing needs to be installed or connected: one process is the server with the dashboard on ADDR (127.0.0.1:8076, or another port if that is taken), " +
			"a WiFly module in software on a pseudo-terminal, and on it a device that publishes sensor readings to /ws/demo/rw in draft 76. " +
			"What is sent to the channel the device shows on its display.",
		Flags: []cli.Flag{
			flags.Time(cli.GenericFlag{Name: "interval", Usage: "`TIME` between readings"}, 500*time.Millisecond),
			flags.Time(cli.GenericFlag{Name: "duration", Usage: "end after `TIME` (0: at ^C)"}, 0),
			&cli.BoolFlag{Name: "no-module", Usage: "no module: the device connects over TCP"},
		},
		Action: func(c *cli.Context) error { return run(c.Context, e, serve, read(c)) },
	}, app.ExitTransport, app.ExitInterrupt, app.ExitTerminate)
}

func run(ctx context.Context, e *reach.Env, serve func(context.Context) (Server, error), o *Options) error {
	switch {
	case len(o.Args) > 1:
		return app.Usagef("demo takes one address, got %q", o.Args)
	case o.Interval < time.Millisecond:
		return app.Usagef("--interval %v: want at least 1ms", o.Interval)
	}
	listener, err := openListener(ctx, e, o.Args)
	if err != nil {
		return app.WithCode(app.ExitTransport, err)
	}
	host := reachable(listener.Addr())

	// Each part outlives the one before it, so that all of them end properly.
	service, err := serve(ctx)
	if err != nil {
		listener.Close()
		return err
	}
	defer service.Close()
	server := newPart(e, "server", func(ctx context.Context) error { return service.Run(ctx, []net.Listener{listener}) })
	defer server.end()
	device := &sensorDevice{e: e, url: "ws://" + host + "/ws/demo/rw", interval: o.Interval}
	var module *part
	if o.Module {
		pty, err := rn131.OpenPTY()
		if err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return app.WithCode(app.ExitTransport, fmt.Errorf("%w; --no-module needs none", err))
		}
		driver, run, err := newModule(e, pty)
		if err != nil {
			return err
		}
		device.dialer = driver
		module = newPart(e, "module", run)
		defer module.end()
		e.Log.Warnf("module on %s", driver.Name)
	}
	sensors := newPart(e, "device", device.run)
	defer sensors.end()

	e.Log.Warnf("a device publishes to %s; ^C ends", device.url)
	fmt.Fprintf(e.Stdout, "http://%s/#/demo\n", host)
	var over <-chan time.Time
	if o.Duration > 0 {
		over = time.After(o.Duration)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-over:
		return nil
	case <-server.done:
		return server.err
	case <-module.ended():
		return module.err
	}
}

// part is something that runs beside the others.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done
}

func newPart(e *reach.Env, name string, run func(context.Context) error) *part {
	ctx, cancel := context.WithCancel(context.Background())
	p := &part{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if p.err = run(ctx); p.err != nil && ctx.Err() == nil {
			p.err = fmt.Errorf("%s: %w", name, p.err)
		}
	}()
	return p
}

// end stops it and waits for it.
func (p *part) end() {
	p.cancel()
	<-p.done
}

// ended is closed when p is over; a nil part never is.
func (p *part) ended() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.done
}

// openListener listens on the address in args; if none is given and the usual one is taken, on any port.
func openListener(ctx context.Context, e *reach.Env, args []string) (net.Listener, error) {
	if len(args) > 0 && args[0] != "" {
		return listen.On(ctx, args[0], e.OpenTransport)
	}
	l, err := listen.On(ctx, listen.DefaultAddr, e.OpenTransport)
	if transports.InUse(err) {
		return listen.On(ctx, "127.0.0.1:0", e.OpenTransport)
	}
	return l, err
}

// reachable is addr as this machine can connect to it.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}).String()
}

// newModule makes a module and the driver that dials through it, over pty or, where that is nil, a line in memory.
func newModule(e *reach.Env, pty *rn131.PTY) (driver *wifly.Transport, run func(context.Context) error, err error) {
	o := &rn131.Options{
		Baud: lineBaud, Running: true, Settings: "set uart flow 1\n",
		Note: func(text string) { e.Log.Infof("%s", text) },
	}
	config := wifly.Config{Name: "a line in memory", Baud: lineBaud, Flow: true}
	var line io.ReadWriteCloser
	if pty != nil {
		o.HostRate, line = pty.Rate, pty
		config.Name = pty.Path
		config.Open = func(ctx context.Context, baud int) (net.Conn, error) {
			return serial.OpenPort(ctx, serial.Config{Path: pty.Path, Baud: baud, Flow: "rtscts"})
		}
	} else {
		var host net.Conn
		line, host = net.Pipe()
		config.Open = func(context.Context, int) (net.Conn, error) { return openMemory(host), nil }
	}
	m, err := rn131.New(o)
	if err != nil {
		return nil, nil, err
	}
	return wifly.New(config), func(ctx context.Context) error { return m.Serve(ctx, line) }, nil
}

// memoryPort is the host's end of a serial line in memory, which like a port can be opened again after it was closed.
type memoryPort struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func openMemory(line net.Conn) *memoryPort {
	line.SetDeadline(time.Time{})
	return &memoryPort{Conn: line, closed: make(chan struct{})}
}

func (p *memoryPort) Close() error {
	p.once.Do(func() {
		close(p.closed)
		p.SetDeadline(time.Now()) // ends what waits
	})
	return nil
}

func (p *memoryPort) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	return n, p.named(err)
}

func (p *memoryPort) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	return n, p.named(err)
}

func (p *memoryPort) named(err error) error {
	select {
	case <-p.closed:
		if err != nil {
			return net.ErrClosed
		}
	default:
	}
	return err
}

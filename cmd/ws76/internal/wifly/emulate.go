package wifly

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/serial"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

func wiflyEmulateCommand(e *reach.Env) *cli.Command {
	const line, wifi, tcp = "Serial line", "Wi-Fi", "TCP"
	return e.Command(cli.Command{
		Name:  "emulate",
		Usage: "an RN-131 module in software",
		UsageText: `ws76 wifly emulate --link /tmp/wifly                       on a pseudo-terminal
ws76 wifly emulate --port serial:///dev/ttyUSB0 --upgrade  in place of a dead module
ws76 wifly emulate --upgrade --map sockets.mbed.org:80=wss://my.example/
ws76 wifly emulate --fault clos-after=100,lost-reply=0.1   as bad as in the field`,
		Description: "Answers a host as an RN-131 does, $$$ and all, and opens real TCP connections for it. " +
			"Without --port it makes a pseudo-terminal and prints its path. " +
			"With --upgrade a WebSocket of draft 75 or 76 that the host opens becomes one of RFC 6455 towards the server.\n\n" +
			"Faults: " + strings.Join(rn131.FaultKinds(), ", ") + ". P is a probability; an N below 1 is one, too, a larger one means the first N times, or bytes.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "link", Category: line, Usage: "make `PATH` a symbolic link to the pseudo-terminal"},
			&cli.StringFlag{Name: "port", Category: line, Usage: "serial port to be the module on, `URL` like serial:///dev/ttyUSB0"},
			&cli.IntFlag{Name: "baud", Category: line, Usage: "`RATE` at power-up (default: as stored, from the factory 9600)"},
			&cli.StringFlag{Name: "settings", Category: line, Usage: "keep what the host saves in `FILE`, passphrase included"},
			flags.Word(cli.GenericFlag{Name: "firmware", Category: line, Usage: "`VERSION`: %s"}, rn131.DefaultFirmware, rn131.Firmwares()...),
			&cli.StringFlag{Name: "log", Category: line, Usage: "record the dialogue in `FILE`: seconds, > from the host or < to it, the text; passphrases masked"},
			&cli.BoolFlag{Name: "running", Category: line, Usage: "as if switched on long ago: no boot text, joined"},
			&cli.StringSliceFlag{Name: "network", Category: wifi, Usage: "a network in the air, `SSID`, SSID=PASSPHRASE or, of WEP, SSID=wep:KEY; behind hidden: its name does not show in a scan; repeatable (default: whatever is asked for)"},
			&cli.BoolFlag{Name: "upgrade", Category: tcp, Usage: "carry WebSockets of drafts 75 and 76 to RFC 6455 servers"},
			&cli.StringSliceFlag{Name: "map", Category: tcp, Usage: "lead `HOST:PORT=URL` there, with --upgrade; URL is ws:// or wss://, a path in it goes first; repeatable"},
			&cli.StringFlag{Name: "listen", Category: tcp, Usage: "have the module's own server on `HOST[:PORT]`; without a port on that which the host sets (2000)"},
			reach.DeadFlag(tcp),
			&cli.StringFlag{Name: "fault", Usage: "what goes wrong, a `LIST` of faults"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "`NUMBER` that makes the faults repeatable"},
		},
		Action: func(c *cli.Context) error { return runEmulate(e, c) },
	}, wiflyExits...)
}

func runEmulate(e *reach.Env, c *cli.Context) error {
	if c.NArg() > 0 {
		return app.Usagef("wifly emulate takes no arguments, got %q", c.Args().Slice())
	}
	module := &Module{
		Port: c.String("port"), Link: c.String("link"), File: c.String("settings"), networks: c.StringSlice("network"), listen: c.String("listen"),
		Fault:   c.String("fault"),
		Options: rn131.Options{Firmware: c.String("firmware"), Baud: c.Int("baud"), Seed: c.Uint64("seed"), Running: c.Bool("running")},
	}
	if err := module.Prepare(e); err != nil {
		return err
	}
	o := &module.Options
	tcp, err := e.OpenTransport("tcp:", transports.Options{})
	if err != nil {
		return err
	}
	o.Dial = tcp.Dial
	if c.Bool("upgrade") {
		u, err := newUpgrader(c.Context, e, tcp, c.StringSlice("map"))
		if err != nil {
			return err
		}
		defer u.wait()
		o.Dial, o.Lookup = u.dial, u.lookup
	} else if c.IsSet("map") {
		return app.Usagef("--map needs --upgrade")
	}
	if path := c.String("log"); path != "" {
		file, err := os.Create(path)
		if err != nil {
			return fmt.Errorf("--log: %w", err)
		}
		defer file.Close()
		fmt.Fprintf(file, "# made by the module in software, firmware %s\n", c.String("firmware"))
		o.Record = func(r rn131.Record) {
			if _, err := fmt.Fprintln(file, r); err != nil {
				e.Log.Warnf("--log: %v", err)
			}
		}
	}
	port, name, err := module.Open(c.Context)
	if err != nil {
		return err
	}
	m, err := rn131.New(o)
	if err != nil {
		port.Close()
		return app.Usage(err)
	}
	if path := c.String("link"); path != "" {
		if err := Link(name, path); err != nil {
			port.Close()
			return app.WithCode(app.ExitTransport, err)
		}
		defer Unlink(name, path)
	}
	if c.String("port") == "" {
		fmt.Fprintln(e.Stdout, name)
	}
	e.Log.Warnf("module on %s, firmware %s", name, c.String("firmware"))
	err = m.Serve(c.Context, port)
	s := m.Stats()
	e.Log.Infof("%d bytes from the host, %d to it; lost: %d and %d", s.FromHost, s.ToHost, s.Overruns, s.Lost)
	return app.WithCode(app.ExitTransport, err)
}

// Module is a module in software as the command line has it.
type Module struct {
	Port     string // a serial port; "": a pseudo-terminal
	Link     string // to that
	File     string // the file of those that are saved
	networks []string
	listen   string
	Fault    string
	rn131.Options
}

// Prepare fills in the Options, but for those of the port and of TCP connections.
func (o *Module) Prepare(e *reach.Env) error {
	o.Note = func(text string) { e.Log.Infof("%s", text) }
	var err error
	if o.Faults, err = rn131.ParseFaults(o.Fault); err != nil {
		return app.Usagef("--fault: %w", err)
	}
	for _, n := range o.networks {
		n, hidden := strings.CutPrefix(n, "hidden:")
		ssid, phrase, _ := strings.Cut(n, "=")
		network := rn131.Network{SSID: ssid, Phrase: phrase, Hidden: hidden}
		if key, ok := strings.CutPrefix(phrase, "wep:"); ok {
			if _, err := hex.DecodeString(key); err != nil || len(key) != 26 {
				return app.Usagef("--network %s=wep:…: want 26 hex digits", ssid)
			}
			network.Phrase, network.Auth = key, 1
		}
		o.Networks = append(o.Networks, network)
	}
	if addr := o.listen; addr != "" {
		host, port, err := splitListen(addr)
		if err != nil {
			return err
		}
		if a, err := netip.ParseAddr(host); err == nil && a.Is4() && !a.IsUnspecified() {
			o.IP = a
		}
		o.Listen = func(ctx context.Context, wanted int) (net.Listener, error) {
			at := port
			if at == "" {
				at = strconv.Itoa(wanted)
			}
			return listen.On(ctx, net.JoinHostPort(host, at), e.OpenTransport)
		}
	}
	if file := o.File; file != "" {
		stored, err := textfile.Read(file, 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("--settings: %w", err)
		}
		o.Settings = string(stored)
		o.Save = func(settings string) error { return writeSettings(file, settings) }
	}
	return nil
}

// splitListen takes HOST, HOST:PORT or :PORT apart.
func splitListen(addr string) (host, port string, err error) {
	if _, err := netip.ParseAddr(addr); err == nil || !strings.Contains(addr, ":") {
		return addr, "", nil
	}
	host, port, err = net.SplitHostPort(addr)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n > 65535 {
		return "", "", app.Usagef("--listen %q: want HOST or HOST:PORT", addr)
	}
	return host, port, nil
}

// writeSettings replaces file as a whole, so that a crash leaves the old or the new one.
func writeSettings(file, text string) error {
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // in vain once it is renamed
	_, err = temp.WriteString(text)
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}

// Open opens what the module is served on, and returns its name too.
func (o *Module) Open(ctx context.Context) (io.ReadWriteCloser, string, error) {
	raw := o.Port
	if raw == "" {
		pty, err := rn131.OpenPTY()
		if err != nil {
			return nil, "", app.WithCode(app.ExitTransport, fmt.Errorf("%w; say --port with a serial port", err))
		}
		o.HostRate = pty.Rate
		return pty, pty.Path, nil
	}
	if o.Link != "" {
		return nil, "", app.Usagef("--link is for a pseudo-terminal, not for --port")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "serial" {
		return nil, "", app.Usagef("--port %q: want a URL like serial:///dev/ttyUSB0", raw)
	}
	config, err := serial.ParseConfig(u)
	if err != nil {
		return nil, "", app.Usagef("--port: %w", err)
	}
	if o.Baud == 0 && u.Query().Has("baud") {
		o.Baud = config.Baud
	}
	port, err := serial.OpenPort(ctx, config)
	if err != nil {
		return nil, "", app.WithCode(app.ExitTransport, err)
	}
	o.SetRate = port.SetBaud
	return port, config.Path, nil
}

// Link makes path a symbolic link to the terminal; one that is there is replaced,
// anything else is not.
func Link(name, path string) error {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSymlink == 0 {
			return fmt.Errorf("--link %q: there is something that is no symbolic link", path)
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("--link: %w", err)
		}
	}
	if err := os.Symlink(name, path); err != nil {
		return fmt.Errorf("--link: %w", err)
	}
	return nil
}

// Unlink removes path, unless somebody made another of it.
func Unlink(name, path string) {
	if target, err := os.Readlink(path); err == nil && target == name {
		os.Remove(path)
	}
}

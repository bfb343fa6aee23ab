package wifly

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/cmd/ws76/internal/softmodule"
	"github.com/ws76/ws76/transports"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

func emulateCommand(e *reach.Env) *cli.Command {
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
		Action: func(c *cli.Context) error { return runEmulate(c.Context, e, readEmulate(c)) },
	}, exits...)
}

// emulateOptions are what the command line says.
type emulateOptions struct {
	Args     []string
	Module   softmodule.Module
	Upgrade  bool
	Maps     []string // HOST:PORT=URL
	MapGiven bool
	Log      string // a file; "": none
}

func readEmulate(c *cli.Context) *emulateOptions {
	return &emulateOptions{
		Args: c.Args().Slice(),
		Module: softmodule.Module{
			Port: c.String("port"), Link: c.String("link"), File: c.String("settings"), Air: c.StringSlice("network"), Server: c.String("listen"),
			Fault:   c.String("fault"),
			Options: rn131.Options{Firmware: c.String("firmware"), Baud: c.Int("baud"), Seed: c.Uint64("seed"), Running: c.Bool("running")},
		},
		Upgrade: c.Bool("upgrade"), Maps: c.StringSlice("map"), MapGiven: c.IsSet("map"), Log: c.String("log"),
	}
}

func runEmulate(ctx context.Context, e *reach.Env, o *emulateOptions) error {
	if err := app.NoArguments("wifly emulate", o.Args, ""); err != nil {
		return err
	}
	module := &o.Module
	if err := module.Prepare(e); err != nil {
		return err
	}
	tcp, err := e.OpenTransport("tcp:", transports.Options{})
	if err != nil {
		return err
	}
	module.Dial = tcp.Dial
	if o.Upgrade {
		u, err := newUpgrader(ctx, e, tcp, o.Maps)
		if err != nil {
			return err
		}
		defer u.wait()
		module.Dial, module.Lookup = u.dial, u.lookup
	} else if o.MapGiven {
		return app.Usagef("--map needs --upgrade")
	}
	if o.Log != "" {
		file, err := os.Create(o.Log)
		if err != nil {
			return fmt.Errorf("--log: %w", err)
		}
		defer file.Close()
		fmt.Fprintf(file, "# made by the module in software, firmware %s\n", module.Firmware)
		module.Record = func(r rn131.Record) {
			if _, err := fmt.Fprintln(file, r); err != nil {
				e.Log.Warnf("--log: %v", err)
			}
		}
	}
	running, err := module.Start(ctx)
	if err != nil {
		return err
	}
	if module.Port == "" {
		fmt.Fprintln(e.Stdout, running.Name)
	}
	e.Log.Warnf("module on %s, firmware %s", running.Name, module.Firmware)
	err = running.Serve(ctx)
	s := running.Stats()
	e.Log.Infof("%d bytes from the host, %d to it; lost: %d and %d", s.FromHost, s.ToHost, s.Overruns, s.Lost)
	if s.Unsent > 0 {
		e.Log.Warnf("%d bytes from the host were not sent: the connection ended before", s.Unsent)
	}
	if s.NotKnown > 0 {
		e.Log.Warnf("of %d bytes from the host it is not known whether they arrived", s.NotKnown)
	}
	if s.Undelivered > 0 {
		e.Log.Warnf("%d bytes to the host were not handed over", s.Undelivered)
	}
	return err
}

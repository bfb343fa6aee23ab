// Package wifly is ws76 wifly: WiFly modules, and one in software.
package wifly

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/wifly"
)

// exits are the exit codes of each of the commands.
var exits = []int{app.ExitConnect, app.ExitTimeout, app.ExitTransport, app.ExitInterrupt, app.ExitTerminate}

// Command is ws76 wifly.
func Command(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:  "wifly",
		Usage: "set up WiFly RN-131 modules, or be one",
		UsageText: `ws76 wifly info -p /dev/ttyUSB0                          what it is and where
ws76 wifly setup -p /dev/ttyUSB0 --ssid lab              bring it into a network
ws76 wifly send -p /dev/ttyUSB0 'get comm'               one of its own commands
ws76 wifly emulate --link /tmp/wifly                     a module in software
ws76 connect ws://device.example/ --via wifly:///dev/ttyUSB0`,
		Subcommands: []*cli.Command{
			setupCommand(e),
			infoCommand(e),
			scanCommand(e),
			sendCommand(e),
			emulateCommand(e),
		},
	}, exits...)
}

// moduleFlags are those of every command that talks to a module.
func moduleFlags(more ...cli.Flag) []cli.Flag {
	return append(more,
		&cli.StringFlag{Name: "port", Aliases: []string{"p"},
			Usage: "`PORT` of the module: /dev/ttyUSB0 or COM3, where the usual rates are tried, or a URL like wifly:///dev/ttyUSB0?baud=9600"},
		flags.Time(cli.GenericFlag{Name: "timeout", Usage: "give up after `TIME` (0: never)"}, 2*time.Minute),
	)
}

// moduleOptions are what the command line of each of them says.
type moduleOptions struct {
	Args    []string
	Port    string
	Timeout time.Duration // 0: none
	JSON    bool
}

func readModule(c *cli.Context) *moduleOptions {
	return &moduleOptions{c.Args().Slice(), c.String("port"), c.Duration("timeout"), c.Bool("json")}
}

// moduleTransport is what --port says.
func moduleTransport(e *reach.Env, port string) (*wifly.Transport, error) {
	if port == "" {
		return nil, app.Usagef("--port says where the module is: a device, or a URL like %s", wifly.Entry.Example)
	}
	raw := port
	switch scheme, _, ok := strings.Cut(port, ":"); {
	case ok && strings.EqualFold(scheme, "wifly"):
	case strings.Contains(port, "://"):
		return nil, app.Usagef("--port %q: want a device, or a URL like %s", port, wifly.Entry.Example)
	case strings.HasPrefix(port, "/"):
		raw = "wifly://" + (&url.URL{Path: port}).EscapedPath() + "?baud=auto"
	default:
		raw = "wifly:" + url.PathEscape(port) + "?baud=auto"
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, app.Usagef("--port %q: %w", port, err)
	}
	t, err := wifly.Open(u, transports.Options{})
	if err != nil {
		return nil, app.Usagef("--port %q: %w", port, err)
	}
	e.Adopt(t)
	t.Trace = func(sent bool, text string) {
		way := "<"
		if sent {
			way = ">"
		}
		e.Log.Debugf("%s %q", way, text)
	}
	return t, nil
}

// withModule opens the module of --port, has f talk to it, and leaves it as it was.
func (o *moduleOptions) withModule(ctx context.Context, e *reach.Env, f func(ctx context.Context, m *wifly.Module) error) (err error) {
	t, err := moduleTransport(e, o.Port)
	if err != nil {
		return err
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("not done within --timeout %v: %w", o.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	m, err := t.Module(ctx)
	if err != nil {
		return fmt.Errorf("wifly: %w", err)
	}
	e.Log.Infof("module with firmware %s at %d baud", m.Version(), m.Baud())
	defer func() {
		if closeErr := m.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("wifly: leaving command mode: %w", closeErr)
		}
	}()
	if err := f(ctx, m); err != nil {
		return fmt.Errorf("wifly: %w", err)
	}
	return nil
}

func infoCommand(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:  "info",
		Usage: "what a module is, and where",
		UsageText: `ws76 wifly info -p /dev/ttyUSB0
ws76 wifly info -p 'wifly:///dev/ttyUSB0?baud=115200' --json`,
		Flags:  moduleFlags(&cli.BoolFlag{Name: "json", Usage: "print one JSON object"}),
		Action: func(c *cli.Context) error { return runInfo(c.Context, e, readModule(c)) },
	}, exits...)
}

func runInfo(ctx context.Context, e *reach.Env, o *moduleOptions) error {
	if err := o.noArguments("info"); err != nil {
		return err
	}
	return o.withModule(ctx, e, func(ctx context.Context, m *wifly.Module) error {
		info, err := m.Info(ctx)
		if err != nil {
			return err
		}
		if o.JSON {
			return e.PrintJSON(infoReport{app.ReportVersion, info})
		}
		return printInfo(e, info)
	})
}

// infoReport is what wifly info --json prints.
type infoReport struct {
	Version int `json:"version"`
	*wifly.Info
}

func printInfo(e *reach.Env, info *wifly.Info) error {
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); strings.TrimSpace(text) != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, app.Shown(text))
		}
	}
	line("firmware", "%s", info.Firmware)
	line("mac", "%s", info.MAC)
	network := fmt.Sprintf("%q", info.SSID)
	if info.Associated {
		network += fmt.Sprintf(", channel %d, %d dBm", info.Channel, info.RSSI)
		if info.Auth != "" {
			network += ", " + info.Auth
		}
		line("network", "%s", network)
	} else {
		line("network", "%s, not associated", network)
	}
	if info.Factory {
		line("", "that is the network from the factory: ws76 wifly setup changes it")
	}
	if info.IP == "" {
		line("address", "none, DHCP %s", info.DHCP)
	} else {
		line("address", "%s, netmask %s, gateway %s, DHCP %s", info.IP, info.Netmask, info.Gateway, info.DHCP)
	}
	line("dns", "%s", info.DNS)
	line("tcp", "%s, own server at port %d", info.TCP, info.LocalPort)
	flow := "none"
	if info.Flow {
		flow = "rtscts"
	}
	line("uart", "%d baud, flow %s", info.Baud, flow)
	if info.Uptime > 0 {
		line("uptime", "%v", time.Duration(info.Uptime)*time.Second)
	}
	if info.Battery > 0 {
		line("battery", "%d mV", info.Battery)
	}
	if info.Leftover {
		line("left over", "settings of a connection that was cut short; a reboot drops them, as of ws76 wifly send -p PORT reboot")
	}
	return w.Flush()
}

func scanCommand(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "scan",
		Usage:     "the networks that a module hears",
		UsageText: `ws76 wifly scan -p /dev/ttyUSB0`,
		Flags:     moduleFlags(&cli.BoolFlag{Name: "json", Usage: "print one JSON object a line"}),
		Action:    func(c *cli.Context) error { return runScan(c.Context, e, readModule(c)) },
	}, exits...)
}

func runScan(ctx context.Context, e *reach.Env, o *moduleOptions) error {
	if err := o.noArguments("scan"); err != nil {
		return err
	}
	return o.withModule(ctx, e, func(ctx context.Context, m *wifly.Module) error {
		list, err := m.Scan(ctx)
		if err != nil {
			return err
		}
		return printNetworks(e, list, o.JSON)
	})
}

// networkReport is what wifly scan --json prints for each network.
type networkReport struct {
	Version int `json:"version"`
	wifly.Network
}

func printNetworks(e *reach.Env, list []wifly.Network, asJSON bool) error {
	if asJSON {
		for _, n := range list {
			if err := e.PrintJSON(networkReport{app.ReportVersion, n}); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SSID\tCHANNEL\tSIGNAL\tAUTH\tMAC")
	for _, n := range list {
		name := n.SSID
		if name == "" {
			name = "(hidden)"
		}
		fmt.Fprintf(w, "%s\t%d\t%d dBm\t%s\t%s\n", app.Shown(name), n.Channel, n.RSSI, app.Shown(n.Auth), app.Shown(n.MAC))
	}
	return w.Flush()
}

func sendCommand(e *reach.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "send",
		Usage:     "send commands to a module and print its replies",
		ArgsUsage: "COMMAND...",
		UsageText: `ws76 wifly send -p /dev/ttyUSB0 'get comm' 'show rssi'
ws76 wifly send -p /dev/ttyUSB0 'ping g' --wait 5s`,
		Description: "Each COMMAND is one line of the module's own language, behind $$$. Passphrases in what is printed are masked. " +
			"Nothing is saved unless a COMMAND is save.",
		Flags: moduleFlags(flags.Time(cli.GenericFlag{Name: "wait",
			Usage: "read on until the module has been silent for `TIME` (default: 4s after join, scan, ping and lookup, which answer late)"}, 0)),
		Action: func(c *cli.Context) error {
			return runSend(c.Context, e, readSend(c))
		},
	}, exits...)
}

// lateCommands answer after their prompt.
var lateCommands = map[string]bool{"join": true, "scan": true, "ping": true, "lookup": true}

// sendOptions are what the command line says: its arguments are commands of the module.
type sendOptions struct {
	moduleOptions
	Wait time.Duration // 0: as the command needs
}

func readSend(c *cli.Context) *sendOptions { return &sendOptions{*readModule(c), c.Duration("wait")} }

func runSend(ctx context.Context, e *reach.Env, o *sendOptions) error {
	if len(o.Args) == 0 {
		return app.Usagef("wifly send wants a COMMAND for the module, like 'get comm'")
	}
	for _, command := range o.Args {
		switch word, _, _ := strings.Cut(command, " "); word {
		case "open", "exit", "sleep":
			return app.Usagef("wifly send %q: it ends command mode; connect --via wifly: opens connections", command)
		}
	}
	return o.withModule(ctx, e, func(ctx context.Context, m *wifly.Module) error {
		for _, command := range o.Args {
			word, _, _ := strings.Cut(command, " ")
			wait := o.Wait
			if wait == 0 && lateCommands[word] {
				wait = 4 * time.Second
			}
			if word == "reboot" {
				if err := m.Reboot(ctx); err != nil {
					return err
				}
				continue
			}
			if command == "close" { // of one that is closed some modules crash
				if err := m.HangUp(ctx); err != nil {
					return err
				}
				continue
			}
			text, err := m.Command(ctx, command, wait)
			if err != nil {
				return err
			}
			text = wifly.Mask(text)
			if strings.Contains(text, "ERR:") {
				return fmt.Errorf("%s: the module refused: %q", wifly.Mask(command), wifly.Excerpt(text))
			}
			for line := range strings.SplitSeq(text, "\n") {
				fmt.Fprintln(e.Stdout, app.Shown(line))
			}
		}
		return nil
	})
}

// noArguments refuses arguments of a command that is for the module of --port.
func (o *moduleOptions) noArguments(command string) error {
	return app.NoArguments("wifly "+command, o.Args, "--port says where the module is")
}

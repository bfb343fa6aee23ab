package wifly

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/transports/wifly"
)

func setupCommand(e *reach.Env) *cli.Command {
	const network, address, uart = "Network", "Address", "UART"
	return e.Command(cli.Command{
		Name:  "setup",
		Usage: "bring a module into a network, for good",
		UsageText: `ws76 wifly setup -p /dev/ttyUSB0 --ssid lab               asks for the passphrase
ws76 wifly setup -p /dev/ttyUSB0 --ssid lab --phrase-file lab.txt --dry-run
ws76 wifly setup -p /dev/ttyUSB0 --ip 10.0.0.9 --netmask 255.255.255.0 --gateway 10.0.0.1
ws76 wifly setup -p 'wifly:///dev/ttyUSB0?baud=9600' --baud 115200`,
		Description: "Compares what the module is with what it is to be, shows what will change, and changes that alone. " +
			"The module first joins with the new settings; only if that works they are saved, the module reboots, and it is looked whether all is as it was to be. " +
			"If the join fails nothing is saved.",
		Flags: moduleFlags(
			&cli.StringFlag{Name: "ssid", Category: network, Usage: "join the network `NAME`"},
			flags.Word(cli.GenericFlag{Name: "auth", Category: network, Usage: "`KIND` of authentication: %s (default: what scan shows of the network)"}, "", "open", "wep", "wpa1", "mixed", "wpa2"),
			&cli.StringFlag{Name: "phrase-file", Category: network, Usage: "take the passphrase from the first line of `FILE`, - is standard input; without it a terminal is asked"},
			&cli.IntFlag{Name: "channel", Category: network, Usage: "look on `CHANNEL` only, 1 to 13; 0 is any"},
			&cli.BoolFlag{Name: "dhcp", Category: address, Usage: "get the address by DHCP"},
			&cli.StringFlag{Name: "ip", Category: address, Usage: "fixed `ADDRESS`"},
			&cli.StringFlag{Name: "netmask", Category: address, Usage: "`MASK` of the fixed address"},
			&cli.StringFlag{Name: "gateway", Category: address, Usage: "`ADDRESS` of the gateway"},
			&cli.StringFlag{Name: "dns", Category: address, Usage: "`ADDRESS` of the name server"},
			&cli.IntFlag{Name: "baud", Category: uart, Usage: "`RATE` of the UART from then on"},
			flags.Word(cli.GenericFlag{Name: "flow", Category: uart, Usage: "flow `CONTROL` from then on: %s"}, "", "rtscts", "none"),
			&cli.BoolFlag{Name: "dry-run", Usage: "show what would change and change nothing"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
		),
		Action: func(c *cli.Context) error { return runSetup(c.Context, e, readSetup(c)) },
	}, exits...)
}

// setupOptions are what the command line says.
type setupOptions struct {
	moduleOptions
	Setup           wifly.Setup // but for the passphrase
	PhraseFile      string
	PhraseFileGiven bool
	DryRun          bool
}

func readSetup(c *cli.Context) *setupOptions {
	o := &setupOptions{
		moduleOptions: *readModule(c),
		Setup: wifly.Setup{
			SSID: c.String("ssid"), Auth: c.String("auth"),
			DHCP: c.Bool("dhcp"), IP: c.String("ip"), Netmask: c.String("netmask"), Gateway: c.String("gateway"), DNS: c.String("dns"),
			Baud: c.Int("baud"), Flow: c.String("flow"),
		},
		PhraseFile: c.String("phrase-file"), PhraseFileGiven: c.IsSet("phrase-file"), DryRun: c.Bool("dry-run"),
	}
	if c.IsSet("channel") {
		channel := c.Int("channel")
		o.Setup.Channel = &channel
	}
	return o
}

func runSetup(ctx context.Context, e *reach.Env, o *setupOptions) error {
	if err := o.noArguments("setup"); err != nil {
		return err
	}
	setup := &o.Setup
	if *setup == (wifly.Setup{}) && !o.PhraseFileGiven {
		return app.Usagef("wifly setup: nothing to set up; --ssid NAME brings the module into a network")
	}
	if err := setup.Check(); err != nil {
		return app.Usagef("wifly setup: %w", err)
	}
	var err error
	if setup.Phrase, err = o.passphrase(ctx, e); err != nil {
		return err
	}
	if err := setup.Check(); err != nil {
		return app.Usagef("wifly setup: %w", err)
	}
	return o.withModule(ctx, e, func(ctx context.Context, m *wifly.Module) error { return o.apply(ctx, e, m) })
}

// setupReport is what wifly setup --json prints.
type setupReport struct {
	Version int            `json:"version"`
	Changes []wifly.Change `json:"changes"`
	Applied bool           `json:"applied"`
	Info    *wifly.Info    `json:"info,omitempty"` // afterwards
}

func (o *setupOptions) apply(ctx context.Context, e *reach.Env, m *wifly.Module) error {
	changes, err := m.Plan(ctx, &o.Setup)
	if err != nil {
		return err
	}
	if !o.JSON {
		for _, change := range changes {
			fmt.Fprintln(e.Stdout, app.Shown(fmt.Sprintf("%s: %q becomes %q", change.Setting, change.Old, change.New)))
		}
		if len(changes) == 0 {
			fmt.Fprintln(e.Stdout, "nothing to do: the module is set up like that")
		}
	}
	report := setupReport{Version: app.ReportVersion, Changes: append([]wifly.Change{}, changes...)}
	if len(changes) > 0 && !o.DryRun {
		if err := m.Apply(ctx, &o.Setup, changes, func(text string) { e.Log.Infof("%s", text) }); err != nil {
			return err
		}
		report.Applied = true
	}
	if !report.Applied && !o.JSON {
		return nil
	}
	if !o.JSON {
		fmt.Fprintln(e.Stdout, "saved; the module has rebooted and is now")
	}
	report.Info, err = m.Info(ctx)
	if o.JSON && (err == nil || report.Applied) {
		err = errors.Join(err, e.PrintJSON(report))
	}
	if o.JSON || err != nil {
		return err
	}
	return printInfo(e, report.Info)
}

// passphrase reads --phrase-file, or asks on a terminal if there is a network to join. "" leaves the module's as it is.
func (o *setupOptions) passphrase(ctx context.Context, e *reach.Env) (string, error) {
	var text []byte
	var err error
	const most = 4096 // of a file, which has one line that counts
	switch file := o.PhraseFile; {
	case file == "-":
		text, err = io.ReadAll(io.LimitReader(textfile.NewReader(e.Stdin), most))
	case file != "":
		var f *textfile.File
		if f, err = textfile.Open(file); err == nil {
			text, err = io.ReadAll(io.LimitReader(f, most))
			f.Close()
		}
	case o.Setup.SSID != "" && o.Setup.Auth != "open" && app.IsTerminal(e.Stdin):
		return askPassword(ctx, e, fmt.Sprintf("passphrase of %q (empty: as it is): ", o.Setup.SSID))
	default:
		return "", nil
	}
	if err != nil {
		return "", app.Usagef("--phrase-file: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", app.Usagef("--phrase-file: its first line is empty")
	}
	return line, nil
}

// askPassword reads a line without showing it, not even what was typed before it
// asked. When ctx ends the read is left behind, as the process ends then.
func askPassword(ctx context.Context, e *reach.Env, prompt string) (string, error) {
	f := e.Stdin.(*os.File)
	before, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(f.Fd()), before)
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		terminal := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{f, app.Behind(e.Stderr)}, "")
		text, err := terminal.ReadPassword(prompt)
		if err == io.EOF { // ^C or ^D, which are bytes now
			err = app.SilentError(app.ExitInterrupt)
		}
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

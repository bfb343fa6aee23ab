package wifly

import (
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	rn131 "github.com/ws76/ws76/transports/wifly/module"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptions(t *testing.T) {
	e := reach.NewEnv(&app.Env{})
	module := apptest.Rows[moduleOptions]{{[]string{"a", "-p", "/dev/x", "--timeout", "5", "--json"}, func(o *moduleOptions) {
		o.Args, o.Port, o.Timeout, o.JSON = []string{"a"}, "/dev/x", 5*time.Second, true
	}}}
	apptest.CheckOptions(t, func() *cli.Command { return infoCommand(e) }, readModule, nil, module)
	apptest.CheckOptions(t, func() *cli.Command { return scanCommand(e) }, readModule, nil, module)
	apptest.CheckOptions(t, func() *cli.Command { return sendCommand(e) }, readSend, nil, apptest.Rows[sendOptions]{
		{[]string{"get comm", "-p", "x", "--timeout", "5", "--wait", "2"}, func(o *sendOptions) {
			o.Args, o.Port, o.Timeout, o.Wait = []string{"get comm"}, "x", 5*time.Second, 2*time.Second
		}},
	})
	apptest.CheckOptions(t, func() *cli.Command { return setupCommand(e) }, readSetup, nil, apptest.Rows[setupOptions]{
		{module[0].Args, func(o *setupOptions) { module[0].Change(&o.moduleOptions) }},
		{[]string{"--ssid", "s", "--auth", "wep", "--phrase-file", "", "--channel", "0"}, func(o *setupOptions) {
			o.Setup.SSID, o.Setup.Auth, o.PhraseFileGiven, o.Setup.Channel = "s", "wep", true, new(int)
		}},
		{[]string{"--dhcp", "--ip", "1", "--netmask", "2", "--gateway", "3", "--dns", "4"}, func(o *setupOptions) {
			o.Setup.DHCP, o.Setup.IP, o.Setup.Netmask, o.Setup.Gateway, o.Setup.DNS = true, "1", "2", "3", "4"
		}},
		{[]string{"--phrase-file", "f", "--baud", "5", "--flow", "none", "--dry-run"}, func(o *setupOptions) {
			o.PhraseFile, o.PhraseFileGiven, o.Setup.Baud, o.Setup.Flow, o.DryRun = "f", true, 5, "none", true
		}},
	})
	apptest.CheckOptions(t, func() *cli.Command { return emulateCommand(e) }, readEmulate, []cli.Flag{reach.DeadFlag("")}, apptest.Rows[emulateOptions]{
		{[]string{"a", "--link", "l", "--port", "p", "--settings", "s", "--network", "n", "--listen", "h", "--fault", "f"}, func(o *emulateOptions) {
			o.Args, o.Module.Link, o.Module.Port, o.Module.File = []string{"a"}, "l", "p", "s"
			o.Module.Air, o.Module.Server, o.Module.Fault = []string{"n"}, "h", "f"
		}},
		{[]string{"--baud", "1", "--firmware", rn131.Firmwares()[0], "--running", "--seed", "2"}, func(o *emulateOptions) {
			o.Module.Baud, o.Module.Firmware, o.Module.Running, o.Module.Seed = 1, rn131.Firmwares()[0], true, 2
		}},
		{[]string{"--upgrade", "--map", "m", "--log", "l"}, func(o *emulateOptions) {
			o.Upgrade, o.Maps, o.MapGiven, o.Log = true, []string{"m"}, true, "l"
		}},
	})
}

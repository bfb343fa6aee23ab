package frame

import (
	"testing"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay/format"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptions(t *testing.T) {
	e := new(app.Env)
	apptest.CheckOptions(t, func() *cli.Command { return encodeCommand(e) }, readEncode, hooks.Flags(), apptest.Rows[encodeOptions]{
		{[]string{"a", "--in", "nul", "--crlf", "--type", "", "--close", "--mask"}, func(o *encodeOptions) {
			o.Args, o.Hooks.Arguments, o.In, o.CRLF, o.TypeGiven, o.Close, o.Mask = []string{"a"}, []string{"a"}, format.Nul, true, true, true, true
		}},
		{[]string{"--type", "0x85", "--dialect", "rfc6455", "--max-message", "1K", "--replace-invalid", "--script", "s"}, func(o *encodeOptions) {
			o.Type, o.TypeGiven, o.Dialect, o.MaxMessage, o.ReplaceInvalid, o.Hooks.Scripts = "0x85", true, core.RFC6455, 1024, true, []string{"s"}
		}},
	})
	apptest.CheckOptions(t, func() *cli.Command { return decodeCommand(e) }, readDecode, hooks.Flags(), apptest.Rows[decodeOptions]{
		{[]string{"a", "--out", "json", "--all", "--crlf"}, func(o *decodeOptions) {
			o.Args, o.Hooks.Arguments, o.Output.Out, o.Output.OutGiven, o.All, o.Output.CRLF = []string{"a"}, []string{"a"}, format.JSON, true, true, true
		}},
		{[]string{"--format", "%d", "--dialect", "rfc6455", "--max-message", "1K", "--replace-invalid"}, func(o *decodeOptions) {
			o.Output.Template, o.Dialect, o.MaxMessage, o.ReplaceInvalid = "%d", core.RFC6455, 1024, true
		}},
	})
	apptest.CheckOptions(t, func() *cli.Command { return dumpCommand(e) }, readDump, nil, apptest.Rows[dumpOptions]{
		{[]string{"f", "--max-message", "1K", "--pcap"}, func(o *dumpOptions) { o.Files, o.MaxMessage, o.Pcap = []string{"f"}, 1024, true }},
	})
}

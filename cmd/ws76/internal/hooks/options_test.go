package hooks

import (
	"slices"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
)

func TestOptions(t *testing.T) {
	command := func() *cli.Command {
		return new(app.Env).Command(cli.Command{Name: "x", Flags: slices.Concat(Flags(), []cli.Flag{
			RecordFlag(), WatchFlag(), &cli.StringFlag{Name: "via"}, &cli.StringFlag{Name: "to-via"},
		})})
	}
	apptest.CheckOptions(t, command, Read, nil, apptest.Rows[Options]{
		{[]string{"a", "b", "--via", "c", "--to-via", "d"}, func(o *Options) { o.Arguments, o.Vias = []string{"a", "b"}, []string{"c", "d"} }},
		{[]string{"--plugin", "p, q", "--plugin-path", "f", "--script", "s", "--eval", "e", "--record", "r"}, func(o *Options) {
			o.Plugins, o.PluginPath, o.Scripts, o.Evals, o.Record = []string{"p, q"}, "f", []string{"s"}, []string{"e"}, "r"
		}},
		{[]string{"--no-reload", "--watch", "--on-script-error", "close"}, func(o *Options) { o.Reload, o.Watch, o.OnError = false, true, "close" }},
		{[]string{"--script-arg", "a=b", "--script-arg", "c", "--allow", "net", "--trust-scripts"}, func(o *Options) {
			o.Args, o.Allow, o.Trust = []string{"a=b", "c"}, []string{"net"}, true
		}},
		{[]string{"--script-timeout", "1", "--script-max-string", "2", "--script-max-memory", "3", "--script-max-tasks", "4", "--script-max-queue", "5"}, func(o *Options) {
			o.Limits.Timeout, o.Limits.MaxString, o.Limits.MaxMemory, o.Limits.MaxTasks, o.Limits.MaxQueue = time.Second, 2, 3, 4, 5
		}},
	})
}

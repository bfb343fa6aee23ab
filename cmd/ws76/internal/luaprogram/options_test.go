package luaprogram

import (
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
)

func TestOptions(t *testing.T) {
	command := func() *cli.Command { return new(app.Env).Command(cli.Command{Name: "x", Flags: Flags()}) }
	read := func(c *cli.Context) *Options {
		o := Read(c)
		return &o
	}
	apptest.CheckOptions(t, command, read, Flags(), apptest.Rows[Options]{
		{[]string{"--via", "tcp:", "--watch", "--dialect", "rfc6455"}, func(o *Options) {
			o.ViaGiven, o.Hooks.Watch, o.Reach.Dialect = true, true, "rfc6455"
		}},
	})
}

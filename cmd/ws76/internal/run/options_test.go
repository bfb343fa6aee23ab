package run

import (
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/luaprogram"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

func TestOptions(t *testing.T) {
	e := reach.NewEnv(&app.Env{})
	apptest.CheckOptions(t, func() *cli.Command { return Command(e) }, read, luaprogram.Flags(), apptest.Rows[Options]{
		{[]string{"a.lua", "b", "--watch"}, func(o *Options) {
			o.Script, o.Args, o.Hooks.Arguments, o.Hooks.Watch = "a.lua", []string{"b"}, []string{"a.lua", "b"}, true
		}},
		{[]string{"--via", "fd:3", "--plugin", "p"}, func(o *Options) {
			o.Reach.Via, o.ViaGiven, o.Hooks.Vias, o.Hooks.Plugins = "fd:3", true, []string{"fd:3", ""}, []string{"p"}
		}},
	})
}

package plugin

import (
	"testing"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/luaprogram"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/plugins"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptions(t *testing.T) {
	e := reach.NewEnv(&app.Env{})
	for _, command := range []func(*reach.Env) *cli.Command{listCommand, infoCommand} {
		apptest.CheckOptions(t, func() *cli.Command { return command(e) }, readList, nil, apptest.Rows[listOptions]{
			{[]string{"a", "--plugin-path", "p", "--json"}, func(o *listOptions) { o.Args, o.Path, o.JSON = []string{"a"}, "p", true }},
		})
	}
	apptest.CheckOptions(t, func() *cli.Command { return newCommand(e) }, readNew, nil, apptest.Rows[newOptions]{
		{[]string{"a", "--dir", "d"}, func(o *newOptions) { o.Names, o.Dir = []string{"a"}, "d" }},
	})
	apptest.CheckOptions(t, func() *cli.Command { return installCommand(e) }, readInstall, nil, apptest.Rows[installOptions]{
		{[]string{"a", "--grant"}, func(o *installOptions) { o.Sources, o.Grant = []string{"a"}, true }},
		{[]string{"--json"}, func(o *installOptions) { o.JSON = true }},
	})
	added := func() *cli.Command { return commandOf(e, new(plugins.Plugin), &plugins.Command{Name: "x"}) }
	apptest.CheckOptions(t, added, readCommand, luaprogram.Flags(), apptest.Rows[commandOptions]{
		{[]string{"a", "-o", "b=c", "--option", "d= e"}, func(o *commandOptions) { o.Hooks.Arguments, o.Settings = []string{"a"}, []string{"b=c", "d= e"} }},
	})
}

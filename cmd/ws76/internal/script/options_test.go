package script

import (
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
)

func TestOptions(t *testing.T) {
	e := new(app.Env)
	apptest.CheckOptions(t, func() *cli.Command { return checkCommand(e) }, readCheck, nil, apptest.Rows[checkOptions]{
		{[]string{"a", "b", "--json"}, func(o *checkOptions) { o.Files, o.JSON = []string{"a", "b"}, true }},
	})
	apptest.CheckOptions(t, func() *cli.Command { return newCommand(e) }, readNew, nil, apptest.Rows[newOptions]{
		{[]string{"a", "--kind", "task", "--meta"}, func(o *newOptions) { o.Files, o.Kind, o.Meta = []string{"a"}, "task", true }},
	})
	apptest.CheckOptions(t, func() *cli.Command { return testCommand(e) }, readTests, hooks.LuaFlags(), apptest.Rows[testOptions]{
		{[]string{"a", "--run", "x", "--watch", "--trust-scripts"}, func(o *testOptions) {
			o.Files, o.Hooks.Arguments, o.Run, o.Watch, o.Hooks.Watch, o.Hooks.Trust = []string{"a"}, []string{"a"}, "x", true, true, true
		}},
	})
}

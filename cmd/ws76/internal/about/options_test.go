package about

import (
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
)

func TestOptions(t *testing.T) {
	e := new(app.Env)
	apptest.CheckOptions(t, func() *cli.Command { return ManCommand(e) }, readMan, nil, apptest.Rows[manOptions]{
		{[]string{"dir"}, func(o *manOptions) { o.Folders = []string{"dir"} }},
		{[]string{"--page", "connect"}, func(o *manOptions) { o.Page, o.PageGiven = "connect", true }},
	})
	apptest.CheckOptions(t, func() *cli.Command { return VersionCommand(e) }, readVersion, nil, apptest.Rows[versionOptions]{
		{[]string{"a", "--json"}, func(o *versionOptions) { o.Args, o.JSON = []string{"a"}, true }},
	})
}

package output

import (
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/core/relay/format"
)

func TestOptions(t *testing.T) {
	command := func() *cli.Command { return new(app.Env).Command(cli.Command{Name: "x", Flags: Flags("")}) }
	read := func(c *cli.Context) *Options {
		o := Read(c)
		return &o
	}
	apptest.CheckOptions(t, command, read, nil, apptest.Rows[Options]{
		{[]string{"--out", "lines"}, func(o *Options) { o.OutGiven = true }},
		{[]string{"--out", "len32", "--crlf"}, func(o *Options) { o.Out, o.OutGiven, o.CRLF = format.Len32, true, true }},
		{[]string{"--format", "%d"}, func(o *Options) { o.Template = "%d" }},
	})
}

package replay

import (
	"slices"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/output"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core/relay/recording"
)

func TestOptions(t *testing.T) {
	e := reach.NewEnv(&app.Env{})
	groups := slices.Concat(reach.Flags(&reach.FlagSet{Challenge: true}), output.Flags(""), []cli.Flag{reach.MaxMessageFlag(""), reach.CloseTimeoutFlag("")})
	apptest.CheckOptions(t, func() *cli.Command { return Command(e) }, read, groups, apptest.Rows[Options]{
		{[]string{"f", "ws://x/", "--conn", "2", "--dir", "out"}, func(o *Options) { o.Args, o.Conn, o.Dir = []string{"f", "ws://x/"}, 2, recording.Out }},
		{[]string{"--listen", ":0", "--host", "h", "--side", "client"}, func(o *Options) {
			o.Listen, o.ListenGiven, o.Hosts, o.Side, o.SideGiven = ":0", true, []string{"h"}, recording.Client, true
		}},
		{[]string{"--speed", "max", "--check", "--wait", "1", "--linger", "2", "--timeout", "3"}, func(o *Options) {
			o.Speed, o.Check, o.CheckGiven, o.Wait, o.Linger, o.Timeout = "max", true, true, time.Second, 2*time.Second, 3*time.Second
		}},
		{[]string{"--crlf", "-k"}, func(o *Options) { o.Output.CRLF, o.Reach.TLS.Insecure = true, true }},
	})
}

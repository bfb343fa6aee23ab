package demo

import (
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptions(t *testing.T) {
	e := reach.NewEnv(&app.Env{})
	apptest.CheckOptions(t, func() *cli.Command { return Command(e, nil) }, read, nil, apptest.Rows[Options]{
		{[]string{":80", "--interval", "1", "--duration", "2", "--no-module"}, func(o *Options) {
			o.Args, o.Interval, o.Duration, o.Module = []string{":80"}, time.Second, 2*time.Second, false
		}},
	})
}

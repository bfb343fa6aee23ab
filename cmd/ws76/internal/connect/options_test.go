package connect

import (
	"slices"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/output"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core/relay/format"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptions(t *testing.T) {
	e := reach.NewEnv(&app.Env{})
	groups := slices.Concat(reach.Flags(&reach.FlagSet{Challenge: true}), hooks.Flags(), output.Flags(""), []cli.Flag{
		hooks.RecordFlag(), reach.MaxMessageFlag(""), reach.CloseTimeoutFlag(""),
	})
	apptest.CheckOptions(t, func() *cli.Command { return Command(e) }, read, groups, apptest.Rows[Options]{
		{[]string{"ws://x/", "a", "b"}, func(o *Options) {
			o.URL, o.Messages, o.Hooks.Arguments = "ws://x/", []string{"a", "b"}, []string{"ws://x/", "a", "b"}
		}},
		{[]string{"-m", "a", "--message", "@f", "--no-stdin", "--in", "json", "--replace-invalid"}, func(o *Options) {
			o.First, o.NoStdin, o.In, o.ReplaceInvalid = []string{"a", "@f"}, true, format.JSON, true
		}},
		{[]string{"--on-eof", "wait", "--linger", "5", "--timeout", "6s"}, func(o *Options) {
			o.OnEOF, o.Linger, o.Timeout = "wait", 5*time.Second, 6*time.Second
		}},
		{[]string{"--reconnect", "--retries", "3", "--stats"}, func(o *Options) { o.Reconnect, o.Retries, o.Stats = true, 3, true }},
		{[]string{"-n", "7", "--until", "u", "--expect", "e", "--idle", "1m"}, func(o *Options) {
			o.Rules.Count, o.Rules.Until, o.Rules.Expect, o.Rules.Idle = 7, "u", "e", time.Minute
		}},
		{[]string{"--heartbeat", "h", "--heartbeat-interval", "2"}, func(o *Options) { o.Rules.Heartbeat, o.Rules.Interval = "h", 2*time.Second }},
		{[]string{"--color", "never", "--no-history"}, func(o *Options) { o.Color, o.NoHistory = "never", true }},
		{[]string{"--max-message", "2K", "--record", "r", "--script", "s", "--out", "json"}, func(o *Options) {
			o.Reach.MaxMessage, o.Hooks.Record, o.Hooks.Scripts = 2048, "r", []string{"s"}
			o.Output.Out, o.Output.OutGiven = format.JSON, true
		}},
	})
}

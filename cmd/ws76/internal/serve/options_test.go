package serve

import (
	"slices"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
	"github.com/ws76/ws76/cmd/ws76/internal/front"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptions(t *testing.T) {
	e := reach.NewEnv(&app.Env{})
	groups := slices.Concat(
		front.GateFlags(""), front.ProxyFlags(""), front.CertificateFlags("", ""), listen.HoldFlags("", "", ""), hooks.Flags(),
		[]cli.Flag{front.MinTLSFlag(""), hooks.RecordFlag(), reach.DeadFlag(""), app.ExecEnvFlag("")},
	)
	apptest.CheckOptions(t, func() *cli.Command { return Command(e) }, read, groups, apptest.Rows[Options]{
		{[]string{":80", "--listen", "fd:3", "--listen", "stdio:"}, func(o *Options) {
			o.Addrs, o.Hooks.Arguments, o.Listen = []string{":80"}, []string{":80"}, []string{"fd:3", "stdio:"}
		}},
		{[]string{"--echo", "--exec", "a", "--exec-shared", "b", "--static", "d", "--no-dashboard", "--metrics", "off"}, func(o *Options) {
			o.Echo, o.Exec, o.ExecShared, o.Static, o.Dashboard, o.Metrics = true, "a", "b", "d", false, "off"
		}},
		{[]string{"--dialect", "rfc6455", "--dialect", "hixie75", "--protocol", "p"}, func(o *Options) {
			o.Dialects, o.Protocols = []core.Dialect{core.RFC6455, core.Hixie75}, []string{"p"}
		}},
		{[]string{"--strict", "--lenient-keys", "--no-compress", "--flash-policy", "--binary", "hex"}, func(o *Options) {
			o.Strict, o.LenientKeys, o.Compress, o.FlashPolicy, o.Binary = true, true, false, true, "hex"
		}},
		{[]string{"--max-conns", "1", "--max-message", "1K", "--rate", "0.5", "--queue", "2", "--slow", "close"}, func(o *Options) {
			o.MaxConns, o.Hold.MaxMessage, o.Rate, o.Queue, o.Slow = 1, 1024, 0.5, 2, "close"
		}},
		{[]string{"--handshake-timeout", "1", "--idle", "2", "--close-timeout", "3", "--grace", "4"}, func(o *Options) {
			o.Handshake, o.Idle, o.CloseTimeout, o.Grace = time.Second, 2*time.Second, 3*time.Second, 4*time.Second
		}},
		{[]string{"--hub", "nats://a", "--hub-creds", "b", "--hub-cacert", "c", "--hub-cert", "d", "--hub-key", "e"}, func(o *Options) {
			o.Hub, o.HubCredentials = []string{"nats://a"}, "b"
			o.HubTLS.CAFile, o.HubTLS.CertFile, o.HubTLS.KeyFile = "c", "d", "e"
		}},
		{[]string{"--origin", "none", "--eval", "x", "--max-pending", "1G"}, func(o *Options) {
			o.Front.Origins, o.Hooks.Evals, o.Hold.MaxPending, o.Hold.PendingGiven = []string{"none"}, []string{"x"}, 1<<30, true
		}},
	})
}

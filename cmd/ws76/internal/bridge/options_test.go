package bridge

import (
	"reflect"
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
	"github.com/ws76/ws76/core/relay/format"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func command() *cli.Command { return Command(reach.NewEnv(&app.Env{})) }

func TestOptions(t *testing.T) {
	groups := slices.Concat(
		front.GateFlags(""), front.ProxyFlags(""), front.CertificateFlags("", ""), listen.HoldFlags("", "", ""), hooks.Flags(), []cli.Flag{hooks.RecordFlag()},
	)
	apptest.CheckOptions(t, command, read, groups, apptest.Rows[Options]{
		{[]string{"a", "b", "--file", "f"}, func(o *Options) { o.Args, o.Hooks.Arguments, o.File = []string{"a", "b"}, []string{"a", "b"}, "f" }},
		{[]string{"--from-format", "nul", "--to-format", "json", "--crlf", "--replace-invalid", "--binary", "hex"}, func(o *Options) {
			o.FromFormat, o.ToFormat, o.CRLF, o.ReplaceInvalid, o.Binary = format.Nul, format.JSON, true, true, "hex"
		}},
		{[]string{"--max-message", "1K"}, func(o *Options) { o.Hold.MaxMessage, o.Reach.MaxMessage = 1024, 1024 }},
		{[]string{"--buffer", "1", "--redeliver", "--retries", "2", "--reconnect", "--linger", "3"}, func(o *Options) {
			o.Buffer, o.Redeliver, o.Retries, o.Reconnect, o.Linger = 1, true, 2, true, 3*time.Second
		}},
		{[]string{"--from-via", "fd:3", "--to-via", "fd:4"}, func(o *Options) { o.FromVia, o.ToVia, o.Hooks.Vias = "fd:3", "fd:4", []string{"", "fd:4"} }},
		{[]string{"--origin", "none", "--to-origin", "http://x", "--auth-file", "a", "--to-auth-file", "b"}, func(o *Options) {
			o.Front.Origins, o.Reach.Origin, o.Front.AuthFile, o.Reach.AuthFile = []string{"none"}, "http://x", "a", "b"
		}},
		{[]string{"--lenient-keys", "--strict", "--no-compress", "--dialect", "rfc6455", "--header-order", "fixed"}, func(o *Options) {
			o.LenientKeys, o.Reach.Strict, o.Reach.Compress, o.Reach.Dialect, o.Reach.FixedOrder = true, true, false, "rfc6455", true
		}},
		{[]string{"--pass-header", "p", "-H", "a: b", "--exec-env", "E"}, func(o *Options) {
			o.PassHeaders, o.Reach.Header, o.ExecEnv = []string{"p"}, []string{"a: b"}, []string{"E"}
		}},
		{[]string{"--proxy", "none", "--resolve", "a:1:b", "-4", "-6"}, func(o *Options) {
			none := "none"
			o.Reach.Proxy, o.Reach.Resolve, o.Reach.IPv4, o.Reach.IPv6 = &none, []string{"a:1:b"}, true, true
		}},
		{[]string{"--cacert", "a", "--cert", "b", "--key", "c", "--servername", "d", "-k", "--tls-min", "1.0"}, func(o *Options) {
			tls := &o.Reach.TLS
			tls.CAFile, tls.CertFile, tls.KeyFile, tls.ServerName, tls.Insecure, tls.MinVersion, o.Front.TLSMin = "a", "b", "c", "d", true, "1.0", "1.0"
		}},
		{[]string{"--max-conns", "1", "--connect-timeout", "2", "--handshake-timeout", "3", "--idle", "4", "--dead-after", "0"}, func(o *Options) {
			o.MaxConns, o.Reach.ConnectTimeout, o.Handshake, o.Idle, o.DeadAfter = 1, 2*time.Second, 3*time.Second, 4*time.Second, -1
		}},
		{[]string{"--close-timeout", "1", "--grace", "2"}, func(o *Options) { o.Reach.CloseTimeout, o.Grace = time.Second, 2*time.Second }},
	})
}

// What a table says goes over the command line, and what it does not say is that of the command line.
func TestOptionsOfTable(t *testing.T) {
	program := &cli.App{Commands: []*cli.Command{command()}, DisableSliceFlagSeparator: true}
	program.Commands[0].Action = func(c *cli.Context) error {
		o := read(c)
		f := &app.Config{Path: "f", Log: app.NewLogger(t.Output())}
		table := map[string]any{"crlf": true, "retries": int64(5), "headers": []any{"a: b"}, "connect-timeout": "7s"}
		own, err := o.Table(f, table, []string{"bridge", "x"})
		if err != nil {
			return err
		}
		if !own.CRLF || own.Retries != 5 || own.Buffer != 3 || own.Reach.ConnectTimeout != 7*time.Second || !reflect.DeepEqual(own.Reach.Header, []string{"a: b"}) {
			t.Errorf("%+v", own)
		}
		if o.CRLF || o.Retries != 4 {
			t.Errorf("the command line has become %+v", o)
		}
		if _, err := o.Table(f, map[string]any{"retries": int64(-1)}, nil); !app.Is[app.UsageError](err) {
			t.Errorf("retries = -1: %v", err)
		}
		return nil
	}
	if err := program.Run([]string{"ws76", "bridge", "--retries", "4", "--buffer", "3"}); err != nil {
		t.Error(err)
	}
}

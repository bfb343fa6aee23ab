package front

import (
	"slices"
	"testing"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptions(t *testing.T) {
	command := func() *cli.Command {
		return new(app.Env).Command(cli.Command{Name: "x", Flags: slices.Concat(
			GateFlags(""), ProxyFlags(""), CertificateFlags("", ""), []cli.Flag{MinTLSFlag("")},
		)})
	}
	apptest.CheckOptions(t, command, Read, nil, apptest.Rows[Options]{
		{[]string{"--origin", "a", "--origin", "b", "--host", "h", "--auth-file", "f"}, func(o *Options) {
			o.Origins, o.Hosts, o.AuthFile = []string{"a", "b"}, []string{"h"}, "f"
		}},
		{[]string{"--public-url", "ws://x", "--trust-forwarded"}, func(o *Options) { o.PublicURL, o.Forwarded = "ws://x", true }},
		{[]string{"--tls-cert", "c", "--tls-key", "k", "--tls-min", "1.3"}, func(o *Options) { o.TLSCert, o.TLSKey, o.TLSMin = "c", "k", "1.3" }},
	})
}

package reach_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	wstls "github.com/ws76/ws76/transports/tls"
)

// What stands on a command line is what Read returns.
func TestRead(t *testing.T) {
	defaults := reach.Options{
		Dialect: core.Hixie76, OriginFlag: "--origin", Compress: true, ConnectTimeout: 30 * time.Second, CloseTimeout: core.DefaultCloseTimeout,
		MaxMessage: core.DefaultMaxMessage, Via: "tcp:", ViaFlag: "--via", TLS: wstls.ConfigOptions{MinVersion: "1.2"},
	}
	none := ""
	for _, test := range []struct {
		args []string
		want func(o *reach.Options)
	}{
		{nil, func(*reach.Options) {}},
		{[]string{"--dialect", "rfc6455", "--no-compress", "--strict", "--header-order", "fixed"}, func(o *reach.Options) {
			o.Dialect, o.Compress, o.Strict, o.FixedOrder = core.RFC6455, false, true, true
		}},
		{[]string{"-H", "A: b", "-H", "@file", "--cookie", "c=d", "--protocol", "p", "--auth-file", "login", "--origin", "http://x"}, func(o *reach.Options) {
			o.Header, o.Cookies, o.Protocols, o.AuthFile, o.Origin = []string{"A: b", "@file"}, []string{"c=d"}, []string{"p"}, "login", "http://x"
		}},
		{[]string{"--key1", "1", "--key2", "2", "--key3", "3"}, func(o *reach.Options) { o.Key1, o.Key2, o.Key3 = "1", "2", "3" }},
		{[]string{"--proxy", ""}, func(o *reach.Options) { o.Proxy = &none }},
		{[]string{"--via", "unix:///x", "--resolve", "a:1:b", "-4", "-6"}, func(o *reach.Options) {
			o.Via, o.Resolve, o.IPv4, o.IPv6 = "unix:///x", []string{"a:1:b"}, true, true
		}},
		{[]string{"-k", "--cacert", "ca", "--cert", "c", "--key", "k", "--servername", "n", "--tls-min", "1.0"}, func(o *reach.Options) {
			o.TLS = wstls.ConfigOptions{CAFile: "ca", CertFile: "c", KeyFile: "k", ServerName: "n", Insecure: true, MinVersion: "1.0"}
		}},
		{[]string{"--max-message", "1K", "--connect-timeout", "5", "--close-timeout", "2s"}, func(o *reach.Options) {
			o.MaxMessage, o.ConnectTimeout, o.CloseTimeout = 1024, 5*time.Second, 2*time.Second
		}},
	} {
		var got *reach.Options
		program := &cli.App{
			Flags:                     append(reach.Flags(&reach.FlagSet{Challenge: true}), reach.MaxMessageFlag(""), reach.CloseTimeoutFlag("")),
			DisableSliceFlagSeparator: true,
			Action:                    func(c *cli.Context) error { got = reach.Read(c); return nil },
		}
		if err := program.Run(append([]string{"ws76"}, test.args...)); err != nil {
			t.Errorf("%q: %v", test.args, err)
			continue
		}
		want := defaults
		test.want(&want)
		for _, list := range []*[]string{&got.Header, &got.Cookies, &got.Protocols, &got.Resolve} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", test.args, *got, want)
		}
	}
}

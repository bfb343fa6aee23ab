package keygen

import (
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/apptest"
)

func TestOptions(t *testing.T) {
	e := new(app.Env)
	apptest.CheckOptions(t, func() *cli.Command { return Command(e) }, read, nil, apptest.Rows[Options]{
		{[]string{"a", "-n", "3", "--seed", "0"}, func(o *Options) {
			o.Args, o.Count, o.Seed = []string{"a"}, new(int), new(uint64)
			*o.Count = 3
		}},
		{[]string{"--key1", "a", "--key2", "b", "--key3", ""}, func(o *Options) {
			a, b := "a", "b"
			o.Key1, o.Key2, o.Key3 = &a, &b, new(string)
		}},
		{[]string{"--request", "--response", "--raw", "--explain=false"}, func(o *Options) {
			o.Request, o.Response, o.Raw = true, true, true
		}},
		{[]string{"--rfc6455", "", "--verify", "", "--explain", "--json"}, func(o *Options) {
			o.RFC6455, o.Verify, o.Explain, o.JSON = new(string), new(string), true, true
		}},
	})
}

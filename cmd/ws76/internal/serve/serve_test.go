package serve

import (
	"encoding/xml"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/child"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve/gate"
)

func TestActivated(t *testing.T) {
	for _, tc := range []struct {
		pid, fds string
		want     []string
		fails    bool
	}{
		{"", "", nil, false}, {"42", "2", []string{"fd:3", "fd:4"}, false}, {"42", "0", []string{}, false},
		{"43", "2", nil, false}, // another process's
		{"42", "", nil, true}, {"42", "-1", nil, true}, {"42", "99999", nil, true}, {"x", "2", nil, false},
	} {
		getenv := func(name string) string { return map[string]string{"LISTEN_PID": tc.pid, "LISTEN_FDS": tc.fds}[name] }
		if got, err := listen.Activated(getenv, 42); !slices.Equal(got, tc.want) || (err != nil) != tc.fails {
			t.Errorf("LISTEN_PID=%s LISTEN_FDS=%s: %q, %v", tc.pid, tc.fds, got, err)
		}
	}
}

func TestListenAddresses(t *testing.T) {
	e := &reach.Env{Env: &app.Env{Getenv: func(string) string { return "" }}}
	handed := &reach.Env{Env: &app.Env{Getenv: func(name string) string {
		return map[string]string{"LISTEN_PID": strconv.Itoa(os.Getpid()), "LISTEN_FDS": "2"}[name]
	}}}
	want := []string{":80", "fd:3", "fd:4"} // and not fd:3 again
	if got, err := listen.Addresses(handed, []string{":80"}, []string{"fd:3"}); !slices.Equal(got, want) || err != nil {
		t.Errorf("with LISTEN_FDS: %q, %v", got, err)
	}
	for _, tc := range []struct{ args, flags, want []string }{
		{nil, nil, []string{listen.DefaultAddr}}, {[]string{":80"}, []string{"fd:3"}, []string{":80", "fd:3"}}, {nil, []string{"unix:///x"}, []string{"unix:///x"}},
	} {
		if got, err := listen.Addresses(e, tc.args, tc.flags); !slices.Equal(got, tc.want) || err != nil {
			t.Errorf("%q, %q: %q, %v", tc.args, tc.flags, got, err)
		}
	}
}

func TestCutScheme(t *testing.T) {
	for _, tc := range []struct{ addr, scheme string }{
		{"127.0.0.1:80", ""}, {":80", ""}, {"[::1]:80", ""}, {"localhost:8076", ""}, {"tcp:80", ""}, {"unix:///x", "unix"}, {"fd:3", "fd"},
		{"stdio:", "stdio"}, {"exec:cat", "exec"}, {"tcp://h:1", "tcp"}, {"nosuch://x", "nosuch"}, {"host:http", ""},
	} {
		if scheme, _, ok := listen.CutScheme(tc.addr); ok != (tc.scheme != "") || ok && scheme != tc.scheme {
			t.Errorf("%s: %q, %v", tc.addr, scheme, ok)
		}
	}
}

func TestFlashPolicy(t *testing.T) {
	for _, test := range []struct {
		origins []string
		want    []string
	}{
		{nil, []string{"*"}}, {[]string{"http://*.lan", "https://shop.test:8443", "null"}, []string{"*.lan", "shop.test"}}, {[]string{"null"}, nil}, {[]string{"*"}, []string{"*"}},
	} {
		list, err := gate.ParseOrigins(test.origins)
		if err != nil {
			t.Fatal(err)
		}
		var policy struct {
			Allow []struct {
				Domain string `xml:"domain,attr"`
				Ports  string `xml:"to-ports,attr"`
			} `xml:"allow-access-from"`
		}
		text := flashPolicy(list, []string{"80", "8076"})
		if err := xml.Unmarshal([]byte(text), &policy); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got []string
		for _, a := range policy.Allow {
			if got = append(got, a.Domain); a.Ports != "80,8076" {
				t.Errorf("%q: to %q", test.origins, a.Ports)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %s", test.origins, text)
		}
	}
}

func TestCGIEnvironment(t *testing.T) {
	r := child.Request{
		Request: &hixie.Request{Method: "GET", Resource: "/a\x00b?q", Fields: hixie.Fields{
			{Name: "Host", Value: "[::1]:8076"}, {Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}, {Name: "Proxy", Value: "evil"},
			{Name: "authorization", Value: "secret"}, {Name: "Weird=Näme", Value: "x\x00y"},
		}},
		Dialect: core.Hixie75, Remote: "[fe80::1]:5", Secure: true, Version: "1",
	}
	vars := r.Environment()
	for _, want := range []string{
		"SERVER_NAME=::1", "SERVER_PORT=8076", "REMOTE_ADDR=fe80::1", "REMOTE_PORT=5", "HTTPS=on", "PATH_INFO=/ab", "QUERY_STRING=q",
		"HTTP_X_A=1, 2", "HTTP_WEIRD_N_ME=xy", "WS76_DIALECT=hixie-75",
	} {
		if !slices.Contains(vars, want) {
			t.Errorf("no %q in %q", want, vars)
		}
	}
	for _, v := range vars {
		name, _, _ := strings.Cut(v, "=")
		if strings.ContainsRune(v, 0) || strings.Contains(v, "secret") || name == "HTTP_PROXY" || name == "REMOTE_USER" {
			t.Errorf("%q is there", v)
		}
	}
}

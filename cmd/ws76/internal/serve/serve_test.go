package serve

import (
	"encoding/xml"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
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
		if got, err := activated(getenv, 42); !slices.Equal(got, tc.want) || (err != nil) != tc.fails {
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
	if got, err := addresses(handed, []string{":80"}, []string{"fd:3"}); !slices.Equal(got, want) || err != nil {
		t.Errorf("with LISTEN_FDS: %q, %v", got, err)
	}
	for _, tc := range []struct{ args, flags, want []string }{
		{nil, nil, []string{listen.DefaultAddr}}, {[]string{":80"}, []string{"fd:3"}, []string{":80", "fd:3"}}, {nil, []string{"unix:///x"}, []string{"unix:///x"}},
	} {
		if got, err := addresses(e, tc.args, tc.flags); !slices.Equal(got, tc.want) || err != nil {
			t.Errorf("%q, %q: %q, %v", tc.args, tc.flags, got, err)
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

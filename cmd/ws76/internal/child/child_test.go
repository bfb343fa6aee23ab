package child

import (
	"slices"
	"strings"
	"testing"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
)

func TestCGIEnvironment(t *testing.T) {
	r := Request{
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

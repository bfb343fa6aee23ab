package listen

import "testing"

func TestCutScheme(t *testing.T) {
	for _, tc := range []struct{ addr, scheme string }{
		{"127.0.0.1:80", ""}, {":80", ""}, {"[::1]:80", ""}, {"localhost:8076", ""}, {"tcp:80", ""}, {"unix:///x", "unix"}, {"fd:3", "fd"},
		{"stdio:", "stdio"}, {"exec:cat", "exec"}, {"tcp://h:1", "tcp"}, {"nosuch://x", "nosuch"}, {"host:http", ""},
	} {
		if scheme, _, ok := cutScheme(tc.addr); ok != (tc.scheme != "") || ok && scheme != tc.scheme {
			t.Errorf("%s: %q, %v", tc.addr, scheme, ok)
		}
	}
}

package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ownAddress is one of this machine beside the loopback.
func ownAddress(t *testing.T) string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address beside the loopback")
	return ""
}

// TestGateLAN: a server for a network is known by its addresses and as localhost, and by the
// names that it was given; a page of a name that somebody else has lead here gets nothing, by
// whatever way.
func TestGateLAN(t *testing.T) {
	own := ownAddress(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file.txt"), []byte("file"), 0o666); err != nil {
		t.Fatal(err)
	}
	serve := []string{"--static", dir}
	for name, tc := range map[string]struct {
		command string
		args    []string
		known   []string // beside addresses and localhost
	}{
		"all addresses":   {"serve", append([]string{"0.0.0.0:0"}, serve...), nil},
		"one address":     {"serve", append([]string{own + ":0"}, serve...), nil},
		"goroutines":      {"serve", append([]string{"0.0.0.0:0", "-vvv"}, serve...), nil},
		"host":            {"serve", append([]string{"0.0.0.0:0", "--host", "box.lan", "--host", "*.example.org"}, serve...), []string{"box.lan", "a.example.org"}},
		"public URL":      {"serve", append([]string{own + ":0", "--public-url", "ws://box.lan"}, serve...), []string{"box.lan"}},
		"bridge":          {"bridge", []string{"ws://0.0.0.0:0", "exec:cat"}, nil},
		"bridge, host":    {"bridge", []string{"ws://" + own + ":0", "exec:cat", "--host", "box.lan"}, []string{"box.lan"}},
		"bridge, its URL": {"bridge", []string{"ws://0.0.0.0:0", "exec:cat", "--public-url", "ws://box.lan"}, []string{"box.lan"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &gateServer{}
			s.start(t, append([]string{tc.command}, tc.args...)...)
			_, port, err := net.SplitHostPort(s.addr)
			if err != nil {
				t.Fatal(err)
			}
			s.addr = net.JoinHostPort(own, port)
			let := append([]string{s.addr, own, "192.168.7.8", "[fd00::7]:" + port, "localhost:" + port, "LocalHost"}, tc.known...)
			ways := gateWays()
			if tc.command == "bridge" {
				ways = []gateWay{{"plain HTTP", "GET / HTTP/1.1\r\n\x01", "426", false, false, false}}
				for _, way := range gateWays() {
					if strings.HasPrefix(way.name, "echo") {
						ways = append(ways, way)
					}
				}
			}
			for _, way := range ways {
				ask := func(host, origin string) string {
					fields := "Host: " + host + "\r\n" + origin
					if !strings.Contains(way.request, "Upgrade") {
						fields += "Connection: close\r\n"
					}
					return gateAsk(t, s.addr, "", way.bytes("x", fields))
				}
				for _, host := range let {
					for _, origin := range []string{"", "Origin: http://" + host + "\r\n"} {
						if got := ask(host, origin); got != way.in {
							t.Errorf("%s as %s, %q: %s, want %s", way.name, host, origin, got, way.in)
						}
					}
				}
				for _, host := range []string{"evil.test", "evil.test:" + port, "box.lan.evil.test", "localhost.evil.test", own + ".evil.test", "box.lan", "a.example.org", "example.org"} {
					if strings.Contains(strings.Join(let, " "), host) {
						continue
					}
					for _, origin := range []string{"", "Origin: http://" + host + "\r\n", "Origin: http://" + s.addr + "\r\n"} {
						if got := ask(host, origin); got != "421" {
							t.Errorf("%s as %s, %q: %s, want 421", way.name, host, origin, got)
						}
					}
				}
			}
		})
	}
}

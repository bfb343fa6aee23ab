package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

// A plugin that leads elsewhere does not take there the login, the cookies and the client certificate; other fields it does, as curl
// does at redirections. To the same host and security it takes all.
func TestConnectElsewhere(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := writeCerts(cert, key); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	plugin := filepath.Join(dir, "away")
	if err := os.Mkdir(plugin, 0o777); err != nil {
		t.Fatal(err)
	}
	code := `plugin = {name = "away", version = "1", summary = "x", options = {{name = "to", type = "string", required = true, help = "x"}}, connect = function() return options.to end}`
	if err := os.WriteFile(filepath.Join(plugin, "plugin.lua"), []byte(code), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	for _, tt := range []struct{ asked, to, want string }{
		{"wss://u:p@" + addr + "/", "wss://u:p@" + addr + "/other", "certificate Authorization Cookie X-Other"},
		{"wss://u:p@" + addr + "/", "wss://" + addr + "/other", "certificate Cookie X-Other"},
		{"wss://u:p@localhost:1/", "wss://u:p@" + addr + "/", "X-Other"},
		{"ws://u:p@" + addr + "/", "wss://u:p@" + addr + "/", "X-Other"},
		{"wss://u:p@" + addr + "/", "ws://u:p@" + addr + "/", "X-Other"},
		{"wss://u:p@localhost:1/", "wss://own:login@" + addr + "/", "Authorization X-Other"}, // which the plugin has made
	} {
		got := make(chan string, 1)
		l.(*net.TCPListener).SetDeadline(time.Now().Add(bound))
		go func() {
			c, err := l.Accept()
			if err != nil {
				got <- err.Error()
				return
			}
			defer c.Close()
			var said []string
			if strings.HasPrefix(tt.to, "wss:") {
				secure := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert})
				if secure.Handshake() == nil && len(secure.ConnectionState().PeerCertificates) > 0 {
					said = append(said, "certificate")
				}
				c = secure
			}
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				got <- err.Error()
				return
			}
			for _, name := range []string{"Authorization", "Cookie", "X-Other"} {
				if r.Header.Get(name) != "" {
					said = append(said, name)
				}
			}
			got <- strings.Join(said, " ")
		}()
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		var stderr bytes.Buffer
		runMain(ctx, []string{"ws76", "connect", tt.asked, "--plugin", plugin + ",to=" + tt.to, "--cert", cert, "--key", key, "-k", "--cookie", "a=b", "-H", "X-Other: y", "--no-stdin"},
			&reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: &stderr, Stderr: &stderr, Getenv: os.Getenv}})
		cancel()
		if said := <-got; said != tt.want {
			t.Errorf("%s, led to %s: gets %q, want %q\n%s", tt.asked, tt.to, said, tt.want, &stderr)
		}
	}
}

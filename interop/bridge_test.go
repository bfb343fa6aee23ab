package interop

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
)

// bridge starts ws76 bridge from a port.
func bridge(t *testing.T, port int, to string, args ...string) {
	t.Helper()
	start(t, []int{port}, ws76(t), append([]string{"bridge", fmt.Sprintf("ws://127.0.0.1:%d", port), to}, args...)...)
}

// TestBridgeBehindProxies has clients of every dialect reach a server of RFC 6455
// through HAProxy or nginx, with and without TLS, and a bridge behind them.
func TestBridgeBehindProxies(t *testing.T) {
	testenv.NeedInterop(t)
	t.Run("haproxy", func(t *testing.T) {
		haproxy := testenv.Need(t, "haproxy", "haproxy")
		p, echo := newPlaces(t), freePort(t)
		serve(t, echo, "--dialect", "rfc6455")
		to := fmt.Sprintf("ws+rfc6455://127.0.0.1:%d", echo)
		bridge(t, p.Backend, to)
		bridge(t, p.SecureBackend, to, "--public-url", fmt.Sprintf("wss://127.0.0.1:%d", p.TLS))
		start(t, []int{p.Plain, p.TLS}, haproxy, "-db", "-f", p.config(t, "haproxy.cfg"))
		checkBridge(t, p, strict)
	})
	t.Run("nginx", func(t *testing.T) {
		nginx := testenv.Need(t, "nginx", "nginx")
		p, echo := newPlaces(t), freePort(t)
		serve(t, echo, "--dialect", "rfc6455")
		bridge(t, p.Backend, fmt.Sprintf("ws+rfc6455://127.0.0.1:%d", echo), "--trust-forwarded")
		start(t, []int{p.Plain, p.TLS}, nginx, "-p", p.Dir, "-e", "stderr", "-c", p.config(t, "nginx.conf"))
		reordered := map[string]bool{"hixie-75": false, "hixie-76": true, "rfc6455": true} // see TestNginx
		checkBridge(t, p, reordered)
	})
}

// checkBridge has clients of every dialect say something through a proxy, with and
// without TLS.
func checkBridge(t *testing.T, p places, strict map[string]bool) {
	for dialect, strict := range strict {
		t.Run(dialect, func(t *testing.T) {
			checkConnect(t, strict, fmt.Sprintf("ws://127.0.0.1:%d/chat?x=1", p.Plain), "--dialect", dialect)
			checkConnect(t, strict, fmt.Sprintf("wss://127.0.0.1:%d/chat?x=1", p.TLS), "--dialect", dialect, "--cacert", p.Certificate)
		})
	}
}

// TestBridgeToProxy has a bridge reach a server through a proxy that ends TLS.
func TestBridgeToProxy(t *testing.T) {
	testenv.NeedInterop(t)
	haproxy := testenv.Need(t, "haproxy", "haproxy")
	p := newPlaces(t)
	serve(t, p.Backend)
	serve(t, p.SecureBackend, "--public-url", fmt.Sprintf("wss://127.0.0.1:%d", p.TLS))
	start(t, []int{p.Plain, p.TLS}, haproxy, "-db", "-f", p.config(t, "haproxy.cfg"))
	for _, to := range []string{"wss+rfc6455", "wss+hixie76", "wss+hixie75"} {
		t.Run(to, func(t *testing.T) {
			from := freePort(t)
			bridge(t, from, fmt.Sprintf("%s://127.0.0.1:%d", to, p.TLS), "--cacert", p.Certificate, "--strict")
			checkConnect(t, true, fmt.Sprintf("ws://127.0.0.1:%d/chat", from))
		})
	}
}

// TestBridgeToNode has clients of every dialect reach the ws of npm of today, and
// that of 2013 in draft 76.
func TestBridgeToNode(t *testing.T) {
	testenv.NeedInterop(t)
	for peer, scheme := range map[string]string{"rfc6455/npm-ws8": "ws+rfc6455", "npm-ws": "ws+hixie76"} {
		t.Run(peer, func(t *testing.T) {
			install(t, peer)
			port, from := freePort(t), freePort(t)
			start(t, []int{port}, filepath.Join("peers", peer, "server"), fmt.Sprint(port))
			bridge(t, from, fmt.Sprintf("%s://127.0.0.1:%d", scheme, port))
			for dialect := range strict {
				t.Run(dialect, func(t *testing.T) {
					checkConnect(t, true, fmt.Sprintf("ws://127.0.0.1:%d/chat", from), "--dialect", dialect)
				})
			}
		})
	}
}

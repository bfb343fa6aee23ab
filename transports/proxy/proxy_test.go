package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/transports"
	"github.com/ws76/ws76/transports/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, raw string) *Transport {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := Open(u, transports.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// freePort returns a port that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// run starts a program until the test is over, and waits until it listens at port.
func run(t *testing.T, port, program string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("%s does not listen; it said %q", program, &said)
		}
	}
}

// microsocks is a real SOCKS5 proxy that asks for the login "user", "sesame77".
func microsocks(t *testing.T) (addr string) {
	program := testenv.Need(t, "microsocks", "microsocks")
	port := freePort(t)
	run(t, port, program, "-i", "127.0.0.1", "-p", port, "-u", "user", "-P", "sesame77")
	return "127.0.0.1:" + port
}

// tinyproxy is a real HTTP proxy that asks for the same login.
func tinyproxy(t *testing.T) (addr string) {
	program := testenv.Need(t, "tinyproxy", "tinyproxy-bin")
	port := freePort(t)
	file := filepath.Join(t.TempDir(), "conf")
	conf := fmt.Sprintf("Port %s\nListen 127.0.0.1\nTimeout 60\nLogLevel Error\nMaxClients 100\nBasicAuth user sesame77\n", port)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, port, program, "-d", "-c", file)
	return "127.0.0.1:" + port
}

const login = "user:sesame77@"

func TestProxies(t *testing.T) {
	for _, p := range []struct {
		scheme string
		start  func(*testing.T) string
	}{{"socks5", microsocks}, {"http", tinyproxy}} {
		t.Run(p.scheme, func(t *testing.T) {
			addr := p.start(t)
			transporttest.Run(t, func(t *testing.T) transporttest.Setup {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { l.Close() })
				tr := open(t, p.scheme+"://"+login+addr)
				silent := open(t, p.scheme+"://"+listenSilently(t))
				_, port, _ := net.SplitHostPort(l.Addr().String())
				return transporttest.Setup{
					// The proxy resolves the name.
					Dial:    func(ctx context.Context) (net.Conn, error) { return tr.Dial(ctx, "localhost:"+port) },
					Accept:  l.Accept,
					Stalled: func(ctx context.Context) (net.Conn, error) { return silent.Dial(ctx, "target:80") },
					Relayed: true,
					Coupled: true,
				}
			})
			for _, test := range []struct {
				proxy, target string
				want          error
				not           error
				text          string
			}{
				{login + addr, "127.0.0.1:" + freePort(t), ErrRefused, ErrAuth, "the proxy itself works"},
				{login + addr, "no-such-name.invalid:80", ErrRefused, ErrAuth, "the proxy did not reach the target"},
				{"user:wrong77@" + addr, "127.0.0.1:1", ErrAuth, ErrRefused, "is the login"},
				{addr, "127.0.0.1:1", ErrAuth, ErrRefused, "is the login"},
				{"127.0.0.1:" + freePort(t), "127.0.0.1:1", nil, ErrRefused, "it is the proxy that was not reached"},
			} {
				conn, err := open(t, p.scheme+"://"+test.proxy).Dial(t.Context(), test.target)
				if err == nil {
					conn.Close()
				}
				var de *transports.DialError
				if !errors.As(err, &de) || de.Addr != test.target || test.want != nil && !errors.Is(err, test.want) ||
					errors.Is(err, test.not) || !strings.Contains(err.Error(), test.text) {
					t.Errorf("%s to %s: %v, want %v and %q", test.proxy, test.target, err, test.want, test.text)
				}
				if err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "wrong77")) {
					t.Errorf("a password is in %v", err)
				}
			}
		})
	}
}

// listenSilently accepts connections, if only the system does, and never answers.
func listenSilently(t *testing.T) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// answering is a proxy that reads a request and answers with text.
func answering(t *testing.T, text string) (addr string, request chan *http.Request) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	request = make(chan *http.Request, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			request <- r
		}
		io.WriteString(conn, text)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), request
}

// TestEarlyBytes has the target speak in one write with the proxy's answer.
func TestEarlyBytes(t *testing.T) {
	addr, request := answering(t, "HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\nhello")
	conn, err := open(t, "http://a:b@"+addr).Dial(t.Context(), "[2001:db8::1]:80")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := <-request
	if user := r.Header.Get("Proxy-Authorization"); r.Method != "CONNECT" || r.RequestURI != "[2001:db8::1]:80" ||
		r.Host != "[2001:db8::1]:80" || user != "Basic YTpi" {
		t.Errorf("it was asked %s %s for %q by %q", r.Method, r.RequestURI, r.Host, user)
	}
	if got, err := io.ReadAll(conn); string(got) != "hello" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestBadAnswers(t *testing.T) {
	for _, test := range []struct {
		scheme, answer string
		want           error
		text           string
	}{
		{"http", "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", ErrAuth, "407 Proxy"},
		{"http", "HTTP/1.1 403 Filtered\r\n\r\n", ErrRefused, `"403 Filtered"`},
		{"http", "HTTP/1.1 301 Moved\r\nLocation: http://portal/\r\n\r\n", ErrRefused, "301"},
		{"http", "SSH-2.0-OpenSSH_9.2\r\n", nil, "is it a proxy of that kind?"},
		{"http", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHead), nil, "longer than 16384 bytes"},
		{"http", "", nil, "unexpected EOF"},
	} {
		addr, _ := answering(t, test.answer)
		_, err := open(t, test.scheme+"://"+addr).Dial(t.Context(), "target:80")
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%.40q: %v, want %v and %q", test.answer, err, test.want, test.text)
		}
	}
	// A server that speaks first and is no SOCKS proxy.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			io.ReadAll(conn)
			conn.Close()
		}
	}()
	_, err = open(t, "socks5://"+l.Addr().String()).Dial(t.Context(), "target:80")
	if err == nil || errors.Is(err, ErrAuth) || errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "is it a proxy of that kind?") {
		t.Errorf("SOCKS5 with an HTTP server: %v", err)
	}
}

func TestOpen(t *testing.T) {
	for raw, want := range map[string]string{
		"socks5://h":         "h:1080",
		"socks5h://h:1":      "h:1",
		"http://h":           "h:80",
		"https://[::1]":      "[::1]:443",
		"http://u:p@h:3128/": "h:3128",
		"http://":            "error: want http://HOST:PORT",
		"http:h":             "error: want http://HOST:PORT",
		"socks5://h/path":    "error: want socks5://HOST:PORT",
		"socks5://h?x=1":     `error: unknown parameter "x"`,
		"gopher://h":         "error: none of socks5",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := Open(u, transports.Options{})
		if text, ok := strings.CutPrefix(want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q", raw, err, text)
			}
		} else if err != nil || tr.addr != want {
			t.Errorf("%s: %+v, %v, want %s", raw, tr, err, want)
		}
	}
}

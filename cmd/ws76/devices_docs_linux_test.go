package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

// devicePages returns docs/devices.md and the pages that it links.
func devicePages(t *testing.T) string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/devices/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	index, err := os.ReadFile("../../docs/devices.md")
	if err != nil {
		t.Fatal(err)
	}
	all := string(index)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if link := "](devices/" + filepath.Base(page) + ")"; !strings.Contains(string(index), link) {
			t.Errorf("docs/devices.md has no link %s", link)
		}
		all += string(text)
	}
	return all
}

// startHere runs a command in this process until the test is over and returns what
// it says and the address that it listens on.
func startHere(t *testing.T, args ...string) (stderr *said, addr string) {
	t.Helper()
	stderr = new(said)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		runMain(ctx, append([]string{"ws76"}, args...), &reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: stderr, Getenv: func(string) string { return "" }}})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return stderr, stderr.find(t, `(?:listening on|bridging) ws\S*://(127\.0\.0\.1:\d+)`)
}

// request is what a device of draft 76 sends, with one of its keys to choose.
func request(key1, origin string) string {
	return strings.ReplaceAll("GET / HTTP/1.1\nHost: 192.0.2.7\nConnection: Upgrade\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\nUpgrade: WebSocket\n"+
		"Sec-WebSocket-Key1: "+key1+"\nOrigin: "+origin+"\n\n", "\n", "\r\n")
}

// TestDeviceMessages has devices do what docs/devices says goes wrong: ws76 must say
// what is printed there.
func TestDeviceMessages(t *testing.T) {
	pages := devicePages(t)
	printed := func(message string) {
		t.Helper()
		if !strings.Contains(pages, message) {
			t.Errorf("no page has %q", message)
		}
	}
	const key, key3, origin = "4 @1  46546xW%0l 1 5", "^n:ds[4U", "http://example.com"
	for _, c := range []struct {
		args, sent, want string
	}{
		{"", request("4 @1 46546xW%0l 1 5", origin) + key3, `handshake (hixie-76): key1: Sec-WebSocket-Key1: key "4 @1 46546xW%0l 1 5": its digits 4146546015 are no multiple of its 4 spaces`},
		{"", request(key, origin) + key3, "connection ended uncleanly: the peer closed the stream without a closing frame: unexpected EOF; 0 messages in, 0 out"},
		{"--handshake-timeout 20ms", request(key, origin), "handshake (hixie-76): key3, the 8 bytes behind the head: got 0 of 8 bytes: no handshake within 20ms: context deadline exceeded"},
		{"", "<policy-file-request/>\x00", "handshake: request head: offset 0: byte '<' in the method of a request"},
		{"--flash-policy", "<policy-file-request/>\x00", "handshake: first bytes: the client asked for the Flash policy file"},
		{"--origin http://*.lan", request(key, "null") + key3, `pages of origin "null" are not allowed here`},
	} {
		stderr, addr := startHere(t, append([]string{"serve", "127.0.0.1:0", "--echo", "-v"}, strings.Fields(c.args)...)...)
		device, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(device, c.sent)
		if strings.Contains(c.want, "uncleanly") { // it goes when it is connected
			stderr.find(t, ": open, hixie-76, /")
			device.(*net.TCPConn).CloseWrite()
		}
		stderr.find(t, regexp.QuoteMeta(c.want))
		device.Close()
		printed(strings.Replace(c.want, "20ms", "10s", 1))
	}

	dir := t.TempDir()
	cert, certKey := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := writeCerts(cert, certKey); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, scheme, host, want string }{
		{"--dialect rfc6455", "ws", "device.local", `handshake (hixie-76): status: status is "HTTP/1.1 400 Bad Request", want 101; the answer goes on: "hixie-76 is not served here"`},
		{"--public-url ws://inner", "ws", "device.local", `handshake (hixie-76): location: Sec-WebSocket-Location is "ws://inner/", want ws://device.local/; the server takes itself for another one`},
		{"--trust-forwarded", "wss", "panel.example", `tolerated: Sec-WebSocket-Location: got "ws://panel.example/", the draft wants wss://panel.example/: servers behind a proxy for TLS confuse ws and wss`},
	} {
		_, addr := startHere(t, append([]string{"serve", "127.0.0.1:0", "--echo", "--host", "*", "--tls-cert", cert, "--tls-key", certKey}, strings.Fields(c.args)...)...)
		_, port, _ := net.SplitHostPort(addr)
		host := c.host + ":" + port
		_, out := runIn(t, "connect", c.scheme+"://"+host+"/", "-v", "-k", "--resolve", host+":127.0.0.1", "--on-eof", "close", "-H", "X-Forwarded-Proto: http")
		if out = strings.ReplaceAll(out, host, c.host); !strings.Contains(out, c.want) {
			t.Errorf("%s: no %q in\n%s", c.args, c.want, out)
		}
		printed(c.want)
	}
}

// TestDeviceVNC has the script of docs/devices/vnc.md translate in either direction.
func TestDeviceVNC(t *testing.T) {
	page, err := os.ReadFile("../../docs/devices/vnc.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```lua\n(.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("no script")
	}
	for _, c := range []struct{ client, server, sent, want string }{
		{"rfc6455", "hixie-76", `"\0\255\1", "binary"`, "binary 0 255 1"},
		{"hixie-76", "rfc6455", `"AP8B"`, "text 65 80 56 66"},
	} {
		_, server := startHere(t, "serve", "127.0.0.1:0", "--echo", "--origin", "*", "--dialect", c.server)
		_, addr := startHere(t, "bridge", "ws://127.0.0.1:0", "ws+"+strings.ReplaceAll(c.server, "-", "")+"://"+server, "--binary", "base64", "--eval", string(m[1]))
		client := filepath.Join(t.TempDir(), "client.lua")
		if err := os.WriteFile(client, fmt.Appendf(nil, `
			local c = assert(ws76.connect("ws+%s://%s/", {protocol = "base64"}))
			c:send(%s)
			local data, kind = c:receive(%d)
			print(kind .. " " .. table.concat({data:byte(1, -1)}, " "))
			c:close()`, strings.ReplaceAll(c.client, "-", ""), addr, c.sent, int(bound.Seconds())), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out := runIn(t, "run", client)
		if code != app.ExitOK || strings.TrimSpace(out) != c.want {
			t.Errorf("%s to %s: exit code %d, %q, want %q", c.client, c.server, code, out, c.want)
		}
	}
}

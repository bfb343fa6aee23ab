package live

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/ws76/ws76/core"
)

// startBridge starts ws76 bridge until the test is over and returns the address
// that it listens on.
func startBridge(t *testing.T, args ...string) string {
	t.Helper()
	cmd := ws76(t, append([]string{"bridge"}, args...)...)
	addr := started(t, cmd)
	t.Cleanup(func() { stop(t, cmd) })
	return addr
}

// started starts a bridge and returns the address that it listens on.
func started(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	lines.Scan()
	m := regexp.MustCompile(`bridging ws://([^/]*)/`).FindStringSubmatch(lines.Text())
	if m == nil {
		stop(t, cmd)
		t.Fatalf("%q said %q", cmd.Args, lines.Text())
	}
	go func() {
		for lines.Scan() {
			t.Log(lines.Text())
		}
	}()
	return m[1]
}

// TestBridgeNATS runs the recipe of docs/bridges.md for NATS as it is printed, but for
// the addresses.
func TestBridgeNATS(t *testing.T) {
	text, err := os.ReadFile("../../docs/bridges.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ws76 bridge (ws://:8080) '(nats://nats\.example/.*)'$`).FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("docs/bridges.md has no recipe for NATS")
	}
	broker := startNATS(t, server.Options{})
	client, err := natsgo.Connect(broker.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	inbox, err := client.SubscribeSync("devices.*")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Flush(); err != nil {
		t.Fatal(err)
	}
	addr := startBridge(t, "ws://127.0.0.1:0", strings.Replace(m[2], "nats://nats.example", broker.ClientURL(), 1))
	ctx, cancel := context.WithTimeout(t.Context(), natsBound)
	defer cancel()
	device, err := core.Dial(ctx, "ws://"+addr+"/ws/scales/rw", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close(ctx)
	if err := device.Send(ctx, core.Message{Data: []byte("12.5 kg")}); err != nil {
		t.Fatal(err)
	}
	got, err := inbox.NextMsg(natsBound)
	if err != nil || got.Subject != "devices.scales" || string(got.Data) != "12.5 kg" {
		t.Fatalf("NATS has %+v, %v", got, err)
	}
	client.Publish("devices.scales", []byte("tare"))
	if m, err := device.Receive(ctx); err != nil || string(m.Data) != "tare" {
		t.Fatalf("the device got %q, %v", m.Data, err)
	}
	// What would be a wildcard is refused, before anything is subscribed to.
	for _, path := range []string{"/ws/%2A/rw", "/ws/a%3E/rw", "/other"} {
		if c, err := core.Dial(ctx, "ws://"+addr+path, nil); err == nil {
			c.Close(ctx)
			t.Errorf("%s was let in", path)
		}
	}
}

// TestBridgeBrowser has a page in a real browser talk to a server of draft 76.
func TestBridgeBrowser(t *testing.T) {
	b := openBrowser(t)
	old := freeAddr(t)
	page := serve(t, old, "--echo", "--dialect", "hixie-76")
	defer stop(t, page)
	// The origin of a blank page is null.
	addr := startBridge(t, "ws://127.0.0.1:0", "ws+hixie76://"+old+"/echo", "--binary", "hex", "--origin", "null")
	b.wait("the echo of a text and of bytes", `
		(() => {
			window.got ??= (() => {
				const got = [], s = new WebSocket("ws://`+addr+`/");
				s.onopen = () => { s.send("hällo"); s.send(new Uint8Array([0, 255])); };
				s.onmessage = e => { got.push(e.data); if (got.length == 2) s.close(4000, "done"); };
				s.onclose = e => got.push(e.wasClean + " " + e.code);
				return got;
			})();
			return window.got.join("|").startsWith("hällo|00ff|true");
		})()`)
}

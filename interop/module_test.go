package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/ws76/ws76/internal/testenv"
)

// TestEmulateUpgrade has a client of draft 76, behind a module in software that
// carries it to RFC 6455, talk to npm's ws.
func TestEmulateUpgrade(t *testing.T) {
	testenv.NeedInterop(t)
	if runtime.GOOS != "linux" {
		t.Skip("the test opens a pseudo-terminal by its path")
	}
	install(t, "rfc6455/npm-ws8")
	port := freePort(t)
	start(t, []int{port}, filepath.Join("peers", "rfc6455", "npm-ws8", "server"), fmt.Sprint(port))
	tty := filepath.Join(t.TempDir(), "tty")
	module := exec.Command(ws76(t), "wifly", "emulate", "--link", tty, "--running", "--baud", "115200", "--upgrade",
		"--map", fmt.Sprintf("old.example:80=ws://127.0.0.1:%d", port))
	module.Stderr = os.Stderr
	if err := module.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		module.Process.Signal(os.Interrupt)
		module.Wait()
	})
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(tty); err == nil {
			break
		}
		if time.Since(begin) > patience {
			t.Fatal("the module has no terminal")
		}
	}
	const text = "one\nthree ü\n"
	out, errs, err := output(t, text, ws76(t), "connect", "ws+hixie76://old.example/chat", "--via", "wifly://"+tty+"?baud=115200", "-n", "2")
	if out != text || errs != "" || err != nil {
		t.Errorf("%q, %q, %v, want the echo, no word and exit 0", out, errs, err)
	}
}

package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
)

// TestLoss breaks connections in every way that there is and compares what ws76 says of
// the messages that were on their way with what was received, see loss/loss.py. WS76_LOSS
// set to "long" is with the times of real life, which takes hours; it may also be a pattern
// of cases.
func TestLoss(t *testing.T) {
	testenv.NeedInterop(t)
	python := testenv.Need(t, "python3", "python3")
	testenv.Need(t, "nft", "nftables")
	namespaces(t) // skips where there can be none
	args := []string{"loss/loss.py", ws76(t)}
	testenv.Need(t, "openssl", "openssl")
	testenv.Need(t, "mosquitto", "mosquitto")
	testenv.Need(t, "mosquitto_sub", "mosquitto-clients")
	args = append(args, "--natsd", natsd(t))
	switch which := os.Getenv("WS76_LOSS"); which {
	case "":
	case "long":
		args = append(args, "--long")
	default:
		args = append(args, "--only", which, "--verbose")
	}
	out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}

// natsd builds a NATS server, which is in the module of the live tests.
func natsd(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "natsd")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./natsd")
	build.Dir = "live"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building a NATS server: %v\n%s", err, out)
	}
	return path
}

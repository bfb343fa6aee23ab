package serve_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/hixie"
	"github.com/ws76/ws76/core/serve"
	"github.com/ws76/ws76/core/serve/auth"
	"github.com/ws76/ws76/core/serve/gate"
)

// No event loop waits for a password to be checked against a hash: where there are any
// hashes there are no loops.
func TestHashesNeedGoroutines(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("pw"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for secret, wanted := range map[string]bool{"pw": runtime.GOOS == "linux", string(hash): false} {
		file := filepath.Join(t.TempDir(), "users")
		if err := os.WriteFile(file, []byte("u:"+secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		users, err := auth.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		r := start(t, loops, &serve.Server{Gate: &gate.Gate{Users: auth.NewGuard(users)}, Events: serve.Echo{}})
		conn, err := core.Dial(testContext(t), "ws://"+r.addr+"/", &core.DialOptions{Header: hixie.Fields{{Name: "Authorization", Value: "Basic dTpwdw=="}}})
		if err != nil {
			t.Fatal(err)
		}
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if is := strings.Contains(string(stacks), "serve.(*loop).run("); is != wanted {
			t.Errorf("%q: loops run: %v, want %v", secret, is, wanted)
		}
		conn.Close(testContext(t))
		r.stopAndWait(t)
	}
}

package scripts

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ws76/ws76/scripts/kv"
)

// ws76.kv:sync() waits for the disk as tasks do. A hook, which an event loop may run, must
// not wait.
func TestSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kv")
	r := newRig(t, `
		function on_message(c, d)
			ws76.kv:set("k", d)
			print(pcall(ws76.kv.sync, ws76.kv))
			ws76.spawn(function()
				print("synced", ws76.kv:sync())
				print(pcall(ws76.kv.sync))
			end)
		end`, Options{KV: func() (*kv.Store, error) { return kv.Open(path) }})
	r.push("x")
	r.await("three results", func() bool { return len(r.got(&r.prints)) == 3 })
	for i, want := range []string{"ws76.kv.sync waits, and a hook must not", "synced\ttrue", "call it as ws76.kv:sync(…)"} {
		if got := r.got(&r.prints)[i]; !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	r.stop()
}

//go:build unix

package scripts

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ws76/ws76/scripts/permit"
)

// What waits for a program of io.popen or os.execute ends with the call's limit, whatever waits; the script goes on, and
// what it has left running ends with it.
func TestProgramsEndInTime(t *testing.T) {
	const limit = 3 * time.Second
	for name, code := range map[string]string{
		"read":    `kept:read()`,
		"all":     `kept:read("*a")`,
		"lines":   `for _ in kept:lines() do end`,
		"close":   `kept:close()`,
		"write":   `local p = io.popen("exec sleep 1000", "w") while true do p:write(("x"):rep(1e5)) end`,
		"io.read": `io.input(kept) io.read()`,
		"execute": `os.execute("sleep 1000")`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			r := newRig(t, `
function on_message(conn, data)
  if data == "wait" then
    kept = io.popen("cd `+folder+` && echo $$ >pid; while [ ! -e go ]; do sleep 0.01; done; echo gone on; sleep 1000")
    `+code+`
  end
  if data == "go on" then ws76.write_file("`+folder+`/go", "") data = kept:read() or "nothing" end
  return data
end`, Options{Limits: Limits{Timeout: limit}, Permissions: func() *permit.Permissions { return permit.All() }})
			r.push("wait")
			if want := "longer than the limit of 3s"; !r.logged(want) {
				t.Errorf("%q; want %s", r.got(&r.logs), want)
			}
			if name != "close" { // which ends it
				r.push("go on")
				r.want("to b", &r.toB, "wait", "gone on")
			}
			text, _ := os.ReadFile(filepath.Join(folder, "pid"))
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			r.stop()
			if err := syscall.Kill(pid, 0); err == nil {
				t.Error("the program runs still")
			}
		})
	}
}

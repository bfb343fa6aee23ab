package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
)

// A script that waits for a program when it is told to end does not go on to wait.
func TestRunTerminatedInProgram(t *testing.T) {
	t.Parallel()
	const program = `echo $$ >pid; exec sleep 1000`
	for name, code := range map[string]string{
		"execute": `while true do os.execute("` + program + `") end`,
		"popen":   `for line in io.popen("` + program + `"):lines() do end`,
		"close":   `while true do io.popen("` + program + `"):close() end`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath("ws76")
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "waits.lua"), []byte("function on_stop() os.execute('echo stopped >stopped') end\n"+code), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, "run", "--trust-scripts", "--script-timeout", "1h", "waits.lua")
			stderr := new(bytes.Buffer)
			cmd.Dir, cmd.Stderr = dir, stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, "a program", func() bool {
				text, _ := os.ReadFile(filepath.Join(dir, "pid"))
				return strings.HasSuffix(string(text), "\n")
			})
			cmd.Process.Signal(syscall.SIGTERM)
			wantExit(t, cmd, stderr, app.ExitTerminate)
			if _, err := os.Stat(filepath.Join(dir, "stopped")); err != nil {
				t.Error("on_stop could run no program:", err)
			}
			text, _ := os.ReadFile(filepath.Join(dir, "pid"))
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			until(t, "the end of the program", func() bool { return syscall.Kill(pid, 0) != nil })
		})
	}
}

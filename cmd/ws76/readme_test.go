package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/listen"
	"github.com/ws76/ws76/internal/testenv"
)

// TestReadme runs the sessions of README.md, the blocks marked "console", and
// wants what they show, to the byte. Only the port is another, so that nothing on
// this machine is in the way.
func TestReadme(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: the sessions are for a Unix shell")
	}
	bash := testenv.Need(t, "bash", "bash")
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	const documented = listen.DefaultAddr
	address := freeAddress(t)
	here := func(s string) string { return strings.ReplaceAll(s, documented, address) }
	if !strings.Contains(string(text), documented) {
		t.Fatalf("README.md does not mention %s", documented)
	}
	dir := t.TempDir()
	served := false
	for _, step := range sessions(string(text)) {
		if args, ok := strings.CutPrefix(step.command, "ws76 serve "); ok {
			served = true
			server := inBackground(t, []string{"WS76_LISTEN=" + address}, append([]string{"serve"}, strings.Fields(args)...)...)
			for _, want := range step.output {
				if got := server.line(t); got != here(want) {
					t.Fatalf("line %d: %s\nprints %q\nwant   %q", step.line, step.command, got, here(want))
				}
			}
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		command := exec.CommandContext(ctx, bash, "-c", here(step.command))
		command.Dir = dir
		// A session shows what a user reads, who sees both streams.
		out, err := command.CombinedOutput()
		cancel()
		if err != nil && command.ProcessState.ExitCode() != app.ExitProtocol { // frame decode of a cut stream
			t.Errorf("line %d: %s: %v", step.line, step.command, err)
		}
		if want := here(strings.Join(append(step.output, ""), "\n")); string(out) != want {
			t.Errorf("line %d: %s\nprints\n%s\nwant\n%s", step.line, step.command, out, want)
		}
	}
	if !served {
		t.Error("no session runs ws76 serve")
	}
}

// step is a command of a session and what it prints.
type step struct {
	line    int
	command string
	output  []string
}

// sessions returns the steps of all blocks marked "console".
func sessions(text string) (steps []step) {
	inside := false
	for i, line := range strings.Split(text, "\n") {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case inside && isCommand:
			steps = append(steps, step{line: i + 1, command: command})
		case inside:
			last := &steps[len(steps)-1]
			last.output = append(last.output, line)
		}
	}
	return steps
}

// TestReadmeExitCodes holds README's table against the command's.
func TestReadmeExitCodes(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for code := range app.ExitMeaning {
		row := fmt.Sprintf("\n| %d |", code)
		if code == app.ExitInterrupt || code == app.ExitTerminate {
			row = "\n| 130, 143 |"
		}
		if !strings.Contains(string(text), row) {
			t.Errorf("README.md does not explain exit code %d", code)
		}
	}
}

// freeAddress returns an address of 127.0.0.1 that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

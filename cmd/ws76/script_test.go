package main

import (
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ws76/ws76/internal/testenv"
)

func TestMain(m *testing.M) {
	// Scripts mostly wait: for a process to start, for a peer, for time to pass.
	flag.Set("test.parallel", "8")
	// The race detector makes a process that ends sleep for a second by default.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	testscript.Main(m, programs)
}

// programs are what the test binary can be started as.
var programs = map[string]func(){"ws76": main, "tunnel": tunnel}

// tunnel joins its streams to the TCP address that is its argument. It holds little itself.
func tunnel() {
	stream, err := net.Dial("tcp", os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	stream.(*net.TCPConn).SetWriteBuffer(8 << 10)
	go io.Copy(stream, os.Stdin)
	io.Copy(os.Stdout, stream)
}

// TestScript runs testdata/script: each file is one behaviour of the command.
func TestScript(t *testing.T) { runScripts(t, "testdata/script") }

// runScripts runs the scripts of a folder, with more variables as in NAME=VALUE.
func runScripts(t *testing.T, dir string, variables ...string) {
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "NO_COLOR=1", "GORACE="+os.Getenv("GORACE"))
			env.Vars = append(env.Vars, variables...)
			newScriptState(env)
			return nil
		},
		Cmds:      scriptCommands,
		Condition: testenv.Condition,
		// What hangs is stopped, with its stacks shown, and the rest goes on.
		Deadline: time.Now().Add(30 * bound), // of all together, on a slow machine
	})
}

// TestScriptConditions has scripts ask for programs by needs:, which CI fails where
// there is none; exec: would skip them unseen.
func TestScriptConditions(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	asks := regexp.MustCompile(`(?m)^\[!?exec:.*`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if line := asks.Find(text); line != nil {
			t.Errorf("%s: %s: ask for needs: in place of exec:", file, line)
		}
	}
}

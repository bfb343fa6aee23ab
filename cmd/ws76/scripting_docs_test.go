package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/meta"
)

const scriptingDoc = "../../docs/scripting.md"

// runIn runs the command in this process and returns what it said.
func runIn(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var said bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	state := t.TempDir()
	getenv := func(name string) string {
		if name == "XDG_STATE_HOME" {
			return state
		}
		return os.Getenv(name)
	}
	code = runMain(ctx, append([]string{"ws76"}, args...), &reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: &said, Stderr: &said, Getenv: getenv}})
	return code, said.String()
}

// TestScriptingDoc runs each example of docs/scripting.md: tests with script test, others with run, against a live server.
func TestScriptingDoc(t *testing.T) {
	doc, err := os.ReadFile(scriptingDoc)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	url := startEcho(t, self)
	t.Chdir(t.TempDir())
	blocks := regexp.MustCompile("(?s)```lua\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) < 10 {
		t.Fatalf("%d examples", len(blocks))
	}
	for i, block := range blocks {
		name := fmt.Sprintf("example%d.lua", i+1)
		switch test := strings.Contains(block[1], "function test_"); {
		case test && strings.Contains(block[1], "function on_"):
			name = "alone_test.lua"
		case test:
			name = fmt.Sprintf("example%d_test.lua", i) // of the example before
		}
		if err := os.WriteFile(name, []byte(block[1]), 0o666); err != nil {
			t.Fatal(err)
		}
		if code, out := runIn(t, "script", "check", name); code != app.ExitOK {
			t.Errorf("check of\n%s\nexit code %d: %s", block[1], code, out)
		}
		command := []string{"run", name, url, "--trust-scripts"}
		if strings.HasSuffix(name, "_test.lua") {
			command = []string{"script", "test", name}
		}
		if code, out := runIn(t, command...); code != app.ExitOK {
			t.Errorf("%s\nexit code %d: %s", block[1], code, out)
		}
	}
}

// TestScriptingDocPush: the program of docs/scripting.md that is no block of its own is the example that it says it is.
func TestScriptingDocPush(t *testing.T) {
	doc, err := os.ReadFile(scriptingDoc)
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../scripts/examples/push-file.lua")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?m)^    local device = .*\n(    .*\n)+`).FindString(string(doc))
	program := regexp.MustCompile("(?m)^    ").ReplaceAllString(block, "")
	if len(program) < 100 || !strings.Contains(string(example), program) {
		t.Errorf("push-file.lua has not the program of the documentation, which is\n%s", program)
	}
}

// TestCheckOfOurs wants script check to find nothing in the scripts that come with ws76.
func TestCheckOfOurs(t *testing.T) {
	command := []string{"script", "check"}
	for _, pattern := range []string{"scripts/examples/*.lua", "scripts/templates/*.lua", "plugins/*/*.lua", "plugins/templates/*/*.lua"} {
		paths, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d scripts: %v", pattern, len(paths), err)
		}
		command = append(command, paths...)
	}
	if code, out := runIn(t, command...); code != app.ExitOK {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// startEcho starts ws76 serve --echo and returns its URL.
func startEcho(t *testing.T, self string) string {
	t.Helper()
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	link := filepath.Join(dir, "ws76") // the test binary is the command under this name
	if err := os.Symlink(self, link); err != nil {
		testenv.Missing(t, "no links: "+err.Error())
	}
	cmd := exec.CommandContext(t.Context(), link, "serve", "--echo", "127.0.0.1:0")
	cmd.Stderr = log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() })
	address := regexp.MustCompile(`ws://\S+`)
	for end := time.Now().Add(bound); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if text, _ := os.ReadFile(log.Name()); address.Match(text) {
			return string(address.Find(text))
		}
	}
	t.Fatal("serve says no address")
	return ""
}

// TestScriptMeta compares the types for editors, and the documentation, with what there is.
func TestScriptMeta(t *testing.T) {
	t.Chdir(t.TempDir())
	const list = `
local names = {}
local _ = ws76.json -- the library is complete when something of it was used
local function walk(t, prefix)
  for k, v in pairs(t) do
    local name = prefix .. "." .. k
    names[#names + 1] = name
    if type(v) == "table" and name ~= "ws76.state" then walk(v, name) end
  end
end
walk(ws76, "ws76")
function test_names() walk(ws76.test, "ws76.test") for _, n in ipairs(names) do print(n) end end`
	if err := os.WriteFile("names_test.lua", []byte(list), 0o666); err != nil {
		t.Fatal(err)
	}
	code, out := runIn(t, "script", "test", "--trust-scripts", "names_test.lua")
	if code != app.ExitOK {
		t.Fatalf("exit code %d: %s", code, out)
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^# (ws76\.\S+)$`).FindAllStringSubmatch(out, -1) {
		have = append(have, m[1])
	}
	slices.Sort(have)
	have = slices.Compact(have)
	if len(have) < 60 {
		t.Fatalf("only %d names: %s", len(have), out)
	}
	typed := meta.Names()
	for _, n := range have {
		if !slices.Contains(typed, n) {
			t.Errorf("ws76.meta.lua has no %s", n)
		}
	}
	for _, n := range typed {
		if !slices.Contains(have, n) {
			t.Errorf("ws76.meta.lua has %s, the library has not", n)
		}
	}
	for _, hook := range scripts.Events {
		if !strings.Contains(meta.Source, "\nfunction "+hook+"(") {
			t.Errorf("ws76.meta.lua has no %s", hook)
		}
	}
}

// TestScriptingDocIsComplete finds functions and hooks that docs/scripting.md has no word of.
func TestScriptingDocIsComplete(t *testing.T) {
	doc, err := os.ReadFile(scriptingDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range slices.Concat(meta.Names(), scripts.Events) {
		parts := strings.Split(n, ".")
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(parts[len(parts)-1]) + `\b`).Match(doc) {
			t.Errorf("nothing about %s", n)
		}
	}
}

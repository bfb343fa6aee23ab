package scripts

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/internal/testenv"
)

var record = flag.Bool("record", false, "write what lua5.1 says into testdata/lua51")

// zone is where the cases of the clock are; its clocks change twice a year.
const zone = "Europe/Berlin"

// TestLua51 runs the tables of testdata/lua51, one for each section of Lua's manual, as the main chunk of a script and as
// a task, and compares with what PUC Lua 5.1 has said, and says.
func TestLua51(t *testing.T) {
	berlin, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	defer func(l *time.Location) { time.Local = l }(time.Local)
	time.Local = berlin
	helpers, err := os.ReadFile("testdata/lua51/case.lua")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"basic", "coroutine", "string", "table", "math", "os"} {
		t.Run(name, func(t *testing.T) {
			cases, err := os.ReadFile(filepath.Join("testdata/lua51", name+".lua"))
			if err != nil {
				t.Fatal(err)
			}
			code := append(bytes.Clone(helpers), cases...)
			recording := filepath.Join("testdata/lua51", name+".out")
			if *record {
				if err := os.WriteFile(recording, pucLua(t, code), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(recording)
			if err != nil {
				t.Fatal(err)
			}
			compareLines(t, "main chunk", runLua(t, code, false), string(want))
			compareLines(t, "task", runLua(t, code, true), string(want))
			compareLines(t, "lua5.1", string(pucLua(t, code)), string(want))
		})
	}
}

// pucLua runs code with PUC Lua 5.1 and returns what it prints.
func pucLua(t *testing.T, code []byte) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), testenv.Need(t, "lua5.1", "lua5.1"), "-")
	cmd.Env = append(os.Environ(), "TZ="+zone, "LC_ALL=C")
	cmd.Stdin = bytes.NewReader(code)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lua5.1: %v", err)
	}
	return out
}

// runLua runs code in a script and returns what it prints.
func runLua(t *testing.T, code []byte, task bool) string {
	t.Helper()
	var out strings.Builder
	o := Options{Print: func(text string) { out.WriteString(text + "\n") }, Limits: Limits{Timeout: time.Minute}}
	if !task {
		s, err := Eval("cases", string(code), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Stop(context.WithoutCancel(t.Context()), "done"); err != nil {
			t.Error(err)
		}
		return out.String()
	}
	path := filepath.Join(t.TempDir(), "cases.lua")
	if err := os.WriteFile(path, code, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := LoadTask(path, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err != nil {
		t.Error(err)
	}
	return out.String()
}

// compareLines reports the lines that differ.
func compareLines(t *testing.T, who, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			t.Errorf("%s: line %d\ngot  %s\nwant %s", who, i+1, a, b)
		}
	}
}

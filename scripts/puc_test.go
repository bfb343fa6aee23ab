package scripts

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// left are lines of a test that are left out, and why.
type left struct {
	from, to int
	why      string
}

const (
	debugLibrary = "scripts have of the library debug nothing but traceback"
)

// pucTests are PUC Lua's own tests, as they lie in the module of the interpreter. Those that are not here are not run: all.lua and
// main.lua start the others and lua itself, api.lua and code.lua do nothing without a lua that is built for them,
// checktable.lua has no test, attrib.lua, files.lua and verybig.lua are about package, io and dofile, db.lua about debug, and
// gc.lua about when garbage is collected, which is not for a script to say. Big.lua makes strings of 32 MiB to go over limits.
var pucTests = []struct {
	file string
	left []left
}{
	{"calls.lua", []left{{241, 241, debugLibrary}}},
	{"closure.lua", []left{{277, 278, debugLibrary}, {419, 423, debugLibrary}}},
	{"constructs.lua", []left{{189, 189, debugLibrary}, {215, 239, "one call may not compile 32768 sources"}}},
	{"errors.lua", []left{
		{74, 74, "the interpreter does not say which table has no unary minus"}, {111, 111, "io is not for scripts without --trust-scripts"},
		{142, 170, debugLibrary}, {171, 172, "what a handler raises is passed on as it is"},
	}},
	{"events.lua", []left{{332, 357, debugLibrary}}},
	{"literals.lua", []left{{112, 112, debugLibrary}, {117, 118, debugLibrary}}},
	{"locals.lua", nil},
	{"math.lua", []left{{47, 48, "lua5.1 itself fails, where long has 64 bits"}, {52, 52, "lua5.1 itself fails, where long has 64 bits"}, {126, 145, "io is not for scripts without --trust-scripts"}, {164, 165, "checktable.lua looks into tables"}}},
	{"nextvar.lua", nil},
	{"pm.lua", []left{{87, 91, "a semicolon behind do: lua5.1 itself fails"}}},
	{"sort.lua", nil},
	{"strings.lua", nil},
	{"vararg.lua", nil},
}

// TestPUC runs them as main chunks of scripts.
func TestPUC(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/yuin/gopher-lua").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "_lua5.1-tests") // read from there: they are not ours to copy
	for _, test := range pucTests {
		t.Run(test.file, func(t *testing.T) {
			code, err := os.ReadFile(filepath.Join(dir, test.file))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(code), "\n")
			for _, l := range test.left {
				for i := l.from - 1; i < l.to; i++ {
					lines[i] = "\n"
				}
			}
			s, err := Eval(test.file, strings.Join(lines, ""), Options{Print: func(string) {}, Limits: Limits{Timeout: 2 * time.Minute}})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Stop(context.WithoutCancel(t.Context()), "done"); err != nil {
				t.Error(err)
			}
		})
	}
}

package scripts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/scripts/permit"
)

// TestWatchLookup: a relative path of ws76.watch is looked up as one of ws76.read_file is.
func TestWatchLookup(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	t.Chdir(elsewhere)
	code := `assert(ws76.read_file("settings.txt")) assert(ws76.watch("settings.txt", print)) assert(ws76.watch("later.txt", print)) assert(ws76.watch("in/*.txt", print))`
	path := filepath.Join(dir, "s.lua")
	allowed := (&permit.Permissions{}).With(permit.Own(dir, "x.lua")...)
	load := func() error {
		s, err := Load(path, Options{Permissions: func() *permit.Permissions { return allowed }})
		if err != nil {
			return err
		}
		return s.Stop(t.Context(), "")
	}
	for file, text := range map[string]string{path: code, filepath.Join(dir, "settings.txt"): "1"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := load(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(elsewhere, "later.txt") // which comes first, and may not be read
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := load(); err == nil || !strings.Contains(err.Error(), "later.txt is not allowed") {
		t.Errorf("one in the working folder: %v", err)
	}
}

// TestWatchOutside: what a link below the script's folder leads to, outside of it, is neither watched nor reported; the rest is, in
// a folder whose name looks like a pattern too.
func TestWatchOutside(t *testing.T) {
	dir, outside := filepath.Join(t.TempDir(), "of [x]"), filepath.Join(t.TempDir(), "secret.txt")
	for file, text := range map[string]string{
		filepath.Join(dir, "s.lua"): `assert(ws76.watch("*.txt", function(e) print(e.op, e.path:match("[^/\\]*$")) end))
			local _, message, name = ws76.watch("link.txt", print) assert(name == "not allowed", message)
			function on_start() print("started") end`,
		outside: "1",
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, file, text)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.txt")); err != nil {
		testenv.Missing(t, "no links: "+err.Error())
	}
	allowed := (&permit.Permissions{}).With(permit.Own(dir, "s.lua")...)
	r := newFileRig(t, filepath.Join(dir, "s.lua"), Options{Permissions: func() *permit.Permissions { return allowed }})
	r.want("printed", &r.prints, "started")
	writeFile(t, outside, "22")
	writeFile(t, filepath.Join(dir, "a.txt"), "1")
	r.await("an event", func() bool { return len(r.got(&r.prints)) >= 2 })
	r.want("printed", &r.prints, "started", "create\ta.txt")
	writeFile(t, filepath.Join(dir, "b.txt"), "1")
	r.await("an event", func() bool { return len(r.got(&r.prints)) >= 3 })
	r.want("printed", &r.prints, "started", "create\ta.txt", "create\tb.txt")
	r.stop()
}

// TestWatchedModules: modules in a folder that is watched are loaded from what is at its place, whenever that is renamed.
func TestWatchedModules(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	lib, away := filepath.Join(dir, "lib"), filepath.Join(dir, "away")
	write := func(text string) {
		t.Helper()
		if err := os.MkdirAll(lib, 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(lib, "m.lua"), text)
	}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	write(`return "one"`)
	writeFile(t, filepath.Join(dir, "s.lua"), `assert(ws76.watch("lib/*.lua", function(e) if e.op == "remove" or e.op == "rename" then print("gone") end end))
		print("loaded", (require("lib.m")))`)
	r := newFileRig(t, filepath.Join(dir, "s.lua"), Options{Reload: true, Permissions: func() *permit.Permissions { return permit.All() }})
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "loaded\tone"},
		{func() { rename(lib, away) }, "gone"},
		{func() { write(`return "two"`) }, "loaded\ttwo"},
		{func() { rename(lib, filepath.Join(dir, "two")); rename(away, lib) }, "loaded\tone"},
		{func() { write(`return "three"`) }, "loaded\tthree"},
	} {
		step.do()
		r.await(step.want, func() bool { got := r.got(&r.prints); return len(got) > 0 && got[len(got)-1] == step.want })
	}
	r.stop()
}

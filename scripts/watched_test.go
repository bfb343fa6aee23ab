package scripts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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

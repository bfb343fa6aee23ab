package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
)

// TestLuaExamples runs each scripts/examples/NAME.lua against a live peer, as testdata/examples/NAME.txtar says.
func TestLuaExamples(t *testing.T) {
	dir, err := filepath.Abs(examplesDir)
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob(filepath.Join(dir, "*.lua"))
	if err != nil || len(scripts) == 0 {
		t.Fatal("no examples", err)
	}
	for _, path := range scripts {
		name := strings.TrimSuffix(filepath.Base(path), ".lua")
		if _, err := os.Stat(filepath.Join("testdata", "examples", name+".txtar")); err != nil {
			t.Errorf("no test: %v", err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"-- " + name + ".lua: ", "\n-- usage: ", "\n-- sample output"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: the header has no %q", path, want)
			}
		}
	}
	runScripts(t, "testdata/examples", "EXAMPLES="+dir, "MOSQUITTO="+testenv.Look("mosquitto"))
}

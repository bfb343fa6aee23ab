package app

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTOMLLine(t *testing.T) {
	const text = `a = 1
# b = 2
[connect] # a comment
"b" = 2
c . d = 3
[ profile."lab" ]
  url= "x" # = y
[[list]]
`
	for key, want := range map[string]int{
		"a": 1, "connect": 3, "connect b": 4, "connect c d": 5, "profile lab": 6, "profile lab url": 7, "list": 8, "b": 0, "connect url": 0,
	} {
		if got := tomlLine(text, strings.Fields(key)); got != want {
			t.Errorf("%s: line %d, want %d", key, got, want)
		}
	}
}

// TestConfigLimit: a file that cannot be a configuration is not read into memory.
func TestConfigLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, slices.Repeat([]byte("#"), maxConfig+1), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &Env{Getenv: os.Getenv, Log: NewLogger(io.Discard)}
	_, err := e.LoadConfig(nil, path, true)
	if code, _ := CodeGiven(err); code != ExitConfig {
		t.Errorf("%v", err)
	}
}

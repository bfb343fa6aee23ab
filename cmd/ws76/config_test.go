package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/outcome"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

// TestConfigExamples loads the examples of the documentation.
func TestConfigExamples(t *testing.T) {
	for file, pattern := range map[string]string{
		"../../docs/config.md":    "(?s)```toml\n(.*?)```",
		"../../man/src/ws76.1.in": `(?s)\.Bd[^\n]*\n(\[connect\].*?)\.Ed`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		example := regexp.MustCompile(pattern).FindSubmatch(text)
		if example == nil {
			t.Fatalf("%s: no example", file)
		}
		path := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, bytes.ReplaceAll(example[1], []byte(`\-`), []byte("-")), 0o600); err != nil {
			t.Fatal(err)
		}
		e := &reach.Env{Env: &app.Env{Getenv: os.Getenv, Stdout: io.Discard, Log: app.NewLogger(io.Discard)}}
		c, err := e.LoadConfig(newApp(e).Commands, path, true)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if url, err := c.Use("lab"); err != nil || !strings.HasPrefix(url, "wss://") {
			t.Errorf("%s: @lab is %q, %v", file, url, err)
		}
	}
}

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
		if got := app.TOMLLine(text, strings.Fields(key)); got != want {
			t.Errorf("%s: line %d, want %d", key, got, want)
		}
	}
}

// TestConfigLimit: a file that cannot be a configuration is not read into memory.
func TestConfigLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, slices.Repeat([]byte("#"), app.MaxConfig+1), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &reach.Env{Env: &app.Env{Getenv: os.Getenv, Log: app.NewLogger(io.Discard)}}
	if _, err := e.LoadConfig(nil, path, true); err == nil || outcome.Code(err) != app.ExitConfig {
		t.Errorf("%v", err)
	}
}

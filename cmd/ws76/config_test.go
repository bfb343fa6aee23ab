package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
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
		lab, _ := c.Profile("lab")
		if url, _ := lab["url"].(string); !strings.HasPrefix(url, "wss://") {
			t.Errorf("%s: @lab is %q", file, url)
		}
	}
}

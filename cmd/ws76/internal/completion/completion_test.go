package completion

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/transports"
)

// testEnv is that of a program without commands.
func testEnv(variables map[string]string) *app.Env {
	return &app.Env{
		Stdout: io.Discard, Stderr: io.Discard, Log: app.NewLogger(io.Discard), Getenv: func(name string) string { return variables[name] },
		Program: &app.Program{Commands: func() []*cli.Command { return nil }, Others: func() []app.Word { return nil }},
	}
}

func texts(list []app.Word) []string {
	var words []string
	for _, c := range list {
		words = append(words, c.Text)
	}
	return words
}

// TestCompletedWords holds what completion puts in against what the commands take.
func TestCompletedWords(t *testing.T) {
	e := testEnv(nil)
	for _, url := range texts(candidates(e, "url", "")) {
		if _, err := core.ParseURL(url + "host/"); err != nil {
			t.Errorf("completion offers %q: %v", url, err)
		}
	}
	for _, via := range texts(candidates(e, "via", "")) {
		rest := map[string]string{"exec:": "cat", "fd:": "0"}[via]
		if rest == "" && strings.HasSuffix(via, "/") {
			rest = "somewhere"
		}
		if _, err := reach.NewEnv(e).OpenTransport(via+rest, transports.Options{}); err != nil {
			t.Errorf("completion offers %q: %v", via, err)
		}
	}
	for _, kind := range kinds {
		if kind != "port" && kind != "plugin-installed" && kind != "plugin-command" && len(candidates(e, kind, "")) == 0 {
			t.Errorf("there is nothing of kind %q", kind)
		}
	}
	if got := candidates(e, "nonsense", ""); got != nil {
		t.Errorf("of no kind: %v", got)
	}
}
func TestCompletedProfiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	e := func() *app.Env { return testEnv(map[string]string{"WS76_CONFIG": path}) }
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[profile.lab]\nurl = 'ws://me:secret@lab.example/'\n[profile.'$(reboot)']\nurl = 'ws://x/'\n")
	for _, kind := range []string{"url", "endpoint"} {
		if got, want := candidates(e(), kind, "@"), []app.Word{{Text: "@lab", About: "ws://me:xxxxx@lab.example/"}}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
	write("[profile.lab\n") // somebody is writing it
	if got := candidates(e(), "url", "@"); got != nil {
		t.Errorf("of a broken file: %v", got)
	}
	if got := candidates(e(), "url", "wss:"); len(got) != 1 {
		t.Errorf("with a broken file: %v", got)
	}
}

func TestCompletedFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.sock", "b.sock", ".hidden", "with blank", "b;reboot"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	base := "unix://" + filepath.ToSlash(dir) + "/"
	if !strings.HasPrefix(base, "unix:///") {
		t.Skip("skipped: paths begin with a drive here")
	}
	for typed, want := range map[string][]string{
		base:               {base + "a.sock", base + "b.sock", base + "folder/"},
		base + "b":         {base + "b.sock"},
		base + ".h":        {base + ".hidden"},
		base + "nonsense/": nil,
	} {
		if got := texts(candidates(testEnv(nil), "via", typed)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

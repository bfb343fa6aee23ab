package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/completion"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/transports"
)

func completingEnv(variables map[string]string) *reach.Env {
	e := &reach.Env{Env: &app.Env{Stdout: io.Discard, Stderr: io.Discard, Log: app.NewLogger(io.Discard), Getenv: func(name string) string { return variables[name] }}}
	e.Program = newProgram(e)
	return e
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
	e := completingEnv(nil)
	for _, url := range texts(completion.Candidates(e.Env, "url", "")) {
		if _, err := core.ParseURL(url + "host/"); err != nil {
			t.Errorf("completion offers %q: %v", url, err)
		}
	}
	for _, via := range texts(completion.Candidates(e.Env, "via", "")) {
		rest := map[string]string{"exec:": "cat", "fd:": "0"}[via]
		if rest == "" && strings.HasSuffix(via, "/") {
			rest = "somewhere"
		}
		if _, err := e.OpenTransport(via+rest, transports.Options{}); err != nil {
			t.Errorf("completion offers %q: %v", via, err)
		}
	}
	for _, kind := range asked {
		if !slices.Contains(completion.Kinds, kind) {
			t.Errorf("the completion scripts ask for %q, which is none of %q", kind, completion.Kinds)
		}
	}
	for _, kind := range completion.Kinds {
		if kind != "port" && kind != "plugin-installed" && kind != "plugin-command" && len(completion.Candidates(e.Env, kind, "")) == 0 {
			t.Errorf("there is nothing of kind %q", kind)
		}
	}
	if got := completion.Candidates(e.Env, "nonsense", ""); got != nil {
		t.Errorf("of no kind: %v", got)
	}
}

func TestCompletedProfiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.toml")
	e := func() *reach.Env { return completingEnv(map[string]string{"WS76_CONFIG": path}) }
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[profile.lab]\nurl = 'ws://me:secret@lab.example/'\n[profile.'$(reboot)']\nurl = 'ws://x/'\n")
	for _, kind := range []string{"url", "endpoint"} {
		if got, want := completion.Candidates(e().Env, kind, "@"), []app.Word{{Text: "@lab", About: "ws://me:xxxxx@lab.example/"}}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
	write("[profile.lab\n") // somebody is writing it
	if got := completion.Candidates(e().Env, "url", "@"); got != nil {
		t.Errorf("of a broken file: %v", got)
	}
	if got := completion.Candidates(e().Env, "url", "wss:"); len(got) != 1 {
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
		if got := texts(completion.Candidates(completingEnv(nil).Env, "via", typed)); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

// password is in the URLs of the tests, which some take for what they want and none can reach.
const password = "s3cr3t-w0rd"

var secretURLs = []string{
	"http://user:" + password + "@host.invalid/",
	"wifly:tcp://user:" + password + "@host.invalid:port/",
	"user:" + password + "@host.invalid",
}

// secretBase are arguments with which a command comes to what its flags say, and ends.
var secretBase = map[string][]string{
	"connect": {"ws://127.0.0.1:1/", "--no-stdin"},
	"serve":   {"192.0.2.1:0"},
	"bridge":  {"ws://192.0.2.1:0", "ws://127.0.0.1:1/"},
	"run":     {"done.lua"},
	"replay":  {"none.jsonl"},
	"demo":    {"--duration", "1ms"},
}

// secretOutput are commands whose output is what they are given.
var secretOutput = []string{"keygen"}

// leaves calls f for each command that has none below it, with its path.
func leaves(path []string, commands []*cli.Command, f func(path []string, command *cli.Command)) {
	for _, c := range commands {
		path := append(slices.Clone(path), c.Name)
		if len(c.Subcommands) > 0 {
			leaves(path, c.Subcommands, f)
		} else {
			f(path, c)
		}
	}
}

// TestPasswords gives each flag and each argument of all commands a URL with a password, which nothing may show.
func TestPasswords(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	if err := os.WriteFile("done.lua", []byte("ws76.exit(0)"), 0o666); err != nil {
		t.Fatal(err)
	}
	runs := 0
	shows := func(path []string, args ...string) {
		t.Helper()
		runs++
		args = append(append([]string{"ws76"}, path...), args...)
		var stdout, stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		runMain(ctx, append(args, "-vv"), &reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: os.Getenv}})
		said := stderr.String()
		if !slices.Contains(secretOutput, path[0]) {
			said += stdout.String()
		}
		for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte("user:" + password))} {
			if at := strings.Index(said, secret); at >= 0 {
				t.Errorf("%q shows it: …%s", args, said[max(0, at-200):min(len(said), at+100)])
			}
		}
	}
	leaves(nil, newApp(&reach.Env{Env: &app.Env{Stdout: io.Discard, Stderr: io.Discard, Getenv: os.Getenv, Log: app.NewLogger(io.Discard)}}).Commands, func(path []string, c *cli.Command) {
		for _, url := range secretURLs {
			shows(path, url)
			shows(path, url, url)
		}
		for i, f := range c.Flags {
			if raceEnabled && i%10 != 0 {
				continue // it takes minutes
			}
			given := "--" + f.Names()[0] + "=" + secretURLs[runs%len(secretURLs)]
			if _, isBool := f.(*cli.BoolFlag); isBool {
				shows(path, given)
			} else {
				shows(path, append([]string{given}, secretBase[path[0]]...)...)
			}
		}
	})
	if !raceEnabled && runs < 500 {
		t.Errorf("only %d runs", runs)
	}
}

// TestPasswordsOf: nor does a password of the environment or of a file show.
func TestPasswordsOf(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(home, "ws76", "config.toml")
	for _, url := range secretURLs {
		for what, args := range map[string][]string{
			"origin = ['" + url + "']": {"serve", "192.0.2.1:0"},
			"proxy = '" + url + "'":    {"connect", "ws://127.0.0.1:1/", "--no-stdin"},
			"[profile.lab]\nurl = '" + url + "'\nresolve = ['" + url + "']": {"connect", "@lab"},
		} {
			write(config, what)
			if code, out := runIn(t, args...); strings.Contains(out, password) || code == app.ExitOK {
				t.Errorf("%s in the configuration: exit code %d: %s", what, code, out)
			}
		}
		write(config, "")
		file := filepath.Join(t.TempDir(), "bridges.toml")
		write(file, "[bridge.a]\nfrom = '"+url+"'\nto = '"+url+"'\n")
		if _, out := runIn(t, "bridge", "--file", file); strings.Contains(out, password) || !strings.Contains(out, "ws76:") {
			t.Errorf("%s in a file of bridges: %s", url, out)
		}
		t.Run("environment", func(t *testing.T) {
			t.Setenv("WS76_ORIGIN", url)
			t.Setenv("HTTP_PROXY", url)
			if _, out := runIn(t, "serve", "192.0.2.1:0"); strings.Contains(out, password) {
				t.Errorf("%s in the environment: %s", url, out)
			}
		})
	}
}

// TestHide: whatever is in a password, and however it is quoted, it is not shown; what only looks like one stays.
func TestHide(t *testing.T) {
	for _, secret := range []string{"plain", "with space", "a/b", "a?b#c", "p@ss", "p%20w", "ä\"q\\", "tab\t", "a:b", "ünï/cödé"} {
		var out bytes.Buffer
		l := app.NewLogger(&out)
		text := "http://user:" + secret + "@host:port/x"
		l.Hide(text)
		_, err := url.Parse(text)
		l.Errorf("raw %s, quoted %q, %v", text, text, err)
		if got := out.String(); !strings.Contains(got, "raw http://user:xxxxx@host:port/x, quoted \"http://user:xxxxx@host:port/x\"") ||
			strings.Contains(got, secret) || len(secret) > 4 && strings.Contains(got, secret[len(secret)/2:]) {
			t.Errorf("%q: %s", secret, got)
		}
	}
	var out bytes.Buffer
	l := app.NewLogger(&out)
	l.Hide("meet me: at 5 @home", "12:30@", "ws://user@host/", "a@b", "http://host/?t=12:30")
	const text = "12:30, ws://user@host/, me: at 5 @home, a@b, http://host/?t=12:30"
	if l.Errorf("%s", text); !strings.Contains(out.String(), text) {
		t.Errorf("%s", &out)
	}
}

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
)

// Every number, size and time of every command refuses what nothing could be meant by, on the
// command line and in the environment.
func TestNumbers(t *testing.T) {
	tried := 0
	var walk func(path []string, commands []*cli.Command)
	walk = func(path []string, commands []*cli.Command) {
		for _, command := range commands {
			path := append(slices.Clone(path), command.Name)
			walk(path, command.Subcommands)
			for _, f := range command.Flags {
				var values []string
				switch f := f.(type) {
				case *cli.IntFlag:
					values = []string{"-1"}
					if f.Value != 0 {
						values = append(values, "0")
					}
				case *cli.Int64Flag:
					values = []string{"-1"}
				case *cli.Float64Flag:
					values = []string{"-1", "NaN", "Inf", "-Inf"}
				case *cli.GenericFlag:
					switch f.Value.Set("nonsense").Error() { // what it is of
					case "want bytes, or a number with KiB, MiB or GiB":
						values = []string{"-1", "0", "9999999999G"}
					case "want a time like 500ms, 5s or 2m, or seconds":
						values = []string{"-1s", "-1", "1e400", "NaN"}
						if f.GetDefaultText() != "0s" && !strings.Contains(f.Usage, "(0: ") {
							values = append(values, "0s", "0")
						}
					}
				}
				name := f.Names()[0]
				for _, value := range values {
					tried++
					args := append(append([]string{"ws76"}, path...), "--"+name+"="+value)
					if code, said := runQuietly(t, args, nil); code != app.ExitUsage || !strings.Contains(said, "--"+name) {
						t.Errorf("%q: %d, %q", args, code, said)
					}
					variable := "WS76_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
					args = args[:len(args)-1]
					if code, said := runQuietly(t, args, map[string]string{variable: value}); code != app.ExitUsage {
						t.Errorf("%q with %s=%s: %d, %q", args, variable, value, code, said)
					}
				}
			}
		}
	}
	walk(nil, newApp(&reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer), Getenv: func(string) string { return "" }}}).Commands)
	if tried < 50 {
		t.Errorf("tried only %d", tried)
	}
}

// A table of --file is as a command line is.
func TestNumbersOfTables(t *testing.T) {
	for _, line := range []string{`grace = "0s"`, `max-conns = 0`, `max-pending = "1K"`, `buffer = -1`} {
		file := filepath.Join(t.TempDir(), "bridges.toml")
		text := "[bridge.a]\nfrom = \"ws://127.0.0.1:0\"\nto = \"ws://127.0.0.1:1/\"\n" + line + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(line, " ")
		if code, said := runQuietly(t, []string{"ws76", "bridge", "--file", file}, nil); code != app.ExitConfig || !strings.Contains(said, "--"+name) {
			t.Errorf("%s: %d, %q", line, code, said)
		}
	}
}

// One of all that may be unfinished is no less than one message.
func TestPendingBelowMessage(t *testing.T) {
	for _, args := range [][]string{{"serve", "127.0.0.1:0"}, {"bridge", "ws://127.0.0.1:0", "ws://127.0.0.1:1/"}} {
		args := append(append([]string{"ws76"}, args...), "--max-message", "2M", "--max-pending", "1M")
		if code, said := runQuietly(t, args, nil); code != app.ExitUsage || !strings.Contains(said, "--max-pending 1MiB") {
			t.Errorf("%q: %d, %q", args, code, said)
		}
	}
}

// runQuietly runs a command that is to end by itself.
func runQuietly(t *testing.T, args []string, variables map[string]string) (code int, said string) {
	t.Helper()
	for name, value := range variables {
		t.Setenv(name, value)
		defer os.Unsetenv(name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	var out bytes.Buffer
	home := t.TempDir()
	code = runMain(ctx, args, &reach.Env{Env: &app.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(name string) string {
		if name == "HOME" {
			return home
		}
		return variables[name]
	}}})
	return code, out.String()
}

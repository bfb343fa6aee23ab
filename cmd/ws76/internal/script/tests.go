package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/hooks"
	"github.com/ws76/ws76/plugins"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/check"
	"github.com/ws76/ws76/scripts/scripttest"
	"github.com/ws76/ws76/scripts/watch"
)

func testCommand(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "test",
		Usage:     "run the tests of scripts",
		ArgsUsage: "FILE...",
		UsageText: `ws76 script test redact_test.lua
ws76 script test --run digits redact_test.lua
ws76 script test --watch *_test.lua
ws76 script test *_test.lua | tee result.tap`,
		Description: "Runs every function test_* of each file, in a script of its own, and prints the results in the Test Anything Protocol. With NAME_test.lua, " +
			"NAME.lua beside it is loaded first: its hooks are what is tested. ws76.test.conn gives a connection whose peer is the test, ws76.test.peer a peer for " +
			"scripts that connect themselves, ws76.test.run runs a program, ws76.test.advance moves the clock, which stands still otherwise, ws76.test.replay feeds a " +
			"recording, ws76.test.equal compares. A test that fails makes the exit code 8.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "run", Usage: "only tests whose name `PATTERN` fits, a regular expression"},
			&cli.BoolFlag{Name: "watch", Usage: "run the tests again whenever a .lua file in their folders changes, until interrupted"},
		}, hooks.LuaFlags()...),
		Action: func(c *cli.Context) error { return runTests(c.Context, e, readTests(c)) },
	}, app.ExitScript)
}

// luaTest is one test of a file.
type luaTest struct{ path, name string }

// testOptions are what the command line says.
type testOptions struct {
	Files []string
	Run   string // a regular expression of names
	Watch bool
	Hooks *hooks.Options
}

func readTests(c *cli.Context) *testOptions {
	return &testOptions{c.Args().Slice(), c.String("run"), c.Bool("watch"), hooks.Read(c)}
}

func runTests(ctx context.Context, e *app.Env, o *testOptions) error {
	if len(o.Files) == 0 {
		return app.Usagef("script test: no FILE; for instance ws76 script test redact_test.lua")
	}
	pattern, err := regexp.Compile(o.Run)
	if err != nil {
		return app.Usagef("script test: --run: %v", err)
	}
	if o.Watch {
		return runTestsAgain(ctx, e, o, pattern)
	}
	return runTestsOnce(ctx, e, o, pattern)
}

// runTestsAgain runs the tests now and whenever a script in one of their folders has changed.
func runTestsAgain(ctx context.Context, e *app.Env, o *testOptions, pattern *regexp.Regexp) error {
	changed := make(chan string, 1)
	w, err := watch.New(&watch.Options{OnError: func(err error) { e.Log.Warnf("%v", err) }})
	if err != nil {
		return err
	}
	defer w.Close()
	folders := map[string]bool{}
	for _, path := range o.Files {
		dir, err := filepath.Abs(filepath.Dir(path))
		if err != nil {
			return err
		}
		if folders[dir] {
			continue
		}
		folders[dir] = true
		if _, err := w.AddFile(dir, func(events []watch.Event) {
			for _, event := range events {
				if filepath.Ext(event.Path) != ".lua" {
					continue
				}
				select {
				case changed <- event.Path:
				default:
				}
			}
		}); err != nil {
			return err
		}
	}
	for {
		err := runTestsOnce(ctx, e, o, pattern)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var silent app.SilentError
		if err != nil && !errors.As(err, &silent) {
			e.Log.Errorf("%v", err)
		}
		select {
		case path := <-changed:
			fmt.Fprintf(e.Stdout, "# %s has changed\n", path)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// findTests returns the tests of the files whose names fit.
func findTests(paths []string, pattern *regexp.Regexp) ([]luaTest, error) {
	var tests []luaTest
	all := 0
	for _, path := range paths {
		src, err := readScript(path)
		if err != nil {
			return nil, err
		}
		report, err := check.Script(src, path, knownNames())
		if err != nil {
			return nil, app.WithCode(app.ExitScript, err)
		}
		all += len(report.Tests)
		for _, t := range report.Tests {
			if pattern.MatchString(t.Name) {
				tests = append(tests, luaTest{path, t.Name})
			}
		}
	}
	switch in := strings.Join(paths, ", "); {
	case all == 0:
		return nil, app.WithCode(app.ExitScript, fmt.Errorf("script test: no function test_… in %s", in))
	case tests == nil:
		return nil, app.WithCode(app.ExitScript, fmt.Errorf("script test: --run %s: none of the %d tests in %s fits", pattern, all, in))
	}
	return tests, nil
}

func runTestsOnce(ctx context.Context, e *app.Env, o *testOptions, pattern *regexp.Regexp) error {
	tests, err := findTests(o.Files, pattern)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "TAP version 13\n1..%d\n", len(tests))
	failed := false
	for i, t := range tests {
		failure, err := runTest(ctx, e, o.Hooks, t)
		if err == nil {
			err = printTest(e, i+1, t, failure)
		}
		if err != nil {
			return err
		}
		failed = failed || failure != nil
	}
	if failed {
		return app.SilentError(app.ExitScript)
	}
	return nil
}

// runTest runs a test in a script and a folder of its own. failure is why it failed, err why it could not be run.
func runTest(ctx context.Context, e *app.Env, through *hooks.Options, t luaTest) (failure, err error) {
	options, err := through.ForScript(e, t.path)
	if err != nil {
		return nil, err
	}
	options.KV = nil // what is kept is not for tests
	if options.Data, err = os.MkdirTemp("", "ws76-test-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(options.Data)
	p, err := testedPlugin(t.path)
	if err != nil {
		return nil, app.WithCode(app.ExitScript, err)
	}
	if p != nil {
		if options.Permissions, err = through.PluginPermissions(e, p, nil, options.Args); err != nil {
			return nil, err
		}
		if options.Library, err = p.Defaults(); err != nil {
			return nil, app.WithCode(app.ExitScript, err)
		}
	}
	options.Print = func(text string) { fmt.Fprintf(e.Stdout, "# %s\n", strings.ReplaceAll(text, "\n", "\n# ")) }
	failure = scripttest.Test(ctx, t.path, t.name, options)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return failure, nil
}

// printTest prints a result in the Test Anything Protocol.
func printTest(e *app.Env, n int, t luaTest, failure error) error {
	name := filepath.Base(t.path) + ": " + t.name
	if failure == nil {
		_, err := fmt.Fprintf(e.Stdout, "ok %d - %s\n", n, name)
		return err
	}
	text := failure.Error()
	var script *scripts.Error
	if errors.As(failure, &script) && script.Traceback != "" {
		text += "\n" + script.Traceback
	}
	text = strings.ReplaceAll(text, "\n", "\n    ")
	_, err := fmt.Fprintf(e.Stdout, "not ok %d - %s\n  ---\n  message: |\n    %s\n  ...\n", n, name, text)
	return err
}

// testedPlugin returns the plugin that a test of scripts is for: plugin.lua beside
// plugin_test.lua; nil where there is none.
func testedPlugin(path string) (*plugins.Plugin, error) {
	dir := filepath.Dir(path)
	if filepath.Base(path) != "plugin_test.lua" {
		return nil, nil
	}
	if _, err := os.Stat(filepath.Join(dir, plugins.MainFile)); err != nil {
		return nil, nil
	}
	return plugins.Open(dir)
}

// Package script is ws76 script: scripts checked, begun and tested.
package script

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/flags"
	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/check"
	"github.com/ws76/ws76/scripts/luacode"
	"github.com/ws76/ws76/scripts/meta"
	"github.com/ws76/ws76/scripts/templates"
)

// Command is ws76 script.
func Command(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:  "script",
		Usage: "check, test and begin Lua scripts",
		UsageText: `ws76 script new redact.lua                  a commented script to begin with
ws76 script check redact.lua                its hooks, and what is likely wrong
ws76 script new --kind test redact_test.lua tests to begin with
ws76 script test redact_test.lua            run them
ws76 script new --meta ws76.meta.lua        the types of the API, for editors`,
		Subcommands: []*cli.Command{checkCommand(e), testCommand(e), newCommand(e)},
	}, app.ExitScript)
}

func checkCommand(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "check",
		Usage:     "compile scripts and say what is likely wrong in them",
		ArgsUsage: "FILE...",
		UsageText: `ws76 script check redact.lua
ws76 script check --json *.lua`,
		Description: "Lists the hooks of each script. A function on_… that is no hook, a hook that is local, a global that nothing defines and a name " +
			"that ws76, one of its objects or a string does not have, an option that a function does not know, and a value of fail that is none are " +
			"problems, and the exit code is 8.",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "one JSON object a script: file, hooks, tests, problems"}},
		Action: func(c *cli.Context) error { return runCheck(e, readCheck(c)) },
	}, app.ExitScript)
}

// luaGlobals are the globals of Lua and of ws76 that scripts may use.
var luaGlobals = strings.Fields(`_G _VERSION args arg assert coroutine debug dofile error getfenv getmetatable io ipairs load loadfile loadstring
	math next options os package pairs pcall plugin print rawequal rawget rawset require select setfenv setmetatable string table tonumber tostring type
	unpack ws76 xpcall`)

func knownNames() *check.Known {
	types := meta.Types()
	return &check.Known{
		Hooks: scripts.Events, Globals: luaGlobals, Module: meta.Names(),
		Classes: types.Classes, Results: types.Results, Params: types.Params, Options: types.Options,
	}
}

// checked is what check --json prints of a script.
type checked struct {
	File string `json:"file"`
	*check.Report
	Error string `json:"error,omitempty"`
}

// checkOptions are what the command line says.
type checkOptions struct {
	Files []string
	JSON  bool
}

func readCheck(c *cli.Context) *checkOptions { return &checkOptions{c.Args().Slice(), c.Bool("json")} }

func runCheck(e *app.Env, o *checkOptions) error {
	if len(o.Files) == 0 {
		return app.Usagef("script check: no FILE; for instance ws76 script check redact.lua")
	}
	problems := 0
	for _, path := range o.Files {
		src, err := readScript(path)
		if err != nil {
			return err
		}
		result := checked{File: path}
		if result.Report, err = check.Script(src, path, knownNames()); err != nil {
			problems++
			result.Error = err.Error()
		} else {
			problems += len(result.Problems)
		}
		if o.JSON {
			err = e.PrintJSON(result)
		} else {
			err = printChecked(e, result)
		}
		if err != nil {
			return err
		}
	}
	if problems > 0 {
		return app.SilentError(app.ExitScript)
	}
	return nil
}

// readScript reads a script that is not run. One that cannot be read is one that does not load.
func readScript(path string) ([]byte, error) {
	src, err := textfile.Read(path, luacode.MaxSource)
	return src, app.WithCode(app.ExitScript, err)
}

func printChecked(e *app.Env, r checked) error {
	if r.Error != "" {
		e.Log.Errorf("%s", r.Error)
		return nil
	}
	for _, p := range r.Problems {
		e.Log.Errorf("%s:%d: %s", r.File, p.Line, p.Message)
	}
	var names []string
	for _, h := range r.Hooks {
		names = append(names, fmt.Sprintf("%s (line %d)", h.Name, h.Line))
	}
	if names == nil {
		names = []string{"none"}
	}
	_, err := fmt.Fprintf(e.Stdout, "%s: hooks: %s\n", r.File, strings.Join(names, ", "))
	return err
}

func newCommand(e *app.Env) *cli.Command {
	return e.Command(cli.Command{
		Name:      "new",
		Usage:     "write a script to begin with",
		ArgsUsage: "[FILE]",
		UsageText: `ws76 script new redact.lua
ws76 script new --kind task blink.lua
ws76 script new --meta ws76.meta.lua`,
		Description: "Writes to FILE, which must not be there yet, or to standard output.",
		Flags: []cli.Flag{
			flags.Word(cli.GenericFlag{Name: "kind", Usage: "`KIND` of script: %s"}, "hook", "hook for messages on their way", "task for ws76 run", "test for script test"),
			&cli.BoolFlag{Name: "meta", Usage: "write the types of the API instead, which editors read (LuaCATS)"},
		},
		Action: func(c *cli.Context) error {
			return runNew(e, readNew(c))
		},
	}, app.ExitScript)
}

// newOptions are what the command line says.
type newOptions struct {
	Files []string
	Kind  string
	Meta  bool
}

func readNew(c *cli.Context) *newOptions {
	return &newOptions{c.Args().Slice(), c.String("kind"), c.Bool("meta")}
}

func runNew(e *app.Env, o *newOptions) error {
	if len(o.Files) > 1 {
		return app.Usagef("script new: one FILE at most, got %q", o.Files)
	}
	text, _ := templates.Text(o.Kind) // the flag knows the kinds
	path := strings.Join(o.Files, "") // there is one at most
	if o.Meta {
		text = meta.Source
	} else if path != "" {
		name := strings.TrimSuffix(filepath.Base(path), ".lua")
		text = strings.ReplaceAll(text, "FILE.lua", filepath.Base(path))
		if o.Kind == "test" {
			text = strings.ReplaceAll(text, "NAME", strings.TrimSuffix(name, "_test"))
		}
	}
	if path == "" {
		_, err := fmt.Fprint(e.Stdout, text)
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("script new: %s is there already and stays as it is", path)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

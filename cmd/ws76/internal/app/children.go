package app

import (
	"runtime"
	"slices"

	"github.com/urfave/cli/v2"
)

// ChildOptions are how a command runs programs of the user's.
type ChildOptions struct {
	Named     []string // variables that they get beside childEnv
	Contained bool     // it is others who have them started: nothing that they leave may stay
}

// childEnv is what children get of the environment: the rest of it may hold secrets, and
// others have a say in what they do.
var childEnv = []string{"PATH", "HOME", "LANG"}

// childEnvWindows is what programs cannot do without there.
var childEnvWindows = []string{"SystemRoot", "ComSpec", "PATHEXT", "TEMP", "USERPROFILE"}

// ExecEnvFlag is --exec-env.
func ExecEnvFlag(category string) cli.Flag {
	return &cli.StringSliceFlag{Name: "exec-env", Category: category, Usage: "give programs that are run the variable `NAME` of the environment, beside PATH, HOME and LANG; repeatable"}
}

// ChildEnviron is the environment of a child, NAME=VALUE.
func (e *Env) ChildEnviron() (vars []string) {
	names := slices.Concat(childEnv, e.Children.Named)
	if runtime.GOOS == "windows" {
		names = append(names, childEnvWindows...)
	}
	for _, name := range names {
		if value := e.Getenv(name); value != "" {
			vars = append(vars, name+"="+value)
		}
	}
	return vars
}

// ChildSays logs a line of a child's standard error.
func (e *Env) ChildSays(who string) func(line string) {
	return func(line string) { e.Log.Warnf("%s: %s", who, line) }
}

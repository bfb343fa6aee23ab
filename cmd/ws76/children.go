package main

import (
	"runtime"
	"slices"

	"github.com/urfave/cli/v2"
)

// childOptions are how a command runs programs of the user's.
type childOptions struct {
	named     []string // variables that they get beside childEnv
	contained bool     // it is others who have them started: nothing that they leave may stay
}

// childEnv is what children get of the environment: the rest of it may hold secrets, and
// others have a say in what they do.
var childEnv = []string{"PATH", "HOME", "LANG"}

// childEnvWindows is what programs cannot do without there.
var childEnvWindows = []string{"SystemRoot", "ComSpec", "PATHEXT", "TEMP", "USERPROFILE"}

func execEnvFlag(category string) cli.Flag {
	return &cli.StringSliceFlag{Name: "exec-env", Category: category, Usage: "give programs that are run the variable `NAME` of the environment, beside PATH, HOME and LANG; repeatable"}
}

// childEnviron is the environment of a child, NAME=VALUE.
func (e *env) childEnviron() (vars []string) {
	names := slices.Concat(childEnv, e.children.named)
	if runtime.GOOS == "windows" {
		names = append(names, childEnvWindows...)
	}
	for _, name := range names {
		if value := e.getenv(name); value != "" {
			vars = append(vars, name+"="+value)
		}
	}
	return vars
}

// childSays logs a line of a child's standard error.
func (e *env) childSays(who string) func(line string) {
	return func(line string) { e.log.Warnf("%s: %s", who, line) }
}

// Package templates holds the scripts that new ones begin as.
package templates

import "embed"

//go:embed *.lua
var files embed.FS

// Kinds are the templates there are.
var Kinds = []string{"hook", "task", "test"}

// Text returns a template; ok is false if there is none of the kind.
func Text(kind string) (text string, ok bool) {
	b, err := files.ReadFile(kind + ".lua")
	return string(b), err == nil
}

// Package meta holds the types of the Lua API for editors, in the annotations of LuaCATS, which lua-language-server and
// others read. It is also the list of what there is, for checks of scripts.
package meta

import (
	_ "embed"
	"regexp"
)

// Source is ws76.meta.lua.
//
//go:embed ws76.meta.lua
var Source string

var function = regexp.MustCompile(`(?m)^function (ws76[.:\w]+)\(|^(ws76[.\w]+) =`)

// Names lists the functions and values of the module ws76 with their full names, as in "ws76.json.encode".
func Names() []string {
	var names []string
	for _, m := range function.FindAllStringSubmatch(Source, -1) {
		names = append(names, colon.ReplaceAllString(m[1]+m[2], "."))
	}
	return names
}

var colon = regexp.MustCompile(":")

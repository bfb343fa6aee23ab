package luacode

import (
	"strings"
	"testing"
)

func TestConcat(t *testing.T) {
	for _, test := range []struct{ code, want string }{
		{`return "a" .. "b"`, "ab"},
		{`return "a" .. 1 .. "b" .. 2.5`, "a1b2.5"},
		{`return 1 .. 2`, "12"},
		{`return "" .. ""`, ""},
		{`local m = setmetatable({}, {__concat = function(a, b) return type(a) .. "+" .. type(b) end}); return "x" .. m`, "string+table"},
		{`local m = setmetatable({}, {__concat = function(a, b) return type(a) .. "+" .. type(b) end}); return "x" .. m .. "y" .. "z"`, "xtable+string"},
		{`local m = setmetatable({}, {__concat = function(a, b) return b end}); return m .. "y" .. "z"`, "yz"},
		{`return "a" .. nil`, "!attempt to concatenate a nil value"},
		{`return {} .. "a"`, "!attempt to concatenate a table value"},
		{`return "a" .. true .. "b"`, "!attempt to concatenate a boolean value"},
		{`local s = "x" for i = 1, 21 do s = s .. s end`, "!..: a string of 2097152 bytes is larger than the limit of 1048576"},
		{`local s = ("x"):rep(400000) return s .. s .. s`, "!..: a string of 1200000 bytes is larger than the limit of 1048576"},
	} {
		got, err := run(t, test.code)
		if err != nil {
			text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "t.lua:1: "), "\n")
			got = "!" + text
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.code, got, test.want)
		}
	}
}

package lualib

import (
	"math"
	"regexp"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

// What is replaced is what package regexp replaces, in small texts and in those that are read rune by rune.
func TestGsub(t *testing.T) {
	for _, pattern := range []string{
		`a`, `a*`, `(a)(b)?`, `^a`, `(?m)^a`, `(?m)^`, `a$`, `(?m)$`, `\ba`, `\Ba`, `\b`, `\B`, `x*`, `(?i)A|B\b`, `\Q(`, `é+`, `(?s).`, `[^a]`, `$`, `\A`, `^|a`, `\b\w+\b`,
	} {
		for _, text := range []string{"", "a", "aaa bab", "ab\nab\n\na b", "(a) éé\xffa é", "xaxbxa"} {
			for _, repeat := range []int{1, 3} {
				text := strings.Repeat(text, repeat)
				want := regexp.MustCompile(pattern).ReplaceAllString(text, "<$0>")
				for _, cost := range []int{1, 1 << 20} {
					l := &library{Options: &Options{Budget: &luastring.Budget{Steps: math.MaxInt32}}}
					L := lua.NewState()
					e := l.compile(L, pattern)
					e.cost = cost
					g := gsub{l: l, L: L, e: e, s: text, repl: lua.LString("<%0>"), account: l.Budget.Account(L, "", len(text))}
					g.run(-1)
					g.add(text[g.kept:])
					if got := string(g.out); got != want {
						t.Errorf("%q in %q, cost %d: %q, want %q", pattern, text, cost, got, want)
					}
					L.Close()
				}
			}
		}
	}
}

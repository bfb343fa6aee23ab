package scripttest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts"
)

// maxShown bounds how much of a value an error shows, in bytes.
const maxShown = 2000

// equal is ws76.test.equal(got, want[, message]).
func equal(L *lua.LState) int {
	got, want := L.Get(1), L.Get(2)
	at, a, b, same := scripts.Difference(L, got, want)
	if same {
		return 0
	}
	var text strings.Builder
	if place := L.Where(1); place != "" {
		text.WriteString(place + " ")
	}
	if L.Get(3) != lua.LNil {
		fmt.Fprintf(&text, "%s: ", L.ToStringMeta(L.Get(3)))
	}
	if at == "" {
		fmt.Fprintf(&text, "got %s, want %s%s", shown(L, a), shown(L, b), where(a, b))
	} else {
		fmt.Fprintf(&text, "they differ at %s: got %s, want %s%s\ngot:  %s\nwant: %s", at, shown(L, a), shown(L, b), where(a, b), shown(L, got), shown(L, want))
	}
	L.Error(lua.LString(text.String()), 0)
	return 0
}

func shown(L *lua.LState, v lua.LValue) string {
	text := scripts.Inspect(L, v)
	if len(text) <= maxShown {
		return text
	}
	end := maxShown
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes more)", text[:end], len(text)-end)
}

// manyBytes is from where on the first byte that differs is hard to see.
const manyBytes = 20

// where says at which byte two long strings differ.
func where(a, b lua.LValue) string {
	x, isString := a.(lua.LString)
	y, areStrings := b.(lua.LString)
	if !isString || !areStrings || len(x) < manyBytes || len(y) < manyBytes {
		return ""
	}
	n := 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	return fmt.Sprintf(" (from byte %d on)", n+1)
}

package lualib

import (
	"regexp"
	"regexp/syntax"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const (
	maxExpression  = 1000 // bytes
	maxExpressions = 200  // that are kept compiled
)

// expression is a regular expression and what it costs on a byte.
type expression struct {
	*regexp.Regexp
	cost int
}

// compile returns the expression, compiled once.
func (l *library) compile(L *lua.LState, pattern string) *expression {
	if e := l.regexps[pattern]; e != nil {
		return e
	}
	if len(pattern) > maxExpression {
		L.RaiseError("re: an expression of %d bytes is larger than the limit of %d", len(pattern), maxExpression)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		L.RaiseError("re: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	e := &expression{re, 1}
	if parsed, err := syntax.Parse(pattern, syntax.Perl); err == nil {
		if prog, err := syntax.Compile(parsed.Simplify()); err == nil {
			e.cost += len(prog.Inst) / 8
		}
	}
	if l.regexps == nil || len(l.regexps) >= maxExpressions {
		l.regexps = make(map[string]*expression)
	}
	l.regexps[pattern] = e
	return e
}

// search looks for the first match from the position that is the third argument.
func (l *library) search(L *lua.LState, what string) (s string, match []int) {
	s = L.CheckString(1)
	e := l.compile(L, L.CheckString(2))
	init := L.OptInt(3, 1)
	if init < 0 {
		init += len(s) + 1
	}
	init = min(max(init-1, 0), len(s))
	l.Budget.Spend(L, what, (len(s)-init)*e.cost)
	match = e.FindStringSubmatchIndex(s[init:])
	for i := range match {
		if match[i] >= 0 {
			match[i] += init
		}
	}
	return s, match
}

// captured is group i of a match; false for one that took no part.
func captured(s string, match []int, i int) lua.LValue {
	if match[2*i] < 0 {
		return lua.LFalse
	}
	return lua.LString(s[match[2*i]:match[2*i+1]])
}

func pushGroups(L *lua.LState, s string, match []int) int {
	n := len(match)/2 - 1
	for i := range n {
		L.Push(captured(s, match, i+1))
	}
	return n
}

func (l *library) reMatch(L *lua.LState) int {
	s, match := l.search(L, "re.match")
	if match == nil {
		L.Push(lua.LNil)
		return 1
	}
	if n := pushGroups(L, s, match); n > 0 {
		return n
	}
	L.Push(captured(s, match, 0))
	return 1
}

func (l *library) reFind(L *lua.LState) int {
	s, match := l.search(L, "re.find")
	if match == nil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(match[0] + 1))
	L.Push(lua.LNumber(match[1]))
	return pushGroups(L, s, match) + 2
}

// reGsub replaces as string.gsub does: by a string with %0 to %9, through a table, or by what a function returns.
func (l *library) reGsub(L *lua.LState) int {
	const what = "re.gsub"
	s, e := L.CheckString(1), l.compile(L, L.CheckString(2))
	L.CheckTypes(3, lua.LTString, lua.LTNumber, lua.LTTable, lua.LTFunction)
	repl, limit := L.Get(3), L.OptInt(4, -1)
	if limit == 0 {
		L.Push(lua.LString(s))
		L.Push(lua.LNumber(0))
		return 2
	}
	l.Budget.Spend(L, what, len(s)*e.cost)
	var out []byte
	kept := 0
	matches := e.FindAllStringSubmatchIndex(s, limit)
	for _, m := range matches {
		l.Budget.Spend(L, what, 1)
		out = append(out, s[kept:m[0]]...)
		kept = m[1]
		out = l.replacement(L, out, s, m, repl)
		l.Budget.Size(L, what, len(out))
	}
	l.Budget.Size(L, what, len(out)+len(s)-kept)
	L.Push(lua.LString(append(out, s[kept:]...)))
	L.Push(lua.LNumber(len(matches)))
	return 2
}

func (l *library) replacement(L *lua.LState, out []byte, s string, m []int, repl lua.LValue) []byte {
	whole := s[m[0]:m[1]]
	first := lua.LValue(lua.LString(whole))
	if len(m) > 2 {
		first = captured(s, m, 1)
	}
	var v lua.LValue
	switch r := repl.(type) {
	case *lua.LTable:
		v = L.GetTable(r, first)
	case *lua.LFunction:
		L.Push(r)
		n := pushGroups(L, s, m)
		if n == 0 {
			L.Push(first)
			n = 1
		}
		L.Call(n, 1)
		v = L.Get(-1)
		L.Pop(1)
	default:
		return l.template(L, out, s, m, repl.String())
	}
	switch v := v.(type) {
	case lua.LString:
		return append(out, v...)
	case lua.LNumber:
		return append(out, v.String()...)
	}
	if lua.LVAsBool(v) {
		L.RaiseError("re.gsub: invalid replacement value (a %s)", v.Type())
	}
	return append(out, whole...)
}

// template appends a replacement with its %0 to %9.
func (l *library) template(L *lua.LState, out []byte, s string, m []int, repl string) []byte {
	for i := 0; i < len(repl); i++ {
		if repl[i] != '%' || i+1 == len(repl) {
			out = append(out, repl[i])
			continue
		}
		i++
		c := repl[i]
		if c < '0' || c > '9' {
			out = append(out, c)
			continue
		}
		group := int(c - '0')
		if group == 1 && len(m) == 2 {
			group = 0
		}
		if 2*group >= len(m) {
			L.RaiseError("re.gsub: invalid capture index %%%d", group)
		}
		if m[2*group] >= 0 {
			out = append(out, s[m[2*group]:m[2*group+1]]...)
		}
		l.Budget.Size(L, "re.gsub", len(out))
	}
	return out
}

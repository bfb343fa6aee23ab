package lualib

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/scripts/luastring"
)

const (
	maxExpression    = 1000 // bytes
	maxExpressions   = 200  // that are kept compiled
	maxInstructions  = 10_000
	keptInstructions = 50_000 // of all that are kept

	smallSearch = 1 << 18 // steps; what may take more can be stopped under way
)

// expression is a regular expression.
type expression struct {
	*regexp.Regexp
	parsed *syntax.Regexp
	cost   int         // of a byte, in steps
	behind bool        // what is before a match matters
	inside *expression // for matches behind the first rune; nil until it is needed
}

// compile returns the expression, compiled once.
func (l *library) compile(L *lua.LState, pattern string) *expression {
	if e := l.regexps[pattern]; e != nil {
		return e
	}
	if len(pattern) > maxExpression {
		L.RaiseError("re: an expression of %d bytes is larger than the limit of %d", len(pattern), maxExpression)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		L.RaiseError("re: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	size, behind := measure(parsed)
	if size > maxInstructions {
		L.RaiseError("re: the expression becomes %d instructions; the limit is %d (repetitions within repetitions?)", size, maxInstructions)
	}
	account := l.Budget.Account(L, "re", 0)
	account.Spend(size * 64)
	account.Take(size * 512)
	re, err := regexp.Compile(pattern)
	if err != nil {
		L.RaiseError("re: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	e := &expression{Regexp: re, parsed: parsed, cost: 1 + size/8, behind: behind}
	if l.regexps == nil || len(l.regexps) >= maxExpressions || l.instructions+size > keptInstructions {
		l.regexps, l.instructions = make(map[string]*expression), 0
	}
	l.regexps[pattern] = e
	l.instructions += size
	return e
}

// measure returns about how many instructions an expression becomes, its repetitions written out, and whether it looks
// at what is before a match.
func measure(re *syntax.Regexp) (size int, behind bool) {
	const most = 1 << 24 // so that products stay small
	size = 1
	switch re.Op {
	case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		behind = true
	case syntax.OpLiteral:
		size = len(re.Rune)
	case syntax.OpCharClass:
		size += len(re.Rune) / 8
	}
	for _, sub := range re.Sub {
		n, b := measure(sub)
		size, behind = min(size+n, most), behind || b
	}
	if re.Op == syntax.OpRepeat {
		size = min(size*max(re.Min, re.Max, 1), most)
	}
	return size + 1, behind
}

// match looks for the first match in s[from:], as FindStringSubmatchIndex does, with positions in s. What is before from
// is not looked at.
func (l *library) match(L *lua.LState, what string, e *expression, s string, from int) (match []int) {
	if rest := s[from:]; len(rest)*e.cost <= smallSearch {
		match = e.FindStringSubmatchIndex(rest)
		passed := len(rest)
		if match != nil {
			passed = match[1]
		}
		l.Budget.Spend(L, what, 1+passed*e.cost)
	} else {
		if prefix, _ := e.LiteralPrefix(); prefix != "" && !e.behind { // which is faster to find
			i := strings.Index(rest, prefix)
			l.Budget.Spend(L, what, len(rest)>>4)
			if i < 0 {
				return nil
			}
			rest, from = rest[i:], from+i
		}
		r := &steps{budget: l.Budget, L: L, what: what, cost: e.cost, Reader: strings.NewReader(rest)}
		match = e.FindReaderSubmatchIndex(r)
	}
	l.Budget.Waste(256 + 16*len(match))
	for i := range match {
		if match[i] >= 0 {
			match[i] += from
		}
	}
	return match
}

// next is match where what is before from is looked at, if e does so: "^" is not at from, and "\b" need not be.
func (l *library) next(L *lua.LState, what string, e *expression, s string, from int) []int {
	if from == 0 || !e.behind {
		return l.match(L, what, e, s, from)
	}
	if e.inside == nil {
		inside := regexp.MustCompile(`\A(?s:.)(?s:.*?)(` + e.parsed.String() + `)`)
		e.inside = &expression{Regexp: inside, cost: e.cost + 1}
	}
	_, size := utf8.DecodeLastRuneInString(s[:from])
	if m := l.match(L, what, e.inside, s, from-size); m != nil {
		return m[2:] // without what leads to the match
	}
	return nil
}

// steps reads runes, and takes steps for each.
type steps struct {
	*strings.Reader
	budget *luastring.Budget
	L      *lua.LState
	what   string
	cost   int
}

func (r *steps) ReadRune() (rune, int, error) {
	r.budget.Spend(r.L, r.what, r.cost)
	return r.Reader.ReadRune()
}

// search looks for the first match from the position that is the third argument.
func (l *library) search(L *lua.LState, what string) (s string, match []int) {
	s = L.CheckString(1)
	e := l.compile(L, L.CheckString(2))
	init := L.OptInt(3, 1)
	if init < 0 {
		init += len(s) + 1
	}
	return s, l.match(L, what, e, s, min(max(init-1, 0), len(s)))
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
	s, e := L.CheckString(1), l.compile(L, L.CheckString(2))
	L.CheckTypes(3, lua.LTString, lua.LTNumber, lua.LTTable, lua.LTFunction)
	repl, limit := L.Get(3), L.OptInt(4, -1)
	if limit == 0 {
		L.Push(lua.LString(s))
		L.Push(lua.LNumber(0))
		return 2
	}
	g := gsub{l: l, L: L, e: e, s: s, repl: repl, account: l.Budget.Account(L, "re.gsub", len(s))}
	g.run(limit)
	g.add(s[g.kept:])
	L.Push(g.account.String(g.out))
	L.Push(lua.LNumber(g.n))
	return 2
}

// gsub is a replacement under way.
type gsub struct {
	l       *library
	L       *lua.LState
	e       *expression
	s       string
	repl    lua.LValue
	account luastring.Account
	out     []byte
	kept    int // what goes before s[kept:] is in out
	n       int
}

// run replaces up to limit matches, or all if it is below 0.
func (g *gsub) run(limit int) {
	for at, last := 0, -1; at <= len(g.s) && g.n != limit; {
		m := g.l.next(g.L, "re.gsub", g.e, g.s, at)
		if m == nil {
			return
		}
		if m[1] > m[0] || m[1] != last { // nothing right behind a match is none
			g.replace(m)
		}
		last = m[1]
		if at = m[1]; m[1] == m[0] {
			_, size := utf8.DecodeRuneInString(g.s[at:])
			at += max(size, 1)
		}
	}
}

func (g *gsub) replace(m []int) {
	g.account.Spend(1)
	g.add(g.s[g.kept:m[0]])
	g.kept = m[1]
	g.n++
	g.replacement(m)
}

func (g *gsub) add(piece string) { g.out = append(g.account.Grow(g.out, len(piece)), piece...) }

// replacement adds what stands for the match m.
func (g *gsub) replacement(m []int) {
	L := g.L
	whole := g.s[m[0]:m[1]]
	first := lua.LValue(lua.LString(whole))
	if len(m) > 2 {
		first = captured(g.s, m, 1)
	}
	var v lua.LValue
	switch r := g.repl.(type) {
	case *lua.LTable:
		v = L.GetTable(r, first)
	case *lua.LFunction:
		L.Push(r)
		n := pushGroups(L, g.s, m)
		if n == 0 {
			L.Push(first)
			n = 1
		}
		L.Call(n, 1)
		v = L.Get(-1)
		L.Pop(1)
	default:
		g.template(m, r.String())
		return
	}
	switch v := v.(type) {
	case lua.LString:
		g.account.Text(len(v))
		g.add(string(v))
		return
	case lua.LNumber:
		g.add(v.String())
		return
	}
	if lua.LVAsBool(v) {
		L.RaiseError("re.gsub: invalid replacement value (a %s)", v.Type())
	}
	g.add(whole)
}

// template adds a replacement with its %0 to %9.
func (g *gsub) template(m []int, repl string) {
	for {
		i := strings.IndexByte(repl, '%')
		if i < 0 || i+1 == len(repl) {
			g.add(repl)
			return
		}
		g.add(repl[:i])
		c := repl[i+1]
		group := int(c - '0')
		if group == 1 && len(m) == 2 {
			group = 0
		}
		switch {
		case c < '0' || c > '9':
			g.add(repl[i+1 : i+2])
		case 2*group >= len(m):
			g.L.RaiseError("re.gsub: invalid capture index %%%d", group)
		case m[2*group] >= 0:
			g.add(g.s[m[2*group]:m[2*group+1]])
		}
		repl = repl[i+2:]
	}
}

package lua51

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// sort is what kind of value an expression is meant to have. Now and then it has another, and the program an error.
type sort byte

const (
	number sort = iota
	text
	boolean
	list   // {v, v, …}, mostly without holes: only of those "#" is taken, since that of others is not specified
	record // {k = v, …}
	object // a table with a metatable
	call   // a function of any numbers to any values
	anything
)

var someSorts = []sort{number, number, number, text, text, boolean, list, record, object, call, anything}

type variable struct {
	name string
	sort sort
}

// program is one that is being written.
type program struct {
	r      *rand.Rand
	out    strings.Builder
	indent int
	scopes [][]variable
	left   int // statements that may still be written
	depth  int // of blocks and expressions
	loops  int // around the statement, in this function
	fn     int // functions around the statement
	vararg bool
	named  int
}

// Program writes the program of a seed. It ends, prints a lot, and has nothing in it that the manual or its host leaves open:
// no "#" of tables with holes, no order of pairs, no addresses as texts, no levels below it, no zeros with a
// sign (which gopher-lua's arithmetic does not have).
func Program(seed uint64) string {
	p := &program{r: rand.New(rand.NewPCG(seed, 51)), left: 4}
	p.left += p.r.IntN(24)
	p.vararg = true
	p.push()
	for range 3 {
		p.local()
	}
	for p.left > 0 {
		p.stmt()
	}
	for _, v := range p.scopes[0] {
		p.line("print(%q, show(%s))", v.name, v.name)
	}
	return p.out.String()
}

func (p *program) line(format string, args ...any) {
	p.out.WriteString(strings.Repeat(" ", p.indent))
	fmt.Fprintf(&p.out, format, args...)
	p.out.WriteByte('\n')
}

func (p *program) chance(percent int) bool { return p.r.IntN(100) < percent }

func (p *program) pick(of ...string) string { return of[p.r.IntN(len(of))] }

func (p *program) push() { p.scopes = append(p.scopes, nil) }
func (p *program) pop()  { p.scopes = p.scopes[:len(p.scopes)-1] }

func (p *program) declare(name string, s sort) {
	top := len(p.scopes) - 1
	p.scopes[top] = append(p.scopes[top], variable{name, s})
}

// name is a new name, or one that hides another.
func (p *program) name() string {
	if all := p.all(); len(all) > 0 && p.chance(12) {
		return all[p.r.IntN(len(all))].name
	}
	p.named++
	return p.pick("a", "b", "x", "_v", "k") + fmt.Sprint(p.named)
}

// all is every variable in sight.
func (p *program) all() []variable {
	var all []variable
	for i := len(p.scopes) - 1; i >= 0; i-- {
		for j := len(p.scopes[i]) - 1; j >= 0; j-- {
			v := p.scopes[i][j]
			if !slices.ContainsFunc(all, func(seen variable) bool { return seen.name == v.name }) {
				all = append(all, v)
			}
		}
	}
	return all
}

// variable is a variable of a sort, or "".
func (p *program) variable(s sort) string {
	var fit []string
	for _, v := range p.all() {
		if v.sort == s || s == anything {
			fit = append(fit, v.name)
		}
	}
	if len(fit) == 0 {
		return ""
	}
	return fit[p.r.IntN(len(fit))]
}

// block writes statements one level further in.
func (p *program) block(n int, declare ...variable) {
	p.push()
	p.indent++
	p.depth++
	for _, v := range declare {
		p.declare(v.name, v.sort)
	}
	for range 1 + p.r.IntN(n) {
		p.stmt()
	}
	p.depth--
	p.indent--
	p.pop()
}

// function writes the body and the end of a function, whose first line is written.
func (p *program) function(vararg bool, results int, params ...variable) {
	loops, outer := p.loops, p.vararg
	p.loops, p.vararg = 0, vararg
	p.fn++
	p.push()
	p.indent++
	p.depth++
	for _, v := range params {
		p.declare(v.name, v.sort)
	}
	for range 1 + p.r.IntN(3) {
		p.stmt()
	}
	if results > 0 && p.chance(90) {
		p.line("return %s", p.values(results))
	}
	p.depth--
	p.indent--
	p.pop()
	p.fn--
	p.loops, p.vararg = loops, outer
}

func (p *program) stmt() {
	p.left--
	if p.depth > 4 || p.left < -40 {
		p.line("print(%s)", p.values(2))
		return
	}
	switch p.r.IntN(27) {
	case 0, 1, 2:
		p.local()
	case 3, 4, 5, 6:
		p.assign()
	case 7, 8:
		p.branch()
	case 9, 10:
		p.numericFor()
	case 11, 12:
		p.genericFor()
	case 13:
		p.while()
	case 14:
		p.repeat()
	case 15, 16:
		p.functionStmt()
	case 17:
		p.protected()
	case 18:
		p.coroutine()
	case 19:
		p.object()
	case 20:
		p.closures()
	case 21:
		p.line("do")
		p.block(4)
		p.line("end")
	case 22:
		p.listStmt()
	case 23:
		p.environment()
	default:
		p.line("print(%s)", p.values(4))
	}
}

func (p *program) anySort() sort { return someSorts[p.r.IntN(len(someSorts))] }

// local declares one to three variables, of as many values or of more or fewer.
func (p *program) local() {
	n := 1 + p.r.IntN(3)
	names, values := make([]string, n), make([]string, n)
	sorts := make([]sort, n)
	for i := range n {
		sorts[i] = p.anySort()
		names[i], values[i] = p.name(), p.expr(sorts[i])
	}
	switch {
	case p.chance(10):
		values = append(values, p.expr(anything))
	case n > 1 && p.chance(20):
		values = append(values[:n-2], p.many())
		sorts[n-1], sorts[n-2] = anything, anything
	case p.chance(6):
		values = values[:n-1]
		sorts[n-1] = anything
	}
	if len(values) == 0 {
		p.line("local %s", strings.Join(names, ", "))
	} else {
		p.line("local %s = %s", strings.Join(names, ", "), strings.Join(values, ", "))
	}
	for i, name := range names {
		p.declare(name, sorts[i])
	}
}

// target is something to assign to, and the sort that belongs there.
func (p *program) target() (string, sort) {
	if p.chance(35) {
		s := p.pickSort(number, text, anything)
		switch p.r.IntN(4) {
		case 0:
			if t := p.variable(list); t != "" {
				return t + "[1]", number
			}
		case 1:
			if t := p.variable(record); t != "" {
				return fmt.Sprintf("%s[ %s]", t, p.expr(number)), s // "[[" would begin a string
			}
		default:
			if t := p.variable(record); t != "" {
				return fmt.Sprintf("%s.%s", t, p.pick("x", "y", "z")), s
			}
		}
	}
	if p.chance(15) {
		return p.pick("G1", "G2", "G3"), p.anySort()
	}
	if all := p.all(); len(all) > 0 {
		v := all[p.r.IntN(len(all))]
		return v.name, v.sort
	}
	return "G1", number
}

func (p *program) pickSort(of ...sort) sort { return of[p.r.IntN(len(of))] }

func (p *program) assign() {
	n := 1
	if p.chance(50) {
		n += 1 + p.r.IntN(3)
	}
	targets, values := make([]string, n), make([]string, n)
	var s sort
	for i := range n {
		targets[i], s = p.target()
		values[i] = p.expr(s)
	}
	if p.chance(20) { // values that are what is assigned to
		p.r.Shuffle(n, func(i, j int) { values[i], values[j] = values[j], values[i] })
		for i := range n {
			if p.chance(50) && p.safe(targets[i]) {
				values[i] = targets[(i+1)%n]
			}
		}
	}
	if n > 1 && p.chance(15) && p.plain(targets[n-2:]) {
		values = append(values[:n-2], p.many())
	}
	for i, t := range targets {
		if strings.HasSuffix(t, "[1]") { // a hole in a list otherwise
			values[i] += " or 0"
		}
	}
	p.line("%s = %s", strings.Join(targets, ", "), strings.Join(values, ", "))
}

// safe reports whether any value can be put into a target without harm to a list.
func (p *program) safe(target string) bool {
	return strings.HasPrefix(target, "G") || strings.Contains(target, ".")
}

func (p *program) plain(targets []string) bool {
	for _, t := range targets {
		if !p.safe(t) {
			return false
		}
	}
	return true
}

func (p *program) branch() {
	p.line("if %s then", p.condition())
	p.block(3)
	for p.chance(25) {
		p.line("elseif %s then", p.condition())
		p.block(2)
	}
	if p.chance(40) {
		p.line("else")
		p.block(3)
	}
	p.line("end")
}

// condition is an expression whose truth matters; some are constants.
func (p *program) condition() string {
	if p.chance(18) {
		return p.pick("true", "false", "nil", "1", `"s"`, "not nil", "not 1", "true and false", "nil or 1")
	}
	return p.expr(p.pickSort(boolean, boolean, anything))
}

func (p *program) inLoop(n int, declare ...variable) {
	p.loops++
	p.block(n, declare...)
	if p.chance(15) {
		p.line(" if %s then break end", p.condition())
	}
	p.loops--
}

func (p *program) numericFor() {
	v := p.name()
	bounds := p.pick("1, 3", "3, 1, -1", "1, 0", "0, 1, 0.5", "-1, 1", "1, 2.9", "2, -2, -1.5", `"1", "2"`, "1, 3, 2", "0.1, 0.35, 0.1", "1, -1")
	if p.chance(20) {
		bounds = fmt.Sprintf("1, math.min(3, %s)", p.expr(number))
	} else if p.chance(6) {
		bounds = fmt.Sprintf("1, %s", p.pick("nil", "{}", `"x"`, "print"))
	}
	p.line("for %s = %s do", v, bounds)
	p.inLoop(3, variable{v, number})
	p.line("end")
}

func (p *program) genericFor() {
	k, v := p.name(), p.name()
	if v == k {
		v += "_"
	}
	switch p.r.IntN(6) {
	case 0:
		p.line("for %s, %s in ipairs(%s) do", k, v, p.expr(list))
		p.inLoop(3, variable{k, number}, variable{v, anything})
	case 1:
		p.line("for %s, %s in pairs({%s = %s}) do", k, v, p.pick("x", "y"), p.expr(number))
		p.inLoop(3, variable{k, text}, variable{v, number})
	case 2:
		p.line("for %s in string.gmatch(%s, %s) do", k, p.expr(text), p.pattern())
		p.inLoop(2, variable{k, anything})
	case 3:
		p.line("for %s, %s in (function(s, c) if c < s then return c + 1, s - c end end), %d, 0 do", k, v, 1+p.r.IntN(3))
		p.inLoop(3, variable{k, number}, variable{v, number})
	case 4:
		p.line("for %s in coroutine.wrap(function() for i = 1, %d do coroutine.yield(i) end end) do", k, p.r.IntN(4))
		p.inLoop(3, variable{k, number})
	default:
		p.line("for _, %s in next, {%s} do", k, p.expr(number))
		p.inLoop(2, variable{k, number})
	}
	p.line("end")
}

func (p *program) while() {
	p.named++
	n := fmt.Sprintf("w%d", p.named)
	p.line("local %s = 0", n)
	p.line("while %s < %d and %s do", n, 1+p.r.IntN(3), p.pick("true", p.expr(anything)))
	p.line(" %s = %s + 1", n, n)
	p.inLoop(3)
	p.line("end")
}

func (p *program) repeat() {
	p.named++
	n := fmt.Sprintf("r%d", p.named)
	p.line("local %s = 0", n)
	p.line("repeat")
	p.line(" %s = %s + 1", n, n)
	q := "q" + n
	p.line(" local %s = %s", q, n)
	p.inLoop(2, variable{q, number})
	if p.chance(40) {
		p.line(" G4 = function() %s = (tonumber(%s) or 0) + 1 return %s end", q, q, q)
		p.line("until %s >= 2 or G4() > 5", n)
		return
	}
	p.line("until %s >= %d or %s", n, 1+p.r.IntN(2), p.expr(anything))
}

func (p *program) params() (string, []variable, bool) {
	var names []string
	var vs []variable
	for range p.r.IntN(4) {
		v := variable{p.name(), p.pickSort(number, anything)}
		names, vs = append(names, v.name), append(vs, v)
	}
	vararg := p.chance(35)
	if vararg {
		names = append(names, "...")
	}
	return strings.Join(names, ", "), vs, vararg
}

func (p *program) functionStmt() {
	params, vs, vararg := p.params()
	name := p.name()
	switch p.r.IntN(4) {
	case 0:
		p.line("function G%d(%s)", 1+p.r.IntN(3), params)
		p.function(vararg, 3, vs...)
		p.line("end")
		return
	case 1:
		if t := p.variable(object); t != "" {
			p.line("function %s:%s(%s)", t, p.pick("m1", "m2"), params)
			p.function(vararg, 3, append(vs, variable{"self", object})...)
			p.line("end")
			return
		}
		fallthrough
	case 2:
		p.line("local %s = function(%s)", name, params)
	default:
		p.line("local function %s(%s)", name, params)
	}
	p.function(vararg, 3, vs...)
	p.line("end")
	p.declare(name, call)
}

// protected is a call that may fail, of a function or of one of Lua's own.
func (p *program) protected() {
	switch p.r.IntN(9) {
	case 0, 1:
		p.line("print(pcall(function(...)")
		p.function(true, 2)
		p.line("end, %s))", p.values(2))
	case 2:
		p.line("print(xpcall(function()")
		p.function(false, 2)
		p.line("end, function(e) return %s end))", p.pick("show(e)", "type(e) .. show(e)", "show(e) .. '!'", "e, 1"))
	case 3:
		p.line("print(pcall(%s, %s))", p.pick("string.upper", "tonumber", "tostring", "rawget", "setmetatable", "ipairs", "type", "select",
			"math.floor", "rawequal"), p.values(2))
	case 4:
		p.line("print(pcall(error, %s, %s))", p.pick("nil", "{code = 1}", `"msg"`, "42", "true"), p.pick("0", "1", "nil"))
	case 5:
		p.line("print(pcall(%s, listed(%s), %s))", p.pick("unpack", "table.concat", "table.sort"), p.expr(anything), p.values(1))
	case 6:
		p.line("print(pcall(string.rep, %s, %s))", p.shown(p.anySort()), p.pick("0", "2", "-1", "1.9", "'3'", "1e15", "-1e300", "nil", "true"))
	case 7: // a level above 2 may be outside of the program
		p.line("print(pcall(error, %s, %s))", p.shown(p.anySort()), p.pick("0", "1", "2", "2.9", "'2'", "-1", "true", "{}"))
	default:
		p.line("print(pcall(function() local function f() error(%s, %s) end f() end))", p.pick(`"msg"`, "nil", "7", "setmetatable({}, {__tostring = function() return 'E' end})"), p.pick("0", "1", "2", "3", "4"))
	}
}

func (p *program) coroutine() {
	p.named++
	co := fmt.Sprintf("co%d", p.named)
	p.line("local %s = coroutine.create(function(...)", co)
	loops, vararg := p.loops, p.vararg
	p.loops, p.vararg = 0, true
	p.push()
	p.indent++
	p.depth++
	p.line("print(select('#', ...), ...)")
	for range 1 + p.r.IntN(3) {
		switch p.r.IntN(5) {
		case 0:
			p.line("print(coroutine.yield(%s))", p.values(2))
		case 1:
			v := p.name()
			p.line("local %s, %s_ = coroutine.yield(%s)", v, v, p.values(1))
			p.declare(v, anything)
		case 2:
			p.line("print(pcall(function() coroutine.resume(coroutine.create(function() end)) error(%s) end))", p.values(1))
		default:
			p.stmt()
		}
	}
	if p.chance(50) {
		p.line("return %s", p.values(2))
	}
	p.depth--
	p.indent--
	p.pop()
	p.loops, p.vararg = loops, vararg
	p.line("end)")
	for range 1 + p.r.IntN(4) {
		p.line("print(coroutine.resume(%s, %s))", co, p.values(2))
	}
	p.line("print(coroutine.status(%s), coroutine.running() == %s)", co, co)
	if p.chance(30) {
		p.line("print(pcall(coroutine.wrap(function(a) local b = coroutine.yield(a) error(b) end), 1))")
	}
}

// object makes a table with a metatable.
func (p *program) object() {
	name := p.name()
	var events []string
	add := func(percent int, event string) {
		if p.chance(percent) {
			events = append(events, event)
		}
	}
	add(50, "__add = function(a, b) return num(a) + num(b) end")
	add(30, "__sub = function(a, b) return show(a) .. '-' .. show(b) end")
	add(30, "__mul = function(a, b) return num(a) * num(b), 'lost' end")
	add(20, "__div = function(a, b) return nil end")
	add(30, "__mod = function(a, b) return 'mod' end")
	add(30, "__pow = function(a, b) return num(b) end")
	add(40, "__unm = function(a) return -a.v end")
	add(30, "__len = function(a) return 42 end")
	add(50, "__concat = function(a, b) return '<' .. show(a) .. '|' .. show(b) .. '>' end")
	add(50, "__eq = eq")
	add(60, "__lt = lt")
	add(30, "__le = le")
	add(40, "__call = function(self, ...) return self.v, select('#', ...), ... end")
	add(40, "__tostring = function(a) return 'O' .. show(a.v) end")
	add(20, "__metatable = 'locked'")
	switch p.r.IntN(4) {
	case 0:
		events = append(events, "__index = {x = 7, m1 = function(self, a) return a, self.v end}")
	case 1:
		events = append(events, "__index = function(t, k) return show(k) .. '?' end")
	case 2:
		events = append(events, "__index = setmetatable({y = 3}, {__index = function(t, k) return k end})")
	}
	switch p.r.IntN(5) {
	case 0:
		events = append(events, "__newindex = function(t, k, v) rawset(t, k, show(v)) end")
	case 1:
		events = append(events, "__newindex = {}")
	}
	p.line("local %s = setmetatable({v = %d}, {%s})", name, p.r.IntN(5), strings.Join(events, ", "))
	p.declare(name, object)
}

// closures are functions made in a loop, with variables of their own.
func (p *program) closures() {
	p.named++
	f := fmt.Sprintf("fs%d", p.named)
	p.line("local %s = {}", f)
	p.line("for i = 1, 3 do")
	p.push()
	p.declare("i", number)
	p.declare("j", number)
	p.line(" local j = i * 10")
	if p.chance(40) {
		p.line(" if %s then local dead = j end", p.condition())
	}
	p.line(" %s[i] = function(d) i, j = i + (d or 1), %s return i, j end", f, p.pick("j + i", "i", "j - 1"))
	if p.chance(30) {
		p.line(" if i == %d then break end", 2+p.r.IntN(2))
	}
	p.pop()
	p.line("end")
	p.line("for n, f in ipairs(%s) do print(n, f()) print(f(%s)) end", f, p.expr(number))
}

func (p *program) listStmt() {
	t := p.variable(list)
	if t == "" {
		p.local()
		return
	}
	var s string
	switch p.r.IntN(6) {
	case 0:
		s = fmt.Sprintf("%s[#%s + 1] = %s or 0", t, t, p.expr(number))
	case 1:
		s = fmt.Sprintf("table.insert(%s, %s or 0)", t, p.expr(number))
	case 2:
		s = fmt.Sprintf("print(table.remove(%s))", t)
	case 3:
		s = fmt.Sprintf("print(pcall(table.sort, %s))", t)
	case 4:
		s = fmt.Sprintf("print(pcall(table.concat, %s, %s))", t, p.expr(text))
	default:
		s = fmt.Sprintf("print(#%s, unpack(%s))", t, t)
	}
	p.line("if whole(%s) then %s end", t, s)
}

// environment is code that is loaded, or has other globals.
func (p *program) environment() {
	switch p.r.IntN(4) {
	case 0:
		p.line("print(type(loadstring(%q)))", p.pick("return 1", "x =", "return (", "for", "a b", "return 'x", "break", "x = }", "return ...", "local function", "f() = 1", "1", "return 0x1"))
	case 1:
		p.line("print(pcall(loadstring(\"local a, b = ... return a, b, select('#', ...)\"), %s))", p.values(3))
	case 2:
		p.line("print(setfenv(function() G1 = 5 return G1, G2 end, {G2 = %s})())", p.expr(number))
	default:
		p.line("print(pcall(getfenv, %s))", p.pick("'x'", "-1", "1000000000"))
	}
}

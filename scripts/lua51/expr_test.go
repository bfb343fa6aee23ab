package lua51

import (
	"fmt"
	"strings"
)

// values is a list of up to n expressions, of which the last may have any number of values.
func (p *program) values(n int) string {
	var list []string
	for range 1 + p.r.IntN(n) {
		list = append(list, p.shown(p.anySort()))
	}
	if p.chance(25) {
		list = append(list, p.many())
	}
	return strings.Join(list, ", ")
}

// shown is an expression that can be printed: no address.
func (p *program) shown(s sort) string {
	e := p.expr(s)
	switch s {
	case number, text, boolean:
		return e
	}
	if p.chance(50) {
		return e // its address is masked
	}
	return "show(" + e + ")"
}

// many is an expression with several values, or none.
func (p *program) many() string {
	f := p.variable(call)
	switch k := p.r.IntN(8); {
	case k < 3 && f != "":
		return fmt.Sprintf("%s(%s)", f, p.args())
	case k < 5 && p.vararg:
		return "..."
	case k == 5:
		return fmt.Sprintf("(function(...) return %s end)(%s)", p.pick("...", "1, ...", "select(2, ...)", "(...)", "..., 3", ""), p.args())
	case k == 6:
		return fmt.Sprintf("unpack({%s}, %d, %d)", p.args(), 1, p.r.IntN(4))
	}
	return fmt.Sprintf("(\"%s\"):find(%s)", p.pick("a1", "key=val", ""), p.pattern())
}

func (p *program) args() string {
	if p.chance(20) {
		return ""
	}
	return p.values(2)
}

// expr is an expression of a sort, mostly.
func (p *program) expr(s sort) string {
	if p.chance(2) {
		s = p.pickSort(number, text, boolean, record, call, anything)
	}
	if p.depth > 7 {
		return p.simple(s)
	}
	p.depth++
	defer func() { p.depth-- }()
	switch {
	case p.chance(25):
		return p.simple(s)
	case p.chance(22):
		return p.logic(s)
	case p.chance(6):
		return "(" + p.many() + ")"
	}
	switch s {
	case number:
		return p.number()
	case text:
		return p.text()
	case boolean:
		return p.boolean()
	case list:
		return p.list()
	case record:
		return p.record()
	case call:
		return p.call()
	case object:
		return p.simple(s)
	}
	return p.expr(p.anySort())
}

// logic is an expression of "and", "or" and "not".
func (p *program) logic(s sort) string {
	a, b := p.expr(anything), p.expr(s)
	switch p.r.IntN(6) {
	case 0:
		return fmt.Sprintf("(%s and %s)", p.expr(boolean), b)
	case 1:
		return fmt.Sprintf("(%s or %s)", b, a)
	case 2:
		return fmt.Sprintf("(%s and %s or %s)", p.expr(boolean), b, p.expr(s))
	case 3:
		return fmt.Sprintf("(%s and (%s and %s))", a, p.expr(boolean), b)
	case 4:
		return fmt.Sprintf("((%s or %s) and %s)", a, p.condition(), b)
	}
	return fmt.Sprintf("(not (%s) and %s or %s)", a, p.expr(anything), b)
}

// simple is a constant or a variable.
func (p *program) simple(s sort) string {
	if v := p.variable(s); v != "" && p.chance(70) {
		return v
	}
	switch s {
	case number:
		return p.pick("0", "1", "2", "3", "-1", "10", "0.5", "-2.5", "1e3", "0x1F", "1e15", "123456789", "3.", ".25", "1/3", "(0/0)", "math.huge", "-math.huge",
			"2^53", "1e300", "5e-324", "100", "7")
	case text:
		return p.pick(`""`, `"a"`, `'b'`, `"10"`, `"0x10"`, `" 5 "`, `"1e2"`, `"abc"`, `"a b c"`, `"key=val"`, `[[long]]`, `[==[]]x]==]`, `"\065\n\0z"`, `"tab\t\\"`,
			`"00042"`, `"1_000"`, `"-3"`, `'q"q'`, `"x1y22z333"`, `"%d"`)
	case boolean:
		return p.pick("true", "false", "nil")
	case list:
		return p.pick("{}", "{1}", "{1, 2, 3}", `{"a", "b"}`, "{3, 1, 2}")
	case record:
		return p.pick("{}", "{x = 1}", "{x = 1, y = 'b'}", "{[1] = 5, z = {}}")
	case call:
		return p.pick("print", "type", "function(v) return tostring(plain(v)) end", "math.max", "function() end", "function(...) return ... end", "function(a, b) return b, a end", "select")
	case object:
		return "setmetatable({v = 1}, {__index = {x = 2}, __call = function(s, a) return a end})"
	}
	return p.pick("nil", "false", "0", `"s"`, "G1", "G2", "{}")
}

func (p *program) number() string {
	a := p.expr(number)
	switch p.r.IntN(16) {
	case 0, 1, 2: // "+ 0" takes the sign from a zero
		return fmt.Sprintf("(%s %s %s)", a, p.pick("+", "-"), p.expr(number))
	case 3, 4:
		return fmt.Sprintf("(%s %s %s + 0)", a, p.pick("*", "/", "%", "^"), p.expr(number))
	case 5:
		return fmt.Sprintf("(%s %s %s + 0)", p.expr(text), p.pick("+", "-", "*", "/", "%"), a)
	case 6:
		return fmt.Sprintf("(- %s + 0)", a)
	case 7:
		if v := p.variable(text); v != "" && p.chance(50) {
			return p.length(v)
		}
		return fmt.Sprintf(p.pick("#(%s .. '')", "#listed(%s)"), p.expr(text))
	case 8:
		if t := p.variable(list); t != "" {
			return p.length(t)
		}
		return "#{" + p.pick("", "1", "1, 2", "(nil or 3)") + "}"
	case 9:
		return fmt.Sprintf("math.%s(%s)", p.pick("floor", "ceil", "abs", "sqrt"), a)
	case 10:
		return fmt.Sprintf("math.%s(%s, %s)", p.pick("max", "min"), a, p.expr(number))
	case 11:
		return fmt.Sprintf("tonumber(%s)", p.expr(text))
	case 12:
		return fmt.Sprintf("tonumber(%s, %s)", p.pick(`"11"`, `"ff"`, `"zz"`, `"-7"`, `" 8 "`, `""`), p.pick("2", "16", "36", "10", "8"))
	case 13:
		if t := p.variable(object); t != "" {
			return fmt.Sprintf("(%s %s %s)", p.pick(t, a), p.pick("+", "*", "-", "%", "^"), p.pick(t, p.expr(number)))
		}
	case 14:
		return fmt.Sprintf("select(%s, %s)", p.pick("'#'", "1", "-1", "2"), p.values(2))
	}
	return fmt.Sprintf("num(%s)", p.expr(anything))
}

// length is that of a variable, where it is specified.
func (p *program) length(v string) string { return fmt.Sprintf("(whole(%s) and #%s)", v, v) }

func (p *program) text() string {
	a := p.expr(text)
	switch p.r.IntN(17) {
	case 0, 1, 2:
		return fmt.Sprintf("(%s .. %s)", a, p.expr(p.pickSort(text, number)))
	case 3:
		return fmt.Sprintf("(%s .. %s .. %s .. %s)", a, p.expr(number), p.expr(text), p.expr(number))
	case 4:
		return fmt.Sprintf("(%s):%s()", a, p.pick("upper", "lower", "reverse", "len"))
	case 5:
		return fmt.Sprintf("(%s):sub(%s, %s)", a, p.pick("1", "2", "-2", "0"), p.pick("1", "-1", "3", "-3"))
	case 6:
		return fmt.Sprintf("(%s):rep(%s)", a, p.pick("0", "2", "-1", "1.9"))
	case 7:
		return fmt.Sprintf("(%s):gsub(%s, %s)", a, p.pattern(), p.pick(`"<%0>"`, `"%1"`, `""`, "{a = 1, b = true}", "string.upper", "function(c) return c == 'a' and 'X' end", `"%%"`))
	case 8:
		return fmt.Sprintf("(%s):match(%s)", a, p.pattern())
	case 9:
		return fmt.Sprintf("string.format(%s, %s)", p.pick(`"%d"`, `"%5.2f"`, `"%g"`, `"%x"`, `"%5d|"`, `"%-5d|"`, `"%e"`, `"%+d"`, `"%c"`), p.pick("65", "7", "33", `"42"`, "100"))
	case 10:
		return fmt.Sprintf("string.format(%s, (show(%s):gsub('%%z', '0')))", p.pick(`"%s"`, `"%q"`, `"%10s"`, `"%-4s|"`, `"%.2s"`), a)
	case 11:
		return fmt.Sprintf("string.char(%s)", p.pick("65", "97, 98", "", "0", "255"))
	case 12:
		return fmt.Sprintf("tostring(plain(%s))", p.expr(p.pickSort(number, boolean, text, object)))
	case 13:
		return fmt.Sprintf("os.date(%s, %s)", p.pick(`"!%Y-%m-%d %H:%M:%S"`, `"!%a %j %x %c"`, `"!%A %B %p %y %U"`, `"!%X %w %%"`), p.pick("0", "86400", "951782400", "1234567890"))
	case 14:
		return fmt.Sprintf("type(%s)", p.expr(anything))
	case 15:
		if t := p.variable(object); t != "" {
			return fmt.Sprintf("(%s .. %s)", p.pick(t, a), p.pick(t, p.expr(text)))
		}
	}
	return fmt.Sprintf("show(%s)", p.expr(anything))
}

func (p *program) pattern() string {
	return p.pick(`"%a+"`, `"(%d)(%a)"`, `"."`, `"^a"`, `"b$"`, `"[^%s]+"`, `"(%w+)=(%w+)"`, `"%f[%w]%w+"`, `"()"`, `"a-b"`, `".-"`, `"%b()"`, `"[a-c]*"`, `"x?y"`, `"(a)(b)%2"`, `"%z"`)
}

func (p *program) boolean() string {
	switch p.r.IntN(8) {
	case 0, 1:
		return fmt.Sprintf("(%s %s %s)", p.expr(number), p.pick("<", "<=", ">", ">=", "==", "~="), p.expr(number))
	case 2:
		return fmt.Sprintf("(%s %s %s)", p.expr(text), p.pick("<", "<=", ">", ">=", "==", "~="), p.expr(text))
	case 3:
		return fmt.Sprintf("(%s %s %s)", p.expr(anything), p.pick("==", "~="), p.expr(anything))
	case 4:
		return "not " + p.expr(anything)
	case 5:
		if t, u := p.variable(object), p.variable(object); t != "" {
			return fmt.Sprintf("(%s %s %s)", t, p.pick("<", "<=", ">", ">=", "==", "~="), u)
		}
	case 6:
		return fmt.Sprintf("rawequal(%s, %s)", p.expr(anything), p.expr(anything))
	}
	return fmt.Sprintf("(%s == nil)", p.expr(anything))
}

func (p *program) list() string {
	var items []string
	for range p.r.IntN(4) {
		items = append(items, "num("+p.expr(number)+")")
	}
	if p.chance(4) {
		items = append(items, strings.Repeat("1, ", 48)+"2, 3, 4")
	}
	return "{" + strings.Join(items, p.pick(", ", "; ")) + "}"
}

func (p *program) record() string {
	var items []string
	for range p.r.IntN(4) {
		switch p.r.IntN(4) {
		case 0:
			items = append(items, fmt.Sprintf("[%s] = %s", p.pick("1", "0", `"k"`, "true", "1.5", "-1", "num(G1)"), p.expr(anything)))
		case 1:
			items = append(items, p.expr(number))
		default:
			items = append(items, fmt.Sprintf("%s = %s", p.pick("x", "y", "z"), p.expr(p.anySort())))
		}
	}
	if p.chance(20) {
		items = append(items, p.many())
	}
	return "{" + strings.Join(items, ", ") + "}"
}

func (p *program) call() string {
	if p.chance(40) {
		vararg := p.vararg
		p.vararg = true
		defer func() { p.vararg = vararg }()
		p.push()
		defer p.pop()
		p.declare("u", number)
		return fmt.Sprintf("function(u, ...) %s return %s end", p.pick("", "u = (u or 0) + 1", "local u = u"), p.values(2))
	}
	if t := p.variable(object); t != "" && p.chance(40) {
		return t + "." + p.pick("m1", "m2", "x")
	}
	return p.simple(call)
}

package luacode

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// The statements and expressions of a syntax tree as code, after lparser.c of Lua 5.1.

// compiler makes the code of one source.
type compiler struct {
	file string
}

func (c *compiler) fail(line int, format string, args ...any) {
	panic(&SyntaxError{File: c.file, Line: line, Message: fmt.Sprintf(format, args...)})
}

// block is a part of a function at whose end variables go out of sight.
type block struct {
	outer     *block
	active    int // variables outside of it
	captured  bool
	breakable bool
	breaks    int // list of jumps
	labels    []label
	gotos     int // those of the function that were waiting when it began
}

// label is a place that goto names.
type label struct {
	name   string
	pc     int
	line   int
	active int
}

// jump is a goto whose label is yet to come. In front of its jump there is room for closing variables.
type jump struct {
	name   string
	pc     int
	line   int
	active int // variables in sight, of which those of blocks that were left are not any more
	from   int // variables in sight where it stands
}

// generate makes the code of a guarded tree. It panics with a *SyntaxError.
func generate(chunk []ast.Stmt, file string) *lua.FunctionProto {
	f := newFunction(&compiler{file: file}, nil)
	f.proto.IsVarArg = lua.VarArgIsVarArg
	f.begin(false)
	f.stmts(chunk)
	f.close()
	return f.proto
}

func newFunction(c *compiler, outer *function) *function {
	return &function{
		c: c, outer: outer, known: map[constant]int{}, target: -1, here: noJump,
		proto: &lua.FunctionProto{SourceName: c.file, NumUsedRegisters: 2},
	}
}

// close ends a function.
func (f *function) close() {
	f.line = f.proto.LastLineDefined
	f.abc(lua.OP_RETURN, 0, 1, 0)
	f.end()
	p := f.proto
	for _, u := range f.upvals {
		p.DbgUpvalues = append(p.DbgUpvalues, u.name)
	}
	p.NumUpvalues = uint8(len(f.upvals))
	*stringConstants(p) = f.strings
}

// stringConstants is the list of constants as text, which gopher-lua keeps beside the constants and does not export.
func stringConstants(p *lua.FunctionProto) *[]string {
	return (*[]string)(unsafe.Add(unsafe.Pointer(p), stringsField.Offset))
}

var stringsField = func() reflect.StructField {
	f, ok := reflect.TypeFor[lua.FunctionProto]().FieldByName("stringConstants")
	if !ok || f.Type != reflect.TypeFor[[]string]() {
		panic("luacode: gopher-lua keeps its constants in another way")
	}
	return f
}()

// Variables.

func (f *function) limit(n, most int, what string) {
	if n <= most {
		return
	}
	if f.proto.LineDefined == 0 {
		f.c.fail(f.line, "main function has more than %d %s", most, what)
	}
	f.c.fail(f.line, "function at line %d has more than %d %s", f.proto.LineDefined, most, what)
}

// declare makes the registers from the last variable on variables.
func (f *function) declare(names ...string) {
	f.limit(len(f.active)+len(names), maxLocals, "local variables")
	for _, name := range names {
		f.active = append(f.active, len(f.proto.DbgLocals))
		f.proto.DbgLocals = append(f.proto.DbgLocals, &lua.DbgLocalInfo{Name: name, StartPc: f.pc()})
	}
}

func (f *function) undeclare(to int) {
	for _, i := range f.active[to:] {
		f.proto.DbgLocals[i].EndPc = f.pc() - 1
	}
	f.active = f.active[:to]
}

func (f *function) local(name string) int {
	for reg, i := range slices.Backward(f.active) {
		if f.proto.DbgLocals[i].Name == name {
			return reg
		}
	}
	return -1
}

// find tells what kind of variable a name is. Here is false where a function within f asks.
func (f *function) find(name string, here bool) (kind, int) {
	if reg := f.local(name); reg >= 0 {
		if !here {
			b := f.block
			for b != nil && b.active > reg {
				b = b.outer
			}
			if b != nil {
				b.captured = true
			}
		}
		return kLocal, reg
	}
	for i, u := range f.upvals {
		if u.name == name {
			return kUpvalue, i
		}
	}
	if f.outer == nil {
		return kGlobal, 0
	}
	k, index := f.outer.find(name, false)
	if k == kGlobal {
		return kGlobal, 0
	}
	f.limit(len(f.upvals)+1, maxUpvals, "upvalues")
	f.upvals = append(f.upvals, upvalue{name, k == kLocal, index})
	return kUpvalue, len(f.upvals) - 1
}

func (f *function) variable(name string) value {
	k, index := f.find(name, true)
	if k == kGlobal {
		index = f.stringConst(name)
	}
	return val(k, index)
}

// Blocks.

func (f *function) begin(breakable bool) *block {
	f.block = &block{outer: f.block, active: len(f.active), breakable: breakable, breaks: noJump, gotos: len(f.gotos)}
	return f.block
}

func (f *function) end() {
	b := f.block
	f.block = b.outer
	f.undeclare(b.active)
	if b.captured && f.block != nil { // a return closes all
		f.abc(lua.OP_CLOSE, b.active, 0, 0)
	}
	f.free = len(f.active)
	f.patchToHere(b.breaks)
	for i := b.gotos; i < len(f.gotos); i++ {
		g := &f.gotos[i]
		if f.block == nil {
			f.c.fail(g.line, "no visible label '%s' for goto", g.name)
		}
		g.active = min(g.active, b.active)
		if f.follow(*g) {
			f.gotos = slices.Delete(f.gotos, i, i+1)
			i--
		}
	}
}

// follow sends a goto to its label, if the block at hand has it.
func (f *function) follow(g jump) bool {
	for _, l := range f.block.labels {
		if l.name == g.name {
			f.resolve(g, l)
			return true
		}
	}
	return false
}

func (f *function) resolve(g jump, l label) {
	if g.active < l.active {
		name := f.proto.DbgLocals[f.active[g.active]].Name
		f.c.fail(l.line, "<goto %s> at line %d jumps into the scope of local '%s'", g.name, g.line, name)
	}
	if g.from > l.active {
		f.proto.Code[g.pc-1] = instABC(lua.OP_CLOSE, l.active, 0, 0)
	}
	f.fixJump(g.pc, l.pc)
}

func (f *function) gotoStmt(name string, line int) {
	f.abc(lua.OP_NOP, 0, 0, 0)
	g := jump{name, f.jump(), line, len(f.active), len(f.active)}
	for b := f.block; b != nil; b = b.outer {
		for _, l := range b.labels {
			if l.name == name {
				f.resolve(g, l)
				return
			}
		}
	}
	f.gotos = append(f.gotos, g)
}

// labelStmt is a label; at the end of a block its variables are out of sight already.
func (f *function) labelStmt(name string, line int, last bool) {
	for b := f.block; b != nil; b = b.outer {
		for _, l := range b.labels {
			if l.name == name {
				f.c.fail(line, "label '%s' already defined on line %d", name, l.line)
			}
		}
	}
	l := label{name, f.label(), line, len(f.active)}
	if last {
		l.active = f.block.active
	}
	f.block.labels = append(f.block.labels, l)
	for i := f.block.gotos; i < len(f.gotos); i++ {
		if g := f.gotos[i]; g.name == name {
			f.resolve(g, l)
			f.gotos = slices.Delete(f.gotos, i, i+1)
			i--
		}
	}
}

func (f *function) breakStmt(line int) {
	b, captured := f.block, false
	for b != nil && !b.breakable {
		captured = captured || b.captured
		b = b.outer
	}
	if b == nil {
		f.c.fail(line, "no loop to break")
	}
	if captured {
		f.abc(lua.OP_CLOSE, b.active, 0, 0)
	}
	b.breaks = f.join(b.breaks, f.jump())
}

// Statements.

func (f *function) blockOf(list []ast.Stmt) {
	f.begin(false)
	f.stmts(list)
	f.end()
}

func (f *function) stmts(list []ast.Stmt) {
	for i, s := range list {
		f.line = s.Line()
		if l, ok := s.(*ast.LabelStmt); ok {
			last := !slices.ContainsFunc(list[i:], func(s ast.Stmt) bool { _, ok := s.(*ast.LabelStmt); return !ok })
			f.labelStmt(l.Name, l.Line(), last)
			continue
		}
		f.stmt(s)
		f.free = len(f.active)
	}
}

func (f *function) stmt(stmt ast.Stmt) {
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		f.assign(s)
	case *ast.LocalAssignStmt:
		f.localStmt(s)
	case *ast.FuncCallStmt:
		v := f.expr(s.Expr)
		f.setReturns(&v, 0)
	case *ast.DoBlockStmt:
		f.blockOf(s.Stmts)
	case *ast.WhileStmt:
		start := f.label()
		exit := f.condition(s.Condition)
		f.begin(true)
		f.blockOf(s.Stmts)
		f.patch(f.jump(), start)
		f.end()
		f.patchToHere(exit)
	case *ast.RepeatStmt:
		f.repeat(s)
	case *ast.IfStmt:
		f.ifStmt(s)
	case *ast.NumberForStmt:
		f.numberFor(s)
	case *ast.GenericForStmt:
		f.genericFor(s)
	case *ast.FuncDefStmt:
		f.funcDef(s)
	case *ast.ReturnStmt:
		f.returnStmt(s)
	case *ast.BreakStmt:
		f.breakStmt(s.Line())
	case *ast.GotoStmt:
		f.gotoStmt(s.Label, s.Line())
	}
}

// condition jumps away where it is false, and returns the list of these jumps.
func (f *function) condition(e ast.Expr) int {
	v := f.expr(e)
	if v.kind == kNil {
		v.kind = kFalse
	}
	f.ifTrue(&v)
	return v.f
}

func (f *function) ifStmt(s *ast.IfStmt) {
	leave := noJump
	for {
		otherwise := f.condition(s.Condition)
		f.blockOf(s.Then)
		if len(s.Else) == 0 {
			leave = f.join(leave, otherwise)
			break
		}
		leave = f.join(leave, f.jump())
		f.patchToHere(otherwise)
		next, ok := s.Else[0].(*ast.IfStmt)
		if !ok || len(s.Else) > 1 {
			f.blockOf(s.Else)
			break
		}
		s = next
		f.line = s.Line()
	}
	f.patchToHere(leave)
}

func (f *function) repeat(s *ast.RepeatStmt) {
	start := f.label()
	f.begin(true)
	inner := f.begin(false)
	f.stmts(s.Stmts)
	f.line = s.Condition.Line()
	again := f.condition(s.Condition)
	if inner.captured {
		f.breakStmt(f.line)
		f.patchToHere(again)
		f.end()
		again = f.jump()
	} else {
		f.end()
	}
	f.patch(again, start)
	f.end()
}

func (f *function) localStmt(s *ast.LocalAssignStmt) {
	if isLocalFunction(s) {
		to := val(kLocal, f.free)
		f.reserve(1)
		f.declare(s.Names...)
		v := f.expr(s.Exprs[0])
		f.store(&to, &v)
		return
	}
	n, v := f.exprs(s.Exprs)
	f.adjust(len(s.Names), n, &v)
	f.declare(s.Names...)
}

// isLocalFunction tells local function f from local f = function: the parser gives only the former a last line.
func isLocalFunction(s *ast.LocalAssignStmt) bool {
	if s.LastLine() == 0 || len(s.Exprs) != 1 {
		return false
	}
	_, ok := s.Exprs[0].(*ast.FunctionExpr)
	return ok
}

// exprs leaves all but the last value of a list in registers.
func (f *function) exprs(list []ast.Expr) (n int, last value) {
	last = val(kVoid, 0)
	for i, e := range list {
		if i > 0 {
			f.toNextReg(&last)
		}
		last = f.expr(e)
	}
	return len(list), last
}

// adjust makes as many values of a list as there are variables.
func (f *function) adjust(variables, n int, last *value) {
	missing := variables - n
	if last.kind == kCall || last.kind == kVararg {
		missing = max(missing+1, 0)
		f.setReturns(last, missing)
		if missing > 1 {
			f.reserve(missing - 1)
		}
		return
	}
	if last.kind != kVoid {
		f.toNextReg(last)
	}
	if missing > 0 {
		reg := f.free
		f.reserve(missing)
		f.loadNil(reg, missing)
	}
}

func (f *function) assign(s *ast.AssignStmt) {
	to := make([]value, len(s.Lhs))
	for i, e := range s.Lhs {
		to[i] = f.target1(e)
		if to[i].kind == kLocal {
			f.saveConflict(to[:i], to[i].info)
		}
	}
	n, v := f.exprs(s.Rhs)
	last := len(to) - 1
	if n == len(to) {
		f.setOneReturn(&v)
		f.store(&to[last], &v)
		last--
	} else {
		f.adjust(len(to), n, &v)
		if n > len(to) {
			f.free -= n - len(to)
		}
	}
	for ; last >= 0; last-- {
		v := val(kNonReloc, f.free-1)
		f.store(&to[last], &v)
	}
}

// target1 is a variable that is assigned to.
func (f *function) target1(e ast.Expr) value {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return f.variable(e.Value)
	case *ast.AttrGetExpr:
		return f.index(e)
	}
	panic("luacode: no variable to assign to")
}

// saveConflict keeps a local that earlier targets use as table or key, since it is assigned to before these.
func (f *function) saveConflict(to []value, reg int) {
	conflict := false
	for i := range to {
		if to[i].kind != kIndexed {
			continue
		}
		if to[i].info == reg {
			to[i].info, conflict = f.free, true
		}
		if to[i].aux == reg {
			to[i].aux, conflict = f.free, true
		}
	}
	if conflict {
		f.abc(lua.OP_MOVE, f.free, reg, 0)
		f.reserve(1)
	}
}

func (f *function) funcDef(s *ast.FuncDefStmt) {
	var to value
	fn := s.Func
	if s.Name.Receiver != nil {
		object := f.expr(s.Name.Receiver)
		to = f.field(object, &ast.StringExpr{Value: s.Name.Method})
		params := &ast.ParList{HasVargs: fn.ParList.HasVargs, Names: append([]string{"self"}, fn.ParList.Names...)}
		fn = &ast.FunctionExpr{ExprBase: fn.ExprBase, ParList: params, Stmts: fn.Stmts}
	} else {
		to = f.target1(s.Name.Func)
	}
	fn.SetLine(s.Line())
	v := f.expr(fn)
	f.line = s.Line()
	f.store(&to, &v)
}

func (f *function) returnStmt(s *ast.ReturnStmt) {
	n, v := f.exprs(s.Exprs)
	first := len(f.active)
	switch {
	case n == 0:
		first = 0
	case v.kind == kCall || v.kind == kVararg:
		f.setReturns(&v, multRet)
		if v.kind == kCall && n == 1 {
			i := &f.proto.Code[v.info]
			*i = instABC(lua.OP_TAILCALL, argA(*i), argB(*i), 0)
		}
		n = multRet
	case n == 1:
		first = f.toAnyReg(&v)
	default:
		f.toNextReg(&v)
	}
	f.abc(lua.OP_RETURN, first, n+1, 0)
}

// numberFor runs the three values through a function that makes numbers of strings and refuses the rest, except where
// they are numbers anyway.
func (f *function) numberFor(s *ast.NumberForStmt) {
	f.begin(true)
	base := f.free
	step := s.Step
	if step == nil {
		step = at(&ast.NumberExpr{Value: "1"}, s.Line())
	}
	values := []ast.Expr{s.Init, s.Limit, step}
	if slices.ContainsFunc(values, func(e ast.Expr) bool { return !isNumber(e) }) {
		call := f.expr(callOf(opLoop, s.Line(), values...))
		f.setReturns(&call, 3)
		f.reserve(2)
	} else {
		for _, e := range values {
			v := f.expr(e)
			f.toNextReg(&v)
		}
	}
	f.declare("(for index)", "(for limit)", "(for step)")
	prepare := f.emit(instAsBx(lua.OP_FORPREP, base, noJump))
	f.begin(false)
	f.reserve(1)
	f.declare(s.Name)
	f.blockOf(s.Stmts)
	f.end()
	f.patchToHere(prepare)
	f.line = s.Line()
	f.patch(f.emit(instAsBx(lua.OP_FORLOOP, base, noJump)), prepare+1)
	f.end()
}

// isNumber reports whether an expression can be nothing but a number.
func isNumber(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.NumberExpr:
		return true
	case *ast.UnaryMinusOpExpr:
		return isNumber(e.Expr)
	}
	return false
}

// genericFor calls the iterator as any function is called, where gopher-lua's own instruction would break a wait in it.
// That is faster with those of Lua itself, which never wait.
func (f *function) genericFor(s *ast.GenericForStmt) {
	f.begin(true)
	base := f.free
	n, v := f.exprs(s.Exprs)
	f.adjust(3, n, &v)
	f.declare("(for generator)", "(for state)", "(for control)")
	f.checkStack(max(3, len(s.Names)) + 1)
	f.line = s.Line()
	prepare := f.jump()
	f.begin(false)
	f.reserve(len(s.Names))
	f.declare(s.Names...)
	f.blockOf(s.Stmts)
	f.end()
	f.patchToHere(prepare)
	f.line = s.Line()
	if f.cannotWait(s.Exprs[0]) {
		f.abc(lua.OP_TFORLOOP, base, 0, len(s.Names))
		f.patch(f.jump(), prepare+1)
		f.end()
		return
	}
	for i := range 3 {
		f.abc(lua.OP_MOVE, base+3+i, base+i, 0)
	}
	f.abc(lua.OP_CALL, base+3, 3, len(s.Names)+1)
	f.free = base + 4 // the control variable is in the register before
	null := val(kNil, 0)
	exit := f.condJump(lua.OP_EQ, 1, base+3, f.toRK(&null))
	f.abc(lua.OP_MOVE, base+2, base+3, 0)
	f.patch(f.jump(), prepare+1)
	f.free = len(f.active)
	f.end()
	f.patchToHere(exit)
}

// cannotWait reports whether the iterator is one of Lua's own, which never yield.
func (f *function) cannotWait(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value == "next" && f.isGlobal(e.Value)
	case *ast.FuncCallExpr:
		if e.Method == "gmatch" {
			return true
		}
		switch fn := e.Func.(type) {
		case *ast.IdentExpr:
			return (fn.Value == "pairs" || fn.Value == "ipairs") && f.isGlobal(fn.Value)
		case *ast.AttrGetExpr:
			key, ok := fn.Key.(*ast.StringExpr)
			return ok && key.Value == "gmatch"
		}
	}
	return false
}

func (f *function) isGlobal(name string) bool {
	for ; f != nil; f = f.outer {
		if f.local(name) >= 0 {
			return false
		}
	}
	return true
}

// Expressions.

func (f *function) expr(expr ast.Expr) value {
	f.line = expr.Line()
	switch e := expr.(type) {
	case *ast.NilExpr:
		return val(kNil, 0)
	case *ast.TrueExpr:
		return val(kTrue, 0)
	case *ast.FalseExpr:
		return val(kFalse, 0)
	case *ast.NumberExpr:
		n, ok := lauxlib.ParseNumber(e.Value)
		if !ok {
			f.c.fail(e.Line(), "malformed number near '%s'", e.Value)
		}
		return value{kind: kNumber, num: n, t: noJump, f: noJump}
	case *ast.StringExpr:
		return val(kConst, f.stringConst(e.Value))
	case *ast.Comma3Expr:
		return f.vararg(e)
	case *ast.IdentExpr:
		return f.variable(e.Value)
	case *ast.AttrGetExpr:
		return f.index(e)
	case *ast.TableExpr:
		return f.table(e)
	case *ast.FuncCallExpr:
		return f.call(e)
	case *ast.LogicalOpExpr:
		return f.binary(e.Operator, e.Lhs, e.Rhs, e.Line())
	case *ast.RelationalOpExpr:
		return f.binary(e.Operator, e.Lhs, e.Rhs, e.Line())
	case *ast.ArithmeticOpExpr:
		return f.binary(e.Operator, e.Lhs, e.Rhs, e.Line())
	case *ast.UnaryMinusOpExpr:
		return f.unary(lua.OP_UNM, e.Expr, e.Line())
	case *ast.UnaryNotOpExpr:
		return f.unary(lua.OP_NOT, e.Expr, e.Line())
	case *ast.UnaryLenOpExpr:
		return f.unary(lua.OP_LEN, e.Expr, e.Line())
	case *ast.FunctionExpr:
		return f.closure(e)
	}
	panic(fmt.Sprintf("luacode: no code for a %T", expr))
}

func (f *function) vararg(e *ast.Comma3Expr) value {
	if f.proto.IsVarArg == 0 {
		f.c.fail(e.Line(), "cannot use '...' outside a vararg function near '...'")
	}
	f.proto.IsVarArg &^= lua.VarArgNeedsArg
	v := val(kVararg, f.abc(lua.OP_VARARG, 0, 1, 0))
	if e.AdjustRet {
		f.discharge(&v)
	}
	return v
}

func (f *function) index(e *ast.AttrGetExpr) value {
	return f.field(f.expr(e.Object), e.Key)
}

func (f *function) field(object value, key ast.Expr) value {
	f.toAnyReg(&object)
	k := f.expr(key)
	f.toValue(&k)
	object.aux = f.toRK(&k)
	object.kind = kIndexed
	return object
}

func (f *function) call(e *ast.FuncCallExpr) value {
	var v value
	if e.Func != nil {
		v = f.expr(e.Func)
		f.toNextReg(&v)
	} else {
		v = f.expr(e.Receiver)
		key := val(kConst, f.stringConst(e.Method))
		f.line = e.Line()
		f.self(&v, &key)
	}
	base := v.info
	_, last := f.exprs(e.Args)
	n := multRet
	if last.kind == kCall || last.kind == kVararg {
		f.setReturns(&last, multRet)
	} else {
		if last.kind != kVoid {
			f.toNextReg(&last)
		}
		n = f.free - (base + 1)
	}
	f.line = e.Line()
	v = val(kCall, f.abc(lua.OP_CALL, base, n+1, 2))
	f.proto.DbgCalls = append(f.proto.DbgCalls, lua.DbgCall{Name: callName(e), Pc: v.info})
	f.free = base + 1
	if e.AdjustRet {
		f.discharge(&v)
	}
	return v
}

// callName is what the function is called that e calls, "?" where it has no name.
func callName(e *ast.FuncCallExpr) string {
	name := e.Method
	switch fn := e.Func.(type) {
	case *ast.IdentExpr:
		name = fn.Value
	case *ast.AttrGetExpr:
		if key, ok := fn.Key.(*ast.StringExpr); ok {
			name = key.Value
		}
	}
	if name == "" || name[0] == 0 { // of the compiler
		return "?"
	}
	return name
}

// maxSize is the largest size that a new table is made with.
const maxSize = 1<<9 - 1

func (f *function) table(e *ast.TableExpr) value {
	made := f.abc(lua.OP_NEWTABLE, 0, 0, 0)
	t := val(kReloc, made)
	f.toNextReg(&t)
	item := val(kVoid, 0)
	items, pending, fields := 0, 0, 0
	for _, field := range e.Fields {
		if item.kind != kVoid {
			f.toNextReg(&item)
			item.kind = kVoid
			if pending == lua.FieldsPerFlush {
				f.setList(t.info, items, pending)
				pending = 0
			}
		}
		if field.Key == nil {
			item = f.expr(field.Value)
			items++
			pending++
			continue
		}
		fields++
		free := f.free
		k := f.expr(field.Key)
		f.toValue(&k)
		key := f.toRK(&k)
		v := f.expr(field.Value)
		op := lua.OP_SETTABLE
		if f.isStringConst(key) {
			op = lua.OP_SETTABLEKS
		}
		rk := f.toRK(&v)
		f.abc(op, t.info, key, rk)
		f.free = free
	}
	if pending > 0 {
		if item.kind == kCall || item.kind == kVararg {
			f.setReturns(&item, multRet)
			f.setList(t.info, items, multRet)
			items--
		} else {
			if item.kind != kVoid {
				f.toNextReg(&item)
			}
			f.setList(t.info, items, pending)
		}
	}
	setB(&f.proto.Code[made], min(items, maxSize))
	setC(&f.proto.Code[made], min(fields, maxSize))
	return t
}

func (f *function) setList(table, items, pending int) {
	batch := (items-1)/lua.FieldsPerFlush + 1
	if pending == multRet {
		pending = 0
	}
	if batch <= maxSize {
		f.abc(lua.OP_SETLIST, table, pending, batch)
	} else {
		f.abc(lua.OP_SETLIST, table, pending, 0)
		f.emit(uint32(batch))
	}
	f.free = table + 1
}

func (f *function) closure(e *ast.FunctionExpr) value {
	in := newFunction(f.c, f)
	p := in.proto
	p.LineDefined, p.LastLineDefined = e.Line(), e.LastLine()
	in.line = e.Line()
	in.begin(false)
	in.declare(e.ParList.Names...)
	p.NumParameters = uint8(len(e.ParList.Names))
	if e.ParList.HasVargs {
		p.IsVarArg = lua.VarArgHasArg | lua.VarArgIsVarArg | lua.VarArgNeedsArg
		in.declare("arg")
	}
	in.reserve(len(in.active))
	in.stmts(e.Stmts)
	in.close()
	f.line = e.Line()
	f.proto.FunctionPrototypes = append(f.proto.FunctionPrototypes, p)
	v := val(kReloc, f.abx(lua.OP_CLOSURE, 0, len(f.proto.FunctionPrototypes)-1))
	for _, u := range in.upvals {
		op := lua.OP_GETUPVAL
		if u.local {
			op = lua.OP_MOVE
		}
		f.abc(op, 0, u.index, 0)
	}
	return v
}

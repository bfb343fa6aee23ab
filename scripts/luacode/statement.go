package luacode

import (
	"slices"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/scripts/luasyntax"
)

// Statements, after lparser.c of Lua 5.1.

func (f *function) blockOf(list []ast.Stmt) {
	f.begin(false)
	f.stmts(list)
	f.end()
}

func (f *function) stmts(list []ast.Stmt) {
	for _, s := range list {
		f.line = s.Line()
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
		start := f.pc()
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
		f.breakStmt()
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
	}
	f.patchToHere(leave)
}

func (f *function) repeat(s *ast.RepeatStmt) {
	start := f.pc()
	f.begin(true)
	inner := f.begin(false)
	f.stmts(s.Stmts)
	again := f.condition(s.Condition)
	if inner.captured {
		f.breakStmt()
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
		to[i] = f.expr(e)
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
		key := &ast.StringExpr{Value: s.Name.Method}
		key.SetLine(s.Name.Receiver.Line())
		to = f.field(f.expr(s.Name.Receiver), key)
		params := &ast.ParList{HasVargs: fn.ParList.HasVargs, Names: append([]string{"self"}, fn.ParList.Names...)}
		fn = &ast.FunctionExpr{ExprBase: fn.ExprBase, ParList: params, Stmts: fn.Stmts}
	} else {
		to = f.expr(s.Name.Func)
	}
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
	values := []given{{s.Init, 0}, {s.Limit, 0}, {s.Step, 0}}
	if s.Step == nil {
		values[2].Expr = &ast.NumberExpr{Value: "1"}
		values[2].SetLine(s.LastLine())
	}
	if slices.ContainsFunc(values, func(o given) bool { return !luasyntax.IsNumber(o.Expr) }) {
		call := f.callOperator(opLoop, s.LastLine(), values...)
		f.setReturns(&call, 3)
		f.reserve(2)
	} else {
		for _, o := range values {
			v := f.expr(o.Expr)
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

// genericFor calls the iterator as any function is called, where gopher-lua's own instruction would break a wait in it.
// That is faster with those of Lua itself, which never wait.
func (f *function) genericFor(s *ast.GenericForStmt) {
	f.begin(true)
	base := f.free
	n, v := f.exprs(s.Exprs)
	f.adjust(3, n, &v)
	f.declare("(for generator)", "(for state)", "(for control)")
	f.checkStack(max(3, len(s.Names)) + 1)
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

func (f *function) isGlobal(name string) bool { return f.c.vars[name] == nil }

package luacode

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// Expressions, after lparser.c and lcode.c of Lua 5.1.

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

// Operators.

func (v *value) isNumeral() bool { return v.kind == kNumber && v.t == noJump && v.f == noJump }

// fold computes what has only constants for operands, unless the result is none that a constant can be.
func fold(op int, a, b *value) bool {
	if !a.isNumeral() || !b.isNumeral() {
		return false
	}
	var r float64
	switch op {
	case lua.OP_ADD:
		r = a.num + b.num
	case lua.OP_SUB:
		r = a.num - b.num
	case lua.OP_MUL:
		r = a.num * b.num
	case lua.OP_DIV:
		if b.num == 0 {
			return false
		}
		r = a.num / b.num
	case lua.OP_UNM:
		r = -a.num
	default:
		return false
	}
	if r != r {
		return false
	}
	a.num = r
	return true
}

func (f *function) arith(op int, a, b *value) {
	if fold(op, a, b) {
		return
	}
	right := 0
	if op != lua.OP_UNM && op != lua.OP_LEN {
		right = f.toRK(b)
	}
	left := f.toRK(a)
	if left > right {
		f.freeValue(a)
		f.freeValue(b)
	} else {
		f.freeValue(b)
		f.freeValue(a)
	}
	*a = value{kind: kReloc, info: f.abc(op, 0, left, right), t: noJump, f: noJump}
}

func (f *function) compare(op, cond int, a, b *value) {
	left, right := f.toRK(a), f.toRK(b)
	f.freeValue(b)
	f.freeValue(a)
	if cond == 0 && op != lua.OP_EQ { // a > b is b < a
		left, right = right, left
		cond = 1
	}
	*a = val(kJump, f.condJump(op, cond, left, right))
}

// binary is an operator between two expressions: one of those that guard leaves.
func (f *function) binary(op string, left, right ast.Expr, line int) value {
	a := f.expr(left)
	switch op {
	case "and":
		f.ifTrue(&a)
		b := f.expr(right)
		f.discharge(&b)
		b.f = f.join(b.f, a.f)
		return b
	case "or":
		f.ifFalse(&a)
		b := f.expr(right)
		f.discharge(&b)
		b.t = f.join(b.t, a.t)
		return b
	}
	if !a.isNumeral() || op == "==" || op == "~=" || op == "<" || op == "<=" || op == ">" || op == ">=" {
		f.toRK(&a)
	}
	b := f.expr(right)
	f.line = line
	switch op {
	case "+":
		f.arith(lua.OP_ADD, &a, &b)
	case "-":
		f.arith(lua.OP_SUB, &a, &b)
	case "*":
		f.arith(lua.OP_MUL, &a, &b)
	case "/":
		f.arith(lua.OP_DIV, &a, &b)
	case "==":
		f.compare(lua.OP_EQ, 1, &a, &b)
	case "~=":
		f.compare(lua.OP_EQ, 0, &a, &b)
	case "<":
		f.compare(lua.OP_LT, 1, &a, &b)
	case "<=":
		f.compare(lua.OP_LE, 1, &a, &b)
	case ">":
		f.compare(lua.OP_LT, 0, &a, &b)
	case ">=":
		f.compare(lua.OP_LE, 0, &a, &b)
	}
	return a
}

func (f *function) unary(op int, operand ast.Expr, line int) value {
	v := f.expr(operand)
	f.line = line
	if op == lua.OP_NOT {
		f.not(&v)
		return v
	}
	zero := value{kind: kNumber, t: noJump, f: noJump}
	if op == lua.OP_LEN || !v.isNumeral() {
		f.toAnyReg(&v)
	}
	f.arith(op, &v, &zero)
	return v
}

package luacode

import (
	"fmt"
	"slices"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/scripts/lauxlib"
)

// Expressions, after lparser.c and lcode.c of Lua 5.1.

// expr leaves f.line at the line in which the expression ends, as Lua has it when it goes on from there.
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
		n, _ := lauxlib.ParseNumber(e.Value)
		return value{kind: kNumber, num: n, t: noJump, f: noJump}
	case *ast.StringExpr:
		return val(kConst, f.stringConst(e.Value))
	case *ast.Comma3Expr:
		return f.vararg(e)
	case *ast.IdentExpr:
		return f.variable(e.Value)
	case *ast.AttrGetExpr, *ast.FuncCallExpr:
		return f.suffixed(e)
	case *ast.TableExpr:
		return f.table(e)
	case *ast.LogicalOpExpr, *ast.RelationalOpExpr, *ast.ArithmeticOpExpr:
		return f.operations(e)
	case *ast.StringConcatOpExpr:
		return f.concat(e)
	case *ast.UnaryMinusOpExpr:
		return f.unary(lua.OP_UNM, e.Expr, e.Line())
	case *ast.UnaryNotOpExpr:
		return f.unary(lua.OP_NOT, e.Expr, e.Line())
	case *ast.UnaryLenOpExpr:
		if f.c.lengths {
			return f.callOperator(opLen, e.Line(), given{e.Expr, 0})
		}
		return f.unary(lua.OP_LEN, e.Expr, e.Line())
	case *ast.FunctionExpr:
		return f.closure(e)
	}
	panic(fmt.Sprintf("luacode: no code for a %T", expr))
}

func (f *function) vararg(e *ast.Comma3Expr) value {
	f.proto.IsVarArg &^= lua.VarArgNeedsArg
	v := val(kVararg, f.abc(lua.OP_VARARG, 0, 1, 0))
	if e.AdjustRet {
		f.discharge(&v)
	}
	return v
}

// suffixed is an expression with fields and calls behind it: a chain that may be long, so it is gone through from its
// beginning, without recursion.
func (f *function) suffixed(e ast.Expr) value {
	var room [8]ast.Expr
	chain := room[:0]
	for e != nil {
		chain = append(chain, e)
		switch of := e.(type) {
		case *ast.AttrGetExpr:
			e = of.Object
		case *ast.FuncCallExpr:
			if e = of.Func; e == nil {
				e = of.Receiver
			}
		default:
			e = nil
		}
	}
	var v value
	for i, e := range slices.Backward(chain) {
		switch e := e.(type) {
		case *ast.AttrGetExpr:
			v = f.field(v, e.Key)
			f.line = e.Line()
		case *ast.FuncCallExpr:
			v = f.call(v, e)
		default:
			v = f.expr(chain[i])
		}
	}
	return v
}

func (f *function) field(object value, key ast.Expr) value {
	f.toAnyReg(&object)
	k := f.expr(key)
	f.toValue(&k)
	object.aux = f.toRK(&k)
	object.kind = kIndexed
	return object
}

// call is a call of a function, or of a method of an object.
func (f *function) call(v value, e *ast.FuncCallExpr) value {
	if e.Func != nil {
		f.toNextReg(&v)
	} else {
		key := val(kConst, f.stringConst(e.Method))
		f.line = e.Line()
		f.self(&v, &key)
	}
	base := v.info
	_, last := f.exprs(e.Args)
	f.line = e.LastLine()
	return f.callWith(base, &last, callName(e), e.Line(), e.LastLine(), e.AdjustRet)
}

// callWith calls the function in register base with what is in the registers behind it and a last value.
func (f *function) callWith(base int, last *value, name string, line, end int, one bool) value {
	n := multRet
	if last.kind == kCall || last.kind == kVararg {
		f.setReturns(last, multRet)
	} else {
		if last.kind != kVoid {
			f.toNextReg(last)
		}
		n = f.free - (base + 1)
	}
	f.line = line
	v := val(kCall, f.abc(lua.OP_CALL, base, n+1, 2))
	f.line = end
	f.proto.DbgCalls = append(f.proto.DbgCalls, lua.DbgCall{Name: name, Pc: v.info})
	f.free = base + 1
	if one {
		f.discharge(&v)
	}
	return v
}

// nameless is what a function is called that has no name.
const nameless = "?"

// callName is what the function is called that e calls.
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
	if name == "" {
		return nameless
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
	f.line = e.LastLine()
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
	f.line = e.LastLine()
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
	case lua.OP_MOD:
		if b.num == 0 {
			return false
		}
		r = luaMod(a.num, b.num)
	case lua.OP_POW:
		r = luaPow(a.num, b.num)
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

// operations is an operator with its operands. The left one may be another, and so on: that is gone through from its
// beginning, without recursion.
func (f *function) operations(expr ast.Expr) value {
	var room [8]operation
	chain := room[:0]
	for {
		o := operationOf(expr)
		if o.right == nil {
			break
		}
		chain = append(chain, o)
		expr = o.left
	}
	v := f.expr(expr)
	for _, o := range slices.Backward(chain) {
		v = f.binary(v, o)
	}
	return v
}

// operation is an operator between two expressions.
type operation struct {
	sign        string
	left, right ast.Expr
	line        int // where the right one ends
	at          int // where the operator is
}

// operationOf is what an expression is, if it is one. Then it has a right operand.
func operationOf(expr ast.Expr) operation {
	switch e := expr.(type) {
	case *ast.LogicalOpExpr:
		return operation{e.Operator, e.Lhs, e.Rhs, e.Line(), e.LastLine()}
	case *ast.RelationalOpExpr:
		return operation{e.Operator, e.Lhs, e.Rhs, e.Line(), e.LastLine()}
	case *ast.ArithmeticOpExpr:
		return operation{e.Operator, e.Lhs, e.Rhs, e.Line(), e.LastLine()}
	}
	return operation{}
}

// binary is an operator with its left operand.
func (f *function) binary(a value, o operation) value {
	f.line = o.at
	switch o.sign {
	case "and":
		f.ifTrue(&a)
		b := f.expr(o.right)
		f.discharge(&b)
		b.f = f.join(b.f, a.f)
		return b
	case "or":
		f.ifFalse(&a)
		b := f.expr(o.right)
		f.discharge(&b)
		b.t = f.join(b.t, a.t)
		return b
	case "+", "-", "*", "/", "%", "^":
		if !a.isNumeral() {
			f.toRK(&a)
		}
	default:
		f.toRK(&a)
	}
	b := f.expr(o.right)
	f.line = o.line
	switch o.sign {
	case "+":
		f.arith(lua.OP_ADD, &a, &b)
	case "-":
		f.arith(lua.OP_SUB, &a, &b)
	case "*":
		f.arith(lua.OP_MUL, &a, &b)
	case "/":
		f.arith(lua.OP_DIV, &a, &b)
	case "%":
		f.arith(lua.OP_MOD, &a, &b)
	case "^":
		f.arith(lua.OP_POW, &a, &b)
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

// given is an operand of an operator that is a call, and the line in which it is put where the call wants it, 0 for the one in
// which it ends.
type given struct {
	ast.Expr
	at int
}

// concat makes concat(a, b, c) of a .. b .. c, which is a .. (b .. c).
func (f *function) concat(e *ast.StringConcatOpExpr) value {
	var room [8]given
	args := room[:0]
	for {
		args = append(args, given{e.Lhs, e.LastLine()})
		next, ok := e.Rhs.(*ast.StringConcatOpExpr)
		if !ok {
			return f.callOperator(opConcat, e.Line(), append(args, given{e.Rhs, 0})...)
		}
		e = next
	}
}

// callOperator is an operator that is a call, with one value of each operand.
func (f *function) callOperator(op, line int, operands ...given) value {
	fn := f.variable(opNames[op])
	f.toNextReg(&fn)
	for _, o := range operands {
		v := f.expr(o.Expr)
		if o.at != 0 {
			f.line = o.at
		}
		f.toNextReg(&v)
	}
	none := val(kVoid, 0)
	return f.callWith(fn.info, &none, nameless, line, line, op != opLoop)
}

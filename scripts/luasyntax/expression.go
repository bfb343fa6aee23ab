package luasyntax

import "github.com/yuin/gopher-lua/ast"

func (p *parser) exprs() []ast.Expr {
	list := []ast.Expr{p.expr()}
	for p.accept(',') {
		list = append(list, p.expr())
	}
	return list
}

func (p *parser) expr() ast.Expr { return p.operation(0) }

// power is how strongly an operator binds to what is on its sides.
type power struct{ left, right int }

var powers = [kEnded + 1]power{
	'+': {6, 6}, '-': {6, 6}, '*': {7, 7}, '/': {7, 7}, '%': {7, 7}, '^': {10, 9}, kConcat: {5, 4},
	kUnequal: {3, 3}, kEqual: {3, 3}, '<': {3, 3}, kAtMost: {3, 3}, '>': {3, 3}, kAtLeast: {3, 3},
	kAnd: {2, 2}, kOr: {1, 1},
}

const unaryPower = 8

// operation is an expression whose operators bind more strongly than the limit.
func (p *parser) operation(limit int) ast.Expr {
	p.enter()
	var e ast.Expr
	switch p.tok.kind {
	case '-':
		p.next()
		e = &ast.UnaryMinusOpExpr{Expr: p.operation(unaryPower)}
		lines(e, p.last, 0)
	case kNot:
		p.next()
		e = &ast.UnaryNotOpExpr{Expr: p.operation(unaryPower)}
		lines(e, p.last, 0)
	case '#':
		p.next()
		p.chunk.Signs["#"] = true
		e = &ast.UnaryLenOpExpr{Expr: p.operation(unaryPower)}
		lines(e, p.last, 0)
	default:
		e = p.simple()
	}
	for {
		sign := p.tok.kind
		by := powers[sign]
		if by.left <= limit {
			break
		}
		p.next()
		line := p.last
		e = p.binary(sign, e, p.operation(by.right))
		lines(e, p.last, line)
	}
	p.leave()
	return e
}

// binary is an operator with its operands. Its line is the one in which the right one ends, its last line its own.
func (p *parser) binary(sign kind, left, right ast.Expr) ast.Expr {
	switch sign {
	case kAnd, kOr:
		return &ast.LogicalOpExpr{Operator: sign.String(), Lhs: left, Rhs: right}
	case kEqual, kUnequal, '<', '>', kAtMost, kAtLeast:
		return &ast.RelationalOpExpr{Operator: sign.String(), Lhs: left, Rhs: right}
	case kConcat:
		p.chunk.Signs[".."] = true
		return &ast.StringConcatOpExpr{Lhs: left, Rhs: right}
	}
	return &ast.ArithmeticOpExpr{Operator: sign.String(), Lhs: left, Rhs: right}
}

func (p *parser) simple() ast.Expr {
	var e ast.Expr
	switch p.tok.kind {
	case kNumber:
		e = &ast.NumberExpr{Value: p.tok.text}
	case kString:
		e = &ast.StringExpr{Value: p.tok.text}
	case kNil:
		e = &ast.NilExpr{}
	case kTrue:
		e = &ast.TrueExpr{}
	case kFalse:
		e = &ast.FalseExpr{}
	case kDots:
		if !p.scope.vararg {
			p.fail("cannot use '...' outside a vararg function")
		}
		e = &ast.Comma3Expr{}
	case '{':
		return p.table()
	case kFunction:
		p.next()
		return p.body(false, p.lex.line)
	default:
		e, _ = p.suffixed()
		return e
	}
	p.next()
	return lines(e, p.last, 0)
}

// What an expression with suffixes can be used as.
const (
	isCall = iota
	isVariable
	isValue
)

// suffixed is a name or something in brackets, with fields and calls behind it.
func (p *parser) suffixed() (e ast.Expr, what int) {
	switch p.tok.kind {
	case '(':
		e, what = p.bracketed(), isValue
	case kName:
		e, what = p.variable(), isVariable
	default:
		p.fail("unexpected symbol")
	}
	for {
		switch p.tok.kind {
		case '.':
			e, what = p.field(e), isVariable
		case '[':
			key := p.key()
			e, what = lines(&ast.AttrGetExpr{Object: e, Key: key}, p.last, 0), isVariable
		case ':':
			p.next()
			c := &ast.FuncCallExpr{Receiver: e, Method: p.name()}
			e, what = p.call(c), isCall
		case '(', '{', kString:
			e, what = p.call(&ast.FuncCallExpr{Func: e}), isCall
		default:
			return e, what
		}
	}
}

// bracketed is an expression in brackets, which has one value.
func (p *parser) bracketed() ast.Expr {
	line := p.lex.line
	p.next()
	e := p.expr()
	p.wantClosing(')', '(', line)
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}

// variable is a name that is used as one.
func (p *parser) variable() ast.Expr {
	name := p.name()
	p.use(name)
	return lines(&ast.IdentExpr{Value: name}, p.last, 0)
}

// field is what has the name behind a dot.
func (p *parser) field(of ast.Expr) ast.Expr {
	p.next()
	key := &ast.StringExpr{Value: p.name()}
	return lines(&ast.AttrGetExpr{Object: of, Key: lines(key, p.last, 0)}, p.last, 0)
}

// key is an index in square brackets.
func (p *parser) key() ast.Expr {
	p.next()
	e := p.expr()
	p.want(']')
	return e
}

// call reads the arguments of one. Its line is the one in which these begin.
func (p *parser) call(c *ast.FuncCallExpr) ast.Expr {
	line := p.lex.line
	switch p.tok.kind {
	case '(':
		if line != p.last {
			p.fail("ambiguous syntax (function call x new statement)")
		}
		p.next()
		if p.tok.kind != ')' {
			c.Args = p.exprs()
		}
		p.wantClosing(')', '(', line)
	case '{':
		c.Args = []ast.Expr{p.table()}
	case kString:
		c.Args = []ast.Expr{lines(&ast.StringExpr{Value: p.tok.text}, line, 0)}
		p.next()
	default:
		p.fail("function arguments expected")
	}
	return lines(c, line, p.last)
}

func (p *parser) table() ast.Expr {
	line := p.lex.line
	t := &ast.TableExpr{}
	p.want('{')
	for p.tok.kind != '}' {
		t.Fields = append(t.Fields, p.item())
		if !p.accept(',') && !p.accept(';') {
			break
		}
	}
	p.wantClosing('}', '{', line)
	return lines(t, line, p.last)
}

// item is one of a table: key = value, or a value.
func (p *parser) item() *ast.Field {
	f := &ast.Field{}
	switch {
	case p.tok.kind == '[':
		f.Key = p.key()
		p.want('=')
	case p.tok.kind == kName && p.peek() == '=':
		key := &ast.StringExpr{Value: p.name()}
		f.Key = lines(key, p.last, 0)
		p.next()
	}
	f.Value = p.expr()
	return f
}

// body is a function from its parameters on. Its last line is that of its end.
func (p *parser) body(self bool, line int) *ast.FunctionExpr {
	s := &scope{outer: p.scope, line: line}
	p.scope = s
	f := &ast.FunctionExpr{ParList: &ast.ParList{}}
	p.want('(')
	if self {
		p.declare("self")
	}
	if p.tok.kind != ')' {
		p.params(f.ParList)
	}
	p.declare(f.ParList.Names...)
	if f.ParList.HasVargs {
		p.declare("arg")
	}
	p.want(')')
	f.Stmts = p.stmts()
	end := p.lex.line
	p.wantClosing(kEnd, kFunction, line)
	p.hide(0)
	p.scope = s.outer
	return lines(f, line, end)
}

func (p *parser) params(list *ast.ParList) {
	for again := true; again; again = !list.HasVargs && p.accept(',') {
		switch p.tok.kind {
		case kName:
			name := p.name()
			p.room(len(list.Names) + 1)
			list.Names = append(list.Names, name)
		case kDots:
			p.next()
			p.room(len(list.Names) + 1) // of arg
			list.HasVargs = true
			p.scope.vararg = true
		default:
			p.fail("<name> or '...' expected")
		}
	}
}

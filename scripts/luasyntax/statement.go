package luasyntax

import "github.com/yuin/gopher-lua/ast"

// stmts are the statements up to what ends a block.
func (p *parser) stmts() (list []ast.Stmt) {
	p.enter()
	for !p.blockEnds() {
		last := p.tok.kind == kReturn || p.tok.kind == kBreak
		list = append(list, p.stmt())
		p.accept(';')
		if last {
			break
		}
	}
	p.leave()
	return list
}

func (p *parser) blockEnds() bool {
	switch p.tok.kind {
	case kElse, kElseif, kEnd, kUntil, kEnded:
		return true
	}
	return false
}

// block is a block with variables of its own.
func (p *parser) block() []ast.Stmt {
	before := len(p.scope.locals)
	list := p.stmts()
	p.hide(before)
	return list
}

func (p *parser) stmt() ast.Stmt {
	line := p.lex.line
	switch p.tok.kind {
	case kIf:
		return p.ifStmt(line)
	case kWhile:
		p.next()
		s := &ast.WhileStmt{Condition: p.expr()}
		p.want(kDo)
		s.Stmts = p.loop()
		p.wantClosing(kEnd, kWhile, line)
		return lines(s, line, 0)
	case kDo:
		p.next()
		s := &ast.DoBlockStmt{Stmts: p.block()}
		p.wantClosing(kEnd, kDo, line)
		return lines(s, line, 0)
	case kFor:
		return p.forStmt(line)
	case kRepeat:
		return p.repeatStmt(line)
	case kFunction:
		return p.functionStmt(line)
	case kLocal:
		p.next()
		if p.accept(kFunction) {
			return p.localFunction(line)
		}
		return p.localStmt(line)
	case kReturn:
		p.next()
		s := &ast.ReturnStmt{}
		if !p.blockEnds() && p.tok.kind != ';' {
			s.Exprs = p.exprs()
		}
		return lines(s, line, 0)
	case kBreak:
		p.next()
		if p.scope.loops == 0 {
			p.fail("no loop to break")
		}
		return lines(&ast.BreakStmt{}, line, 0)
	}
	return p.exprStmt(line)
}

// loop is the body of a loop.
func (p *parser) loop() []ast.Stmt {
	p.scope.loops++
	list := p.block()
	p.scope.loops--
	return list
}

func (p *parser) ifStmt(line int) ast.Stmt {
	first := p.thenBlock()
	for last := first; ; {
		if p.tok.kind == kElseif {
			next := p.thenBlock()
			last.Else = []ast.Stmt{next}
			last = next
			continue
		}
		if p.accept(kElse) {
			last.Else = p.block()
		}
		p.wantClosing(kEnd, kIf, line)
		return first
	}
}

// thenBlock is "if" or "elseif" with what is done then.
func (p *parser) thenBlock() *ast.IfStmt {
	line := p.lex.line
	p.next()
	s := &ast.IfStmt{Condition: p.expr()}
	p.want(kThen)
	s.Then = p.block()
	return lines(s, line, 0)
}

func (p *parser) repeatStmt(line int) ast.Stmt {
	before := len(p.scope.locals)
	p.next()
	p.scope.loops++
	s := &ast.RepeatStmt{Stmts: p.stmts()}
	p.scope.loops--
	p.wantClosing(kUntil, kRepeat, line)
	s.Condition = p.expr() // which sees the variables of the body
	p.hide(before)
	return lines(s, line, 0)
}

// forStmt is a loop. A numeric one has for its last line that of its "do", where its values are looked at; a generic one has
// for its line the one in which its iterator begins.
func (p *parser) forStmt(line int) (s ast.Stmt) {
	before := len(p.scope.locals)
	p.next()
	first := p.name()
	switch p.tok.kind {
	case '=':
		s = p.numberFor(first, line)
	case ',', kIn:
		s = p.genericFor(first)
	default:
		p.fail("'=' or 'in' expected")
	}
	p.wantClosing(kEnd, kFor, line)
	p.hide(before)
	return s
}

func (p *parser) numberFor(name string, line int) ast.Stmt {
	p.room(4)
	p.next()
	s := &ast.NumberForStmt{Name: name, Init: p.expr()}
	p.want(',')
	s.Limit = p.expr()
	if p.accept(',') {
		s.Step = p.expr()
	}
	if !IsNumber(s.Init) || !IsNumber(s.Limit) || s.Step != nil && !IsNumber(s.Step) {
		p.chunk.Signs["for"] = true
	}
	p.declare("(for index)", "(for limit)", "(for step)")
	p.want(kDo)
	do := p.last
	p.declare(name)
	s.Stmts = p.loop()
	return lines(s, line, do)
}

func (p *parser) genericFor(first string) ast.Stmt {
	p.room(4)
	s := &ast.GenericForStmt{Names: []string{first}}
	for p.accept(',') {
		name := p.name()
		p.room(4 + len(s.Names))
		s.Names = append(s.Names, name)
	}
	p.want(kIn)
	line := p.lex.line
	s.Exprs = p.exprs()
	p.declare("(for generator)", "(for state)", "(for control)")
	p.want(kDo)
	p.declare(s.Names...)
	s.Stmts = p.loop()
	return lines(s, line, 0)
}

// functionStmt is function a.b:c() … end.
func (p *parser) functionStmt(line int) ast.Stmt {
	p.next()
	name := &ast.FuncName{Func: p.variable()}
	for p.tok.kind == '.' {
		name.Func = p.field(name.Func)
	}
	self := p.accept(':')
	if self {
		name.Receiver, name.Func, name.Method = name.Func, nil, p.name()
	}
	return lines(&ast.FuncDefStmt{Name: name, Func: p.body(self, line)}, line, 0)
}

// localFunction is the only local statement with a last line.
func (p *parser) localFunction(line int) ast.Stmt {
	name := p.name()
	p.room(1)
	p.declare(name)
	body := p.body(false, p.lex.line)
	return lines(&ast.LocalAssignStmt{Names: []string{name}, Exprs: []ast.Expr{body}}, line, body.LastLine())
}

func (p *parser) localStmt(line int) ast.Stmt {
	s := &ast.LocalAssignStmt{}
	for again := true; again; again = p.accept(',') {
		name := p.name()
		p.room(len(s.Names) + 1)
		s.Names = append(s.Names, name)
	}
	if p.accept('=') {
		s.Exprs = p.exprs()
	}
	p.declare(s.Names...)
	return lines(s, line, 0)
}

// exprStmt is a call or an assignment.
func (p *parser) exprStmt(line int) ast.Stmt {
	e, what := p.suffixed()
	if what == isCall {
		return lines(&ast.FuncCallStmt{Expr: e}, line, 0)
	}
	s := &ast.AssignStmt{}
	for {
		if what != isVariable {
			p.fail("syntax error")
		}
		s.Lhs = append(s.Lhs, e)
		if !p.accept(',') {
			break
		}
		e, what = p.suffixed()
		p.limit(p.scope, len(s.Lhs), maxCalls-p.calls, "variables in assignment")
	}
	p.want('=')
	s.Rhs = p.exprs()
	return lines(s, line, 0)
}

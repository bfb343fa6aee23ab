package luacode

import (
	"fmt"
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/scripts/luastring"
)

// maxNesting is how deep a syntax tree may be. Compiling takes about 2 KiB of stack a level. Long chains of elseif or "+"
// count, too; a thousand of either is fine.
const maxNesting = 4000

// maxOperands is how many operands of ".." go into one call; they are in registers, of which a function has some 200.
const maxOperands = 40

// Names that no script can spell.
const (
	concatName  = "\x00concat"
	iterateName = "\x00iterate"
	stateName   = "\x00state"
	controlName = "\x00control"
	valueName   = "\x00value"
)

// guarding rewrites a syntax tree in place.
type guarding struct {
	file    string
	depth   int
	concats bool // some ".." was found
}

// guard rewrites what must not run as it stands. A tree that is too deep is a *SyntaxError.
func guard(chunk []ast.Stmt, file string) (guarded []ast.Stmt, err error) {
	g := &guarding{file: file}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			guarded, err = nil, e
		}
	}()
	g.stmts(chunk)
	if g.concats {
		// local concat = (""):concat, by way of the metatable of strings, which every environment has.
		get := at(&ast.AttrGetExpr{Object: at(&ast.StringExpr{}, 1), Key: at(&ast.StringExpr{Value: luastring.ConcatName}, 1)}, 1)
		chunk = append([]ast.Stmt{at(&ast.LocalAssignStmt{Names: []string{concatName}, Exprs: []ast.Expr{get}}, 1)}, chunk...)
	}
	return chunk, nil
}

// at gives a new node its line.
func at[N ast.PositionHolder](n N, line int) N {
	n.SetLine(line)
	n.SetLastLine(line)
	return n
}

// enter counts a level. The caller subtracts it again.
func (g *guarding) enter(n ast.PositionHolder) {
	if g.depth++; g.depth > maxNesting {
		panic(&SyntaxError{g.file, n.Line(), "chunk has too many syntax levels"})
	}
}

func (g *guarding) stmts(list []ast.Stmt) {
	for i, s := range list {
		list[i] = g.stmt(s)
	}
}

func (g *guarding) exprs(list []ast.Expr) {
	for i, e := range list {
		list[i] = g.expr(e)
	}
}

func (g *guarding) stmt(stmt ast.Stmt) ast.Stmt {
	g.enter(stmt)
	defer func() { g.depth-- }()
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		g.exprs(s.Lhs)
		g.exprs(s.Rhs)
		return assignment(s)
	case *ast.LocalAssignStmt:
		g.exprs(s.Exprs)
	case *ast.FuncCallStmt:
		s.Expr = g.expr(s.Expr)
	case *ast.DoBlockStmt:
		g.stmts(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = g.expr(s.Condition)
		g.stmts(s.Stmts)
	case *ast.RepeatStmt:
		s.Condition = g.expr(s.Condition)
		g.stmts(s.Stmts)
	case *ast.IfStmt:
		s.Condition = g.expr(s.Condition)
		g.stmts(s.Then)
		g.stmts(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit, s.Step = g.expr(s.Init), g.expr(s.Limit), g.expr(s.Step)
		g.stmts(s.Stmts)
	case *ast.GenericForStmt:
		g.exprs(s.Exprs)
		g.stmts(s.Stmts)
		if !cannotWait(s.Exprs) {
			return while(s)
		}
	case *ast.FuncDefStmt:
		g.expr(s.Name.Func)
		if s.Name.Receiver != nil {
			g.expr(s.Name.Receiver)
		}
		g.expr(s.Func)
	case *ast.ReturnStmt:
		g.exprs(s.Exprs)
	}
	return stmt
}

// assignment sees to it that no call's function lands in a variable that its arguments are yet to be taken from. Of
// x = (f(x)) and x, y = f(x), 1, where x is the last parameter, gopher-lua puts f into x before it looks at x.
func assignment(s *ast.AssignStmt) ast.Stmt {
	if len(s.Lhs) == 1 && len(s.Rhs) == 1 {
		if call, ok := s.Rhs[0].(*ast.FuncCallExpr); ok {
			call.AdjustRet = false // one value is what is taken anyway
		}
		return s
	}
	calls := slices.ContainsFunc(s.Rhs, func(e ast.Expr) bool { _, ok := e.(*ast.FuncCallExpr); return ok })
	if !calls {
		return s
	}
	// do local t1, t2 = f(x), 1; x, y = t1, t2 end
	line := s.Line()
	values := at(&ast.LocalAssignStmt{Exprs: s.Rhs}, line)
	s.Rhs = nil
	for i := range s.Lhs {
		name := fmt.Sprint(valueName, i)
		values.Names = append(values.Names, name)
		s.Rhs = append(s.Rhs, ident(name, line))
	}
	return at(&ast.DoBlockStmt{Stmts: []ast.Stmt{values, s}}, line)
}

func (g *guarding) expr(expr ast.Expr) ast.Expr {
	if expr == nil {
		return nil
	}
	g.enter(expr)
	defer func() { g.depth-- }()
	switch e := expr.(type) {
	case *ast.AttrGetExpr:
		e.Object, e.Key = g.expr(e.Object), g.expr(e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			f.Key, f.Value = g.expr(f.Key), g.expr(f.Value)
		}
	case *ast.FuncCallExpr:
		e.Func, e.Receiver = g.expr(e.Func), g.expr(e.Receiver)
		g.exprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = g.expr(e.Lhs), g.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = g.expr(e.Lhs), g.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = g.expr(e.Lhs), g.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = g.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = g.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = g.expr(e.Expr)
	case *ast.FunctionExpr:
		g.stmts(e.Stmts)
	case *ast.StringConcatOpExpr:
		return g.concat(e)
	}
	return expr
}

// concat makes concat(a, b, c) of a .. b .. c, which the parser gives as a .. (b .. c).
func (g *guarding) concat(e *ast.StringConcatOpExpr) ast.Expr {
	g.concats = true
	line := e.Line()
	args := []ast.Expr{g.expr(e.Lhs)}
	rest := e.Rhs
	for {
		next, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			break
		}
		args = append(args, g.expr(next.Lhs))
		rest = next.Rhs
	}
	return concatCall(append(args, g.expr(rest)), line)
}

// concatCall calls concat for the operands, by groups where there are very many.
func concatCall(args []ast.Expr, line int) ast.Expr {
	for len(args) > maxOperands {
		var groups []ast.Expr
		for len(args) > 0 {
			n := min(len(args), maxOperands)
			groups = append(groups, concatCall(args[:n:n], line))
			args = args[n:]
		}
		args = groups
	}
	// AdjustRet makes it a call in brackets: one value, and never a tail call, so that errors know their line.
	return at(&ast.FuncCallExpr{Func: ident(concatName, line), Args: args, AdjustRet: true}, line)
}

func ident(name string, line int) *ast.IdentExpr { return at(&ast.IdentExpr{Value: name}, line) }

// cannotWait reports whether the iterator is one of Lua's own, which never yield.
func cannotWait(explist []ast.Expr) bool {
	switch e := explist[0].(type) {
	case *ast.IdentExpr:
		return e.Value == "next"
	case *ast.FuncCallExpr:
		if e.Method == "gmatch" {
			return true
		}
		switch f := e.Func.(type) {
		case *ast.IdentExpr:
			return f.Value == "pairs" || f.Value == "ipairs"
		case *ast.AttrGetExpr:
			key, ok := f.Key.(*ast.StringExpr)
			return ok && key.Value == "gmatch"
		}
	}
	return false
}

// while is the loop as the manual of Lua explains it (section 2.4.5):
//
//	do
//	  local iterate, state, control = explist
//	  while true do
//	    local names = iterate(state, control)
//	    if name1 == nil then break end
//	    control = name1
//	    do block end
//	  end
//	end
func while(s *ast.GenericForStmt) ast.Stmt {
	line := s.Line()
	call := at(&ast.FuncCallExpr{Func: ident(iterateName, line), Args: []ast.Expr{ident(stateName, line), ident(controlName, line)}}, line)
	end := at(&ast.RelationalOpExpr{Operator: "==", Lhs: ident(s.Names[0], line), Rhs: at(&ast.NilExpr{}, line)}, line)
	body := []ast.Stmt{
		at(&ast.LocalAssignStmt{Names: s.Names, Exprs: []ast.Expr{call}}, line),
		at(&ast.IfStmt{Condition: end, Then: []ast.Stmt{at(&ast.BreakStmt{}, line)}}, line),
		at(&ast.AssignStmt{Lhs: []ast.Expr{ident(controlName, line)}, Rhs: []ast.Expr{ident(s.Names[0], line)}}, line),
		at(&ast.DoBlockStmt{Stmts: s.Stmts}, line),
	}
	loop := at(&ast.WhileStmt{Condition: at(&ast.TrueExpr{}, line), Stmts: body}, line)
	first := at(&ast.LocalAssignStmt{Names: []string{iterateName, stateName, controlName}, Exprs: s.Exprs}, line)
	whole := at(&ast.DoBlockStmt{Stmts: []ast.Stmt{first, loop}}, line)
	for _, n := range []ast.PositionHolder{body[3], loop, whole} {
		n.SetLastLine(s.LastLine())
	}
	return whole
}

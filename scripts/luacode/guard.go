package luacode

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// maxNesting is how deep a syntax tree may be. Compiling takes about 2 KiB of stack a level. Long chains of elseif or "+"
// count, too; a thousand of either is fine.
const maxNesting = 4000

// maxOperands is how many operands of ".." go into one call; they are in registers, of which a function has some 200.
const maxOperands = 40

// guarding rewrites a syntax tree in place.
type guarding struct {
	file    string
	depth   int
	lengths bool         // "#" is a call: some table may have __len, which Lua 5.1 does not look at
	used    [numOps]bool // operators that are calls
}

// guard rewrites what must not run as it stands. It panics with a *SyntaxError where the tree is too deep.
func guard(chunk []ast.Stmt, file string, lengths bool) []ast.Stmt {
	g := &guarding{file: file, lengths: lengths}
	g.stmts(chunk)
	var first []ast.Stmt
	for op, used := range g.used {
		if used { // local op = -"op", by way of the metatable of strings, which every environment has
			get := at(&ast.UnaryMinusOpExpr{Expr: at(&ast.StringExpr{Value: opNames[op]}, 1)}, 1)
			first = append(first, at(&ast.LocalAssignStmt{Names: []string{opNames[op]}, Exprs: []ast.Expr{get}}, 1))
		}
	}
	return append(first, chunk...)
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
	for _, s := range list {
		g.stmt(s)
	}
}

func (g *guarding) exprs(list []ast.Expr) {
	for i, e := range list {
		list[i] = g.expr(e)
	}
}

func (g *guarding) stmt(stmt ast.Stmt) {
	g.enter(stmt)
	defer func() { g.depth-- }()
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		g.exprs(s.Lhs)
		g.exprs(s.Rhs)
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
		g.used[opLoop] = g.used[opLoop] || !isNumber(s.Init) || !isNumber(s.Limit) || s.Step != nil && !isNumber(s.Step)
		g.stmts(s.Stmts)
	case *ast.GenericForStmt:
		g.exprs(s.Exprs)
		g.stmts(s.Stmts)
	case *ast.FuncDefStmt:
		g.expr(s.Name.Func)
		if s.Name.Receiver != nil {
			g.expr(s.Name.Receiver)
		}
		g.expr(s.Func)
	case *ast.ReturnStmt:
		g.exprs(s.Exprs)
	}
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
		switch e.Operator {
		case "%":
			return g.call(opMod, e.Line(), e.Lhs, e.Rhs)
		case "^":
			return g.call(opPow, e.Line(), e.Lhs, e.Rhs)
		}
	case *ast.UnaryMinusOpExpr:
		e.Expr = g.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = g.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = g.expr(e.Expr)
		if g.lengths {
			return g.call(opLen, e.Line(), e.Expr)
		}
	case *ast.FunctionExpr:
		g.stmts(e.Stmts)
	case *ast.StringConcatOpExpr:
		return g.concat(e)
	}
	return expr
}

// concat makes concat(a, b, c) of a .. b .. c, which the parser gives as a .. (b .. c).
func (g *guarding) concat(e *ast.StringConcatOpExpr) ast.Expr {
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
	args = append(args, g.expr(rest))
	for len(args) > maxOperands {
		var groups []ast.Expr
		for group := range slices.Chunk(args, maxOperands) {
			groups = append(groups, g.call(opConcat, e.Line(), group...))
		}
		args = groups
	}
	return g.call(opConcat, e.Line(), args...)
}

func (g *guarding) call(op int, line int, args ...ast.Expr) ast.Expr {
	g.used[op] = true
	return callOf(op, line, args...)
}

// callOf calls the function of an operator, each of whose operands is one value.
func callOf(op int, line int, args ...ast.Expr) ast.Expr {
	switch last := args[len(args)-1].(type) {
	case *ast.FuncCallExpr:
		last.AdjustRet = true
	case *ast.Comma3Expr:
		last.AdjustRet = true
	}
	// AdjustRet makes it a call in brackets: one value, and never a tail call, so that errors know their line.
	return at(&ast.FuncCallExpr{Func: at(&ast.IdentExpr{Value: opNames[op]}, line), Args: args, AdjustRet: op != opLoop}, line)
}

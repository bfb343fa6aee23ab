package check

import (
	"cmp"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

func (w *walker) block(list []ast.Stmt, s *scope) {
	s = inner(s)
	for _, stmt := range list {
		w.stmt(stmt, s)
	}
}

func (w *walker) stmt(stmt ast.Stmt, s *scope) {
	switch st := stmt.(type) {
	case *ast.AssignStmt:
		w.exprs(st.Rhs, s)
		for i, e := range st.Lhs {
			name, ok := e.(*ast.IdentExpr)
			switch {
			case !ok:
				w.changes(e, s)
				if i < len(st.Rhs) {
					w.extend(e, st.Rhs[i], s)
				}
				w.expr(e, s)
			case !s.has(name.Value):
				if i >= len(st.Rhs) {
					w.define(name.Value, name.Line(), nil)
					break
				}
				w.define(name.Value, name.Line(), st.Rhs[i])
				w.policy(name.Line(), name.Value, st.Rhs[i])
				if f, ok := st.Rhs[i].(*ast.FunctionExpr); ok {
					w.function(f, s, w.known.Params[name.Value])
				}
			default: // it may be something else from now on
				w.changes(e, s)
				if of := s.of(name.Value); i >= len(st.Rhs) || of.names[name.Value] != w.typeOf(st.Rhs[i], s) {
					of.names[name.Value] = ""
				}
			}
		}
	case *ast.LocalAssignStmt:
		if len(st.Names) == 1 && len(st.Exprs) == 1 {
			if _, ok := st.Exprs[0].(*ast.FunctionExpr); ok { // it may call itself
				s.names[st.Names[0]] = ""
			}
		}
		w.exprs(st.Exprs, s)
		types := make([]string, len(st.Names))
		for i := range min(len(st.Names), len(st.Exprs)) {
			types[i] = w.typeOf(st.Exprs[i], s)
		}
		for i, n := range st.Names {
			s.names[n] = types[i]
			s.declare(n, st.Exprs, i)
			if slices.Contains(w.known.Hooks, n) {
				w.problem(st.Line(), "%s", LocalHook(n))
			}
			if n == "fail" && i < len(st.Exprs) {
				if text, ok := st.Exprs[i].(*ast.StringExpr); ok && slices.Contains(Policies, text.Value) {
					w.problem(st.Line(), LocalFail)
				}
			}
		}
	case *ast.FuncCallStmt:
		w.expr(st.Expr, s)
	case *ast.DoBlockStmt:
		w.block(st.Stmts, s)
	case *ast.WhileStmt:
		w.expr(st.Condition, s)
		w.block(st.Stmts, s)
	case *ast.RepeatStmt: // its condition sees the locals of the block
		in := inner(s)
		for _, stmt := range st.Stmts {
			w.stmt(stmt, in)
		}
		w.expr(st.Condition, in)
	case *ast.IfStmt:
		w.expr(st.Condition, s)
		w.block(st.Then, s)
		for len(st.Else) == 1 { // elseif, of which there may be very many
			next, ok := st.Else[0].(*ast.IfStmt)
			if !ok {
				break
			}
			st = next
			w.expr(st.Condition, s)
			w.block(st.Then, s)
		}
		w.block(st.Else, s)
	case *ast.NumberForStmt:
		w.exprs([]ast.Expr{st.Init, st.Limit, st.Step}, s)
		w.block(st.Stmts, inner(s, st.Name))
	case *ast.GenericForStmt:
		w.exprs(st.Exprs, s)
		w.block(st.Stmts, inner(s, st.Names...))
	case *ast.FuncDefStmt:
		var params []string
		if name, ok := st.Name.Func.(*ast.IdentExpr); ok && st.Name.Receiver == nil {
			if !s.has(name.Value) {
				w.define(name.Value, st.Line(), st.Func)
				params = w.known.Params[name.Value]
			}
		} else {
			w.changes(st.Name.Func, s)
			w.extend(st.Name.Func, st.Func, s)
			w.expr(st.Name.Func, s)
			w.expr(st.Name.Receiver, s)
		}
		if st.Name.Receiver != nil {
			w.field(st.Name.Receiver, st.Name.Method, st.Func, s)
			s = inner(s, "self")
		}
		w.function(st.Func, s, params)
	case *ast.ReturnStmt:
		w.exprs(st.Exprs, s)
	}
}

func (w *walker) exprs(list []ast.Expr, s *scope) {
	for _, e := range list {
		w.expr(e, s)
	}
}

// expr walks through an expression. Of what is a chain, such as a.b.c or a + b + c, it goes from the end to the beginning
// without recursion, since it may be very long.
func (w *walker) expr(expr ast.Expr, s *scope) {
	for expr != nil {
		expr = w.exprEnd(expr, s)
	}
}

// exprEnd walks through all of an expression but what it returns, with which it begins.
func (w *walker) exprEnd(expr ast.Expr, s *scope) (first ast.Expr) {
	switch e := expr.(type) {
	case *ast.IdentExpr:
		if !s.has(e.Value) {
			w.uses = append(w.uses, use{e.Value, e.Line()})
		}
		w.changes(e, s) // whoever has it may change it
	case *ast.AttrGetExpr:
		if name := path(e, s); name != "" {
			w.members = append(w.members, use{name, e.Line()})
			return nil
		}
		if key, ok := e.Key.(*ast.StringExpr); ok {
			w.member(w.typeOf(e.Object, s), "field", key.Value, e.Line())
		}
		w.expr(e.Key, s)
		if s.table(e.Object) != nil {
			return nil // it is only read
		}
		return e.Object
	case *ast.TableExpr:
		for _, f := range e.Fields {
			w.expr(f.Key, s)
			w.expr(f.Value, s)
		}
	case *ast.FuncCallExpr:
		return w.call(e, s)
	case *ast.LogicalOpExpr:
		w.expr(e.Rhs, s)
		return e.Lhs
	case *ast.RelationalOpExpr:
		w.expr(e.Rhs, s)
		return e.Lhs
	case *ast.StringConcatOpExpr:
		w.expr(e.Rhs, s)
		return e.Lhs
	case *ast.ArithmeticOpExpr:
		w.expr(e.Rhs, s)
		return e.Lhs
	case *ast.UnaryMinusOpExpr:
		return e.Expr
	case *ast.UnaryNotOpExpr:
		return e.Expr
	case *ast.UnaryLenOpExpr:
		return e.Expr
	case *ast.FunctionExpr:
		w.function(e, s, nil)
	}
	return nil
}

// call walks through all of a call but what is called, or is the object of a method, which it returns.
func (w *walker) call(e *ast.FuncCallExpr, s *scope) ast.Expr {
	name, method, called := "", "", e.Func
	if e.Receiver != nil {
		called = e.Receiver
		if path(called, s) == "ws76.kv" {
			w.members = append(w.members, use{"ws76.kv." + e.Method, e.Line()})
		}
		class := w.typeOf(called, s)
		w.member(class, "method", e.Method, e.Line())
		method = class + "." + e.Method
	} else if name = path(called, s); name != "" {
		if of := w.within(name); len(of) > 0 {
			w.problem(e.Line(), "%s is a table and cannot be called; in it are %s", name, strings.Join(of, ", "))
		}
	}
	options := w.known.Options[cmp.Or(method, name)]
	for i, arg := range e.Args {
		if f, ok := arg.(*ast.FunctionExpr); ok && name != "" {
			w.function(f, s, w.known.Params[name])
		} else if t := s.table(arg); t == nil || options[i] == nil {
			w.expr(arg, s)
		} else {
			w.given = append(w.given, given{t, cmp.Or(method, name), options[i]})
		}
		if t, ok := arg.(*ast.TableExpr); ok && options[i] != nil {
			w.options(t, cmp.Or(method, name), options[i])
		}
	}
	return called
}

// options looks at the keys of a table that a call gives to a function of the module or to a method, which knows keys.

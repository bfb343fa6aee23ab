package check

import "github.com/yuin/gopher-lua/ast"

// table is one that a local is set to where it is declared. As long as nothing else may have changed it, and no other value
// was given to the local, what is in it is what is written there.
type table struct {
	expr    *ast.TableExpr
	changed bool
}

// given is a table that is given to a function that knows keys. Whether it was changed is known when all was looked at.
type given struct {
	table *table
	name  string
	keys  []string
}

// declare notes that a name is the local of the i-th of some expressions.
func (s *scope) declare(name string, exprs []ast.Expr, i int) {
	delete(s.tables, name)
	if i >= len(exprs) {
		return
	}
	if t, ok := exprs[i].(*ast.TableExpr); ok {
		if s.tables == nil {
			s.tables = map[string]*table{}
		}
		s.tables[name] = &table{expr: t}
	}
}

// table returns the one that an expression names, or nil.
func (s *scope) table(expr ast.Expr) *table {
	if name, ok := expr.(*ast.IdentExpr); ok {
		if of := s.of(name.Value); of != nil {
			return of.tables[name.Value]
		}
	}
	return nil
}

// changes notes that what an expression names, or a field of it, gets a value, or may get one.
func (w *walker) changes(expr ast.Expr, s *scope) {
	for {
		if t := s.table(expr); t != nil {
			t.changed = true
		}
		field, ok := expr.(*ast.AttrGetExpr)
		if !ok {
			return
		}
		expr = field.Object
	}
}

// judgeTables looks at the keys of those that nothing has changed.
func (w *walker) judgeTables() {
	for _, g := range w.given {
		if !g.table.changed {
			w.options(g.table.expr, g.name, g.keys)
		}
	}
}

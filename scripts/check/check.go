// Package check looks at a script without running it: which hooks it has, and which names in it are likely mistakes.
package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/internal/nearest"
	"github.com/ws76/ws76/scripts/luacode"
)

// Hook is a function of the script that is called for an event.
type Hook struct {
	Name string `json:"name"`
	Line int    `json:"line"`
}

// Problem is something that is likely wrong.
type Problem struct {
	Line    int    `json:"line"`
	Message string `json:"message"`
}

// Report is what was found in a script.
type Report struct {
	Hooks    []Hook    `json:"hooks"`
	Tests    []Hook    `json:"tests,omitempty"` // functions test_*
	Problems []Problem `json:"problems"`
}

// Known is what a script may use.
type Known struct {
	Hooks   []string // names of hooks
	Globals []string // and of globals
	Module  []string // full names of what is in the module, as in "ws76.json.encode"

	// The types of values that scripts get: those of meta.Types.
	Classes map[string]map[string]string
	Results map[string]string
	Params  map[string][]string
	Options map[string]map[int][]string
}

// Script checks a source. A source that does not compile is a *luacode.SyntaxError.
func Script(src []byte, file string, known *Known) (*Report, error) {
	if _, err := luacode.Compile(src, file); err != nil {
		return nil, err
	}
	chunk, err := luacode.Parse(src, file)
	if err != nil {
		return nil, err
	}
	w := &walker{told: map[use]bool{}, known: known, report: Report{Hooks: []Hook{}, Problems: []Problem{}}, defined: map[string]bool{}, prefixes: map[string]bool{}, strings: map[string]bool{}}
	for _, name := range slices.Concat(known.Globals, known.Hooks) {
		w.defined[name] = true
	}
	for _, name := range known.Module {
		for at := range name {
			if name[at] == '.' {
				w.prefixes[name[:at]] = true
			}
		}
		w.prefixes[name] = true
	}
	w.block(chunk, nil)
	w.judge()
	w.judgeMissing()
	w.judgeTables()
	slices.SortFunc(w.report.Problems, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Message, b.Message)) })
	w.report.Problems = slices.Compact(w.report.Problems)
	return &w.report, nil
}

// HookLike reports whether a name looks like that of a hook, and which may be meant, or "".
func HookLike(name string, hooks []string) (hook string, ok bool) {
	if start := strings.TrimLeft(name, "_"); len(start) < 2 || !strings.EqualFold(start[:2], "on") {
		return "", false
	}
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for _, h := range hooks {
		if fold(h) == fold(name) {
			return h, true
		}
	}
	if !strings.HasPrefix(strings.ToLower(name), "on_") {
		return "", false
	}
	return nearest.Name(name, hooks), true
}

// NoHook says that a function looks like a hook and is none.
func NoHook(name, hook string) string {
	return fmt.Sprintf("there is no hook %s, so nothing calls it%s", name, didYouMean(hook))
}

// LocalHook says that one is local.
func LocalHook(name string) string {
	return name + " is local, so nothing calls it; leave out local"
}

// LocalFail says that the policy is.
const LocalFail = "fail is local, so nothing looks at it; leave out local"

// NoFail says that what has a policy is not the global fail but was meant to be: a global, of which prefix is "", or a field of
// the module, of which it is "ws76."; ok is false for others.
func NoFail(prefix, name, value string) (text string, ok bool) {
	if prefix == "" && name == "fail" || prefix != "" && prefix != "ws76." || !slices.Contains(Policies, value) || nearest.Distance(name, "fail") > 2 {
		return "", false
	}
	return "nothing looks at " + prefix + name + "; did you mean fail?", true
}

// use is a global that is read.
type use struct {
	name string
	line int
}

// scope holds the local names of a block, and their types where these are known.
type scope struct {
	names  map[string]string
	tables map[string]*table // that names are set to where they are declared
	parent *scope
}

// of returns the scope that a name is of, nil for a global.
func (s *scope) of(name string) *scope {
	for ; s != nil; s = s.parent {
		if _, ok := s.names[name]; ok {
			return s
		}
	}
	return nil
}

func (s *scope) has(name string) bool { return s.of(name) != nil }

func inner(parent *scope, names ...string) *scope {
	s := &scope{names: map[string]string{}, parent: parent}
	for _, n := range names {
		s.names[n] = ""
	}
	return s
}

type walker struct {
	known    *Known
	report   Report
	defined  map[string]bool
	prefixes map[string]bool // names of the module and of what they are in
	uses     []use
	members  []use // ws76.x.y
	told     map[use]bool
	missing  []missing
	strings  map[string]bool // fields of string that the script sets
	given    []given
}

func (w *walker) problem(line int, format string, args ...any) {
	w.report.Problems = append(w.report.Problems, Problem{line, fmt.Sprintf(format, args...)})
}

// judge compares what was used with what there is, once all is known.
func (w *walker) judge() {
	reported := w.told
	names := slices.Concat(w.known.Globals, w.known.Hooks)
	for _, u := range w.uses {
		if !w.defined[u.name] && !reported[u] {
			reported[u] = true
			w.problem(u.line, "undefined global %q%s", u.name, didYouMean(nearest.Name(u.name, names)))
		}
	}
	for _, u := range w.members {
		if !w.prefixes[u.name] && !reported[u] {
			reported[u] = true
			if hook, ok := HookLike(strings.TrimPrefix(u.name, "ws76."), w.known.Hooks); ok {
				w.problem(u.line, "%s", NoHook(u.name, hook))
				continue
			}
			w.problem(u.line, "there is no %s%s", u.name, didYouMean(nearest.Name(u.name, w.known.Module)))
		}
	}
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", name)
}

// define notes that the script sets a global to a value.
func (w *walker) define(name string, line int, value ast.Expr) {
	w.defined[name] = true
	if _, ok := value.(*ast.FunctionExpr); ok && strings.HasPrefix(name, "test_") {
		w.report.Tests = append(w.report.Tests, Hook{name, line})
		return
	}
	if !mayBeFunction(value) {
		return
	}
	if slices.Contains(w.known.Hooks, name) {
		w.report.Hooks = append(w.report.Hooks, Hook{name, line})
	} else {
		w.hook(name, name, line)
	}
}

// hook looks at a function, that is called whole, for one that looks like a hook and is none.
func (w *walker) hook(name, whole string, line int) {
	if hook, ok := HookLike(name, w.known.Hooks); ok {
		w.problem(line, "%s", NoHook(whole, hook))
	}
}

// mayBeFunction reports whether a value may be one that is called.
func mayBeFunction(value ast.Expr) bool {
	switch value.(type) {
	case *ast.FunctionExpr, *ast.FuncCallExpr, *ast.IdentExpr, *ast.AttrGetExpr, *ast.LogicalOpExpr:
		return true
	}
	return false
}

// field looks at a function that a field of a global table is set to, under a constant name. Those of _G are globals.
func (w *walker) field(table ast.Expr, key string, value ast.Expr, s *scope) {
	of, ok := table.(*ast.IdentExpr)
	policy, isText := value.(*ast.StringExpr)
	switch {
	case !ok || s.has(of.Value):
	case isText && of.Value == "ws76":
		if problem, ok := NoFail("ws76.", key, policy.Value); ok {
			w.problem(of.Line(), "%s", problem)
			w.told[use{"ws76." + key, of.Line()}] = true
		}
	case isText && of.Value == "_G":
		w.policy(of.Line(), key, policy)
	case !mayBeFunction(value):
	case of.Value == "_G":
		w.define(key, of.Line(), value)
	case of.Value == "plugin": // ws76 has no such field
		w.hook(key, "plugin."+key, of.Line())
	}
}

// Policies are the values of the global fail.
var Policies = []string{"drop", "close"}

// policy looks at a global that is fail, or was meant to be.
func (w *walker) policy(line int, name string, value ast.Expr) {
	text, ok := value.(*ast.StringExpr)
	switch {
	case !ok:
	case name == "fail" && !slices.Contains(Policies, text.Value):
		w.problem(line, "fail is %q; want %s%s", text.Value, strings.Join(Policies, " or "), didYouMean(nearest.Name(text.Value, Policies)))
	default:
		if problem, ok := NoFail("", name, text.Value); ok {
			w.problem(line, "%s", problem)
		}
	}
}

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
func (w *walker) options(t *ast.TableExpr, name string, keys []string) {
	for _, f := range t.Fields {
		if key, ok := f.Key.(*ast.StringExpr); ok && !slices.Contains(keys, key.Value) {
			w.problem(f.Value.Line(), "%s looks at no %s; it knows %s%s", name, key.Value, strings.Join(keys, ", "), didYouMean(nearest.Name(key.Value, keys)))
		}
	}
}

// maxChain is how many fields and calls behind one another are looked at to find the name or the type of the last.
const maxChain = 8

// path is the full name of what is looked up in the module by constant names; "" for anything else, and for what is in
// ws76.state, which is the script's own.
func path(expr ast.Expr, s *scope) string {
	var names []string
	for range maxChain {
		switch e := expr.(type) {
		case *ast.IdentExpr:
			if e.Value != "ws76" || s.has("ws76") {
				return ""
			}
			name := "ws76"
			for _, key := range slices.Backward(names) {
				if name += "." + key; name == "ws76.state" && len(names) > 1 {
					return ""
				}
			}
			return name
		case *ast.AttrGetExpr:
			key, ok := e.Key.(*ast.StringExpr)
			if !ok {
				return ""
			}
			names, expr = append(names, key.Value), e.Object
		default:
			return ""
		}
	}
	return ""
}

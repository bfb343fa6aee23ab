package check

import (
	"maps"
	"slices"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/internal/nearest"
	"github.com/ws76/ws76/scripts/luastring"
)

// stringMethods are the methods of strings, as they are in a state.
var stringMethods = sync.OnceValue(func() map[string]string {
	L := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer L.Close()
	t := L.NewTable()
	L.SetGlobal(lua.StringLibName, t)
	luastring.Install(L, new(luastring.Budget))
	methods := map[string]string{}
	t.ForEach(func(k, _ lua.LValue) { methods[k.String()] = "" })
	for _, name := range []string{"format", "lower", "rep", "reverse", "sub", "upper"} {
		methods[name] = "string"
	}
	return methods
})

// membersOf returns the fields and methods of a type, nil where they are not known.
func (w *walker) membersOf(class string) map[string]string {
	if class == "string" {
		return stringMethods()
	}
	return w.known.Classes[class]
}

// member notes that a field or method of a value of a type is used.
func (w *walker) member(class, what, name string, line int) {
	if known := w.membersOf(class); known != nil {
		if _, ok := known[name]; !ok {
			w.missing = append(w.missing, missing{class, what, name, line})
		}
	}
}

// missing is a use of a field or method that a type does not have.
type missing struct {
	class, what, name string
	line              int
}

// judgeMissing reports them, without the methods that the script itself gives to strings.
func (w *walker) judgeMissing() {
	for _, m := range w.missing {
		if m.class == "string" && w.strings[m.name] {
			continue
		}
		names := slices.Sorted(maps.Keys(w.membersOf(m.class)))
		w.problem(m.line, "a %s has no %s %s%s", m.class, m.what, m.name, didYouMean(nearest.Name(m.name, names)))
	}
}

// extend notes that the script sets a field of string, if that is what it sets.
func (w *walker) extend(target, value ast.Expr, s *scope) {
	if e, ok := target.(*ast.AttrGetExpr); ok {
		of, isName := e.Object.(*ast.IdentExpr)
		key, isText := e.Key.(*ast.StringExpr)
		if isName && isText && of.Value == "string" && !s.has("string") {
			w.strings[key.Value] = true
		}
		if isText {
			w.field(e.Object, key.Value, value, s)
		}
	}
}

// typeOf is the type of what an expression gives first, "" where that is not known.
func (w *walker) typeOf(expr ast.Expr, s *scope) string { return w.typeOfChain(expr, s, maxChain) }

func (w *walker) typeOfChain(expr ast.Expr, s *scope, most int) string {
	if most--; most < 0 {
		return ""
	}
	switch e := expr.(type) {
	case *ast.StringExpr, *ast.StringConcatOpExpr:
		return "string"
	case *ast.IdentExpr:
		if of := s.of(e.Value); of != nil {
			return of.names[e.Value]
		}
		if e.Value == "string" { // which has the methods of strings
			return "string"
		}
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return w.membersOf(w.typeOfChain(e.Object, s, most))[key.Value]
		}
	case *ast.FuncCallExpr:
		if e.Receiver != nil {
			return w.membersOf(w.typeOfChain(e.Receiver, s, most))[e.Method]
		}
		if f, ok := e.Func.(*ast.IdentExpr); ok && f.Value == "assert" && !s.has("assert") && len(e.Args) > 0 {
			return w.typeOfChain(e.Args[0], s, most)
		}
		return w.known.Results[path(e.Func, s)]
	}
	return ""
}

// function walks through a function whose parameters have types, as far as they are known.
func (w *walker) function(f *ast.FunctionExpr, s *scope, types []string) {
	in := inner(s, f.ParList.Names...)
	for i := range min(len(types), len(f.ParList.Names)) {
		in.names[f.ParList.Names[i]] = types[i]
	}
	w.block(f.Stmts, in)
}

// within lists what is in a table of the module.
func (w *walker) within(name string) (names []string) {
	for _, full := range w.known.Module {
		if rest, ok := strings.CutPrefix(full, name+"."); ok {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

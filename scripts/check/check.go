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

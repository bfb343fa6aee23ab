package plugins

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/gopher-lua/ast"

	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/luacode"
	"github.com/ws76/ws76/scripts/permit"
)

// MainFile is the file of a plugin that holds its manifest and its hooks.
const MainFile = "plugin.lua"

// Manifest is what a plugin says of itself.
type Manifest struct {
	Name    string
	Version string
	Summary string
	Options []Option
	// Commands are those that the plugin adds to ws76, by name.
	Commands []Command
	// Connect says that the plugin has a function connect(url), which is asked for
	// the URL that is dialled in place of the one given.
	Connect bool
	// Fail is scripts.Drop or scripts.Close for a plugin that guards something: what
	// becomes of what it should have seen and could not. Zero: as the user says.
	Fail scripts.ErrorPolicy
	// Permissions are what the plugin needs, as --allow takes it. It is never given more.
	Permissions []string
}

// Option is one thing that can be set.
type Option struct {
	Name     string
	Type     string // one of Types
	Default  string // as it would be written in a setting; HasDefault says whether there is one
	Help     string
	Values   []string // of an enum
	Required bool

	HasDefault bool
}

// Command is one command of a plugin.
type Command struct {
	Name    string
	Usage   string // its arguments, like "URL EVENT"
	Summary string
}

// Types are the types that options have.
var Types = []string{"string", "int", "float", "bool", "duration", "size", "list", "enum"}

// ManifestError says what is wrong with a manifest.
type ManifestError struct {
	File   string
	Line   int // 0 if it is about the whole
	Reason string
}

func (e *ManifestError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// Bounds of a manifest.
const (
	maxName     = 64
	maxText     = 1000 // bytes of a summary, a help, a default
	maxOptions  = 100
	maxCommands = 50

	maxPermissions = 50
)

var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	optionForm = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
)

// CheckName reports what is wrong with the name of a plugin or a command.
func CheckName(name string) error {
	if len(name) > maxName || !nameForm.MatchString(name) {
		return fmt.Errorf("%q is no name of a plugin or a command: want lower-case letters and digits, with single hyphens between, %d at most", name, maxName)
	}
	return nil
}

// ParseManifest reads the manifest in the source of a plugin; file is what errors name it. They are
// *luacode.SyntaxError where the source is no Lua, and *ManifestError.
func ParseManifest(source []byte, file string) (*Manifest, error) {
	chunk, err := luacode.Parse(source, file)
	if err != nil {
		return nil, err
	}
	r := reader{file: file}
	var table *ast.TableExpr
	for _, stmt := range chunk {
		a, ok := stmt.(*ast.AssignStmt)
		if !ok || len(a.Lhs) != 1 {
			continue
		}
		if name, ok := a.Lhs[0].(*ast.IdentExpr); !ok || name.Value != "plugin" {
			continue
		}
		if table != nil {
			return nil, r.errorf(a.Line(), "there are two manifests")
		}
		if table, ok = a.Rhs[0].(*ast.TableExpr); !ok {
			return nil, r.errorf(a.Line(), "plugin is no table: the manifest is read without running the code, so it must be written out")
		}
	}
	if table == nil {
		return nil, r.errorf(0, "no manifest: want plugin = { name = …, version = …, summary = … } at the top level")
	}
	m := r.manifest(table)
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// reader reads a manifest; the first error stays.
type reader struct {
	file string
	err  error
}

func (r *reader) errorf(line int, format string, args ...any) error {
	return &ManifestError{r.file, line, fmt.Sprintf(format, args...)}
}

func (r *reader) fail(line int, format string, args ...any) {
	if r.err == nil {
		r.err = r.errorf(line, format, args...)
	}
}

// fields calls f for each named field of a table. Names are known or wrong: a
// misspelt one would otherwise go unnoticed.
func (r *reader) fields(t *ast.TableExpr, of string, known string, f func(key string, value ast.Expr)) {
	seen := map[string]bool{}
	for _, field := range t.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		switch {
		case !ok:
			r.fail(t.Line(), "%s: a field has no name that is a constant", of)
		case known != "" && !slices.Contains(strings.Fields(known), key.Value):
			r.fail(key.Line(), "%s: there is no field %q; there are %s", of, key.Value, strings.Join(strings.Fields(known), ", "))
		case seen[key.Value]:
			r.fail(key.Line(), "%s: %q is there twice", of, key.Value)
		default:
			seen[key.Value] = true
			f(key.Value, field.Value)
		}
	}
}

// line is where an expression is, or the table around it.
func line(e ast.Expr, around ast.Expr) int {
	if n := e.Line(); n > 0 {
		return n
	}
	return around.Line()
}

func (r *reader) manifest(t *ast.TableExpr) *Manifest {
	m := &Manifest{}
	r.fields(t, "manifest", "name version summary options commands connect fail permissions", func(key string, v ast.Expr) {
		switch key {
		case "name":
			m.Name = r.text(t, v, key)
		case "version":
			m.Version = r.text(t, v, key)
		case "summary":
			m.Summary = r.text(t, v, key)
		case "connect":
			m.Connect = r.function(t, v, key)
		case "fail":
			var err error
			if m.Fail, err = scripts.ParseFail(r.text(t, v, key)); err != nil {
				r.fail(line(v, t), "%v", err)
			}
		case "permissions":
			m.Permissions = r.permissions(t, v)
		case "options":
			m.Options = r.options(t, v)
		case "commands":
			m.Commands = r.commands(t, v)
		}
	})
	if r.err != nil {
		return nil
	}
	if err := CheckName(m.Name); err != nil {
		r.fail(t.Line(), "name: %v", err)
	}
	if m.Version == "" || m.Summary == "" {
		r.fail(t.Line(), "a manifest has a name, a version and a summary")
	}
	return m
}

// text reads a string of one line.
func (r *reader) text(around, e ast.Expr, name string) string {
	s, ok := e.(*ast.StringExpr)
	switch {
	case !ok:
		r.fail(line(e, around), "%s: want a string that is written out", name)
		return ""
	case len(s.Value) > maxText:
		r.fail(line(e, around), "%s: it has %d bytes; the limit is %d", name, len(s.Value), maxText)
	case strings.ContainsFunc(s.Value, steers):
		r.fail(line(e, around), "%s: %q is no line of text", name, s.Value)
	}
	return s.Value
}

// function accepts a function, or the name of one.
func (r *reader) function(around, e ast.Expr, name string) bool {
	switch e.(type) {
	case *ast.FunctionExpr, *ast.IdentExpr:
		return true
	}
	r.fail(line(e, around), "%s: want a function", name)
	return false
}

// steers reports whether a character is none that a line of text has: one that a terminal obeys, or may.
func steers(c rune) bool {
	return c < ' ' || c == 0x7f || c == 0xfffd || unicode.Is(unicode.Bidi_Control, c)
}

func (r *reader) table(around, e ast.Expr, name string) *ast.TableExpr {
	t, ok := e.(*ast.TableExpr)
	if !ok {
		r.fail(line(e, around), "%s: want a table", name)
		return &ast.TableExpr{}
	}
	return t
}

func (r *reader) permissions(around, e ast.Expr) []string {
	t := r.table(around, e, "permissions")
	if len(t.Fields) > maxPermissions {
		r.fail(t.Line(), "there are %d permissions; the limit is %d", len(t.Fields), maxPermissions)
		return nil
	}
	var list []string
	for _, f := range t.Fields {
		spec := r.text(t, f.Value, "permissions")
		if f.Key != nil {
			r.fail(line(f.Value, t), "permissions: want a list, as in {\"net\", \"read=/srv\"}")
		} else if _, err := permit.Parse([]string{spec}); err != nil {
			r.fail(line(f.Value, t), "permissions: want what --allow takes: %v", err)
		}
		list = append(list, spec)
	}
	return list
}

func (r *reader) options(around, e ast.Expr) []Option {
	t := r.table(around, e, "options")
	if len(t.Fields) > maxOptions {
		r.fail(t.Line(), "there are %d options; the limit is %d", len(t.Fields), maxOptions)
		return nil
	}
	var list []Option
	for i, f := range t.Fields {
		if f.Key != nil {
			r.fail(t.Line(), "options: want a list of tables like { name = \"interval\", type = \"duration\", default = \"30s\", help = \"…\" }")
			return nil
		}
		o := r.option(r.table(t, f.Value, fmt.Sprintf("option %d", i+1)), i+1)
		if slices.ContainsFunc(list, func(other Option) bool { return other.Name == o.Name }) {
			r.fail(line(f.Value, t), "option %q is there twice", o.Name)
		}
		list = append(list, o)
	}
	return list
}

func (r *reader) option(t *ast.TableExpr, n int) Option {
	var o Option
	var absent ast.Expr
	of := fmt.Sprintf("option %d", n)
	r.fields(t, of, "name type default help required values", func(key string, v ast.Expr) {
		switch key {
		case "name":
			o.Name = r.text(t, v, of+": name")
			of = fmt.Sprintf("option %q", o.Name)
		case "type":
			o.Type = r.text(t, v, of+": type")
		case "help":
			o.Help = r.text(t, v, of+": help")
		case "default":
			absent = v
		case "required":
			o.Required = r.setting(t, v, of+": required") == "true"
		case "values":
			for _, f := range r.table(t, v, of+": values").Fields {
				o.Values = append(o.Values, r.text(t, f.Value, of+": values"))
			}
		}
	})
	if r.err != nil {
		return o
	}
	if absent != nil {
		o.Default, o.HasDefault = r.setting(t, absent, of+": default"), true
	}
	switch {
	case len(o.Name) > maxName || !optionForm.MatchString(o.Name):
		r.fail(t.Line(), "%s: %q is no name of an option: want lower-case letters, digits, - and _", of, o.Name)
	case !slices.Contains(Types, o.Type):
		r.fail(t.Line(), "%s: type %q: want %s", of, o.Type, strings.Join(Types, ", "))
	case o.Type == "enum" && len(o.Values) == 0:
		r.fail(t.Line(), "%s: an enum has values = {…}", of)
	case o.Type != "enum" && o.Values != nil:
		r.fail(t.Line(), "%s: values are for an enum", of)
	case o.Required && o.HasDefault:
		r.fail(t.Line(), "%s: it is required and has a default", of)
	case o.HasDefault && r.err == nil:
		if _, err := o.parse(o.Default); err != nil {
			r.fail(t.Line(), "%s: its default: %v", of, err)
		}
	}
	return o
}

// setting reads a constant and writes it as a setting has it.
func (r *reader) setting(around, e ast.Expr, name string) string {
	switch v := e.(type) {
	case *ast.StringExpr:
		return r.text(around, e, name)
	case *ast.NumberExpr:
		return v.Value
	case *ast.UnaryMinusOpExpr:
		if n, ok := v.Expr.(*ast.NumberExpr); ok {
			return "-" + n.Value
		}
	case *ast.TrueExpr:
		return "true"
	case *ast.FalseExpr:
		return "false"
	case *ast.TableExpr:
		var items []string
		for _, f := range v.Fields {
			items = append(items, strings.ReplaceAll(r.text(around, f.Value, name), ",", `\,`))
		}
		return strings.Join(items, ",")
	}
	r.fail(line(e, around), "%s: want a constant", name)
	return ""
}

func (r *reader) commands(around, e ast.Expr) []Command {
	t := r.table(around, e, "commands")
	if len(t.Fields) > maxCommands {
		r.fail(t.Line(), "there are %d commands; the limit is %d", len(t.Fields), maxCommands)
		return nil
	}
	var list []Command
	r.fields(t, "commands", "", func(name string, v ast.Expr) {
		c, run := Command{Name: name}, false
		if err := CheckName(name); err != nil {
			r.fail(line(v, t), "commands: %v", err)
		}
		of := fmt.Sprintf("command %q", name)
		ct := r.table(t, v, of)
		r.fields(ct, of, "summary usage run", func(key string, v ast.Expr) {
			switch key {
			case "summary":
				c.Summary = r.text(ct, v, of+": summary")
			case "usage":
				c.Usage = r.text(ct, v, of+": usage")
			case "run":
				run = r.function(ct, v, of+": run")
			}
		})
		if c.Summary == "" || !run {
			r.fail(line(v, t), "%s: want a summary and a function run", of)
		}
		list = append(list, c)
	})
	slices.SortFunc(list, func(a, b Command) int { return strings.Compare(a.Name, b.Name) })
	return list
}

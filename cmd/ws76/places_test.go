package main

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFlagsAreReadOnce finds who sees the flag library: beside the frame of the program those are literals that are actions of
// commands, and functions that make options of a command line.
func TestFlagsAreReadOnce(t *testing.T) {
	const house = "cmd/ws76/internal/"
	frame := []string{house + "app", house + "flags", house + "apptest"}
	found := 0
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		if !strings.HasPrefix(pkg, house) || slices.Contains(frame, pkg) {
			return
		}
		isContext := func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || s.Sel.Name != "Context" {
				return false
			}
			x, ok := s.X.(*ast.Ident)
			return ok && x.Name == "cli"
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.FuncDecl:
				makes := ""
				if results := n.Type.Results; results != nil && len(results.List) == 1 {
					result := results.List[0].Type
					if p, ok := result.(*ast.StarExpr); ok {
						result = p.X
					}
					if name, ok := result.(*ast.Ident); ok {
						makes = name.Name
					}
				}
				if n.Recv == nil && (strings.HasSuffix(strings.ToLower(makes), "options") || makes == "Hold") {
					found++
					return false
				}
			}
			if isContext(n) {
				t.Errorf("%s: cli.Context outside of what reads options", path)
			}
			return true
		})
	})
	if found < 25 {
		t.Errorf("found only %d functions that read options", found)
	}
}

// TestDialectsInOnePlace finds who does something for one dialect only, past what Dialect.Lacks says and past the files
// of the dialects: a new one would be left out there.
func TestDialectsInOnePlace(t *testing.T) {
	dialects := []string{"Hixie75", "Hixie76", "RFC6455"}
	named := 0
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		if path := filepath.ToSlash(path); strings.HasSuffix(path, "core/dialect.go") || strings.Contains(path, "core/dialect_") {
			return
		}
		isDialect := func(e ast.Expr) bool {
			if s, ok := e.(*ast.SelectorExpr); ok {
				x, ok := s.X.(*ast.Ident)
				return ok && x.Name == "core" && slices.Contains(dialects, s.Sel.Name)
			}
			x, ok := e.(*ast.Ident)
			return ok && pkg == "core" && slices.Contains(dialects, x.Name)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var asked []ast.Expr
			switch n := n.(type) {
			case *ast.CaseClause:
				asked = n.List
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					asked = []ast.Expr{n.X, n.Y}
				}
			case *ast.TypeSwitchStmt, *ast.TypeAssertExpr: // of what is in the files of the dialects
				ast.Inspect(n, func(n ast.Node) bool {
					if x, ok := n.(*ast.Ident); ok && pkg == "core" && slices.Contains([]string{"hixieFraming", "rfcFraming", "hixieProtocol", "rfcProtocol"}, x.Name) {
						t.Errorf("%s asks for a %s", path, x.Name)
					}
					return true
				})
			case ast.Expr:
				if isDialect(n) {
					named++
				}
			}
			if slices.ContainsFunc(asked, isDialect) {
				t.Errorf("%s asks for one dialect", path)
			}
			return true
		})
	})
	if named < 3 {
		t.Errorf("only %d dialects are named", named)
	}
}

// TestStartsInOnePlace finds who runs programs itself: children.Start ends them with this process, and lets nothing stay.
// A command that is a program of the user's takes the place of this one.
func TestStartsInOnePlace(t *testing.T) {
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		if pkg == "internal/children" || strings.HasSuffix(path, "internal/plugin/executable.go") {
			return
		}
		makes, started := false, ""
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.SelectorExpr); ok {
					x, _ := f.X.(*ast.Ident)
					makes = makes || x != nil && x.Name == "exec" && strings.HasPrefix(f.Sel.Name, "Command")
					if len(call.Args) == 0 && slices.Contains([]string{"Start", "Run", "Output", "CombinedOutput"}, f.Sel.Name) {
						started = f.Sel.Name
					}
				}
			}
			return true
		})
		if makes && started != "" {
			t.Errorf("%s makes a command and calls %s", path, started)
		}
	})
}

// TestAcceptsInOnePlace finds who calls Accept of a listener itself: errors that pass
// would end it.
func TestAcceptsInOnePlace(t *testing.T) {
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		switch pkg {
		case "internal/accept", "internal/testenv", "transports/transporttest", "internal/tcplimit": // the last is a listener around another
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 0 {
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Accept" {
					t.Errorf("%s calls Accept; accept.Each waits out what passes", path)
				}
			}
			return true
		})
	})
}

// TestDialsInOnePlace finds who opens TCP connections, or listens for them, past
// internal/tcplimit: peers that are gone without a word would not be noticed there.
func TestDialsInOnePlace(t *testing.T) {
	past := map[string][]string{
		"net":        {"Dial", "DialTimeout", "DialTCP", "Dialer", "Listen", "ListenTCP", "ListenConfig"},
		"crypto/tls": {"Dial", "DialWithDialer", "Dialer", "Listen"},
		"net/http":   {"Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport", "ListenAndServe", "ListenAndServeTLS"},
	}
	needs := map[string]string{"Client": "Transport", "Transport": "DialContext"} // of net/http
	found := 0
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		switch pkg {
		case "internal/tcplimit", "transports/tcp", "internal/testenv":
			found++
			return
		case "transports/unix": // nobody is gone there without a word
			return
		}
		names := map[string]string{} // in the file, to import paths
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			name := imported[strings.LastIndexByte(imported, '/')+1:]
			if spec.Name != nil {
				name = spec.Name.Name
			}
			names[name] = imported
		}
		of := func(n ast.Node) (imported, name string) {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok {
					return names[x.Name], s.Sel.Name
				}
			}
			return "", ""
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if imported, name := of(n); slices.Contains(past[imported], name) {
				t.Errorf("%s uses %s.%s; connections are opened by transports/tcp, or by internal/tcplimit", path, imported, name)
			}
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			imported, name := of(lit.Type)
			if key := needs[name]; imported == "net/http" && key != "" && !slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool {
				pair, ok := e.(*ast.KeyValueExpr)
				return ok && pair.Key.(*ast.Ident).Name == key
			}) {
				t.Errorf("%s: an http.%s without %s dials by itself", path, name, key)
			}
			return true
		})
	})
	if found < 3 {
		t.Errorf("%d files of those that may dial were seen", found)
	}
}

// TestAcceptsBehindTheGate finds who opens WebSockets as a server without a gate, which
// keeps pages of other sites and names of other servers out.
func TestAcceptsBehindTheGate(t *testing.T) {
	asks := map[string]string{"Accept": "Check", "Server": "Gate"}
	var found []string
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		of := func(e ast.Expr) string { // core.Accept, serve.Server
			if s, ok := e.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && (x.Name == "core" && s.Sel.Name == "Accept" || x.Name == "serve" && s.Sel.Name == "Server") {
					return s.Sel.Name
				}
			}
			return ""
		}
		ast.Inspect(file, func(n ast.Node) bool {
			name, options := "", ast.Node(nil)
			switch n := n.(type) {
			case *ast.CallExpr:
				if name = of(n.Fun); name != "" {
					options = n.Args[len(n.Args)-1]
				}
			case *ast.CompositeLit:
				if n.Type != nil && of(n.Type) == "Server" {
					name, options = "Server", n
				}
			}
			if name == "" || pkg == "core/serve" { // Server itself, which asks its own
				return true
			}
			found = append(found, path)
			asked := false
			ast.Inspect(options, func(n ast.Node) bool {
				if pair, ok := n.(*ast.KeyValueExpr); ok {
					key, _ := pair.Key.(*ast.Ident)
					asked = asked || key != nil && key.Name == asks[name]
				}
				return !asked
			})
			if !asked {
				t.Errorf("%s: no %s in what %s is given", path, asks[name], name)
			}
			return true
		})
	})
	if len(found) < 5 {
		t.Errorf("found only %q", found)
	}
}

// loud are the names that a library has no business with, by their package; none
// means all of it.
var loud = map[string][]string{
	"os":       {"Exit", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args", "Stdin", "Stdout", "Stderr"},
	"fmt":      {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	"flag":     nil,
	"log":      nil,
	"log/slog": {"Debug", "Info", "Warn", "Error", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "Log", "LogAttrs", "Default", "SetDefault", "New", "With"},
}

// TestLibrariesKeepQuiet finds library packages that print, exit, log, or read
// flags or the environment.
func TestLibrariesKeepQuiet(t *testing.T) {
	checked := 0
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		top, _, _ := strings.Cut(pkg, "/")
		if !slices.Contains([]string{"core", "transports", "scripts", "plugins", "endpoints"}, top) || pkg == "transports/transporttest" {
			return
		}
		checked++
		imported := map[string]string{} // name in the file: path
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			name := path[strings.LastIndexByte(path, '/')+1:]
			if spec.Name != nil {
				name = spec.Name.Name
			}
			imported[name] = path
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil {
					if names, ok := loud[imported[x.Name]]; ok && (names == nil || slices.Contains(names, n.Sel.Name)) {
						t.Errorf("%s: a library must not use %s.%s", path, x.Name, n.Sel.Name)
					}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "println" || f.Name == "print") && f.Obj == nil {
					t.Errorf("%s: a library must not use %s", path, f.Name)
				}
			}
			return true
		})
	})
	if checked < 30 {
		t.Errorf("checked only %d files", checked)
	}
}

// TestSessionsEndWithTheServer finds sessions of a server that go on when it gives up waiting:
// they would be cut before they have said what is lost.
func TestSessionsEndWithTheServer(t *testing.T) {
	found := 0
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		if !strings.HasPrefix(pkg, "core/serve") && !strings.HasSuffix(pkg, "internal/serve") && !strings.HasSuffix(pkg, "internal/child") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 4 {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "Join" {
				return true
			}
			found++
			options, ok := call.Args[3].(*ast.UnaryExpr)
			if ok {
				lit, is := options.X.(*ast.CompositeLit)
				ok = is && slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool {
					pair, is := e.(*ast.KeyValueExpr)
					return is && pair.Key.(*ast.Ident).Name == "Until"
				})
			}
			if !ok {
				t.Errorf("%s joins endpoints without relay.Options.Until", path)
			}
			return true
		})
	})
	if found < 4 {
		t.Errorf("found only %d sessions", found)
	}
}

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/ws76/ws76/"

// mayImport is the import graph: what each package may import of this module.
// Those that are missing here may import nothing of it.
var mayImport = importGraph(`
cmd/ws76                  ~about ~app ~bridge ~completion ~connect ~demo ~frame ~keygen ~outcome ~plugin ~reach ~replay
                          ~run ~script ~serve ~wifly
~about                    ~app core man transports/all
~app                      ~flags core/relay/format internal/children internal/lineedit internal/nearest
                          internal/textfile
~apptest                  ~app ~outcome
~bridge                   ~app ~child ~flags ~front ~hooks ~listen ~outcome ~reach ~softmodule core core/bridge core/hub
                          core/relay core/relay/format core/relay/record core/relay/recording core/serve
                          endpoints/broker endpoints/mqtt endpoints/nats internal/accept internal/tcplimit scripts
                          scripts/watch transports transports/exec transports/pipe transports/tls
                          transports/wifly/module
~child                    ~reach core core/bridge core/hixie core/relay core/relay/format core/rfc6455 transports/exec
~completion               ~app ~hooks ~reach completions core plugins transports/all transports/serial
~connect                  ~app ~flags ~hooks ~outcome ~output ~reach core core/bridge core/hixie core/relay
                          core/relay/format core/relay/record core/relay/recording core/rfc6455 internal/lineedit
                          internal/silence scripts
~demo                     ~app ~flags ~listen ~reach core transports transports/serial transports/wifly
                          transports/wifly/module
~frame                    ~app ~flags ~hooks ~outcome ~output core core/hixie core/relay core/relay/format core/rfc6455
                          internal/capture scripts
~front                    ~app ~flags ~listen ~reach core core/hixie core/serve/auth core/serve/channels core/serve/gate
                          scripts transports transports/tls
~hooks                    ~app ~flags ~reach core core/relay core/relay/record internal/textfile plugins scripts
                          scripts/kv scripts/permit transports transports/all
~keygen                   ~app ~flags core/hixie core/rfc6455
~listen                   ~app ~flags ~reach core core/serve/gate transports transports/all
~luaprogram               ~app ~hooks ~listen ~reach core scripts transports
~outcome                  ~app core core/hixie core/relay core/relay/format core/relay/record core/relay/recording
                          core/rfc6455 plugins scripts transports transports/exec transports/wifly
~output                   ~app ~flags core/relay/format
~plugin                   ~app ~hooks ~luaprogram ~reach core core/relay/record endpoints/mqtt endpoints/nats plugins
                          scripts
~reach                    ~app ~flags core core/hixie core/rfc6455 internal/tcplimit internal/textfile scripts/permit
                          transports transports/all transports/exec transports/tcp transports/tls transports/wifly
~replay                   ~app ~flags ~listen ~outcome ~output ~reach core core/relay/format core/relay/record
                          core/relay/recording core/serve/gate internal/accept
~run                      ~app ~hooks ~luaprogram ~reach core scripts scripts/permit
~script                   ~app ~flags ~hooks internal/textfile plugins scripts scripts/check scripts/luacode
                          scripts/meta scripts/scripttest scripts/templates scripts/watch
~serve                    ~app ~child ~flags ~front ~hooks ~listen ~luaprogram ~outcome ~reach core core/hixie core/hub
                          core/hub/nats core/relay core/relay/record core/relay/recording core/rfc6455 core/serve
                          core/serve/channels core/serve/dashboard core/serve/gate core/serve/metrics core/serve/static
                          internal/tcplimit scripts transports transports/exec transports/tls
~softmodule               ~app ~listen ~reach internal/textfile transports/serial transports/wifly/module
~wifly                    ~app ~flags ~outcome ~reach ~softmodule core core/bridge core/hixie core/relay core/serve/gate
                          internal/outq internal/textfile transports transports/wifly transports/wifly/module
core                      core/hixie core/rfc6455 internal/deadline internal/tcplimit internal/outq
core/bridge               core core/hixie core/relay core/relay/format core/rfc6455 core/serve core/serve/channels
                          internal/accept internal/deadline internal/outq internal/silence
core/hub                  core
core/hub/nats             core internal/natsconn
core/relay                core core/rfc6455
core/relay/format         core core/hixie internal/deadline
core/relay/record         core core/rfc6455 core/relay core/relay/recording
core/relay/recording      core core/hixie core/relay/format internal/textfile
core/serve                core core/hixie core/relay core/rfc6455 core/serve/auth core/serve/gate internal/accept
                          internal/ahead internal/deadline internal/tcplimit internal/outq internal/silence
core/serve/auth           internal/textfile
core/serve/channels       core core/hub core/relay core/relay/format core/rfc6455 core/serve
core/serve/gate           core core/hixie core/serve/auth
core/serve/metrics        core core/hixie
endpoints/broker          core internal/tcplimit internal/textfile
endpoints/mqtt            core endpoints/broker internal/deadline internal/outq
endpoints/nats            core endpoints/broker internal/natsconn
internal/natsconn         internal/tcplimit
plugins                   scripts scripts/luacode scripts/permit internal/textfile
scripts                   core core/hixie core/rfc6455 core/relay core/serve/gate internal/accept internal/glob
                          scripts/check scripts/kv scripts/lauxlib scripts/luacode scripts/lualib scripts/luastd
                          scripts/luastring scripts/permit scripts/watch internal/textfile
scripts/check             internal/nearest scripts/luacode scripts/luastring
scripts/luacode           scripts/lauxlib scripts/luastring scripts/luasyntax
scripts/lualib            core/hixie internal/children internal/tcplimit scripts/kv scripts/lauxlib scripts/luacode
                          scripts/luastd scripts/luastring scripts/permit internal/textfile
scripts/luastd            scripts/lauxlib scripts/luastring
scripts/luastring         scripts/lauxlib
scripts/luasyntax         scripts/lauxlib
scripts/permit            internal/glob
scripts/scripttest        core core/relay core/relay/recording scripts scripts/luacode internal/textfile
scripts/watch             internal/glob
transports/all            transports transports/exec transports/fd transports/proxy transports/serial transports/stdio
                          transports/tcp transports/tls transports/unix transports/wifly
transports/exec           internal/children transports transports/pipe
transports/fd             transports transports/pipe internal/tcplimit
transports/pipe           internal/outq
transports/proxy          internal/ahead internal/deadline transports transports/tcp transports/tls
transports/serial         transports transports/pipe
transports/stdio          transports transports/pipe
transports/tcp            transports internal/tcplimit
transports/tls            transports transports/tcp internal/textfile
transports/unix           transports
transports/wifly          transports transports/serial
transports/wifly/module   internal/accept internal/tcplimit internal/outq transports
`)

// importGraph reads lines of a package and those that it may import; a line that begins with a blank goes on with the one
// before it. ~ stands for cmd/ws76/internal/.
func importGraph(text string) map[string][]string {
	graph, pkg := map[string][]string{}, ""
	for line := range strings.Lines(strings.ReplaceAll(text, "~", "cmd/ws76/internal/")) {
		words := strings.Fields(line)
		if len(words) > 0 && line[0] != ' ' {
			pkg, words = words[0], words[1:]
		}
		graph[pkg] = append(graph[pkg], words...)
	}
	delete(graph, "")
	return graph
}

// mustNotImport are packages of the standard library that packages of bytes have
// no business with. They start no goroutines either.
var mustNotImport = map[string][]string{
	"core/hixie":   {"bufio", "context", "net", "net/http", "os", "sync", "time"},
	"core/rfc6455": {"bufio", "context", "net", "net/http", "os", "time"},
}

// sourceFiles calls f for the syntax of every Go file that is not a test.
func sourceFiles(t *testing.T, f func(pkg, path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name := d.Name(); name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && name != ".." {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel("../..", filepath.Dir(path))
		if err != nil {
			return err
		}
		f(filepath.ToSlash(dir), path, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestImports holds the packages to the import graph of ARCHITECTURE.md.
func TestImports(t *testing.T) {
	seen := map[string]bool{}
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		seen[pkg] = true
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if ours, ok := strings.CutPrefix(name, module); ok && !slices.Contains(mayImport[pkg], ours) {
				t.Errorf("%s: %s must not import %s", path, pkg, ours)
			}
			if slices.Contains(mustNotImport[pkg], name) {
				t.Errorf("%s: %s must not import %s", path, pkg, name)
			}
		}
		if mustNotImport[pkg] == nil {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s: %s must not start a goroutine", path, pkg)
			}
			return true
		})
	})
	for pkg := range mayImport {
		if !seen[pkg] {
			t.Errorf("there is no package %s", pkg)
		}
	}
}

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

// TestArchitecture fails when ARCHITECTURE.md or CONTRIBUTING.md names a test,
// script, package or file that is not there, or a package has no place in it.
func TestArchitecture(t *testing.T) {
	var all strings.Builder // of all test files
	scripts := map[string]bool{}
	packages := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".txtar") {
			scripts[d.Name()] = true
		}
		if strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all.Write(text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sourceFiles(t, func(pkg, _ string, _ *ast.File) { packages[pkg] = true })
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(string(text), -1)
	if len(names) < 20 {
		t.Errorf("ARCHITECTURE.md names only %d tests", len(names))
	}
	for _, m := range names {
		if m[1] != "TestMain" && !strings.Contains(all.String(), "func "+m[1]+"(") {
			t.Errorf("ARCHITECTURE.md: there is no test %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`(\\w+\\.txtar)`").FindAllStringSubmatch(string(text), -1) {
		if !scripts[m[1]] {
			t.Errorf("ARCHITECTURE.md: there is no script test %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([\\w/]+)`").FindAllStringSubmatch(string(text), -1) {
		if !packages[m[1]] {
			t.Errorf("ARCHITECTURE.md: there is no package %s", m[1])
		}
	}
	paths := 0
	for _, page := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "docs/project-layout.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(\\w[\\w.-]*/[\\w./-]*)`").FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "NAME") {
				continue
			}
			paths++
			if _, err := os.Stat("../../" + m[1]); err != nil {
				t.Errorf("%s: there is no %s", page, m[1])
			}
		}
	}
	if paths < 80 {
		t.Errorf("found only %d paths", paths)
	}
	for pkg := range packages {
		if strings.HasPrefix(pkg, "transports/") {
			pkg = "transports"
		}
		if !strings.Contains(string(text), "| `"+pkg+"`") {
			t.Errorf("ARCHITECTURE.md does not say what %s may know", pkg)
		}
	}
}

// TestDrawing compares the floors that ARCHITECTURE.md draws with the imports, which go down or along one, and
// along that of the commands not at all.
func TestDrawing(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, drawing, _ := strings.Cut(string(page), "\nImports go down")
	drawing, _, _ = strings.Cut(drawing, "\n`core` does not")
	drawing = strings.ReplaceAll(drawing, "~/", "cmd/ws76/internal/")
	var floors [][]string
	commands := -1
	for line := range strings.Lines(drawing) {
		if !strings.HasPrefix(line, "    ") {
			continue
		}
		line, _, _ = strings.Cut(line, "(")
		name, packages := "", line
		if len(line) > 17 && !strings.Contains(line[:17], "/") {
			name, packages = strings.TrimSpace(line[:17]), line[17:]
		}
		if name == "commands" {
			commands = len(floors)
		}
		if name != "" || len(floors) == 0 {
			floors = append(floors, nil)
		}
		floors[len(floors)-1] = append(floors[len(floors)-1], strings.Fields(packages)...)
	}
	floorOf := func(pkg string) int {
		at := -1
		for i, floor := range floors {
			for _, p := range floor {
				if folder, all := strings.CutSuffix(p, "/*"); p != pkg && !(all && (pkg == folder || strings.HasPrefix(pkg, folder+"/"))) {
					continue
				}
				if at >= 0 {
					t.Errorf("%s stands in two places", pkg)
				}
				at = i
			}
		}
		if at < 0 {
			t.Errorf("%s is not drawn", pkg)
		}
		return at
	}
	drawn := map[string]int{}
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		if _, ok := drawn[pkg]; !ok {
			drawn[pkg] = floorOf(pkg)
		}
	})
	sourceFiles(t, func(pkg, path string, file *ast.File) {
		for _, spec := range file.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			ours, ok := strings.CutPrefix(name, module)
			if from, to := drawn[pkg], drawn[ours]; ok && (to < from || from == to && from == commands) {
				t.Errorf("%s: the drawing has no way from %s to %s", path, pkg, ours)
			}
		}
	})
}

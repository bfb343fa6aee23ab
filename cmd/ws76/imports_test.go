package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
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

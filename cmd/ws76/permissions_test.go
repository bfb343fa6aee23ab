package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ws76/ws76/cmd/ws76/internal/app"
	"github.com/ws76/ws76/cmd/ws76/internal/reach"
	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/scripts/meta"
)

// walkedCalls are calls of each function of the API that has an effect outside, behind the effect: "makes" the file DIR/FILE, "takes"
// DIR/OLD away, "dials" ADDR or DIR/sock, "returns" something, or none that a test could stand ("refused"). Neither DIR nor ADDR
// is named on the command line. In the script's folder, and in DIR, out is a link to DIR.
var walkedCalls = map[string][]string{
	"ws76.open": {`makes "exec:touch DIR/FILE"`, `makes "made:DIR/FILE"`, `dials "tcp://ADDR"`, `dials "TCP://ADDR"`, `dials "tls://ADDR"`, `dials "unix:DIR/sock"`,
		`refused "socks5://ADDR"`, `refused "https://ADDR"`, `refused "serial:DIR/tty"`, `refused "wifly:DIR/tty"`, `refused "fd:0"`, `refused "stdio:"`},
	"ws76.connect": {`dials "ws://ADDR/", {timeout = 5}`, `dials "wss://ADDR/", {timeout = 5}`, `makes "ws://x/", {via = "exec:touch DIR/FILE"}`, `makes "ws://x/", {via = "made:DIR/FILE"}`,
		`dials "ws://x/", {via = "unix:DIR/sock"}`, `dials "ws://x/", {via = "tcp://ADDR"}`, `dials "ws://x/", {via = "socks5://ADDR"}`, `dials "ws://x/", {via = "http://ADDR"}`},
	"ws76.listen":      {`returns "unix:DIR/FILE"`, `returns "127.0.0.1:0"`, `returns ":0"`, `refused "stdio:"`, `refused "fd:0"`},
	"ws76.exec":        {`makes "touch DIR/FILE"`, `makes {"touch", "DIR/FILE"}`, `makes {"./ws76-transport-made", "x", "made:DIR/FILE"}, {folder = "DIR"}`},
	"ws76.http":        {`dials "http://ADDR/"`, `dials {url = "http://ADDR/", method = "POST"}`},
	"ws76.env":         {`returns "WS76_SECRET"`},
	"ws76.read_file":   {`returns "DIR/secret"`, `returns "secret"`, `returns "out/secret"`, `returns "./.hidden"`},
	"ws76.write_file":  {`makes "DIR/FILE", "x"`, `makes "out/FILE", "x"`},
	"ws76.append_file": {`makes "DIR/FILE", "x"`, `makes "out/FILE", "x"`},
	"ws76.watch":       {`returns "DIR/*", print`, `returns "DIR/secret", print`},
	"os.execute":       {`makes "touch DIR/FILE"`},
	"os.getenv":        {`returns "WS76_SECRET"`},
	"os.setenv":        {`returns "WS76_SET", "x"`},
	"os.remove":        {`takes "DIR/OLD"`, `takes "out/OLD"`},
	"os.rename":        {`takes "DIR/OLD", "DIR/FILE"`, `takes "out/OLD", "FILE"`},
	"os.tmpname":       {`returns `},
	"io.open":          {`returns "DIR/secret"`, `returns "out/secret", "r+"`, `makes "DIR/FILE", "w"`, `makes "out/FILE", "a"`},
	"io.popen":         {`returns "touch DIR/FILE"`},
	"io.lines":         {`returns "DIR/secret"`},
	"io.input":         {`refused "DIR/secret"`},
	"io.output":        {`refused "DIR/FILE"`},
	"io.read":          {`refused `},
	"io.write":         {`refused "x"`},
	"io.flush":         {`refused `},
	"io.close":         {`refused `},
	"io.tmpfile":       {`returns `},
	"dofile":           {`returns "DIR/code.lua"`},
	"loadfile":         {`returns "DIR/code.lua"`},
	"ws76.test.replay": {`returns "DIR/recording"`},
	"debug.getfenv":    {`returns print`}, "debug.getinfo": {`returns 1`}, "debug.getlocal": {`refused 1, 1`}, "debug.getmetatable": {`returns ""`}, "debug.getupvalue": {`returns walk, 1`},
	"debug.setfenv": {`refused print, {}`}, "debug.setlocal": {`refused 1, 1, 1`}, "debug.setmetatable": {`refused "", {}`}, "debug.setupvalue": {`refused print, 1, 1`},
}

// walkedFree are the functions, and the methods of objects, without an effect outside but on what is open already.
var walkedFree = strings.Fields(`
assert collectgarbage error getfenv getmetatable ipairs load loadstring next pairs pcall print rawequal rawget rawset require select
setfenv setmetatable tonumber tostring type unpack xpcall
coroutine.* string.* table.* math.* debug.traceback os.time os.date os.clock os.difftime os.setlocale os.exit io.type
ws76.after ws76.at ws76.every ws76.now ws76.clock ws76.spawn ws76.sleep ws76.wait_all ws76.conns ws76.publish ws76.metric ws76.print ws76.exit ws76.queue ws76.inspect
ws76.keygen ws76.answer ws76.md5 ws76.sha1 ws76.pack ws76.unpack ws76.packsize
plugin.commands.walk.run ws76.log.* ws76.json.* ws76.hex.* ws76.base64.* ws76.re.* ws76.bit.* ws76.frame.* ws76.kv.* ws76.utf8.*
ws76.test.conn ws76.test.advance ws76.test.equal ws76.test.peer ws76.test.run
Conn:send Conn:close Conn:lost Conn:stats Conn:join Conn:leave Conn:receive Conn:request Handle:cancel Handle:skipped Task:cancel Task:status
Queue:put Queue:get Queue:close Queue:len Stream:read_line Stream:read Stream:write Stream:close Listener:accept Listener:close
TestConn:message TestConn:deliver TestConn:close
File:close File:flush File:lines File:read File:seek File:setvbuf File:write`)

// walker prints the name of every function that is reachable, and of the methods of objects by their metatables where it may see them, makes the calls, and prints what came of them.
const walker = `
local calls, seen = {}, {}
local function object(v)
  local mt = debug.getmetatable(v)
  for k, f in pairs(type(mt) == "table" and (mt.methods or mt.__index) or {}) do
    if type(f) == "function" and k:sub(1, 2) ~= "__" then ws76.print("walk:name " .. (mt.__name or "File") .. ":" .. k) end
  end
end
local function walk(v, name)
  if type(v) == "function" then ws76.print("walk:name " .. name:gsub("^TestConn%.", "TestConn:")) end
  if type(v) == "userdata" then object(v) end
  if type(v) ~= "table" or seen[v] then return end
  seen[v] = true
  local _ = v.anything -- what is filled when it is used first
  for k, x in pairs(v) do if type(k) == "string" and k ~= "_G" then walk(x, name == "" and k or name .. "." .. k) end end
end
walk(_G, "")
CALLS
local function all(conn)
  local made = {conn, ws76.after(1e4, print), ws76.spawn(print), ws76.queue(), pcall(io.tmpfile) and io.tmpfile()}
  if ws76.test then made[#made + 1] = {TestConn = ws76.test.conn()} end
  for _, v in pairs(made) do walk(v, "") end
  walk(getmetatable("").__index, "string")
  for i = 1, #calls do
    local ok, v, message, kind = pcall(calls[i])
    if type(v) == "userdata" then object(v) end
    ws76.print("walk:call " .. i .. " " .. tostring(ok and v ~= nil and v ~= false) .. " " .. tostring(kind) .. " " .. tostring(message or v):gsub("\n.*", ""))
  end
  ws76.print("walk:done")
end
`

// How each command is made to walk.
const (
	walkTask = "ws76.spawn(function() all() ws76.exit(0) end)"
	walkConn = "function on_open(conn) ws76.spawn(function() all(conn) ws76.exit(0) end) end"
	walkTest = "function test_walk() all() end"
)

var walked = map[string]struct {
	args   []string // the script follows, which is code behind --eval
	start  string
	dials  int      // how often: tcp and tls are allowed
	absent []string // functions that have no effect in the command even where all is allowed
}{
	"connect --script": {args: []string{"connect", "ECHO", "--script"}, start: walkConn, absent: noConnections},
	"connect --eval":   {args: []string{"connect", "ECHO", "--eval"}, start: walkConn, absent: noConnections},
	"frame":            {args: []string{"frame", "encode", "--script"}, start: walkTask, absent: noConnections},
	"serve --script":   {args: []string{"serve", "localhost:0", "--script"}, start: walkTask},
	"serve --eval":     {args: []string{"serve", "localhost:0", "--eval"}, start: walkTask},
	"serve --plugin":   {args: []string{"serve", "localhost:0", "--plugin"}, start: walkTask, absent: unstated},
	"bridge":           {args: []string{"bridge", "ws://127.0.0.1:0", "ws://127.0.0.1:1/", "--script"}, start: walkTask, absent: noConnections},
	"run":              {args: []string{"run"}, start: "all() ws76.exit(0)", dials: 6},
	"a plugin's":       {args: []string{"walk"}, absent: unstated},
	"script test":      {args: []string{"script", "test"}, start: walkTest, absent: noConnections},
}

var (
	noConnections = []string{"ws76.open", "ws76.connect", "ws76.listen"}
	unstated      = []string{"debug.", "os.setenv"} // which no manifest can state
)

// walkRun is one run of a command that walks.
type walkRun struct {
	dir, own string
	names    []string
	calls    []walkedCall
	dialled  int
	out      string
}

type walkedCall struct {
	name, effect, said string
	did                bool // what is called was seen to have an effect; of "dials", to return something
}

// result is what is printed of a call.
var result = regexp.MustCompile(`(?m)walk:call (\d+) (true|false) (.*)$`)

func walkCommand(t *testing.T, command string, dialled *atomic.Int32, replace []string, flags ...string) *walkRun {
	test := walked[command]
	w := &walkRun{dir: t.TempDir(), own: filepath.Join(t.TempDir(), "walk")}
	var code strings.Builder
	for _, name := range slices.Sorted(maps.Keys(walkedCalls)) {
		if inTest := test.start == walkTest; !inTest && strings.HasPrefix(name, "ws76.test.") || inTest && name == "ws76.listen" { // which is in memory there
			continue
		}
		for _, call := range walkedCalls[name] {
			effect, args, _ := strings.Cut(call, " ")
			if effect == "refused" && flags != nil {
				continue
			}
			n := fmt.Sprint(len(w.calls) + 1)
			args = strings.NewReplacer(append(replace, "DIR", filepath.ToSlash(w.dir), "FILE", "made"+n, "OLD", "old"+n)...).Replace(args)
			fmt.Fprintf(&code, "calls[%s] = function() return %s(%s) end\n", n, name, args)
			w.calls = append(w.calls, walkedCall{name: name, effect: effect})
			w.file(t, filepath.Join(w.dir, "old"+n), "x")
		}
	}
	source := strings.Replace(walker, "CALLS", code.String(), 1) + test.start
	for _, dir := range []string{w.dir, w.own} {
		w.file(t, filepath.Join(dir, ".hidden"), "s3cret")
		if err := os.Symlink(w.dir, filepath.Join(dir, "out")); err != nil {
			testenv.Missing(t, "no links: "+err.Error())
		}
	}
	w.file(t, filepath.Join(w.dir, "secret"), "s3cret")
	w.file(t, filepath.Join(w.dir, "code.lua"), "return 's3cret'")
	w.file(t, filepath.Join(w.dir, "recording"), `{"data":"s3cret","dir":"in"}`+"\n")
	w.file(t, filepath.Join(w.dir, "ws76-transport-made"), "#!/bin/sh\ntouch \"${2#made:}\"\n")
	listenWalked(t, "unix", filepath.Join(w.dir, "sock"), dialled)
	last := filepath.Join(w.own, "walk_test.lua")
	switch {
	case strings.HasSuffix(command, "--eval"):
		last = source
	case test.absent != nil && test.absent[0] == "debug.":
		manifest := `plugin = {name = "walk", version = "1", summary = "x", permissions = {"exec", "net", "listen", "read", "write", "env", "unix", "stdio", "fd", "serial"},
			commands = {walk = {summary = "x", run = function() WALK() ws76.exit(0) end}}}`
		w.file(t, filepath.Join(w.own, "plugin.lua"), manifest+source+"\nWALK = all")
		if last = w.own; test.start == "" {
			last = ""
		}
	default:
		w.file(t, last, source)
	}
	args := slices.Clone(test.args)
	for i := range args {
		args[i] = strings.NewReplacer(replace...).Replace(args[i])
	}
	if last != "" {
		args = append(args, last)
	}
	t.Setenv("PATH", w.dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("WS76_PLUGIN_PATH", filepath.Dir(w.own))
	t.Chdir(w.dir)
	before := dialled.Load()
	stdin, typed := io.Pipe() // as long as it is open the commands that read it go on
	said := lockedBuffer{done: func() { typed.Close() }}
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	runMain(ctx, append(append([]string{"ws76"}, args...), flags...), &reach.Env{Env: &app.Env{Stdin: stdin, Stdout: &said, Stderr: &said, Getenv: os.Getenv}})
	typed.Close()
	if w.out = said.String(); !strings.Contains(w.out, "walk:done") {
		t.Fatalf("the walk has not ended:\n%s", w.out)
	}
	for _, m := range regexp.MustCompile(`walk:name (\S+)`).FindAllStringSubmatch(w.out, -1) {
		w.names = append(w.names, m[1])
	}
	w.dialled = int(dialled.Load() - before)
	for i, m := range result.FindAllStringSubmatch(w.out, -1) {
		_, made := os.Lstat(filepath.Join(w.dir, "made"+m[1]))
		_, old := os.Lstat(filepath.Join(w.dir, "old"+m[1]))
		w.calls[i].did, w.calls[i].said = m[2] == "true" || made == nil || old != nil, m[3]
	}
	return w
}

func (w *walkRun) file(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer takes standard output and standard error in one.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	done func() // called at the end of the walk
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes.Contains(p, []byte("walk:done")) {
		b.done()
	}
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// listenWalked counts who dials, and hangs up.
func listenWalked(t *testing.T, network, addr string, dialled *atomic.Int32) net.Addr {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr()
}

func isWalked(name string) bool {
	return walkedCalls[name] != nil || slices.ContainsFunc(walkedFree, func(free string) bool {
		prefix, all := strings.CutSuffix(free, "*")
		return free == name || all && strings.HasPrefix(name, prefix)
	})
}

// TestPermissions calls every function of the API, in all commands that run scripts, without permission, and looks for the effect;
// and with --trust-scripts, which must have it.
func TestPermissions(t *testing.T) {
	testenv.Need(t, "touch", "coreutils")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var dialled atomic.Int32
	replace := []string{"ECHO", startEcho(t, self), "ADDR", listenWalked(t, "tcp", "127.0.0.1:0", &dialled).String()}
	t.Setenv("WS76_SECRET", "s3cret")
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	found := map[string]bool{}
	for command, test := range walked {
		t.Run(command, func(t *testing.T) {
			w := walkCommand(t, command, &dialled, replace)
			for _, call := range w.calls {
				if call.did && (call.effect != "dials" || test.dials == 0) {
					t.Errorf("%s without permission: %s %q: %s", call.name, call.effect, walkedCalls[call.name], call.said)
				}
			}
			secret, err := os.ReadFile(filepath.Join(w.dir, "secret"))
			if err != nil || string(secret) != "s3cret" || strings.Contains(w.out, "s3cret") || w.dialled != test.dials {
				t.Errorf("without permission: %d connections, the secret %q, %v\n%s", w.dialled, secret, err, w.out)
			}
			for _, name := range w.names {
				found[name] = true
			}
		})
		t.Run(command+" --trust-scripts", func(t *testing.T) {
			w := walkCommand(t, command, &dialled, replace, "--trust-scripts")
			dials := 0
			for _, call := range w.calls {
				switch {
				case slices.ContainsFunc(test.absent, func(absent string) bool { return strings.HasPrefix(call.name, absent) }):
				case call.effect == "dials":
					dials++
				case !call.did:
					t.Errorf("%s has no effect: %s", call.name, call.said)
				}
			}
			if w.dialled < dials {
				t.Errorf("%d connections of %d", w.dialled, dials)
			}
			for _, name := range w.names {
				found[name] = true
			}
		})
	}
	for _, m := range regexp.MustCompile(`(?m)^function ([A-Z]\w+:\w+)`).FindAllStringSubmatch(meta.Source, -1) { // TestMethods holds them against all kinds of objects
		if !found[m[1]] {
			t.Errorf("no object with %s was walked", m[1])
		}
	}
	for name := range found {
		if !isWalked(name) {
			t.Errorf("%s is in neither walkedCalls nor walkedFree", name)
		}
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(walkedCalls)), walkedFree) {
		if !found[name] && !strings.HasSuffix(name, "*") {
			t.Errorf("there is no %s", name)
		}
	}
}

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ws76/ws76/internal/testenv"
)

// walkedCalls are what each function of the API that has an effect outside is called with in TestPermissions. DIR is a folder
// of the test, ADDR an address that it listens on, both named nowhere on the command line; a file DIR/KIND-N is made
// by what is not refused.
var walkedCalls = map[string][]string{
	"ws76.open": {`"exec:touch DIR/exec"`, `"tcp://ADDR"`, `"tls://ADDR"`, `"unix:DIR/sock"`, `"TCP://ADDR"`, `"socks5://ADDR"`, `"http://ADDR"`, `"https://ADDR"`, `"made:DIR/made"`,
		`"serial:DIR/tty"`, `"wifly:DIR/tty"`, `"fd:0"`, `"stdio:"`},
	"ws76.connect": {`"ws://ADDR/", {timeout = 0.5}`, `"wss://ADDR/", {timeout = 0.5}`, `"ws://x/", {via = "exec:touch DIR/via"}`, `"ws://x/", {via = "unix:DIR/sock", timeout = 0.5}`,
		`"ws://x/", {via = "tcp://ADDR", timeout = 0.5}`, `"ws://x/", {via = "socks5://ADDR", timeout = 0.5}`, `"ws://x/", {via = "made:DIR/made-via"}`},
	"ws76.listen":      {`"unix:DIR/listening"`, `"127.0.0.1:0"`, `":0"`, `"stdio:"`, `"fd:0"`},
	"ws76.exec":        {`"touch DIR/shell"`, `{"touch", "DIR/words"}`, `{"./made", "x", "made:DIR/folder"}, {folder = "BIN"}`},
	"ws76.http":        {`"http://ADDR/"`, `{url = "http://ADDR/", method = "POST"}`},
	"ws76.env":         {`"WS76_SECRET"`},
	"ws76.read_file":   {`"DIR/secret"`, `"secret"`, `"link"`, `"./.hidden"`},
	"ws76.write_file":  {`"DIR/write", "x"`, `"link", "x"`, `".made", "x"`},
	"ws76.append_file": {`"DIR/append", "x"`, `"link", "x"`, `".made", "x"`},
	"ws76.watch":       {`"DIR/*", print`, `"DIR/secret", print`, `"/", print`},
	"os.execute":       {`"touch DIR/execute"`},
	"os.getenv":        {`"WS76_SECRET"`},
	"os.setenv":        {`"WS76_SECRET", "x"`},
	"os.remove":        {`"DIR/keep"`},
	"os.rename":        {`"DIR/keep", "DIR/renamed"`, `"DIR/keep", "kept"`},
	"os.tmpname":       {``},
	"io.open":          {`"DIR/secret"`, `"DIR/open", "w"`, `"link", "a"`, `"link", "r+"`},
	"io.popen":         {`"touch DIR/popen"`},
	"io.lines":         {`"DIR/secret"`},
	"io.input":         {`"DIR/secret"`},
	"io.output":        {`"DIR/output"`},
	"io.read":          {``},
	"io.write":         {`"x"`},
	"io.flush":         {``},
	"io.close":         {``},
	"io.tmpfile":       {``},
	"dofile":           {`"DIR/secret"`, `"DIR/code.lua"`},
	"loadfile":         {`"DIR/secret"`, `"DIR/code.lua"`},
}

// walkedFree are the functions without an effect outside. One that is neither here nor above fails TestPermissions.
var walkedFree = strings.Fields(`
_VERSION assert collectgarbage error gcinfo getfenv getmetatable ipairs load loadstring next pairs pcall print rawequal rawget rawset require select
setfenv setmetatable tonumber tostring type unpack xpcall
coroutine.* string.* table.* math.* package.* debug.* os.time os.date os.clock os.difftime os.setlocale os.exit io.type
ws76.after ws76.at ws76.every ws76.now ws76.clock ws76.spawn ws76.sleep ws76.wait_all ws76.conns ws76.publish ws76.metric ws76.print ws76.exit ws76.queue ws76.inspect
ws76.keygen ws76.answer ws76.md5 ws76.sha1 ws76.pack ws76.unpack ws76.packsize
ws76.log.* ws76.json.* ws76.hex.* ws76.base64.* ws76.re.* ws76.bit.* ws76.frame.* ws76.kv.* ws76.utf8.* ws76.test.*`)

// walker finds every function that there is, from the globals and all metatables, and calls those of walkedCalls. What it prints
// begins with "walk:".
const walker = `
local calls, skip, seen, names = {}, {}, {}, {}
CALLS
local function walk(v, name)
  if type(v) == "function" then names[#names + 1] = name end
  if type(v) ~= "table" or seen[v] then return end
  seen[v] = true
  if name == "os" or name == "io" or name == "debug" or name == "ws76" or name == "math" then local _ = v.anything end -- filled when used
  for k, x in pairs(v) do if type(k) == "string" and k ~= "_G" then walk(x, name == "" and k or name .. "." .. k) end end
  walk(getmetatable(v), name .. ".metatable")
end
local mine = {}
walk(_G, "")
for _, n in ipairs(names) do print("walk:name " .. n) end
ws76.spawn(function()
  for name, list in pairs(calls) do
    for i, call in ipairs(list) do
      local ok, v, message, kind = pcall(call) ws76.sleep(0)
      if ok and type(v) == "function" and name:find("^io") then v = v() end
      print("walk:call " .. name .. " " .. i .. " " .. tostring(ok and v ~= nil and v ~= false) .. " " .. tostring(kind) .. " " .. tostring(message or v):gsub("\n.*", ""))
    end
  end
  print("walk:done")
  DONE
end)
`

// walkerCode is the walker with its calls.
func walkerCode(replace *strings.Replacer, done string) string {
	var calls strings.Builder
	for name, list := range walkedCalls {
		fmt.Fprintf(&calls, "calls[%q] = {", name)
		for _, args := range list {
			fmt.Fprintf(&calls, "function() return %s(%s) end,", name, replace.Replace(args))
		}
		calls.WriteString("}\n")
	}
	return strings.NewReplacer("CALLS", calls.String(), "DONE", done).Replace(walker)
}

func isWalked(name string) bool {
	return walkedCalls[name] != nil || slices.ContainsFunc(walkedFree, func(free string) bool {
		prefix, all := strings.CutSuffix(free, "*")
		return free == name || all && strings.HasPrefix(name, prefix)
	})
}

// TestPermissions calls every function of the API that has an effect, in the commands that run scripts, without permission, and
// looks for the effect.
func TestPermissions(t *testing.T) {
	testenv.Need(t, "touch", "coreutils")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			c.Close()
		}
	}()
	defer func() { l.Close(); <-done }()
	t.Setenv("WS76_SECRET", "s3cret")
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	for name, test := range map[string]struct {
		args  []string
		dials bool // tcp and tls are allowed
	}{
		"serve --eval":   {args: []string{"serve", "127.0.0.1:0", "--eval"}},
		"serve --script": {args: []string{"serve", "127.0.0.1:0", "--script"}},
		"bridge":         {args: []string{"bridge", "ws://127.0.0.1:0", "ws://127.0.0.1:1/", "--script"}},
		"run":            {args: []string{"run"}, dials: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir, own := t.TempDir(), t.TempDir()
			for _, path := range []string{filepath.Join(dir, "secret"), filepath.Join(dir, "keep"), filepath.Join(own, ".hidden")} {
				if err := os.WriteFile(path, []byte("s3cret\n"), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "code.lua"), []byte("print('s3cret')"), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(own, "link")); err != nil {
				testenv.Missing(t, "no links: "+err.Error())
			}
			before := accepted.Load()
			replace := strings.NewReplacer("DIR", filepath.ToSlash(dir), "ADDR", l.Addr().String(), "BIN", filepath.ToSlash(dir))
			code := walkerCode(replace, "ws76.exit(0)")
			last := code
			if test.args[len(test.args)-1] != "--eval" {
				last = filepath.Join(own, "walk_test.lua")
				if err := os.WriteFile(last, []byte(code), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			_, out := runIn(t, append(test.args, last)...)
			if !strings.Contains(out, "walk:done") {
				t.Fatalf("the walk has not ended:\n%s", out)
			}
			found := 0
			for line := range strings.Lines(out) {
				if _, of, ok := strings.Cut(strings.TrimSpace(line), "walk:name "); ok {
					found++
					if !isWalked(of) {
						t.Errorf("%s is in neither walkedCalls nor walkedFree", of)
					}
				}
			}
			if found < 100 {
				t.Errorf("only %d functions were found", found)
			}
			var made []string
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !slices.Contains([]string{"secret", "keep", "code.lua"}, e.Name()) {
					made = append(made, e.Name())
				}
			}
			_, kept := os.Stat(filepath.Join(dir, "keep"))
			secret, err := os.ReadFile(filepath.Join(dir, "secret"))
			if err != nil {
				t.Fatal(err)
			}
			dialled := accepted.Load() - before
			effects := fmt.Sprintf("made %q, %d dialled, kept %v, secret %q, told %t", made, dialled, kept, secret, strings.Contains(out, "s3cret"))
			if made != nil || dialled > 0 && !test.dials || kept != nil || string(secret) != "s3cret\n" || strings.Contains(out, "s3cret") {
				t.Errorf("without permission: %s\n%s", effects, out)
			}
		})
	}
}

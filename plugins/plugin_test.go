package plugins

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/permit"
)

func logInto(said *[]string) func(slog.Level, string) {
	var mu sync.Mutex
	return func(_ slog.Level, text string) {
		mu.Lock()
		defer mu.Unlock()
		*said = append(*said, text)
	}
}

// writePlugin makes a folder of a plugin and returns its parent.
func writePlugin(t *testing.T, name, code string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name, MainFile), []byte(code), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// through sends one message through scripts and returns what comes out.
func through(t *testing.T, text string, set ...*scripts.Script) []string {
	t.Helper()
	var out []string
	session := scripts.Set(set).Session(&scripts.Peer{Role: "server"}, nil, false)
	sink, err := session.Bind(func(_ relay.Direction, m core.Message) error {
		out = append(out, string(m.Data))
		return nil
	}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink(relay.AToB, core.Message{Data: []byte(text)}); err != nil {
		t.Fatal(err)
	}
	session.Closed(nil)
	return out
}

func TestLoad(t *testing.T) {
	dir := writePlugin(t, "shout", `plugin = { name = "shout", version = "1", summary = "s", options = {
  { name = "mark", type = "string", default = "!" }, { name = "times", type = "int", default = 1 } } }
local mark = options.mark:rep(options.times) -- options are there from the first line on
function on_message(conn, data) return data:upper() .. mark end`)
	finder := &Finder{Path: []string{filepath.Join(dir, "not there"), dir}}
	p, err := finder.Find("shout")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Load(map[string]string{"times": "x"}, scripts.Options{}); err == nil || err.Error() != `plugin shout: option times: "x" is no whole number` {
		t.Error(err)
	}
	one, err := p.Load(map[string]string{"times": "2"}, scripts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := p.Load(map[string]string{"mark": "?"}, scripts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set := scripts.Set{one, two}
	set.Start()
	defer set.Stop(t.Context(), "done")
	if got := through(t, "hey", set...); len(got) != 1 || got[0] != "HEY!!?" {
		t.Errorf("%q", got)
	}
}

// TestFailureIsItsOwn has a plugin whose hook fails, and then does not end.
func TestFailureIsItsOwn(t *testing.T) {
	dir := writePlugin(t, "bad", `plugin = { name = "bad", version = "1", summary = "s" }
function on_message(conn, data) if data == "loop" then
  while true do end
end error("oh") end`)
	p, err := (&Finder{Path: []string{dir}}).Find("bad")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	bad, err := p.Load(nil, scripts.Options{Log: logInto(&said), Limits: scripts.Limits{Timeout: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	good, err := scripts.Eval("good", `function on_message(conn, data) return data .. "!" end`, scripts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set := scripts.Set{bad, good}
	set.Start()
	defer set.Stop(t.Context(), "done")
	for _, text := range []string{"a", "loop", "b"} {
		if got := through(t, text, set...); len(got) != 1 || got[0] != text+"!" {
			t.Errorf("%q", got)
		}
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "bad: on_message: bad/plugin.lua:4: oh") || !strings.Contains(all, "ran longer") {
		t.Errorf("%q", said)
	}
}

// TestReload changes a plugin, its manifest too, while it runs.
func TestReload(t *testing.T) {
	const head = `plugin = { name = "p", version = "1", summary = "s", options = { { name = "x", type = "%s", default = "%s" } } } `
	const hook = `function on_message(conn, data) return type(options.x) .. " " .. tostring(options.x) .. " " .. data end`
	dir := writePlugin(t, "p", fmt.Sprintf(head, "string", "1")+hook)
	p, err := Open(filepath.Join(dir, "p"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := p.Load(nil, scripts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	script.Start()
	defer script.Stop(t.Context(), "done")
	change := func(code string) error {
		if err := os.WriteFile(filepath.Join(dir, "p", MainFile), []byte(code), 0o666); err != nil {
			t.Fatal(err)
		}
		return script.Reload()
	}
	expect := func(want string) {
		t.Helper()
		if got := through(t, "m", script); len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	expect("string 1 m")
	if err := change(fmt.Sprintf(head, "int", "2") + hook); err != nil {
		t.Fatal(err)
	}
	expect("number 2 m")
	if err := change(fmt.Sprintf(head, "int", "two") + hook); err == nil || !strings.Contains(err.Error(), `its default: "two" is no whole number`) {
		t.Errorf("a bad manifest: %v", err)
	}
	expect("number 2 m")
	if err := change("plugin = nil " + hook); err == nil {
		t.Error("no manifest is fine")
	}
	expect("number 2 m")
}

func TestRunAndConnect(t *testing.T) {
	dir := writePlugin(t, "p", `
plugin = { name = "p", version = "1", summary = "s",
  connect = function(url) ws76.sleep(0.001) if url == "no" then return nil, "not today" end if url == "keep" then return end return url .. "/more" end,
  commands = { ["say-it"] = { summary = "s", run = function(args) ws76.sleep(0.001) if #args == 0 then return nil, "want words" end print(#args, args[1], args[2]) if args[3] then error("bad " .. args[3]) end end } } }`)
	p, err := Open(filepath.Join(dir, "p"))
	if err != nil {
		t.Fatal(err)
	}
	var printed []string
	script, err := p.Load(nil, scripts.Options{Print: func(text string) { printed = append(printed, text) }})
	if err != nil {
		t.Fatal(err)
	}
	script.Start()
	defer script.Stop(context.WithoutCancel(t.Context()), "done")
	for url, want := range map[string]string{"ws://a": "ws://a/more", "keep": "keep"} {
		if got, err := Connect(t.Context(), script, url); got != want || err != nil {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
	if _, err := Connect(t.Context(), script, "no"); err == nil || err.Error() != "plugin p: not today" {
		t.Error(err)
	}
	if err := Run(t.Context(), script, "say-it", []string{"a", "b"}); err != nil || len(printed) != 1 || printed[0] != "2\ta\tb" {
		t.Errorf("%v %q", err, printed)
	}
	var failed *scripts.Error
	if err := Run(t.Context(), script, "say-it", []string{"a", "b", "c"}); !errors.As(err, &failed) || !strings.Contains(failed.Text, "bad c") {
		t.Error(err)
	}
	var refused *ArgsError
	if err := Run(t.Context(), script, "say-it", nil); !errors.As(err, &refused) || *refused != (ArgsError{"say-it", "want words"}) {
		t.Error(err)
	}
	if err := Run(t.Context(), script, "nothing", nil); err == nil {
		t.Error("a command that is not there ran")
	}
}

func TestNew(t *testing.T) {
	home := t.TempDir()
	p, err := New("hello", home)
	if err != nil {
		t.Fatal(err)
	}
	script, err := p.Load(nil, scripts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	script.Start()
	defer script.Stop(t.Context(), "done")
	if got := through(t, "hi", script); len(got) != 1 || got[0] != "hello: hi" {
		t.Errorf("%q", got)
	}
	for _, name := range []string{"hello", "Hello", "../x", "", "a--b"} {
		if _, err := New(name, home); err == nil {
			t.Errorf("made %q", name)
		}
	}
}

// TestFinder has a broken plugin, a folder of something else, and one that takes the
// place of one that is built in.
func TestFinder(t *testing.T) {
	dir := writePlugin(t, "broken", "plugin = 1")
	other := writePlugin(t, "dedup", `plugin = { name = "dedup", version = "9", summary = "mine" }`)
	if err := os.Mkdir(filepath.Join(dir, "nothing"), 0o777); err != nil {
		t.Fatal(err)
	}
	finder := &Finder{Path: []string{dir, other}}
	list, errs := finder.List()
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "broken/plugin.lua:1: plugin is no table") {
		t.Error(errs)
	}
	versions := map[string]string{}
	for _, p := range list {
		versions[p.Name] = p.Version
	}
	if versions["dedup"] != "9" || versions["socketio"] == "" || versions["nothing"] != "" {
		t.Error(versions)
	}
	if _, err := finder.Find("broken"); err == nil || errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if _, err := finder.Find("nothing"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if p, err := finder.Find(filepath.Join(other, "dedup")); err != nil || p.Version != "9" {
		t.Error(p, err)
	}
	wrong := writePlugin(t, "other-name", `plugin = { name = "dedup", version = "9", summary = "mine" }`)
	if _, err := Open(filepath.Join(wrong, "other-name")); err == nil || !strings.Contains(err.Error(), "they must be the same") {
		t.Error(err)
	}
}

// What a plugin was granted is void when its files change, so it does not change them itself; its data has a place of its own.
func TestOwnFolderIsOnlyRead(t *testing.T) {
	dir := writePlugin(t, "hello", `plugin = {name = "hello", version = "1", summary = "x"}
function on_message(conn, way)
  local path = way .. "/x.txt"
  return {tostring((ws76.read_file(way .. "/there.txt"))), select(3, ws76.write_file(path, "x")) or "done", select(3, os.rename(way .. "/there.txt", path)) or "done"}
end`)
	data := t.TempDir()
	for _, folder := range []string{filepath.Join(dir, "hello"), data} {
		if err := os.WriteFile(filepath.Join(folder, "there.txt"), []byte("seen"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Open(filepath.Join(dir, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Load(nil, scripts.Options{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.Stop(t.Context(), "done")
	for way, want := range map[string][]string{filepath.Join(dir, "hello"): {"seen", "not allowed", "not allowed"}, data: {"seen", "done", "done"}} {
		if got := through(t, way, s); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", way, got, want)
		}
	}
}

// What a plugin was granted is for its code as it was then: not for that of other plugins, behind links, or that is another when it
// is loaded later.
func TestGrantedCode(t *testing.T) {
	dir := writePlugin(t, "hello", `plugin = {name = "hello", version = "1", summary = "x", permissions = {"env=X", "read"}}
function on_message(conn, what)
  local way, name = what:match("(%a+) (.*)")
  local ok, v = pcall(_G[way], name)
  return tostring(ok and v or nil) .. (ws76.env("X") or "")
end`)
	own, elsewhere, grants := filepath.Join(dir, "hello"), t.TempDir(), t.TempDir()
	write := func(text string, path ...string) {
		t.Helper()
		file := filepath.Join(path...)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"lib", "later", "evil"} {
		write("\ufeffreturn 'ran'", own, name+".lua")
	}
	write("return 'ran'", own, "sub", "init.lua")
	write("return 'ran'", dir, "other", "more.lua")
	write("return 'ran'", elsewhere, "far.lua")
	for to, from := range map[string]string{filepath.Join(elsewhere, "far.lua"): "link.lua", elsewhere: "folder", filepath.Join(own, "lib.lua"): "near.lua"} {
		if err := os.Symlink(to, filepath.Join(own, from)); err != nil {
			testenv.Missing(t, "no links: "+err.Error())
		}
	}
	p, err := Open(own)
	if err == nil {
		err = p.KeepGrant(grants)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []bool{true, false} {
		s, err := p.Load(nil, scripts.Options{
			Modules: []string{dir}, Env: func(string) (string, bool) { return "!", kept },
			Permissions: func() *permit.Permissions {
				allowed, _ := permit.Parse([]string{"read"})
				granted, err := p.Granted(grants)
				if err != nil || !kept {
					granted = nil
				}
				limited, err := p.Limit(allowed, granted)
				if err != nil {
					t.Error(err)
				}
				return limited
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		defer s.Stop(t.Context(), "done")
		write("return 'changed'", own, "later.lua")
		for what, want := range map[string]string{
			"require lib": "ran", "require sub": "ran", "require later": "", "require other.more": "", "require link": "", "require folder.far": "", "require near": "",
			"dofile " + own + "/evil.lua": "ran", "dofile " + own + "/later.lua": "", "dofile " + elsewhere + "/far.lua": "",
		} {
			got := through(t, what, s)[0]
			switch ran := got == "ran" || got == "ran!" || got == "changed"; {
			case kept && want == "ran" && got != "ran!", kept && want == "" && got != "nil!", !kept && !ran:
				t.Errorf("%s, granted %v: %s", what, kept, got)
			}
		}
	}
}

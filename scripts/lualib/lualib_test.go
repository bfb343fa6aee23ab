package lualib

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/goleak"

	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/luacode"
	"github.com/ws76/ws76/scripts/luastring"
	"github.com/ws76/ws76/scripts/permit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// helpers are the functions that the Lua tests use.
const helpers = `
function eq(got, want)
  if got ~= want then error(("got %q, want %q"):format(tostring(got), tostring(want)), 2) end
end
function raises(want, f, ...)
  local ok, err = pcall(f, ...)
  if ok then error("no error, want " .. want, 2) end
  if not err:find(want, 1, true) then error(("error %q, want %q"):format(err, want), 2) end
end`

func newState(t testing.TB, o *Options) *lua.LState {
	t.Helper()
	L := lua.NewState()
	t.Cleanup(L.Close)
	if o.Budget == nil {
		o.Budget = new(luastring.Budget)
	}
	luastring.Install(L, o.Budget)
	luacode.Install(L, o.Budget)
	for _, name := range Systems {
		t := L.NewTable()
		L.SetGlobal(name, t)
		System(L, o, name, t)
	}
	Loaders(L, o)
	L.SetGlobal("ws76", Open(L, o))
	run(t, L, []byte(helpers), "helpers.lua")
	return L
}

func run(t testing.TB, L *lua.LState, src []byte, name string) {
	t.Helper()
	code, err := luacode.Compile(src, name)
	if err != nil {
		t.Fatal(err)
	}
	L.Push(L.NewFunctionFromProto(code))
	if err := L.PCall(0, 0, nil); err != nil {
		t.Fatal(err)
	}
}

func runFile(t testing.TB, L *lua.LState, name string) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	run(t, L, src, name)
}

func TestLibrary(t *testing.T) {
	for _, name := range []string{"json.lua", "text.lua", "pack.lua", "protocol.lua", "sandbox.lua"} {
		t.Run(name, func(t *testing.T) { runFile(t, newState(t, &Options{}), name) })
	}
}

func TestKV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	kept := (&permit.Permissions{}).With(permit.KeepStore())
	open := sync.OnceValues(func() (*kv.Store, error) { return kv.Open(path) })
	L := newState(t, &Options{KV: open, Permissions: kept})
	if _, err := os.Stat(path); err == nil {
		t.Error("the store was opened before it was used")
	}
	runFile(t, L, "kv.lua")
	store, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	// Another state finds what the first has left.
	again, err := kv.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	L = newState(t, &Options{Permissions: kept, KV: func() (*kv.Store, error) { return again, nil }})
	run(t, L, []byte(`eq(ws76.kv:get("count"), 10) eq(ws76.kv:get("t").list[2], 2)`), "again.lua")
	run(t, newState(t, &Options{}), []byte(`raises("no place to keep values", function() ws76.kv:get("a") end)`), "none.lua")
}

func TestFiles(t *testing.T) {
	base := t.TempDir()
	for path, content := range map[string]string{"first/sub/in.txt": "inside", "second/only-second.txt": "second", "outside.txt": "secret"} {
		path = filepath.Join(base, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(base, "outside.txt")
	if err := os.Symlink(outside, filepath.Join(base, "first", "link.txt")); err != nil {
		testenv.Missing(t, "no links: "+err.Error())
	}
	first, second := filepath.Join(base, "first"), filepath.Join(base, "second")
	o := &Options{Folders: []string{base, first, second}, Permissions: (&permit.Permissions{}).With(append(permit.Own(first, first+"/x.lua"), permit.Own(second, second+"/x.lua")...)...)}
	L := newState(t, o)
	L.SetGlobal("folder", lua.LString(first))
	L.SetGlobal("outside", lua.LString(outside))
	runFile(t, L, "files.lua")
	if got, _ := os.ReadFile(outside); string(got) != "secret" {
		t.Errorf("the file outside has %q", got)
	}
	L = newState(t, &Options{Folders: []string{first}, Permissions: permit.All()})
	L.SetGlobal("outside", lua.LString(outside))
	run(t, L, []byte(`eq(ws76.read_file(outside), "secret") eq(ws76.read_file("sub/in.txt"), "inside") eq(io.open(outside):read("*a"), "secret")`), "trusted.lua")
	L = newState(t, &Options{Folders: o.Folders, Permissions: o.Permissions, Budget: &luastring.Budget{MaxString: 100}})
	L.SetGlobal("folder", lua.LString(first))
	run(t, L, []byte(`ws76.write_file(folder .. "/large", ("x"):rep(90)) ws76.append_file(folder .. "/large", ("x"):rep(90)) raises("read_file: a string of 180 bytes is larger than the limit of 100", ws76.read_file, "large")`), "large.lua")
}

func TestTrusted(t *testing.T) {
	L := newState(t, &Options{Permissions: permit.All(), Env: func(name string) (string, bool) { return name + "!", name == "HOME" }})
	path := filepath.Join(t.TempDir(), "a.lua")
	if err := os.WriteFile(path, []byte("return 'a' .. 'b'"), 0o666); err != nil {
		t.Fatal(err)
	}
	L.SetGlobal("path", lua.LString(path))
	run(t, L, []byte(`eq(ws76.env("HOME"), "HOME!") eq(ws76.env("X"), nil) eq(dofile(path), "ab") eq(loadfile(path)(), "ab") eq(loadfile("none.lua"), nil)
raises("use ws76.exit", os.exit) assert(os.getenv and io.write and debug.getinfo)`), "trusted.lua")
}

// value runs code that leaves one value at the index 1 of an empty stack.
func value(t *testing.T, L *lua.LState, code string) {
	t.Helper()
	L.SetTop(0)
	if err := L.DoString("return " + code); err != nil {
		t.Fatal(err)
	}
}

func TestExec(t *testing.T) {
	o := &Options{Permissions: permit.All(), Budget: &luastring.Budget{MaxString: 1000}}
	L := newState(t, o)
	value(t, L, `"cat; echo problem >&2; exit 3", {stdin = "in\0put"}`)
	got, err := ParseExec(L, 1, o).Run(t.Context())
	if err != nil || got != (ExecResult{"in\x00put", "problem\n", 3}) {
		t.Errorf("%+v, %v", got, err)
	}
	value(t, L, `{"printf", "%s|", "a b", "$HOME"}`)
	if got, err = ParseExec(L, 1, o).Run(t.Context()); err != nil || got.Stdout != "a b|$HOME|" {
		t.Errorf("%+v, %v", got, err)
	}
	L.SetTop(0)
	got.Push(L)
	if L.GetField(L.Get(1), "ok") != lua.LTrue {
		t.Error("a command that succeeds is not ok")
	}
	for code, want := range map[string]string{
		`"sleep 60", {timeout = 0.05}`: "deadline", `"yes"`: "said more than 1000 bytes", `{"no-such-command-at-all"}`: "not found",
	} {
		value(t, L, code)
		if _, err := ParseExec(L, 1, o).Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", code, err, want)
		}
	}
	// The environment is what is given, and what the script may read.
	allowed, err := permit.Parse([]string{"exec", "env=MAY_*"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		p    *permit.Permissions
		want string
	}{{permit.All(), "G=1 MAY_READ=2 SECRET=3"}, {allowed, "G=1 MAY_READ=2"}} {
		o := &Options{Permissions: tc.p, Budget: &luastring.Budget{MaxString: 1000},
			Environ: func() (all, given []string) { return []string{"MAY_READ=2", "SECRET=3"}, []string{"G=1"} }}
		value(t, L, `{"/usr/bin/env"}`)
		got, err := ParseExec(L, 1, o).Run(t.Context())
		vars := slices.DeleteFunc(strings.Fields(got.Stdout), func(v string) bool { return strings.HasPrefix(v, "WS76_CHILD=") })
		slices.Sort(vars)
		if strings.Join(vars, " ") != tc.want || err != nil {
			t.Errorf("%q, %v, want %s", vars, err, tc.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	value(t, L, `{"sleep", "60"}`)
	if _, err := ParseExec(L, 1, o).Run(ctx); err == nil {
		t.Error("a command outlives its context")
	}
}

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 10)
		n, _ := r.Body.Read(body)
		w.Header().Set("X-Got", r.Method+" "+r.Header.Get("X-Sent")+" "+string(body[:n]))
		if r.URL.Path == "/large" {
			w.Write(make([]byte, 2000))
			return
		}
		w.WriteHeader(201)
		w.Write([]byte("answer"))
	}))
	defer server.Close()
	o := &Options{Permissions: permit.All(), Budget: &luastring.Budget{MaxString: 1000}}
	L := newState(t, o)
	value(t, L, `{url = "`+server.URL+`", body = "data", headers = {["X-Sent"] = "h"}}`)
	got, err := ParseHTTP(L, 1, o).Do(t.Context())
	if err != nil || got.Status != 201 || got.Body != "answer" || got.Header.Get("X-Got") != "POST h data" {
		t.Errorf("%+v, %v", got, err)
	}
	L.SetTop(0)
	got.Push(L)
	if L.GetField(L.GetField(L.Get(1), "headers"), "x-got") != lua.LString("POST h data") {
		t.Error("a header is not there in lower case")
	}
	value(t, L, `"`+server.URL+`/large"`)
	if _, err := ParseHTTP(L, 1, o).Do(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 1000") {
		t.Errorf("a large body: %v", err)
	}
	server.Close()
	if _, err := ParseHTTP(L, 1, o).Do(t.Context()); err == nil {
		t.Error("no error without a server")
	}
}

// What a script has put into a request does not follow a redirection to somebody else, nor does the request where that is not
// allowed.
func TestHTTPRedirect(t *testing.T) {
	var seen http.Header
	end := func(w http.ResponseWriter, r *http.Request) { seen = r.Header }
	other := httptest.NewServer(http.HandlerFunc(end))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		end(w, r)
	}))
	defer server.Close()
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	localhost := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	one, err := permit.Parse([]string{"net=" + host(server.URL)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		permit *permit.Permissions
		to     string
		secret bool
		err    string
	}{
		{one, "/x", true, ""},
		{one, "//" + host(server.URL), true, ""},
		{one, other.URL, false, "--allow net=" + host(other.URL)},
		{one, localhost, false, "--allow net=" + host(localhost)},
		{permit.All(), other.URL, false, ""},
		{permit.All(), localhost, false, ""},
		{one, "file:///etc/passwd", false, `"file:///etc/passwd" is no URL of HTTP`},
		{one, "unix:/x", false, `"unix:/x" is no URL of HTTP`},
		{one, "gopher://" + host(server.URL), false, "is no URL of HTTP"},
		{one, server.URL + "/?to=" + server.URL, true, ""},
	} {
		seen = nil
		L := newState(t, &Options{})
		value(t, L, `{url = "`+server.URL+"/?to="+c.to+`", headers = {authorization = "s", Cookie = "s", ["x-api-key"] = "s", Accept = "a/b"}}`)
		got, err := ParseHTTP(L, 1, &Options{Permissions: c.permit, Budget: new(luastring.Budget)}).Do(t.Context())
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || seen != nil {
				t.Errorf("%s: %v, %v", c.to, err, seen)
			}
			continue
		}
		if err != nil || got.Status != 200 || seen.Get("Accept") != "a/b" {
			t.Errorf("%s: %+v, %v, %v", c.to, got, seen, err)
		}
		for _, name := range []string{"Authorization", "Cookie", "X-Api-Key"} {
			if had := seen.Get(name) != ""; had != c.secret {
				t.Errorf("%s: %s goes there: %v", c.to, name, had)
			}
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,-2.5e3,true,null,"\u00e9\n"],"b":{}}`)
	f.Add(`[[],{},""]`)
	f.Add(`"\ud83d\ude00"`)
	L := newState(f, &Options{Budget: &luastring.Budget{Steps: 1 << 30}})
	o := L.GetGlobal("ws76").(*lua.LTable)
	decode, encode := L.GetField(L.GetField(o, "json"), "decode"), L.GetField(L.GetField(o, "json"), "encode")
	f.Fuzz(func(t *testing.T, text string) {
		call := func(fn lua.LValue, v lua.LValue) (lua.LValue, error) {
			if err := L.CallByParam(lua.P{Fn: fn, NRet: 1, Protect: true}, v); err != nil {
				return lua.LNil, err
			}
			v = L.Get(-1)
			L.Pop(1)
			return v, nil
		}
		v, err := call(decode, lua.LString(text))
		if err != nil {
			t.Fatalf("decode(%q) raises %v", text, err)
		}
		if v == lua.LNil {
			return
		}
		once, err := call(encode, v)
		if err != nil {
			return // bytes that are no UTF-8 go in but not out
		}
		v, _ = call(decode, once)
		if twice, err := call(encode, v); err != nil || twice != once {
			t.Fatalf("%q became %q and then %q, %v", text, once, twice, err)
		}
	})
}

func FuzzPack(f *testing.F) {
	f.Add("<i4 z s1 c3 !8 Xd b", "\x01\x02\x03\x04ab\x00\x02cdefg")
	f.Add(">I7 f d j", strings.Repeat("\xff", 40))
	L := newState(f, &Options{Budget: &luastring.Budget{Steps: 1 << 30, MaxString: 1 << 16}})
	unpack := L.GetField(L.GetGlobal("ws76"), "unpack")
	f.Fuzz(func(t *testing.T, format, data string) {
		L.SetTop(0)
		err := L.CallByParam(lua.P{Fn: unpack, NRet: lua.MultRet, Protect: true}, lua.LString(format), lua.LString(data))
		if e, ok := err.(*lua.ApiError); ok && e.Cause != nil {
			t.Fatalf("unpack(%q, %q): a panic: %v", format, data, e.Cause)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		L := lua.NewState(lua.Options{SkipOpenLibs: true, MinimizeStackMemory: true, RegistrySize: 128})
		Open(L, &Options{Budget: new(luastring.Budget)})
		L.Close()
	}
}

// TestOptions: a key that is none of the options of a function is refused, wherever the table comes from.
func TestOptions(t *testing.T) {
	o := &Options{Permissions: permit.All()}
	L := newState(t, o)
	L.SetGlobal("exec", L.NewFunction(func(L *lua.LState) int { ParseExec(L, 1, o); return 0 }))
	L.SetGlobal("http", L.NewFunction(func(L *lua.LState) int { ParseHTTP(L, 1, o); return 0 }))
	run(t, L, []byte(`
		raises('ws76.exec: there is no option "timout"; there are stdin, timeout, folder', exec, {"true"}, {timout = 1})
		raises('ws76.http: there is no option "header"; there are url, method, headers, body, timeout', http, {url = "http://h/", header = {}})
		exec({"true"}, {stdin = "", timeout = 1, folder = "."}) http({url = "http://h/", headers = {}, method = "GET", body = "", timeout = 1})`), "options.lua")
}

package scripts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func newFileRig(t *testing.T, path string, o Options) *rig {
	t.Helper()
	r := &rig{t: t, news: make(chan struct{}, 1)}
	r.options(&o)
	s, err := Load(path, o)
	if err != nil {
		t.Fatal(err)
	}
	r.run(s)
	return r
}

// TestReloadPipe: a pipe in the place of a script's file is not waited for; the version before runs on.
func TestReloadPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.lua")
	writeFile(t, path, "function on_message() return false end")
	r := newFileRig(t, path, Options{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfifo", path).CombinedOutput(); err != nil {
		t.Skipf("mkfifo: %v: %s", err, out)
	}
	r.script.mu.Lock()
	changed := r.script.changed(path)
	r.script.mu.Unlock()
	if changed {
		t.Error("a pipe is taken for a new version")
	}
	if err := r.script.Reload(); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("reloaded from a pipe: %v", err)
	}
	r.push("x")
	if got := r.got(&r.toB); len(got) != 0 {
		t.Errorf("%q passed", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, "function on_message() return 'new' end")
	if err := r.script.Reload(); err != nil {
		t.Fatal(err)
	}
	r.push("x")
	r.want("to b", &r.toB, "new")
}

// What survives a reload, and what ends with the old version.
func TestReloadKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.lua")
	clock := NewVirtualClock(epoch)
	code := func(version string) string {
		return strings.ReplaceAll(`
ws76.state.loads = (ws76.state.loads or 0) + 1
local n = 0
local extra
function on_save() return {n = n} end
function on_restore(t) n = t.n extra = "restored" end
function on_start() print("start VERSION") ws76.every(1, function() print("tick VERSION") end) ws76.spawn(function() while true do ws76.sleep(1) print("task VERSION") end end) end
function on_stop(why) print("stop VERSION", why) end
function on_message(c, d)
  n = n + 1
  c.data.list = c.data.list or {self = c, peers = {c.peer}, f = print}
  c.data.list[#c.data.list + 1] = d
  return "VERSION " .. n .. " " .. ws76.state.loads .. " " .. #c.data.list .. " " .. tostring(c.data.list.self == c and c.data.list.peers[1] == c.peer) .. " " .. tostring(extra)
end`, "VERSION", version)
	}
	writeFile(t, path, code("one"))
	r := newFileRig(t, path, Options{Clock: clock})
	r.push("x")
	r.advance(clock, 1, time.Second)
	writeFile(t, path, code("two"))
	if err := r.script.Reload(); err != nil {
		t.Fatal(err)
	}
	r.push("x")
	r.advance(clock, 1, 0)
	r.advance(clock, 1, time.Second)
	for _, broken := range []string{"x = = 1", "error('no')", "while true do end", " \n"} {
		writeFile(t, path, broken)
		r.script.o.Limits.Timeout = 100 * time.Millisecond
		if err := r.script.Reload(); err == nil {
			t.Errorf("%s: loaded", broken)
		}
	}
	r.push("x")
	r.want("to b", &r.toB, "one 1 1 1 true nil", "two 2 2 2 true restored", "two 3 2 3 true restored")
	got := strings.Join(r.got(&r.prints), " ")
	if got != "start one tick one task one stop one\treload start two tick two task two" && got != "start one stop one\treload start two tick two task two" {
		t.Logf("prints: %s", got)
	}
	if n := strings.Count(got, "tick one") + strings.Count(got, "task one"); n > 2 {
		t.Errorf("timers of the old version run on: %s", got)
	}
	if !r.logged("values in ws76.state or conn.data are no plain data") {
		t.Errorf("logged %q", r.got(&r.logs))
	}
}

// A changed file is noticed, a required one too, and one that is not there yet.
func TestReloadWatches(t *testing.T) {
	dir := t.TempDir()
	path, mod := filepath.Join(dir, "s.lua"), filepath.Join(dir, "mod.lua")
	writeFile(t, mod, `return "m1"`)
	writeFile(t, path, `local m = require "mod" function on_message(c, d) return "1" .. m end`)
	r := newFileRig(t, path, Options{Reload: true})
	now := func(want string) func() bool {
		return func() bool { r.push("x"); got := r.got(&r.toB); return got[len(got)-1] == want }
	}
	r.await("1m1", now("1m1"))
	writeFile(t, mod, `return "m2"`)
	r.await("1m2", now("1m2"))
	temp := filepath.Join(dir, "temp")
	writeFile(t, temp, `local m = require "mod" local o = require "other" function on_message(c, d) return "2" .. m .. o end`)
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
	r.await("what is missing", func() bool { return r.logged("other.lua") })
	writeFile(t, filepath.Join(dir, "other.lua"), `return "o"`)
	r.await("2m2o", now("2m2o"))
	// A file that is written with the same content is no new version.
	before := len(r.got(&r.logs))
	writeFile(t, path, `local m = require "mod" local o = require "other" function on_message(c, d) return "2" .. m .. o end`)
	writeFile(t, temp, `return "m3"`)
	if err := os.Rename(temp, mod); err != nil {
		t.Fatal(err)
	}
	r.await("2m3o", now("2m3o"))
	if n := len(r.got(&r.logs)) - before; n != 1 {
		t.Errorf("%d reloads for one change: %q", n, r.got(&r.logs))
	}
}

// TestReloadLinks has a script and what it requires mounted as Kubernetes does: links through a folder that is swapped.
func TestReloadLinks(t *testing.T) {
	dir := t.TempDir()
	link := func(target, name string) {
		t.Helper()
		if err := errors.Join(os.Symlink(target, filepath.Join(dir, "new")), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name))); err != nil {
			t.Skip(err) // on Windows not everybody may
		}
	}
	version := func(name, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name, "hook.lua"), `local m = require "mod" function on_message(c, d) return "`+text+`" .. m end`)
		writeFile(t, filepath.Join(dir, name, "mod.lua"), `return "`+text+`"`)
	}
	version("..v1", "1")
	link("..v1", "..data")
	link("..data/hook.lua", "hook.lua")
	link("..data/mod.lua", "mod.lua")
	r := newFileRig(t, filepath.Join(dir, "hook.lua"), Options{Reload: true})
	now := func(want string) func() bool {
		return func() bool { r.push("x"); got := r.got(&r.toB); return got[len(got)-1] == want }
	}
	r.await("11", now("11"))
	for i, v := range []string{"2", "3", "4"} {
		version("..v"+v, v)
		link("..v"+v, "..data")
		if err := os.RemoveAll(filepath.Join(dir, "..v"+strconv.Itoa(i+1))); err != nil {
			t.Fatal(err)
		}
		r.await(v+v, now(v+v))
	}
}

// TestReloadTold: after a complaint it is said as loudly that all is well again, be it with a new version or the old one.
func TestReloadTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.lua")
	good := `function on_message(c, d) return "1" end`
	writeFile(t, path, good)
	r := newFileRig(t, path, Options{})
	for _, c := range []struct{ text, want string }{
		{"\xef\xbb\xbf" + good, "INFO s.lua: reloaded"},
		{"function (", "ERROR s.lua: not reloaded"},
		{good, "ERROR s.lua: reloaded"},
		{good, "INFO s.lua: reloaded"},
		{"\xff\xfef\x00", "ERROR s.lua: not reloaded, the version before runs on: reading " + path + ": it begins with a byte order mark of UTF-16"},
		{"error 'x'", "ERROR s.lua: not reloaded"},
		{good, "ERROR s.lua: reloaded"},
		{"", "ERROR s.lua: not reloaded, the version before runs on: " + path + " is empty now"},
		{good, "ERROR s.lua: reloaded"},
	} {
		writeFile(t, path, c.text)
		r.script.Reload()
		if logs := r.got(&r.logs); !strings.HasPrefix(logs[len(logs)-1], c.want) {
			t.Errorf("%q: %q, want %q", c.text, logs[len(logs)-1], c.want)
		}
	}
}

// null is an endpoint that takes all and has nothing.
type null struct{}

func (null) Receive(ctx context.Context) (core.Message, error) {
	<-ctx.Done()
	return core.Message{}, context.Cause(ctx)
}
func (null) Send(context.Context, core.Message) error { return nil }
func (null) Close(context.Context) error              { return nil }

// 200 rewrites, every third of them broken, while 20 connections exchange numbered
// messages: none is lost, doubled or out of order, and nothing is left behind.
func TestReloadUnderTraffic(t *testing.T) {
	const rewrites, conns = 200, 20
	dir := t.TempDir()
	path := filepath.Join(dir, "s.lua")
	version := func(i int) string {
		if i%3 == 2 {
			return "function on_message("
		}
		return fmt.Sprintf(`-- %d
ws76.every(0.01, function() end)
ws76.watch("`+filepath.ToSlash(dir)+`", function() end)
function on_start() for i = 1, 10 do ws76.spawn(function() while true do ws76.sleep(0.01) end end) end end
function on_message(conn, data)
  conn.data.n = (conn.data.n or 0) + 1
  conn:send(conn.data.n .. " " .. data)
  return false
end`, i)
	}
	writeFile(t, path, version(0))
	r := newFileRig(t, path, Options{Reload: true})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var served, talked sync.WaitGroup
	for range conns {
		served.Go(func() {
			stream, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			conn, err := core.Accept(t.Context(), stream, nil)
			if err != nil {
				t.Error(err)
				return
			}
			sess := Set{r.script}.Session(NewPeer(conn, "server"), nil, false)
			err = relay.Join(t.Context(), conn, null{}, &relay.Options{Hooks: sess.Hooks()})
			sess.Closed(err)
			if err != nil {
				t.Error(err)
			}
		})
		talked.Go(func() {
			if err := exchange(ctx, t, l.Addr().String()); err != nil {
				t.Error(err)
			}
		})
	}
	var early, late runtime.MemStats
	for i := 1; i <= rewrites; i++ {
		if i%2 == 0 {
			writeFile(t, path, version(i))
		} else {
			temp := filepath.Join(dir, "temp")
			writeFile(t, temp, version(i))
			if err := os.Rename(temp, path); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.script.Reload(); (err == nil) != (i%3 != 2) {
			t.Errorf("version %d: %v", i, err)
		}
		switch i {
		case 50:
			runtime.GC()
			runtime.ReadMemStats(&early)
		case rewrites:
			runtime.GC()
			runtime.ReadMemStats(&late)
		}
	}
	stop()
	talked.Wait()
	served.Wait()
	l.Close()
	if late.HeapAlloc > early.HeapAlloc+8<<20 {
		t.Errorf("the heap went from %d KiB after 50 versions to %d KiB after %d", early.HeapAlloc>>10, late.HeapAlloc>>10, rewrites)
	}
	st := r.script.enter()
	if len(st.timers) > 20 || len(st.tasks) > 10 || len(st.opened) != 1 || len(r.script.conns) > 2 {
		t.Errorf("left: %d timers, %d tasks, %d watches, %d connections", len(st.timers), len(st.tasks), len(st.opened), len(r.script.conns))
	}
	r.script.leave()
}

// exchange sends numbers, a few at a time, until ctx ends, and checks that each is
// answered once, in order, by a hook that has counted all of them.
func exchange(ctx context.Context, t *testing.T, addr string) error {
	conn, err := core.Dial(t.Context(), "ws://"+addr+"/", nil)
	if err != nil {
		return err
	}
	defer conn.Close(t.Context()) // on errors, so that the other side ends too
	const ahead = 4
	sent := 0
	for got := 1; ; got++ {
		for sent < got+ahead && ctx.Err() == nil {
			sent++
			if err := conn.Send(t.Context(), core.Message{Data: []byte(strconv.Itoa(sent))}); err != nil {
				return err
			}
		}
		if got > sent {
			break
		}
		m, err := conn.Receive(t.Context())
		if err != nil {
			return fmt.Errorf("after %d messages: %w", got-1, err)
		}
		if want := fmt.Sprintf("%d %d", got, got); string(m.Data) != want {
			return fmt.Errorf("got %q, want %q", m.Data, want)
		}
	}
	if sent <= ahead {
		return fmt.Errorf("only %d messages went through", sent)
	}
	return conn.Close(t.Context())
}

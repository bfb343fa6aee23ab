package scripts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/scripts/kv"
	"github.com/ws76/ws76/scripts/permit"
)

// replaceFile puts text in the place of a file: written over, or by way of another one.
func replaceFile(path, text string, over bool) error {
	if over {
		return os.WriteFile(path, []byte(text), 0o666)
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o666); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// TestReloadStorm: a script is rewritten again and again while messages flow, and is loaded when the files say so: no message is
// lost, and each goes through one whole version, none older than the one before had.
func TestReloadStorm(t *testing.T) {
	const versions = 200
	path := filepath.Join(t.TempDir(), "s.lua")
	version := func(i int) string {
		return fmt.Sprintf("first = %d function on_message(c, d) return first .. ' ' .. tostring(second) .. ' ' .. d end second = %d", i, i)
	}
	writeFile(t, path, version(0))
	r := newFileRig(t, path, Options{Reload: true})
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := 1; i <= versions; i++ {
			if err := replaceFile(path, version(i), i%2 == 0); err != nil {
				t.Error(err)
			}
			if i%50 == 0 { // so that some are loaded on the way
				r.script.Reload()
			}
		}
	}()
	last, pushed := 0, 0
	push := func() (now int) {
		r.push(fmt.Sprint(pushed))
		got := r.got(&r.toB)
		var a, b, n int
		if c, err := fmt.Sscanf(got[len(got)-1], "%d %d %d", &a, &b, &n); len(got) != pushed+1 || c != 3 || err != nil || n != pushed || a != b || a < last {
			t.Fatalf("message %d came as %q after version %d; %d came in all", pushed, got[len(got)-1], last, len(got))
		}
		pushed++
		return a
	}
	for running := true; running; {
		select {
		case <-written:
			running = false
		default:
		}
		if pushed < 10_000 || !running { // beside the files there is nothing to wait for
			last = push()
		}
	}
	r.await("the last version", func() bool { last = push(); return last == versions })
}

// TestStorm: many connections publish, count and require at once, while files that are watched change and the script is loaded
// anew: all that was promised is done, once.
func TestStorm(t *testing.T) {
	const conns, messages, changes = 8, 200, 20
	dir := t.TempDir()
	watched := filepath.Join(dir, "watched")
	if err := os.Mkdir(watched, 0o777); err != nil {
		t.Fatal(err)
	}
	path, mod := filepath.Join(dir, "s.lua"), filepath.Join(dir, "mod.lua")
	module := func(i int) string { return fmt.Sprintf("return {version = %d}", i) }
	const code = `
local mod = require "mod"
assert(ws76.watch("watched/*", function(event) ws76.sleep(0.001) ws76.print("seen " .. event.path) end))
ws76.every(0.001, function() ws76.kv:incr("ticks") end)
function on_message(conn, data)
  assert(require("mod") == mod)
  ws76.kv:incr("n")
  ws76.kv:set("conn " .. data:match("%d+"), data)
  return ws76.publish("channel", data) and "published" or "full"
end`
	writeFile(t, mod, module(0))
	writeFile(t, path, code)
	var published atomic.Int64
	allowed := (&permit.Permissions{}).With(permit.Own(dir, path)...)
	r := newFileRig(t, path, Options{
		Reload: true, Permissions: func() *permit.Permissions { return allowed },
		KV:      func() (*kv.Store, error) { return kv.Open(filepath.Join(dir, "kv")) },
		Publish: func(string, core.Message) error { published.Add(1); return nil },
	})
	var all sync.WaitGroup
	for c := range conns {
		_, sink := r.session(r.script)
		all.Go(func() {
			for i := range messages {
				if err := sink(relay.AToB, core.Message{Data: fmt.Appendf(nil, "%d %d", c, i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for i := 1; i <= changes; i++ {
			for _, err := range []error{
				replaceFile(mod, module(i), i%2 == 0), replaceFile(path, fmt.Sprintf("%s -- %d", code, i), i%3 == 0),
				os.WriteFile(filepath.Join(watched, fmt.Sprint(i)), []byte("x"), 0o666),
			} {
				if err != nil {
					t.Error(err)
				}
			}
			r.script.Reload() // also in the middle of that of the files
		}
	})
	all.Wait()
	r.await("what was published", func() bool {
		n := 0
		for _, text := range r.got(&r.toB) {
			if text == "published" {
				n++
			}
		}
		return published.Load() == int64(n)
	})
	var wrote time.Time // again where a version has ended with it
	r.await("a change at the end", func() bool {
		if time.Since(wrote) > time.Second {
			wrote = time.Now()
			writeFile(t, filepath.Join(watched, "last"), wrote.String())
		}
		return strings.Contains(strings.Join(r.got(&r.prints), "\n"), "last")
	})
	if got := r.got(&r.toB); len(got) != conns*messages || published.Load() == 0 {
		t.Errorf("%d messages came of %d, %d were published", len(got), conns*messages, published.Load())
	}
	r.stop()
	for _, l := range r.got(&r.logs) {
		if strings.HasPrefix(l, "ERROR") && !strings.Contains(l, "reloaded") { // a file may be looked at while it is empty
			t.Errorf("logged %s", l)
		}
	}
	store, err := kv.Open(filepath.Join(dir, "kv"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if n, _ := store.Get("n"); n != fmt.Sprintf("n%d", conns*messages) { // as numbers are kept
		t.Errorf("counted %q, want %d", n, conns*messages)
	}
}

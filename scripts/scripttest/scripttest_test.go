package scripttest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/scripts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const subject = `
function on_open(conn) conn:send("hello") end
function on_message(conn, data)
  if data == "drop" then return false end
  if data == "fail" then error("broken") end
  if data == "later" then ws76.after(60, function() conn:send("now") end) end
  return data:upper()
end
function on_send(conn, data) return "<" .. data .. ">" end
function on_close(conn, info) closed = info.clean end
`

const tests = `
local function eq(a, b) if a ~= b then error(("got %q, want %q"):format(tostring(a), tostring(b)), 2) end end
function test_message()
  local c = ws76.test.conn{path = "/x"}
  eq(c.conn.path, "/x")
  eq(c.sent[1], "hello")
  eq(c:message("a")[1], "A")
  eq(#c:message("drop"), 0)
  eq(c:deliver("d")[1], "<d>")
  eq(#c.passed, 1)
  c:close()
  eq(closed, true)
end
function test_clock()
  local c = ws76.test.conn()
  c:message("later")
  ws76.test.advance(59)
  eq(#c.sent, 1)
  ws76.test.advance(1)
  eq(c.sent[2], "now")
  local t = ws76.now()
  eq(os.time(), math.floor(t)) eq(os.date("%Y-%m-%d") .. os.date(" %H:%M", t + 3600), "2026-01-01 01:01") eq(os.time(os.date("*t")), os.time())
  ws76.spawn(function() for i = 1, 3 do ws76.sleep(1) n = i end end)
  ws76.test.advance(5)
  eq(n, 3)
  eq(ws76.now() - t, 5)
end
function test_replay()
  local c = ws76.test.replay("recording.jsonl")
  eq(c.passed[1], "ONE")
  eq(c.sent[2], "<two>")
  eq(c.sent[3], "now")
end
function test_recording()
  local c = ws76.test.replay("session.jsonl")
  eq(#c.passed, 1)
  eq(c.passed[1], "ONE")
end
function test_equal()
  ws76.test.equal(1, 1)
  ws76.test.equal({a = {1, {b = "x"}}}, {a = {1, {b = "x"}}}, "tables")
  local function fails(...) local ok, err = pcall(ws76.test.equal, ...) eq(ok, false) return err end
  eq(fails("a", "b"), 'got "a", want "b"')
  eq(fails(1, "1", "kind"), 'kind: got 1, want "1"')
  eq(fails({a = {1, 2}}, {a = {1, 3}}), "they differ at .a[2]: got 2, want 3\ngot:  {a = {1, 2}}\nwant: {a = {1, 3}}")
  eq(fails(("x"):rep(30) .. "a", ("x"):rep(30) .. "b"):match("%(.*"), "(from byte 31 on)")
  eq(#fails(("x"):rep(1e6), 1) < 2100, true)
end
function test_equal_fails() ws76.test.equal({1}, {2}) end
function test_fails() eq(1, 2) end
function test_hook_fails() ws76.test.conn():message("fail") end
`

const session = `{"ws76":"recording","version":1,"time":"2026-01-01T00:00:00Z"}
{"t":0,"conn":1,"event":"open","role":"client"}
{"t":0.5,"conn":1,"dir":"in","data":"one"}
{"t":0.6,"conn":2,"dir":"in","data":"of another connection"}
{"t":1,"conn":1,"event":"close","clean":true}
`

const lines = `{"data":"one","kind":"text","dir":"in","time":"2026-01-01T00:00:00Z"}
{"data":"two","kind":"text","dir":"out","time":"2026-01-01T00:00:01Z"}
{"data":"later","kind":"text","dir":"in","time":"2026-01-01T00:00:02Z"}
{"data":"x","kind":"text","dir":"in","time":"2026-01-01T00:01:30Z"}
`

// A test that does not end in time is told what it waits for: the clock is not blamed where nothing waits for it.
func TestEndless(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("it_test.lua", []byte(`
function test_clock() ws76.sleep(1) end
function test_queue() ws76.queue():get() end
function test_busy() while true do coroutine.yield() end end`), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"test_clock": "something waits for the clock, which ws76.test.advance alone moves", "test_queue": "nothing waits for the clock", "test_busy": "nothing waits for the clock",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := Test(ctx, "it_test.lua", name, scripts.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		cancel()
	}
}

func TestTests(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"it.lua": subject, "it_test.lua": tests, "recording.jsonl": lines, "session.jsonl": session} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"test_message": "", "test_clock": "", "test_replay": "", "test_recording": "",
		"test_equal": "", "test_equal_fails": "it_test.lua:49: they differ at [1]: got 1, want 2",
		"test_fails": `it_test.lua:50: got "1", want "2"`, "test_hook_fails": "broken", "test_none": "there is no function test_none",
	} {
		err := Test(t.Context(), "it_test.lua", name, scripts.Options{})
		if want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(".", "it.lua"), []byte("x = = 1"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Test(t.Context(), "it_test.lua", "test_fails", scripts.Options{}); err == nil || !strings.Contains(err.Error(), "it.lua:1: unexpected symbol near '='") {
		t.Errorf("a script that does not compile: %v", err)
	}
}

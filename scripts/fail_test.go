package scripts

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/scripts/check"
)

// guards are the ways to say that a script guards something.
func guards(policy ErrorPolicy) map[string]struct {
	code string
	o    Options
} {
	return map[string]struct {
		code string
		o    Options
	}{
		"the user":     {"", Options{OnError: policy}},
		"the manifest": {"", Options{Fail: policy}},
		"the script":   {"fail = '" + policy.String() + "'\n", Options{}},
	}
}

// TestGuards: nothing passes a script that guards and fails, however it fails and however often.
func TestGuards(t *testing.T) {
	for how, fault := range map[string]string{
		"an error":      `error("no")`,
		"a wrong value": `return {1, {}, print}`,
		"a budget":      `return ("x"):rep(1e9)`,
		"time":          `while true do end`,
		"a stack":       `local function f() return 1 + f() end f()`,
	} {
		for who, g := range guards(Drop) {
			if how == "time" {
				g.o.Limits.Timeout = 200 * time.Millisecond
			}
			for _, hook := range []string{"on_message", "on_send"} {
				r := newRig(t, g.code+"function "+hook+"(c, d) if d == 'good' then return d end "+fault+" end", g.o)
				often := maxErrors + 5
				if how == "time" {
					often = 2
				}
				for range often {
					r.push("bad")
				}
				r.push("good")
				if got := append(r.got(&r.toB), r.got(&r.toA)...); len(got) != 1 || got[0] != "good" {
					t.Errorf("%s, said by %s, in %s: %q passed, want what is good alone", how, who, hook, got)
				}
				r.stop()
			}
		}
	}
}

// TestGuardHandshake: nobody comes in past a hook that fails, or has failed often.
func TestGuardHandshake(t *testing.T) {
	for who, g := range guards(Close) {
		r := newRig(t, g.code+"function on_handshake() error('no') end", g.o)
		for range maxErrors + 5 {
			if a := (Set{r.script}).Handshake(&Peer{}, requestOf("/")); a == nil || a.Status != http.StatusInternalServerError {
				t.Fatalf("said by %s: answered %v", who, a)
			}
		}
		r.stop()
	}
}

// TestGuardStopped: what comes when the script was stopped already does not pass.
func TestGuardStopped(t *testing.T) {
	for who, g := range guards(Drop) {
		r := newRig(t, g.code+"function on_message(c, d) return d end", g.o)
		r.push("a")
		r.stop()
		r.push("b")
		if got := r.got(&r.toB); len(got) != 1 {
			t.Errorf("said by %s: %q passed", who, got)
		}
	}
}

// TestGuardMisplaced: what has a hook's name and is no function does not load, and takes the place of none that runs.
func TestGuardMisplaced(t *testing.T) {
	for code, want := range map[string]string{
		`5`: "5", `"drop"`: "a string", `{}`: "a table", `true`: "true",
		`setmetatable({}, {__call = function() return false end})`: "a table",
	} {
		for _, hook := range Events {
			_, err := Eval("x", hook+" = "+code, Options{})
			if want := "x: " + hook + " is " + want + "; want a function"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s = %s: %v, want %s", hook, code, err, want)
			}
		}
		r := newRig(t, "function on_message() return false end function on_start() on_message = "+code+" end", Options{})
		r.push("a")
		if got := r.got(&r.toB); len(got) != 0 {
			t.Errorf("%s, set later: %q passed", code, got)
		}
		r.stop()
	}
	r := newRig(t, "on_send = false function on_message() return false end function on_start() on_message = nil end", Options{})
	r.push("a")
	r.want("to b", &r.toB, "a")
	r.stop()
}

// TestFailStated: a script says drop or close, and the safer of two counts.
func TestFailStated(t *testing.T) {
	if _, err := Eval("x", `fail = "dorp"`, Options{}); err == nil || !strings.Contains(err.Error(), `fail is "dorp"; want drop or close`) {
		t.Errorf("dorp: %v", err)
	}
	for code, want := range map[string]string{`true`: "true", `{"drop"}`: "a table", `1`: "1"} {
		if _, err := Eval("x", `fail = `+code, Options{}); err == nil || !strings.Contains(err.Error(), `fail is `+want+`; want "drop" or "close"`) {
			t.Errorf("%s: %v", code, err)
		}
	}
	for _, c := range []struct {
		code      string
		user, man ErrorPolicy
		want      ErrorPolicy
	}{
		{``, Pass, Pass, Pass},
		{`function fail() end`, Pass, Pass, Pass},
		{`fail = false`, Pass, Pass, Pass},
		{`fail = "drop"`, Pass, Pass, Drop},
		{`fail = "drop"`, Close, Pass, Close},
		{`fail = "drop"`, Pass, Close, Close},
		{`fail = "close"`, Drop, Drop, Close},
		{`fail = "close"`, Exit, Drop, Exit},
	} {
		s, err := Eval("x", c.code+" function on_message() end", Options{OnError: c.user, Fail: c.man})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.policy(); got != c.want {
			t.Errorf("%q with %v and %v: %v, want %v", c.code, c.user, c.man, got, c.want)
		}
		if err := s.Stop(t.Context(), ""); err != nil {
			t.Error(err)
		}
	}
}

// TestGuardStart: where on_start fails nothing passes, whatever hooks there are and whether a session began before; a version
// that is loaded anew lets pass again.
func TestGuardStart(t *testing.T) {
	for how, fault := range map[string]string{
		"an error":         `error("no")`,
		"a wait":           `ws76.sleep(1)`,
		"a hook misplaced": `on_message = 5`,
		"a hook misnamed":  `on_mesage = print`,
		"a wrong fail":     `fail = "dorp"`,
	} {
		for who, g := range guards(Drop) {
			for _, hook := range []string{"on_message", "on_send", "on_open"} {
				path := filepath.Join(t.TempDir(), "guard.lua")
				code := func(fault string) {
					writeFile(t, path, g.code+"function on_start() "+fault+" end function "+hook+"(c, d) return d end")
				}
				r := &rig{t: t, news: make(chan struct{}, 1)}
				r.options(&g.o)
				what := fmt.Sprintf("%s, said by %s, beside %s", how, who, hook)
				begin := func() error {
					s, err := Load(path, g.o)
					if err != nil {
						t.Fatal(err)
					}
					r.script = s
					err = s.Start()
					r.sess, r.sink = r.session(s)
					return err
				}
				passes := func(when string, want int) {
					t.Helper()
					if r.sess.ended { // where fail is none, it is taken for the safest
						r.sess, r.sink = r.session(r.script)
					}
					for _, d := range []relay.Direction{relay.AToB, relay.BToA} {
						if err := r.sink(d, core.Message{Data: []byte("x")}); err != nil && err != errDown && err != relay.ErrStop {
							t.Errorf("%s, %s: %v", what, when, err)
						}
					}
					if got := append(r.got(&r.toA), r.got(&r.toB)...); len(got) != want {
						t.Errorf("%s, %s: %d messages passed, want %d", what, when, len(got), want)
					}
					r.toA, r.toB = nil, nil
					if a := (Set{r.script}).Handshake(&Peer{}, requestOf("/")); (a == nil) != (want > 0) {
						t.Errorf("%s, %s: a handshake is answered %v", what, when, a)
					}
				}
				code(fault)
				if err := begin(); err == nil || !strings.Contains(err.Error(), "it guards something, and nothing may pass without it") {
					t.Errorf("%s: Start returned %v", what, err)
				}
				passes("at the start", 0)
				code("")
				if err := r.script.Reload(); err != nil {
					t.Error(err)
				}
				passes("mended", 2)
				code(fault)
				if err := r.script.Reload(); err == nil {
					t.Errorf("%s: a version that cannot start is said to be loaded", what)
				}
				passes("loaded anew", 0)
				r.stop()
				passes("stopped", 0)
			}
		}
	}
}

// TestGuardStartPass: a script that guards nothing goes on without what on_start was to do.
func TestGuardStartPass(t *testing.T) {
	r := newRig(t, "function on_start() error('no') end function on_message(c, d) return d .. d end", Options{})
	r.push("a")
	r.want("to b", &r.toB, "aa")
	r.stop()
}

// TestMisnamed: what looks like a hook and nothing calls is an error where something is guarded, and said otherwise.
func TestMisnamed(t *testing.T) {
	for code, want := range map[string]string{
		"function on_mesage() end":                        "there is no hook on_mesage, so nothing calls it; did you mean on_message?",
		"_G.On_Message = print":                           "there is no hook On_Message, so nothing calls it; did you mean on_message?",
		"function onMessage() end":                        "there is no hook onMessage, so nothing calls it; did you mean on_message?",
		"function on_something_else_entirely() end":       "there is no hook on_something_else_entirely, so nothing calls it",
		"function ws76.on_message() end":                  "there is no hook ws76.on_message, so nothing calls it; did you mean on_message?",
		"plugin = {} function plugin:on_message() end":    "there is no hook plugin.on_message, so nothing calls it; did you mean on_message?",
		"do local function on_message() end end":          "on_message is local, so nothing calls it; leave out local",
		"local on_send = function() end":                  "on_send is local, so nothing calls it; leave out local",
		"fial = 'close'":                                  "nothing looks at fial; did you mean fail?",
		"ws76.fail = 'drop'":                              "nothing looks at ws76.fail; did you mean fail?",
		"local w = ws76 w['fail'] = 'close'":              "nothing looks at ws76.fail; did you mean fail?",
		"ws76.mode = 'drop'":                              "",
		"local fail, text = 0, 'none'":                    "",
		"on_off = true only = 1 function once() end":      "",
		"local function on_open() end _G.on_open = print": "",
		"function f() local on_message = 1 end":           "",
	} {
		for who, g := range guards(Drop) {
			_, err := Eval("x", g.code+"function on_line() end "+code, g.o)
			if (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), "x: "+want) {
				t.Errorf("%s, guarded by %s: %v, want %q", code, who, err, want)
			}
		}
		r := newRig(t, "function on_line() end "+code, Options{})
		if got := r.logged("WARN test.lua: " + want); want != "" && !got || want == "" && r.logged("hook") {
			t.Errorf("%s: logged %q, want %q", code, r.logs, want)
		}
		r.stop()
	}
	const local = "function on_line() end local fail = 'drop'"
	if _, err := Eval("x", local, Options{OnError: Drop}); err == nil || !strings.HasSuffix(err.Error(), "x: "+check.LocalFail) {
		t.Errorf("a local fail: %v", err)
	}
	r := newRig(t, local, Options{})
	if !r.logged("WARN test.lua: " + check.LocalFail) {
		t.Errorf("a local fail: logged %q", r.logs)
	}
	r.stop()
	for code, ok := range map[string]bool{
		"": false, "function message() end": false, "on_message = false": false,
		"function on_open() end": true, "ws76.spawn(function() ws76.sleep(1) end)": true,
	} {
		if _, err := Eval("x", "fail = 'drop' "+code, Options{}); (err == nil) != ok {
			t.Errorf("%q, which states fail: %v", code, err)
		}
	}
}

// TestGuardCloses: once a script has closed a connection, because it failed, nothing more of that passes: what has come in
// already does not, nor what comes from the other side, and no script of the chain sees it.
func TestGuardCloses(t *testing.T) {
	for _, policy := range []ErrorPolicy{Close, Exit} {
		for _, hook := range []string{"on_message", "on_send"} {
			r := &rig{t: t, news: make(chan struct{}, 1)}
			var o Options
			r.options(&o)
			first, err := Eval("first", "function on_message(c, d) print(d) end", o)
			if err != nil {
				t.Fatal(err)
			}
			o.OnError = policy
			second, err := Eval("second", "function "+hook+"(c, d) if d == 'bad' then error('no') end end", o)
			if err != nil {
				t.Fatal(err)
			}
			set := Set{first, second}
			set.Start()
			sink, err := set.Session(&Peer{}, &Peer{}, false).Bind(r.next, nil, func(error) {})
			if err != nil {
				t.Fatal(err)
			}
			r.sink = sink
			r.push("good")
			if err := sink(relay.AToB, core.Message{Data: []byte("bad")}); err == nil {
				t.Errorf("%v, %s: no error", policy, hook)
			}
			for _, d := range []relay.Direction{relay.AToB, relay.BToA} {
				if err := sink(d, core.Message{Data: []byte("late")}); err == nil {
					t.Errorf("%v, %s, %v: what is late has no error", policy, hook, d)
				}
			}
			what := fmt.Sprintf("%v, %s: ", policy, hook)
			r.want(what+"to b", &r.toB, "good")
			r.want(what+"to a", &r.toA)
			r.want(what+"seen", &r.prints, "good", "bad")
			set.Stop(t.Context(), "")
		}
	}
}

// TestGuardClosesSent: what a script sends by itself ends the connection as well where a script behind it fails.
func TestGuardClosesSent(t *testing.T) {
	r := &rig{t: t, news: make(chan struct{}, 1)}
	var o Options
	r.options(&o)
	var set Set
	for _, code := range []string{"function on_open(c) ws76.after(0.001, function() c:send('bad') end) end", "fail = 'close' function on_send(c, d) error('no') end"} {
		s, err := Eval("e", code, o)
		if err != nil {
			t.Fatal(err)
		}
		set = append(set, s)
	}
	set.Start()
	defer set.Stop(t.Context(), "")
	if _, err := set.Session(&Peer{}, nil, false).Bind(r.next, nil, func(err error) { r.note(&r.prints, fmt.Sprint("ended: ", err)) }); err != nil {
		t.Fatal(err)
	}
	r.await("the end", func() bool { return len(r.got(&r.prints)) > 0 })
	r.want("ended", &r.prints, "ended: on_send: e:1: no")
	r.want("to a", &r.toA)
}

// TestGuardClosesOwned is TestGuardCloses for connections that a script has opened or accepted itself.
func TestGuardClosesOwned(t *testing.T) {
	for who, g := range guards(Close) {
		network(&g.o)
		r, err := runProgramWith(t, g.code+`
function on_message(c, d) if c.role == "server" then print(d) if d == "bad" then error("no") end c:send("re " .. d) end end
local l = assert(ws76.listen("127.0.0.1:0"))
local c = assert(ws76.connect("ws://" .. l.addr .. "/"))
for _, d in ipairs({"good", "bad", "late"}) do c:send(d) end
for d in function() return c:receive(10) end do print(d) end
l:close()`, g.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.got(&r.prints), " "); strings.Contains(got, "late") || !strings.Contains(got, "bad") {
			t.Errorf("said by %s: seen and answered %q", who, got)
		}
	}
}

// A hook that guards stays, whatever is put into its place but a function.
func TestGuardStays(t *testing.T) {
	const guard = " function on_message(c, d) if d == 'off' then on_message = nil return false end return (d:gsub('secret', '***')) end"
	for _, tt := range []struct {
		code string
		user ErrorPolicy
		want string
	}{
		{"fail = 'drop'" + guard, Pass, "***"}, {guard, Drop, "***"}, {guard, Pass, "secret"},
		{"fail = 'drop' function on_start() on_message = nil end" + guard, Pass, "***"},
		{"fail = 'drop' function on_start() _G['on_' .. 'message'] = false end" + guard, Pass, "***"},
		{"fail = 'drop' function on_start() on_message = function() return 'other' end end" + guard, Pass, "other"},
	} {
		r := newRig(t, tt.code, Options{OnError: tt.user})
		for _, text := range []string{"off", "secret", "secret"} {
			r.push(text)
		}
		if got := r.got(&r.toB); len(got) < 2 || got[len(got)-1] != tt.want || got[len(got)-2] != tt.want {
			t.Errorf("%q: %q passed", tt.code, got)
		}
		if told := r.logged("WARN test.lua: on_message guards, so that it stays"); told != (tt.want == "***") {
			t.Errorf("%q: logged %q", tt.code, r.got(&r.logs))
		}
		r.stop()
	}
}

// TestUnguarded: a version that guards less than the one before says so, whatever has gone.
func TestUnguarded(t *testing.T) {
	const hooks = "function on_message(c, d) end function on_send(c, d) end "
	const gone, unguarded = "WARN s.lua: the version before guarded with ", "WARN s.lua: the version before guarded, with fail = "
	for _, tt := range []struct {
		before, after string
		user          ErrorPolicy
		want          []string
	}{
		{"fail = 'drop' " + hooks, hooks, Pass, []string{unguarded + `"drop" and on_message and on_send; this one does not`}},
		{"fail = 'close' " + hooks, "function on_send() end", Pass, []string{unguarded + `"close" and on_message and on_send`, gone + "on_message, which"}},
		{"fail = 'drop' " + hooks, "fail = 'drop' function on_open() end", Pass, []string{gone + "on_message and on_send, which this one does not have"}},
		{"fail = 'drop' " + hooks, "fail = 'drop' function on_start() on_send = nil end " + hooks, Pass, nil},
		{"fail = 'drop' " + hooks, "function on_start() error('no') end " + hooks, Pass, []string{unguarded}},
		{"fail = 'drop' function on_handshake() end", "fail = 'drop' " + hooks, Pass, []string{gone + "on_handshake"}},
		{hooks, "function on_send() end", Drop, []string{gone + "on_message"}},
		{"fail = 'drop' " + hooks, hooks, Drop, nil},
		{"fail = 'close' " + hooks, "fail = 'drop' " + hooks, Pass, nil},
		{hooks, "", Pass, nil},
		{hooks, "fail = 'drop' " + hooks, Pass, nil},
	} {
		path := filepath.Join(t.TempDir(), "s.lua")
		writeFile(t, path, tt.before)
		r := newFileRig(t, path, Options{OnError: tt.user})
		// A version that does not begin in between changes nothing of what is compared.
		writeFile(t, path, tt.before+" function on_start() error('no') end")
		r.script.Reload()
		writeFile(t, path, tt.after+" -- a version")
		if err := r.script.Reload(); err != nil {
			t.Errorf("%q: %v", tt.after, err)
		}
		n := 0
		for _, l := range r.got(&r.logs) {
			if strings.Contains(l, "the version before guarded") {
				n++
			}
		}
		for _, want := range tt.want {
			if !r.logged(want) {
				t.Errorf("%q to %q: logged %q, want %q", tt.before, tt.after, r.got(&r.logs), want)
			}
		}
		if n != len(tt.want) {
			t.Errorf("%q to %q: said %d times, want %d: %q", tt.before, tt.after, n, len(tt.want), r.got(&r.logs))
		}
		r.stop()
	}
}

package scripts

import (
	"net/http"
	"strings"
	"testing"
	"time"
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
			g.o.Limits.Timeout = 200 * time.Millisecond
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
		s, err := Eval("x", c.code, Options{OnError: c.user, Fail: c.man})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.policy(); got != c.want {
			t.Errorf("%q with %v and %v: %v, want %v", c.code, c.user, c.man, got, c.want)
		}
		if (Set{s}).Guards() != (c.want != Pass) {
			t.Errorf("%q with %v and %v: guards %v", c.code, c.user, c.man, c.want == Pass)
		}
		if err := s.Stop(t.Context(), ""); err != nil {
			t.Error(err)
		}
	}
}

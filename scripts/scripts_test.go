package scripts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a script with a session that a test pushes messages through.
type rig struct {
	t      testing.TB
	script *Script
	sess   *Session
	sink   relay.Sink

	mu     sync.Mutex
	toA    []string
	toB    []string
	kinds  []core.Kind
	logs   []string
	prints []string
	ended  error
	news   chan struct{}
}

// newRig loads code and puts it into a session between the peers "a" and "b".
func newRig(t testing.TB, code string, o Options) *rig {
	t.Helper()
	r := &rig{t: t, news: make(chan struct{}, 1)}
	r.options(&o)
	s, err := Eval("test.lua", code, o)
	if err != nil {
		t.Fatal(err)
	}
	r.run(s)
	return r
}

func (r *rig) options(o *Options) {
	if o.Log == nil {
		o.Log = func(level slog.Level, text string) {
			r.note(&r.logs, fmt.Sprintf("%v %s", level, text))
		}
	}
	o.Print = func(text string) { r.note(&r.prints, text) }
}

func (r *rig) note(to *[]string, text string) {
	r.mu.Lock()
	*to = append(*to, text)
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// run starts a script and a session of it.
func (r *rig) run(s *Script) {
	r.script = s
	s.Start()
	r.t.Cleanup(func() { r.stop() })
	r.sess, r.sink = r.session(s)
}

func (r *rig) session(s *Script) (*Session, relay.Sink) {
	sess := Set{s}.Session(&Peer{Role: "server", Path: "/a", Dialect: core.Hixie76}, &Peer{Role: "client", Path: "/b", Dialect: core.RFC6455}, false)
	sink, err := sess.Bind(r.next, nil, func(err error) {
		r.mu.Lock()
		r.ended = err
		r.mu.Unlock()
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return sess, sink
}

func (r *rig) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.script.Stop(ctx, "test"); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) next(d relay.Direction, m core.Message) error {
	to := &r.toB
	if d == relay.BToA {
		to = &r.toA
	}
	r.note(to, string(m.Data))
	r.mu.Lock()
	r.kinds = append(r.kinds, m.Kind)
	r.mu.Unlock()
	return nil
}

// push sends messages from a to b.
func (r *rig) push(texts ...string) {
	r.t.Helper()
	for _, text := range texts {
		if err := r.sink(relay.AToB, core.Message{Data: []byte(text)}); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) got(of *[]string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), *of...)
}

// await returns when cond holds, which is looked at whenever something comes.
func (r *rig) await(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.After(10 * time.Second)
	for !cond() {
		select {
		case <-r.news:
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			r.t.Fatalf("waited for %s\nlogs: %s\nprints: %q\nto a: %q\nto b: %q", what, strings.Join(last(r.got(&r.logs)), "\n"), last(r.got(&r.prints)), last(r.got(&r.toA)), last(r.got(&r.toB)))
		}
	}
}

// last returns the end of what may be long.
func last(of []string) []string { return of[max(0, len(of)-10):] }

func (r *rig) want(what string, of *[]string, want ...string) {
	r.t.Helper()
	if got := r.got(of); !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		r.t.Errorf("%s: got %q, want %q\nlogs: %s", what, got, want, strings.Join(r.got(&r.logs), "\n"))
	}
}

func (r *rig) logged(part string) bool {
	for _, l := range r.got(&r.logs) {
		if strings.Contains(l, part) {
			return true
		}
	}
	return false
}

// Return values of the message hooks, as the documentation has them.
func TestReturnValues(t *testing.T) {
	for _, tt := range []struct {
		body string
		want []string
	}{
		{"", []string{"hello"}},
		{"return nil", []string{"hello"}},
		{"return true", []string{"hello"}},
		{"return false", nil},
		{"return data", []string{"hello"}},
		{"return data:upper()", []string{"HELLO"}},
		{"return data:gsub('l', 'L')", []string{"heLLo"}},
		{"return ''", []string{""}},
		{"return 42", []string{"42"}},
		{"return {}", nil},
		{"return {'a', true, {data = 'c'}}", []string{"a", "hello", "c"}},
		{"return {data = 'x'}", []string{"x"}},
		{"conn:send('to a') return true", []string{"hello"}},
		{"conn.peer:send('first')", []string{"first", "hello"}},
		{"return kind .. conn.role .. conn.path", []string{"textserver/a"}},
	} {
		r := newRig(t, "function on_message(conn, data, kind) "+tt.body+" end", Options{})
		r.push("hello")
		r.want(tt.body, &r.toB, tt.want...)
	}
	r := newRig(t, "function on_send(conn, data, kind) return {kind .. conn.role .. conn.path, data} end", Options{})
	r.push("hello")
	r.want("on_send", &r.toB, "textclient/b", "hello")
}

func TestBadReturnValues(t *testing.T) {
	for body, want := range map[string]string{
		"return function() end":                                 "want a string or {data",
		"return {data = 1, kind = 'x'}":                         `kind "x"`,
		"return {'a', print}":                                   "message 2 of the list",
		"return '\\255'":                                        "not UTF-8 at byte 0",
		"return {kind = 'text'}":                                "without data",
		"local t = {} for i = 1, 2000 do t[i] = i end return t": "limit is 1024",
	} {
		r := newRig(t, "function on_message(conn, data) "+body+" end", Options{})
		r.push("x")
		r.want(body, &r.toB, "x")
		if !r.logged(want) {
			t.Errorf("%s: logged %q, want %q", body, r.got(&r.logs), want)
		}
	}
}

func TestKinds(t *testing.T) {
	r := newRig(t, `function on_message(conn, data, kind) return {{data = kind, kind = "binary"}, data} end`, Options{})
	if err := r.sink(relay.AToB, core.Message{Data: []byte("\xff"), Kind: core.Binary}); err != nil {
		t.Fatal(err)
	}
	r.want("to b", &r.toB, "binary", "\xff")
	if !reflect.DeepEqual(r.kinds, []core.Kind{core.Binary, core.Binary}) {
		t.Errorf("kinds %v", r.kinds)
	}
}

// A proper end is no error, however the caller tells of it.
func TestCloseError(t *testing.T) {
	ended := &core.CloseError{Clean: true, ByPeer: true, Code: 1000}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{nil, "nil"}, {relay.ErrClosed, "nil"}, {ended, "nil"}, {fmt.Errorf("serve: %w", ended), "nil"},
		{errors.Join(ended, errors.New("disk full")), "closed (code 1000)\ndisk full"},
		{&core.CloseError{Err: io.ErrUnexpectedEOF}, "connection ended uncleanly (code 0): unexpected EOF"},
	} {
		r := newRig(t, `function on_close(c, i) print(i.error) end`, Options{})
		r.sess.Closed(tc.err)
		r.stop()
		r.want(fmt.Sprint(tc.err), &r.prints, tc.want, tc.want)
	}
}

// The events of a session, in their order.
func TestEvents(t *testing.T) {
	code := `
local n = {}
function on_start(a) print("start", a[1], a.k) end
function on_open(c) n[c.id] = c.role print("open", c.role) end
function on_message(c, d) print("message", c.role, d) end
function on_send(c, d) print("send", c.role, d) end
function on_error(c, err) print("error", c.role, err) end
function on_close(c, i) print("close", c.role, i.clean, i.code, i.by, #ws76.conns()) end
function on_stop(r) print("stop", r) end`
	r := newRig(t, code, Options{Args: Args{List: []string{"one"}, Named: map[string]string{"k": "v"}}})
	r.push("x")
	if err := r.sink(relay.BToA, core.Message{Data: []byte("y")}); err != nil {
		t.Fatal(err)
	}
	r.sess.Closed(&core.CloseError{Clean: true, ByPeer: true, Code: 1000})
	r.stop()
	r.want("prints", &r.prints, "start\tone\tv", "open\tserver", "open\tclient", "message\tserver\tx", "send\tclient\tx",
		"message\tclient\ty", "send\tserver\ty", "close\tserver\ttrue\t1000\tpeer\t1", "close\tclient\ttrue\t1000\tpeer\t0", "stop\ttest")
}

func TestLines(t *testing.T) {
	r := &rig{t: t, news: make(chan struct{}, 1)}
	var o Options
	r.options(&o)
	s, err := Eval("e", `function on_line(line) if line == "/hex" then return "48" end end  function on_send(c, d) return d .. "!" end`, o)
	if err != nil {
		t.Fatal(err)
	}
	r.script = s
	s.Start()
	defer r.stop()
	sink, err := Set{s}.Session(nil, &Peer{}, true).Bind(r.next, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.sink = sink
	r.push("/hex", "x")
	r.want("to b", &r.toB, "48!", "x!")
}

// Two scripts are run in the order given, and the second sees what the first sends.
func TestChain(t *testing.T) {
	r := &rig{t: t, news: make(chan struct{}, 1)}
	var o Options
	r.options(&o)
	var set Set
	for _, code := range []string{
		`function on_message(c, d) c.peer:send("extra") return d .. "1" end`,
		`function on_message(c, d) return d .. "2" end  function on_send(c, d) return d .. "s" end`,
	} {
		s, err := Eval("e", code, o)
		if err != nil {
			t.Fatal(err)
		}
		set = append(set, s)
	}
	set.Start()
	defer set.Stop(context.Background(), "")
	sink, err := set.Session(&Peer{}, &Peer{}, false).Bind(r.next, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.sink = sink
	r.push("x")
	r.want("to b", &r.toB, "extra2s", "x12s")
}

// As the hooks of a relay session.
func TestHooksOfASession(t *testing.T) {
	s, err := Eval("e", `function on_message(c, d) c:send("re: " .. d) return false end`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	defer s.Stop(context.Background(), "")
	sess := Set{s}.Session(&Peer{}, nil, false)
	a, b := &pipeEnd{in: []string{"1", "2"}}, &pipeEnd{}
	if err := relay.Join(t.Context(), a, b, &relay.Options{Hooks: sess.Hooks()}); err != nil {
		t.Fatal(err)
	}
	sess.Closed(nil)
	if want := []string{"re: 1", "re: 2"}; !reflect.DeepEqual(a.out, want) || len(b.out) > 0 {
		t.Errorf("a got %q, b %q", a.out, b.out)
	}
}

// pipeEnd is an endpoint in memory.
type pipeEnd struct {
	mu  sync.Mutex
	in  []string
	out []string
}

func (p *pipeEnd) Receive(ctx context.Context) (core.Message, error) {
	if len(p.in) == 0 {
		return core.Message{}, &core.CloseError{Clean: true}
	}
	m := core.Message{Data: []byte(p.in[0])}
	p.in = p.in[1:]
	return m, nil
}

func (p *pipeEnd) Send(_ context.Context, m core.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out = append(p.out, string(m.Data))
	return nil
}

func (p *pipeEnd) Close(context.Context) error { return nil }

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, code string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(code), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct{ path, want string }{
		{filepath.Join(dir, "none.lua"), "none.lua"},
		{dir, "folder"},
		{write("syntax.lua", "x = = 1"), "syntax.lua:1:"},
		{write("fails.lua", "\nlocal t = nil\nt.x = 1"), "fails.lua:3:"},
		{write("calls.lua", "local function f() error('oops') end\nf()"), "traceback"},
		{write("needs.lua", "require 'nothing'"), "nothing"},
		{write("waits.lua", "ws76.sleep(1)"), "ws76.spawn"},
	} {
		s, err := Load(tt.path, Options{})
		if err == nil {
			s.Stop(t.Context(), "")
			t.Errorf("%s: loaded", tt.path)
			continue
		}
		if _, ok := err.(*LoadError); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q in it", tt.path, err, tt.want)
		}
	}
	write("mod.lua", "return {x = 5}")
	s, err := Load(write("main.lua", "assert(require('mod').x == 5) assert(require('ws76') == ws76)"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop(t.Context(), "")
}

// TestHookReplaced: what a hook sets in the place of a hook counts from the next message on, by whatever name of the globals.
func TestHookReplaced(t *testing.T) {
	for _, set := range []string{
		"on_message = other", "_G.on_message = other", "local function f() on_message = other end f()", "rawset(_G, 'on_message', other)",
		"loadstring('on_' .. 'message = other')()", "load(function() local s = text text = nil return s end)()", "G[hook] = other", "getfenv(0)[hook] = other",
		"setfenv(function() HOOK = 1 end, setmetatable({}, {__newindex = function() G[hook] = other end}))()",
	} {
		r := newRig(t, "G, hook, text = _G, 'on_' .. 'message', 'on_' .. 'message = other' function other(c, d) G[hook] = nil return 'other ' .. d end function on_message(c, d) "+set+" return 'first ' .. d end", Options{})
		r.push("a", "b", "c")
		r.want(set, &r.toB, "first a", "other b", "c")
		r.stop()
	}
}

package lua51

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/core"
	"github.com/ws76/ws76/core/relay"
	"github.com/ws76/ws76/internal/testenv"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/scripttest"
)

var (
	programs = flag.Int("programs", 0, "how many random programs to compare; 0: 1000, and 20000 in CI without the race detector")
	first    = flag.Uint64("seed", 1, "the first seed")
)

//go:embed driver.lua
var driver string

// oracle is a process of lua5.1.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
}

func newOracle(t testing.TB) *oracle {
	path := testenv.Need(t, "lua5.1", "lua5.1")
	o := &oracle{cmd: exec.Command(path, "oracle.lua", "driver.lua")}
	o.cmd.Env = []string{"TZ=UTC", "LC_ALL=C"}
	o.cmd.Stderr = os.Stderr
	var err error
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.out = bufio.NewReader(out)
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *oracle) close() error {
	o.in.Close()
	return o.cmd.Wait()
}

// run returns what lua5.1 prints for each program.
func (o *oracle) run(srcs []string) ([]string, error) {
	written := make(chan error, 1)
	go func() {
		for _, src := range srcs {
			if _, err := fmt.Fprintf(o.in, "%d\n%s\n", len(src)+1, src); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	var results []string
	for range srcs {
		line, err := o.out.ReadString('\n')
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return nil, err
		}
		result := make([]byte, n)
		if _, err := io.ReadFull(o.out, result); err != nil {
			return nil, err
		}
		results = append(results, string(result))
	}
	return results, <-written
}

// host is a way to run programs in ours.
type host interface {
	run(srcs []string) ([]string, error)
}

var options = scripts.Options{Limits: scripts.Limits{Timeout: time.Minute}}

// hook runs each as a message of a connection.
type hook struct {
	sink relay.Sink
	got  string
}

func newHook(t testing.TB) host {
	s, err := scripts.Eval("driver.lua", driver+"\nfunction on_message(conn, data) return run(data) end", options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Stop(context.Background(), "") })
	h := &hook{}
	attached := scripts.Set{s}.Session(&scripts.Peer{}, nil, false).Hooks()[0]
	session, err := relay.NewSession(t.Context(), end{}, end{}, &relay.Options{Hooks: []relay.Hook{relay.HookFunc(func(s *relay.Session, _ relay.Sink) (relay.Sink, error) {
		var err error
		h.sink, err = attached.Attach(s, func(_ relay.Direction, m core.Message) error {
			h.got = string(m.Data)
			return nil
		})
		return nil, err
	})}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close(context.Background()) })
	return h
}

func (h *hook) run(srcs []string) (results []string, err error) {
	for _, src := range srcs {
		h.got = ""
		if err := h.sink(relay.AToB, core.Message{Kind: core.Binary, Data: []byte(src)}); err != nil {
			return nil, err
		}
		results = append(results, h.got)
	}
	return results, nil
}

// task runs each as a task.
type task struct{ *scripts.Script }

func newTask(t testing.TB) host {
	s, err := scripts.Eval("driver.lua", driver, options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Stop(context.Background(), "") })
	return task{s}
}

func (h task) run(srcs []string) (results []string, err error) {
	for _, src := range srcs {
		err := h.DoFunc(context.Background(), "run", func(L *lua.LState) (*lua.LFunction, []lua.LValue) {
			return L.GetGlobal("run").(*lua.LFunction), []lua.LValue{lua.LString(src)}
		}, func(v []lua.LValue) { results = append(results, v[0].String()) })
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

// tested runs them in a function of a test, as `ws76 script test` does.
type tested struct{ path string }

func newTested(t testing.TB) host {
	path := filepath.Join(t.TempDir(), "programs.lua")
	if err := os.WriteFile(path, []byte(driver+"\nfunction test_all() for src in programs do result(run(src)) end end"), 0o600); err != nil {
		t.Fatal(err)
	}
	return tested{path}
}

func (h tested) run(srcs []string) (results []string, err error) {
	for few := range slices.Chunk(srcs, 10) {
		got, err := h.test(few)
		for again := 0; err != nil && again < 5; again++ { // a test has some seconds, which a busy machine may not give it
			got, err = h.test(few)
		}
		if err != nil {
			return nil, err
		}
		results = append(results, got...)
	}
	return results, nil
}

func (h tested) test(srcs []string) (results []string, err error) {
	o := options
	next := 0
	o.Library = func(L *lua.LState, _ *lua.LTable) {
		L.SetGlobal("programs", L.NewFunction(func(L *lua.LState) int {
			if next == len(srcs) {
				return 0
			}
			L.Push(lua.LString(srcs[next]))
			next++
			return 1
		}))
		L.SetGlobal("result", L.NewFunction(func(L *lua.LState) int {
			results = append(results, L.CheckString(1))
			return 0
		}))
	}
	return results, scripttest.Test(context.Background(), h.path, "test_all", o)
}

var hosts = map[string]func(testing.TB) host{"hook": newHook, "task": newTask, "test": newTested}

// inAll is how many programs run in every host; those that follow run in one, by turns.
const inAll = 1000

// unknown reports whether lua5.1 itself has given a program up.
func unknown(result string) bool {
	return strings.Contains(result, "too long") || strings.Contains(result, "stack overflow")
}

// TestPrograms compares random programs.
func TestPrograms(t *testing.T) {
	n := *programs
	if n == 0 {
		if n = inAll; testenv.CI() && !raceEnabled { // which make programs runs for itself
			n = 20000
		}
	}
	const batch = 100
	names := slices.Sorted(maps.Keys(hosts))
	var mu sync.Mutex
	next, failures, given := 0, 0, 0
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		o := newOracle(t)
		mine := map[string]host{}
		for name, make := range hosts {
			mine[name] = make(t)
		}
		workers.Go(func() {
			defer o.close()
			for {
				mu.Lock()
				from := next
				next += batch
				stop := from >= n || failures >= 20
				mu.Unlock()
				if stop {
					return
				}
				srcs := make([]string, min(batch, n-from))
				for i := range srcs {
					srcs[i] = Program(*first + uint64(from+i))
				}
				want, err := o.run(srcs)
				if err != nil {
					t.Errorf("lua5.1, seeds from %d: %v", *first+uint64(from), err)
					return
				}
				var known []string
				var wanted []string
				var seeds []uint64
				for i, w := range want {
					if !unknown(w) {
						known, wanted, seeds = append(known, srcs[i]), append(wanted, w), append(seeds, *first+uint64(from+i))
					}
				}
				mu.Lock()
				given += len(srcs) - len(known)
				mu.Unlock()
				for i, name := range names {
					if from >= inAll && from/batch%len(names) != i {
						continue
					}
					h := mine[name]
					got, err := h.run(known)
					if err != nil {
						t.Errorf("%s, seeds from %d: %v", name, *first+uint64(from), err)
						mu.Lock()
						failures++
						mu.Unlock()
						return
					}
					for i := range got {
						if got[i] == wanted[i] {
							continue
						}
						mu.Lock()
						failures++
						enough := failures > 20
						mu.Unlock()
						if enough {
							return
						}
						small := minimise(known[i], o, h)
						w, _ := o.run([]string{small})
						g, _ := h.run([]string{small})
						t.Errorf("%s, seed %d:\n%s\ngot:\n%s\nlua5.1:\n%s", name, seeds[i], small, strings.Join(g, ""), strings.Join(w, ""))
					}
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d programs, of which lua5.1 gave up %d", n, given)
}

// minimise takes lines away for as long as what they print differs.
func minimise(src string, o *oracle, h host) string {
	differs := func(lines []string) bool {
		src := []string{strings.Join(lines, "\n")}
		want, err := o.run(src)
		if err != nil || unknown(want[0]) || strings.Contains(want[0], " expected ") && strings.Contains(want[0], "near '") {
			return false // a program that is none says nothing
		}
		got, err := h.run(src)
		return err == nil && got[0] != want[0]
	}
	lines := strings.Split(strings.TrimSpace(src), "\n")
	for again := true; again; {
		again = false
		for i := 0; i < len(lines); i++ {
			for _, cut := range cuts(lines, i) {
				if differs(cut) {
					lines, again = cut, true
					i--
					break
				}
			}
		}
	}
	return strings.Join(lines, "\n")
}

// cuts are the lines without the statement that begins at i, or without what is around its body.
func cuts(lines []string, i int) (all [][]string) {
	indent := func(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
	without := func(from, to int) []string { return append(append([]string{}, lines[:from]...), lines[to:]...) }
	last := i
	for j := i + 1; j < len(lines) && indent(lines[j]) >= indent(lines[i]); j++ {
		if indent(lines[j]) == indent(lines[i]) {
			if w := strings.TrimLeft(lines[j], " "); strings.HasPrefix(w, "end") || strings.HasPrefix(w, "until") {
				last = j
			}
			if last == j || !strings.HasPrefix(strings.TrimLeft(lines[j], " "), "else") {
				break
			}
		}
	}
	all = append(all, without(i, last+1))
	if last > i {
		all = append(all, without(i, i+1)[:0:0])
		body := append(append([]string{}, lines[:i]...), lines[i+1:last]...)
		all[len(all)-1] = append(body, lines[last+1:]...)
	}
	return all
}

// TestKept compares the programs that once made a difference, which are what minimise left of them.
func TestKept(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.lua")
	if err != nil || len(paths) == 0 {
		t.Fatal("no programs", err)
	}
	o := newOracle(t)
	defer o.close()
	var srcs []string
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		srcs = append(srcs, string(src))
	}
	want, err := o.run(srcs)
	if err != nil {
		t.Fatal(err)
	}
	for name, make := range hosts {
		t.Run(name, func(t *testing.T) {
			got, err := make(t).run(srcs)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("%s:\n%s\ngot:\n%s\nlua5.1:\n%s", paths[i], srcs[i], got[i], want[i])
				}
			}
		})
	}
}

// end is one of a session on which nothing is received.
type end struct{}

var errNothing = errors.New("nothing is received here")

func (end) Receive(context.Context) (core.Message, error) { return core.Message{}, errNothing }
func (end) Send(context.Context, core.Message) error      { return errNothing }
func (end) Close(context.Context) error                   { return nil }

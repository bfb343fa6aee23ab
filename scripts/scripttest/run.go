// Package scripttest runs the tests of scripts: functions test_* in Lua, with connections whose peer is the test and a
// clock that the test moves on.
package scripttest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/ws76/ws76/internal/textfile"
	"github.com/ws76/ws76/scripts"
	"github.com/ws76/ws76/scripts/luacode"
)

// maxTest bounds a test by real time: it may wait for something that never comes. Where ctx ends sooner, that does.
const maxTest = 10 * time.Second

// start is what the clock shows when a test begins.
var start = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// Test runs the function name of the file at path, in a script of its own. Where the file is called NAME_test.lua, NAME.lua
// beside it is run first, in the same script: the hooks that it defines are what is tested. The error is what failed.
func Test(ctx context.Context, path, name string, o scripts.Options) error {
	ctx, cancel := context.WithTimeout(ctx, maxTest)
	defer cancel()
	r := &runner{clock: scripts.NewVirtualClock(start), net: newNetwork()}
	subject, hasSubject := strings.CutSuffix(path, "_test.lua")
	r.subject = subject + ".lua"
	o.Clock, o.Reload = r.clock, false
	r.connect(&o)
	log := o.Log
	o.Log = func(level slog.Level, text string) {
		if level >= slog.LevelError {
			r.failed(text)
		} else if log != nil {
			log(level, text)
		}
	}
	var subjectErr error
	before := o.Library
	o.Library = func(L *lua.LState, ws76 *lua.LTable) {
		if before != nil {
			before(L, ws76)
		}
		r.open(L, ws76)
		if hasSubject && !runs(path) {
			subjectErr = runSubject(L, r.subject)
		}
	}
	script, err := scripts.Load(path, o)
	if subjectErr != nil {
		err = subjectErr // from which others follow
	}
	if err != nil {
		if script != nil {
			script.Stop(ctx, "not loaded")
		}
		return err
	}
	r.script = script
	if err = script.Start(); err == nil {
		if err = script.Do(ctx, name); err == context.DeadlineExceeded {
			err = fmt.Errorf("it has not ended in time, which is %v for a test: %s", maxTest, r.waits())
		}
	}
	r.close()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	script.Stop(stopping, "done")
	return errors.Join(err, r.failure())
}

// waits says what a test is likely to wait for that does not end.
func (r *runner) waits() string {
	if r.clock.Waiting() {
		return "something waits for the clock, which ws76.test.advance alone moves"
	}
	return "it waits for what does not come, or has more to do; nothing waits for the clock"
}

// failed notes an error of a hook, of which the test itself hears nothing.
func (r *runner) failed(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) < 10 {
		r.failures = append(r.failures, errors.New(text))
	}
}

func (r *runner) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.failures...)
}

// runSubject runs the script that is tested, if there is one.
func runSubject(L *lua.LState, path string) error {
	code, err := compileSubject(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	L.Push(L.NewFunctionFromProto(code))
	return L.PCall(0, 0, nil)
}

func compileSubject(path string) (*lua.FunctionProto, error) {
	src, err := textfile.Read(path, luacode.MaxSource)
	if err != nil {
		return nil, err
	}
	return luacode.Compile(src, filepath.Base(path))
}
